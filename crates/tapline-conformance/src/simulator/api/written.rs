//! Pages as they go over the wire.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use tapline_core::{BodyStream, Error, ErrorKind};

use super::asked::{Window, token};
use super::{Page, SimApi};
use crate::simulator::lie::Lie;
use crate::simulator::plan::{HOST, HUGE};
use crate::simulator::records::{write_cursor, write_record};
use crate::simulator::scenario::Paging;
use crate::simulator::timeline::Timeline;

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    /// The header `Link`.
    pub(super) link: Option<String>,
    body: Bytes,
    /// Whether it comes at the second attempt.
    pub(super) is_late: bool,
    way: Way,
}

/// How a body comes.
enum Way {
    Whole,
    Slow,
    Reset,
}

impl Reply {
    /// An answer without a page.
    pub(super) fn of(status: u16, body: &'static str) -> Self {
        Self {
            status,
            link: None,
            body: Bytes::from_static(body.as_bytes()),
            is_late: false,
            way: Way::Whole,
        }
    }

    /// The same, of which only the first half comes.
    pub(super) fn cut(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    /// The same, with a connection that is reset on the way.
    pub(super) fn reset(self) -> Self {
        Self {
            way: Way::Reset,
            ..self
        }
    }

    /// The same, in its time.
    pub(super) fn slow(self) -> Self {
        Self {
            way: Way::Slow,
            ..self
        }
    }

    /// The same, at the second attempt.
    pub(super) fn late(self) -> Self {
        Self {
            is_late: true,
            ..self
        }
    }

    /// The body as it comes.
    pub(super) fn body(self, timeline: Timeline) -> BodyStream {
        let half = self.body.len() / 2;
        let (first, second) = (self.body.slice(..half), self.body.slice(half..));
        match self.way {
            Way::Whole => stream::iter([Ok(self.body)]).boxed(),
            Way::Reset => {
                let message = "the body broke off";
                let error = Error::new(ErrorKind::Unavailable, "read body", message);
                stream::iter([Ok(first), Err(error)]).boxed()
            }
            Way::Slow => stream::iter([first, second])
                .then(move |chunk| {
                    let timeline = timeline.clone();
                    async move {
                        timeline.wait(Duration::from_secs(10)).await;
                        Ok(chunk)
                    }
                })
                .boxed(),
        }
    }
}

impl SimApi {
    /// Writes `page` down, and what of `lie` is about that.
    pub(super) fn write(&self, page: &Page, window: Window, lie: Option<Lie>) -> Reply {
        let (is_time, is_wide) = (
            self.scenario.cursor.is_time,
            matches!(lie, Some(Lie::Widen(_))),
        );
        let mut text = String::from("{\"items\":[");
        for (index, version) in page.items.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            write_record(&mut text, version, is_time, is_wide);
        }
        text.push(']');
        // Writing to a string cannot fail.
        if self.scenario.total {
            let _ = write!(text, ",\"total\":{}", page.total);
        }
        let mut link = None;
        match self.scenario.paging {
            Paging::Offset | Paging::Page | Paging::None => {}
            Paging::CountedPages => {
                let _ = write!(text, ",\"pages\":{}", page.pages);
            }
            Paging::Pointer | Paging::Token => {
                let next = self.next(page, window, lie);
                let _ = match next {
                    None => write!(text, ",\"next\":null"),
                    Some(_) if matches!(lie, Some(Lie::OddNext(_))) => {
                        write!(text, ",\"next\":{{\"href\":1}}")
                    }
                    Some(next) => write!(text, ",\"next\":\"{next}\""),
                };
            }
            Paging::LinkHeader => {
                link = self
                    .next(page, window, lie)
                    .map(|next| format!("<{next}>; rel=\"next\""));
            }
        }
        text.push('}');
        Reply {
            status: 200,
            link,
            body: text.into(),
            is_late: false,
            way: Way::Whole,
        }
    }

    /// What leads on from `page`.
    fn next(&self, page: &Page, window: Window, lie: Option<Lie>) -> Option<String> {
        let next = page.next?;
        let token = match lie {
            Some(Lie::HugeNext(_)) => "t".repeat(HUGE),
            _ => token(next, self.run),
        };
        Some(match (self.scenario.paging, lie) {
            (Paging::Token, _) => token,
            (_, Some(Lie::ForeignNext(_))) => "http://elsewhere.test/items".to_owned(),
            _ => format!("{HOST}{}after={token}", self.place(window)),
        })
    }

    /// What a link into `window` begins with.
    fn place(&self, window: Window) -> String {
        let mut place = match self.scenario.parts {
            0 => "/items?".to_owned(),
            _ => format!("/parts/p{}/items?", window.part),
        };
        let after = i64::from(self.scenario.cursor.excludes);
        let from = window.from.map(|from| from - after);
        for (name, bound) in [("from", from), ("to", window.to)] {
            if let Some(at) = bound {
                let mut text = String::new();
                write_cursor(&mut text, at, self.scenario.cursor.is_time);
                // Writing to a string cannot fail.
                let _ = write!(place, "{name}={}&", text.trim_matches('"'));
            }
        }
        place
    }
}
