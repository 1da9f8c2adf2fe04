//! One record at a destination, by itself: written, read back, removed, and looked for once more. Each step opens the
//! destination anew, so that what one step left can't be known to the next by anything but the destination. Deliberately
//! absent: receipts, counts and pages, which are of runs.

use std::sync::Arc;

use connector::{
    Action, Connector, Gone, OpenDestination, RecordError, Removal, Standing, SystemError, SystemErrorKind,
    Write, WriteOutcome,
};

use crate::retry::Patience;
use crate::{DESTINATION_REMOVAL_REFUSED, RetryPolicy};

/// A destination that is tried with one record.
pub struct Trial {
    connector: Arc<dyn Connector>,
    open: OpenDestination,
    policy: RetryPolicy,
}

/// A record that the destination has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What the write did.
    pub action: Action,
    /// The destination's own id for it, where it has one.
    pub destination_key: Option<String>,
}

/// Why a step did not go through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct TrialError {
    /// Of the error catalogue, e.g. `destination.unavailable`.
    pub code: String,
    /// For engineers.
    pub detail: String,
    /// The destination may have done it all the same; false where nothing was sent.
    pub is_in_doubt: bool,
    /// The place of the destination is not there, and so nothing is in it.
    pub is_nowhere: bool,
}

/// Of what fails before anything is asked.
impl From<SystemError> for TrialError {
    fn from(error: SystemError) -> Self {
        Self { code: code_of(&error), detail: error.detail, is_in_doubt: false, is_nowhere: false }
    }
}

