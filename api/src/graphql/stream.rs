//! Streams and schedules: the parts that an integration consists of.

use async_graphql::{Enum, InputObject, Object, SimpleObject};
use domain::integration::{Integration, NewSchedule};
use domain::stream;
use serde_json::json;

use super::scalar::{DateTime, Json};

/// How a stream is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::integration::SyncMode")]
pub enum SyncMode {
    /// Everything, each time.
    #[default]
    Full,
    /// What grew past the cursor of the last run.
    Incremental,
}

/// One kind of record that an integration moves, e.g. purchase orders.
#[derive(Clone)]
pub struct Stream(pub(super) stream::Stream);

/// One kind of record that an integration moves, e.g. purchase orders.
#[Object]
impl Stream {
    /// Unique in its integration.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// How it is read.
    async fn mode(&self) -> SyncMode {
        self.0.mode.into()
    }

    /// Fields of the source record that identify it; the business reference shown with a failure.
    async fn key_fields(&self) -> &[String] {
        &self.0.key_fields
    }

    /// INCREMENTAL: the field whose value grows.
    async fn cursor_field(&self) -> Option<&str> {
        self.0.cursor_field.as_deref()
    }

    /// Options of the source, by its connector's `sourceSchema`.
    async fn source(&self) -> Json {
        self.0.source.clone().into()
    }

    /// Options of the destination, by its connector's `destinationSchema`.
    async fn destination(&self) -> Json {
        self.0.destination.clone().into()
    }

    /// A program (VRL) from source record to destination record; null copies the record as it is.
    async fn mapping(&self) -> Option<&str> {
        self.0.mapping.as_deref()
    }

    /// JSON Schema that every mapped record must satisfy; a record that does not becomes a failure.
    async fn record_schema(&self) -> Option<Json> {
        self.0.record_schema.clone().map(Into::into)
    }
}

/// One kind of record that an integration moves.
#[derive(InputObject)]
pub struct StreamInput {
    /// Unique in its integration; at most 100 characters.
    name: String,
    /// How it is read; FULL by default.
    #[graphql(default)]
    mode: SyncMode,
    /// Fields of the source record that identify it, 1 to 10.
    key_fields: Vec<String>,
    /// INCREMENTAL: the field whose value grows.
    cursor_field: Option<String>,
    /// Options of the source, by its connector's `sourceSchema`; `{}` by default.
    source: Option<Json>,
    /// Options of the destination, by its connector's `destinationSchema`; `{}` by default.
    destination: Option<Json>,
    /// A program (VRL) from source record to destination record; absent or null copies the record as it is.
    mapping: Option<String>,
    /// JSON Schema (draft 2020-12) that every mapped record must satisfy; absent or null: any record will do.
    record_schema: Option<Json>,
}

impl StreamInput {
    pub(super) fn decode(self) -> stream::Stream {
        stream::Stream {
            name: self.name,
            mode: self.mode.into(),
            key_fields: self.key_fields,
            cursor_field: self.cursor_field,
            source: self.source.map_or_else(|| json!({}), |options| options.0),
            destination: self.destination.map_or_else(|| json!({}), |options| options.0),
            mapping: self.mapping,
            record_schema: self.record_schema.map(|schema| schema.0).filter(|schema| !schema.is_null()),
        }
    }
}

/// When an integration runs by itself.
#[derive(Clone, Debug, SimpleObject)]
pub struct Schedule {
    /// Cron expression: minute, hour, day of the month, month, day of the week.
    cron: String,
    /// IANA name of the time zone the expression is in, e.g. `Europe/Berlin`.
    time_zone: String,
    /// When it runs next; null while it is paused, held or archived.
    next_run_at: Option<DateTime>,
}

impl Schedule {
    /// Of an integration that has one.
    pub(super) fn of(integration: &Integration) -> Option<Self> {
        Some(Self {
            cron: integration.schedule_cron.clone()?,
            time_zone: integration.schedule_time_zone.clone()?,
            next_run_at: integration.next_run_at.map(Into::into),
        })
    }
}

/// When an integration runs by itself.
#[derive(InputObject)]
pub struct ScheduleInput {
    /// Cron expression with five fields (minute, hour, day of the month, month, day of the week), or `@hourly`,
    /// `@daily`, `@weekly`, `@monthly`, `@yearly`.
    cron: String,
    /// IANA name of the time zone, e.g. `Europe/Berlin`; `UTC` by default.
    #[graphql(default_with = "\"UTC\".to_owned()")]
    time_zone: String,
}

impl ScheduleInput {
    pub(super) fn decode(self) -> NewSchedule {
        NewSchedule { cron: self.cron, time_zone: self.time_zone }
    }
}
