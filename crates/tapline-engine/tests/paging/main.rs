//! Every way of paging against an API that has random records, random page sizes, and records that
//! come in between two pages.
//!
//! What is asserted depends on what the API's own contract allows:
//!
//! * Links, tokens and keys continue after a record, so nothing is lost and nothing comes twice,
//!   whatever comes in. What comes in ahead is read, too.
//! * Offsets and page numbers count records. Without inserts they bring every record once, in order.
//!   An insert before the cursor pushes a record that was read onto the next page: it comes twice.
//!   Nothing is lost, and no more comes twice than came in. If a whole page comes twice, the run
//!   says that it is short.
//! * All of them end, and no later than one request after the last page.
//!
//! Records that are deleted between two pages are another matter: what counts records then loses
//! some, and no reader can know.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod queries;
mod source;

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use serde_json::{Value, json};
use tapline_conformance::paged::{Insert, Paged};
use tapline_core::{EndSignal, ShortReason};

use source::{Read, plan, read};

/// An API, and how it is asked.
#[derive(Clone, Debug)]
struct World {
    keys: BTreeSet<u64>,
    inserts: Vec<Insert>,
    limit: u64,
    /// Whether the body is a bare array.
    is_bare: bool,
    is_relative: bool,
    /// Whether the last page has a token or link, too.
    is_trailing: bool,
}

fn worlds() -> impl Strategy<Value = World> {
    let inserts = vec((1_u64..12, 0_u64..300), 0..12);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (btree_set(0_u64..300, 0..40), inserts, 1_u64..9, flags).prop_map(
        |(keys, inserts, limit, (is_bare, is_relative, is_trailing))| World {
            keys,
            inserts: inserts
                .into_iter()
                .map(|(before, key)| Insert { before, key })
                .collect(),
            limit,
            is_bare,
            is_relative,
            is_trailing,
        },
    )
}

impl World {
    /// What is there after all inserts.
    fn all(&self) -> BTreeSet<u64> {
        let inserted = self.inserts.iter().map(|insert| insert.key);
        self.keys.iter().copied().chain(inserted).collect()
    }

    /// Reads `form` as `pagination` says; `request` and the like as [`plan`] has them.
    fn read(&self, form: &str, pagination: Value, more: Value) -> Read {
        let mut query = Vec::new();
        let flags = [
            (self.is_bare, ["root", "array"]),
            (self.is_relative, ["links", "relative"]),
            (self.is_trailing, ["trailing", "1"]),
        ];
        query.extend(flags.iter().filter(|(is, _)| *is).map(|(_, pair)| *pair));
        let content = if self.is_bare { "$" } else { "$.items" };
        let plan = plan(form, &query, content, pagination, more);
        let paged = Paged::new(self.keys.clone(), self.inserts.clone());
        read(plan, paged)
    }

    fn limit(&self) -> Value {
        json!(["limit", self.limit])
    }

    /// The ways that go on after a record.
    fn by_key(&self) -> Vec<(&'static str, Value, Value)> {
        let token = |selector: &str, location: &str, name: Option<&str>| {
            let token = json!({"selector": selector, "location": location, "name": name});
            json!({"type": "CONTINUATION_TOKEN", "limit": self.limit(), "tokens": [token]})
        };
        let pointer =
            |selector: &str| json!({"type": "POINTER", "limit": self.limit(), "pointer": selector});
        let posted = |body: Value| json!({"method": "POST", "body": {"json": body}});
        let link = json!({"type": "LINK_HEADER", "limit": self.limit(), "relation": "next"});
        let (get, post) = (json!({}), posted(json!({})));
        // The response of a bare array holds its link or token in a header.
        let mut ways = vec![
            ("link", link, get.clone()),
            ("pointer", pointer("headers.x-next-link"), get.clone()),
            (
                "token",
                token("headers.x-next-token", "query", Some("page[after]")),
                get.clone(),
            ),
            (
                "token",
                token("headers.x-next-token", "header", Some("x-after")),
                get.clone(),
            ),
            (
                "token",
                token("headers.x-next-token", "body", Some("page.after")),
                post.clone(),
            ),
        ];
        if !self.is_bare {
            let cursor = "$.meta.after_cursor";
            ways.extend([
                ("pointer", pointer("$.paging.next"), get.clone()),
                (
                    "token",
                    token(cursor, "query", Some("page[after]")),
                    get.clone(),
                ),
                (
                    "token",
                    token(cursor, "body", Some("page.after")),
                    post.clone(),
                ),
                ("object", token("$.continue", "query", None), get),
                ("key", token("$.last", "body", Some("start")), post),
            ]);
        }
        ways
    }

