//! What a mapping makes of records, before it is stored, and records of a source to try it on.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::id::Kind;
use domain::integration;

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::failure::FieldError;
use super::scalar::{Json, uuid};

/// What would become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::integration::PreviewOutcome")]
pub enum PreviewOutcome {
    /// It would be written.
    Ready,
    /// The mapping leaves it out.
    LeftOut,
    /// It would fail before it is written.
    Refused,
}

/// A record behind mapping, key fields and rules, as it would come to the destination. What the destination says to it,
/// nobody knows before it is written.
#[derive(SimpleObject)]
pub struct PreviewedRecord {
    /// What would become of it.
    outcome: PreviewOutcome,
    /// As it would be written; null where it would not, and where it has more than 1 MiB.
    record: Option<Json>,
    /// Its key in the business's own terms, where its key fields say.
    business_reference: Option<String>,
    /// Code of the failure that it would be, e.g. `record.schema_violation`.
    code: Option<String>,
    /// What its failure would say.
    summary: Option<String>,
    /// Which fields break which rules.
    field_errors: Vec<FieldError>,
    /// Where the program stopped, and at what, without values of the record; or why the record is not shown.
    detail: Option<String>,
}

impl From<integration::PreviewedRecord> for PreviewedRecord {
    fn from(previewed: integration::PreviewedRecord) -> Self {
        Self {
            outcome: previewed.outcome.into(),
            record: previewed.record.map(Json),
            business_reference: previewed.record_key,
            code: previewed.code,
            summary: previewed.summary,
            field_errors: previewed.field_errors.into_iter().map(Into::into).collect(),
            detail: previewed.detail,
        }
    }
}

/// Which stream to read the first records of.
#[derive(InputObject)]
pub struct SampleRecordsInput {
    /// The integration; not an archived one.
    integration_id: ID,
    /// Name of the stream.
    stream: String,
    /// How many, 1 to 20; 5 when absent or null.
    first: Option<i32>,
}

/// What the source gave, or why it was not asked.
#[derive(SimpleObject)]
pub struct SampleRecordsPayload {
    /// Its first records, as the mapping would get them; null when `userErrors` is not empty.
    records: Option<Vec<Json>>,
    /// What stands among them and is no record: where, and what is wrong with it.
    malformed: Option<Vec<String>>,
    /// What keeps it from being done.
    user_errors: Vec<UserError>,
}

/// A mapping, and records to try it on.
#[derive(InputObject)]
pub struct PreviewMappingInput {
    /// The integration; not an archived one.
    integration_id: ID,
    /// Name of the stream, whose key fields and rules are those that are stored.
    stream: String,
    /// VRL, as in a stream; absent or null: records are copied as they are.
    mapping: Option<String>,
    /// 1 to 20 objects, at most 1 MiB altogether.
    #[graphql(secret)]
    records: Vec<Json>,
}

/// What the mapping makes of the records, or what is wrong with it.
#[derive(SimpleObject)]
pub struct PreviewMappingPayload {
    /// One for each record, in their order; null when `userErrors` is not empty.
    records: Option<Vec<PreviewedRecord>>,
    /// What is wrong with the mapping (each with line and column) or the records.
    user_errors: Vec<UserError>,
}

/// Mutations for who writes mappings.
#[derive(Default)]
pub struct PreviewMutation;

/// Mutations for who writes mappings.
#[Object]
impl PreviewMutation {
    /// Reads the first records of a stream from its source, to try a mapping on them. Takes up to 20 s. Nothing is moved and
    /// nothing is kept; that they were read is in the audit log. Not while the tenant is suspended. That the source does not give them is a user error, in words.
    async fn sample_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which stream.")] input: SampleRecordsInput,
    ) -> Result<SampleRecordsPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        let sampled = integration::sample(&actor(ctx)?, id, &input.stream, input.first.map(Into::into)).await;
        let (sample, user_errors) = outcome(sampled)?;
        let (records, malformed) = match sample {
            Some(sample) => (Some(sample.records.into_iter().map(Json).collect()), Some(sample.malformed)),
            None => (None, None),
        };
        Ok(SampleRecordsPayload { records, malformed, user_errors })
    }

    /// What a mapping would make of records, with the key fields and rules of a stream as they are stored. Nothing is written,
    /// and nothing is kept.
    async fn preview_mapping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The mapping, and the records.")] input: PreviewMappingInput,
    ) -> Result<PreviewMappingPayload> {
        let id = uuid(Kind::Integration, &input.integration_id);
        let records = input.records.into_iter().map(|record| record.0).collect();
        let previewed = integration::preview(&actor(ctx)?, id, &input.stream, input.mapping, records).await;
        let (previewed, user_errors) = outcome(previewed)?;
        let records = previewed.map(|records| records.into_iter().map(Into::into).collect());
        Ok(PreviewMappingPayload { records, user_errors })
    }
}
