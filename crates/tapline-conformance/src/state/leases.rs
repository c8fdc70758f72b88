//! What leases must do.

use std::time::Duration;

use futures::future::join;
use tapline_core::{ErrorKind, StateStore};

use super::{Failure, Outcome, Subject, refused, same};

/// How long a lease that was given up may take to be free, where a server has to be told.
const MOMENT: Duration = Duration::from_secs(20);
/// How often the store is asked for something while others do theirs.
const CALLS: usize = 1000;

pub(super) async fn one(subject: &dyn Subject) -> Outcome {
    let (one, two) = (subject.open().await?, subject.open().await?);
    let held = one.lease("pipeline", Duration::ZERO, 0).await?;
    for store in [&one, &two] {
        let second = store.lease("pipeline", Duration::from_millis(120), 0).await;
        refused("a second holder", second.map(drop), ErrorKind::Locked)?;
    }
    drop(two.lease("another", Duration::ZERO, 0).await?);
    drop(held);
    drop(two.lease("pipeline", MOMENT, 0).await?);
    Ok(())
}

pub(super) async fn waits(subject: &dyn Subject) -> Outcome {
    let (one, two) = (subject.open().await?, subject.open().await?);
    let held = one.lease("pipeline", Duration::ZERO, 0).await?;
    let fence = held.fence();
    let waiting = two.lease("pipeline", MOMENT, 0);
    let released = async {
        let called = call(&*one, CALLS / 50).await;
        drop(held);
        called
    };
    let (lease, called) = join(waiting, released).await;
    called?;
    same("a higher fence", lease?.fence() > fence, true)
}

pub(super) async fn fences(subject: &dyn Subject) -> Outcome {
    let mut last = 0;
    for _ in 0..3 {
        let store = subject.open().await?;
        let lease = store.lease("odd/näme %\0", MOMENT, 0).await?;
        same("a higher fence", lease.fence() > last, true)?;
        same("it is held", lease.lost().is_none(), true)?;
        last = lease.fence();
    }
    Ok(())
}

/// What a lease protects may have seen fences that the store has not: that of another store, or of one
/// that was lost.
pub(super) async fn above(subject: &dyn Subject) -> Outcome {
    let store = subject.open().await?;
    let far = store.lease("pipeline", MOMENT, 5_000).await?.fence();
    same("a fence above what was seen", far > 5_000, true)?;
    let next = store.lease("pipeline", MOMENT, 3).await?.fence();
    same("a higher fence", next > far, true)
}

/// `None` if the subject has no way to kill a holder.
pub(super) async fn death(subject: &dyn Subject) -> Option<Outcome> {
    let outcome = killed(subject).await;
    outcome.map(|killed| killed.then_some(())).transpose()
}

async fn killed(subject: &dyn Subject) -> Result<bool, Failure> {
    let (one, two) = (subject.open().await?, subject.open().await?);
    let held = one.lease("pipeline", Duration::ZERO, 0).await?;
    if !subject.kill_holders().await {
        return Ok(false);
    }
    let next = two.lease("pipeline", MOMENT, 0).await?;
    same("a higher fence", next.fence() > held.fence(), true)?;
    for _ in 0..CALLS {
        if held.lost().is_some() {
            return Ok(true);
        }
        call(&*one, 1).await?;
    }
    Err(Failure("the holder has not noticed".to_owned()))
}

/// Asks for something, so that time goes by.
async fn call(store: &dyn StateStore, times: usize) -> Outcome {
    for _ in 0..times {
        store.get("n", "k").await?;
    }
    Ok(())
}
