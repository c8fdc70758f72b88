//! A stream and the streams whose records its slices come from.

use tapline_expr::Params;

use super::{find, overlay};
use crate::{ConnectorDocument, Diagnostic, SourceSpec, pointer, suggest};

/// A stream, ready to be planned.
pub(super) struct Member {
    pub(super) name: String,
    /// Where the stream stands in the document.
    pub(super) at: String,
    pub(super) source: SourceSpec,
}

/// The stream called `name`, last, after all that it needs.
pub(super) fn of(
    document: &ConnectorDocument,
    name: &str,
    given: &Params,
) -> Result<Vec<Member>, Vec<Diagnostic>> {
    let (source, at) = find(document, name).map_err(|error| vec![error])?;
    let mut lineage = Lineage {
        document,
        given,
        members: Vec::new(),
    };
    lineage.add(name, at, source, &mut Vec::new())?;
    Ok(lineage.members)
}

struct Lineage<'a> {
    document: &'a ConnectorDocument,
    given: &'a Params,
    members: Vec<Member>,
}

impl Lineage<'_> {
    /// Adds what the stream needs, then the stream. `trail` leads to it.
    fn add(
        &mut self,
        name: &str,
        at: String,
        source: &SourceSpec,
        trail: &mut Vec<String>,
    ) -> Result<(), Vec<Diagnostic>> {
        let mut member = Member {
            name: name.to_owned(),
            at,
            source: source.clone(),
        };
        overlay::apply(self.document, &mut member, self.given)?;
        trail.push(name.to_owned());
        for (index, partition) in member.source.attributes.partition_params.iter().enumerate() {
            let Some(parent) = &partition.parent else {
                continue;
            };
            let from = format!(
                "{}/attributes/partitionParams/{index}/parent/stream",
                member.at
            );
            if self.members.iter().all(|m| m.name != parent.stream) {
                self.add_parent(&parent.stream, from, trail)?;
            }
        }
        trail.pop();
        self.members.push(member);
        Ok(())
    }

    fn add_parent(
        &mut self,
        name: &str,
        from: String,
        trail: &mut Vec<String>,
    ) -> Result<(), Vec<Diagnostic>> {
        if trail.iter().any(|known| known == name) {
            let message = format!(
                "the streams need each other: {} -> {name}",
                trail.join(" -> ")
            );
            return Err(vec![Diagnostic::error("E-partition", from, message)]);
        }
        let Some(source) = self.document.streams.get(name) else {
            return Err(vec![unknown(self.document, name, from)]);
        };
        self.add(name, pointer::join("/streams", name), source, trail)
    }
}

/// There is no parent stream called `name`.
fn unknown(document: &ConnectorDocument, name: &str, at: String) -> Diagnostic {
    let known = document.streams.keys().map(String::as_str);
    Diagnostic::error("E-stream", at, format!("there is no stream `{name}`"))
        .with_hint(suggest::hint(name, known))
}
