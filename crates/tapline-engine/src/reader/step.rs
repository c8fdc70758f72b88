//! What the rules of a spec make of an answer: a page, the end, or another attempt.

use bytes::Bytes;
use tapline_core::{EndSignal, Error, Evidence, Page, PageInfo, Position, Result, in_ranges};
use tapline_expr::Context;
use tapline_spec::RuleAction;
use url::Url;

use super::{Reader, Turn, bare};
use crate::flight::Answer;
use crate::locate::Located;
use crate::observation::{Finds, Parsed};
use crate::{retry, rules, status};

/// What an answer comes to.
pub(super) enum Step {
    Page(Box<Page>),
    /// The same request is to be sent again.
    Again,
    /// A rule says so.
    Refused(Error),
}

impl Reader {
    /// Does with `answer`, to the request at `position`, what the rules of the spec say.
    pub(super) async fn step(
        &mut self,
        position: &Position,
        url: Option<&Url>,
        answer: &Answer,
    ) -> Result<Step> {
        let shared = self.shared.clone();
        let (body, located) = shared.open(answer).await;
        let action = self.action(position, answer, &body, &located)?;
        let is_first = *position == shared.paginator.first();
        let turn = Turn {
            position,
            url,
            answer,
            body,
        };
        let page = match action {
            None if self.is_passing(answer) => return Ok(Step::Again),
            None => self.page(turn, located?).await?,
            Some(RuleAction::Retry) => return Ok(Step::Again),
            Some(RuleAction::Ignore) => self.ignored(turn, is_first).await?,
            Some(RuleAction::End) if !is_first => self.ended(answer, EndSignal::Declared),
            Some(RuleAction::SkipSlice) if is_first => self.ended(answer, EndSignal::Skipped),
            Some(action) => return Ok(Step::Refused(self.refused(action, answer))),
        };
        Ok(Step::Page(Box::new(page)))
    }

    /// What the rules of the spec say of `answer`.
    fn action(
        &self,
        position: &Position,
        answer: &Answer,
        body: &Bytes,
        located: &Result<Option<Located>>,
    ) -> Result<Option<RuleAction>> {
        let (reads, rules) = (&self.shared.reads, &self.shared.config.plan.rules);
        if rules.is_empty() {
            return Ok(None);
        }
        let parsed;
        let finds = match located {
            // A line may be what is left of an answer that is no page.
            Ok(located) if !located.as_ref().is_some_and(Located::has_lines) => Finds::Located {
                reads,
                located: located.as_ref(),
            },
            _ => {
                parsed = Parsed::new(reads, body);
                Finds::Parsed(&parsed)
            }
        };
        let seen = answer.seen(body, finds);
        let asking = self.asking();
        let params = asking.params_at(&*self.shared.paginator, position);
        let context = Context {
            params: &params,
            response: Some(&seen),
            ..asking.context()
        };
        rules::action(rules, &context, answer.status)
    }

    /// Whether `answer` was left to the rules, fits none, and may be another one the next time.
    fn is_passing(&self, answer: &Answer) -> bool {
        let judged = rules::judged(&self.shared.config.plan.rules);
        in_ranges(&judged, answer.status)
            && rules::is_passing(answer.status)
            && !retry::is_spent(&self.shared, answer)
    }

    /// The page without records that the end of a slice is, if a rule declares it.
    fn ended(&mut self, answer: &Answer, signal: EndSignal) -> Page {
        let info = PageInfo {
            seq: self.seq,
            next: None,
            evidence: Evidence {
                end: Some(signal),
                ..Evidence::default()
            },
            request: answer.record(),
            needless: self.flights.clear(),
        };
        bare(info)
    }

    /// Why what a rule does with `answer` cannot go on.
    fn refused(&self, action: RuleAction, answer: &Answer) -> Error {
        let error = status::refused(answer.status, &answer.body, &self.shared.config.redactor);
        match action {
            RuleAction::End => error.with(
                "hint",
                "a rule calls this the end, but no page came before it; if a slice may have no \
                 records, let the rule `ignore` it",
            ),
            RuleAction::SkipSlice => error.with(
                "hint",
                "a rule skips the slice, but pages with its records came before; if they are all, \
                 let the rule `end` it",
            ),
            _ => error.with("rule", "fail"),
        }
    }

    /// An answer that a rule takes for a page without records. That it holds no records and no next
    /// link proves nothing once there were pages: the answer to the same question without the error
    /// might hold both.
    async fn ignored(&mut self, turn: Turn<'_>, is_first: bool) -> Result<Page> {
        let parsed = Parsed::new(&self.shared.reads, &turn.body);
        let mut info = self.turn(&turn, Finds::Parsed(&parsed)).await?;
        let end = &mut info.evidence.end;
        if !is_first && matches!(end, Some(EndSignal::EmptyPage | EndSignal::NoNext)) {
            *end = Some(EndSignal::Ignored);
        }
        Ok(bare(info))
    }
}
