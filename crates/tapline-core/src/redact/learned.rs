//! Secrets that become known while a run goes on: tokens that a token server gives.

use std::sync::{Arc, PoisonError, RwLock};

use tapline_spec::Secret;

/// How many secrets are remembered; those that were not learned for the longest time go first. They have long
/// ended by then, and a run that takes months must not slow down.
const KEPT: usize = 16;

/// Secrets in all their forms, the newest first. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Learned(Arc<RwLock<Vec<Arc<[Secret]>>>>);

impl Learned {
    pub(super) fn add(&self, forms: Vec<Secret>) {
        // No reader or writer can panic half-way.
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|known| **known != *forms);
        if !forms.is_empty() {
            kept.insert(0, forms.into());
        }
        kept.truncate(KEPT);
    }

    pub(super) fn all(&self) -> Vec<Arc<[Secret]>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
