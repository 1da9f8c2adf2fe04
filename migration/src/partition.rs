//! The tables of PostgreSQL that are partitioned by month, by the time in their ids (UUIDv7), and how their partitions come
//! and go. That is done at every start and while the program works, and by no migration: there is always another month.
//!
//! Deliberately absent: who does it when (`domain`: the owner of the tables, one process at a time), and how a whole table
//! becomes one of these (`partitioning`). SQLite has nothing like it.

use chrono::{DateTime, Datelike, Months, NaiveTime, TimeDelta, Utc};
use sea_orm_migration::DbErr;
use sea_orm_migration::sea_orm::prelude::Uuid;
use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbBackend, Statement, TransactionSession, TransactionTrait, Value,
};

use crate::isolation::isolation;
use crate::program_role::has_code;

/// Months after the current one that there are partitions for, at least.
pub const MONTHS_AHEAD: u32 = 2;
/// How long a change of partitions waits for others, in milliseconds: whoever comes after it waits behind it meanwhile. Longer
/// than `deadlock_timeout`, a second, after which autovacuum gives way.
const LOCK_TIMEOUT_MS: u32 = 1_500;
/// Ids may be made by a clock that is so much behind.
const CLOCK_ERROR: TimeDelta = TimeDelta::days(1);
/// A lock was not to be had in time. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// In an id the time stands above so many bits, in 48 of its own.
const BITS_BELOW_TIME: u32 = 80;
const TIME_MAX: u64 = (1 << 48) - 1;

/// A table that is partitioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionedTable {
    /// `run_event`
    RunEvent,
    /// `log_line`
    LogLine,
}

impl PartitionedTable {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::RunEvent, Self::LogLine];

    /// As the database has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RunEvent => "run_event",
            Self::LogLine => "log_line",
        }
    }

    /// What its rows refer to. A new partition gets the foreign key, and writers of that table wait for it.
    fn refers_to(self) -> Option<&'static str> {
        match self {
            Self::RunEvent => Some("run"),
            Self::LogLine => None,
        }
    }
}

/// What of a partition must be so before it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Its rows go with it.
    Expired,
    /// Its rows went before; while one is kept for longer, it stays.
    Gone,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Of its table in the database.
    pub name: String,
    /// Its first id; `None`: whatever is smaller than the end.
    from: Option<Uuid>,
    /// The first id that is not in it; `None`: there is no end.
    until: Option<Uuid>,
}

impl Partition {
    /// Whether it has a name and a range that the program gives: a month, or all up to one.
    fn is_ours(&self, table: PartitionedTable) -> bool {
        let Some(until) = self.until else { return false };
        let end = time_of(until);
        match self.from {
            Some(from) => {
                let month = time_of(from);
                month == month_of(month)
                    && (from, until) == (first_id(month), first_id(months_after(month, 1)))
                    && self.name == name_of_month(table, month)
            }
            None => {
                end == month_of(end) && until == first_id(end) && self.name == name_until(table.name(), end)
            }
        }
    }

    fn has(&self, id: Uuid) -> bool {
        self.from.is_none_or(|from| from <= id) && self.until.is_none_or(|until| id < until)
    }

    fn overlaps(&self, from: Uuid, until: Uuid) -> bool {
        self.from.is_none_or(|own| own < until) && self.until.is_none_or(|own| from < own)
    }
}

/// A partition that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// What it was called.
    pub name: String,
    /// What it took on the disk, with its indexes.
    pub bytes: i64,
}

/// What became of expired partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Those that are gone, the oldest first.
    pub dropped: Vec<Dropped>,
    /// The one that could not be had in time, because others read or write; it and what follows is for another time.
    pub in_use: Option<String>,
}

/// The smallest id of this millisecond.
pub fn first_id(at: DateTime<Utc>) -> Uuid {
    let ms = u64::try_from(at.timestamp_millis()).unwrap_or(0).min(TIME_MAX);
    Uuid::from_u128(u128::from(ms) << BITS_BELOW_TIME)
}

