//! What a connector is opened with.

use std::collections::BTreeMap;

use crate::Error;

/// The parameters of the operator's connection. Those that are secret are among them only for a
/// connector with the hooks `prepare_request` or `check`: no other one can need them.
pub struct Config(BTreeMap<String, String>);

impl Config {
    pub(crate) fn parse(json: &str) -> Result<Self, Error> {
        serde_json::from_str(json)
            .map(Self)
            .map_err(|error| Error::config(format!("the configuration cannot be read: {error}")))
    }

    /// The parameter `name`, if the operator gave it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The parameter `name`.
    ///
    /// # Errors
    /// The operator did not give it.
    pub fn require(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            Error::config(format!("no parameter `{name}`; given: {known}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_beside_what_is_there() {
        let config = Config::parse(r#"{"a": "1", "b": "2"}"#).unwrap();
        assert_eq!(config.require("a").unwrap(), "1");
        let error = config.require("key").unwrap_err();
        assert_eq!(error.to_string(), "no parameter `key`; given: a, b");
        assert!(Config::parse("[").is_err());
    }
}
