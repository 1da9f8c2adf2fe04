//! What would become of one failure if it were retried now: by the integration's mapping and rules as they are today, the
//! record as it is stored, and the receipt of its key. Deliberately absent: reading any of these.

use chrono::{DateTime, Utc};
use entity::failure::{self, FailureStage, FieldError, Retryable};
use entity::run::RunScope;
use pipeline::{PayloadHash, Prospect, RECORD_DUPLICATE_KEY, Receipt, RecordFailure};
use uuid::Uuid;

use crate::catalogue;
use crate::failure::{is_record, is_removal, is_whole};
use crate::reconciliation::{RECONCILIATION_DIFFERENT, RECONCILIATION_MISSING};
use crate::words::Language;

/// What a retry of a failure would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Prediction {
    /// Nothing was ever written with its key.
    WouldCreate,
    /// Something else was written with its key, before it failed.
    WouldUpdate,
    /// Exactly this is there already: nothing would be written.
    AlreadyWritten,
    /// A later run wrote something else with its key.
    WouldOverwriteNewer,
    /// It is gone from the source: it would be deleted or marked at the destination.
    WouldBeRemoved,
    /// The mapping leaves it out: it would end as skipped.
    WouldBeLeftOut,
    /// It would fail again, unless it is edited or the integration changed.
    CannotSucceed,
    /// Nobody can tell.
    Unknown,
}

impl Prediction {
    /// Every one, in the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::WouldCreate,
        Self::WouldUpdate,
        Self::AlreadyWritten,
        Self::WouldOverwriteNewer,
        Self::WouldBeRemoved,
        Self::WouldBeLeftOut,
        Self::CannotSucceed,
        Self::Unknown,
    ];

    /// Its stable name, e.g. `WOULD_CREATE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::WouldCreate => "WOULD_CREATE",
            Self::WouldUpdate => "WOULD_UPDATE",
            Self::AlreadyWritten => "ALREADY_WRITTEN",
            Self::WouldOverwriteNewer => "WOULD_OVERWRITE_NEWER",
            Self::WouldBeRemoved => "WOULD_BE_REMOVED",
            Self::WouldBeLeftOut => "WOULD_BE_LEFT_OUT",
            Self::CannotSucceed => "CANNOT_SUCCEED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// A failure and what a retry of it would do.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictedFailure {
    /// The failure.
    pub failure_id: Uuid,
    /// Key of its record in the business's own terms, as it was when it failed.
    pub business_reference: Option<String>,
    /// What a retry would do.
    pub prediction: Prediction,
    /// Why, in the reader's language; without values of the record.
    pub reason: String,
    /// The rules that it would break, where that is why it can't succeed.
    pub field_errors: Vec<FieldError>,
}

/// What is said of a failure.
pub(super) struct Forecast {
    pub(super) prediction: Prediction,
    why: Why,
    field_errors: Vec<FieldError>,
}

/// Why, before it is said in somebody's language.
#[derive(Debug)]
enum Why {
    /// A message of the words.
    Message(&'static str),
    /// It would fail with this code.
    Fails(String),
}

impl Forecast {
    /// With the id of the message that says why.
    pub(super) fn new(prediction: Prediction, message: &'static str) -> Self {
        Self { prediction, why: Why::Message(message), field_errors: Vec::new() }
    }

