//! Real servers as child processes: on a port of their own, waited for by what they say, and killed
//! when the test ends.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, thread};

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    process: Child,
}

impl Server {
    /// Starts `command`, and reads what it prints up to the line in which `listening` finds where
    /// it listens; from then on it answers. If it ends before, its last words are the error.
    pub(crate) fn start<T>(
        mut command: Command,
        listening: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T), String> {
        let (output, input) = io::pipe().unwrap();
        command
            .stdin(Stdio::null())
            .stdout(input.try_clone().unwrap())
            .stderr(input);
        let process = command.spawn().unwrap();
        let server = Self { process };
        // It holds the pipe open on our side, which would then never end.
        drop(command);
        let mut output = BufReader::new(output);
        let mut said = String::new();
        let mut line = String::new();
        while output.read_line(&mut line).unwrap() > 0 {
            if let Some(place) = listening(&line) {
                // Nobody reads on, but a full pipe would stop the server.
                thread::spawn(move || io::copy(&mut output, &mut io::sink()));
                return Ok((server, place));
            }
            said.push_str(&line);
            line.clear();
        }
        Err(format!("the server ended before it listened:\n{said}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, and then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The word that follows `before` in `line`, such as a URL or a port.
pub(crate) fn word_after(line: &str, before: &str) -> Option<String> {
    let (_, rest) = line.split_once(before)?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// A file that `cargo xtask test` installs.
pub(crate) fn installed(path: &str) -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-env");
    let dir = env::var_os("TAPLINE_TEST_ENV").map_or_else(default, PathBuf::from);
    let path = dir.join(path);
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask test`, which installs it",
        path.display()
    );
    path
}

/// A file of `tests/fixtures`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures")
        .join(path)
}