/// When an id was made.
pub(crate) fn time_of(id: Uuid) -> DateTime<Utc> {
    let ms = i64::try_from(id.as_u128() >> BITS_BELOW_TIME).expect("it has 48 bits");
    DateTime::from_timestamp_millis(ms).expect("48 bits are the year 10889")
}

/// The first moment of its month.
pub(crate) fn month_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.date_naive().with_day(1).expect("every month has a first day").and_time(NaiveTime::MIN).and_utc()
}

/// The first moment so many months later.
pub(crate) fn months_after(month: DateTime<Utc>, months: u32) -> DateTime<Utc> {
    month.checked_add_months(Months::new(months)).expect("ids end long before dates do")
}

/// `run_event_2026_12`
fn name_of_month(table: PartitionedTable, month: DateTime<Utc>) -> String {
    format!("{}_{}", table.name(), month.format("%Y_%m"))
}

/// `run_event_until_2027_01`: what there was before the table was partitioned.
pub(crate) fn name_until(table: &str, end: DateTime<Utc>) -> String {
    format!("{table}_until_{}", end.format("%Y_%m"))
}

/// The partitions of a table in the order of their ids; none while it is a whole one. Whoever may connect may look.
///
/// # Errors
/// When the catalogue can't be read.
pub async fn list(
    connection: &impl ConnectionTrait,
    table: PartitionedTable,
) -> Result<Vec<Partition>, DbErr> {
    let sql = r"SELECT name, substring(bound FROM 'FROM \(''([0-9a-f-]+)''\)')::uuid AS from_id,
          substring(bound FROM 'TO \(''([0-9a-f-]+)''\)')::uuid AS until_id
        FROM (SELECT c.relname::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
          FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
          WHERE i.inhparent = to_regclass($1)) AS partition
        WHERE bound <> 'DEFAULT' ORDER BY from_id NULLS FIRST";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [Value::from(table.name())]);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            Ok(Partition {
                name: row.try_get("", "name")?,
                from: row.try_get("", "from_id")?,
                until: row.try_get("", "until_id")?,
            })
        })
        .collect()
}

/// Until when there is a partition for every id that is made from `now` on; `now` when there is none.
pub fn covered_until(partitions: &[Partition], now: DateTime<Utc>) -> DateTime<Utc> {
    let mut end = now;
    while let Some(partition) = partitions.iter().find(|partition| partition.has(first_id(end))) {
        let Some(until) = partition.until else { return time_of(Uuid::max()) };
        // One that somebody else made may end within a millisecond.
        if time_of(until) <= end {
            break;
        }
        end = time_of(until);
    }
    end
}

/// Whether those of this month and of [`MONTHS_AHEAD`] more are there; of a whole table there is none to make.
pub fn is_made_ahead(partitions: &[Partition], now: DateTime<Utc>) -> bool {
    missing(partitions, now).is_empty()
}

/// The months for which there is none and should be.
fn missing(partitions: &[Partition], now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let (first, last) = (month_of(now - CLOCK_ERROR), months_after(month_of(now), MONTHS_AHEAD));
    let months = (0..).map(|number| months_after(first, number)).take_while(|month| *month <= last);
    let is_missing = |month: &DateTime<Utc>| {
        let (from, until) = (first_id(*month), first_id(months_after(*month, 1)));
        !partitions.iter().any(|partition| partition.overlaps(from, until))
    };
    if partitions.is_empty() { Vec::new() } else { months.filter(is_missing).collect() }
}

/// Those of the program whose every id is older.
pub fn expired(partitions: Vec<Partition>, table: PartitionedTable, before: DateTime<Utc>) -> Vec<Partition> {
    let is_over = |partition: &Partition| partition.until.is_some_and(|until| until <= first_id(before));
    partitions.into_iter().filter(|partition| is_over(partition) && partition.is_ours(table)).collect()
}

