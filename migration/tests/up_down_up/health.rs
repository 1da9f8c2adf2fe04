//! That how integrations are is known of the runs that ended before anybody counted them.

use chrono::{DateTime, TimeZone, Utc};
use entity::health_rollup::HealthPeriod;
use entity::integration_health::HealthStatus;
use entity::run::{RunScope, RunStatus, RunTrigger};
use entity::{health_rollup, integration, integration_health, run, system, tenant};
use migration::Migrator;
use sea_orm::{DatabaseConnection, EntityTrait};
use sea_orm_migration::MigratorTrait;
use uuid::Uuid;

use super::insert;
use super::rows::Rows;

const FIRST: &str = "m20261126_000210_create_health_rollup";
/// The class of two seconds.
const TWO_SECONDS: i16 = 87;

/// Of a rollup: period, begin, class, runs by their ends, milliseconds, records read and failed.
type Counted = (HealthPeriod, DateTime<Utc>, i16, [i32; 4], i64, i64, i64);

/// Leaves the database empty.
pub async fn is_filled(db: &DatabaseConnection) {
    let (busy, idle) = (Rows::of(1), Rows::of(2));
    for rows in [busy, idle] {
        insert::<tenant::Entity>(db, rows.tenant()).await.expect("a tenant");
        insert::<system::Entity>(db, rows.system()).await.expect("a system");
        insert::<integration::Entity>(db, rows.integration()).await.expect("an integration");
    }
    for run in runs(busy) {
        insert::<run::Entity>(db, run).await.expect("a run");
    }
    insert::<run::Entity>(db, ended(idle, 1, RunStatus::Canceled, hour(1))).await.expect("a run");
    let all = Migrator::migrations();
    let place = all.iter().position(|migration| migration.name() == FIRST).expect("it is there");
    let newer = u32::try_from(all.len() - place).expect("few");
    Migrator::down(db, Some(newer)).await.expect("down with runs");
    Migrator::up(db, None).await.expect("up with runs");

    let day = hour(-8);
    let (hours, days) = (HealthPeriod::Hour, HealthPeriod::Day);
    let expected: [Counted; 5] = [
        (hours, hour(0), TWO_SECONDS, [1, 1, 0, 0], 4_000, 20, 3),
        (hours, hour(1), -1, [0, 0, 2, 0], 0, 0, 0),
        (days, day - chrono::Duration::days(91), TWO_SECONDS, [1, 0, 0, 0], 2_000, 10, 0),
        (days, day, -1, [0, 0, 2, 0], 0, 0, 0),
        (days, day, TWO_SECONDS, [1, 1, 0, 0], 4_000, 20, 3),
    ];
    assert_eq!(rollups(db, busy).await, expected);
    let expected: [Counted; 2] =
        [(hours, hour(1), -1, [0, 0, 0, 1], 0, 10, 0), (days, day, -1, [0, 0, 0, 1], 0, 10, 0)];
    assert_eq!(rollups(db, idle).await, expected);

    let healths = integration_health::Entity::find().all(db).await.expect("reads");
    assert_eq!(healths.len(), 2);
    for (rows, last_run_id, newest_success_at) in
        [(busy, Some(id(busy, 6)), Some(hour(2))), (idle, None, None)]
    {
        let expected = integration_health::Model {
            integration_id: rows.id(7),
            tenant_id: rows.tenant_id(),
            status: HealthStatus::Unknown,
            severity: 10,
            since: rows.integration().updated_at,
            last_run_id,
            newest_success_at,
            watched_from: rows.integration().updated_at,
            is_late: false,
            target_id: None,
            check_at: rows.integration().created_at,
        };
        assert!(healths.contains(&expected), "{expected:#?} is not in {healths:#?}");
    }
    Migrator::down(db, None).await.expect("down");
    Migrator::up(db, None).await.expect("up again");
}

/// So many hours after eight o'clock.
fn hour(hours: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_800_000_000 + 3_600 * hours, 0).single().expect("UTC has no gaps")
}

fn id(rows: Rows, number: u128) -> Uuid {
    Uuid::from_u128(rows.id(8).as_u128() + number)
}

/// A run of ten records and two seconds.
fn ended(rows: Rows, number: u128, status: RunStatus, finished_at: DateTime<Utc>) -> run::Model {
    run::Model {
        id: id(rows, number),
        status,
        trigger: RunTrigger::Schedule,
        scope: RunScope::AllRecords,
        retry_of_id: None,
        retry_id: None,
        backfill_id: None,
        reconciliation_id: None,
        queued_at: finished_at - chrono::Duration::seconds(3),
        started_at: Some(finished_at - chrono::Duration::seconds(2)),
        finished_at: Some(finished_at),
        read_count: 10,
        failed_count: 0,
        failure_id: None,
        ..rows.run()
    }
}

fn runs(rows: Rows) -> Vec<run::Model> {
    let of = |number, status, finished_at| ended(rows, number, status, finished_at);
    let failed = |number, status| run::Model {
        read_count: 0,
        failure_id: Some(rows.id(10)),
        ..of(number, status, hour(1))
    };
    vec![
        of(1, RunStatus::Succeeded, hour(0) - chrono::Duration::days(91)),
        of(2, RunStatus::Succeeded, hour(0)),
        run::Model { failed_count: 3, ..of(3, RunStatus::Partial, hour(0)) },
        failed(4, RunStatus::Failed),
        failed(5, RunStatus::Recovered),
        // It says how the integration is, and repeats what was counted.
        run::Model {
            trigger: RunTrigger::Retry,
            retry_of_id: Some(id(rows, 4)),
            ..of(6, RunStatus::Succeeded, hour(2))
        },
        // They say nothing of it.
        run::Model {
            trigger: RunTrigger::Retry,
            scope: RunScope::FailedRecords,
            ..of(7, RunStatus::Succeeded, hour(3))
        },
        run::Model { trigger: RunTrigger::Synthetic, ..of(8, RunStatus::Succeeded, hour(3)) },
        run::Model { finished_at: None, ..of(9, RunStatus::Running, hour(3)) },
    ]
}

/// By period, begin and class.
async fn rollups(db: &DatabaseConnection, rows: Rows) -> Vec<Counted> {
    let all = health_rollup::Entity::find().all(db).await.expect("reads");
    let counted = |row: health_rollup::Model| {
        let ends = [row.succeeded_count, row.partial_count, row.failed_count, row.canceled_count];
        let (read, failed) = (row.read_count, row.failed_record_count);
        (row.period, row.begins_at, row.duration_class, ends, row.duration_ms, read, failed)
    };
    let of_it = all.into_iter().filter(|row| row.integration_id == rows.id(7));
    let mut counted: Vec<Counted> = of_it.map(counted).collect();
    counted.sort_unstable();
    counted
}