    pub(super) fn of(self, language: &Language, row: &failure::Model) -> PredictedFailure {
        let reason = match &self.why {
            Why::Message(id) => language.say(id),
            Why::Fails(code) => language.happened(code, &language.say("subject-it")),
        };
        let field_errors = self.field_errors.into_iter().map(|error| language.field_error(error)).collect();
        PredictedFailure {
            failure_id: row.id,
            business_reference: row.business_reference.clone(),
            prediction: self.prediction,
            reason,
            field_errors,
        }
    }
}

/// What can be told of a failure without a look at its record; `None` where that takes one.
pub(super) fn without_record(row: &failure::Model) -> Option<Forecast> {
    if is_whole(row) {
        return Some(Forecast::new(Prediction::Unknown, "retry-whole"));
    }
    if is_removal(row) {
        return Some(Forecast::new(Prediction::WouldBeRemoved, "retry-removal"));
    }
    if !is_record(row) {
        let why = match &row.record {
            Some(_) => "not-when-malformed",
            None => "retry-not-kept",
        };
        return Some(Forecast::new(Prediction::CannotSucceed, why));
    }
    if row.edited_record.is_none() && catalogue::entry(&row.code).retryable == Retryable::No {
        return Some(Forecast::new(Prediction::CannotSucceed, "retry-no-help"));
    }
    None
}

/// What was written with a key, and whether that was after the failure.
pub(super) struct Written {
    pub(super) receipt: Receipt,
    /// The run that wrote it; `None` when nobody knows any more.
    pub(super) run: Option<WritingRun>,
}

/// When a run wrote, and what.
#[derive(Clone, Copy)]
pub(super) struct WritingRun {
    pub(super) started_at: DateTime<Utc>,
    pub(super) finished_at: Option<DateTime<Utc>>,
    pub(super) scope: RunScope,
}

/// What a retry would do with a record, by how far it would come and what is known of its key.
pub(super) fn of_record(row: &failure::Model, prospect: Prospect, written: Option<&Written>) -> Forecast {
    let payload_hash = match prospect {
        Prospect::Refused(failure) => return refused(*failure),
        Prospect::LeftOut => {
            return Forecast::new(Prediction::WouldBeLeftOut, "retry-left-out");
        }
        Prospect::Ready { payload_hash, .. } => payload_hash,
    };
    let forecast = match written {
        None => Forecast::new(Prediction::WouldCreate, "retry-new"),
        Some(written) => over(row, payload_hash, written),
    };
    let is_open = matches!(forecast.prediction, Prediction::WouldCreate | Prediction::WouldUpdate);
    if is_open && is_refused_by_destination(row) {
        return Forecast::new(Prediction::Unknown, "retry-refused");
    }
    forecast
}

fn refused(failure: RecordFailure) -> Forecast {
    let field_errors = failure
        .field_errors
        .into_iter()
        .map(|error| FieldError { path: error.path, rule: error.rule, message: error.message })
        .collect();
    Forecast { prediction: Prediction::CannotSucceed, why: Why::Fails(failure.code), field_errors }
}

/// The destination looked at the record and did not want it, as it is or as it was before an edit: the failure does not say.
fn is_refused_by_destination(row: &failure::Model) -> bool {
    row.stage == FailureStage::Load && catalogue::entry(&row.code).retryable == Retryable::Unknown
}

fn over(row: &failure::Model, payload_hash: PayloadHash, written: &Written) -> Forecast {
    let Written { receipt, run } = written;
    if receipt.in_doubt.is_some() && row.code == RECONCILIATION_MISSING {
        return Forecast::new(Prediction::WouldCreate, "retry-not-found");
    }
    if receipt.in_doubt.is_some() && row.code == RECONCILIATION_DIFFERENT {
        return Forecast::new(Prediction::WouldUpdate, "retry-different");
    }
    if receipt.in_doubt.is_some() {
        return Forecast::new(Prediction::Unknown, "retry-in-doubt");
    }
    if receipt.payload_hash == payload_hash {
        return Forecast::new(Prediction::AlreadyWritten, "retry-same");
    }
    if receipt.run == row.run_id {
        return if row.code == RECORD_DUPLICATE_KEY {
            Forecast::new(Prediction::WouldUpdate, "retry-duplicate")
        } else {
            Forecast::new(Prediction::Unknown, "retry-same-run")
        };
    }
    // A run that began after the failure wrote all that it wrote after it, and one that had ended before. A backfill that
    // lets others go first may have been under way.
    match run {
        Some(run) if run.scope == RunScope::FailedRecords => {
            Forecast::new(Prediction::Unknown, "retry-of-retry")
        }
        Some(run) if run.started_at >= row.failed_at => {
            Forecast::new(Prediction::WouldOverwriteNewer, "retry-newer")
        }
        Some(run) if run.finished_at.is_some_and(|finished_at| finished_at <= row.failed_at) => {
            Forecast::new(Prediction::WouldUpdate, "retry-older")
        }
        Some(_) => Forecast::new(Prediction::Unknown, "retry-under-way"),
        None => Forecast::new(Prediction::Unknown, "retry-forgotten"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use chrono::{DateTime, TimeDelta, Utc};
    use connector::{Record, RecordKey};
    use entity::failure::{self, FailureCategory, FailureStage, FailureStatus, ResponsibleParty, Retryable};
    use entity::run::RunScope;
    use pipeline::{InDoubt, PayloadHash, Prospect, RECORD_DUPLICATE_KEY, Receipt};
    use serde_json::json;
    use uuid::Uuid;

    use super::{Prediction, WritingRun, Written, of_record, without_record};
    use crate::words::{Locale, shipped};

    const RUN: Uuid = Uuid::from_u128(1);
    const OTHER_RUN: Uuid = Uuid::from_u128(2);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    /// That failed at 100 s.
    fn failed(code: &str, stage: FailureStage) -> failure::Model {
        failure::Model {
            id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            integration_id: Uuid::nil(),
            run_id: RUN,
            stream: Some("orders".to_owned()),
            business_reference: None,
            record_key: Some("a".to_owned()),
            position: None,
            status: FailureStatus::Open,
            category: FailureCategory::UserAction,
            stage,
            code: code.to_owned(),
            responsible_party: ResponsibleParty::Customer,
            retryable: Retryable::Unknown,
            hint: None,
            field_errors: Default::default(),
            attempts: 1,
            failed_at: at(100),
            last_attempt_at: at(300),
            next_attempt_at: None,
            resolved_at: None,
            resolved_by_run_id: None,
            http_status: None,
            technical_detail: None,
            record: Some(vec![1]),
            edited_record: None,
            retry_id: None,
            retry_run_id: None,
            skip_reason: None,
            skipped_by: None,
            quarantine_id: None,
            group_id: None,
            exchange_id: None,
            impact: Default::default(),
            impact_reason: None,
            value_at_stake: None,
            record_removed_at: None,
        }
    }

    fn hash(number: u8) -> PayloadHash {
        PayloadHash::from_bytes([number; 16])
    }

    fn ready() -> Prospect {
        let record: Record = [("id".to_owned(), json!("a"))].into_iter().collect();
        let key = RecordKey::of(&record, &["id".to_owned()]).unwrap();
        Prospect::Ready { key, payload_hash: hash(1) }
    }

    fn written(payload: u8, run: Uuid, started_at: Option<i64>) -> Written {
        let receipt =
            Receipt { payload_hash: hash(payload), run, written_in_this_run: false, in_doubt: None };
        // It takes ten seconds.
        let run = started_at.map(|started_at| WritingRun {
            started_at: at(started_at),
            finished_at: Some(at(started_at + 10)),
            scope: RunScope::AllRecords,
        });
        Written { receipt, run }
    }

    fn with_run(change: impl FnOnce(&mut WritingRun)) -> Option<Written> {
        let mut written = written(2, OTHER_RUN, Some(50));
        change(written.run.as_mut().unwrap());
        Some(written)
    }

    #[test]
    fn what_would_be_written_is_compared_with_what_was_and_when() {
        use Prediction::{AlreadyWritten, Unknown, WouldCreate, WouldOverwriteNewer, WouldUpdate};
        let schema = || failed("record.schema_violation", FailureStage::Validate);
        let refused = || failed("destination.rejected", FailureStage::Load);
        let busy = || failed("destination.rate_limited", FailureStage::Load);
        let duplicate = || failed(RECORD_DUPLICATE_KEY, FailureStage::Extract);
        let mut doubtful = written(1, OTHER_RUN, Some(0));
        doubtful.receipt.in_doubt = Some(InDoubt { payload_hash: hash(2), revision: 3 });
        for (row, written, expected) in [
            (schema(), None, WouldCreate),
            (refused(), None, Unknown),
            (busy(), None, WouldCreate),
            (schema(), Some(written(2, OTHER_RUN, Some(50))), WouldUpdate),
            (refused(), Some(written(2, OTHER_RUN, Some(50))), Unknown),
            // It failed first at 100 s, whenever it was tried last.
            (schema(), Some(written(2, OTHER_RUN, Some(200))), WouldOverwriteNewer),
            (refused(), Some(written(2, OTHER_RUN, Some(200))), WouldOverwriteNewer),
            (schema(), Some(written(2, OTHER_RUN, None)), Unknown),
            // Under way when it failed, and a retry, whose records are old ones.
            (schema(), with_run(|run| run.finished_at = None), Unknown),
            (schema(), with_run(|run| run.finished_at = Some(at(101))), Unknown),
            (
                schema(),
                with_run(|run| {
                    run.scope = RunScope::FailedRecords;
                    run.started_at = at(200);
                }),
                Unknown,
            ),
            (schema(), Some(written(2, RUN, Some(50))), Unknown),
            (duplicate(), Some(written(2, RUN, Some(50))), WouldUpdate),
            (duplicate(), Some(written(1, RUN, Some(50))), AlreadyWritten),
            (refused(), Some(written(1, OTHER_RUN, Some(200))), AlreadyWritten),
            (schema(), Some(doubtful), Unknown),
        ] {
            let found = of_record(&row, ready(), written.as_ref());
            assert_eq!(found.prediction, expected, "{}: {:?}", row.code, found.why);
        }
        let left_out = of_record(&schema(), Prospect::LeftOut, Some(&written(1, RUN, Some(50))));
        assert_eq!(left_out.prediction, Prediction::WouldBeLeftOut);
        for (locale, reason) in [
            (Locale::English, "No record with its key was written before."),
            (Locale::German, "Mit seinem Schlüssel wurde noch kein Datensatz geschrieben."),
        ] {
            let new = of_record(&schema(), ready(), None).of(&shipped(locale), &schema());
            assert_eq!((new.prediction, new.reason.as_str()), (WouldCreate, reason));
        }
    }

    #[test]
    fn without_a_record_only_an_edit_helps_and_of_a_whole_run_nobody_knows() {
        let schema = || failed("record.schema_violation", FailureStage::Validate);
        let told = |row: &failure::Model| without_record(row).map(|told| told.prediction);
        assert_eq!(told(&schema()), None);
        let malformed = failed("source.malformed", FailureStage::Extract);
        assert_eq!(told(&malformed), Some(Prediction::CannotSucceed));
        assert_eq!(told(&failure::Model { edited_record: Some(vec![1]), ..malformed }), None);
        let lost = failure::Model { record: None, ..schema() };
        assert_eq!(told(&lost), Some(Prediction::CannotSucceed));
        assert_eq!(told(&failure::Model { record_key: None, ..lost }), Some(Prediction::Unknown));
    }
}
