//! A record as it should have been: checked as the engine would check it, then stored and retried. Deliberately absent: what
//! the destination says to it.

use std::time::Instant;

use connector::{Record, RecordKey};
use entity::failure::{self, FailureStatus};
use entity::integration::{self, Stream};
use pipeline::{
    Prospect, RECORD_MAPPING_FAILED, RECORD_MISSING_KEY, RECORD_SCHEMA_VIOLATION, RECORD_UNUSABLE_KEY,
    RecordFailure,
};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use super::rehearsal::{compile, rehearse};
use super::{Retry, Taken, first_outcome, or_first, take};
use crate::actor::Actor;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::escalation::follow::retried;
use crate::failure::not_open;
use crate::health::status::refresh_in;
use crate::id::{GlobalId, Kind, new_id};
use crate::idempotency;
use crate::permission::Permission;
use crate::scope::{Scope, TxScope};

/// Largest edited record, in bytes of JSON.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// Stores an edited record and retries its failure.
///
/// # Errors
/// Denied without `failures:edit`. Rejected: `NOT_FOUND` failureId; `CONFLICT` when it is not open or has no
/// record; a record that is not an object, or that would fail by its stream's key fields, mapping or rules as they are
/// now, each at its path in the record. Nothing is changed then.
pub async fn edit_and_start(
    actor: &Actor,
    failure_id: Uuid,
    record: &Value,
    idempotency_key: Option<&str>,
) -> Result<Retry> {
    let scope = actor.authorize(Permission::FailureEdit)?;
    let input = json!({ "failureId": failure_id, "record": record });
    let request = idempotency::Request::new(actor, idempotency_key, "editAndRetryFailure", &input)?;
    let started = edit_and_start_once(actor, &scope, failure_id, record, request.as_ref()).await;
    or_first(&scope, request.as_ref(), started).await
}

async fn edit_and_start_once(
    actor: &Actor,
    scope: &Scope,
    failure_id: Uuid,
    record: &Value,
    request: Option<&idempotency::Request>,
) -> Result<Retry> {
    let row = scope
        .find::<failure::Entity>()
        .of_id(failure::Column::Id, failure_id)
        .one()
        .await?
        .ok_or_else(|| Error::not_found("failureId", "failure"))?;
    if row.status != FailureStatus::Open {
        return Err(Error::conflict("failureId", format!("this failure {}", not_open(row.status))));
    }
    if row.record.is_none() {
        return Err(Error::conflict("failureId", "this failure has no record that could be edited"));
    }
    let integration = scope
        .find::<integration::Entity>()
        .filter(integration::Column::Id.eq(row.integration_id))
        .one()
        .await?
        .ok_or_else(|| Error::internal("reading the integration of a failure", "it is not there"))?;
    let key = check_edited(record, &row, &integration).await?;
    let mut tx = TxScope::begin(scope.app(), row.tenant_id).await?;
    let id = new_id();
    if let Some(first) = idempotency::claim(&tx, request, id).await? {
        drop(tx);
        return first_outcome(scope, first).await;
    }
    let sealed = tx.app().seal(row.tenant_id, row.id, record.to_string().as_bytes())?;
    let stored = tx
        .update::<failure::Entity>()
        .col_expr(failure::Column::EditedRecord, Expr::value(Some(sealed)))
        // What it would write, and what a later write of the source brings home in its place. The business reference
        // stays what it was when it failed.
        .col_expr(failure::Column::RecordKey, Expr::value(Some(key.canonical())))
        .filter(failure::Column::Id.eq(row.id))
        .filter(failure::Column::Status.eq(FailureStatus::Open))
        .exec(tx.connection())
        .await
        .doing("storing an edited record")?;
    if stored.rows_affected == 0 {
        return Err(Error::conflict("failureId", "this failure is no longer open"));
    }
    let condition = Condition::all()
        .add(failure::Column::Id.eq(row.id))
        .add(failure::Column::Status.eq(FailureStatus::Open));
    let Taken { retry, integrations } = take(&mut tx, actor.name(), id, condition)
        .await?
        .ok_or_else(|| Error::conflict("failureId", "the integration of this failure is archived"))?;
    retried(&tx, actor, id).await?;
    refresh_in(&tx, integrations).await?;
    tx.about(Kind::Retry, id).detail(GlobalId::new(Kind::Failure, row.id).to_string()).commit().await?;
    Ok(retry)
}

