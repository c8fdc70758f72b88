//! The plain walk: JSON as the texts it is made of, with every member of an object kept in order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tapline_expr::Step;

/// A value, as written.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a>(&'a RawValue);

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer).map(Self)
    }
}

/// A member: its name, if any text can hold that, and its value.
type Member<'a> = (Option<String>, Raw<'a>);

impl<'a> Raw<'a> {
    pub fn text(&self) -> &'a str {
        self.0.get()
    }

    pub fn is_nested(&self) -> bool {
        self.text().starts_with(['{', '['])
    }

    /// The elements, if this is an array.
    pub fn items(&self) -> Option<Vec<Self>> {
        let is_list = self.text().starts_with('[');
        is_list.then(|| serde_json::from_str(self.text()).unwrap())
    }

    /// The members, if this is an object.
    pub fn members(&self) -> Option<Vec<Member<'a>>> {
        let is_object = self.text().starts_with('{');
        is_object.then(|| serde_json::from_str::<Members<'a>>(self.text()).unwrap().0)
    }

    /// Everything that `steps` lead to: a key may occur twice.
    pub fn all(&self, steps: &[Step]) -> Vec<Self> {
        let mut found = vec![*self];
        for step in steps {
            found = found.iter().flat_map(|raw| raw.step(step)).collect();
        }
        found
    }

    /// What `steps` lead to where the last of two members counts.
    pub fn last(&self, steps: &[Step]) -> Option<Self> {
        let last = |raw: Self, step| raw.step(step).pop();
        steps.iter().try_fold(*self, last)
    }

    fn step(&self, step: &Step) -> Vec<Self> {
        match step {
            Step::Key(key) => {
                let members = self.members().unwrap_or_default().into_iter();
                let named = members.filter(|(name, _)| name.as_ref() == Some(key));
                named.map(|(_, value)| value).collect()
            }
            Step::Index(index) => {
                let items = self.items().unwrap_or_default();
                items.get(*index).copied().into_iter().collect()
            }
        }
    }

    /// Whether some key is no text.
    pub fn has_odd_key(&self) -> bool {
        let mut left = vec![*self];
        while let Some(raw) = left.pop() {
            left.extend(raw.items().unwrap_or_default());
            for (name, value) in raw.members().unwrap_or_default() {
                if name.is_none() {
                    return true;
                }
                left.push(value);
            }
        }
        false
    }
}

struct Members<'a>(Vec<Member<'a>>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<&RawValue, Raw<'de>>()? {
                    members.push((serde_json::from_str(name.get()).ok(), value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// How deep arrays and objects nest in `json`.
pub fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        let is_plain = !std::mem::take(&mut is_escaped);
        match byte {
            b'\\' => is_escaped = is_plain,
            b'"' if is_plain => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
