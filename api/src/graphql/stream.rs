//! Streams: the kinds of records that an integration moves.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use domain::stream;
use serde_json::json;
use uuid::Uuid;

use super::caller::loaders;
use super::error::Result;
use super::failure::Impact;
use super::scalar::{BigInt, Json};
use super::stream_cursor::StreamCursor;
use super::stream_schema::StreamSchema;

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

/// What a change of the source's fields does to an integration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::stream::OnSchemaChange")]
pub enum OnSchemaChange {
    /// It is told by an event, and the run goes on.
    #[default]
    Continue,
    /// The integration is held before anything of the page is written. `resumeIntegration` accepts the change.
    Hold,
}

/// What is done with a record at the destination that is gone from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::stream::DeletionAction")]
pub enum DeletionAction {
    /// It stays, and `markField` gets the time.
    Mark,
    /// It is deleted.
    Delete,
}

/// What becomes of records at the destination that are gone from the source, when a run has read all of it.
#[derive(Clone, Debug, SimpleObject)]
pub struct Deletions {
    /// What is done.
    action: DeletionAction,
    /// MARK: the destination's field that gets the time; null in records that are there.
    mark_field: Option<String>,
    /// Where more of the records are gone, in percent, and more than ten, the integration is held before any is removed:
    /// `resumeIntegration` removes them.
    max_percent: i32,
}

/// What becomes of records at the destination that are gone from the source.
#[derive(InputObject)]
pub struct DeletionsInput {
    /// What is done.
    action: DeletionAction,
    /// MARK: the destination's field that gets the time, in a type that takes one or text.
    mark_field: Option<String>,
    /// Where more of the records are gone, in percent, and more than ten, a person is asked first; 0 to 100.
    #[graphql(default = 20)]
    max_percent: i32,
}

/// When the quality gate of a stream holds its integration: before a page is written, by what its run has read so far.
/// What a destination refuses does not count.
#[derive(Clone, Debug, SimpleObject)]
pub struct StreamQuality {
    /// More records than so many percent failed by themselves: malformed, without a key, not to be mapped, against the
    /// rules, or twice. Null: it never closes for that.
    max_failed_percent: Option<f64>,
    /// Records that a run reads of the stream before the gate may close for a rate.
    min_records: BigInt,
    /// Fields of the mapped record whose values no two records of a run may share; the second one is a failure.
    unique: Vec<Vec<String>>,
    /// Fields of the mapped record that must be the key of a record of another stream; one that is not is a failure.
    references: Vec<StreamReference>,
    /// Fields of the mapped record that must be in a table of the destination; one that is not is a failure.
    table_references: Vec<StreamTableReference>,
    /// How often fields of the mapped record may be null.
    null_rates: Vec<StreamNullRate>,
    /// How many records a run may read; null: any number.
    volume: Option<StreamVolume>,
}

/// Fields that must be the key of a record of another stream, of which there is a receipt. A record in which one of them is
/// null refers to nothing.
#[derive(Clone, Debug, SimpleObject, InputObject)]
#[graphql(input_name = "StreamReferenceInput")]
pub struct StreamReference {
    /// Of the mapped record, as many as the other stream has key fields, and in their order.
    fields: Vec<String>,
    /// Name of the other stream, which should stand before this one.
    stream: String,
}

/// Fields whose values must be in a table of the destination, whoever writes to it. The destination looks them up a page at a
/// time, by the equality of its own types: what a column can't hold is not there. A value that was found is not asked for again
/// by the same run, as long as there is room to remember it. A record in which one of the fields is null refers to nothing.
#[derive(Clone, Debug, SimpleObject, InputObject)]
#[graphql(input_name = "StreamTableReferenceInput")]
pub struct StreamTableReference {
    /// Of the mapped record, as many as there are columns, and in their order.
    fields: Vec<String>,
    /// The table or view, as the destination's options name one, at most 200 characters; for `postgres`, `mysql` and `sqlite`
    /// destinations only.
    table: String,
    /// Its columns, 1 to 10; an index on them makes looking fast.
    columns: Vec<String>,
}

