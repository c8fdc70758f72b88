//! The rules of a spec about answers: the first that fits says what an answer means.
//!
//! Rules are tried in order. One fits if its statuses hold the answer's, and if its expression over
//! the answer is true. Where no rule fits, 2xx is a page and everything else an error.

use http::StatusCode;
use tapline_core::{Error, ErrorKind, Result, in_ranges};
use tapline_expr::{Context, Selector};
use tapline_spec::{RuleAction, RulePlan};

/// What the first rule that fits does with the answer in `context`, which has `status`.
///
/// # Errors
/// An expression has no value for this answer, or one that is neither true nor false.
pub(crate) fn action(
    rules: &[RulePlan],
    context: &Context<'_>,
    status: StatusCode,
) -> Result<Option<RuleAction>> {
    for rule in rules {
        let is_about = rule.status.is_empty() || in_ranges(&rule.status, status);
        if is_about && holds(rule, context)? {
            return Ok(Some(rule.action));
        }
    }
    Ok(None)
}

fn holds(rule: &RulePlan, context: &Context<'_>) -> Result<bool> {
    let Some(when) = &rule.when else {
        return Ok(true);
    };
    when.is_true(context).map_err(|error| {
        let message = format!("the rule `{when}` cannot be judged: {error}");
        Error::new(ErrorKind::Spec, "read page", message)
    })
}

/// What the rules read of an answer.
pub(crate) fn reads(rules: &[RulePlan]) -> impl Iterator<Item = Selector> {
    let expressions = rules.iter().filter_map(|rule| rule.when.as_ref());
    expressions.flat_map(|when| when.selectors())
}

/// The statuses that the transport leaves to the rules. It goes on retrying what they only retry,
/// and what they do not name: it knows best how.
pub(crate) fn judged(rules: &[RulePlan]) -> Vec<(u16, u16)> {
    let deciding = rules.iter().filter(|rule| rule.action != RuleAction::Retry);
    deciding.flat_map(|rule| rule.status.clone()).collect()
}

/// Whether an answer with `status`, about which no rule says anything, is worth another attempt.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502..=504 | 506..=599)
}

#[cfg(test)]
mod tests {
    use tapline_expr::{Observed, Response};

    use super::*;

    struct Answer(u16, &'static str);

    impl Response for Answer {
        fn value(&self, _: &Selector) -> Observed<'_> {
            Observed::Json(self.1)
        }

        fn status(&self) -> u16 {
            self.0
        }
    }

    fn rules() -> Vec<RulePlan> {
        let rule = |status: &[(u16, u16)], when: Option<&str>, action| RulePlan {
            status: status.to_vec(),
            when: when.map(|when| when.parse().unwrap()),
            action,
        };
        let is_over = Some("@equals(response().body.code, 'over')");
        vec![
            rule(&[(404, 404), (416, 416)], None, RuleAction::End),
            rule(&[(400, 499)], is_over, RuleAction::Ignore),
            rule(
                &[],
                Some("@equals(response().body.code, 'bad')"),
                RuleAction::Fail,
            ),
            rule(&[(503, 503)], None, RuleAction::Retry),
        ]
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let check = |status: u16, code: &'static str, expected: Option<RuleAction>| {
            let answer = Answer(status, code);
            let context = Context {
                response: Some(&answer),
                ..Context::default()
            };
            let code = StatusCode::from_u16(status).unwrap();
            assert_eq!(action(&rules(), &context, code).unwrap(), expected);
        };
        check(404, "\"over\"", Some(RuleAction::End));
        check(403, "\"over\"", Some(RuleAction::Ignore));
        check(403, "\"bad\"", Some(RuleAction::Fail));
        check(403, "\"other\"", None);
        check(200, "\"bad\"", Some(RuleAction::Fail));
        check(200, "\"over\"", None);
        check(503, "\"other\"", Some(RuleAction::Retry));
    }

    #[test]
    fn the_transport_keeps_what_is_only_retried() {
        assert_eq!(judged(&rules()), [(404, 404), (416, 416), (400, 499)]);
        assert!(is_passing(StatusCode::SERVICE_UNAVAILABLE));
        assert!(!is_passing(StatusCode::NOT_IMPLEMENTED));
    }
}
