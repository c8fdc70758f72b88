//! What the operator and the connector say about a quota.

use std::fmt;
use std::sync::Arc;

use tapline_core::StateStore;
use tapline_spec::RatePlan;

use super::window::Window;

/// How much a client may ask of its source, and where that is counted.
#[derive(Clone)]
pub struct QuotaConfig {
    /// Limits, and the names of headers that report others.
    pub rate: RatePlan,
    /// How many percent of every budget may be used, 1 to 100; the rest is for others.
    pub share: u8,
    /// Whether budgets count that the source reports in headers.
    pub reported: bool,
    /// Requests that may be sent at all; no limit by default.
    pub max_requests: Option<u64>,
    /// Where it is counted, for all processes; `None`: in this client only.
    pub ledger: Option<Arc<dyn StateStore>>,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            rate: RatePlan::default(),
            share: 100,
            reported: true,
            max_requests: None,
            ledger: None,
        }
    }
}

impl QuotaConfig {
    /// The limits with the share taken: requests, and within what (`second`, `minute`, `day`).
    pub fn budgets(&self) -> Vec<(u64, &'static str)> {
        let limits = self.limits().into_iter();
        limits
            .map(|(window, limit)| (limit, window.noun()))
            .collect()
    }

    /// The limits with the share taken, each at least 1.
    pub(crate) fn limits(&self) -> Vec<(Window, u64)> {
        let RatePlan {
            per_second,
            per_minute,
            per_day,
            ..
        } = self.rate;
        let windows = [
            (Window::Second, per_second),
            (Window::Minute, per_minute),
            (Window::Day, per_day),
        ];
        let share = |limit: u64| u128::from(limit) * u128::from(self.share) / 100;
        let shared = |limit: u64| u64::try_from(share(limit)).unwrap_or(u64::MAX).max(1);
        let given = windows.into_iter();
        given
            .filter_map(|(window, limit)| Some((window, shared(limit?))))
            .collect()
    }
}

impl fmt::Debug for QuotaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaConfig")
            .field("rate", &self.rate)
            .field("share", &self.share)
            .field("reported", &self.reported)
            .field("max_requests", &self.max_requests)
            .finish_non_exhaustive()
    }
}
