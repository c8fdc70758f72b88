//! How much a connection may ask of its source: what its specs and the project say together.

use std::sync::Arc;

use tapline_core::{Limits, StateStore};
use tapline_http::QuotaConfig;
use tapline_spec::{Plan, RatePlan};

use super::{Stream, Wiring, family};
use crate::failure::Result;
use crate::output::plan::Budget;
use crate::project::Connection;

/// The limits of a client of `connection`.
pub(super) fn limits(connection: &Connection) -> Limits {
    let limits = Limits::default();
    Limits {
        max_wait: connection.quota.max_wait().unwrap_or(limits.max_wait),
        ..limits
    }
}

/// The quota of a client of `connection` for the stream of `plan` and its parents: of all limits
/// the smallest.
pub(super) fn of(
    connection: &Connection,
    plan: &Plan,
    max_requests: Option<u64>,
    state: Option<Arc<dyn StateStore>>,
) -> QuotaConfig {
    let quota = &connection.quota;
    let rates = family::plans(plan).into_iter();
    let rates = rates.filter_map(|plan| plan.rate.clone());
    let rate = rates.fold(RatePlan::default(), RatePlan::stricter);
    QuotaConfig {
        rate: rate.stricter(quota.rate()),
        share: quota.share(),
        reported: quota.reported(),
        max_requests,
        ledger: state,
    }
}

impl Wiring<'_> {
    /// The budgets that a run of `stream` keeps to.
    ///
    /// # Errors
    /// Its connection is gone from the project.
    pub(crate) fn budgets(&self, stream: &Stream) -> Result<Vec<Budget>> {
        let connection = self.project.connection(&stream.connection)?;
        let budgets = of(connection, &stream.plan, None, None).budgets();
        let budgets = budgets.into_iter();
        Ok(budgets
            .map(|(requests, per)| Budget { requests, per })
            .collect())
    }
}
