//! What an answer means besides a page.

use super::Desk;
use crate::{Attributes, ResponseRule, RulePlan};

pub(super) fn plan(desk: &mut Desk, attributes: &Attributes) -> Vec<RulePlan> {
    let rules = attributes.response_params.iter().flat_map(|r| &r.on);
    rules
        .enumerate()
        .filter_map(|(index, rule)| one(desk, &format!("responseParams/on/{index}"), rule))
        .collect()
}

fn one(desk: &mut Desk, below: &str, rule: &ResponseRule) -> Option<RulePlan> {
    let status = rule
        .ranges()
        .map_err(|wrong| desk.fail("E-status", &format!("{below}/status"), wrong))
        .ok()?;
    let when = match &rule.when {
        Some(text) => Some(desk.parse(&format!("{below}/when"), text)?),
        None => None,
    };
    Some(RulePlan {
        status,
        when,
        action: rule.action,
    })
}
