//! Reads one slice, page by page: await, locate, decide, send, decode.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::{FutureExt, maybe_done, ready};
use http::HeaderMap;
use tapline_core::{
    Batch, Error, ErrorKind, Evidence, Page, PageInfo, Position, Reject, Result, ShortReason,
    compute,
};
use tapline_expr::{Observed, Selector};
use url::Url;

use crate::decode::{Decoded, Decoder, Stamp};
use crate::flight::{Answer, Flight, LARGE, beside, landed};
use crate::form::{self, PageForm};
use crate::guard::Guard;
use crate::locate::Located;
use crate::paginate::{self, Next, Seen};
use crate::source::Shared;
use crate::{request, status};

/// Reads one slice, page by page.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    decoder: Option<Decoder>,
    guard: Guard,
    seq: u64,
    flight: Option<Flight>,
}

impl Reader {
    /// A reader that has sent nothing yet.
    pub(crate) fn new(shared: Arc<Shared>, position: Option<Position>) -> Self {
        let mut reader = Self {
            decoder: Some(shared.decoder()),
            guard: Guard::default(),
            seq: 0,
            flight: None,
            shared,
        };
        let position = position.unwrap_or_else(|| reader.shared.paginator.first());
        reader.guard.repeats_position(&position);
        reader.flight = Some(reader.send(position, None));
        reader
    }