/// How often a field may be null, or absent, among the records that passed mapping and rules. At least one of the limits is
/// set.
#[derive(Clone, Debug, SimpleObject, InputObject)]
#[graphql(input_name = "StreamNullRateInput")]
pub struct StreamNullRate {
    /// Of the mapped record.
    field: String,
    /// In at most so many percent of the records, 0 to 100.
    max_percent: Option<f64>,
    /// In at most so many percent of the records more than the median of the last five runs that went through, of which
    /// there must be three; 0 to 100.
    max_increase: Option<f64>,
}

/// How many records a run may read, in percent of the median of the last five runs that went through, of which there must be
/// three.
#[derive(Clone, Copy, Debug, SimpleObject, InputObject)]
#[graphql(input_name = "StreamVolumeInput")]
pub struct StreamVolume {
    /// At least; with less the integration is held once everything is written.
    min_percent: Option<f64>,
    /// At most; the page with which it is more is kept.
    max_percent: Option<f64>,
}

impl From<stream::Quality> for StreamQuality {
    fn from(quality: stream::Quality) -> Self {
        let reference = |reference: stream::Reference| StreamReference {
            fields: reference.fields,
            stream: reference.stream,
        };
        let table_reference = |reference: stream::TableReference| StreamTableReference {
            fields: reference.fields,
            table: reference.table,
            columns: reference.columns,
        };
        let null_rate = |rate: stream::NullRate| StreamNullRate {
            field: rate.field,
            max_percent: rate.max_percent,
            max_increase: rate.max_increase,
        };
        let volume = |volume: stream::Volume| StreamVolume {
            min_percent: volume.min_percent,
            max_percent: volume.max_percent,
        };
        Self {
            max_failed_percent: quality.max_failed_percent,
            min_records: quality.min_records.into(),
            unique: quality.unique,
            references: quality.references.into_iter().map(reference).collect(),
            table_references: quality.table_references.into_iter().map(table_reference).collect(),
            null_rates: quality.null_rates.into_iter().map(null_rate).collect(),
            volume: quality.volume.map(volume),
        }
    }
}

/// How much depends on records of a stream that do not arrive. Only those that fail are judged.
#[derive(Clone, Debug, SimpleObject)]
pub struct StreamImpact {
    /// On those that no rule speaks of, on what is no record, and on runs that can't go on.
    base: Impact,
    /// JSON Pointer to the number of a record that is at stake with it; null: there is none.
    value_field: Option<String>,
    /// The first that a record satisfies decides.
    rules: Vec<ImpactRule>,
}

/// On which records how much depends.
#[derive(Clone, Debug, SimpleObject)]
pub struct ImpactRule {
    /// JSON Schema of the records that it is about, as they are mapped, or as they are read where they don't get so far.
    when: Json,
    /// How much.
    impact: Impact,
    /// What it is about, for everybody who sees a failure.
    label: Option<String>,
}

impl From<stream::StreamImpact> for StreamImpact {
    fn from(impact: stream::StreamImpact) -> Self {
        let rule = |rule: stream::ImpactRule| ImpactRule {
            when: rule.when.into(),
            impact: rule.impact.into(),
            label: rule.label,
        };
        Self {
            base: impact.base.into(),
            value_field: impact.value_field,
            rules: impact.rules.into_iter().map(rule).collect(),
        }
    }
}

/// One kind of record that an integration moves, e.g. purchase orders.
#[derive(Clone)]
pub struct Stream {
    pub(super) integration_id: Uuid,
    pub(super) stream: stream::Stream,
}

/// One kind of record that an integration moves, e.g. purchase orders.
#[Object]
impl Stream {
    /// Unique in its integration.
    fn name(&self) -> &str {
        &self.stream.name
    }

    /// How it is read.
    fn mode(&self) -> SyncMode {
        self.stream.mode.into()
    }

