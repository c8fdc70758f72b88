//! What a spec for the API of a scenario would mean.

use serde_json::{Value, json};
use tapline_spec::Plan;

use super::scenario::{Paging, Scenario};

/// The API's address. A request to any other is refused, as the transport's allow-list does.
pub(super) const HOST: &str = "http://api.test";
/// Beyond the largest position a run may store.
pub(super) const HUGE: usize = 70_000;

impl Scenario {
    /// What a spec for this API would mean.
    pub(super) fn plan(&self) -> Plan {
        let parts: Vec<String> = (0..self.parts).map(|part| format!("p{part}")).collect();
        let (path, partitions) = match self.parts {
            0 => ("/items", json!([])),
            _ => (
                "/parts/${part}/items",
                json!([{ "name": "part", "from": [{ "values": parts }] }]),
            ),
        };
        let bound = |name: &str, is_asked: bool| {
            is_asked.then(|| json!({ "name": name, "format": "iso8601" }))
        };
        let (from, to) = self.cursor.asks;
        let plan = json!({
            "connector": "simulated", "stream": "items",
            "request": { "host": HOST, "path": path, "method": "GET",
                "query": [], "headers": [], "body": null },
            "auth": { "kind": "none" },
            "content": { "path": "$.items", "siblings": { "keep": [], "skip": [] },
                "wrapper": null },
            "pagination": self.pagination(),
            "end": null, "delay_ms": 0, "maximum_request": null,
            "maximum_records": self.most,
            "total": self.total.then_some("$.total"),
            "schedule": { "start": bound("from", from), "end": bound("to", to),
                "texts": { "format": "iso8601", "incremental": "", "backfill": "" },
                "start_exclusive": self.cursor.excludes },
            "rules": [], "partitions": partitions, "columns": [],
        });
        serde_json::from_value(plan).expect("the simulator's plan is one")
    }

    fn pagination(&self) -> Value {
        let limit = json!(["limit", self.page]);
        match self.paging {
            Paging::Offset => json!({ "type": "OFFSET", "limit_name": "limit",
                "limit": self.page, "offset_name": "offset", "first": 0 }),
            Paging::Page => json!({ "type": "PAGE", "limit": limit, "page_name": "page",
                "first": 1, "last": null }),
            Paging::CountedPages => json!({ "type": "PAGE", "limit": limit, "page_name": "page",
                "first": 1, "last": { "announced": "$.pages" } }),
            Paging::Pointer => json!({ "type": "POINTER", "limit": limit, "pointer": "$.next" }),
            Paging::Token => json!({ "type": "CONTINUATION_TOKEN", "limit": limit,
                "tokens": [{ "selector": "$.next", "location": "query", "name": "after" }] }),
            Paging::LinkHeader => json!({ "type": "LINK_HEADER", "limit": limit,
                "relation": "next" }),
            Paging::None => json!({ "type": "NONE" }),
        }
    }
}
