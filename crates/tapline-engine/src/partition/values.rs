//! The values of one partition: lists and parents, one after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use tapline_core::Result;
use tapline_spec::{PartitionPlan, PartitionSource};

use super::parent::{Join, Parent};
use super::recent::Recent;
use super::{Choice, Step};
use crate::HttpSource;
use crate::source::Shared;

/// Values that are found as far as they are asked for, each once.
pub(super) struct Values {
    shared: Arc<Shared>,
    name: String,
    from: VecDeque<PartitionSource>,
    at: Option<At>,
    recent: Recent,
}

/// Where they come from just now.
enum At {
    List(std::vec::IntoIter<String>),
    Parent(Box<Parent>),
}

impl Values {
    /// Nothing is asked yet.
    pub(super) fn new(shared: Arc<Shared>, partition: PartitionPlan) -> Self {
        Self {
            shared,
            name: partition.name,
            from: partition.from.into(),
            at: None,
            recent: Recent::default(),
        }
    }

    /// The parameter's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The next value, or what is told of the search; `None` after the last.
    ///
    /// # Errors
    /// A parent stream cannot be read.
    pub(super) async fn next(&mut self) -> Result<Option<Step>> {
        loop {
            let step = match &mut self.at {
                Some(At::List(values)) => {
                    let recent = &mut self.recent;
                    values.find(|value| recent.is_new(value)).map(listed)
                }
                Some(At::Parent(parent)) => parent.next(&mut self.recent).await?,
                None => None,
            };
            if step.is_some() {
                return Ok(step);
            }
            let Some(from) = self.from.pop_front() else {
                return Ok(None);
            };
            self.at = Some(self.begin(from));
        }
    }

    fn begin(&self, from: PartitionSource) -> At {
        match from {
            PartitionSource::Values(values) => At::List(values.into_iter()),
            PartitionSource::Parent {
                plan,
                key,
                batch,
                separator,
                take,
            } => {
                let stream = plan.stream.clone();
                let source = HttpSource::parent(&self.shared, *plan);
                let join = Join {
                    key,
                    batch,
                    separator,
                    take,
                };
                At::Parent(Box::new(Parent::new(source, stream, join)))
            }
        }
    }
}

fn listed(value: String) -> Step {
    Step::Choice(Choice {
        value,
        taken: Vec::new(),
    })
}
