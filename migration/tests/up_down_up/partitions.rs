//! Tables that are partitioned by month on PostgreSQL: rows survive that and its undoing; partitions are made ahead once, hold
//! what they should, and go when they are over. Time is what the tests say it is.

use chrono::{DateTime, Months, TimeDelta, Utc};
use entity::{log_line, retention, run_event};
use migration::Migrator;
use migration::partition::{self, Contents, PartitionedTable};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, Statement, TransactionTrait};
use sea_orm_migration::MigratorTrait;

use crate::insert;
use crate::rows::Rows;

const FIRST: &str = "m20261127_000345_partition_run_event";
const TABLE: PartitionedTable = PartitionedTable::RunEvent;

/// With rows of both tenants in every table: they are there when the tables are whole again, and when they are not.
pub async fn keep_what_was_there(db: &DatabaseConnection, rows: [Rows; 2]) {
    let all = Migrator::migrations();
    let place = all.iter().position(|migration| migration.name() == FIRST).expect("it is there");
    let newer = u32::try_from(all.len() - place).expect("few");
    let is_postgres = db.get_database_backend() == DbBackend::Postgres;
    are_there(db, rows).await;
    Migrator::down(db, Some(newer)).await.expect("down with rows");
    are_there(db, rows).await;
    if is_postgres {
        assert_eq!(kind(db, "run_event").await + &kind(db, "log_line").await, "rr");
    }

    // A clock was once wrong by years, and up was interrupted half way.
    let late =
        run_event::Model { id: partition::first_id(at("2041-07-15T12:00:00Z")), ..rows[0].run_event() };
    insert::<run_event::Entity>(db, late.clone()).await.expect("a whole table takes any id");
    if is_postgres {
        let left =
            "ALTER TABLE run_event ADD CONSTRAINT ck_run_event_partition CHECK (message <> '') NOT VALID";
        db.execute_unprepared(left).await.expect("a constraint");
    }
    Migrator::up(db, None).await.expect("up with rows");
    are_there(db, rows).await;
    let kept = run_event::Entity::find_by_id(late.id).one(db).await.expect("reads");
    assert_eq!(kept.as_ref(), Some(&late));
    if is_postgres {
        assert_eq!(kind(db, "run_event").await + &kind(db, "log_line").await, "pp");
        assert_eq!(names(db, TABLE).await, ["run_event_until_2041_08"]);
        let left = "SELECT count(*) AS n FROM pg_constraint WHERE conname = 'ck_run_event_partition'";
        assert_eq!(number(db, left).await, 0);
    }

    Migrator::down(db, Some(newer)).await.expect("down again");
    run_event::Entity::delete_by_id(late.id).exec(db).await.expect("it may be deleted");
    Migrator::up(db, None).await.expect("up again");
    are_there(db, rows).await;
    // Of a newer table.
    for rows in rows {
        insert::<retention::Entity>(db, rows.retention()).await.expect("it was gone with its table");
    }
}

