//! Locks around plain values.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The data behind these locks are plain values, valid even after a panic elsewhere.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
