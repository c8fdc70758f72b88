//! A stream and the streams whose records are its slices: they share a connection and its parameters.

use tapline_spec::{ConnectorDocument, PartitionSource, Plan, SourceSpec};

use super::connector::parents;
use crate::connectors::Connector;

/// Whether only streams declare the parameter `name` of which `wanted` needs nothing.
pub(super) fn is_elsewhere(connector: &Connector, wanted: &str, name: &str) -> bool {
    let declares = |spec: &SourceSpec| spec.properties().any(|(n, _)| n == name);
    let document = &connector.document;
    let needed = lineage(document, wanted);
    !needed.into_iter().any(declares) && document.streams.values().any(declares)
}

/// The stream `wanted`, those whose records are its slices, and so on.
fn lineage<'a>(document: &'a ConnectorDocument, wanted: &str) -> Vec<&'a SourceSpec> {
    let mut names = vec![wanted.to_owned()];
    let mut sources = Vec::new();
    let mut at = 0;
    while let Some(name) = names.get(at) {
        if let Some(source) = document.stream(name) {
            sources.push(source);
            let parents = parents(source);
            let new = parents.into_iter().filter(|name| !names.contains(name));
            names.extend(new.collect::<Vec<_>>());
        }
        at += 1;
    }
    sources
}

/// `plan` and the plans of the streams whose records are its slices, and so on.
pub(super) fn plans(plan: &Plan) -> Vec<&Plan> {
    let mut plans = vec![plan];
    let mut at = 0;
    while let Some(plan) = plans.get(at) {
        let from = plan.partitions.iter().flat_map(|partition| &partition.from);
        plans.extend(from.filter_map(|source| match source {
            PartitionSource::Parent { plan, .. } => Some(&**plan),
            PartitionSource::Values(_) => None,
        }));
        at += 1;
    }
    plans
}
