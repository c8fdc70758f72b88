//! Reads one slice, page by page: await, locate, decide, send, decode.

mod step;

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures::future::{FutureExt, maybe_done};
use tapline_core::{
    Batch, Error, ErrorKind, Evidence, Page, PageInfo, Params, Position, RawPage, Reject, Request,
    Result, Resume, ShortReason, Slice, compute,
};
use url::Url;

use self::step::Step;
use crate::asking::{Asking, Bounds};
use crate::decode::{Decoded, Stamp};
use crate::flight::{Answer, Flight, Flights, LARGE};
use crate::form::{self, PageForm};
use crate::guard::Guard;
use crate::locate::Located;
use crate::observation::{Finds, Observation};
use crate::paginate::{self, Next, Seen};
use crate::source::Shared;
use crate::{request, retry, status};

/// Reads one slice, page by page.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    params: Params,
    bounds: Bounds,
    guard: Guard,
    seq: u64,
    flights: Flights,
}

impl Reader {
    /// A reader that has sent nothing yet.
    pub(crate) fn new(shared: Arc<Shared>, slice: &Slice, from: Option<Resume>) -> Self {
        let mut reader = Self {
            params: shared.params(slice),
            bounds: Bounds::of(&slice.window, &shared.config.plan),
            guard: Guard::default(),
            seq: from.as_ref().map_or(0, |from| from.seq),
            flights: Flights::default(),
            shared,
        };
        let first = match from {
            Some(from) => reader.go_on(&from.position),
            None => reader.start(reader.shared.paginator.first()),
        };
        reader.flights.push(first);
        reader.shared.enter();
        reader
    }

    fn start(&mut self, position: Position) -> Flight {
        self.guard.repeats_position(&position);
        self.send(position, None)
    }

    /// Sends the request at a `position` as it is stored.
    fn go_on(&mut self, position: &Position) -> Flight {
        match self.shared.config.redactor.unseal(position) {
            Some(position) => self.start(position),
            None => {
                let message = "a secret in the position is not known any more";
                let error = Error::new(ErrorKind::Refused, "go on", message);
                Flight::failed(position.clone(), error)
            }
        }
    }

