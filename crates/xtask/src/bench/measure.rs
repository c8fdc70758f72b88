//! What a program costs: it and all the processes it waits for.
//!
//! Each program is run by an xtask of its own, whose only child it is. So the kernel's account of that
//! xtask's children is the account of the program, and says nothing of others.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::command::{output, said};

/// The name of the command that runs a program in order to measure it.
pub(crate) const COMMAND: &str = "measure";

/// What one run has taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// Seconds of processor time, the kernel's for it included, of all processes together.
    pub(crate) cpu: f64,
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Bytes in memory at most, of the largest of its processes.
    pub(crate) peak: u64,
}

/// Runs `command` in `dir`, where the files `stdout` and `stderr` take what it says.
pub(crate) fn measured(command: &Command, dir: &Path) -> Result<Cost> {
    let mut measure = Command::new(env::current_exe()?);
    measure
        .arg(COMMAND)
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(dir);
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            measure.env(name, value);
        }
    }
    let output = output(&mut measure)?;
    ensure!(
        output.status.success(),
        "{}; it said: {}",
        said(&output),
        last_words(dir)
    );
    Cost::parse(&String::from_utf8_lossy(&output.stdout)).context("xtask measured nothing")
}

/// `xtask measure PROGRAM ARGS...`: runs it, and prints what it took.
pub(crate) fn measure(arguments: &[String]) -> Result<()> {
    let (program, arguments) = arguments.split_first().context("a program is missing")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(File::create("stdout")?)
        .stderr(File::create("stderr")?);
    let start = now();
    let status = command
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    let wall = start.elapsed().as_secs_f64();
    ensure!(status.success(), "{program} ended with {status}");
    let (cpu, peak) = children()?;
    let cpu = cpu.as_secs_f64();
    writeln!(io::stdout(), "{}", Cost { cpu, wall, peak }.written())?;
    Ok(())
}

/// The time, for durations.
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured here is real time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Cost {
    fn written(self) -> String {
        format!("{} {} {}", self.cpu, self.wall, self.peak)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        Some(Self {
            cpu: words.next()?.parse().ok()?,
            wall: words.next()?.parse().ok()?,
            peak: words.next()?.parse().ok()?,
        })
    }
}

/// Processor time of all children, and the memory of the largest one.
#[cfg(unix)]
fn children() -> Result<(Duration, u64)> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::{TimeVal, TimeValLike as _};

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("the kernel keeps no account")?;
    let time = |value: TimeVal| {
        Duration::from_micros(u64::try_from(value.num_microseconds()).unwrap_or(0))
    };
    let cpu = time(usage.user_time()) + time(usage.system_time());
    let peak = u64::try_from(usage.max_rss()).unwrap_or(0);
    // macOS counts bytes, all others kilobytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    Ok((cpu, peak * unit))
}

#[cfg(not(unix))]
fn children() -> Result<(Duration, u64)> {
    anyhow::bail!("what a program costs is measured on Unix only")
}

/// The end of what a program complained about.
fn last_words(dir: &Path) -> String {
    let text = fs::read_to_string(dir.join("stderr")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" / ")
}

#[test]
fn what_is_printed_can_be_read() {
    let cost = Cost {
        cpu: 1.25,
        wall: 0.5,
        peak: 4096,
    };
    assert_eq!(Cost::parse(&cost.written()), Some(cost));
    assert_eq!(Cost::parse("1.25 0.5"), None);
}