    /// Fields of the source record that identify it; the business reference shown with a failure.
    fn key_fields(&self) -> &[String] {
        &self.stream.key_fields
    }

    /// INCREMENTAL: the field whose value grows.
    fn cursor_field(&self) -> Option<&str> {
        self.stream.cursor_field.as_deref()
    }

    /// Options of the source, by its connector's `sourceSchema`.
    fn source(&self) -> Json {
        self.stream.source.clone().into()
    }

    /// Options of the destination, by its connector's `destinationSchema`.
    fn destination(&self) -> Json {
        self.stream.destination.clone().into()
    }

    /// A program (VRL) from source record to destination record; null copies the record as it is.
    fn mapping(&self) -> Option<&str> {
        self.stream.mapping.as_deref()
    }

    /// JSON Schema that every mapped record must satisfy; a record that does not becomes a failure.
    fn record_schema(&self) -> Option<Json> {
        self.stream.record_schema.clone().map(Into::into)
    }

    /// INCREMENTAL: how far before `cursor` the next run begins, for what came late: seconds where the cursor is a time, and
    /// a number where it is one. What is there already by the receipts is not written again.
    fn overlap(&self) -> Option<BigInt> {
        self.stream.overlap.map(Into::into)
    }

    /// What a change of the source's fields does.
    fn on_schema_change(&self) -> OnSchemaChange {
        self.stream.on_schema_change.into()
    }

    /// What becomes of records at the destination that are gone from the source: at the end of each run of a FULL stream, and
    /// by the repair of a reconciliation; null leaves them as they are.
    fn deletions(&self) -> Option<Deletions> {
        self.stream.deletions.clone().map(|deletions| Deletions {
            action: deletions.action.into(),
            mark_field: deletions.mark_field,
            max_percent: deletions.max_percent,
        })
    }

    /// When its quality gate holds the integration.
    fn quality(&self) -> StreamQuality {
        self.stream.quality.clone().into()
    }

    /// How much depends on its records.
    fn impact(&self) -> StreamImpact {
        self.stream.impact.clone().into()
    }

    /// Where the next INCREMENTAL run begins; null where that is the beginning.
    async fn cursor(&self, ctx: &Context<'_>) -> Option<Result<StreamCursor>> {
        let cursor = async { loaders(ctx)?.cursor(self.integration_id, &self.stream.name).await };
        cursor.await.transpose().map(|cursor| cursor.map(Into::into))
    }

