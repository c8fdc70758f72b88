//! Explains in plain words where a value departs from a JSON Schema.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;

use crate::{Diagnostic, choice, pointer, suggest};

/// Findings reported for one text; a person reads no more.
const MAX_FINDINGS: usize = 100;

/// Where `value` departs from `schema`, which `validator` was made of.
pub(crate) fn judge(value: &Value, schema: &Value, validator: &Validator) -> Vec<Diagnostic> {
    let mut judge = Judge {
        schema,
        findings: Vec::new(),
    };
    for error in validator.iter_errors(value).take(MAX_FINDINGS) {
        judge.explain(&error);
    }
    judge.findings
}

/// Explains one error, which is about a schema that cannot be had.
pub(crate) fn explain_alone(error: &ValidationError<'_>) -> Vec<Diagnostic> {
    let mut judge = Judge {
        schema: &Value::Null,
        findings: Vec::new(),
    };
    judge.explain(error);
    judge.findings
}

/// The schema, and what was found so far.
pub(crate) struct Judge<'a> {
    schema: &'a Value,
    findings: Vec<Diagnostic>,
}

impl Judge<'_> {
    pub(crate) fn explain(&mut self, error: &ValidationError<'_>) {
        let at = error.instance_path().as_str();
        let name = subject(at);
        let finding = match error.kind() {
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => {
                return self.unknown_keys(error, unexpected);
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                return choice::explain(self, error, context);
            }
            Kind::OneOfMultipleValid { .. } => {
                Diagnostic::error("E-value", at, format!("{name} fits more than one form"))
            }
            Kind::Type { kind } => wrong_type(at, &types(kind), error.instance()),
            Kind::Enum { options } => {
                return self.unknown_word(at, error.instance(), &words(options));
            }
            Kind::Constant { expected_value } => {
                return self.unknown_word(at, error.instance(), &words(expected_value));
            }
            Kind::Required { property } => missing(at, property.as_str().unwrap_or_default()),
            Kind::PropertyNames { error } => {
                let message = format!("a key of {name} is not allowed: {}", plain(error));
                Diagnostic::error("E-value", at, message)
            }
            Kind::Referencing(_) => {
                Diagnostic::error("E-reference", at, "a reference leads nowhere")
            }
            _ => Diagnostic {
                hint: self.meaning(error),
                ..Diagnostic::error("E-value", at, format!("{name} {}", plain(error)))
            },
        };
        self.push(finding);
    }

    /// What the schema says of a text whose form it refused.
    fn meaning(&self, error: &ValidationError<'_>) -> Option<String> {
        if !matches!(error.kind(), Kind::Pattern { .. } | Kind::Format { .. }) {
            return None;
        }
        let path = error.schema_path().as_str();
        let (schema, _) = path.rsplit_once('/')?;
        let description = self.schema.pointer(schema)?.get("description")?.as_str()?;
        Some(format!("its description: {description}"))
    }

    pub(crate) fn push(&mut self, finding: Diagnostic) {
        if self.findings.len() < MAX_FINDINGS && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn unknown_keys(&mut self, error: &ValidationError<'_>, unexpected: &[String]) {
        let known = self.known_keys(error);
        for key in unexpected {
            let at = pointer::join(error.instance_path().as_str(), key);
            let hint = suggest::hint(key, known.iter().map(String::as_str));
            self.push(
                Diagnostic::error("E-unknown-key", at, format!("unknown key `{key}`"))
                    .with_hint(hint),
            );
        }
    }

    /// The properties of the object schema that refused a key.
    fn known_keys(&self, error: &ValidationError<'_>) -> Vec<String> {
        let path = error.schema_path().as_str();
        let object = path.rsplit_once('/').map_or("", |(object, _)| object);
        self.schema
            .pointer(object)
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(crate::document::properties)
            .map(|(key, _)| key.to_owned())
            .collect()
    }

    pub(crate) fn unknown_word(&mut self, at: &str, found: &Value, known: &[String]) {
        let finding = match found.as_str() {
            Some(word) => {
                let message = format!("{} has the unknown value `{word}`", subject(at));
                let hint = suggest::hint(word, known.iter().map(String::as_str));
                Diagnostic::error("E-value", at, message).with_hint(hint)
            }
            // A wrong type was reported already.
            None if self.findings.iter().any(|finding| finding.pointer == at) => return,
            None => {
                let message = format!("{} must be one of: {}", subject(at), known.join(", "));
                Diagnostic::error("E-value", at, message)
            }
        };
        self.push(finding);
    }
}

/// A key that must be there.
pub(crate) fn missing(at: &str, key: &str) -> Diagnostic {
    let message = match pointer::last(at) {
        Some(_) => format!("{} lacks the key `{key}`", subject(at)),
        None => format!("the key `{key}` is missing"),
    };
    Diagnostic::error("E-missing-key", at, message)
}

/// A value of the wrong type.
pub(crate) fn wrong_type(at: &str, wanted: &[&str], found: &Value) -> Diagnostic {
    let message = format!(
        "{} must be {}, found {}",
        subject(at),
        wanted.join(" or "),
        shown(found)
    );
    Diagnostic::error("E-type", at, message)
}

/// What a message speaks about: the last key of `at`.
pub(crate) fn subject(at: &str) -> String {
    match pointer::last(at) {
        Some(name) if name.parse::<usize>().is_ok() => format!("item {name}"),
        Some(name) => format!("`{name}`"),
        None => "the document".to_owned(),
    }
}

/// The words of an enum, or a single constant.
pub(crate) fn words(options: &Value) -> Vec<String> {
    let text = |option: &Value| match option.as_str() {
        Some(word) => word.to_owned(),
        None => option.to_string(),
    };
    match options {
        Value::Array(options) => options.iter().map(text).collect(),
        option => vec![text(option)],
    }
}

/// The names of the types a schema asks for.
pub(crate) fn types(kind: &TypeKind) -> Vec<&'static str> {
    match kind {
        TypeKind::Single(single) => vec![with_article(*single)],
        TypeKind::Multiple(several) => several.iter().map(with_article).collect(),
    }
}

fn with_article(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a text",
    }
}

/// What stands there instead: a scalar as it is, anything else by its kind.
fn shown(found: &Value) -> String {
    match found {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        // It may be a secret.
        Value::String(_) => "a text".to_owned(),
        scalar => scalar.to_string(),
    }
}

/// What the value must be, for kinds that need no more than their limit.
pub(crate) fn plain(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MinLength { limit: 1 } => "must not be empty".to_owned(),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::MinProperties { limit } => format!("must have at least {limit} keys"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} keys"),
        Kind::UniqueItems => "must not list anything twice".to_owned(),
        Kind::Pattern { pattern } => format!("must match the pattern `{pattern}`"),
        Kind::Format { format } => format!("must be written as `{format}`"),
        Kind::Enum { options } => format!("must be one of: {}", words(options).join(", ")),
        Kind::Constant { expected_value } => {
            format!("must be {}", words(expected_value).join(", "))
        }
        Kind::Type { kind } => format!("must be {}", types(kind).join(" or ")),
        other => format!("does not meet `{}` of its schema", other.keyword()),
    }
}
