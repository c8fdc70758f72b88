//! A child process that may do anything: end in any way, never end, talk without end.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How often it is looked whether the child has ended.
const TICK: Duration = Duration::from_millis(1);
/// How long what the child has said may take to arrive once it has ended: a process that it left
/// behind may still hold the pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What is kept of what it says: the end.
const KEPT: usize = 64 * 1024;

/// How a child ended.
pub(crate) struct Ended {
    /// `None`: it had to be stopped.
    pub(crate) status: Option<ExitStatus>,
    /// The end of what it wrote to stdout and stderr.
    pub(crate) output: String,
}

/// Runs `command` for at most `limit`, then kills it and what it has started.
pub(crate) fn run(mut command: Command, limit: Duration) -> io::Result<Ended> {
    let (reader, writer) = io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    lead_group(&mut command);
    let mut child = command.spawn()?;
    // It holds our end for writing; without it the pipe ends when the child does.
    drop(command);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(tail(reader)));
    let status = wait(&mut child, limit);
    kill(&mut child);
    Ok(Ended {
        status: status?,
        output: receiver.recv_timeout(LAST_WORDS).unwrap_or_default(),
    })
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let mut waited = Duration::ZERO;
    while waited < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(TICK);
        waited += TICK;
    }
    Ok(None)
}

/// The end of what `reader` gives until it ends or breaks.
fn tail(mut reader: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..length]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Makes the child lead a group of its own, which can be killed as a whole.
#[cfg(unix)]
fn lead_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}

#[cfg(not(unix))]
fn lead_group(_: &mut Command) {}

/// Kills the child and its group, as far as they still live.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        // Nobody is left: that is what is wanted.
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Lets this process write no memory to disk and take no memory without end.
#[cfg(unix)]
pub(crate) fn restrict() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    const MEMORY: u64 = 2 << 30;
    for (resource, limit) in [(Resource::Core, 0), (Resource::Data, MEMORY)] {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        // A system that already allows less does not matter.
        let _ = setrlimit(resource, limit);
    }
}

#[cfg(not(unix))]
pub(crate) fn restrict() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept() {
        assert_eq!(tail(&b"short"[..]), "short");
        let long = [vec![b'a'; KEPT], vec![b'b'; 10]].concat();
        let kept = tail(&long[..]);
        assert_eq!(kept.len(), KEPT);
        assert!(kept.ends_with("abbbbbbbbbb"));
    }
}