    /// The ways that count records.
    fn by_number(&self) -> Vec<(&'static str, Value, Value)> {
        let offset = json!({"type": "OFFSET", "limit_name": "limit", "limit": self.limit,
            "offset_name": "offset", "first": 0});
        let page = |last: Value| {
            json!({"type": "PAGE", "limit": ["pageSize", self.limit], "page_name": "pageNumber",
                "first": 1, "last": last})
        };
        let end = json!({"end": {"selector": "$.hasMore", "condition": "Const:false"}});
        let rule = json!({"rules": [{"status": [[404, 404]], "when": null, "action": "end"}],
            "request_query": [["past", "404"]]});
        let announced = json!({"announced": "headers.x-pagecount"});
        let mut ways = vec![
            ("offset", offset.clone(), json!({})),
            ("offset", offset.clone(), rule.clone()),
            ("page", page(Value::Null), json!({})),
            ("page", page(Value::Null), rule),
            ("page", page(announced), json!({})),
        ];
        if !self.is_bare {
            ways.push(("offset", offset, end));
        }
        ways
    }
}

/// Fewer cases than usual: each reads all the ways there are.
fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_goes_on_after_a_record_loses_and_repeats_nothing(world in worlds()) {
        for (form, pagination, more) in world.by_key() {
            let read = world.read(form, pagination, more);
            prop_assert_eq!(&read.short, &None, "{}", form);
            prop_assert!(
                matches!(read.end, Some(EndSignal::NoNext | EndSignal::EmptyPage)),
                "{}: {:?}", form, read.end
            );
            prop_assert!(read.ids.is_sorted_by(|a, b| a < b), "{}: {:?}", form, read.ids);
            let ids: BTreeSet<u64> = read.ids.iter().copied().collect();
            prop_assert!(ids.is_superset(&world.keys), "{}: {:?}", form, read.ids);
            prop_assert!(ids.is_subset(&world.all()), "{}: {:?}", form, read.ids);
            // What came in after a page that was not full makes another one.
            let pages = (ids.len() as u64).div_ceil(world.limit) + world.inserts.len() as u64;
            prop_assert!(read.requests <= pages + 1, "{}: {} requests", form, read.requests);
        }
    }

    #[test]
    fn what_counts_records_loses_nothing(world in worlds()) {
        for (form, pagination, more) in world.by_number() {
            let read = world.read(form, pagination, more);
            let ids: BTreeSet<u64> = read.ids.iter().copied().collect();
            prop_assert!(ids.is_subset(&world.all()), "{}: {:?}", form, read.ids);
            let again = read.ids.len() - ids.len();
            prop_assert!(again <= world.inserts.len(), "{}: {:?}", form, read.ids);
            let pages = (world.all().len() as u64).div_ceil(world.limit);
            prop_assert!(read.requests <= pages + 1, "{}: {} requests", form, read.requests);
            match read.short {
                None => {
                    prop_assert!(read.end.is_some(), "{}", form);
                    prop_assert!(ids.is_superset(&world.keys), "{}: {:?}", form, read.ids);
                }
                short => prop_assert_eq!(short, Some(ShortReason::RepeatedPage), "{}", form),
            }
        }
    }

    #[test]
    fn without_inserts_every_record_comes_once_and_in_order(mut world in worlds()) {
        world.inserts.clear();
        let keys: Vec<u64> = world.keys.iter().copied().collect();
        let none = ("none", json!({"type": "NONE"}), json!({}));
        let ways = world.by_number().into_iter().chain(world.by_key()).chain([none]);
        for (form, pagination, more) in ways {
            let read = world.read(form, pagination, more);
            prop_assert_eq!(&read.ids, &keys, "{}", form);
            prop_assert_eq!(read.short, None, "{}", form);
            prop_assert!(read.end.is_some(), "{}", form);
        }
    }

    #[test]
    fn a_run_that_goes_on_where_another_stopped_reads_the_rest(mut world in worlds(), cut in 0_usize..6) {
        world.inserts.clear();
        let keys: Vec<u64> = world.keys.iter().copied().collect();
        for (form, pagination, more) in world.by_number().into_iter().chain(world.by_key()) {
            let whole = world.read(form, pagination.clone(), more.clone());
            let Some((position, before)) = whole.cuts.get(cut).cloned() else {
                continue;
            };
            let query: Vec<_> = whole.query.iter().map(|[a, b]| [a.as_str(), b.as_str()]).collect();
            let content = if world.is_bare { "$" } else { "$.items" };
            let plan = plan(form, &query, content, pagination, more);
            let rest = source::read_from(plan, Paged::new(keys.clone(), []), Some(position));
            prop_assert_eq!(&rest.ids, &keys[before..], "{}", form);
        }
    }
}