/// The last of the tests: it drops rows that others look at.
pub async fn come_and_go(db: &DatabaseConnection, rows: Rows) {
    let first_end = partition::covered_until(&list(db, TABLE).await, DateTime::UNIX_EPOCH);
    let first = format!("run_event_until_{}", first_end.format("%Y_%m"));
    assert_eq!(names(db, TABLE).await, std::slice::from_ref(&first));
    // The program was away for four months.
    let month = |number: u32| first_end.checked_add_months(Months::new(4 + number)).expect("a date");
    let now = month(0) + TimeDelta::days(20);
    assert!(!partition::is_made_ahead(&list(db, TABLE).await, now));
    assert_eq!(partition::covered_until(&list(db, TABLE).await, now), now, "nothing can be written");
    let made = partition::make_ahead(db, TABLE, now).await.expect("they are made");
    let expected: Vec<String> = (0..3).map(|number| name(month(number))).collect();
    assert_eq!(made, expected);
    assert_eq!(partition::make_ahead(db, TABLE, now).await.expect("again"), [""; 0], "nothing is missing");
    assert!(partition::is_made_ahead(&list(db, TABLE).await, now));
    assert_eq!(partition::covered_until(&list(db, TABLE).await, now), month(3));
    assert_eq!(partition::covered_until(&list(db, TABLE).await, DateTime::UNIX_EPOCH), first_end);
    // An hour into a month ids of the one before may still come, from a clock that is behind.
    let later = month(1) + TimeDelta::hours(1);
    assert_eq!(partition::make_ahead(db, TABLE, later).await.expect("made"), [name(month(3))]);

    for (at, place) in [
        (month(0), name(month(0))),
        (month(1) - TimeDelta::milliseconds(1), name(month(0))),
        (month(1), name(month(1))),
        (month(3), name(month(3))),
    ] {
        let event = run_event::Model { id: partition::first_id(at), ..rows.run_event() };
        insert::<run_event::Entity>(db, event.clone()).await.expect("it has a partition");
        let sql = format!("SELECT tableoid::regclass::text AS name FROM run_event WHERE id = '{}'", event.id);
        assert_eq!(text(db, &sql).await, place);
    }
    let beyond = run_event::Model { id: partition::first_id(month(4)), ..rows.run_event() };
    let refused =
        insert::<run_event::Entity>(db, beyond).await.expect_err("there is no partition").to_string();
    assert!(refused.contains("no partition of relation \"run_event\" found"), "{refused}");

    // While somebody reads, nothing is dropped, and nobody waits for long.
    let reader = db.begin().await.expect("a transaction");
    reader.execute_unprepared("SELECT 1 FROM run_event LIMIT 1").await.expect("reads");
    let drops =
        partition::drop_expired(db, TABLE, month(0), Contents::Expired).await.expect("it is no error");
    assert_eq!((drops.dropped, drops.in_use), (Vec::new(), Some(first.clone())));
    reader.rollback().await.expect("it ends");

    let kept = partition::drop_expired(db, TABLE, month(1), Contents::Gone).await.expect("it is no error");
    assert_eq!(kept.in_use, None);
    assert_eq!(kept.dropped.len(), 0, "rows are kept for longer: {kept:?}");
    let dropped = async |before| -> Vec<String> {
        let drops =
            partition::drop_expired(db, TABLE, before, Contents::Expired).await.expect("they are dropped");
        assert_eq!(drops.in_use, None);
        assert!(drops.dropped.iter().all(|dropped| dropped.bytes > 0), "{drops:?}");
        drops.dropped.into_iter().map(|dropped| dropped.name).collect()
    };
    assert_eq!(dropped(month(1) - TimeDelta::milliseconds(1)).await, [first]);
    let ids = "SELECT count(*) AS n FROM run_event";
    assert_eq!(number(db, ids).await, 4, "those of the months stay");
    assert_eq!(dropped(month(1)).await, [name(month(0))]);
    assert_eq!(number(db, ids).await, 2);
    // What somebody else made stays, whatever its range.
    let archive = format!(
        "CREATE TABLE run_event_archive PARTITION OF run_event FOR VALUES FROM (MINVALUE) TO ('{}')",
        partition::first_id(first_end)
    );
    db.execute_unprepared(&archive).await.expect("the owner may");
    assert_eq!(dropped(month(1)).await, [""; 0]);
    db.execute_unprepared("DROP TABLE run_event_archive").await.expect("the owner may");

    // Its rows went before.
    db.execute_unprepared("DELETE FROM run_event").await.expect("the owner may");
    let drops = partition::drop_expired(db, TABLE, month(2), Contents::Gone).await.expect("it is no error");
    let names: Vec<String> = drops.dropped.into_iter().map(|dropped| dropped.name).collect();
    assert_eq!(names, [name(month(1))]);

    // Nothing is referred to by lines: nothing but the table is locked.
    let lines = partition::make_ahead(db, PartitionedTable::LogLine, now).await.expect("they are made");
    assert_eq!(lines.len(), 3);
    let line = log_line::Model { id: partition::first_id(now), ..rows.log_line() };
    insert::<log_line::Entity>(db, line).await.expect("it has a partition");
}

async fn are_there(db: &DatabaseConnection, rows: [Rows; 2]) {
    for rows in rows {
        let (event, line) = (rows.run_event(), rows.log_line());
        let stored = run_event::Entity::find_by_id(event.id).one(db).await.expect("reads");
        assert_eq!(stored, Some(event));
        let stored = log_line::Entity::find_by_id(line.id).one(db).await.expect("reads");
        assert_eq!(stored, Some(line));
    }
}

async fn list(db: &DatabaseConnection, table: PartitionedTable) -> Vec<partition::Partition> {
    partition::list(db, table).await.expect("the catalogue can be read")
}

async fn names(db: &DatabaseConnection, table: PartitionedTable) -> Vec<String> {
    list(db, table).await.into_iter().map(|partition| partition.name).collect()
}

fn name(month: DateTime<Utc>) -> String {
    format!("run_event_{}", month.format("%Y_%m"))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

async fn kind(db: &DatabaseConnection, table: &str) -> String {
    text(db, &format!("SELECT relkind::text AS name FROM pg_class WHERE oid = to_regclass('{table}')")).await
}

async fn text(db: &DatabaseConnection, sql: &str) -> String {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.expect("reads").expect("a row").try_get("", "name").expect("a text")
}

async fn number(db: &DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.expect("reads").expect("a row").try_get("", "n").expect("a number")
}
