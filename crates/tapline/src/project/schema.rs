//! The JSON Schema of the project file, as published for editors.

use serde_json::{Value, json};

use super::ProjectFile;

/// Where the schema is published.
const ID: &str =
    "https://raw.githubusercontent.com/tapline/tapline/main/specs/schema/project.v1.json";

/// The JSON Schema of `tapline.yaml`: `specs/schema/project.v1.json`.
pub(crate) fn project_schema() -> Value {
    let mut schema = tapline_spec::plain_schema::<ProjectFile>();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$id".to_owned(), json!(ID));
        object.insert("title".to_owned(), json!("tapline project"));
    }
    schema
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = root.join("../../specs/schema/project.v1.json");
        let made = serde_json::to_string_pretty(&project_schema()).unwrap() + "\n";
        if std::env::var_os("TAPLINE_BLESS").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &made).unwrap();
        }
        let published = std::fs::read_to_string(&file).unwrap();
        assert!(published == made, "run the test again with TAPLINE_BLESS=1");
    }
}
