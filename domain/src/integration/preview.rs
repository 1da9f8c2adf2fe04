//! What a mapping makes of records, told before it is stored and without writing them, and the first records of a source to
//! try it on. Nothing of either is kept. Deliberately absent: what the destination says.

use std::sync::Arc;
use std::time::Duration;

use connector::{Item, OpenSource, Record, RecordKey, SystemError, SystemErrorKind};
use entity::integration::Stream;
use entity::tenant::{self, TenantStatus};
use pipeline::{NotReady, RECORD_MAPPING_FAILED, RecordFailure};
use sea_orm::ColumnTrait;
use serde_json::Value;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{Integration, archived, begin, found};
use crate::actor::Actor;
use crate::app::App;
use crate::audit;
use crate::error::{Doing, Error, Problem, ProblemCode, Result};
use crate::failure::{FieldError, would_say};
use crate::id::{GlobalId, Kind};
use crate::json;
use crate::permission::Permission;
use crate::retry::rehearsal::compile;
use crate::scope::Scope;
use crate::stream::{self, mapping_problems};
use crate::system;
use crate::validation::Problems;

/// Records of one preview, at most. A program takes half a second for a record, at most.
pub const PREVIEW_RECORDS_MAX: usize = 20;
/// Records of a sample when nobody says.
const SAMPLE_RECORDS_DEFAULT: i64 = 5;
/// All records of a preview, in bytes of JSON; also each as it would be written, which a program can make much larger.
const PREVIEW_BYTES_MAX: usize = 1 << 20;
/// How long a source may take to give its first records: as long as a test of it.
const SAMPLE_TIMEOUT: Duration = system::TEST_TIMEOUT;

/// What would become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewOutcome {
    /// It would be written.
    Ready,
    /// The mapping leaves it out.
    LeftOut,
    /// It would fail before it is written.
    Refused,
}

/// A record behind the mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewedRecord {
    /// What would become of it.
    pub outcome: PreviewOutcome,
    /// As it would be written; of `Ready` alone, and not where it has more than 1 MiB.
    pub record: Option<Value>,
    /// Which record it is, where its key fields say.
    pub record_key: Option<String>,
    /// Code of the failure that it would be, in the catalogue.
    pub code: Option<String>,
    /// What its failure would say, in the reader's language.
    pub summary: Option<String>,
    /// Which fields break which rules.
    pub field_errors: Vec<FieldError>,
    /// Where the program stopped, and at what, without values of the record; or why the record is not shown.
    pub detail: Option<String>,
}

/// What a source gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its first records.
    pub records: Vec<Value>,
    /// What stands among them and is no record: where, and what is wrong with it.
    pub malformed: Vec<String>,
}

/// What `mapping` would make of the records, in their order, with the key fields and rules of the stream as they are stored.
/// `None` copies them as they are.
///
/// # Errors
/// Denied without `integrations:write`. Rejected: `NOT_FOUND` integrationId or stream; `CONFLICT` when it is archived; a
/// mapping that does not compile, each problem with its position; records that are not objects, too many or too large.
pub async fn preview(
    actor: &Actor,
    integration_id: Uuid,
    stream: &str,
    mapping: Option<String>,
    records: Vec<Value>,
) -> Result<Vec<PreviewedRecord>> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let (row, stored) = stream_of(&scope, integration_id, stream).await?;
    audit::about(Some(row.tenant_id), GlobalId::new(Kind::Integration, row.id));
    let mut problems = Problems::default();
    let records = checked_records(records, &mut problems);
    let mapping = mapping.filter(|program| !program.trim().is_empty());
    let compiled = mapping.clone();
    let found = spawn_blocking(move || {
        compiled.map_or_else(Vec::new, |program| mapping_problems(&program, &["mapping".to_owned()]))
    });
    found.await.doing("compiling a mapping")?.into_iter().for_each(|problem| problems.push(problem));
    problems.check()?;
    let rehearsal = compile(&Stream { mapping, ..stored }).await?;
    let actor = actor.clone();
    // One after the other, so that of what is too large to be shown one alone is held.
    let work = move || {
        let previewed = |record| match rehearsal.prepare(record) {
            Ok((key, mapped)) => ready(&key, mapped),
            Err(NotReady::LeftOut) => PreviewedRecord { outcome: PreviewOutcome::LeftOut, ..nothing() },
            Err(NotReady::Refused(failure)) => refused(&actor, *failure),
        };
        records.into_iter().map(previewed).collect()
    };
    spawn_blocking(work).await.doing("rehearsing records")
}

