//! Looks for the slices of a stream, one after the other.

use std::sync::Arc;

use tapline_core::{Error, ErrorKind, Finding, Result, Slice, Window};

use super::values::Values;
use super::{Choice, Step, name};
use crate::source::Shared;

/// Values that a partition may have which is not the first: they are kept in memory.
const MAX_KEPT: usize = 100_000;

/// A search that goes on as far as it is asked.
pub(super) struct Search {
    window: Window,
    first: Values,
    others: Vec<Kept>,
    /// How many of the others are gathered; the last ones first.
    gathered: usize,
    made: Combinations,
    is_over: bool,
}

/// A partition whose values are kept.
struct Kept {
    values: Values,
    choices: Vec<Choice>,
}

/// What a value of the first partition makes with those of the others.
#[derive(Default)]
struct Combinations {
    first: Option<Choice>,
    next: usize,
}

impl Search {
    /// Nothing is asked yet.
    pub(super) fn new(shared: Arc<Shared>, window: Window) -> Self {
        let partitions = shared.config.plan.partitions.clone().into_iter();
        let mut values = partitions.map(|partition| Values::new(shared.clone(), partition));
        let first = values.next().expect("a divided stream has a partition");
        let kept = |values| Kept {
            values,
            choices: Vec::new(),
        };
        Self {
            window,
            first,
            others: values.map(kept).collect(),
            gathered: 0,
            made: Combinations::default(),
            is_over: false,
        }
    }

    /// The next finding; `None` after the last slice.
    ///
    /// # Errors
    /// A parent stream cannot be read, or holds too much.
    pub(super) async fn next(&mut self) -> Result<Option<Finding>> {
        loop {
            if let Some(slice) = self.combine() {
                return Ok(Some(Finding::Slice(slice)));
            }
            if self.is_over {
                return Ok(None);
            }
            let finding = if self.gathered < self.others.len() {
                self.gather().await?
            } else {
                self.advance().await?
            };
            if let Some(finding) = finding {
                self.is_over = matches!(finding, Finding::Doubt(_));
                return Ok(Some(finding));
            }
        }
    }

    /// Takes the next value of the first partition.
    async fn advance(&mut self) -> Result<Option<Finding>> {
        match self.first.next().await? {
            Some(Step::Aside(finding)) => return Ok(Some(finding)),
            Some(Step::Choice(choice)) => {
                self.made = Combinations {
                    first: Some(choice),
                    next: 0,
                }
            }
            None => self.is_over = true,
        }
        Ok(None)
    }

    /// Takes the next value of the partition that is being gathered.
    async fn gather(&mut self) -> Result<Option<Finding>> {
        let kept = &mut self.others[self.gathered];
        match kept.values.next().await? {
            Some(Step::Aside(finding)) => return Ok(Some(finding)),
            Some(Step::Choice(_)) if kept.choices.len() == MAX_KEPT => {
                return Err(Error::new(
                    ErrorKind::Limit,
                    "divide stream",
                    format!(
                        "`{}` has more than {MAX_KEPT} values; of several partitions only the \
                         first may have so many",
                        kept.values.name()
                    ),
                ));
            }
            Some(Step::Choice(choice)) => kept.choices.push(choice),
            None => {
                // Without any value there is no combination, whatever the others have.
                self.is_over = kept.choices.is_empty();
                self.gathered += 1;
            }
        }
        Ok(None)
    }

    /// The next slice of the value at hand.
    fn combine(&mut self) -> Option<Slice> {
        let first = self.made.first.clone()?;
        let mut rest = self.made.next;
        let mut chosen = vec![(self.first.name(), first)];
        let mut others = Vec::new();
        for kept in self.others.iter().rev() {
            let count = kept.choices.len();
            others.push((kept.values.name(), kept.choices[rest % count].clone()));
            rest /= count;
        }
        if rest > 0 {
            self.made = Combinations::default();
            return None;
        }
        self.made.next += 1;
        chosen.extend(others.into_iter().rev());
        Some(slice(self.window.clone(), &chosen))
    }
}

fn slice(window: Window, chosen: &[(&str, Choice)]) -> Slice {
    let mut params: Vec<(String, String)> = Vec::new();
    for (name, choice) in chosen {
        params.push(((*name).to_owned(), choice.value.clone()));
        params.extend(choice.taken.iter().cloned());
    }
    let named = chosen
        .iter()
        .map(|(name, choice)| (*name, choice.value.as_str()));
    Slice {
        partition: name::of(named),
        window,
        params: params.into_iter().collect(),
    }
}