/// Makes the partitions of this month and of [`MONTHS_AHEAD`] more that are missing, each in a transaction; answers with their
/// names. For PostgreSQL, signed in as the owner of the tables, one call at a time in a database.
///
/// Readers and writers of the table go on meanwhile; writers of what it refers to wait for a moment.
///
/// # Errors
/// When the database can't be used, or does not let go what is needed within a moment; those made before stay.
pub async fn make_ahead<C>(
    connection: &C,
    table: PartitionedTable,
    now: DateTime<Utc>,
) -> Result<Vec<String>, DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    let mut made = Vec::new();
    for month in missing(&list(connection, table).await?, now) {
        let name = name_of_month(table, month);
        make(connection, table, &name, first_id(month), first_id(months_after(month, 1))).await?;
        made.push(name);
    }
    Ok(made)
}

/// It is made beside the table and attached: `PARTITION OF` would lock all readers and writers out.
async fn make<C: TransactionTrait>(
    connection: &C,
    table: PartitionedTable,
    name: &str,
    from: Uuid,
    until: Uuid,
) -> Result<(), DbErr> {
    let parent = table.name();
    // First, so that nobody who holds it waits for what is locked here.
    let lock = table.refers_to().map_or_else(String::new, |referred| {
        format!("LOCK TABLE \"{referred}\" IN SHARE ROW EXCLUSIVE MODE; ")
    });
    let sql = format!(
        "SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; {lock}\
         CREATE TABLE \"{name}\" (LIKE \"{parent}\" INCLUDING ALL); {}; \
         ALTER TABLE \"{parent}\" ATTACH PARTITION \"{name}\" FOR VALUES FROM ('{from}') TO ('{until}')",
        isolation(name, "tenant_id")
    );
    let tx = connection.begin().await?;
    tx.execute_unprepared(&sql).await?;
    tx.commit().await
}

/// Drops the partitions whose every id is older than `before`, each in a transaction, with their rows or when there are none. For PostgreSQL, signed in as the owner of
/// the tables, one call at a time in a database.
///
/// Nobody may read or write the table at that moment, so it waits for it no longer than a moment: what is in use then is
/// left for another time.
///
/// # Errors
/// When the database can't be used; those dropped before are gone.
pub async fn drop_expired<C>(
    connection: &C,
    table: PartitionedTable,
    before: DateTime<Utc>,
    contents: Contents,
) -> Result<Drops, DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    let mut drops = Drops::default();
    for Partition { name, .. } in expired(list(connection, table).await?, table, before) {
        let bytes = size(connection, &name).await?;
        let tx = connection.begin().await?;
        if contents == Contents::Gone && !is_empty(&tx, &name).await? {
            tx.rollback().await?;
            continue;
        }
        // Not detached before: that would lock what it refers to, too.
        let sql = format!("SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; DROP TABLE \"{name}\"");
        match tx.execute_unprepared(&sql).await {
            Ok(_) => tx.commit().await?,
            Err(error) if has_code(&error, LOCK_NOT_AVAILABLE) => {
                tx.rollback().await?;
                drops.in_use = Some(name);
                break;
            }
            Err(error) => return Err(error),
        }
        drops.dropped.push(Dropped { name, bytes });
    }
    Ok(drops)
}

async fn is_empty(connection: &impl ConnectionTrait, name: &str) -> Result<bool, DbErr> {
    let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM \"{name}\")");
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.ok_or_else(|| DbErr::Custom("the database answers nothing".to_owned()))?.try_get_by_index(0)
}

