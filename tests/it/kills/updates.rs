//! Updates and backfills of a table that rows are added to: each row is there once, and what was
//! there stays.

use std::fs;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tapline_conformance::fake_api::{Counts, FakeApi};

use super::{Figures, Place, Site, Torture, keys};
use crate::support::Project;

const PAGE: u64 = 20;
/// The first run of a table begins with this member, so that backfills have something to fetch.
const MIDDLE: u64 = 4_000;
/// All members that the API ever has.
pub(crate) const MEMBERS: u64 = 8_000;
/// How many are to come in a load.
const MORE: Range<u64> = 20..300;
/// The number of the first member.
const FIRST: u64 = 500_000_000;
/// 2024-01-01T00:00:00Z, when the first member changed; each further one did so a minute later.
const EPOCH: i64 = 1_704_067_200;

/// What is run until it is over.
enum Load {
    Update,
    /// From this member on.
    Backfill(u64),
}

pub(super) struct Rig<'a> {
    place: &'a dyn Place,
    seed: u64,
    site: Site,
    /// All members, as the load of a whole table has brought them.
    model: Vec<String>,
    /// The members that are there.
    old: Range<u64>,
    /// The members that are there after the load.
    new: Range<u64>,
    load: Load,
}

impl<'a> Rig<'a> {
    pub(super) fn new(place: &'a dyn Place, seed: u64) -> Self {
        let mut site = site(place, "full_load", seed);
        serve(&site.api, MEMBERS);
        site.complete(&["run"]);
        let model = rows(place, &site.project);
        let all: Vec<u64> = (FIRST..FIRST + MEMBERS).collect();
        assert_eq!(keys(&model), all, "the model");
        let mut rig = Self {
            place,
            seed,
            site,
            model,
            old: MIDDLE..MIDDLE,
            new: MIDDLE..MIDDLE,
            load: Load::Update,
        };
        rig.begin();
        rig
    }

    /// Begins with a table that has no rows.
    fn begin(&mut self) {
        self.seed += 1;
        self.site = site(self.place, "incremental", self.seed);
        self.site.whole = Duration::from_millis(500);
        self.new = MIDDLE..MIDDLE;
        self.next();
    }

    /// Decides what is loaded next.
    fn next(&mut self) {
        let more = MORE.start + self.site.random.below(MORE.end - MORE.start);
        self.old = self.new.clone();
        if !self.old.is_empty() && self.site.random.chance(40) {
            self.new.start -= more;
            self.load = Load::Backfill(self.new.start);
        } else {
            self.new.end += more;
            self.load = Load::Update;
            serve(&self.site.api, self.new.end);
        }
    }

    fn command(&self) -> Vec<String> {
        match self.load {
            Load::Update => vec!["run".to_owned()],
            Load::Backfill(from) => {
                let from = Timestamp::from_second(EPOCH + 60 * from.cast_signed()).unwrap();
                let words = ["backfill", "p", "--from", &from.to_string()];
                words.map(str::to_owned).to_vec()
            }
        }
    }

    /// Pages that the load needs, with the empty one at the end. An update asks for the newest
    /// member again.
    fn pages(&self) -> u64 {
        let more = (self.old.start - self.new.start) + (self.new.end - self.old.end);
        let again = matches!(self.load, Load::Update) && !self.old.is_empty();
        (more + u64::from(again)).div_ceil(PAGE) + 1
    }

    /// Whether all rows of the load are there. Counts what is there twice, what is missing of what
    /// was there before, and what no load has asked for yet.
    fn judge(&self, figures: &mut Figures) -> bool {
        let mut seen = rows(self.place, &self.site.project);
        let rows = seen.len();
        seen.dedup();
        figures.twice += (rows - seen.len()) as u64;
        let members = |range: &Range<u64>| &self.model[range.start as usize..range.end as usize];
        let (old, new) = (members(&self.old), members(&self.new));
        // Numbers are of the same length, so their order is that of the rows.
        let missing = old.iter().filter(|row| seen.binary_search(row).is_err());
        let strange = seen.iter().filter(|row| new.binary_search(row).is_err());
        figures.lost += (missing.count() + strange.count()) as u64;
        seen == new
    }

