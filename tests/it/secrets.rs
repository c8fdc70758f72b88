//! No secret of a connection shows up anywhere but where it is sent to.
//!
//! Forty canaries stand for secrets in the whole suite. Whatever a run says, and whatever it leaves
//! below its project's folder, is searched for all of them, in every way they may be written:
//! `support::Tapline` searches stdout and stderr, dropping a `support::Project` its files. Two
//! things are no leaks: what the test itself wrote there (the project file, the files of secrets),
//! and rows, if the test says that the source sends a secret as data.

mod canaries;
mod forms;
mod outputs;
mod placements;
mod replies;
mod search;
mod self_tests;

pub(crate) use canaries::{
    ANOTHER, CANARIES, CLIENT, DATABASE, FAKE_API, HOSTILE, PRISM, SIGNER, TRIAL, UNSENT,
};
pub(crate) use forms::echoes;
pub(crate) use outputs::{Exceptions, search_folder};
pub(crate) use search::{held, search};
