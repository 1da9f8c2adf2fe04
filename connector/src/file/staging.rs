//! Where a run collects what its file will hold: a small database beside the file, named by the run, which
//! survives a crash and goes away when the file is replaced. Deliberately absent: formats; a body is the
//! JSON text of what one record of the file will be.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Row};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::blocking;
use crate::directory::{io_failure, writable_file};
use crate::sqlite::system_error;
use crate::{Action, SystemError, SystemErrorKind};

/// Rows a statement. Three parameters each, well under SQLite's 32,766 (<https://sqlite.org/limits.html>).
const STATEMENT_ROWS_MAX: usize = 500;
/// Age from which on the staging of a run that never ended is taken for abandoned.
const ABANDONED_AFTER: Duration = Duration::from_hours(24 * 7);

/// Under which name it is kept that records of the file were taken out.
const REMOVED: &str = "removed";

/// Where in the tenant's directory it is noted that a staging has ended.
const DONE_DIRECTORY: &str = ".trestle";

const CREATE: &str = r#"
CREATE TABLE record (position INTEGER PRIMARY KEY, key TEXT, body TEXT NOT NULL, action TEXT);
CREATE TABLE "column" (position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"#;
/// A key that the file holds several times belongs to the last of its records; the others stay as they are.
const INDEX: &str = "
UPDATE record SET key = NULL WHERE key IS NOT NULL
    AND position NOT IN (SELECT max(position) FROM record GROUP BY key);
CREATE UNIQUE INDEX uq_record_key ON record (key);
";

/// The collected records of one run and one file.
pub(super) struct Staging {
    connection: SqliteConnection,
    path: PathBuf,
}

/// A record that is collected already.
pub(super) struct Staged {
    pub(super) body: String,
    /// What this run did to it; `None` when it only was in the file.
    pub(super) action: Option<Action>,
}

/// A record to collect.
pub(super) struct Change {
    pub(super) key: String,
    pub(super) body: String,
    /// What the run did to it, all in all.
    pub(super) action: Action,
}

impl Staging {
    /// Opens the staging of a run, or makes it. The second is true when it holds what the file held.
    ///
    /// # Errors
    /// `Internal` when the run has collected something before (`resumed`) that is not here: to begin anew would lose it.
    ///
    /// `root` is the tenant's directory.
    pub(super) async fn open(
        root: &Path,
        file: &Path,
        run: Uuid,
        resumed: bool,
    ) -> Result<(Self, bool), SystemError> {
        let path = beside(file, &format!("{run}.staging"));
        let (root, name, staged) = (root.to_owned(), file.to_owned(), path.clone());
        let exists = blocking(move || {
            remove_abandoned(&name);
            remove_done(&root, &name, run);
            let exists = staged.exists();
            if resumed && !exists && !root.join(done_name(&name, run)).exists() {
                return Err(SystemError::new(
                    SystemErrorKind::Internal,
                    "what the run has collected so far is not in this directory of files: TRESTLE_FILES_DIR must be \
                     the same for all workers",
                ));
            }
            Ok(exists)
        });
        if exists.await? {
            let mut staging = Self { connection: connect(&path).await?, path };
            let known = "SELECT count(*) FROM sqlite_schema WHERE name = 'uq_record_key'";
            let tables: i64 = sqlx::query_scalar(known)
                .fetch_one(&mut staging.connection)
                .await
                .map_err(failure("opening"))?;
            if tables == 1 {
                return Ok((staging, true));
            }
            // The crash came while the file was loaded; nothing was accounted yet.
            staging.discard().await?;
            return Self::create(file, run).await;
        }
        Self::create(file, run).await
    }

    async fn create(file: &Path, run: Uuid) -> Result<(Self, bool), SystemError> {
        let path = beside(file, &format!("{run}.staging"));
        let mut connection = connect(&path).await?;
        sqlx::raw_sql(CREATE).execute(&mut connection).await.map_err(failure("making"))?;
        Ok((Self { connection, path }, false))
    }

    /// Begins loading what the file holds; ended by [`end_load`](Self::end_load).
    pub(super) async fn begin_load(&mut self) -> Result<(), SystemError> {
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut self.connection).await.map_err(failure("loading"))?;
        Ok(())
    }

    /// Adds records of the file, in their order; those without key are kept and never replaced.
    pub(super) async fn load(&mut self, records: &[(Option<String>, String)]) -> Result<(), SystemError> {
        for chunk in records.chunks(STATEMENT_ROWS_MAX) {
            let sql = format!("INSERT INTO record (key, body) VALUES {}", rows(chunk.len(), "(?, ?)"));
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (key, body) in chunk {
                query = query.bind(key.clone()).bind(body.clone());
            }
            query.execute(&mut self.connection).await.map_err(failure("loading"))?;
        }
        Ok(())
    }

    /// Makes what was loaded durable, with the columns and what identified the file.
    pub(super) async fn end_load(&mut self, columns: &[String], loaded: &str) -> Result<(), SystemError> {
        add_columns(&mut self.connection, columns).await?;
        self.set_state("loaded", loaded).await?;
        sqlx::raw_sql(INDEX).execute(&mut self.connection).await.map_err(failure("indexing"))?;
        sqlx::raw_sql("COMMIT").execute(&mut self.connection).await.map_err(failure("loading"))?;
        Ok(())
    }

    /// The collected records of these keys.
    pub(super) async fn get(&mut self, keys: &[&str]) -> Result<HashMap<String, Staged>, SystemError> {
        let mut found = HashMap::with_capacity(keys.len());
        for chunk in keys.chunks(STATEMENT_ROWS_MAX) {
            let sql =
                format!("SELECT key, body, action FROM record WHERE key IN ({})", rows(chunk.len(), "?"));
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for key in chunk {
                query = query.bind((*key).to_owned());
            }
            for row in query.fetch_all(&mut self.connection).await.map_err(failure("reading"))? {
                let action: Option<String> = row.try_get(2).map_err(failure("reading"))?;
                let staged = Staged {
                    body: row.try_get(1).map_err(failure("reading"))?,
                    action: action
                        .map(|action| if action == "created" { Action::Created } else { Action::Updated }),
                };
                found.insert(row.try_get(0).map_err(failure("reading"))?, staged);
            }
        }
        Ok(found)
    }

    /// How many records are collected.
    pub(super) async fn count(&mut self) -> Result<u64, SystemError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM record")
            .fetch_one(&mut self.connection)
            .await
            .map_err(failure("reading"))?;
        Ok(count.unsigned_abs())
    }

    /// Collects changes and columns in one transaction.
    pub(super) async fn apply(&mut self, changes: &[Change], columns: &[String]) -> Result<(), SystemError> {
        if changes.is_empty() && columns.is_empty() {
            return Ok(());
        }
        // Rolled back when it is dropped, so that a batch that failed can come again.
        let mut tx = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failure("writing"))?;
        add_columns(&mut tx, columns).await?;
        for chunk in changes.chunks(STATEMENT_ROWS_MAX) {
            let sql = format!(
                "INSERT INTO record (key, body, action) VALUES {} ON CONFLICT (key) DO UPDATE \
                 SET body = excluded.body, action = excluded.action",
                rows(chunk.len(), "(?, ?, ?)")
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for change in chunk {
                let action = if change.action == Action::Created { "created" } else { "updated" };
                query = query.bind(change.key.clone()).bind(change.body.clone()).bind(action);
            }
            query.execute(&mut *tx).await.map_err(failure("writing"))?;
        }
        tx.commit().await.map_err(failure("writing"))
    }

    /// Takes records out again, as far as they are there.
    pub(super) async fn remove(&mut self, keys: &[&str]) -> Result<(), SystemError> {
        let mut tx = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failure("writing"))?;
        let mut count = 0;
        for chunk in keys.chunks(STATEMENT_ROWS_MAX) {
            let sql = format!("DELETE FROM record WHERE key IN ({})", rows(chunk.len(), "?"));
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for key in chunk {
                query = query.bind((*key).to_owned());
            }
            count += query.execute(&mut *tx).await.map_err(failure("writing"))?.rows_affected();
        }
        if count > 0 {
            sqlx::query("INSERT OR REPLACE INTO state (name, value) VALUES (?, 'true')")
                .bind(REMOVED)
                .execute(&mut *tx)
                .await
                .map_err(failure("writing"))?;
        }
        tx.commit().await.map_err(failure("writing"))
    }

    /// The columns so far, in the order in which they were first seen.
    pub(super) async fn columns(&mut self) -> Result<Vec<String>, SystemError> {
        sqlx::query_scalar(r#"SELECT name FROM "column" ORDER BY position"#)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failure("reading"))
    }

    /// True when the run changed anything.
    pub(super) async fn is_changed(&mut self) -> Result<bool, SystemError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM record WHERE action IS NOT NULL) \
                   OR EXISTS (SELECT 1 FROM state WHERE name = ?)";
        sqlx::query_scalar(sql)
            .bind(REMOVED)
            .fetch_one(&mut self.connection)
            .await
            .map_err(failure("reading"))
    }

    /// Bodies after a position, in the order of the file, with the position of the last.
    pub(super) async fn bodies_after(&mut self, position: i64) -> Result<(Vec<String>, i64), SystemError> {
        let rows =
            sqlx::query("SELECT position, body FROM record WHERE position > ? ORDER BY position LIMIT 2000")
                .bind(position)
                .fetch_all(&mut self.connection)
                .await
                .map_err(failure("reading"))?;
        let mut last = position;
        let mut bodies = Vec::with_capacity(rows.len());
        for row in rows {
            last = row.try_get(0).map_err(failure("reading"))?;
            bodies.push(row.try_get(1).map_err(failure("reading"))?);
        }
        Ok((bodies, last))
    }

    /// A value kept under a name.
    pub(super) async fn state(&mut self, name: &'static str) -> Result<Option<String>, SystemError> {
        sqlx::query_scalar("SELECT value FROM state WHERE name = ?")
            .bind(name)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(failure("reading"))
    }

    /// Keeps a value under a name.
    pub(super) async fn set_state(&mut self, name: &'static str, value: &str) -> Result<(), SystemError> {
        sqlx::query("INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)")
            .bind(name)
            .bind(value.to_owned())
            .execute(&mut self.connection)
            .await
            .map_err(failure("writing"))?;
        Ok(())
    }

    /// Removes it, after the file took its place. That it was done stays known, for the end may come again.
    pub(super) async fn finish(self, root: &Path, file: &Path, run: Uuid) -> Result<(), SystemError> {
        let (root, name) = (root.to_owned(), done_name(file, run));
        blocking(move || {
            let done = writable_file(&root, &name)?;
            fs::File::create(done).map(drop).map_err(|error| io_failure("ending the staging", &error))
        })
        .await?;
        self.discard().await
    }

    /// Removes it, for good.
    pub(super) async fn discard(self) -> Result<(), SystemError> {
        let Self { connection, path } = self;
        connection.close().await.map_err(failure("closing"))?;
        blocking(move || {
            for suffix in ["", "-wal", "-shm"] {
                let mut name = path.clone().into_os_string();
                name.push(suffix);
                match fs::remove_file(&name) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(io_failure("removing the staging", &error));
                    }
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }
}

async fn add_columns(connection: &mut SqliteConnection, columns: &[String]) -> Result<(), SystemError> {
    for name in columns {
        sqlx::query(r#"INSERT OR IGNORE INTO "column" (name) VALUES (?)"#)
            .bind(name.clone())
            .execute(&mut *connection)
            .await
            .map_err(failure("writing"))?;
    }
    Ok(())
}

/// What says that a run has ended its staging of a file, in the tenant's directory: an empty file, out of the way of the
/// customer's.
fn done_name(file: &Path, run: Uuid) -> String {
    format!("{DONE_DIRECTORY}/{}{run}.done", done_prefix(file))
}

fn done_prefix(file: &Path) -> String {
    format!(".{:016x}.", xxh3_64(file.as_os_str().as_encoded_bytes()))
}

/// Removes what says that other runs have ended their staging of a file. Best effort, as above.
fn remove_done(root: &Path, file: &Path, current: Uuid) {
    let prefix = done_prefix(file);
    let Ok(entries) = fs::read_dir(root.join(DONE_DIRECTORY)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let others = name.strip_prefix(&prefix).is_some_and(|rest| rest != format!("{current}.done"));
        if others && let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!(error = %error, "what an ended staging left behind could not be removed");
        }
    }
}

/// A hidden name beside the file: `.orders.csv.{suffix}`. In the same directory, because only there a
/// rename is one step.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{suffix}"))
}