/// What a destination is asked.
enum Ask<'a> {
    Write(&'a Write),
    Compare(&'a Write),
    Remove(&'a Gone),
    Hold(&'a Gone),
}

/// What it answers.
enum Answer {
    Written(Result<Taken, TrialError>),
    Stands(Option<Standing>),
    Removed(Result<(), TrialError>),
    Holds(Option<bool>),
}

impl Trial {
    /// Of a destination; `policy` says how patient it is with one that is down or busy.
    pub fn new(connector: Arc<dyn Connector>, open: OpenDestination, policy: RetryPolicy) -> Self {
        Self { connector, open, policy }
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When the destination can't be used, or refuses the record.
    pub async fn write(&self, write: &Write) -> Result<Taken, TrialError> {
        match self.insist(&Ask::Write(write)).await? {
            Answer::Written(written) => written,
            _ => Err(no_answer()),
        }
    }

    /// How the record stands there; `None` where the destination can't be asked.
    ///
    /// # Errors
    /// When the destination can't be used.
    pub async fn read_back(&self, write: &Write) -> Result<Option<Standing>, TrialError> {
        match self.insist(&Ask::Compare(write)).await? {
            Answer::Stands(standing) => Ok(standing),
            _ => Err(no_answer()),
        }
    }

    /// Removes the record. That it is not there is no error.
    ///
    /// # Errors
    /// When the destination can't be used, or does not let it go.
    pub async fn remove(&self, gone: &Gone) -> Result<(), TrialError> {
        match self.insist(&Ask::Remove(gone)).await? {
            Answer::Removed(removed) => removed,
            _ => Err(no_answer()),
        }
    }

    /// Whether the record is there; `None` where the destination can't be asked.
    ///
    /// # Errors
    /// When the destination can't be used.
    pub async fn holds(&self, gone: &Gone) -> Result<Option<bool>, TrialError> {
        match self.insist(&Ask::Hold(gone)).await? {
            Answer::Holds(holds) => Ok(holds),
            _ => Err(no_answer()),
        }
    }

    async fn insist(&self, ask: &Ask<'_>) -> Result<Answer, TrialError> {
        let mut patience = Patience::new(self.policy);
        let mut is_in_doubt = false;
        loop {
            let (error, was_open) = match self.once(ask).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            is_in_doubt |= was_open;
            let Some(wait) = patience.wait_after(&error) else {
                return Err(TrialError {
                    code: code_of(&error),
                    is_nowhere: error.kind == SystemErrorKind::NotFound,
                    detail: error.detail,
                    is_in_doubt,
                });
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// # Errors
    /// With whether the destination was open by then.
    async fn once(&self, ask: &Ask<'_>) -> Result<Answer, (SystemError, bool)> {
        let opened = self.connector.open_destination(self.open.clone()).await;
        let mut destination = opened.map_err(|error| (error, false))?;
        let used = |error| (error, true);
        let answer = match ask {
            Ask::Write(write) => {
                let outcomes = destination.write(std::slice::from_ref(*write)).await.map_err(used)?;
                Answer::Written(match outcomes.into_iter().next() {
                    Some(WriteOutcome::Written { action, destination_key }) => {
                        Ok(Taken { action, destination_key })
                    }
                    Some(WriteOutcome::Failed(error)) => {
                        let code = format!("destination.{}", error.kind.code());
                        Err(refused(code, error))
                    }
                    None => Err(no_answer()),
                })
            }
            Ask::Compare(write) => {
                let standings = destination.compare(std::slice::from_ref(*write)).await.map_err(used)?;
                Answer::Stands(standings.and_then(|standings| standings.into_iter().next()))
            }
            Ask::Remove(gone) => {
                let gone = std::slice::from_ref(*gone);
                let removed = destination.remove(gone, &Removal::Delete).await.map_err(used)?;
                let removed = removed.into_iter().next().unwrap_or(Ok(()));
                Answer::Removed(
                    removed.map_err(|error| refused(DESTINATION_REMOVAL_REFUSED.to_owned(), error)),
                )
            }
            Ask::Hold(gone) => {
                let held = destination.holds(std::slice::from_ref(*gone)).await.map_err(used)?;
                Answer::Holds(held.and_then(|held| held.into_iter().next()))
            }
        };
        destination.finish().await.map_err(used)?;
        Ok(answer)
    }
}

fn code_of(error: &SystemError) -> String {
    match error.kind {
        SystemErrorKind::Internal => "platform.internal".to_owned(),
        kind => format!("destination.{}", kind.code()),
    }
}

/// The record is refused, as far as is known.
fn refused(code: String, error: RecordError) -> TrialError {
    TrialError { code, detail: error.detail, is_in_doubt: true, is_nowhere: false }
}

fn no_answer() -> TrialError {
    TrialError {
        code: "platform.internal".to_owned(),
        detail: "the destination did not answer what it was asked".to_owned(),
        is_in_doubt: true,
        is_nowhere: false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use async_trait::async_trait;
    use connector::{
        Action, Connector, Description, Destination, Gone, OpenDestination, OpenSource, Record, RecordKey,
        Removal, Source, Standing, StreamSpec, SyncMode, SystemAccess, SystemError, SystemErrorKind, Write,
        WriteOutcome,
    };
    use serde_json::json;

    use super::{Taken, Trial};
    use crate::RetryPolicy;

    /// What is there, and how often opening and writing fail first.
    #[derive(Default)]
    struct Table {
        rows: Vec<String>,
        closed: u32,
        broken: u32,
    }

    #[derive(Clone, Default)]
    struct OneTable(Arc<Mutex<Table>>);

    fn down() -> SystemError {
        SystemError::new(SystemErrorKind::Unavailable, "down")
    }

    #[async_trait]
    impl Connector for OneTable {
        fn description(&self) -> &Description {
            unreachable!("nobody asks")
        }

        async fn test(&self, _access: &SystemAccess) -> Result<String, SystemError> {
            Err(down())
        }

        async fn open_source(&self, _open: OpenSource) -> Result<Box<dyn Source>, SystemError> {
            Err(down())
        }

        async fn open_destination(
            &self,
            _open: OpenDestination,
        ) -> Result<Box<dyn Destination>, SystemError> {
            let mut table = self.0.lock().unwrap();
            if table.closed > 0 {
                table.closed -= 1;
                return Err(down());
            }
            Ok(Box::new(self.clone()))
        }
    }

    #[async_trait]
    impl Destination for OneTable {
        async fn write(&mut self, batch: &[Write]) -> Result<Vec<WriteOutcome>, SystemError> {
            let mut table = self.0.lock().unwrap();
            if table.broken > 0 {
                table.broken -= 1;
                return Err(down());
            }
            let written = |write: &Write| {
                let key = write.key.canonical();
                let action = match table.rows.iter().any(|row| row == key) {
                    true => Action::Unchanged,
                    false => Action::Created,
                };
                table.rows.push(key.to_owned());
                WriteOutcome::Written { action, destination_key: None }
            };
            Ok(batch.iter().map(written).collect())
        }

        async fn remove(
            &mut self,
            gone: &[Gone],
            _removal: &Removal,
        ) -> Result<Vec<Result<(), connector::RecordError>>, SystemError> {
            let mut table = self.0.lock().unwrap();
            table.rows.retain(|row| gone.iter().all(|gone| gone.key.canonical() != row));
            Ok(gone.iter().map(|_| Ok(())).collect())
        }

        async fn finish(&mut self) -> Result<(), SystemError> {
            Ok(())
        }

        fn detects_unchanged(&self) -> bool {
            true
        }

        async fn compare(&mut self, batch: &[Write]) -> Result<Option<Vec<Standing>>, SystemError> {
            let table = self.0.lock().unwrap();
            let standing = |write: &Write| match table.rows.iter().any(|row| row == write.key.canonical()) {
                true => Standing::Same,
                false => Standing::Missing,
            };
            Ok(Some(batch.iter().map(standing).collect()))
        }
    }

    fn trial(table: &OneTable) -> Trial {
        let open = OpenDestination {
            access: SystemAccess {
                config: json!({}),
                credentials: "{}".into(),
                files_dir: "/nonexistent".into(),
                tokens: None,
                pace: Default::default(),
                progress: Default::default(),
                credential_store: Default::default(),
                inbox: None,
            },
            stream: StreamSpec {
                name: "orders".to_owned(),
                key_fields: vec!["id".to_owned()],
                cursor_field: None,
                mode: SyncMode::Full,
                classified: Default::default(),
            },
            options: json!({}),
            run: uuid::Uuid::nil(),
            integration: uuid::Uuid::nil(),
            resumed: false,
        };
        let wait = Duration::from_millis(1);
        let policy = RetryPolicy { base: wait, ceiling: wait, retry_after_max: wait, attempts_max: 3 };
        Trial::new(Arc::new(table.clone()), open, policy)
    }

    fn of(key: &str) -> (Write, Gone) {
        let record: Record = [("id".to_owned(), json!(key))].into_iter().collect();
        let key = RecordKey::of(&record, &["id".to_owned()]).unwrap();
        let gone = Gone { key: key.clone(), destination_key: None };
        (Write { key, record, known: false, revision: 0 }, gone)
    }

    #[tokio::test]
    async fn a_record_comes_is_read_back_and_goes() {
        let table = OneTable::default();
        let (trial, (write, gone)) = (trial(&table), of("a"));
        assert_eq!(trial.read_back(&write).await, Ok(Some(Standing::Missing)));
        table.0.lock().unwrap().closed = 2;
        let taken = |action| Ok(Taken { action, destination_key: None });
        assert_eq!(trial.write(&write).await, taken(Action::Created), "at the third attempt");
        assert_eq!(trial.write(&write).await, taken(Action::Unchanged), "it is there");
        assert_eq!(trial.read_back(&write).await, Ok(Some(Standing::Same)));
        trial.remove(&gone).await.unwrap();
        assert_eq!(trial.read_back(&write).await, Ok(Some(Standing::Missing)));
        assert_eq!(trial.holds(&gone).await, Ok(None), "it can't be asked by the key");
    }

    #[tokio::test]
    async fn that_nothing_was_sent_is_known() {
        let table = OneTable::default();
        let (trial, (write, _gone)) = (trial(&table), of("a"));
        for (closed, broken, is_in_doubt) in [(3, 0, false), (0, 3, true), (2, 1, true)] {
            *table.0.lock().unwrap() = Table { rows: Vec::new(), closed, broken };
            let error = trial.write(&write).await.unwrap_err();
            assert_eq!((error.code.as_str(), error.is_in_doubt), ("destination.unavailable", is_in_doubt));
        }
    }
}
