//! What would become of records on their way to a destination, told without writing them: key, mapping, rules and payload
//! hash, by the same steps as the engine's second stage. Deliberately absent: what the destination says.

use std::thread;
use std::time::Instant;

use connector::{Record, RecordKey};
use serde_json::Value;

use crate::failure::UnusableKey;
use crate::mapping::STACK_BYTES;
use crate::{Mapped, Mapping, PayloadHash, RecordFailure, Rules};

/// What happens to the records of a stream between its ends.
#[derive(Debug)]
pub struct Rehearsal {
    /// Fields of the source record that identify it.
    pub key_fields: Vec<String>,
    /// `None` copies records as they are.
    pub mapping: Option<Mapping>,
    /// `None` lets every record pass.
    pub rules: Option<Rules>,
    /// The field that marks records that are gone, where there is one.
    pub mark_field: Option<String>,
}

/// How far a record would come.
#[derive(Debug, Clone, PartialEq)]
pub enum Prospect {
    /// It would be written, unless it is there already.
    Ready {
        /// Which record it is.
        key: RecordKey,
        /// Of what would be written.
        payload_hash: PayloadHash,
    },
    /// The mapping leaves it out.
    LeftOut,
    /// It would fail before it is written.
    Refused(Box<RecordFailure>),
}

/// Why a record would not be written.
#[derive(Debug, Clone, PartialEq)]
pub enum NotReady {
    /// The mapping leaves it out.
    LeftOut,
    /// It would fail before it is written.
    Refused(Box<RecordFailure>),
}