/// The first records that a source gives for a stream, read from its beginning. What is read is entered in the audit log.
///
/// # Errors
/// Denied without `records:read`, and while the tenant is suspended. Rejected: `NOT_FOUND` integrationId or stream; `CONFLICT`
/// when it is archived, or its tenant suspended; `INVALID` first; `INVALID` integrationId, in words for the customer, when the
/// source does not give them within 20 s.
pub async fn sample(actor: &Actor, integration_id: Uuid, stream: &str, first: Option<i64>) -> Result<Sample> {
    let scope = actor.authorize(Permission::RecordRead)?;
    actor.not_suspended(Permission::RecordRead)?;
    let (row, stored) = stream_of(&scope, integration_id, stream).await?;
    let first = first.unwrap_or(SAMPLE_RECORDS_DEFAULT);
    let Some(first) = usize::try_from(first).ok().filter(|first| (1..=PREVIEW_RECORDS_MAX).contains(first))
    else {
        let message = format!("is {first}; it must be from 1 to {PREVIEW_RECORDS_MAX}");
        return Err(Error::rejected(Problem::invalid(["first"], message)));
    };
    let missing = || Error::internal("reading the source of an integration", "it is not there");
    let source =
        scope.find::<entity::system::Entity>().of_id(entity::system::Column::Id, row.source_id).one().await?;
    let source = source.ok_or_else(missing)?;
    let tenant = scope
        .find::<tenant::Entity>()
        .filter(tenant::Column::Id.eq(row.tenant_id))
        .one()
        .await?
        .ok_or_else(missing)?;
    if tenant.status == TenantStatus::Suspended {
        let message = "the tenant of this integration is suspended; resume it first";
        return Err(Error::conflict("integrationId", message));
    }
    let read = read_first(scope.app(), &tenant.slug, &source, &stored, first);
    let items = match tokio::time::timeout(SAMPLE_TIMEOUT, read).await {
        Ok(read) => read,
        Err(_elapsed) => {
            let detail = format!("no records within {} s", SAMPLE_TIMEOUT.as_secs());
            Err(SystemError::new(SystemErrorKind::Timeout, detail))
        }
    };
    let items = items.map_err(|error| {
        tracing::info!(
            tenant.id = %row.tenant_id,
            system.id = %source.id,
            connector = source.connector,
            kind = error.kind.code(),
            http_status = error.http_status,
            detail = error.detail,
            "a source gave no records for a preview"
        );
        let message = system::refusal_words(scope.app(), &source, &error);
        Error::rejected(Problem::invalid(["integrationId"], message))
    })?;
    let mut sample = Sample { records: Vec::new(), malformed: Vec::new() };
    for item in items {
        match item {
            Item::Record(record) => sample.records.push(Value::from(record)),
            Item::Malformed(malformed) => {
                sample.malformed.push(format!("{}: {}", malformed.position, malformed.reason));
            }
        }
    }
    let tx = begin(&scope, row.tenant_id).await?;
    let detail = format!("{} records of the stream {}", sample.records.len(), stored.name);
    tx.about(Kind::Integration, row.id).detail(detail).commit().await?;
    Ok(sample)
}

