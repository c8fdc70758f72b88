//! Logs: lines on stderr, through whatever progress is shown there.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::output::progress;

/// Starts logging. `RUST_LOG` wins over the number of `-v`.
pub(crate) fn start(verbose: u8) {
    let default = match verbose {
        0 => "warn,tapline::progress=info",
        1 => "warn,tapline=info",
        _ => "info,tapline=debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(AboveProgress)
        .with_ansi(colour)
        .with_target(verbose > 1)
        .without_time()
        .init();
}

/// Writes a line above the progress bars instead of through them.
struct AboveProgress;

impl<'a> MakeWriter<'a> for AboveProgress {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line
    }
}

/// Where one event of the log is written; tracing hands it over whole.
struct Line;

impl io::Write for Line {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        progress::above(|| io::stderr().write_all(text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
