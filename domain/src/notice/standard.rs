//! What everybody has before they set anything up: a channel to whoever administers the tenant, or the platform, by mail,
//! and a policy that tells there what nobody should hear of from a customer first. Both are rows like others, which can
//! be changed and switched off, and not deleted: then they would be made again.
//!
//! Their ids are made of the owner's, so that many may make them at once.

use chrono::{DateTime, Utc};
use entity::notice_channel::{self, NoticeChannelKind, NoticeChannelStatus};
use entity::notice_policy::{self, NoticeSelectors, NoticeTiming, OccasionKindList, UuidList};
use entity::occasion::OccasionKind;
use entity::string_list::StringList;
use sea_orm::ConnectionTrait;
use uuid::{Builder, Uuid};
use xxhash_rust::xxh3::xxh3_128;

use super::door;
use crate::error::Result;

/// Notices in an hour of the standard policy, at most: who gets more reads none. The others come together.
const HOURLY_MAX: i32 = 10;
/// What it tells: what stands still until somebody acts, and what is gone unless somebody does.
const KINDS: [OccasionKind; 12] = [
    OccasionKind::Held,
    OccasionKind::ReauthRequired,
    OccasionKind::GroupNew,
    OccasionKind::GroupRegressed,
    OccasionKind::RunFailed,
    OccasionKind::IncidentOpened,
    OccasionKind::ChannelDisabled,
    OccasionKind::Escalated,
    OccasionKind::SlaWarning,
    OccasionKind::SlaBreached,
    OccasionKind::SyntheticFailed,
    OccasionKind::RecordsExpiring,
];

/// Id of the standard channel of an owner.
pub(crate) fn channel_id(owner: Option<Uuid>) -> Uuid {
    made_of(owner, b"notice channel")
}

/// Id of the standard policy of an owner.
pub(crate) fn policy_id(owner: Option<Uuid>) -> Uuid {
    made_of(owner, b"notice policy")
}

/// Makes both where they are missing.
pub(crate) async fn ensure(
    connection: &impl ConnectionTrait,
    owner: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<()> {
    let doing = "storing the standard notices of an owner";
    door::insert_if_absent::<notice_channel::Entity>(connection, channel(owner, now), doing).await?;
    door::insert_if_absent::<notice_policy::Entity>(connection, policy(owner, now), doing).await
}

fn channel(owner: Option<Uuid>, now: DateTime<Utc>) -> notice_channel::Model {
    notice_channel::Model {
        id: channel_id(owner),
        tenant_id: owner,
        name: "Administrators".to_owned(),
        kind: NoticeChannelKind::Email,
        status: NoticeChannelStatus::Active,
        status_reason: None,
        url: None,
        sealed_secret: None,
        previous_secret_until: None,
        addresses: StringList::default(),
        to_admins: true,
        is_default: true,
        failing_since: None,
        created_at: now,
        updated_at: now,
    }
}

fn policy(owner: Option<Uuid>, now: DateTime<Utc>) -> notice_policy::Model {
    notice_policy::Model {
        id: policy_id(owner),
        tenant_id: owner,
        name: "Standard".to_owned(),
        is_enabled: true,
        is_default: true,
        selectors: NoticeSelectors { kinds: KINDS.to_vec(), ..NoticeSelectors::default() },
        channel_ids: UuidList(vec![channel_id(owner)]),
        delivery: NoticeTiming::Instant,
        digest_hour: None,
        time_zone: "UTC".to_owned(),
        quiet_from: None,
        quiet_until: None,
        quiet_override: OccasionKindList::default(),
        hourly_max: Some(HOURLY_MAX),
        window_from: None,
        window_count: 0,
        created_at: now,
        updated_at: now,
    }
}

fn made_of(owner: Option<Uuid>, what: &[u8]) -> Uuid {
    let owner = owner.unwrap_or_default();
    let bytes: Vec<u8> = owner.as_bytes().iter().chain(what).copied().collect();
    Builder::from_custom_bytes(xxh3_128(&bytes).to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{channel_id, policy_id};

    #[test]
    fn ids_are_of_their_owner_and_stay_the_same() {
        let one = Some(Uuid::from_u128(1));
        assert_eq!(channel_id(one), channel_id(one));
        let ids = [channel_id(one), policy_id(one), channel_id(None), policy_id(None)];
        let distinct: std::collections::HashSet<Uuid> = ids.into_iter().collect();
        assert_eq!(distinct.len(), 4);
        // Rows have these ids since they were first made.
        assert_eq!(policy_id(None).get_version_num(), 8);
    }
}
