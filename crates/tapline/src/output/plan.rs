//! What a run would do: the document of `tapline plan`, and the same in words.

mod words;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tapline_core::Window;
use uuid::Uuid;

use super::state::Cut;

/// What a run of one pipeline would do.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outline {
    /// Its name.
    pub(crate) pipeline: String,
    /// What is read.
    pub(crate) reads: Reads,
    /// The time range asked for, `[start, end)`; without bounds it is everything.
    pub(crate) window: Window,
    /// In how many ranges it is asked for, of each part.
    pub(crate) ranges: u64,
    /// Parts of which something is remembered: each is asked for what it lacks.
    pub(crate) known_parts: u64,
    /// Runs that were cut. The next one that is to fetch the same goes on with it.
    pub(crate) cut: Vec<Cut>,
    /// What is sent first, stream by stream: a parent comes before its child.
    pub(crate) requests: Vec<Opening>,
    /// Where rows go.
    pub(crate) writes: Writes,
    /// What is known of the cost.
    pub(crate) estimate: Estimate,
}

/// What is read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reads {
    /// The connection, as the project calls it.
    pub(crate) connection: String,
    /// The connector.
    pub(crate) connector: String,
    /// Its stream.
    pub(crate) stream: String,
    /// Whether the stream can be asked for a part of the time.
    pub(crate) takes_window: bool,
    /// How requests are signed.
    pub(crate) sign_in: SignIn,
    /// Whether the connector's own code changes each request before it is sent.
    pub(crate) prepared_by_connector: bool,
    /// Its parts.
    pub(crate) slices: Slices,
}

/// How requests are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignIn {
    /// Not at all.
    None,
    /// User name and password.
    Basic,
    /// A token.
    Bearer,
    /// A key.
    ApiKey,
    /// A token that a token server is asked for first, unless one is at hand.
    Oauth2,
}

/// The parts that are read one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Slices {
    /// How many there are, if that is known beforehand.
    pub(crate) count: Option<u64>,
    /// What divides the stream; nothing if it is read as a whole.
    pub(crate) by: Vec<Division>,
    /// Whether the connector's own code divides it.
    pub(crate) by_connector: bool,
}

/// A parameter that has another value in every slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Division {
    /// The parameter.
    pub(crate) name: String,
    /// How many values the spec lists.
    pub(crate) values: u64,
    /// The first of them.
    pub(crate) first: Vec<String>,
    /// The streams whose records give further values.
    pub(crate) parents: Vec<String>,
}

/// The first requests to a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Opening {
    /// The stream.
    pub(crate) stream: String,
    /// The requests, in order.
    pub(crate) first: Vec<Shown>,
    /// What comes after them.
    pub(crate) then: After,
}

/// A request as it would be sent, with `***` for what is secret and `${name}` for what is only
/// known once a parent was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    /// GET or POST.
    pub(crate) method: String,
    /// The whole URL.
    pub(crate) url: String,
    /// The headers of the spec, the pagination and the sign-in.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: Option<String>,
}

/// What comes after the first requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum After {
    /// Nothing: they are all.
    Nothing,
    /// Requests that go on like them, until the source says that it was all.
    More,
    /// What the answer says.
    Answer,
    /// What the connector's own code says.
    Connector,
    /// Nothing, because `maximumRequest` allows no more.
    Limit,
}

/// Where rows go.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Writes {
    /// The destination, as the project calls it.
    pub(crate) destination: String,
    /// `sqlite`, `postgres`, or the format of the files.
    pub(crate) format: String,
    /// The database, or the folder.
    pub(crate) path: String,
    /// The table, as it is found there.
    pub(crate) table: String,
    /// The table with the latest versions, if the mode keeps one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) staged: Option<String>,
    /// What a row is: `record`, or `body` for each response as it came.
    pub(crate) row: Row,
    /// The sync mode.
    pub(crate) sync_mode: String,
    /// Whether `run` would do this: not with a window that the mode does not take.
    pub(crate) allowed: bool,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Row {
    /// A record.
    Record,
    /// A response as it came.
    Body,
}

/// What is known of the cost. What is not known is `null`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Estimate {
    /// What the last complete run took.
    pub(crate) last_complete_run: Option<LastRun>,
    /// How many pages the spec allows at most.
    pub(crate) pages_at_most: Option<u64>,
    /// How many requests the spec allows in a minute at most.
    pub(crate) requests_per_minute: Option<u64>,
    /// The budgets that are shared with all other runs that use the same key.
    pub(crate) budgets: Vec<Budget>,
}

/// So many requests within any window of that kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Budget {
    /// The requests, after the share is taken.
    pub(crate) requests: u64,
    /// `second`, `minute` or `day`.
    pub(crate) per: &'static str,
}

/// What a run took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LastRun {
    /// The run.
    pub(crate) run_id: Uuid,
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// What it asked for.
    pub(crate) window: Window,
    /// Slices read.
    pub(crate) slices: u64,
    /// Pages read.
    pub(crate) pages: u64,
    /// Requests sent, those sent again included: what it took of a quota.
    pub(crate) requests: u64,
    /// Records read.
    pub(crate) records: u64,
    /// Bytes received.
    pub(crate) bytes: u64,
    /// How long it took, in milliseconds.
    pub(crate) duration_ms: u64,
    /// How much of that was waiting, in milliseconds.
    pub(crate) waited_ms: u64,
}