/// The key that it has now.
async fn check_edited(
    record: &Value,
    row: &failure::Model,
    integration: &integration::Model,
) -> Result<RecordKey> {
    let Value::Object(fields) = record else {
        return Err(Error::rejected(Problem::invalid(["record"], "must be a JSON object")));
    };
    let mut problems = Vec::new();
    if record.to_string().len() > RECORD_BYTES_MAX {
        let message = format!("is larger than {RECORD_BYTES_MAX} bytes");
        problems.push(Problem::new(ProblemCode::TooLong, ["record"], message));
    }
    let stream = integration.streams.0.iter().find(|stream| Some(&stream.name) == row.stream.as_ref());
    let record = Record::from(fields.clone());
    match stream {
        None => problems.push(Problem::new(
            ProblemCode::Conflict,
            ["failureId"],
            "the integration no longer has the stream of this failure",
        )),
        Some(stream) if problems.is_empty() => problems = prospective_problems(&record, stream).await?,
        Some(_) => {}
    }
    if !problems.is_empty() {
        return Err(Error::Rejected(problems));
    }
    let key = stream.and_then(|stream| RecordKey::of(&record, &stream.key_fields));
    key.ok_or_else(|| Error::internal("checking an edited record", "it passed and has no key"))
}

/// Why the record would fail before it is written.
async fn prospective_problems(record: &Record, stream: &Stream) -> Result<Vec<Problem>> {
    let rehearsal = compile(stream).await?;
    let (_, prospects) = rehearse(rehearsal, vec![record.clone()], Instant::now()).await?;
    match prospects.into_iter().next() {
        Some(Prospect::Ready { .. } | Prospect::LeftOut) => Ok(Vec::new()),
        Some(Prospect::Refused(failure)) => Ok(problems_of(*failure, record, stream.mapping.is_some())),
        None => Err(Error::internal("rehearsing an edited record", "nothing came of it")),
    }
}

fn problems_of(failure: RecordFailure, record: &Record, is_mapped: bool) -> Vec<Problem> {
    match failure.code.as_str() {
        RECORD_MISSING_KEY => failure
            .field_errors
            .iter()
            .map(|error| Problem::required(path_of(&error.path), "is a key field and needs a value"))
            .collect(),
        RECORD_UNUSABLE_KEY => failure
            .field_errors
            .into_iter()
            .map(|error| Problem::invalid(path_of(&error.path), error.message))
            .collect(),
        RECORD_SCHEMA_VIOLATION => failure
            .field_errors
            .into_iter()
            .map(|error| {
                let path = path_of(&error.path);
                // Rules are about what the mapping makes: what it names after itself is in no field of the record.
                let is_field = path.get(1).is_some_and(|field| record.contains_key(field));
                if !is_mapped || is_field || path.len() == 1 {
                    return Problem::invalid(path, error.message);
                }
                let field = path[1..].join(" / ");
                Problem::invalid(["record"], format!("once it is mapped, `{field}` {}", error.message))
            })
            .collect(),
        code => {
            debug_assert_eq!(
                code, RECORD_MAPPING_FAILED,
                "the ways in which a record fails before it is written"
            );
            let message = "can't be converted: the mapping does not cover what is in it";
            vec![Problem::invalid(["record"], message)]
        }
    }
}

/// The path into the input of a JSON Pointer into the record.
fn path_of(pointer: &str) -> Vec<String> {
    let fields = pointer.split('/').skip(1).map(|field| field.replace("~1", "/").replace("~0", "~"));
    ["record".to_owned()].into_iter().chain(fields).collect()
}
