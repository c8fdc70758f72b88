//! A child's peak memory, as Linux counts it.

use std::fs;
use std::process::{Child, Output};
use std::thread;
use std::time::Duration;

use crate::support::{Project, Run, Tapline};

/// What a run may take at most, in kB.
pub(super) const LIMIT: u64 = 150 * 1024;

/// How often the kernel is asked. Its figure only grows, so all that is missed is what the child
/// takes in its last moments.
const OFTEN: Duration = Duration::from_millis(2);

/// Runs `command` to its end: what it said, and the most memory it held at once in kB.
pub(super) fn watched(project: &Project, command: &mut Tapline) -> (Run, u64) {
    let mut child = command.spawn("watched");
    let mut peak = 0;
    let status = loop {
        peak = peak.max(held(&child));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => thread::sleep(OFTEN),
        }
    };
    let run = Run::of(Output {
        status,
        stdout: fs::read(project.path("watched.stdout")).unwrap(),
        stderr: fs::read(project.path("watched.stderr")).unwrap(),
    });
    (run, peak)
}

/// The most `child` has held so far, in kB; nothing where there is no `/proc`, or no child. Until it
/// has become the program it is still this process, tests and all, and bears its name.
fn held(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.unwrap_or_default();
    let of = |key: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(key)).map(str::trim)
    };
    if of("Name:") != Some("tapline") {
        return 0;
    }
    let figure = of("VmHWM:").and_then(|figure| figure.strip_suffix(" kB"));
    figure.map_or(0, |figure| figure.parse().unwrap())
}
