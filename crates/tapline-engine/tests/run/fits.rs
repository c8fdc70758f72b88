//! What is remembered is of one table, one mode and one source, and is no reason to fill another one
//! in part.

use tapline_core::{ErrorKind, Param, Params};
use tapline_engine::window::Ask;
use tapline_engine::{Aim, SyncMode};

use super::doors::World;
use super::incremental::{api, complete, cursor, missing, plan, records};

#[tokio::test]
async fn what_is_remembered_of_another_run_is_refused() {
    type Change = fn(&mut World);
    let cases: [(Change, &str); 5] = [
        (|world| world.drop_table(), "there is no table public.t"),
        (|world| world.fill("other"), "its rows are in public.t"),
        (
            |world| {
                let given = Param::Plain("eu".to_owned());
                world.change(|_| {}, Params::from_iter([("region", given)]));
            },
            "other parameters",
        ),
        (
            |world| world.aim(SyncMode::FullLoad, Aim::ALL),
            "of the mode `incremental`",
        ),
        (
            |world| world.aim(SyncMode::FullAppend, Aim::ALL),
            "of the mode `incremental`",
        ),
    ];
    for (change, reason) in cases {
        let rows = records((0..15).map(|id| (id, id as i64)));
        let mut world = World::new(plan(), api(&rows));
        world.aim(SyncMode::Incremental, missing(Ask::Update, cursor()));
        complete(&world).await;
        let before = world.requests();
        change(&mut world);
        let error = world.run().await.error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.message().contains(reason), "{error}");
        assert_eq!(world.requests(), before, "nothing was sent");
    }
}

#[tokio::test]
async fn rows_of_which_nothing_is_remembered_are_told() {
    let rows = records((0..15).map(|id| (id, id as i64)));
    let mut world = World::new(plan(), api(&rows));
    world.aim(SyncMode::Incremental, missing(Ask::Update, cursor()));
    complete(&world).await;
    assert!(world.told().is_empty());
    world.forget_state();
    complete(&world).await;
    assert!(
        world.told()[0].contains("is added again"),
        "{:?}",
        world.told()
    );
}