async fn stream_of(scope: &Scope, integration_id: Uuid, name: &str) -> Result<(Integration, Stream)> {
    let row = found(scope, integration_id).await?;
    if row.status == super::IntegrationStatus::Archived {
        return Err(archived());
    }
    let stream = row.streams.0.iter().find(|stream| stream.name == name).cloned();
    let stream = stream.ok_or_else(|| {
        let message = "the integration has no stream of this name";
        Error::rejected(Problem::new(ProblemCode::NotFound, ["stream"], message))
    })?;
    Ok((row, stream))
}

fn checked_records(records: Vec<Value>, problems: &mut Problems) -> Vec<Record> {
    if records.is_empty() || records.len() > PREVIEW_RECORDS_MAX {
        let message = format!("has {} records; it must have from 1 to {PREVIEW_RECORDS_MAX}", records.len());
        problems.add(ProblemCode::Invalid, "records", message);
        return Vec::new();
    }
    let all = Value::Array(records);
    let found = json::problems(&["records".to_owned()], &all, PREVIEW_BYTES_MAX);
    let Value::Array(records) = all else { unreachable!("made of a list above") };
    if !found.is_empty() {
        found.into_iter().for_each(|problem| problems.push(problem));
        return Vec::new();
    }
    let mut checked = Vec::with_capacity(records.len());
    for (index, record) in records.into_iter().enumerate() {
        match record {
            Value::Object(fields) => checked.push(Record::from(fields)),
            _ => problems.add_at(ProblemCode::Invalid, "records", index, "must be a JSON object"),
        }
    }
    checked
}

async fn read_first(
    app: &Arc<App>,
    tenant_slug: &str,
    system: &entity::system::Model,
    stream: &Stream,
    first: usize,
) -> Result<Vec<Item>, SystemError> {
    let connector = app.connectors().get(&system.connector).ok_or_else(|| {
        let detail = format!("no connector has the name {}", system.connector);
        SystemError::new(SystemErrorKind::Misconfigured, detail)
            .with_hint("this kind of system is not supported any more")
    })?;
    let open = OpenSource {
        access: system::access(app, tenant_slug, system).await?,
        stream: stream::spec(stream),
        options: stream.source.clone(),
        since: None,
        overlap: None,
        from: None,
        only: None,
        part: None,
        resume: None,
        page_records_max: first,
    };
    let mut source = connector.open_source(open).await?;
    let mut items = Vec::new();
    // Pages may be empty before the first that is not.
    while items.len() < first
        && let Some(page) = source.next_page().await?
    {
        items.extend(page.items);
    }
    items.truncate(first);
    Ok(items)
}

fn ready(key: &RecordKey, mapped: Record) -> PreviewedRecord {
    let record = Value::from(mapped);
    let bytes = record.to_string().len();
    let is_shown = bytes <= PREVIEW_BYTES_MAX;
    PreviewedRecord {
        outcome: PreviewOutcome::Ready,
        record: is_shown.then_some(record),
        record_key: Some(key.reference().to_owned()),
        detail: (!is_shown).then(|| format!("it would have {bytes} bytes, which is too much to be shown")),
        ..nothing()
    }
}

fn refused(actor: &Actor, failure: RecordFailure) -> PreviewedRecord {
    let language = actor.language();
    let field_errors: Vec<FieldError> = failure
        .field_errors
        .into_iter()
        .map(|error| FieldError { path: error.path, rule: error.rule, message: error.message })
        .map(|error| language.field_error(error))
        .collect();
    let record_key = failure.key.map(|key| key.reference().to_owned());
    let summary = would_say(&language, &failure.code, record_key.as_deref(), &field_errors);
    PreviewedRecord {
        outcome: PreviewOutcome::Refused,
        detail: (failure.code == RECORD_MAPPING_FAILED).then_some(failure.detail),
        code: Some(failure.code),
        summary: Some(summary),
        record_key,
        field_errors,
        ..nothing()
    }
}

fn nothing() -> PreviewedRecord {
    PreviewedRecord {
        outcome: PreviewOutcome::Refused,
        record: None,
        record_key: None,
        code: None,
        summary: None,
        field_errors: Vec::new(),
        detail: None,
    }
}
