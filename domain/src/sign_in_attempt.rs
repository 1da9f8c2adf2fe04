//! The brake on guessing passwords and codes: failed attempts are counted by account and by the caller's address, and
//! too many of them lock either for a while. Known and unknown mail addresses are counted alike. Requests that send a
//! mail are counted in the same way, apart from the attempts.
//!
//! Deliberately absent: words for the caller. Who is locked out hears what a wrong password hears.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, Duration, Utc};
use entity::sign_in_attempt::{self, AttemptKind};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveEnum, ColumnTrait, ConnectionTrait, QueryFilter, Statement, Value};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, MutexGuard};

use crate::app::App;
use crate::error::{Doing, Error, Result};
use crate::identity;

/// How long failures are taken together, in minutes: the observation window of the OWASP Authentication Cheat Sheet.
const WINDOW_MINUTES: i64 = 15;
/// Failures in a row that lock an account: a person mistypes a few times, and guessing needs thousands.
const ACCOUNT_FAILURES_MAX: i64 = 5;
/// Failures that lock an address. Many people may share one behind a router, so it stands more than an account.
const ADDRESS_FAILURES_MAX: i64 = 50;
/// Mails of one kind to one account before there is a wait: one that was lost, and one more.
const ACCOUNT_MAILS_MAX: i64 = 3;
/// Requests of one address that send mails before there is a wait: as many people may share it as for failures.
const ADDRESS_MAILS_MAX: i64 = 50;
/// How long a lock lasts, in seconds: each failure after it locks for twice as long, up to 15 minutes. The same sheet
/// prefers this to locking for good, with which anybody could keep a person out.
const WAITS_SECONDS: [i64; 6] = [30, 60, 120, 240, 480, 900];
/// Attempts that are looked at together, of as many accounts: each account has one of these turns. Right passwords that
/// come at once are so no failures for each other, neither of their account nor, being fewer than
/// [`ADDRESS_FAILURES_MAX`], of their address. As many hashes keep 16 cores busy.
const TURNS: usize = 32;
/// How long an attempt waits for its turn.
const TURN_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
/// Bits of an IPv6 address that name a network: one caller has the other 64 to themselves (RFC 4291, section 2.5.4).
const IPV6_NETWORK_BITS: u32 = 64;

static ACCOUNT_TURNS: [Mutex<()>; TURNS] = [const { Mutex::const_new(()) }; TURNS];

/// One attempt to give the password of an account, counted as failed until it is [forgiven](Self::forgive).
pub(crate) struct Attempt {
    account: Vec<u8>,
    /// `None` when nobody knows where the caller is.
    address: Option<Vec<u8>>,
    /// False while the account or the address is locked: the password must not be looked at then.
    pub(crate) is_open: bool,
    /// Held while the password is looked at.
    _turn: Option<MutexGuard<'static, ()>>,
}

impl Attempt {
    /// Counts an attempt, ahead of the look at its password, so that many at once can't slip through. While a lock
    /// lasts nothing is counted: knocking does not make it longer. A locked address can't lock accounts.
    pub(crate) async fn count(app: &App, email: &str, address: Option<IpAddr>) -> Result<Self> {
        let (connection, now) = (app.across_tenants().writer(), app.clock().now());
        let account = hash(email);
        let address = address.map(|address| hash(&network(address)));
        let place = account.first().map_or(0, |byte| usize::from(*byte)) % TURNS;
        let turn = tokio::time::timeout(TURN_TIMEOUT, ACCOUNT_TURNS[place].lock())
            .await
            .map_err(|_elapsed| Error::internal("signing in", "too many sign in at once"))?;
        let mut is_open = true;
        if let Some(key) = &address {
            is_open = count_one(connection, AttemptKind::Address, key, ADDRESS_FAILURES_MAX, now).await?;
        }
        if is_open {
            is_open =
                count_one(connection, AttemptKind::Account, &account, ACCOUNT_FAILURES_MAX, now).await?;
        }
        Ok(Self { account, address, is_open, _turn: is_open.then_some(turn) })
    }

    /// Takes the count back, because the password was right: all failures of the account, and of the address this
    /// one. Whoever has one password must not get to try others' without end.
    pub(crate) async fn forgive(self, connection: &impl ConnectionTrait) -> Result<()> {
        forgive_account(connection, self.account).await?;
        match self.address {
            Some(address) => take_back_one(connection, AttemptKind::Address, address).await,
            None => Ok(()),
        }
    }

    /// Takes this one attempt back, because it was no failure and no success either: the password was right, and a code
    /// is still to come. The account's failures stay counted; else a right password would forgive wrong codes.
    pub(crate) async fn take_back(self, connection: &impl ConnectionTrait) -> Result<()> {
        take_back_one(connection, AttemptKind::Account, self.account).await?;
        match self.address {
            Some(address) => take_back_one(connection, AttemptKind::Address, address).await,
            None => Ok(()),
        }
    }
}

