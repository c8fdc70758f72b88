//! The Zendesk Support connector: its document says everything.

tapline_plugin::export_spec!(include_str!("../spec.json"));