    /// The next page, or `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Page>> {
        if self.flights.len() == 0 {
            return Ok(None);
        }
        self.seq += 1;
        self.shared.count_page();
        let seq = self.seq;
        let Some((flight, answer)) = self.flights.land().await else {
            return Ok(None);
        };
        let mut page = self.read(flight, answer).await;
        if let Ok(page) = &mut page
            && self.shared.config.keep_raw
        {
            // One without rows is kept, too, so that none of those that were loaded is missing.
            page.raw.get_or_insert_default();
        }
        page.inspect(|_| self.shared.hand_out())
            .map(Some)
            .map_err(|error| {
                error
                    .with("stream", &self.shared.config.plan.stream)
                    .with("page", seq)
            })
    }

    async fn read(&mut self, flight: Flight, answer: Result<Answer>) -> Result<Page> {
        let shared = self.shared.clone();
        let mut answer = answer?;
        let url = flight.request.as_ref().map(|request| request.url.clone());
        loop {
            let step = self.step(&flight.position, url.as_ref(), &answer).await;
            match step {
                Ok(Step::Page(page)) => return Ok(*page),
                Ok(Step::Again) => {
                    let again = flight.request.as_ref().and_then(Request::try_clone);
                    let again = retry::again(&shared, again, &answer).await;
                    answer = again.map_err(|error| match error.request() {
                        Some(_) => error,
                        None => status::of(error, &answer),
                    })?;
                }
                Ok(Step::Refused(error)) => return Err(status::of(error, &answer)),
                Err(error) => return Err(status::about(error, &answer, &shared.config.redactor)),
            }
        }
    }

    /// What its requests are made from.
    fn asking(&self) -> Asking<'_> {
        let config = &self.shared.config;
        Asking {
            plan: &config.plan,
            params: &self.params,
            bounds: &self.bounds,
            now: config.clock.now(),
        }
    }

    /// Turns an answer into a page.
    async fn page(&mut self, turn: Turn<'_>, located: Option<Located>) -> Result<Page> {
        let shared = self.shared.clone();
        let finds = Finds::Located {
            reads: &shared.reads,
            located: located.as_ref(),
        };
        let mut info = self.turn(&turn, finds).await?;
        let Turn { answer, body, .. } = turn;
        let repeated = info.evidence.short == Some(ShortReason::RepeatedPage);
        let is_opaque = located.is_none() && !body.is_empty();
        let keeps_raw = shared.config.keep_raw && !repeated && located.is_some();
        let raw = keeps_raw.then(|| RawPage {
            body: body.clone(),
            left_out: Vec::new(),
        });
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
            raw,
        })
    }

    /// Decides what follows a page in which `finds` were found, and sends the next request.
    async fn turn(&mut self, turn: &Turn<'_>, finds: Finds<'_>) -> Result<PageInfo> {
        let shared = self.shared.clone();
        let seen = turn.answer.seen(&turn.body, finds);
        let next = turn.resolved(shared.follow(turn.position, &seen)?);
        let mut info = PageInfo {
            seq: self.seq,
            next: None,
            evidence: self.evidence(&seen),
            request: turn.answer.record(),
            needless: 0,
        };
        let located = seen.located();
        let next = shared.consult(next, &mut info, &turn.body, located).await?;
        self.conclude(next, &mut info)?;
        match (&info.next, &info.evidence.short) {
            (Some(position), None) => {
                info.needless = self.go_to(position, turn.url);
                self.look_ahead(&seen, info.evidence.total);
            }
            _ => info.needless = self.flights.clear(),
        }
        // From here on it is kept and shown.
        let redactor = &shared.config.redactor;
        info.next = info.next.map(|position| redactor.seal(&position));
        Ok(info)
    }

    /// Sends the request at `position`, unless it is on its way already; how many others are on
    /// their way for nothing.
    fn go_to(&mut self, position: &Position, last: Option<&Url>) -> u64 {
        if self.flights.next() == Some(position) {
            return 0;
        }
        let needless = self.flights.clear();
        self.flights.push(self.send(position.clone(), last));
        needless
    }

    /// Sends as many requests for the pages after that as may be on their way, as far as an answer,
    /// which was just `seen`, lets their places be known.
    fn look_ahead(&mut self, seen: &Observation<'_>, total: Option<u64>) {
        let shared = self.shared.clone();
        while self.flights.len() < shared.depth()
            && !shared.is_last(self.flights.len())
            && let Some(last) = self.flights.last()
            && let Some(next) = shared.paginator.ahead(last, seen, total)
        {
            self.flights.push(self.send(next, None));
        }
    }

    /// Sends the request at `position`. A request that cannot be built is an answer that failed:
    /// the page before it must not suffer.
    fn send(&self, position: Position, last: Option<&Url>) -> Flight {
        match self.request(&position, last) {
            Ok(request) => Flight {
                position,
                request: request.try_clone(),
                answer: maybe_done(self.shared.clone().exchange(request).boxed()),
            },
            Err(error) => Flight::failed(position, error),
        }
    }

    fn request(&self, position: &Position, last: Option<&Url>) -> Result<Request> {
        let shared = &self.shared;
        let addition = match position {
            Position::Custom(json) if shared.has_own_positions() => {
                paginate::custom::addition(json)?
            }
            position => shared.paginator.request(position)?,
        };
        self.asking().request(&addition, last)
    }

    fn evidence(&mut self, seen: &Observation<'_>) -> Evidence {
        let total = self.shared.config.plan.total.as_ref();
        let total = total.and_then(|selector| paginate::scalar(seen.value(selector)));
        let hash = seen.located().filter(|_| !seen.is_empty());
        let repeats = hash.is_some_and(|located| self.guard.repeats_content(located.content_hash));
        Evidence {
            records: 0,
            total: total.and_then(|total| total.parse().ok()),
            asked: self.shared.asked(),
            most: self.shared.config.plan.maximum_records,
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
                let reason = if self.guard.repeats_position(&position) {
                    Some(ShortReason::RepeatedPosition)
                } else {
                    self.shared.spent()
                };
                info.evidence.short = info.evidence.short.take().or(reason);
                info.next = Some(position);
            }
        }
        Ok(())
    }

    fn stamp(&self, info: &PageInfo) -> Stamp {
        Stamp {
            run_id: self.shared.run_id(),
            request_id: info.request.request_id,
            extracted_at: info.request.received_at,
        }
    }

    /// Turns the located records into rows and counts them, while the next request is on its way.
    async fn decode(&mut self, body: Bytes, located: Located, info: &mut PageInfo) -> Result<Rows> {
        let stamp = self.stamp(info);
        let is_ahead = self.shared.may_go_ahead() && body.len() <= LARGE;
        let decoder = self.shared.decoder.clone();
        let work = compute(&*self.shared.config.compute, move || {
            let mut decoder = decoder.lock().unwrap_or_else(PoisonError::into_inner);
            decoder.decode(&body, &located, &stamp)
        });
        let decoded = match is_ahead {
            true => self.flights.beside(work).await?,
            false => work.await?,
        };
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

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

type Rows = (Vec<Batch>, Vec<Reject>);

/// An answer, and the request it answers.
struct Turn<'a> {
    position: &'a Position,
    url: Option<&'a Url>,
    answer: &'a Answer,
    body: Bytes,
}

impl Turn<'_> {
    /// `next` with an absolute link: it is kept, and may be followed by another run. A link that
    /// leads nowhere stays as it is, and fails when it is followed.
    fn resolved(&self, next: Next) -> Next {
        let absolute = match (&next, self.url) {
            (Next::More(Position::Url(link)), Some(url)) => request::absolute(url, link).ok(),
            _ => None,
        };
        absolute.map_or(next, |url| Next::More(Position::Url(url.into())))
    }
}

/// A page without rows.
fn bare(info: PageInfo) -> Page {
    Page {
        info,
        batches: Vec::new(),
        rejects: Vec::new(),
        raw: None,
    }
}
