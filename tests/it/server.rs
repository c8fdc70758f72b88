//! Real servers as child processes: on a port of their own, waited for by what they say, and killed
//! when the test ends.

use std::io::{self, BufRead, BufReader, PipeReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, thread};

/// How long a server may take until it listens: far longer than any takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    process: Child,
}

impl Server {
    /// Starts `command`, and reads what it prints up to the line in which `listening` finds where
    /// it listens; from then on it answers. If it ends before, its last words are the error.
    ///
    /// # Panics
    /// It neither listens nor ends.
    pub(crate) fn start<T>(
        command: Command,
        listening: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T), String> {
        Self::start_within(PATIENCE, command, listening)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a real process is waited for in real time"
    )]
    fn start_within<T>(
        patience: Duration,
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
        let program = format!("{command:?}");
        // It holds the pipe open on our side, which would then never end.
        drop(command);
        let lines = lines(output);
        let deadline = Instant::now() + patience;
        let mut said = String::new();
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => match listening(&line) {
                    Some(place) => return Ok((server, place)),
                    None => said.push_str(&line),
                },
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("{program} ended before it listened:\n{said}"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{program} does not listen after {patience:?}:\n{said}")
                }
            }
        }
    }

    /// Asks it to end at once but in order, as one that shares memory among its processes must.
    #[cfg(unix)]
    pub(crate) fn quit(&mut self) {
        let process = self.process.id().to_string();
        let asked = Command::new("kill").args(["-QUIT", &process]).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ = self.process.wait();
        }
    }

    /// Starts what `command` makes of a free port, for a server that cannot choose one itself.
    pub(crate) fn start_on_free_port(
        command: impl Fn(u16) -> Command,
        listening: impl Fn(&str) -> bool,
    ) -> (Self, u16) {
        let mut failure = String::new();
        // Another process may be quicker to take the port.
        for _ in 0..5 {
            let port = free_port();
            match Self::start(command(port), |line| listening(line).then_some(())) {
                Ok((server, ())) => return (server, port),
                Err(log) => failure = log,
            }
        }
        panic!("{failure}");
    }
}

/// What a server prints. It is read to its end, as a full pipe would stop the server.
fn lines(output: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).unwrap() > 0 {
            // Nobody listens once the server does.
            let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            line.clear();
        }
    });
    receiver
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, and then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends JSON to a server, such as rows to keep. Returns the answer's body.
///
/// # Panics
/// The server does not accept it.
#[track_caller]
pub(crate) fn post(base_url: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let host = base_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("POST {target} HTTP/1.0\r\nhost: {host}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        head.split(' ').nth(1).map(|s| &s[..1]),
        Some("2"),
        "{answer}"
    );
    body.to_owned()
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

/// What goes wrong when `script` is started as a server.
fn failure(patience: Duration, script: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let started =
        || Server::start_within(patience, command, |line| word_after(line, "port ")).map(drop);
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(started)) {
        Ok(result) => result.err().unwrap_or_default(),
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap(),
    }
}

#[test]
fn a_server_that_does_not_start_tells_why_and_hangs_no_test() {
    assert_eq!(failure(PATIENCE, "echo port 1; exec sleep 600"), "");
    let ended = failure(PATIENCE, "echo no such database >&2; exit 1");
    assert!(ended.ends_with("no such database\n"), "{ended}");
    assert!(ended.contains("ended before it listened"), "{ended}");
    let silent = failure(
        Duration::from_secs(1),
        "echo still thinking >&2; exec sleep 600",
    );
    assert!(silent.contains("does not listen after 1s"), "{silent}");
    assert!(silent.ends_with("still thinking\n"), "{silent}");
}