async fn size(connection: &impl ConnectionTrait, name: &str) -> Result<i64, DbErr> {
    let sql = "SELECT coalesce(pg_total_relation_size(to_regclass(quote_ident($1))), 0)";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [Value::from(name)]);
    let row = connection.query_one_raw(statement).await?;
    row.ok_or_else(|| DbErr::Custom("the catalogue answers nothing".to_owned()))?.try_get_by_index(0)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::{
        Partition, PartitionedTable, Uuid, covered_until, expired, first_id, is_made_ahead, month_of,
        months_after, time_of,
    };

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn partition(name: &str, from: Option<&str>, until: Option<&str>) -> Partition {
        let id = |text: &str| first_id(at(&format!("{text}-01T00:00:00Z")));
        Partition { name: name.to_owned(), from: from.map(id), until: until.map(id) }
    }

    fn of_two_years() -> Vec<Partition> {
        vec![
            partition("log_line_until_2026_12", None, Some("2026-12")),
            partition("log_line_2026_12", Some("2026-12"), Some("2027-01")),
            partition("log_line_2027_01", Some("2027-01"), Some("2027-02")),
            partition("log_line_2027_03", Some("2027-03"), Some("2027-04")),
        ]
    }

    #[test]
    fn ids_and_months_are_of_each_other() {
        let new_year = at("2027-01-01T00:00:00Z");
        assert_eq!(first_id(new_year).to_string(), "01a2ce8b-d400-0000-0000-000000000000");
        assert_eq!(time_of(first_id(new_year)), new_year);
        assert_eq!(month_of(at("2026-12-31T23:59:59.999Z")), at("2026-12-01T00:00:00Z"));
        assert_eq!(months_after(at("2026-12-01T00:00:00Z"), 2), at("2027-02-01T00:00:00Z"));
    }

    #[test]
    fn it_is_covered_until_the_first_gap() {
        let partitions = of_two_years();
        let until = |now| covered_until(&partitions, at(now));
        assert_eq!(until("2026-11-27T00:00:00Z"), at("2027-02-01T00:00:00Z"));
        assert_eq!(until("2027-02-10T00:00:00Z"), at("2027-02-10T00:00:00Z"), "a gap");
        assert_eq!(until("2027-03-10T00:00:00Z"), at("2027-04-01T00:00:00Z"));
        let odd = Partition { until: Some(Uuid::from_u128((5 << 80) + 1)), ..partition("odd", None, None) };
        assert_eq!(
            covered_until(&[odd], DateTime::UNIX_EPOCH),
            DateTime::from_timestamp_millis(5).expect("a time")
        );
    }

    #[test]
    fn this_month_and_the_next_two_are_to_be_there_and_the_last_one_for_another_day() {
        let is_made = |now| is_made_ahead(&of_two_years(), at(now));
        assert!(is_made("2026-11-30T23:59:59Z"), "until January");
        assert!(!is_made("2026-12-01T00:00:00Z"), "February is missing");
        assert!(is_made_ahead(&[], at("2026-12-01T00:00:00Z")), "a whole table");
        let three = &of_two_years()[1..3];
        let [january, february] = ["2027-01", "2027-02"].map(|month| partition("", Some(month), None));
        assert!(!is_made_ahead(std::slice::from_ref(&january), at("2027-01-01T12:00:00Z")), "December");
        assert!(is_made_ahead(std::slice::from_ref(&january), at("2027-01-02T00:00:00Z")));
        assert!(is_made_ahead(&[three, &[february]].concat(), at("2027-01-01T12:00:00Z")));
    }

    #[test]
    fn what_expires_is_over_and_has_a_name_that_the_program_gives() {
        let names = |partitions, before| -> Vec<String> {
            let expired = expired(partitions, PartitionedTable::LogLine, at(before));
            expired.into_iter().map(|partition| partition.name).collect()
        };
        assert_eq!(
            names(of_two_years(), "2027-01-01T00:00:00Z"),
            ["log_line_until_2026_12", "log_line_2026_12"]
        );
        assert_eq!(names(of_two_years(), "2026-12-31T23:59:59.999Z"), ["log_line_until_2026_12"]);
        let of_others = vec![
            partition("log_line_archive", None, Some("2026-01")),
            partition("log_line_2026_02", Some("2026-01"), Some("2026-02")),
            partition("log_line_2026_03", Some("2026-03"), Some("2026-06")),
            partition("run_event_2026_07", Some("2026-07"), Some("2026-08")),
            partition("log_line_2026_09", Some("2026-09"), None),
        ];
        assert_eq!(names(of_others, "2030-01-01T00:00:00Z"), [""; 0]);
    }
}
