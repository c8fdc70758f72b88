//! Where output goes: answers to stdout, everything about the work to stderr.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;
use tapline_core::{Events, RunEvent};
use terminal_size::{Height, Width, terminal_size_of};

use crate::cli::{Color, Format};
use crate::failure::Result;
use crate::output::clean;

/// Columns of a terminal that does not say how many it has.
const USUAL: usize = 80;
/// Width of a table that goes to a file or a pipe: nothing is cut there.
const UNLIMITED: usize = usize::MAX;

/// The two streams, and what the reader of stdout wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    format: Format,
    width: usize,
}

impl Screen {
    /// The screen of this process. Colour is decided here, once, for both streams.
    pub(crate) fn new(format: Format, color: Color) -> Self {
        let choice = match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::AlwaysAnsi,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        let width = if io::stdout().is_terminal() {
            columns(terminal_size_of(io::stdout()))
        } else {
            UNLIMITED
        };
        Self { format, width }
    }

    /// Whether stdout is one JSON document.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// What stdout is for.
    pub(crate) fn format(self) -> Format {
        self.format
    }

    /// Columns of stdout; without a terminal there is no limit.
    pub(crate) fn width(self) -> usize {
        self.width
    }

    /// Whether somebody watches stderr.
    pub(crate) fn is_watched(self) -> bool {
        io::stderr().is_terminal()
    }

    /// Writes `text` and a line break to stdout.
    ///
    /// # Errors
    /// Stdout cannot be written; a reader that has gone away is no error.
    pub(crate) fn line(self, text: impl AsRef<str>) -> Result<()> {
        let mut out = anstream::stdout().lock();
        survive(writeln!(out, "{}", text.as_ref()))
    }

    /// Writes the one JSON document.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub(crate) fn json(self, document: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(document).map_err(io::Error::from)?;
        // Not through anstream: a document is bytes for a program, never styled.
        survive(writeln!(io::stdout().lock(), "{text}"))
    }

    /// Tells warnings, and no other events, as notes.
    pub(crate) fn warnings(self) -> Events {
        Events::new(move |event| {
            if let RunEvent::Warning { message } = event {
                self.note(format!("warning: {}", clean(&message)));
            }
        })
    }

    /// Tells something about the work, on stderr. If that fails there is nobody left to tell.
    pub(crate) fn note(self, text: impl AsRef<str>) {
        let _ = writeln!(anstream::stderr().lock(), "{}", text.as_ref());
    }
}

/// Columns of a terminal of this size.
pub(super) fn columns(size: Option<(Width, Height)>) -> usize {
    size.map_or(USUAL, |(columns, _)| usize::from(columns.0))
}

/// A reader that has seen enough (`| head`) does not make the work fail.
fn survive(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
