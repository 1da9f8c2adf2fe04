//! Streams as they are today, ready to try records on. Deliberately absent: what comes of it.

use std::time::Instant;

use connector::Record;
use entity::failure;
use entity::integration::Stream;
use pipeline::{Mapping, Prospect, Rehearsal, Rules};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::error::{Doing, Error, Result};

/// Compiles what happens to the records of a stream. It compiled when the integration was saved.
pub(crate) async fn compile(stream: &Stream) -> Result<Rehearsal> {
    let doing = "compiling a stored stream";
    let stream = stream.clone();
    spawn_blocking(move || {
        let mapping = stream.mapping.as_deref().map(Mapping::compile).transpose();
        let rules = stream.record_schema.as_ref().map(Rules::compile).transpose();
        Ok(Rehearsal {
            mark_field: stream.deletions.and_then(|deletions| deletions.mark_field),
            key_fields: stream.key_fields,
            mapping: mapping.map_err(|problem| Error::internal(doing, problem))?,
            rules: rules.map_err(|problem| Error::internal(doing, problem))?,
        })
    })
    .await
    .doing(doing)?
}

/// Tries records; as many as there is time for until `until`, at least one. The steps come back to be used again.
pub(super) async fn rehearse(
    rehearsal: Rehearsal,
    records: Vec<Record>,
    until: Instant,
) -> Result<(Rehearsal, Vec<Prospect>)> {
    let work = move || {
        let prospects = rehearsal.all(records, until);
        (rehearsal, prospects)
    };
    spawn_blocking(work).await.doing("rehearsing records")
}

/// The record that a retry would try.
pub(super) fn stored_record(app: &App, row: &failure::Model) -> Result<Record> {
    let Some(sealed) = row.edited_record.as_ref().or(row.record.as_ref()) else { return Ok(Record::new()) };
    let text = app.unseal(row.tenant_id, row.id, sealed)?;
    match serde_json::from_slice(&text).doing("reading a stored record")? {
        Value::Object(record) => Ok(record.into()),
        _ => Ok(Record::new()),
    }
}