async fn take_back_one(connection: &impl ConnectionTrait, kind: AttemptKind, key: Vec<u8>) -> Result<()> {
    let one_less = Expr::col(sign_in_attempt::Column::FailedCount).sub(1);
    identity::update::<sign_in_attempt::Entity>()
        .col_expr(sign_in_attempt::Column::FailedCount, one_less)
        // If there is a lock, this attempt was one of those that made it: it got in before.
        .col_expr(sign_in_attempt::Column::LockedUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(sign_in_attempt::Column::Kind.eq(kind))
        .filter(sign_in_attempt::Column::KeyHash.eq(key))
        .filter(sign_in_attempt::Column::FailedCount.gt(0))
        .exec(connection)
        .await
        .doing("taking back an attempt")?;
    Ok(())
}

/// Counts a request that sends a mail of this kind to an account, known or not; false, and nothing is to be sent, when
/// there were too many, of the account or from the address. Nothing forgives these: each sent a mail.
pub(crate) async fn count_mail(
    app: &App,
    what: &str,
    account: &str,
    address: Option<IpAddr>,
) -> Result<bool> {
    let (connection, now) = (app.across_tenants().writer(), app.clock().now());
    if let Some(address) = address {
        let key = hash_apart(what, &network(address));
        if !count_one(connection, AttemptKind::Address, &key, ADDRESS_MAILS_MAX, now).await? {
            return Ok(false);
        }
    }
    count_one(connection, AttemptKind::Account, &hash_apart(what, account), ACCOUNT_MAILS_MAX, now).await
}

/// Forgets the failures of an account: somebody proved that it is theirs, or an administrator gave it a new password.
pub(crate) async fn unlock(connection: &impl ConnectionTrait, email: &str) -> Result<()> {
    forgive_account(connection, hash(email)).await
}

/// Deletes rows that count for nothing any more. Returns how many.
pub(crate) async fn purge(connection: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64> {
    let before = now - Duration::minutes(WINDOW_MINUTES);
    let deleted = identity::delete::<sign_in_attempt::Entity>()
        .filter(sign_in_attempt::Column::FirstFailedAt.lt(before))
        .filter(
            sign_in_attempt::Column::LockedUntil
                .is_null()
                .or(sign_in_attempt::Column::LockedUntil.lt(before)),
        )
        .exec(connection)
        .await
        .doing("deleting old attempts to sign in")?;
    Ok(deleted.rows_affected)
}

async fn forgive_account(connection: &impl ConnectionTrait, account: Vec<u8>) -> Result<()> {
    identity::delete::<sign_in_attempt::Entity>()
        .filter(sign_in_attempt::Column::Kind.eq(AttemptKind::Account))
        .filter(sign_in_attempt::Column::KeyHash.eq(account))
        .exec(connection)
        .await
        .doing("forgetting the failures of an account")?;
    Ok(())
}

/// Counts a failure, and locks when it is one too many; false, and nothing is counted, while a lock lasts. It must
/// be one statement, which the database does for one caller after the other; raw SQL, because it says this in a third
/// of the words that the builders need.
async fn count_one(
    connection: &impl ConnectionTrait,
    kind: AttemptKind,
    key: &[u8],
    failures_max: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let window_start = now - Duration::minutes(WINDOW_MINUTES);
    // The failures of an account are in a row until it was quiet for a window after its lock; else every window would
    // begin with free guesses again. An address has other people on it, who would pay for that.
    let locks_forgotten = match kind {
        AttemptKind::Account => window_start,
        AttemptKind::Address => now,
    };
    let is_over = "(a.failed_count = 0 \
         OR a.first_failed_at <= $4 AND (a.locked_until IS NULL OR a.locked_until <= $5))";
    let mut locked_until = format!("WHEN {is_over} OR a.failed_count + 1 < {failures_max} THEN NULL");
    let mut values: Vec<Value> = vec![
        kind.to_value().into(),
        key.to_vec().into(),
        now.into(),
        window_start.into(),
        locks_forgotten.into(),
    ];
    for (more, seconds) in (0_i64..).zip(WAITS_SECONDS) {
        values.push((now + Duration::seconds(seconds)).into());
        let comparison = if more + 1 < WAITS_SECONDS.len() as i64 { "=" } else { ">=" };
        locked_until +=
            &format!(" WHEN a.failed_count + 1 {comparison} {} THEN ${}", failures_max + more, values.len());
    }
    let sql = format!(
        "INSERT INTO sign_in_attempt AS a (kind, key_hash, failed_count, first_failed_at) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (kind, key_hash) DO UPDATE SET \
         failed_count = CASE WHEN {is_over} THEN 1 ELSE a.failed_count + 1 END, \
         first_failed_at = CASE WHEN {is_over} THEN $3 ELSE a.first_failed_at END, \
         locked_until = CASE {locked_until} END \
         WHERE a.locked_until IS NULL OR a.locked_until <= $3"
    );
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let counted = connection.execute_raw(statement).await.doing("counting an attempt to sign in")?;
    Ok(counted.rows_affected() == 1)
}

/// What of an address its caller can't choose at will.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let mask = u128::MAX << (u128::BITS - IPV6_NETWORK_BITS);
            format!("{}/{IPV6_NETWORK_BITS}", Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

fn hash(key: &str) -> Vec<u8> {
    Sha256::digest(key).to_vec()
}

/// A key of another kind than those of attempts: no text has the byte 0xFF, so none has this hash.
fn hash_apart(what: &str, key: &str) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(what);
    digest.update([0xFF]);
    digest.update(key);
    digest.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn an_ipv6_caller_is_their_network() {
        let network = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2:ffff::"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"));
    }
}