    /// Ends a load whose rows are all there, and begins another. A run that was killed may not
    /// have come to saying so.
    fn close(&mut self, figures: &mut Figures) {
        self.site.settle(self.pages(), figures);
        let before = self.site.asked();
        let run = self.site.run(&self.command());
        let is_over = run.code == 2 && run.stdout.contains("nothing to backfill");
        assert!(run.code == 0 || is_over, "{run}");
        assert!(self.site.asked() - before <= 2, "all was there: {run}");
        assert!(self.judge(figures), "nothing was added: {run}");
    }
}

impl Torture for Rig<'_> {
    fn name(&self) -> String {
        format!("incremental into {}", self.place.name())
    }

    fn kill_one(&mut self, figures: &mut Figures) {
        let pages = self.pages();
        let struck = self.site.strike(&self.command(), pages, figures);
        let is_whole = self.judge(figures);
        self.site.enter(&struck, is_whole, pages, figures);
        if !is_whole {
            return;
        }
        self.close(figures);
        let room = self.new.start > MORE.end && self.new.end + MORE.end < MEMBERS;
        match room {
            true => self.next(),
            false => self.begin(),
        }
    }

    fn finish(&mut self, figures: &mut Figures) {
        self.site.complete(&self.command());
        self.close(figures);
        let hidden = self.place.hidden(&self.site.project);
        assert_eq!(hidden, 0, "nothing hidden is left");
    }
}

pub(crate) fn rows(place: &dyn Place, project: &Project) -> Vec<String> {
    let columns = [
        "web_id",
        "id",
        "email_address",
        "last_changed",
        "merge_fields",
    ];
    place.rows(project, &columns)
}

pub(crate) fn serve(api: &FakeApi, members: u64) {
    api.set_counts(Counts {
        members,
        ..Counts::default()
    });
}

fn site(place: &dyn Place, mode: &str, seed: u64) -> Site {
    let order = match seed % 2 {
        0 => "ascending",
        _ => "unordered",
    };
    // Of incremental loads the first begins with the member `MIDDLE`.
    let start = match mode {
        "incremental" => ", start: \"2024-01-03T18:40:00Z\"",
        _ => "",
    };
    let sync = format!("mode: {mode}, order: {order}{start}");
    Site::new("/3.0/lists/x/members", seed, |api| {
        project(place, &sync, api)
    })
}

/// A project that reads members into the table `t` of `place`.
pub(crate) fn project(place: &dyn Place, sync: &str, api: &FakeApi) -> Project {
    let project = Project::new(&format!(
        "version: 1
connections:
  c:
    connector: rest
    streams: {{ members: members.json }}
    auth: {{ params: {{ username: ann, password: \"${{env:KEY}}\" }} }}
    params: {{ host: \"{}\" }}
destinations:
  warehouse: {}
pipelines:
  p:
    source: {{ connection: c, stream: members }}
    destination: {{ name: warehouse, table: t }}
    sync: {{ {sync} }}
",
        api.base_url(),
        place.yaml()
    ));
    place.prepare(&project);
    let text = json!({ "type": "string" });
    let secret = json!({ "type": "string", "format": "password" });
    let spec = json!({
        "authSpec": [{
            "name": "Key", "type": "BasicAuthentication",
            "spec": { "type": "object", "properties": { "username": text, "password": secret } }
        }],
        "sourceSpec": {
            "attributes": {
                "urlParams": { "host": "${host}", "path": "/3.0/lists/x/members", "method": "GET" },
                "contentPath": { "path": "$.members", "unwrap": true, "siblings": false },
                "paginationParams": { "type": "OFFSET", "limitName": "count",
                    "limitValue": PAGE, "offsetName": "offset" },
                "responseParams": { "total": "$.total_items" },
                "scheduleParams": {
                    "scheduleStartParamName": "since_last_changed",
                    "scheduleEndParamName": "before_last_changed",
                    "scheduleStartParamFormat": "yyyy-MM-ddTHH:mm:ssZ",
                    "scheduleEndParamFormat": "yyyy-MM-ddTHH:mm:ssZ"
                },
                "incrementalParams": { "cursor": "last_changed", "primaryKeys": ["id"] }
            },
            "spec": { "type": "object", "properties": { "host": { "type": "string" } },
                "required": ["host"] }
        }
    });
    fs::write(project.path("members.json"), spec.to_string()).unwrap();
    project
}
