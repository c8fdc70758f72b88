//! Loads of a whole table, of another size each: readers see the whole old table or the whole new
//! one.

use std::fs;

use serde_json::json;
use tapline_conformance::fake_api::{Counts, FakeApi};

use super::{Figures, Place, Site, Torture, keys};
use crate::support::Project;

pub(crate) const PAGE: u64 = 100;
/// Every load has another number of records than the one before.
const SIZES: [u64; 2] = [4_000, 5_000];

pub(super) struct Rig<'a> {
    place: &'a dyn Place,
    site: Site,
    /// All records, as a run to the end has brought them.
    model: Vec<String>,
    /// Records in the visible table.
    old: u64,
    /// Records of the API now.
    new: u64,
}

impl<'a> Rig<'a> {
    pub(super) fn new(place: &'a dyn Place, seed: u64) -> Self {
        let project = |api: &FakeApi| project(place, "full_load", api);
        let [fewer, more] = SIZES;
        let mut rig = Self {
            place,
            site: Site::new("/generic/token", seed, project),
            model: Vec::new(),
            old: more,
            new: fewer,
        };
        rig.serve(more);
        rig.site.complete(&["run"]);
        rig.site.load = (0, 0);
        rig.model = rig.seen();
        assert_eq!(keys(&rig.model), (1..=more).collect::<Vec<_>>());
        rig.serve(fewer);
        rig
    }

    fn serve(&self, generic: u64) {
        self.site.api.set_counts(Counts {
            generic,
            ..Counts::default()
        });
    }

    fn seen(&self) -> Vec<String> {
        rows(self.place, &self.site.project)
    }

    /// Whether the new table is visible; counts what is neither in the old nor in the new one.
    fn judge(&self, rows: &[String], figures: &mut Figures) -> bool {
        let whole = |records: u64| rows == &self.model[..records as usize];
        if !whole(self.old) && !whole(self.new) {
            let mut keys = keys(rows);
            let seen = keys.len();
            keys.dedup();
            figures.twice += (seen - keys.len()) as u64;
            figures.lost += self.old.saturating_sub(keys.len() as u64).max(1);
        }
        whole(self.new)
    }
}

impl Torture for Rig<'_> {
    fn name(&self) -> String {
        format!("full_load into {}", self.place.name())
    }

    fn kill_one(&mut self, figures: &mut Figures) {
        let pages = self.new.div_ceil(PAGE);
        let struck = self.site.strike(&["run"], pages, figures);
        let published = self.judge(&self.seen(), figures);
        self.site.enter(&struck, published, pages, figures);
        if published {
            self.site.settle(pages, figures);
            (self.old, self.new) = (self.new, self.old);
            self.serve(self.new);
        }
    }

    fn finish(&mut self, figures: &mut Figures) {
        self.site.complete(&["run"]);
        assert_eq!(
            self.seen(),
            self.model[..self.new as usize],
            "the last load"
        );
        let hidden = self.place.hidden(&self.site.project);
        assert_eq!(hidden, 0, "nothing hidden is left");
        self.site.settle(self.new.div_ceil(PAGE), figures);
    }
}

/// The visible table of a project, by id: every column but those that differ from run to run.
pub(crate) fn rows(place: &dyn Place, project: &Project) -> Vec<String> {
    let columns = [
        "id",
        "name",
        "score",
        "active",
        "note",
        "tags",
        "address",
        "updated_at",
    ];
    place.rows(project, &columns)
}

/// A project that reads the API into the table `t` of `place`.
pub(crate) fn project(place: &dyn Place, mode: &str, api: &FakeApi) -> Project {
    let project = Project::new(&format!(
        "version: 1
connections:
  c:
    connector: rest
    streams: {{ records: records.json }}
    params: {{ host: \"{}\" }}
destinations:
  warehouse: {}
pipelines:
  p:
    source: {{ connection: c, stream: records }}
    destination: {{ name: warehouse, table: t }}
    sync: {{ mode: {mode} }}
",
        api.base_url(),
        place.yaml()
    ));
    place.prepare(&project);
    let spec = json!({
        "authSpec": [],
        "sourceSpec": {
            "attributes": {
                "urlParams": { "host": "${host}", "path": "/generic/token", "method": "GET",
                    "queryParams": { "limit": PAGE.to_string() } },
                "contentPath": { "path": "$.results", "unwrap": true, "siblings": false },
                "paginationParams": { "type": "CONTINUATION_TOKEN",
                    "continuationTokenPath": "$.next_token",
                    "parameterType": "QUERYPARAM", "parameterName": "token" }
            },
            "spec": { "type": "object", "properties": { "host": { "type": "string" } },
                "required": ["host"] }
        }
    });
    fs::write(project.path("records.json"), spec.to_string()).unwrap();
    project
}
