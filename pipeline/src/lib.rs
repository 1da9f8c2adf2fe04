//! The engine: read → map → validate → write → account, streaming, in bounded memory, its stages
//! overlapping.
//!
//! [`run_stream`] moves a stream's records, [`run_records`] the records of failures that are retried;
//! both take the same path. [`compare_stream`] takes it up to the destination, and only looks there. Deliberately absent: who runs it, and where results are kept; the caller
//! implements [`Ledger`].

mod comparison;
mod counts;
mod failure;
mod ledger;
mod mapping;
mod payload;
mod progress;
mod rehearsal;
mod retry;
mod rules;
mod seen;
mod shape;
mod stop;
mod stream;

pub use comparison::{
    Checksum, Compared, Comparison, ComparisonCounts, DIFFERENCES_MAX, Difference, DifferenceKind,
    KnownFailures,
};
pub use counts::Counts;
pub use failure::{
    RECORD_DUPLICATE_KEY, RECORD_MAPPING_FAILED, RECORD_MISSING_KEY, RECORD_SCHEMA_VIOLATION,
    RECORD_UNUSABLE_KEY, RecordFailure, SOURCE_MALFORMED, Stage,
};
pub use ledger::{AccountedPage, InDoubt, Ledger, LedgerError, NewReceipt, Receipt, RetryNotice, Side};
pub use mapping::{
    EXPRESSIONS_PER_RECORD_MAX, MapError, Mapped, Mapping, MappingProblem, MappingProblems,
    PROGRAM_BYTES_MAX, RECORD_TIME_MAX,
};
pub use payload::PayloadHash;
pub use progress::{StreamProgress, Waited};
pub use rehearsal::{Prospect, Rehearsal};
pub use retry::RetryPolicy;
pub use rules::{FIELD_ERRORS_MAX, Rules, RulesProblem, SCHEMA_BYTES_MAX};
pub use shape::{ChangedField, FieldShape, FieldType, Shape, ShapeChange};
pub use stop::Stop;
pub use stream::{
    Moved, StoredRecord, StreamPlan, StreamReport, StreamStop, compare_stream, run_records, run_stream,
};
