//! Opens the project's state, wherever it is kept.

use std::path::Path;
use std::sync::Arc;

use tapline_core::{Clock, StateStore};
use tapline_state::{PostgresState, SqliteState};

use super::sealing;
use crate::failure::Result;
use crate::project::{DEFAULT_STATE, Project, StatePlace};

/// Opens the state; makes what is missing.
///
/// # Errors
/// The file or the database cannot be opened or made, or the key of its secrets is none.
pub(super) async fn open(project: &Project, clock: Arc<dyn Clock>) -> Result<Arc<dyn StateStore>> {
    match project.state()? {
        StatePlace::File(path) => {
            let key = sealing::key(&path)?;
            let mut state = SqliteState::open(path, clock)?;
            if let Some(key) = key {
                state = state.with_key(key);
            }
            Ok(Arc::new(state))
        }
        StatePlace::Server(address) => {
            // The key is not kept with what it seals: it stays in the folder of the project.
            let file = Path::new(DEFAULT_STATE);
            let key = sealing::key(&project.resolve(file))?;
            let mut state = PostgresState::open(&address, clock).await?;
            if let Some(key) = key {
                state = state.with_key(key);
            }
            Ok(Arc::new(state))
        }
    }
}

/// Opens the state, if there is one yet. Others may be writing: a file that is only read must be at rest.
///
/// # Errors
/// The file or the database cannot be read.
pub(super) async fn present(
    project: &Project,
    clock: Arc<dyn Clock>,
) -> Result<Option<Arc<dyn StateStore>>> {
    match project.state()? {
        StatePlace::File(path) if path.exists() => open(project, clock).await.map(Some),
        StatePlace::File(_) => Ok(None),
        StatePlace::Server(_) => past(project, clock).await,
    }
}

/// Opens the state to read it only; `None` if there is none yet.
///
/// # Errors
/// The file or the database cannot be read.
pub(super) async fn past(
    project: &Project,
    clock: Arc<dyn Clock>,
) -> Result<Option<Arc<dyn StateStore>>> {
    fn door(state: impl StateStore + 'static) -> Arc<dyn StateStore> {
        Arc::new(state)
    }
    Ok(match project.state()? {
        StatePlace::File(path) => SqliteState::read_only(path, clock)?.map(door),
        StatePlace::Server(address) => PostgresState::read_only(&address, clock).await?.map(door),
    })
}