    /// The next page, or `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Page>> {
        let Some(flight) = self.flight.take() else {
            return Ok(None);
        };
        self.seq += 1;
        let seq = self.seq;
        let page = self.read(flight).await;
        page.map(Some).map_err(|error| {
            error
                .with("stream", &self.shared.config.plan.stream)
                .with("page", seq)
        })
    }

    async fn read(&mut self, flight: Flight) -> Result<Page> {
        let answer = landed(flight.answer).await?;
        let page = self.page(&flight.position, flight.url.as_ref(), &answer);
        let page = page.await;
        page.map_err(|error| status::about(error, &answer, &self.shared.config.redactor))
    }

    /// Turns `answer`, to the request at `position`, into a page.
    async fn page(
        &mut self,
        position: &Position,
        url: Option<&Url>,
        answer: &Answer,
    ) -> Result<Page> {
        let shared = self.shared.clone();
        status::judge(answer.status, &answer.body, &shared.config.redactor)?;
        let body = shared.transform(answer).await?;
        let located = shared.locate(answer.status, body.clone()).await?;
        let seen = Observation {
            reads: &shared.reads,
            headers: &answer.headers,
            body: &body,
            located: located.as_ref(),
        };
        let next = shared.follow(position, &seen)?;
        let mut info = PageInfo {
            seq: self.seq,
            next: None,
            evidence: self.evidence(&seen),
            request: answer.record(),
        };
        let next = shared.consult(next, &mut info, &body).await?;
        self.conclude(next, &mut info)?;
        if let (Some(position), None) = (&info.next, &info.evidence.short) {
            self.flight = Some(self.send(position.clone(), url));
        }
        // From here on it is kept and shown.
        let redactor = &shared.config.redactor;
        info.next = info.next.map(|position| redactor.seal(&position));
        let repeated = info.evidence.short == Some(ShortReason::RepeatedPage);
        let is_opaque = located.is_none() && !body.is_empty();
        let rows = match located {
            Some(located) if !repeated => self.decode(body, located, &mut info).await?,
            _ => Rows::default(),
        };
        let (batches, rejects) = match shared.config.form {
            PageForm::Rows => rows,
            PageForm::Body if repeated => Rows::default(),
            PageForm::Body => {
                info.evidence.records += u64::from(is_opaque);
                let row = form::body_row(&answer.body, answer.content_type(), &self.stamp(&info))?;
                (vec![row], Vec::new())
            }
        };
        Ok(Page {
            info,
            batches,
            rejects,
        })
    }

    /// Sends the request at `position`. A request that cannot be built is an answer that failed:
    /// the page before it must not suffer.
    fn send(&self, position: Position, last: Option<&Url>) -> Flight {
        let config = &self.shared.config;
        let request =
            self.shared.paginator.request(&position).and_then(|added| {
                request::build(&config.plan.request, &config.params, &added, last)
            });
        let (url, answer) = match request {
            Ok(request) => (
                Some(request.url.clone()),
                self.shared.clone().exchange(request).boxed(),
            ),
            Err(error) => (None, ready(Err(error)).boxed()),
        };
        Flight {
            position,
            url,
            answer: maybe_done(answer),
        }
    }

    fn evidence(&mut self, seen: &Observation<'_>) -> Evidence {
        let total = self.shared.config.plan.total.as_ref();
        let total = total.and_then(|selector| paginate::scalar(seen.value(selector)));
        let hash = seen.located.filter(|_| !seen.is_empty());
        let repeats = hash.is_some_and(|located| self.guard.repeats_content(located.content_hash));
        Evidence {
            records: 0,
            total: total.and_then(|total| total.parse().ok()),
            asked: self.shared.asked(),
            end: None,
            short: repeats.then_some(ShortReason::RepeatedPage),
        }
    }

    /// Writes down where the next request starts, and what forbids it.
    fn conclude(&mut self, next: Next, info: &mut PageInfo) -> Result<()> {
        info.next = None;
        match next {
            Next::Done(signal) => info.evidence.end = Some(signal),
            Next::Unreadable(selector) => {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    "read page",
                    format!("what stands at `{selector}` is no link, no token and not null"),
                ));
            }
            Next::More(position) => {
                if position.size() > Position::MAX_BYTES {
                    return Err(Error::new(
                        ErrorKind::Limit,
                        "read page",
                        format!("the next position has {} bytes", position.size()),
                    ));
                }
                let limit = self.shared.limit().filter(|(limit, _)| self.seq >= *limit);
                let reason = if self.guard.repeats_position(&position) {
                    Some(ShortReason::RepeatedPosition)
                } else {
                    limit.map(|(_, name)| ShortReason::Limit {
                        name: name.to_owned(),
                    })
                };
                info.evidence.short = info.evidence.short.take().or(reason);
                info.next = Some(position);
            }
        }
        Ok(())
    }

    fn stamp(&self, info: &PageInfo) -> Stamp {
        Stamp {
            run_id: self.shared.config.run_id,
            request_id: info.request.request_id,
            extracted_at: info.request.received_at,
        }
    }

    /// Turns the located records into rows and counts them, while the next request is on its way.
    async fn decode(&mut self, body: Bytes, located: Located, info: &mut PageInfo) -> Result<Rows> {
        let stamp = self.stamp(info);
        let mut decoder = self
            .decoder
            .take()
            .expect("a decoder is given back after use");
        let is_large = body.len() > LARGE;
        let work = compute(&*self.shared.config.compute, move || {
            let decoded = decoder.decode(&body, &located, &stamp);
            (decoder, decoded)
        });
        let (decoder, decoded) = match &mut self.flight {
            Some(flight) if !is_large => beside(work, &mut flight.answer).await?,
            _ => work.await?,
        };
        self.decoder = Some(decoder);
        let Decoded {
            batches,
            rejects,
            records,
            ..
        } = decoded?;
        info.evidence.records = records;
        Ok((batches, rejects))
    }
}

type Rows = (Vec<Batch>, Vec<Reject>);

/// A page as the pagination sees it.
pub(crate) struct Observation<'a> {
    reads: &'a [Selector],
    headers: &'a HeaderMap,
    body: &'a Bytes,
    pub(crate) located: Option<&'a Located>,
}

impl Seen for Observation<'_> {
    fn is_empty(&self) -> bool {
        self.located
            .is_none_or(|located| located.content.is_empty())
    }

    fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.headers.get_all(name).iter();
        all.filter_map(|value| value.to_str().ok()).collect()
    }

    fn value(&self, selector: &Selector) -> Observed<'_> {
        if let Selector::Header(name) = selector {
            let value = self.headers.get(name).and_then(|value| value.to_str().ok());
            return value.map_or(Observed::Absent, Observed::Text);
        }
        let in_body = |read: &&Selector| matches!(read, Selector::Body(_));
        let index = self
            .reads
            .iter()
            .filter(in_body)
            .position(|read| read == selector);
        let range = index.and_then(|index| self.located?.values.get(index)?.clone());
        range
            .and_then(|range| std::str::from_utf8(self.body.get(range)?).ok())
            .map_or(Observed::Absent, Observed::Json)
    }
}
