//! The generic connector: its document lists ways to sign in, and the project names a spec file
//! for each stream.

tapline_plugin::export_spec!(include_str!("../spec.json"));
