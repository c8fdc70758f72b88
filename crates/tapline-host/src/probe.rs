//! The trial: an unknown library is loaded in a process of its own first.
//!
//! Loading a library runs its code before anything can be asked of it, and what that code does
//! (abort, exit, hang) the process does. So the first load of every file happens in a child, in
//! which [`try_out`] runs; it has no environment, and nothing of a run is in it. What is found is
//! remembered by the file's hash. This is no sandbox: it guards against broken plugins. Against
//! evil ones the operator's trust decides.

use std::ffi::OsString;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::child::{self, Ended};
use crate::fault::Fault;
use crate::load;
use crate::verdict::Verdict;

/// What of the environment says where libraries are: a child has to find the same ones.
const LIBRARY_PATHS: [&str; 2] = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];
/// What is shown of a child's last words.
const SAID: usize = 240;

/// How a library is tried out: with a program that prints what [`try_out`] returns.
#[derive(Clone, Debug)]
pub struct Probe {
    program: PathBuf,
    arguments: Vec<OsString>,
    limit: Duration,
}

impl Probe {
    /// How long a library may take to load.
    pub const LIMIT: Duration = Duration::from_secs(10);

    /// A trial by `program`, called with `arguments` and the library.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            limit: Self::LIMIT,
        }
    }

    /// The same trial with another limit than [`Self::LIMIT`].
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// What is known about `copy`, or what a trial finds now.
    pub(crate) fn judge(&self, copy: &Path) -> io::Result<Verdict> {
        if let Some(verdict) = Verdict::remembered(copy) {
            return Ok(verdict);
        }
        let verdict = self.verdict(child::run(self.command(copy), self.limit)?);
        verdict.remember(copy)?;
        Ok(verdict)
    }

    fn command(&self, copy: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(copy).env_clear();
        let paths = LIBRARY_PATHS.iter();
        command.envs(paths.filter_map(|name| Some((name, std::env::var_os(name)?))));
        command
    }

    fn verdict(&self, ended: Ended) -> Verdict {
        let Some(status) = ended.status else {
            let seconds = self.limit.as_secs();
            return Verdict::Bad(Fault::Slow { seconds });
        };
        match Verdict::read(&ended.output) {
            Some(verdict) if status.success() => verdict,
            _ => Verdict::Bad(Fault::Deadly {
                how: status.to_string(),
                said: last_words(&ended.output),
            }),
        }
    }
}

/// Loads `copy` and touches what a runner would touch. Returns the line that the runner which
/// started this process waits for on stdout.
pub fn try_out(copy: &Path) -> String {
    child::restrict();
    let verdict = match load::open_root(copy) {
        Ok(root) => {
            black_box(root.hooks()());
            black_box(root.spec()().chars().count());
            black_box(root.abi().len());
            Verdict::Good
        }
        Err(fault) => Verdict::Bad(fault),
    };
    verdict.line()
}

/// What says most in `output`: the first panic, or the last line.
fn last_words(output: &str) -> String {
    let says_something = |line: &&str| !line.trim().is_empty() && !line.starts_with("note: ");
    let mut lines = output.lines().filter(says_something);
    let panic = lines
        .clone()
        .skip_while(|line| !line.contains("panicked at "));
    let mut panic = panic.map(|line| line.split_once("panicked at ").map_or(line, |(_, at)| at));
    let words = match (panic.next(), panic.next()) {
        (Some(place), Some(message)) => format!("panicked at {place} {message}"),
        _ => lines.next_back().unwrap_or_default().to_owned(),
    };
    words.chars().take(SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_panic_or_the_last_line_is_shown() {
        let check = |output: &str, expected: &str| assert_eq!(last_words(output), expected);
        check("", "");
        check("one\ntwo\n\n", "two");
        let panic = "x\nthread 'main' (7) panicked at src/lib.rs:1:2:\nbroken\nnote: run with\n";
        check(panic, "panicked at src/lib.rs:1:2: broken");
        check(&"long ".repeat(100), &"long ".repeat(48));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_does_not_answer_is_judged_by_how_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let check = |script: &str, expected: &str| {
            let probe = Probe::new("/bin/sh", ["-c", script]).with_limit(Duration::from_secs(1));
            let verdict = probe.judge(&dir.path().join(script.replace('/', "_")));
            let Verdict::Bad(fault) = verdict.unwrap() else {
                panic!("{script}");
            };
            assert_eq!(fault.to_string(), expected, "{script}");
        };
        let deadly = "ends the process that loads it";
        check(
            "echo hello",
            &format!("{deadly} (exit status: 0), saying: hello"),
        );
        check("exit 3", &format!("{deadly} (exit status: 3)"));
        check("kill -9 $$", &format!("{deadly} (signal: 9 (SIGKILL))"));
        let good = r#"echo '{"tapline_plugin":"good"}'; exit 1"#;
        assert!(
            Probe::new("/bin/sh", ["-c", good])
                .judge(&dir.path().join("good"))
                .unwrap()
                != Verdict::Good
        );
        check("kill -STOP $$", "does not load within 1 s");
        check(
            "echo [$CARGO_MANIFEST_DIR]",
            &format!("{deadly} (exit status: 0), saying: []"),
        );
    }
}
