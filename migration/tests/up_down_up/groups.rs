//! That failures from before there were groups come into one for each stream and code.

use chrono::{DateTime, TimeZone, Utc};
use entity::failure_group::FailureGroupStatus;
use entity::{failure, failure_group, integration, run, system, tenant};
use migration::Migrator;
use sea_orm::{DatabaseConnection, EntityTrait};
use sea_orm_migration::MigratorTrait;
use uuid::Uuid;

use super::insert;
use super::rows::Rows;

const FIRST: &str = "m20261126_000204_group_failures";

/// Leaves the database empty.
pub async fn are_made(db: &DatabaseConnection) {
    let rows = Rows::of(1);
    insert::<tenant::Entity>(db, rows.tenant()).await.expect("a tenant");
    insert::<system::Entity>(db, rows.system()).await.expect("a system");
    insert::<integration::Entity>(db, rows.integration()).await.expect("an integration");
    for number in 0..2 {
        insert::<run::Entity>(db, run_of(rows, number)).await.expect("a run");
    }
    let failures = [
        failed(rows, 0, 0, Some("orders"), "record.missing_key"),
        failed(rows, 1, 1, Some("orders"), "record.missing_key"),
        failed(rows, 2, 1, Some("orders"), "record.invalid_value"),
        failed(rows, 3, 1, None, "platform.internal"),
    ];
    for failure in failures {
        insert::<failure::Entity>(db, failure).await.expect("a failure");
    }
    let all = Migrator::migrations();
    let place = all.iter().position(|migration| migration.name() == FIRST).expect("it is there");
    let newer = u32::try_from(all.len() - place).expect("few");
    Migrator::down(db, Some(newer)).await.expect("down with failures");
    Migrator::up(db, None).await.expect("up with failures");

    let groups = failure_group::Entity::find().all(db).await.expect("reads");
    let mut told: Vec<_> = groups
        .iter()
        .map(|group| {
            let counts = (group.failure_count, group.run_count, group.hour_count);
            let times = (group.first_seen_at, group.last_seen_at, group.hour_at);
            (group.id, group.stream.as_str(), group.code.as_str(), counts, times, group.urgency)
        })
        .collect();
    told.sort_unstable();
    let missing = (minute(0), minute(1), minute(0));
    let invalid = (minute(2), minute(2), minute(0));
    let internal = (minute(3), minute(3), minute(0));
    let expected = [
        // Two are one halving.
        (id(rows, 0), "orders", "record.missing_key", (2, 2, 0), missing, urgency(1) + 1_000_000),
        (id(rows, 2), "orders", "record.invalid_value", (1, 1, 0), invalid, urgency(2)),
        (id(rows, 3), "", "platform.internal", (1, 1, 0), internal, urgency(3)),
    ];
    assert_eq!(told, expected);
    for group in &groups {
        assert_eq!((group.status, group.fingerprint.as_str()), (FailureGroupStatus::Ongoing, ""));
        assert_eq!(group.tenant_id, rows.tenant_id());
    }
    let mut pointed: Vec<(Uuid, Option<Uuid>)> = failure::Entity::find()
        .all(db)
        .await
        .expect("reads")
        .into_iter()
        .map(|row| (row.id, row.group_id))
        .collect();
    pointed.sort_unstable();
    let to = |failure, group| (id(rows, failure), Some(id(rows, group)));
    assert_eq!(pointed, [to(0, 0), to(1, 0), to(2, 2), to(3, 3)]);
    Migrator::down(db, None).await.expect("down");
    Migrator::up(db, None).await.expect("up again");
}

/// So many minutes after eight o'clock.
fn minute(minutes: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_800_000_000 + 60 * minutes, 0).single().expect("UTC has no gaps")
}

/// Of one failure of medium impact at that minute: ten, and the days since 1970.
fn urgency(minutes: i64) -> i64 {
    10_000_000 + minute(minutes).timestamp() * 1_000_000 / 86_400
}

fn id(rows: Rows, number: u128) -> Uuid {
    Uuid::from_u128(rows.id(10).as_u128() + number)
}

fn run_id(rows: Rows, number: u128) -> Uuid {
    Uuid::from_u128(rows.id(8).as_u128() + number)
}

fn run_of(rows: Rows, number: u128) -> run::Model {
    run::Model {
        id: run_id(rows, number),
        retry_of_id: None,
        retry_id: None,
        backfill_id: None,
        reconciliation_id: None,
        failure_id: None,
        ..rows.run()
    }
}

/// The failure of a run at the minute of its number.
fn failed(rows: Rows, number: u8, run: u128, stream: Option<&str>, code: &str) -> failure::Model {
    failure::Model {
        id: id(rows, number.into()),
        run_id: run_id(rows, run),
        stream: stream.map(str::to_owned),
        code: code.to_owned(),
        failed_at: minute(number.into()),
        resolved_by_run_id: None,
        retry_id: None,
        retry_run_id: None,
        quarantine_id: None,
        group_id: None,
        exchange_id: None,
        ..rows.failure()
    }
}
