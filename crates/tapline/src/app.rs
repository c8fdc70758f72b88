//! What every command has at hand.

use tapline_core::CancellationToken;

use crate::cli::Globals;
use crate::connectors::Catalogue;
use crate::failure::Result;
use crate::output::Screen;
use crate::project::Project;

/// The options of this process, and what follows from them.
pub(crate) struct App {
    /// What was typed.
    pub(crate) globals: Globals,
    /// Where output goes.
    pub(crate) screen: Screen,
    /// Cancelled by the first signal.
    pub(crate) cancel: CancellationToken,
}

impl App {
    /// Reads the project file, and says what is doubtful about it.
    ///
    /// # Errors
    /// There is none, or it is not valid.
    pub(crate) fn project(&self) -> Result<Project> {
        let project = Project::find(self.globals.project.as_deref())?;
        if !project.lints().is_empty() {
            self.screen.note(project.lints().to_string());
        }
        Ok(project)
    }

    /// The connectors.
    pub(crate) fn catalogue(&self) -> Catalogue {
        Catalogue::new(&self.globals.plugin_dirs)
    }
}
