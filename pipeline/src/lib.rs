//! The engine: read → map → validate → write → account, streaming, in bounded memory, its stages
//! overlapping.
//!
//! [`run_stream`] moves a stream's records, [`run_records`] the records of failures that are retried;
//! both take the same path. [`conclude_stream`] is the end of a stream that was read in parts. [`compare_stream`] takes it up to the destination, and only looks there. Deliberately absent: who runs it, and where results are kept; the caller
//! implements [`Ledger`].

mod budget;
mod comparison;
mod counts;
mod failure;
mod gate;
mod key_set;
mod kpi;
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
mod trial;

pub use budget::PageBudget;
pub use comparison::{
    Checksum, Compared, Comparison, ComparisonCounts, ComparisonLedger, DIFFERENCES_MAX, Difference,
    DifferenceKind, OnlyThere, Untold, WrittenKey,
};
pub use counts::Counts;
pub use failure::{
    DESTINATION_REMOVAL_REFUSED, RECORD_DUPLICATE_KEY, RECORD_DUPLICATE_VALUE, RECORD_MAPPING_FAILED,
    RECORD_MISSING_KEY, RECORD_MISSING_REFERENCE, RECORD_QUARANTINED, RECORD_SCHEMA_VIOLATION,
    RECORD_UNUSABLE_KEY, RecordFailure, SOURCE_MALFORMED, Stage,
};
pub use gate::{Breach, BreachRule, Gate, GateCounts, GateRules, NullRate, Volume};
pub use kpi::{Kpis, Measure, Measured, PARTS, Pointer, Total, VALUE_MAX};
pub use ledger::{
    AccountedPage, InDoubt, Ledger, LedgerError, NewReceipt, Receipt, RemovedPage, RetryNotice, Side,
};
pub use mapping::{
    EXPRESSIONS_PER_RECORD_MAX, MapError, Mapped, Mapping, MappingProblem, MappingProblems,
    PROGRAM_BYTES_MAX, RECORD_TIME_MAX,
};
pub use payload::PayloadHash;
pub use progress::{StreamProgress, Waited};
pub use rehearsal::{NotReady, Prospect, Rehearsal};
pub use retry::RetryPolicy;
pub use rules::{FIELD_ERRORS_MAX, Rules, RulesProblem, SCHEMA_BYTES_MAX};
pub use seen::SeenKeys;
pub use shape::{ChangedField, FieldShape, FieldType, Shape, ShapeChange};
pub use stop::Stop;
pub use stream::{
    Checks, Moved, Reference, Repeats, StoredRecord, StreamPlan, StreamReport, StreamStop, TableReference,
    Unique, compare_stream, conclude_stream, run_records, run_stream,
};
pub use trial::{Taken, Trial, TrialError};
