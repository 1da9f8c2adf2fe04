//! Writes of which nobody knows whether they arrived, again and again, chosen by a seed.

use connector::SyncMode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::StreamPlan;
use super::memory::{Given, MemoryLedger, Random, plan, records, run, run_once, systems};

/// A source whose records go back and forth, runs that stop anywhere, and an API that takes a request with a key that it
/// knows for done already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_in_the_end_is_what_the_source_has_however_often_nobody_knew() {
    for seed in 0..400_u64 {
        let mut random = Random(seed);
        let (count, page) = (1 + random.below(30), 1 + random.below(9) as usize);
        let serve = |random: &mut Random| {
            records((0..count).map(|id| json!({"id": id, "content": random.below(3)})).collect::<Vec<_>>())
        };
        let systems = systems(seed, serve(&mut random));
        systems.with(|world| (world.detects_unchanged, world.knows_keys) = (false, true));
        let ledger = MemoryLedger::of(&systems);
        run_once(&plan(), SyncMode::Full, page, &systems, &ledger).await;
        let again = StreamPlan { fresh: false, ..plan() };
        for number in 1..8 {
            let given = serve(&mut random);
            let is_calm = number == 7;
            systems.with(|world| {
                world.given = given;
                world.transient_one_in = if is_calm { 0 } else { [0, 2, 3][random.below(3) as usize] };
            });
            let cancel = CancellationToken::new();
            ledger.with(|kept| {
                // Some go on where the one before stopped, with what the source has by now.
                if is_calm || random.one_in(2) {
                    (kept.run, kept.checkpoint) = (number, None);
                }
                kept.cancel_after = (!is_calm && random.one_in(3)).then(|| (random.below(3), cancel.clone()));
                kept.lose_after = (!is_calm && random.one_in(3)).then(|| (random.below(3), random.one_in(2)));
            });
            let ended = run(&again, SyncMode::Full, page, &systems, &ledger, &cancel).await;
            assert!(!is_calm || ended.is_ok(), "seed {seed}: {ended:?}");
        }
        systems.with(|world| {
            let rows: Vec<Value> = world.rows.values().cloned().map(Value::from).collect();
            let mut given: Vec<Value> = world
                .given
                .iter()
                .map(|given| match given {
                    Given::Record(record) => record.clone(),
                    Given::Malformed => Value::Null,
                })
                .collect();
            given.sort_by_key(|record| record["id"].to_string());
            assert_eq!(rows, given, "seed {seed}");
        });
        assert_eq!(ledger.with(|kept| kept.in_doubt.len()), 0, "seed {seed}");
    }
}
