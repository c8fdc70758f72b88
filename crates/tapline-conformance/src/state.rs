//! What every state store must do, as named cases that any crate can run on its own.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use tapline_core::{ErrorKind, Result, Secret, StateStore};

pub use crate::outcome::{Failure, Outcome, SuiteReport, Verdict};
use crate::outcome::{refused, same};

/// An empty store that can be opened more than once.
pub trait Subject: Send + Sync {
    /// A further handle on the same store, as a new process would have.
    ///
    /// # Errors
    /// The store cannot be opened.
    fn open(&self) -> Result<Arc<dyn StateStore>>;
}

type Run = for<'a> fn(&'a dyn Subject) -> BoxFuture<'a, Outcome>;

const CASES: [(&str, Run); 8] = [
    ("documents are versioned", |s| Box::pin(versions(s))),
    ("one of many writers wins", |s| Box::pin(race(s))),
    ("documents keep odd keys and values", |s| Box::pin(odd(s))),
    ("list finds a prefix and nothing else", |s| {
        Box::pin(list(s))
    }),
    ("a lease has one holder", |s| Box::pin(lease(s))),
    ("fences rise", |s| Box::pin(fences(s))),
    ("logs are numbered and read newest first", |s| {
        Box::pin(logs(s))
    }),
    ("secrets are sealed or not kept", |s| Box::pin(secrets(s))),
];

/// Runs every case, each on an empty store from `make`.
pub async fn suite<S: Subject>(make: impl Fn() -> S) -> SuiteReport {
    let mut report = SuiteReport::default();
    for (name, run) in CASES {
        report.add(name, Some(run(&make()).await));
    }
    report
}

async fn versions(subject: &dyn Subject) -> Outcome {
    let store = subject.open()?;
    same("a document never stored", store.get("n", "k").await?, None)?;
    same(
        "first version",
        store.put("n", "k", &json!(1), None).await?,
        1,
    )?;
    let again = store.put("n", "k", &json!(2), None).await;
    refused("creating it again", again, ErrorKind::Conflict)?;
    same(
        "second version",
        store.put("n", "k", &json!(2), Some(1)).await?,
        2,
    )?;
    let late = store.put("n", "k", &json!(3), Some(1)).await;
    refused("changing an old version", late, ErrorKind::Conflict)?;
    let absent = store.put("n", "absent", &json!(3), Some(1)).await;
    refused("changing what is not there", absent, ErrorKind::Conflict)?;
    let found = subject.open()?.get("n", "k").await?;
    let found = found.map(|document| (document.value, document.version));
    same("on another handle", found, Some((json!(2), 2)))?;
    same("in another namespace", store.get("m", "k").await?, None)
}

async fn race(subject: &dyn Subject) -> Outcome {
    let stores: Result<Vec<_>> = (0..8).map(|_| subject.open()).collect();
    let stores = stores?;
    let value = json!("mine");
    let puts = stores.iter().map(|store| store.put("n", "k", &value, None));
    let won = join_all(puts).await.into_iter().filter(Result::is_ok);
    same("writers that won", won.count(), 1)
}

async fn odd(subject: &dyn Subject) -> Outcome {
    let store = subject.open()?;
    let keys = ["", "a/b", "50%_", "'; drop table documents--", "é\u{1F600}"];
    let values = [
        Value::Null,
        json!(u64::MAX),
        json!({"b": 1, "a": [true]}),
        json!("\0"),
        json!(0.1),
    ];
    for (key, value) in keys.into_iter().zip(&values) {
        store.put("odd", key, value, None).await?;
    }
    for (key, value) in keys.into_iter().zip(values) {
        let found = store.get("odd", key).await?.map(|document| document.value);
        same(key, found, Some(value))?;
    }
    Ok(())
}

async fn list(subject: &dyn Subject) -> Outcome {
    let store = subject.open()?;
    for key in ["a%/1", "b", "a", "a%/2", "aa", "a_", "A"] {
        store.put("n", key, &json!(key), None).await?;
    }
    store.put("other", "a", &json!(0), None).await?;
    for (prefix, want) in [
        ("a%", vec!["a%/1", "a%/2"]),
        ("a_", vec!["a_"]),
        ("", vec!["A", "a", "a%/1", "a%/2", "a_", "aa", "b"]),
        ("c", vec![]),
    ] {
        let found = store.list("n", prefix).await?;
        let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        same(prefix, keys, want)?;
    }
    Ok(())
}

async fn lease(subject: &dyn Subject) -> Outcome {
    let (one, two) = (subject.open()?, subject.open()?);
    let held = one.lease("pipeline", Duration::ZERO).await?;
    for store in [&one, &two] {
        let second = store.lease("pipeline", Duration::from_millis(120)).await;
        refused("a second holder", second.map(drop), ErrorKind::Locked)?;
    }
    drop(two.lease("another", Duration::ZERO).await?);
    drop(held);
    drop(two.lease("pipeline", Duration::ZERO).await?);
    Ok(())
}

async fn fences(subject: &dyn Subject) -> Outcome {
    let mut last = 0;
    for _ in 0..3 {
        let lease = subject.open()?.lease("odd/näme %", Duration::ZERO).await?;
        same("a higher fence", lease.fence() > last, true)?;
        last = lease.fence();
    }
    Ok(())
}

async fn logs(subject: &dyn Subject) -> Outcome {
    let store = subject.open()?;
    for number in 1..=3 {
        same(
            "number",
            store.append("runs", &json!(number)).await?,
            number,
        )?;
    }
    same(
        "number in another log",
        store.append("audit", &json!(0)).await?,
        1,
    )?;
    let newest = subject.open()?.tail("runs", 2).await?;
    let newest: Vec<(u64, Value)> = newest.into_iter().map(|e| (e.number, e.value)).collect();
    same("newest", newest, vec![(3, json!(3)), (2, json!(2))])?;
    same("an empty log", store.tail("none", 9).await?, vec![])
}

async fn secrets(subject: &dyn Subject) -> Outcome {
    let store = subject.open()?;
    same("never sealed", store.unseal("token").await?, None)?;
    let kept = store.seal("token", &Secret::new("first")).await?;
    same(
        "sealed again",
        store.seal("token", &Secret::new("second")).await?,
        kept,
    )?;
    let want = kept.then(|| Secret::new("second"));
    let found = subject.open()?.unseal("token").await?;
    same("unsealed as sealed", found == want, true)
}
