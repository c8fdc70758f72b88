//! `tapline try-plugin`: what tapline asks of a second tapline before it loads a library that it
//! never saw. If that one dies, it was the library.

use crate::app::App;
use crate::cli::TryPluginArgs;
use crate::exit_code::Exit;
use crate::failure::Result;

/// Loads the library, and says how that went.
///
/// # Errors
/// Stdout cannot be written.
pub(crate) fn try_plugin(app: &App, args: &TryPluginArgs) -> Result<Exit> {
    // What the library printed may have no end of line.
    app.screen
        .line(format!("\n{}", tapline_host::try_out(&args.library)))?;
    Ok(Exit::COMPLETE)
}