    /// The fields of its records as the source gives them; null where no run has seen any.
    async fn schema(&self, ctx: &Context<'_>) -> Option<Result<StreamSchema>> {
        let schema = async { loaders(ctx)?.schema(self.integration_id, &self.stream.name).await };
        schema.await.transpose().map(|schema| schema.map(Into::into))
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
    /// INCREMENTAL: how far before its cursor the next run begins, for what came late: seconds where the cursor is a time,
    /// and a number where it is one; 1 to 1,000,000,000,000. Absent or null: not at all.
    overlap: Option<BigInt>,
    /// What a change of the source's fields does; CONTINUE by default.
    #[graphql(default)]
    on_schema_change: OnSchemaChange,
    /// What becomes of records at the destination that are gone from the source: at the end of each run of a FULL stream, and
    /// by the repair of a reconciliation; absent or null leaves them as they are.
    deletions: Option<DeletionsInput>,
    /// When its quality gate holds the integration; absent or null: as by `{}`.
    quality: Option<StreamQualityInput>,
    /// How much depends on its records; absent or null: as by `{}`.
    impact: Option<StreamImpactInput>,
}

/// How much depends on records of a stream that do not arrive: which failures come first in the inbox, and are told of.
#[derive(InputObject)]
pub struct StreamImpactInput {
    /// On those that no rule speaks of, on what is no record, and on runs that can't go on; MEDIUM by default.
    #[graphql(default)]
    base: Impact,
    /// JSON Pointer to the number of a record that is at stake with it, e.g. `/total`, at most 200 characters; a text that is
    /// a number will do. Everybody who sees a failure of the stream reads it.
    value_field: Option<String>,
    /// The first that a record satisfies decides; at most 10, none by default.
    #[graphql(default)]
    rules: Vec<ImpactRuleInput>,
}

/// On which records how much depends.
#[derive(InputObject)]
pub struct ImpactRuleInput {
    /// JSON Schema (draft 2020-12) of the records that it is about, as they are mapped, or as they are read where they don't
    /// get so far; at most 16 KiB. A field that must be there is `required`: what it says of others holds where they are.
    when: Json,
    /// How much.
    impact: Impact,
    /// What it is about, e.g. `order over 1 M`, for everybody who sees a failure; at most 100 characters.
    label: Option<String>,
}

impl StreamImpactInput {
    fn decode(self) -> stream::StreamImpact {
        let rule = |rule: ImpactRuleInput| stream::ImpactRule {
            when: rule.when.0,
            impact: rule.impact.into(),
            label: rule.label,
        };
        stream::StreamImpact {
            base: self.base.into(),
            value_field: self.value_field,
            rules: self.rules.into_iter().map(rule).collect(),
        }
    }
}

/// When the quality gate of a stream holds its integration, before a page is written.
#[derive(InputObject)]
pub struct StreamQualityInput {
    /// More records than so many percent failed by themselves, from 0 to 100; 5 by default, and null never closes it.
    #[graphql(default = 5.0)]
    max_failed_percent: Option<f64>,
    /// Records that a run reads of the stream before the gate may close, 1 to 1,000,000,000; 100 by default.
    min_records: Option<BigInt>,
    /// Fields of the mapped record whose values no two records of a run may share, at most 5 times 1 to 10; none by
    /// default.
    #[graphql(default)]
    unique: Vec<Vec<String>>,
    /// Fields of the mapped record that must be the key of a record of another stream, at most 10; none by default.
    #[graphql(default)]
    references: Vec<StreamReference>,
    /// Fields of the mapped record that must be in a table of the destination, at most 10; none by default.
    #[graphql(default)]
    table_references: Vec<StreamTableReference>,
    /// How often fields of the mapped record may be null, at most 20; any number of times by default.
    #[graphql(default)]
    null_rates: Vec<StreamNullRate>,
    /// How many records a run may read; any number by default.
    volume: Option<StreamVolume>,
}

impl StreamQualityInput {
    fn decode(self) -> stream::Quality {
        let default = stream::Quality::default();
        let reference = |reference: StreamReference| stream::Reference {
            fields: reference.fields,
            stream: reference.stream,
        };
        let table_reference = |reference: StreamTableReference| stream::TableReference {
            fields: reference.fields,
            table: reference.table,
            columns: reference.columns,
        };
        let null_rate = |rate: StreamNullRate| stream::NullRate {
            field: rate.field,
            max_percent: rate.max_percent,
            max_increase: rate.max_increase,
        };
        let volume = |volume: StreamVolume| stream::Volume {
            min_percent: volume.min_percent,
            max_percent: volume.max_percent,
        };
        stream::Quality {
            max_failed_percent: self.max_failed_percent,
            min_records: self.min_records.map_or(default.min_records, |records| records.0),
            unique: self.unique,
            references: self.references.into_iter().map(reference).collect(),
            table_references: self.table_references.into_iter().map(table_reference).collect(),
            null_rates: self.null_rates.into_iter().map(null_rate).collect(),
            volume: self.volume.map(volume),
        }
    }
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
            overlap: self.overlap.map(|overlap| overlap.0),
            on_schema_change: self.on_schema_change.into(),
            deletions: self.deletions.map(|deletions| stream::Deletions {
                action: deletions.action.into(),
                mark_field: deletions.mark_field,
                max_percent: deletions.max_percent,
            }),
            quality: self.quality.map_or_else(stream::Quality::default, StreamQualityInput::decode),
            impact: self.impact.map_or_else(stream::StreamImpact::default, StreamImpactInput::decode),
        }
    }
}
