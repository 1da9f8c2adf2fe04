//! Rolls up the runs that ended before there was `health_rollup`, by the rules of that time; one integration after the
//! other, so that no more is in memory than its hours and days.

use std::collections::BTreeMap;

use sea_orm_migration::prelude::DeriveMigrationName;
use sea_orm_migration::sea_orm::prelude::{DateTimeUtc, Uuid};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use sea_orm_migration::sea_query::Query;
use sea_orm_migration::{DbErr, MigrationTrait, SchemaManager};

/// Integrations or runs that are read at once.
const READ_ROWS: i64 = 5_000;
/// Rows of a statement: SQLite takes 32,766 parameters.
const WRITTEN_ROWS: usize = 1_000;
/// How long hours and days are kept, in seconds.
const HOURS_KEPT_SECONDS: i64 = 90 * 86_400;
const DAYS_KEPT_SECONDS: i64 = 731 * 86_400;

const COLUMNS: [&str; 16] = [
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
];
const NEWEST: &str =
    "SELECT finished_at FROM run WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1";
const INTEGRATIONS: &str = "SELECT id, tenant_id FROM integration WHERE id > $1 ORDER BY id LIMIT $2";
const RUNS: &str = "\
SELECT id, status, started_at, finished_at, failure_id, read_count, created_count, updated_count, unchanged_count, \
  skipped_count, failed_count FROM run \
WHERE tenant_id = $1 AND integration_id = $2 AND id > $3 AND finished_at IS NOT NULL AND scope = 'ALL_RECORDS' \
  AND backfill_id IS NULL AND reconciliation_id IS NULL AND retry_of_id IS NULL AND retry_id IS NULL \
  AND trigger IN ('MANUAL', 'SCHEDULE', 'WEBHOOK') ORDER BY id LIMIT $4";

/// Is a day, begin in seconds, class.
type Key = (bool, i64, i16);

#[derive(Default)]
struct Sums {
    ends: [i32; 4],
    duration_ms: i64,
    records: [i64; 6],
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
        let newest = connection.query_one_raw(Statement::from_string(backend, NEWEST)).await?;
        let Some(newest) = newest else { return Ok(()) };
        let newest: DateTimeUtc = newest.try_get("", "finished_at")?;
        let mut after = Uuid::nil();
        loop {
            let values = [after.into(), READ_ROWS.into()];
            let statement = Statement::from_sql_and_values(backend, INTEGRATIONS, values);
            let integrations = connection.query_all_raw(statement).await?;
            for integration in &integrations {
                after = integration.try_get("", "id")?;
                let tenant_id = integration.try_get("", "tenant_id")?;
                let rollups = rolled_up(manager, (tenant_id, after), newest.timestamp()).await?;
                insert(manager, (tenant_id, after), rollups).await?;
            }
            if (integrations.len() as i64) < READ_ROWS {
                return Ok(());
            }
        }
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

/// The runs of an integration, which is named behind its tenant; as far back as hours and days are kept at this time.
async fn rolled_up(
    manager: &SchemaManager<'_>,
    (tenant_id, integration_id): (Uuid, Uuid),
    newest: i64,
) -> Result<BTreeMap<Key, Sums>, DbErr> {
    let (mut rollups, mut after) = (BTreeMap::new(), Uuid::nil());
    loop {
        let values = [tenant_id.into(), integration_id.into(), after.into(), READ_ROWS.into()];
        let statement = Statement::from_sql_and_values(manager.get_database_backend(), RUNS, values);
        let runs = manager.get_connection().query_all_raw(statement).await?;
        for run in &runs {
            after = run.try_get("", "id")?;
            count(run, newest, &mut rollups)?;
        }
        if (runs.len() as i64) < READ_ROWS {
            return Ok(rollups);
        }
    }
}

async fn insert(
    manager: &SchemaManager<'_>,
    (tenant_id, integration_id): (Uuid, Uuid),
    rollups: BTreeMap<Key, Sums>,
) -> Result<(), DbErr> {
    let rows: Vec<(Key, Sums)> = rollups.into_iter().collect();
    for chunk in rows.chunks(WRITTEN_ROWS) {
        let mut insert = Query::insert().into_table("health_rollup").columns(COLUMNS).to_owned();
        for ((is_day, begins, class), sums) in chunk {
            let begins = DateTimeUtc::from_timestamp(*begins, 0).unwrap_or_default();
            let [succeeded, partial, failed, canceled] = sums.ends;
            let [read, created, updated, unchanged, skipped, failed_records] = sums.records;
            insert.values_panic([
                integration_id.into(),
                if *is_day { "DAY" } else { "HOUR" }.into(),
                begins.into(),
                (*class).into(),
                tenant_id.into(),
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
            ]);
        }
        manager.execute(insert).await?;
    }
    Ok(())
}

fn count(run: &QueryResult, newest: i64, rollups: &mut BTreeMap<Key, Sums>) -> Result<(), DbErr> {
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
    for (is_day, length, kept) in [(false, 3_600, HOURS_KEPT_SECONDS), (true, 86_400, DAYS_KEPT_SECONDS)] {
        let begins = finished.timestamp().div_euclid(length) * length;
        if begins < newest - kept {
            continue;
        }
        let sums = rollups.entry((is_day, begins, class(duration))).or_default();
        sums.ends[end] += 1;
        sums.duration_ms += duration.unwrap_or_default();
        sums.records.iter_mut().zip(records).for_each(|(sum, count)| *sum += count);
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