async fn connect(path: &Path) -> Result<SqliteConnection, SystemError> {
    // FULL: a batch that was answered for must survive a power cut as well, or it would be lost in silence.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    SqliteConnection::connect_with(&options).await.map_err(failure("opening"))
}

fn failure(doing: &'static str) -> impl Fn(sqlx::Error) -> SystemError {
    move |error| {
        let mut failure = system_error(&format!("{doing} the staging of the file"), &error);
        // It is our own database: whatever is wrong with it is not the customer's.
        if !failure.kind.is_transient() {
            failure.kind = SystemErrorKind::Internal;
            failure.hint = None;
        }
        failure
    }
}

fn rows(count: usize, row: &str) -> String {
    vec![row; count].join(", ")
}

/// Removes the staging of runs that never came back. Best effort: what can't be removed now is the next
/// run's to remove.
fn remove_abandoned(file: &Path) {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else { return };
    let prefix = format!(".{}.", name.to_string_lossy());
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((run, kind)) = name.strip_prefix(&prefix).and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        let ours =
            Uuid::try_parse(run).is_ok() && matches!(kind, "staging" | "staging-wal" | "staging-shm" | "tmp");
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = age.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if ours
            && age.is_some_and(|age| age > ABANDONED_AFTER)
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::warn!(error = %error, "an abandoned staging file could not be removed");
        }
    }
}
