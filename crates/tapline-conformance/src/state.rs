//! What every state store must do, as named cases that any crate can run on its own.

mod leases;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use tapline_core::{ErrorKind, LogEntry, Result, Secret, StateStore};

pub use crate::outcome::{Failure, Outcome, SuiteReport, Verdict};
use crate::outcome::{refused, same};

/// An empty store that can be opened more than once.
#[async_trait]
pub trait Subject: Send + Sync {
    /// A further handle on the same store, as a new process would have.
    ///
    /// # Errors
    /// The store cannot be opened.
    async fn open(&self) -> Result<Arc<dyn StateStore>>;

    /// Notes in the store that a newer tapline has written it.
    async fn age(&self);

    /// Ends from outside whatever holds leases, as the death of their processes would. `false` if
    /// this store's leases can only die with their process.
    async fn kill_holders(&self) -> bool {
        false
    }
}

/// How many write at once.
const CROWD: u64 = 8;
/// How often each of them does.
const TIMES: u64 = 10;

type Run = for<'a> fn(&'a dyn Subject) -> BoxFuture<'a, Outcome>;

const CASES: [(&str, Run); 14] = [
    ("documents are versioned", |s| Box::pin(versions(s))),
    ("one of many writers wins", |s| Box::pin(race(s))),
    ("no change of many writers is lost", |s| Box::pin(count(s))),
    ("documents keep odd keys and values", |s| Box::pin(odd(s))),
    ("list finds a prefix and nothing else", |s| {
        Box::pin(list(s))
    }),
    ("a lease has one holder", |s| Box::pin(leases::one(s))),
    ("a lease is waited for", |s| Box::pin(leases::waits(s))),
    ("fences rise", |s| Box::pin(leases::fences(s))),
    ("a fence is above what was seen", |s| {
        Box::pin(leases::above(s))
    }),
    ("logs are numbered and read newest first", |s| {
        Box::pin(logs(s))
    }),
    ("logs keep their newest entries", |s| Box::pin(long_log(s))),
    ("logs keep the order of many writers", |s| {
        Box::pin(crowded_log(s))
    }),
    ("secrets are sealed or not kept", |s| Box::pin(secrets(s))),
    ("the state of a newer version is refused", |s| {
        Box::pin(newer(s))
    }),
];

/// Runs every case, each on an empty store from `make`.
pub async fn suite<S: Subject>(make: impl Fn() -> S) -> SuiteReport {
    let mut report = SuiteReport::default();
    for (name, run) in CASES {
        report.add(name, Some(run(&make()).await));
    }
    let outcome = leases::death(&make()).await;
    report.add("the death of a holder frees its leases", outcome);
    report
}

/// `CROWD` handles on the store.
async fn crowd(subject: &dyn Subject) -> Result<Vec<Arc<dyn StateStore>>> {
    let stores = join_all((0..CROWD).map(|_| subject.open())).await;
    stores.into_iter().collect()
}

async fn versions(subject: &dyn Subject) -> Outcome {
    let store = subject.open().await?;
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
    let found = subject.open().await?.get("n", "k").await?;
    let found = found.map(|document| (document.value, document.version));
    same("on another handle", found, Some((json!(2), 2)))?;
    same("in another namespace", store.get("m", "k").await?, None)
}

async fn race(subject: &dyn Subject) -> Outcome {
    let stores = crowd(subject).await?;
    let value = json!("mine");
    let puts = stores.iter().map(|store| store.put("n", "k", &value, None));
    let won = join_all(puts).await.into_iter().filter(Result::is_ok);
    same("writers that won", won.count(), 1)
}

async fn count(subject: &dyn Subject) -> Outcome {
    let stores = crowd(subject).await?;
    stores[0].put("n", "k", &json!(0), None).await?;
    let counts = stores.iter().map(|store| async move {
        for _ in 0..TIMES {
            add_one(&**store).await?;
        }
        Outcome::Ok(())
    });
    join_all(counts).await.into_iter().collect::<Outcome>()?;
    let found = stores[0].get("n", "k").await?;
    let found = found.map(|document| document.value);
    same("changes", found, Some(json!(CROWD * TIMES)))
}

