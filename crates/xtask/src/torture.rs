//! `cargo xtask torture`: each goal of reliability by one command, in a short form that every test run
//! has too, and in a long one. The figures of `docs/reliability.md` are what the long one prints.

use anyhow::{Result, bail};

use crate::command::{cargo, run};
use crate::test_env;

/// What must hold, and the tests that try it.
struct Goal {
    name: &'static str,
    what: &'static str,
    tests: &'static [Tests],
}

/// Tests of one test binary, by the beginning of their names.
struct Tests {
    /// The package, and the options that choose the binary.
    target: &'static [&'static str],
    filters: &'static [&'static str],
    /// Variables that make the short form long.
    long: &'static [(&'static str, &'static str)],
}

/// The real binary on real servers, databases and files.
const REAL: &[&str] = &["tapline", "--test", "it"];
/// The engine in the simulator; optimised, since there are so many worlds.
const SIMULATED: &[&str] = &["tapline-engine", "--release", "--test", "simulator"];

const GOALS: &[Goal] = &[
    Goal {
        name: "kills",
        what: "R1: the runner is killed at random moments; no row is lost, none is there twice",
        tests: &[
            Tests {
                target: REAL,
                filters: &["kills::sqlite"],
                long: &[("TAPLINE_KILLS", "1500")],
            },
            Tests {
                target: REAL,
                filters: &["kills::files", "kills::postgres"],
                long: &[("TAPLINE_KILLS", "500")],
            },
        ],
    },
    Goal {
        name: "crashes",
        what: "R2: it ends before or after each call at a door, and in ordered pairs of these",
        tests: &[
            Tests {
                target: REAL,
                filters: &["faults::"],
                long: &[("TAPLINE_PAIRS", "10000")],
            },
            Tests {
                target: SIMULATED,
                filters: &["strikes::"],
                long: &[("TAPLINE_PAIRS", "1000000")],
            },
        ],
    },
    Goal {
        name: "seeds",
        what: "R3, R5: worlds drawn from a seed, with every kind of trouble counted",
        tests: &[Tests {
            target: SIMULATED,
            filters: &["every_seed"],
            long: &[("TAPLINE_SEEDS", "20000")],
        }],
    },
    Goal {
        name: "trace",
        what: "R4: the same seed gives the same trace",
        tests: &[Tests {
            target: SIMULATED,
            filters: &["the_same_seed"],
            long: &[("TAPLINE_SEEDS", "20000")],
        }],
    },
    Goal {
        name: "bugs",
        what: "R6: bugs that are planted are found",
        tests: &[Tests {
            target: SIMULATED,
            filters: &["flaws::"],
            long: &[],
        }],
    },
    Goal {
        name: "power",
        what: "R7: the power is cut; what the disk was not told to keep is lost or torn",
        tests: &[Tests {
            target: REAL,
            filters: &["disk::"],
            long: &[("TAPLINE_IMAGES", "150")],
        }],
    },
    Goal {
        name: "calls",
        what: "R8: each call fails, once or from then on, at the doors and at the disk",
        tests: &[
            Tests {
                target: REAL,
                filters: &["call_that_fails"],
                long: &[("TAPLINE_FAILURES", "400")],
            },
            Tests {
                target: SIMULATED,
                filters: &["strikes::every_call"],
                long: &[],
            },
        ],
    },
    Goal {
        name: "pauses",
        what: "R9: a runner sleeps past its lease, and another one works meanwhile",
        tests: &[
            Tests {
                target: REAL,
                filters: &["pauses::", "postgres_state::"],
                long: &[("TAPLINE_PAUSES", "80")],
            },
            Tests {
                target: SIMULATED,
                filters: &["every_seed"],
                long: &[("TAPLINE_SEEDS", "20000")],
            },
        ],
    },
    Goal {
        name: "answers",
        what: "R10: a commit succeeds and its answer is lost",
        tests: &[
            Tests {
                target: REAL,
                filters: &["faults::"],
                long: &[],
            },
            Tests {
                target: SIMULATED,
                filters: &["strikes::"],
                long: &[],
            },
        ],
    },
    Goal {
        name: "lies",
        what: "R11: a source sends less than it has; honest ones raise no alarm",
        tests: &[Tests {
            target: SIMULATED,
            filters: &["lies::", "honest"],
            long: &[("TAPLINE_SEEDS", "20000")],
        }],
    },
];

/// Plays the goals that are named, or lists all of them.
pub(crate) fn torture(arguments: &[String]) -> Result<()> {
    let is_long = arguments.iter().any(|argument| argument == "--long");
    let names: Vec<&String> = arguments.iter().filter(|name| *name != "--long").collect();
    if names.is_empty() {
        bail!(
            "name a goal, or `all`; `--long` is the long form\n\n{}",
            list()
        );
    }
    let mut goals = Vec::new();
    for name in names {
        let found = GOALS
            .iter()
            .filter(|goal| name == "all" || name == goal.name);
        let before = goals.len();
        goals.extend(found);
        if goals.len() == before {
            bail!("there is no goal {name:?}\n\n{}", list());
        }
    }
    let environment = test_env::install()?;
    for goal in goals {
        eprintln!("=== {}: {}", goal.name, goal.what);
        for tests in goal.tests {
            let mut command = cargo();
            command
                .args(["test", "--locked", "--package"])
                .args(tests.target)
                .args(["--", "--nocapture", "--test-threads", "1"])
                .args(tests.filters)
                .env(test_env::VARIABLE, &environment);
            if is_long {
                command.envs(tests.long.iter().copied());
            }
            run(&mut command)?;
        }
    }
    Ok(())
}

fn list() -> String {
    let line = |goal: &Goal| format!("  {:12}{}\n", goal.name, goal.what);
    GOALS.iter().map(line).collect()
}
