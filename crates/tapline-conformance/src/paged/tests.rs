//! Every way of paging brings the same records, and what it must not accept is refused.

use super::*;

fn get(paged: &Paged, path: &str) -> Answered {
    let url = format!("http://h/paged/{path}").parse().unwrap();
    paged.answer(&Asked::new(&url, &HeaderMap::new(), b""))
}

fn ids(answered: &Answered) -> Vec<u64> {
    let items = answered.body.get("items").unwrap_or(&answered.body);
    let items = items.as_array().unwrap().iter();
    items.map(|item| item["id"].as_u64().unwrap()).collect()
}

#[test]
fn every_form_has_the_same_records() {
    for form in [
        "offset", "page", "pointer", "link", "token", "object", "key", "none",
    ] {
        let paged = Paged::new([3, 1, 2], []);
        assert_eq!(ids(&get(&paged, form)), [1, 2, 3], "{form}");
        let bare = get(&paged, &format!("{form}?root=array"));
        assert_eq!(ids(&bare), [1, 2, 3], "{form}");
        assert!(bare.body.is_array());
    }
    let nothing = get(&Paged::default(), "other");
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
}

#[test]
fn records_come_in_when_they_are_due() {
    let insert = |before, key| Insert { before, key };
    let paged = Paged::new([2, 4], [insert(2, 3), insert(3, 5)]);
    assert_eq!(ids(&get(&paged, "none")), [2, 4]);
    assert_eq!(ids(&get(&paged, "none")), [2, 3, 4]);
    assert_eq!(ids(&get(&paged, "offset?offset=3")), [5]);
    assert_eq!(paged.requests(), 3);
}

#[test]
fn the_end_is_told_in_many_ways() {
    let paged = Paged::new(1..=4, []);
    let past = |path| get(&paged, path).status.as_u16();
    assert_eq!(past("page?pageSize=2&pageNumber=3&past=404"), 404);
    assert_eq!(past("offset?offset=4&past=416"), 416);
    assert_eq!(
        get(&paged, "page?pageNumber=2&past=200").body["status"],
        "error"
    );
    assert_eq!(past("page?pageSize=2&pageNumber=3"), 200);
    assert_eq!(past("page?pageNumber=0"), 400);

    let last = get(&paged, "pointer?limit=4");
    assert_eq!(last.body["paging"]["next"], Value::Null);
    let trailing = get(&paged, "pointer?limit=4&links=relative&trailing=1");
    let next = "?limit=4&links=relative&trailing=1&after=k%3D4%26";
    assert_eq!(trailing.body["paging"]["next"], next);
    assert_eq!(trailing.headers["x-next-link"], next);
}