/// Adds one to a document that others change, too.
async fn add_one(store: &dyn StateStore) -> Outcome {
    loop {
        let found = store.get("n", "k").await?;
        let found = found.ok_or_else(|| Failure("the document is gone".to_owned()))?;
        let next = json!(found.value.as_u64().map(|value| value + 1));
        match store.put("n", "k", &next, Some(found.version)).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            result => return Ok(result.map(drop)?),
        }
    }
}

async fn odd(subject: &dyn Subject) -> Outcome {
    let store = subject.open().await?;
    let keys = [
        "",
        "a/b",
        "50%_",
        "'; drop table documents--",
        "é\u{1F600}",
        "a\0b",
        "\u{1}",
    ];
    let values = [
        Value::Null,
        json!(u64::MAX),
        json!({"b": 1, "a": [true]}),
        json!("\0"),
        json!(0.1),
        json!("nul"),
        json!(1),
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
    let store = subject.open().await?;
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

async fn logs(subject: &dyn Subject) -> Outcome {
    let store = subject.open().await?;
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
    let newest = subject.open().await?.tail("runs", 2).await?;
    let newest: Vec<(u64, Value)> = newest.into_iter().map(|e| (e.number, e.value)).collect();
    same("newest", newest, vec![(3, json!(3)), (2, json!(2))])?;
    same("an empty log", store.tail("none", 9).await?, vec![])
}

async fn long_log(subject: &dyn Subject) -> Outcome {
    let store = subject.open().await?;
    store.append("other", &json!(0)).await?;
    for number in 1..=LogEntry::KEPT + 5 {
        store.append("runs", &json!(number)).await?;
    }
    let entries = subject.open().await?.tail("runs", u32::MAX).await?;
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
    let wanted: Vec<u64> = (6..=LogEntry::KEPT + 5).rev().collect();
    same("numbers", numbers, wanted)?;
    same("in another log", store.tail("other", 9).await?.len(), 1)
}

async fn crowded_log(subject: &dyn Subject) -> Outcome {
    let stores = crowd(subject).await?;
    let appends = stores.iter().enumerate().map(|(who, store)| async move {
        for time in 0..TIMES {
            store.append("runs", &json!([who, time])).await?;
        }
        Outcome::Ok(())
    });
    join_all(appends).await.into_iter().collect::<Outcome>()?;
    let mut entries = stores[0].tail("runs", 1000).await?;
    entries.reverse();
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.number).collect();
    let wanted: Vec<u64> = (1..=CROWD * TIMES).collect();
    same("numbers", numbers, wanted)?;
    for who in 0..CROWD {
        let own = entries.iter().filter(|entry| entry.value[0] == who);
        let times: Vec<_> = own.map(|entry| entry.value[1].as_u64()).collect();
        same("order of one", times, (0..TIMES).map(Some).collect())?;
    }
    Ok(())
}

async fn secrets(subject: &dyn Subject) -> Outcome {
    let store = subject.open().await?;
    same("never sealed", store.unseal("token").await?, None)?;
    let kept = store.seal("token", &Secret::new("first")).await?;
    same(
        "sealed again",
        store.seal("token", &Secret::new("second")).await?,
        kept,
    )?;
    let want = kept.then(|| Secret::new("second"));
    let found = subject.open().await?.unseal("token").await?;
    same("unsealed as sealed", found == want, true)
}

async fn newer(subject: &dyn Subject) -> Outcome {
    let store = subject.open().await?;
    store.put("n", "k", &json!(1), None).await?;
    subject.age().await;
    let opened = subject.open().await;
    let said = opened.as_ref().err().map(ToString::to_string);
    refused("opening it", opened.map(drop), ErrorKind::State)?;
    let named = said.is_some_and(|said| said.contains("written by a newer tapline"));
    same("the reason is said", named, true)
}
