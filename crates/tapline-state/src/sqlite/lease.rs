//! Leases: a lock on a file beside the database.
//!
//! The operating system gives the lock up when the process ends, so there is nothing to time
//! out and no process id to trust. The file is never removed: removing it while somebody waits
//! for it would let two runners hold it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use ring::digest;
use tapline_core::Lease;

use crate::failure::{Failure, Result};
use crate::private;

/// A lease of this process; the lock goes with the file.
pub(crate) struct FileLease {
    pub(crate) fence: u64,
    pub(crate) _lock: File,
}

impl Lease for FileLease {
    fn fence(&self) -> u64 {
        self.fence
    }
}

/// The locked file of the lease `name`, or `None` while another holds it.
pub(crate) fn try_lock(state: &Path, name: &str) -> Result<Option<File>> {
    let path = lock_path(state, name);
    let file = private::open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(Failure::io(format!(
            "cannot lock {}",
            path.display()
        ))(cause)),
    }
}

/// `<state>.lock.<hash of the name>`: a name may hold anything, a file name may not.
fn lock_path(state: &Path, name: &str) -> PathBuf {
    let digest = digest::digest(&digest::SHA256, name.as_bytes());
    let mut path = state.as_os_str().to_owned();
    path.push(".lock.");
    for byte in &digest.as_ref()[..8] {
        path.push(format!("{byte:02x}"));
    }
    path.into()
}
