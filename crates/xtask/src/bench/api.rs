//! An API that takes its time, and keeps an account of it.
//!
//! It answers from memory and knows when it was at work, so what is left of a run is the reader's.

use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::measure::now;

/// A running API; it serves as long as the process lives.
pub(crate) struct Api {
    host: String,
    account: Arc<Mutex<Account>>,
}

/// What an API has seen.
#[derive(Clone, Copy, Default)]
pub(crate) struct Account {
    first: Option<Instant>,
    last: Option<Instant>,
    /// Requests that were answered.
    pub(crate) requests: u32,
    /// How long it was at work, all requests added up.
    pub(crate) busy: Duration,
    open: u32,
    /// Requests at one time, at most.
    pub(crate) beside: u32,
}

/// What is answered to the target of a request, as JSON.
type Answer = dyn Fn(&str) -> Vec<u8> + Send + Sync;

impl Api {
    /// Starts one that answers after `delay`.
    pub(crate) fn start(
        delay: Duration,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
        let host = format!("http://{}", listener.local_addr()?);
        let account = Arc::new(Mutex::new(Account::default()));
        let (answer, shared): (Arc<Answer>, _) = (Arc::new(answer), account.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, account) = (answer.clone(), shared.clone());
                // A reader that closes the connection in the middle has its reasons.
                thread::spawn(move || serve(stream, delay, &*answer, &account));
            }
        });
        Ok(Self { host, account })
    }

    /// Its address: `http://127.0.0.1:12345`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What it has seen.
    pub(crate) fn account(&self) -> Account {
        *lock(&self.account)
    }
}

impl Account {
    /// From the first request to the last answer.
    pub(crate) fn span(&self) -> Duration {
        let ends = self.first.zip(self.last);
        ends.map_or(Duration::ZERO, |(first, last)| last - first)
    }

    fn enter(&mut self, at: Instant) {
        self.first.get_or_insert(at);
        self.open += 1;
        self.beside = self.beside.max(self.open);
    }

    fn leave(&mut self, since: Instant, at: Instant) {
        self.last = Some(at);
        self.requests += 1;
        self.open -= 1;
        self.busy += at - since;
    }
}

fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of one connection.
fn serve(
    mut stream: TcpStream,
    delay: Duration,
    answer: &Answer,
    account: &Mutex<Account>,
) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(target) = target(&mut reader)? {
        let start = now();
        lock(account).enter(start);
        thread::sleep(delay);
        let body = answer(&target);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body));
        lock(account).leave(start, now());
        sent?;
    }
    Ok(())
}

/// The target of the next request; `None` once the connection is closed.
fn target(reader: &mut impl BufRead) -> Result<Option<String>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let target = first.split(' ').nth(1).context("no HTTP")?;
    Ok(Some(target.to_owned()))
}

/// The number that stands behind `name=` in `target`; 0 if there is none.
pub(crate) fn number(target: &str, name: &str) -> u64 {
    let value = value(target, name).unwrap_or_default();
    value.parse().unwrap_or(0)
}

/// What stands behind `name=` in `target`.
pub(crate) fn value<'a>(target: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = target.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

#[test]
fn parameters_are_found_by_name() {
    assert_eq!(number("/items?limit=100&offset=300", "offset"), 300);
    assert_eq!(number("/items", "offset"), 0);
    assert_eq!(value("/items?a=b", "a"), Some("b"));
}

#[test]
fn requests_follow_each_other_on_a_connection() {
    let mut sent = &b"GET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n"[..];
    assert_eq!(target(&mut sent).unwrap().as_deref(), Some("/a"));
    assert_eq!(target(&mut sent).unwrap().as_deref(), Some("/b"));
    assert_eq!(target(&mut sent).unwrap(), None);
}