impl Rehearsal {
    /// What would become of each record, in their order: of those that there is time for until `until`, at least one. Blocks
    /// its thread; a mapping runs on one of its own.
    pub fn all(&self, records: Vec<Record>, until: Instant) -> Vec<Prospect> {
        if self.mapping.is_none() {
            return self.until(records, until);
        }
        thread::scope(|scope| {
            let work = thread::Builder::new().name("rehearsal".to_owned()).stack_size(STACK_BYTES);
            // Without a thread, or after a panic that no record's own guard caught, nothing is known of any of them.
            match work.spawn_scoped(scope, || self.until(records, until)) {
                Ok(work) => work.join().unwrap_or_default(),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no thread for a rehearsal");
                    Vec::new()
                }
            }
        })
    }

    fn until(&self, records: Vec<Record>, until: Instant) -> Vec<Prospect> {
        let mut prospects = Vec::with_capacity(records.len());
        for record in records {
            if !prospects.is_empty() && Instant::now() >= until {
                break;
            }
            prospects.push(self.one(record));
        }
        prospects
    }

    /// A record as it would be written, with which one it is. Blocks its thread; a mapping runs on one of its own.
    ///
    /// # Errors
    /// When it would not come to be written.
    pub fn prepare(&self, record: Record) -> Result<(RecordKey, Record), NotReady> {
        if self.mapping.is_none() {
            return self.prepared(record);
        }
        let nobody = |record: Record| {
            let detail = "the mapping could not be run".to_owned();
            let key = RecordKey::of(&record, &self.key_fields);
            let key = key.unwrap_or_else(|| RecordKey::of_text(String::new()));
            NotReady::Refused(Box::new(RecordFailure::mapping_failed(key, record, detail)))
        };
        thread::scope(|scope| {
            let work = thread::Builder::new().name("rehearsal".to_owned()).stack_size(STACK_BYTES);
            let copy = record.clone();
            match work.spawn_scoped(scope, || self.prepared(copy)) {
                Ok(work) => work.join().unwrap_or_else(|_panic| Err(nobody(record))),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no thread for a rehearsal");
                    Err(nobody(record))
                }
            }
        })
    }

    fn one(&self, record: Record) -> Prospect {
        match self.prepared(record) {
            Ok((key, mapped)) => Prospect::Ready { key, payload_hash: PayloadHash::of(&mapped) },
            Err(NotReady::LeftOut) => Prospect::LeftOut,
            Err(NotReady::Refused(failure)) => Prospect::Refused(failure),
        }
    }

    fn prepared(&self, record: Record) -> Result<(RecordKey, Record), NotReady> {
        let refused = |failure| Err(NotReady::Refused(Box::new(failure)));
        let Some(key) = RecordKey::of(&record, &self.key_fields) else {
            return refused(RecordFailure::missing_key(record, &self.key_fields));
        };
        if let Some(why) = UnusableKey::of(&key) {
            return refused(RecordFailure::unusable_key(why, record, &self.key_fields));
        }
        let mapped = match &self.mapping {
            None => record,
            Some(mapping) => match mapping.apply_here(&record) {
                Ok(Mapped::Record(mapped)) => mapped,
                Ok(Mapped::Skip) => return Err(NotReady::LeftOut),
                Err(error) => return refused(RecordFailure::mapping_failed(key, record, error.detail)),
            },
        };
        let mut mapped = mapped;
        if let Some(rules) = &self.rules {
            let value = Value::from(mapped);
            let field_errors = rules.check(&value);
            if !field_errors.is_empty() {
                // Which of both records is kept beside it does not matter here: nobody stores it.
                return refused(RecordFailure::schema_violation(key, Record::new(), field_errors));
            }
            let Value::Object(checked) = value else { unreachable!("made of a record above") };
            mapped = checked.into();
        }
        if let Some(field) = &self.mark_field {
            mapped.insert(field.clone(), Value::Null);
        }
        Ok((key, mapped))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::time::{Duration, Instant};

    use connector::Record;
    use serde_json::{Value, json};

    use super::{NotReady, Prospect, Rehearsal};
    use crate::{Mapping, PayloadHash, Rules};

    fn record(value: Value) -> Record {
        value.as_object().unwrap().clone().into()
    }

    fn rehearsal(mapping: Option<&str>, rules: Option<Value>) -> Rehearsal {
        Rehearsal {
            key_fields: vec!["id".to_owned()],
            mapping: mapping.map(|program| Mapping::compile(program).unwrap()),
            rules: rules.map(|schema| Rules::compile(&schema).unwrap()),
            mark_field: None,
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn each_record_is_mapped_and_checked_and_what_would_be_written_is_hashed() {
        let mapping = "if .id == \"gone\" { abort }\n.amount = to_float!(.amount)";
        let rehearsal = rehearsal(Some(mapping), Some(json!({"properties": {"amount": {"minimum": 1}}})));
        let records = [
            json!({"id": "a", "amount": "2"}),
            json!({"amount": "2"}),
            json!({"id": "\0", "amount": "2"}),
            json!({"id": "gone"}),
            json!({"id": "b", "amount": "two"}),
            json!({"id": "c", "amount": "0.5"}),
        ];
        let prospects = rehearsal.all(records.map(record).into(), soon());
        let Prospect::Ready { key, payload_hash } = &prospects[0] else { unreachable!("{prospects:?}") };
        assert_eq!(key.canonical(), "a");
        assert_eq!(*payload_hash, PayloadHash::of(&record(json!({"id": "a", "amount": 2.0}))));
        let said: Vec<String> = prospects[1..]
            .iter()
            .map(|prospect| match prospect {
                Prospect::Refused(failure) => failure.code.clone(),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(
            said,
            [
                "record.missing_key",
                "record.unusable_key",
                "LeftOut",
                "record.mapping_failed",
                "record.schema_violation"
            ]
        );
        let Prospect::Refused(failure) = &prospects[5] else { unreachable!("{prospects:?}") };
        assert_eq!((failure.field_errors[0].path.as_str(), failure.field_errors.len()), ("/amount", 1));
    }

    #[test]
    fn when_the_time_is_up_the_rest_is_left() {
        let records = || vec![record(json!({"id": "a"})); 3];
        for mapping in [None, Some(".b = 1")] {
            assert_eq!(rehearsal(mapping, None).all(records(), Instant::now()).len(), 1);
            assert_eq!(rehearsal(mapping, None).all(records(), soon()).len(), 3);
        }
        assert_eq!(rehearsal(None, None).all(Vec::new(), soon()), []);
    }

    #[test]
    fn one_record_is_given_as_it_would_be_written() {
        let mapping = "if .id == \"gone\" { abort }\n.amount = to_float!(.amount)";
        for program in [Some(mapping), None] {
            let rehearsal = Rehearsal { mark_field: Some("gone".to_owned()), ..rehearsal(program, None) };
            let (key, mapped) = rehearsal.prepare(record(json!({"id": "a", "amount": "2"}))).unwrap();
            let amount = if program.is_some() { json!(2.0) } else { json!("2") };
            assert_eq!((key.canonical(), mapped.get("amount")), ("a", Some(&amount)));
            assert_eq!(mapped.get("gone"), Some(&Value::Null));
        }
        let rehearsal = rehearsal(Some(mapping), Some(json!({"properties": {"amount": {"minimum": 1}}})));
        assert_eq!(rehearsal.prepare(record(json!({"id": "gone"}))), Err(NotReady::LeftOut));
        for (value, code) in [
            (json!({"amount": "2"}), "record.missing_key"),
            (json!({"id": "b", "amount": "two"}), "record.mapping_failed"),
            (json!({"id": "c", "amount": "0.5"}), "record.schema_violation"),
        ] {
            let prepared = rehearsal.prepare(record(value));
            let Err(NotReady::Refused(failure)) = prepared else { unreachable!("{code}: {prepared:?}") };
            assert_eq!(failure.code, code);
        }
    }
}
