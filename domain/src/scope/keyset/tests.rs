//! The text of SQL that lists are read by.

use entity::{failure, integration};
use sea_orm::sea_query::{PostgresQueryBuilder, SqliteQueryBuilder};
use sea_orm::{ColumnTrait, DatabaseBackend, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use super::super::reading::Reading;
use super::super::stream::{Across, Axis, Streams};
use super::{Keyset, Parent};
use crate::page::{Direction, PageRequest, Position};

const ID_ORDER: Keyset<failure::Entity> =
    Keyset { name: "failure", column: None, id: failure::Column::Id, direction: Direction::Descending };
const ATTEMPT_ORDER: Keyset<failure::Entity> = Keyset {
    name: "failure.last_attempt",
    column: Some(failure::Column::LastAttemptAt),
    id: failure::Column::Id,
    direction: Direction::Descending,
};

#[expect(clippy::disallowed_methods, reason = "nothing is read")]
fn failures() -> Select<failure::Entity> {
    failure::Entity::find()
}

fn first(limit: u64) -> PageRequest {
    PageRequest { backward: false, limit, after: None, before: None }
}

fn streams(axes: Vec<Axis<failure::Entity>>, across: Across<failure::Entity>) -> Streams<failure::Entity> {
    Streams::of(failures(), axes, across, DatabaseBackend::Postgres)
}

/// Without the columns of the rows, which are all.
fn text(sql: String) -> String {
    let mut text = String::new();
    let mut rest = sql.as_str();
    while let Some(at) = rest.find("SELECT \"") {
        let columns = &rest[at..];
        let from = columns.find(" FROM ").expect("a table");
        let is_all = columns[..from].contains("\"value_at_stake\"");
        text.push_str(&rest[..at]);
        text.push_str(if is_all { "SELECT *" } else { &columns[..from] });
        rest = &columns[from..];
    }
    text + rest
}

#[test]
fn a_position_of_two_columns_is_one_comparison() {
    let time = chrono::DateTime::from_timestamp_millis(1_790_000_000_000).expect("a time");
    let position = Position { value: Some(time.into()), id: Uuid::nil() };
    let request = PageRequest { after: Some(position), ..first(20) };
    let select = ATTEMPT_ORDER.constrain(failures(), &request);
    let (sql, _) = ATTEMPT_ORDER
        .merged(
            &Reading::whole(),
            Streams::of(select, Vec::new(), Across::One, DatabaseBackend::Postgres),
            &request,
        )
        .build(PostgresQueryBuilder);
    assert_eq!(
        text(sql),
        r#"SELECT * FROM "failure" WHERE ("failure"."last_attempt_at", "failure"."id") < ($1, $2) ORDER BY "failure"."last_attempt_at" DESC, "failure"."id" DESC LIMIT $3"#
    );
}

#[test]
fn pages_of_any_number_of_parents_are_one_text() {
    let sql = |parents: usize| {
        let parents: Vec<Uuid> = (0..parents).map(|_| Uuid::now_v7()).collect();
        let parent = Parent::of::<integration::Entity>(failure::Column::IntegrationId);
        let one = |select| Streams::of(select, Vec::new(), Across::One, DatabaseBackend::Postgres);
        text(
            ID_ORDER
                .of_each(&Reading::whole(), failures(), one, parent, &parents, &first(20))
                .build(PostgresQueryBuilder)
                .0,
        )
    };
    assert_eq!(
        sql(3),
        r#"SELECT * FROM unnest($1) AS "parent" INNER JOIN "integration" AS "owner" ON "owner"."id" = "parent"."parent" INNER JOIN LATERAL (SELECT * FROM "failure" WHERE "failure"."integration_id" = "parent"."parent" AND "failure"."tenant_id" = "owner"."tenant_id" ORDER BY "failure"."id" DESC LIMIT $2) AS "found" ON TRUE ORDER BY "found"."id" DESC"#
    );
    assert_eq!(sql(1), sql(100));
}

#[test]
fn values_and_tenants_are_read_apart_and_merged() {
    let code = || Axis::these(failure::Column::Code, ["a".into(), "b".into()]);
    let two = Across::Several(failure::Column::TenantId, vec![Uuid::nil(), Uuid::max()]);
    let (sql, _) = ID_ORDER
        .merged(&Reading::whole(), streams(vec![code()], two), &first(20))
        .build(PostgresQueryBuilder);
    assert_eq!(
        text(sql),
        r#"SELECT * FROM (SELECT unnest($1) AS "value") AS "apart_0", (SELECT unnest($2) AS "value") AS "apart_1" INNER JOIN LATERAL (SELECT * FROM "failure" WHERE "failure"."code" = "apart_0"."value" AND "failure"."tenant_id" = "apart_1"."value" ORDER BY "failure"."id" DESC LIMIT $3) AS "stream" ON TRUE ORDER BY "stream"."id" DESC LIMIT $4"#
    );
    // Everybody's are read by value, and not by tenant.
    let (sql, _) = ID_ORDER
        .merged(&Reading::whole(), streams(vec![code()], Across::All), &first(20))
        .build(PostgresQueryBuilder);
    assert_eq!(
        text(sql),
        r#"SELECT * FROM (SELECT unnest($1) AS "value") AS "apart_0" INNER JOIN LATERAL (SELECT * FROM "failure" WHERE "failure"."code" = "apart_0"."value" ORDER BY "failure"."id" DESC LIMIT $2) AS "stream" ON TRUE ORDER BY "stream"."id" DESC LIMIT $3"#
    );
    // One value of one tenant is one stream, and so is everything.
    let one = Axis::these(failure::Column::Code, ["a".into()]);
    let (sql, _) = ID_ORDER
        .merged(&Reading::whole(), streams(vec![one], Across::One), &first(20))
        .build(PostgresQueryBuilder);
    assert_eq!(
        text(sql),
        r#"SELECT * FROM "failure" WHERE "failure"."code" IN ($1) ORDER BY "failure"."id" DESC LIMIT $2"#
    );
    let (sql, _) = ID_ORDER
        .merged(&Reading::whole(), streams(Vec::new(), Across::All), &first(20))
        .build(PostgresQueryBuilder);
    assert_eq!(text(sql), r#"SELECT * FROM "failure" ORDER BY "failure"."id" DESC LIMIT $1"#);
}

#[test]
fn too_many_values_are_a_condition() {
    let many = (0..501).map(|number| format!("{number}").into());
    let streams = streams(vec![Axis::these(failure::Column::Code, many)], Across::One);
    let (sql, values) = ID_ORDER.merged(&Reading::whole(), streams, &first(20)).build(PostgresQueryBuilder);
    assert!(sql.contains(r#"WHERE "failure"."code" IN ($1, $2, "#) && !sql.contains("LATERAL"), "{sql}");
    assert_eq!(values.0.len(), 502);
}

#[test]
fn sqlite_is_asked_as_ever() {
    let code = Axis::these(failure::Column::Code, ["a".into(), "b".into()]);
    let streams = Streams::of(failures(), vec![code], Across::All, DatabaseBackend::Sqlite);
    let (sql, _) = ID_ORDER.merged(&Reading::whole(), streams, &first(20)).build(SqliteQueryBuilder);
    assert_eq!(
        text(sql),
        r#"SELECT * FROM "failure" WHERE "failure"."code" IN (?, ?) ORDER BY "failure"."id" DESC LIMIT ?"#
    );
    let narrowed = failures().filter(failure::Column::Code.eq("a"));
    let (sql, _) = ID_ORDER
        .numbered(&Reading::whole(), narrowed, failure::Column::RunId, &[Uuid::nil()], &first(20))
        .build(SqliteQueryBuilder);
    assert_eq!(
        text(sql),
        r#"SELECT * FROM "failure" WHERE "failure"."id" IN (SELECT "id" FROM (SELECT "id" AS "id", row_number() OVER ( PARTITION BY "run_id" ORDER BY "id" DESC ) AS "rank" FROM "failure" WHERE "failure"."code" = ? AND "failure"."run_id" IN (?)) AS "ranked" WHERE "rank" <= ?) ORDER BY "failure"."id" DESC"#
    );
}
