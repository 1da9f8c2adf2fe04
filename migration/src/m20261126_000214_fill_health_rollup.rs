//! Rolls up the runs that ended before there was `health_rollup`, by the rules of that time.

use std::collections::BTreeMap;

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_orm::prelude::{DateTimeUtc, Uuid};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use sea_orm_migration::sea_query::Query;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

/// Runs that are read at once.
const READ_ROWS: i64 = 5_000;
/// Rows of a statement: SQLite takes 32,766 parameters.
const WRITTEN_ROWS: usize = 1_000;
/// How long hours and days are kept, in seconds.
const HOURS_KEPT_SECONDS: i64 = 90 * 86_400;
const DAYS_KEPT_SECONDS: i64 = 731 * 86_400;

const COLUMNS: [&str; 17] = [
    "integration_id",
    "period",
    "begins_at",
    "duration_class",
    "tenant_id",
    "succeeded_count",
    "partial_count",
    "failed_count",
    "canceled_count",
    "duration_ms",
    "read_count",
    "created_count",
    "updated_count",
    "unchanged_count",
    "skipped_count",
    "failed_record_count",
    "newest_success_at",
];
const RUNS: &str = "\
SELECT id, tenant_id, integration_id, status, started_at, finished_at, failure_id, read_count, created_count, \
  updated_count, unchanged_count, skipped_count, failed_count FROM run \
WHERE id > $1 AND finished_at IS NOT NULL AND scope = 'ALL_RECORDS' AND backfill_id IS NULL \
  AND reconciliation_id IS NULL AND retry_of_id IS NULL AND retry_id IS NULL \
  AND trigger IN ('MANUAL', 'SCHEDULE', 'WEBHOOK') ORDER BY id LIMIT $2";

/// Integration, is a day, begin in seconds, class, tenant.
type Key = (Uuid, bool, i64, i16, Uuid);

#[derive(Default)]
struct Sums {
    ends: [i32; 4],
    duration_ms: i64,
    records: [i64; 6],
    newest_success: Option<DateTimeUtc>,
}

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = manager.get_database_backend();
        if backend == DbBackend::Postgres {
            // The fence also binds the role that owns the tables.
            connection.execute_unprepared("SET LOCAL trestle.tenants = '*'").await?;
        }
        let (mut rollups, mut after) = (BTreeMap::new(), Uuid::nil());
        loop {
            let values = [after.into(), READ_ROWS.into()];
            let runs =
                connection.query_all_raw(Statement::from_sql_and_values(backend, RUNS, values)).await?;
            for run in &runs {
                after = run.try_get("", "id")?;
                count(run, &mut rollups)?;
            }
            if (runs.len() as i64) < READ_ROWS {
                break;
            }
        }
        let newest = rollups.keys().map(|(_, _, begins, ..): &Key| *begins).max().unwrap_or_default();
        rollups.retain(|(_, is_day, begins, ..), _| {
            *begins >= newest - if *is_day { DAYS_KEPT_SECONDS } else { HOURS_KEPT_SECONDS }
        });
        let rows: Vec<(Key, Sums)> = rollups.into_iter().collect();
        for chunk in rows.chunks(WRITTEN_ROWS) {
            let mut insert = Query::insert().into_table("health_rollup").columns(COLUMNS).to_owned();
            for ((integration, is_day, begins, class, tenant), sums) in chunk {
                let begins = DateTimeUtc::from_timestamp(*begins, 0).unwrap_or_default();
                let [succeeded, partial, failed, canceled] = sums.ends;
                let [read, created, updated, unchanged, skipped, failed_records] = sums.records;
                insert.values_panic([
                    (*integration).into(),
                    if *is_day { "DAY" } else { "HOUR" }.into(),
                    begins.into(),
                    (*class).into(),
                    (*tenant).into(),
                    succeeded.into(),
                    partial.into(),
                    failed.into(),
                    canceled.into(),
                    sums.duration_ms.into(),
                    read.into(),
                    created.into(),
                    updated.into(),
                    unchanged.into(),
                    skipped.into(),
                    failed_records.into(),
                    sums.newest_success.into(),
                ]);
            }
            manager.execute(insert).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared("SET LOCAL trestle.tenants = '*'").await?;
        }
        connection.execute_unprepared("DELETE FROM health_rollup").await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn count(run: &QueryResult, rollups: &mut BTreeMap<Key, Sums>) -> Result<(), DbErr> {
    let status: String = run.try_get("", "status")?;
    let failure: Option<Uuid> = run.try_get("", "failure_id")?;
    // A run that recovered was one or the other.
    let end = match status.as_str() {
        "SUCCEEDED" => 0,
        "PARTIAL" => 1,
        "RECOVERED" if failure.is_none() => 1,
        "FAILED" | "RECOVERED" => 2,
        "CANCELED" => 3,
        _ => return Ok(()),
    };
    let finished: DateTimeUtc = run.try_get("", "finished_at")?;
    let started: Option<DateTimeUtc> = run.try_get("", "started_at")?;
    let duration = started.filter(|_| end < 2).map(|started| (finished - started).num_milliseconds().max(0));
    let mut records = [0_i64; 6];
    for (count, name) in records.iter_mut().zip([
        "read_count",
        "created_count",
        "updated_count",
        "unchanged_count",
        "skipped_count",
        "failed_count",
    ]) {
        *count = run.try_get("", name)?;
    }
    let (integration, tenant): (Uuid, Uuid) =
        (run.try_get("", "integration_id")?, run.try_get("", "tenant_id")?);
    for (is_day, length) in [(false, 3_600), (true, 86_400)] {
        let begins = finished.timestamp().div_euclid(length) * length;
        let sums = rollups.entry((integration, is_day, begins, class(duration), tenant)).or_default();
        sums.ends[end] += 1;
        sums.duration_ms += duration.unwrap_or_default();
        sums.records.iter_mut().zip(records).for_each(|(sum, count)| *sum += count);
        if end == 0 || (end == 1 && records[5] < records[0]) {
            sums.newest_success = sums.newest_success.max(Some(finished));
        }
    }
    Ok(())
}

/// Eight classes for each doubling of the milliseconds; -1 where there is no duration.
fn class(duration_ms: Option<i64>) -> i16 {
    duration_ms.map_or(-1, |ms| ((ms.max(1) as f64).log2() * 8.0).floor().min(255.0) as i16)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_doubling_has_eight_classes() {
        let classes = [None, Some(0), Some(1), Some(2), Some(1_000), Some(2_000), Some(i64::MAX)];
        assert_eq!(classes.map(super::class), [-1, 0, 0, 8, 79, 87, 255]);
    }
}
