//! What divides a stream into slices.

use std::collections::BTreeMap;

use super::Desk;
use super::params::as_text;
use crate::{ParentParams, PartitionParams, PartitionPlan, PartitionSource, Plan};

/// What stands between the values of one slice unless the spec says otherwise.
const SEPARATOR: &str = ",";

/// The partitions that `params` describe; `parents` are the streams planned so far.
pub(super) fn plan(
    desk: &mut Desk,
    params: &[PartitionParams],
    parents: &BTreeMap<String, Plan>,
) -> Vec<PartitionPlan> {
    let mut out: Vec<PartitionPlan> = Vec::new();
    for (index, partition) in params.iter().enumerate() {
        let Some(from) = source(desk, index, partition, parents) else {
            continue;
        };
        match out.iter_mut().find(|known| known.name == partition.name) {
            Some(known) => known.from.push(from),
            None => out.push(PartitionPlan {
                name: partition.name.clone(),
                from: vec![from],
            }),
        }
    }
    out
}

fn source(
    desk: &mut Desk,
    index: usize,
    partition: &PartitionParams,
    parents: &BTreeMap<String, Plan>,
) -> Option<PartitionSource> {
    let below = format!("partitionParams/{index}");
    if let Some(values) = &partition.values {
        return Some(PartitionSource::Values(
            values.iter().filter_map(as_text).collect(),
        ));
    }
    let parent = desk.need(&format!("{below}/parent"), partition.parent.as_ref())?;
    let below = format!("{below}/parent/stream");
    let plan = desk.need(&below, parents.get(&parent.stream))?;
    Some(records(parent, plan.clone()))
}

fn records(parent: &ParentParams, plan: Plan) -> PartitionSource {
    let separator = parent.separator.as_deref().unwrap_or(SEPARATOR);
    PartitionSource::Parent {
        plan: Box::new(plan),
        key: parent.key.clone(),
        batch: parent.batch.unwrap_or(1),
        separator: separator.to_owned(),
        take: parent.take.clone().into_iter().collect(),
    }
}
