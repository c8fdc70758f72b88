//! What the author of a connector plugin imports.
//!
//! A connector is mostly data: a document that says how an API is asked and how it answers. If
//! the document says everything, this is the whole plugin:
//!
//! ```
//! # macro_rules! include_str { ($path:literal) => { r#"{"id": "shop"}"# } }
//! tapline_plugin::export_spec!(include_str!("../spec.json"));
//! ```
//!
//! What a document cannot say goes into *hooks*, small methods of a [`Connector`] that is opened
//! with the operator's parameters:
//!
//! ```
//! use tapline_plugin::{Config, Connector, Ctx, Error, Hooks, Request};
//!
//! struct Shop {
//!     key: String,
//! }
//!
//! impl Connector for Shop {
//!     const SPEC: &'static str = r#"{"id": "shop"}"#; // include_str!("../spec.json")
//!     const HOOKS: Hooks = Hooks::PREPARE_REQUEST;
//!
//!     fn open(config: Config) -> Result<Self, Error> {
//!         let key = config.require("key")?.to_owned();
//!         Ok(Self { key })
//!     }
//!
//!     async fn prepare_request(&self, ctx: &Ctx<'_>, mut request: Request) -> Result<Request, Error> {
//!         request.set_header("x-signed-at", ctx.now().to_string());
//!         request.set_header("x-shop-key", &self.key);
//!         Ok(request)
//!     }
//! }
//!
//! tapline_plugin::export_connector!(Shop);
//! ```
//!
//! The crate is a `cdylib` named `tapline-connector-<id>`; the document's `id` is that id. Cargo
//! writes `-` as `_` in file names, so ids that differ only there are the same id.
//!
//! ```toml
//! [package]
//! name = "tapline-connector-shop"
//! version = "0.1.0"
//! edition = "2024"
//!
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! tapline-plugin = { path = "../tapline/crates/tapline-plugin" } # where your checkout is
//! ```
//!
//! The document is a file like any spec file, with an `id` and named `streams`. Parameters that a
//! hook reads are declared in it too, as those of the stream or of a way to sign in; secret ones
//! have `"format": "password"`. To try it:
//!
//! ```console
//! $ cargo build
//! $ tapline validate spec.json
//! $ tapline spec shop --plugin-dir target/debug
//! $ tapline init --connector shop --plugin-dir target/debug
//! $ tapline check --plugin-dir target/debug
//! ```
//!
//! A hook does no I/O of its own: it asks the runner through [`Ctx`]. It brings no runtime of its
//! own either; anything that needs a tokio reactor panics here. A panic in a connector becomes an
//! error of the run, which is why a plugin has to be built with `panic = "unwind"`.

mod bridge;
mod config;
mod connector;
mod ctx;
mod error;
mod export;
mod guard;
mod hooks;
mod request;

pub use config::Config;
pub use connector::Connector;
pub use ctx::{Ctx, Level};
pub use error::Error;
pub use hooks::Hooks;
pub use request::{Request, Response};
pub use serde_json;
pub use tapline_abi::message::{Check, PageHead as Page, Position, Slice, Window};

#[doc(hidden)]
pub use export::private as __private;
