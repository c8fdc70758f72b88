//! Servers that lie, break off, flood and lead astray, against the installed binary.
//!
//! Each case begins with a table that an honest load has filled. Then the server turns, and the
//! next run must end with the right code, say why, stay small, and leave the table alone unless it
//! proves that what it shows is all there is.

mod at_limit;
mod bodies;
mod bombs;
mod endless;
mod params;
mod peak;
pub(crate) mod server;
mod texts;
mod values;
mod victim;
mod ways_out;
