//! Ids: UUIDv7 inside, `run_0198…` outside, so that a person and a program see what an id is of.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::clock;

/// Keeps ids of one millisecond in the order in which they are made.
static COUNTER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// What an id is of; each has its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `tenant`
    Tenant,
    /// `user`
    User,
    /// `key`
    ApiKey,
    /// `portal`
    PortalSession,
    /// `portalkey`
    PortalKey,
    /// `system`
    System,
    /// `integration`
    Integration,
    /// `run`
    Run,
    /// `event`
    RunEvent,
    /// `failure`
    Failure,
    /// `retry`
    Retry,
    /// `session`
    Session,
    /// `audit`
    AuditEntry,
    /// `invitation`
    Invitation,
    /// `provider`
    IdentityProvider,
    /// `killswitch`
    KillSwitch,
    /// `backfill`
    Backfill,
    /// `quarantine`
    Quarantine,
    /// `reconciliation`
    Reconciliation,
    /// `group`
    FailureGroup,
    /// `healthalert`
    HealthAlert,
    /// `healthtarget`
    HealthTargetChange,
    /// `runbook`
    Runbook,
    /// `word`
    WordOverride,
    /// `notice`
    Notice,
    /// `channel`
    NoticeChannel,
    /// `policy`
    NoticePolicy,
    /// `delivery`
    NoticeDelivery,
    /// `escalation`
    EscalationPolicy,
    /// `synthetic`
    SyntheticResult,
    /// `contact`
    Contact,
    /// `rule`
    OwnershipRule,
    /// `incident`
    Incident,
    /// `export`
    Export,
}

impl Kind {
    const ALL: [Self; 34] = [
        Self::Tenant,
        Self::User,
        Self::ApiKey,
        Self::PortalSession,
        Self::PortalKey,
        Self::System,
        Self::Integration,
        Self::Run,
        Self::RunEvent,
        Self::Failure,
        Self::Retry,
        Self::Session,
        Self::AuditEntry,
        Self::Invitation,
        Self::IdentityProvider,
        Self::KillSwitch,
        Self::Backfill,
        Self::Quarantine,
        Self::Reconciliation,
        Self::FailureGroup,
        Self::HealthAlert,
        Self::HealthTargetChange,
        Self::Runbook,
        Self::WordOverride,
        Self::Notice,
        Self::NoticeChannel,
        Self::NoticePolicy,
        Self::NoticeDelivery,
        Self::EscalationPolicy,
        Self::SyntheticResult,
        Self::Contact,
        Self::OwnershipRule,
        Self::Incident,
        Self::Export,
    ];

    /// What stands before the underscore.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::User => "user",
            Self::ApiKey => "key",
            Self::PortalSession => "portal",
            Self::PortalKey => "portalkey",
            Self::System => "system",
            Self::Integration => "integration",
            Self::Run => "run",
            Self::RunEvent => "event",
            Self::Failure => "failure",
            Self::Retry => "retry",
            Self::Session => "session",
            Self::AuditEntry => "audit",
            Self::Invitation => "invitation",
            Self::IdentityProvider => "provider",
            Self::KillSwitch => "killswitch",
            Self::Backfill => "backfill",
            Self::Quarantine => "quarantine",
            Self::Reconciliation => "reconciliation",
            Self::FailureGroup => "group",
            Self::HealthAlert => "healthalert",
            Self::HealthTargetChange => "healthtarget",
            Self::Runbook => "runbook",
            Self::WordOverride => "word",
            Self::Notice => "notice",
            Self::NoticeChannel => "channel",
            Self::NoticePolicy => "policy",
            Self::NoticeDelivery => "delivery",
            Self::EscalationPolicy => "escalation",
            Self::SyntheticResult => "synthetic",
            Self::Contact => "contact",
            Self::OwnershipRule => "rule",
            Self::Incident => "incident",
            Self::Export => "export",
        }
    }
}

/// An id with what it is of. Written `{prefix}_{32 hex digits}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalId {
    /// What it is of.
    pub kind: Kind,
    /// The row's id.
    pub uuid: Uuid,
}

impl GlobalId {
    /// Joins the two.
    pub fn new(kind: Kind, uuid: Uuid) -> Self {
        Self { kind, uuid }
    }

    /// The row's id if `text` is an id of `kind`; anything else names nothing.
    pub fn parse_as(kind: Kind, text: &str) -> Option<Uuid> {
        text.parse::<Self>().ok().filter(|id| id.kind == kind).map(|id| id.uuid)
    }
}

impl fmt::Display for GlobalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}_{}", self.kind.prefix(), self.uuid.simple())
    }
}

/// The text is not an id.
#[derive(Debug, thiserror::Error)]
#[error("not an id")]
pub struct NotAnId;

impl FromStr for GlobalId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (prefix, digits) = text.split_once('_').ok_or(NotAnId)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix).ok_or(NotAnId)?;
        // One spelling an id: lower case hex without dashes.
        if digits.len() != 32 || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NotAnId);
        }
        let uuid = Uuid::parse_str(digits).map_err(|_invalid| NotAnId)?;
        Ok(Self { kind, uuid })
    }
}

/// A new row id, greater than every one made before in this process. Lists are in the order of ids, so they too are of
/// the time that all processes have in common.
pub fn new_id() -> Uuid {
    let now = clock::common_time();
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(&COUNTER, seconds, now.timestamp_subsec_nanos()))
}

/// When an id was made, to the millisecond; `None` of one that does not tell.
pub(crate) fn time_of(id: Uuid) -> Option<DateTime<Utc>> {
    let millis = i64::try_from(id.as_u128() >> 80).ok()?;
    if id.get_version_num() == 7 { DateTime::from_timestamp_millis(millis) } else { None }
}

/// The first id of a moment; `None` of one before 1970, or too far ahead for an id.
pub(crate) fn first_id_at(time: DateTime<Utc>) -> Option<Uuid> {
    let millis = u64::try_from(time.timestamp_millis()).ok().filter(|millis| *millis < 1 << 48)?;
    Some(Uuid::from_u128(u128::from(millis) << 80))
}

/// The id of what has a name and is the same in every installation: a UUIDv7 of the first moment of 1970, so that it
/// stands behind all that are made.
pub(crate) fn lasting_id(name: &str) -> Uuid {
    let hash = xxhash_rust::xxh3::xxh3_128(name.as_bytes()).to_be_bytes();
    let mut random = [0; 10];
    random.copy_from_slice(&hash[..10]);
    uuid::Builder::from_unix_timestamp_millis(0, &random).into_uuid()
}
