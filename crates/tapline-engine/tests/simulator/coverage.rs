//! What the seeds have met. A simulator that never meets a fault proves nothing about it.

use std::collections::BTreeMap;
use std::fmt;

use tapline_conformance::simulator::{Mishap, Paging, Story};

#[derive(Debug, Default)]
pub(crate) struct Coverage {
    counts: BTreeMap<String, u64>,
    events: usize,
}

/// Each of these must have been met.
const LIES: [(&str, &str); 15] = [
    ("WrongTotal", "Offset Page CountedPages Pointer Token"),
    ("RepeatToken", "Pointer Token"),
    ("TokenCycle", "Pointer Token"),
    ("IgnoreOffset", "Offset Page CountedPages"),
    ("Withhold", "Offset Page CountedPages Pointer Token"),
    ("EmptyPage", "Offset Page CountedPages Pointer Token"),
    ("EarlyEnd", "CountedPages Pointer Token"),
    ("Overlap", "Offset Page CountedPages Pointer Token"),
    ("Status", "Offset Page CountedPages Pointer Token"),
    ("NoAnswer", "Offset Page CountedPages Pointer Token"),
    ("ErrorObject", "Offset Page CountedPages Pointer Token"),
    ("Html", "Offset Page CountedPages Pointer Token"),
    ("CutBody", "Offset Page CountedPages Pointer Token"),
    ("ForeignNext", "Pointer"),
    ("HugeNext", "Pointer Token"),
];

impl Coverage {
    pub(crate) fn add(&mut self, story: &Story) {
        let scenario = &story.scenario;
        self.events += story.trace.events();
        self.count(format!("verdict {}", story.verdict));
        if let (Some(lie), true) = (scenario.lie, story.lied) {
            let name = name(&lie);
            self.count(format!(
                "lie {name} {:?}: {}",
                scenario.paging, story.verdict
            ));
            self.count(format!("lied {name} {:?}", scenario.paging));
        }
        if story.kept > 0 {
            let way = match scenario.forgetful {
                true => "refused",
                false => "resumed",
            };
            self.count(format!("{way} {:?}", scenario.paging));
        }
        if story.struck {
            let call = match scenario.mishap {
                Mishap::Door(fault) => {
                    let call = story.calls[fault.call];
                    format!(" {call} {:?} {:?}", fault.moment, fault.kind)
                }
                _ => String::new(),
            };
            self.count(format!("mishap {}{call}", name(&scenario.mishap)));
        }
    }

    fn count(&mut self, what: String) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Fails if a lie was never told, or a mishap never happened.
    pub(crate) fn check(&self) {
        let met = |what: &str| self.counts.keys().any(|key| key.starts_with(what));
        for (lie, pagings) in LIES {
            for paging in pagings.split(' ') {
                assert!(
                    met(&format!("lied {lie} {paging}")),
                    "{lie} {paging} never told"
                );
            }
        }
        for paging in Paging::ALL {
            assert!(
                met(&format!("resumed {paging:?}")),
                "{paging:?} not resumed"
            );
        }
        assert!(met("refused"), "no position was refused");
        for mishap in ["Door", "Kill", "Stop", "Takeover"] {
            assert!(met(&format!("mishap {mishap}")), "{mishap} never happened");
        }
    }
}

fn name(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} events", self.events)?;
        for (what, count) in &self.counts {
            writeln!(f, "{count:>8}  {what}")?;
        }
        Ok(())
    }
}
