//! What becomes of occasions with time: told at once, capped, gathered for an hour or a night, followed by what says that it
//! is over, and receivers that are away for a day. Through `domain`'s public functions on SQLite, with a clock that is
//! moved; occasions are written as those who record them do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector::{Egress, Registry};
use domain::background::{
    Answer, Background, Delivery, DeliveryOutcome, DeliverySlots, OutgoingNotice, UnderWay,
};
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::error::ProblemCode;
use domain::notice::{self, DeliveryFilter, DeliveryStatus, Notice, NoticeFilter, NoticeKind, Occasion};
use domain::notice_channel::{
    self, ChannelKind, ChannelStatus, NewNoticeChannel, NoticeChannelChanges, OwnerFilter,
};
use domain::notice_policy::{
    self, NewNoticePolicy, NoticePolicyChanges, POLICIES_MAX, POLICY_CHANNELS_MAX, Selectors, Timing,
};
use domain::page::{Direction, PageArguments};
use domain::system::{self, NewSystem};
use domain::tenant::{self, CreateTenant};
use domain::token::TokenSigner;
use domain::{Actor, App, AppOptions, Error};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use uuid::Uuid;

/// 2026-09-21T14:13:20Z.
const NOW_SECONDS: i64 = 1_790_000_000;

struct NoQueue;

#[async_trait]
impl Dispatch for NoQueue {
    async fn push(&self, _hints: &[JobHint]) -> Result<(), DispatchError> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

/// A tenant whose standard policy is off, and a clock that stands still until it is moved.
struct Fixture {
    app: Arc<App>,
    background: Background,
    operator: Actor,
    tenant_id: Uuid,
    seconds: Arc<AtomicI64>,
    directory: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicI64::new(NOW_SECONDS));
        let now = seconds.clone();
        let app = App::open(AppOptions {
            database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
            files_dir: directory.path().join("files"),
            secret_keys: vec![[7; 32]],
            token_signer: Some(TokenSigner::from_pem(&TokenSigner::generate_pem()).unwrap()),
            connectors: Registry::standard(Egress::new(Vec::new())),
            references: domain::system::References::default(),
            dispatch: Arc::new(NoQueue),
            changes: Changes::in_process(),
            clock: Clock::from_fn(move || {
                DateTime::<Utc>::from_timestamp_secs(now.load(Ordering::SeqCst)).unwrap()
            }),
            tenant_concurrency: 4,
            lease: Duration::from_secs(30),
            people: Default::default(),
            outside: Default::default(),
        })
        .await
        .unwrap();
        app.migrate().await.unwrap();
        domain::data_key::load(&app).await.unwrap();
        let operator = Actor::operator(app.clone());
        let (slug, name) = ("acme".to_owned(), "ACME".to_owned());
        let tenant = CreateTenant { slug, name, external_id: None, run_concurrency: None };
        let tenant_id = tenant::create(&operator, tenant).await.unwrap().id;
        let background = Background::new(app.clone());
        background.look_after_notices().await.unwrap();
        let it = Self { app, background, operator, tenant_id, seconds, directory };
        for policy in it.policies().await {
            let off = NoticePolicyChanges { is_enabled: Some(false), ..Default::default() };
            notice_policy::update(&it.operator, policy, off).await.unwrap();
        }
        it
    }

    fn pass(&self, time: TimeDelta) {
        self.seconds.fetch_add(time.num_seconds(), Ordering::SeqCst);
    }

    fn now(&self) -> DateTime<Utc> {
        self.app.clock().now()
    }

    async fn database(&self) -> SqliteConnection {
        let path = self.directory.path().join("trestle.db");
        SqliteConnectOptions::new().filename(path).connect().await.unwrap()
    }

    async fn policies(&self) -> Vec<Uuid> {
        let (all, first) = (OwnerFilter::default(), first_hundred());
        let page = notice_policy::list(&self.operator, &all, Direction::Ascending, &first);
        page.await.unwrap().edges.into_iter().map(|edge| edge.node.id).collect()
    }

    async fn channel(&self) -> Uuid {
        self.channel_of(Some(self.tenant_id)).await
    }

    /// A channel of the tenant, or of the operator.
    async fn channel_of(&self, tenant_id: Option<Uuid>) -> Uuid {
        let new = NewNoticeChannel {
            tenant_id,
            name: "hook".to_owned(),
            kind: ChannelKind::Webhook,
            url: Some("https://receiver.example/hook".to_owned().into()),
            secret: None,
            addresses: Vec::new(),
            to_admins: false,
        };
        notice_channel::create(&self.operator, new).await.unwrap().0.id
    }

    /// A policy of the tenant, told everything to a channel.
    fn policy(&self, channel: Uuid) -> NewNoticePolicy {
        NewNoticePolicy {
            tenant_id: Some(self.tenant_id),
            name: "policy".to_owned(),
            is_enabled: true,
            selectors: Selectors::default(),
            channel_ids: vec![channel],
            delivery: Timing::Instant,
            digest_hour: None,
            time_zone: None,
            quiet_hours: None,
            quiet_override: Vec::new(),
            hourly_max: None,
        }
    }

    async fn make(&self, policy: NewNoticePolicy) -> Uuid {
        notice_policy::create(&self.operator, policy).await.unwrap().id
    }

    /// Something happens to the tenant.
    async fn happens(&self, kind: &str, code: &str) {
        self.happens_often(kind, code, 1).await;
    }

    async fn happens_often(&self, kind: &str, code: &str, count: i64) {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
                   INSERT INTO occasion (id, tenant_id, kind, code, at, detail) \
                   SELECT randomblob(16), $2, $3, $4, $5, '{}' FROM n";
        let mut database = self.database().await;
        let insert = sqlx::query(sql).bind(count).bind(self.tenant_id).bind(kind).bind(code).bind(self.now());
        insert.execute(&mut database).await.unwrap();
    }

    /// What a worker does every second, without the wire.
    async fn work(&self) {
        while self.background.notice_occasions().await.unwrap() > 0 {}
        while self.background.send_due_notices().await.unwrap() > 0 {}
    }

    async fn notices(&self) -> Vec<Notice> {
        let (filter, first) = (NoticeFilter::default(), first_hundred());
        let page = notice::list(&self.operator, &filter, Direction::Ascending, &first);
        page.await.unwrap().edges.into_iter().map(|edge| edge.node).collect()
    }

    /// What is delivered now, all of it with this answer.
    async fn deliver(&self, answer: Answer) -> Vec<Value> {
        let mut bodies = Vec::new();
        for notice in self.outgoing().await {
            if let Delivery::Request { body, .. } = &notice.delivery {
                bodies.push(serde_json::from_slice(body).unwrap());
            }
            self.answer(&notice, answer.clone()).await;
        }
        bodies
    }

    async fn outgoing(&self) -> Vec<OutgoingNotice> {
        let slots = DeliverySlots { all: 100, of_way: 100, of_owner: 100, of_channel: 100 };
        self.background.next_notices(&UnderWay::new(slots), true).await.unwrap()
    }

    async fn answer(&self, notice: &OutgoingNotice, answer: Answer) {
        let outcome =
            DeliveryOutcome { answer, duration: Duration::from_millis(7), http_status: None, response: None };
        self.background.notice_attempted(notice, outcome).await.unwrap();
    }

    async fn statuses(&self) -> Vec<DeliveryStatus> {
        let (filter, first) = (DeliveryFilter::default(), first_hundred());
        let page = notice::deliveries(&self.operator, &filter, Direction::Ascending, &first);
        page.await.unwrap().edges.into_iter().map(|edge| edge.node.status).collect()
    }
}

fn first_hundred() -> PageArguments {
    PageArguments { first: Some(100), ..Default::default() }
}

/// Sorted: what is due at the same moment goes out in any order.
fn types(bodies: &[Value]) -> Vec<&str> {
    let mut types: Vec<&str> = bodies.iter().map(|body| body["type"].as_str().unwrap()).collect();
    types.sort_unstable();
    types
}

#[tokio::test]
async fn what_exceeds_the_cap_comes_together_when_the_hour_is_over_and_none_is_lost() {
    let it = Fixture::new().await;
    let policy = NewNoticePolicy { hourly_max: Some(3), ..it.policy(it.channel().await) };
    it.make(policy).await;
    it.happens_often("HEALTH_ALERT", "platform.storage", 1_003).await;
    it.work().await;
    assert_eq!(types(&it.deliver(Answer::Taken).await), ["health.degraded"; 3]);
    it.pass(TimeDelta::minutes(59));
    it.work().await;
    assert!(it.deliver(Answer::Taken).await.is_empty());
    it.pass(TimeDelta::minutes(1));
    it.work().await;
    let digest = it.deliver(Answer::Taken).await;
    assert_eq!(types(&digest), ["notice.digested"]);
    assert_eq!(digest[0]["data"]["count"], 1_000);
    assert_eq!(digest[0]["data"]["items"].as_array().unwrap().len(), 50);
    assert_eq!(digest[0]["data"]["moreCount"], 950);
    // It counts in the hour that begins with it.
    it.happens_often("HEALTH_ALERT", "platform.storage", 5).await;
    it.work().await;
    assert_eq!(it.deliver(Answer::Taken).await.len(), 2);
}

#[tokio::test]
async fn a_night_waits_for_the_morning_but_for_what_is_loud() {
    let it = Fixture::new().await;
    let policy = NewNoticePolicy {
        // 14:13 of UTC is 16:13 there.
        time_zone: Some("Europe/Berlin".to_owned()),
        quiet_hours: Some(("16:00".to_owned(), "07:30".to_owned())),
        quiet_override: vec![Occasion::Late],
        ..it.policy(it.channel().await)
    };
    it.make(policy).await;
    it.happens("HEALTH_ALERT", "platform.storage").await;
    it.happens("LATE", "platform.storage").await;
    it.work().await;
    assert_eq!(types(&it.deliver(Answer::Taken).await), ["integration.delayed"]);
    // It is over before anybody has read of it: both are told together.
    it.pass(TimeDelta::hours(2));
    it.happens("HEALTH_RESTORED", "platform.storage").await;
    it.work().await;
    it.pass(TimeDelta::hours(13));
    it.work().await;
    assert!(it.deliver(Answer::Taken).await.is_empty());
    it.pass(TimeDelta::minutes(17));
    it.work().await;
    let morning = it.deliver(Answer::Taken).await;
    assert_eq!(types(&morning), ["notice.digested"]);
    let items = morning[0]["data"]["items"].as_array().unwrap();
    assert_eq!(types(items), ["health.degraded", "health.restored"]);
}

#[tokio::test]
async fn whoever_was_told_is_told_once_that_it_is_over_and_nobody_else() {
    let it = Fixture::new().await;
    let (told, other) = (it.channel().await, it.channel().await);
    let daily = NewNoticePolicy { delivery: Timing::Daily, ..it.policy(told) };
    let kinds = vec![Occasion::HealthAlert];
    let instant = NewNoticePolicy {
        selectors: Selectors { kinds: kinds.clone(), ..Default::default() },
        ..it.policy(told)
    };
    let of_others = NewNoticePolicy {
        selectors: Selectors { codes: vec!["source.timeout".to_owned()], kinds, ..Default::default() },
        ..it.policy(other)
    };
    for policy in [daily, instant, of_others] {
        it.make(policy).await;
    }
    // Twice begun is once over.
    it.happens("HEALTH_ALERT", "platform.storage").await;
    it.work().await;
    it.happens("HEALTH_ALERT", "platform.storage").await;
    it.work().await;
    it.happens("HEALTH_RESTORED", "platform.storage").await;
    it.happens("HEALTH_RESTORED", "source.timeout").await;
    it.work().await;
    let now = it.deliver(Answer::Taken).await;
    assert_eq!(types(&now), ["health.degraded", "health.degraded", "health.restored"]);
    it.happens("HEALTH_RESTORED", "platform.storage").await;
    it.work().await;
    assert!(it.deliver(Answer::Taken).await.is_empty(), "it was over already");
    it.pass(TimeDelta::days(1));
    it.work().await;
    let digest = it.deliver(Answer::Taken).await;
    assert_eq!(types(&digest), ["notice.digested"]);
    // The policy that selects everything is told of the end of what it told, once, and of no other.
    assert_eq!(digest[0]["data"]["count"], 3);
    // Who asks for ends gets each.
    let asks = NewNoticePolicy {
        selectors: Selectors { kinds: vec![Occasion::HealthRestored], ..Default::default() },
        ..it.policy(other)
    };
    it.make(asks).await;
    it.happens("HEALTH_RESTORED", "source.timeout").await;
    it.work().await;
    assert_eq!(types(&it.deliver(Answer::Taken).await), ["health.restored"]);
}

#[tokio::test]
async fn what_was_told_long_ago_is_forgotten() {
    let it = Fixture::new().await;
    let selectors = Selectors { kinds: vec![Occasion::HealthAlert], ..Default::default() };
    it.make(NewNoticePolicy { selectors, ..it.policy(it.channel().await) }).await;
    it.happens("HEALTH_ALERT", "platform.storage").await;
    it.work().await;
    assert_eq!(it.deliver(Answer::Taken).await.len(), 1);
    it.pass(TimeDelta::days(91));
    it.background.purge().await.unwrap();
    assert_eq!(it.notices().await.len(), 0);
    it.happens("HEALTH_RESTORED", "platform.storage").await;
    it.work().await;
    assert!(it.deliver(Answer::Taken).await.is_empty());
}

#[tokio::test]
async fn what_is_gathered_goes_out_when_the_first_of_it_is_due() {
    let it = Fixture::new().await;
    let daily = NewNoticePolicy { delivery: Timing::Daily, ..it.policy(it.channel().await) };
    let policy = it.make(daily).await;
    it.happens("LATE", "platform.storage").await;
    it.work().await;
    let hourly = NoticePolicyChanges { delivery: Some(Timing::Hourly), ..Default::default() };
    notice_policy::update(&it.operator, policy, hourly).await.unwrap();
    it.happens("LATE", "platform.storage").await;
    it.work().await;
    assert!(it.deliver(Answer::Taken).await.is_empty());
    it.pass(TimeDelta::hours(1));
    it.work().await;
    let digest = it.deliver(Answer::Taken).await;
    assert_eq!(types(&digest), ["notice.digested"]);
    assert_eq!(digest[0]["data"]["count"], 2);
}

#[tokio::test]
async fn a_system_that_is_in_order_again_is_told_once_however_often_one_looks() {
    let it = Fixture::new().await;
    let kinds = vec![Occasion::ReauthRequired, Occasion::Reauthorized];
    let selectors = Selectors { kinds, ..Default::default() };
    it.make(NewNoticePolicy { selectors, ..it.policy(it.channel().await) }).await;
    let new = NewSystem {
        tenant_id: Some(it.tenant_id),
        name: "shop".to_owned(),
        connector: "sandbox".to_owned(),
        config: serde_json::json!({}),
        credentials: None,
        rate_limit: None,
    };
    let system = system::create(&it.operator, new).await.unwrap().id;
    let mut database = it.database().await;
    let required = "INSERT INTO occasion (id, tenant_id, kind, system_id, at, detail) \
                    VALUES (randomblob(16), $1, 'REAUTH_REQUIRED', $2, $3, '{}')";
    let insert = sqlx::query(required).bind(it.tenant_id).bind(system).bind(it.now());
    insert.execute(&mut database).await.unwrap();
    it.work().await;
    assert_eq!(types(&it.deliver(Answer::Taken).await), ["system.reauth_required"]);
    let healthy = sqlx::query("UPDATE system SET status = 'HEALTHY' WHERE id = $1").bind(system);
    healthy.execute(&mut database).await.unwrap();
    for _look in 0..3 {
        it.background.look_after_notices().await.unwrap();
    }
    it.work().await;
    it.background.look_after_notices().await.unwrap();
    it.work().await;
    assert_eq!(types(&it.deliver(Answer::Taken).await), ["system.reauthorized"]);
}

#[tokio::test]
async fn an_owner_has_some_policies_and_each_some_channels() {
    let it = Fixture::new().await;
    let mut channels = Vec::new();
    for _channel in 0..=POLICY_CHANNELS_MAX {
        channels.push(it.channel().await);
    }
    let code_of = |refused: domain::Result<notice_policy::NoticePolicy>| match refused.unwrap_err() {
        Error::Rejected(problems) => problems.first().map(|problem| problem.code),
        _ => None,
    };
    let too_many = NewNoticePolicy { channel_ids: channels.clone(), ..it.policy(channels[0]) };
    assert_eq!(code_of(notice_policy::create(&it.operator, too_many).await), Some(ProblemCode::TooLong));
    channels.pop();
    it.make(NewNoticePolicy { channel_ids: channels.clone(), ..it.policy(channels[0]) }).await;
    // One that everybody has, and this one.
    for _policy in 2..POLICIES_MAX {
        it.make(it.policy(channels[0])).await;
    }
    let one_more = notice_policy::create(&it.operator, it.policy(channels[0])).await;
    assert_eq!(code_of(one_more), Some(ProblemCode::LimitReached));
}

#[tokio::test]
async fn a_step_stops_at_so_many_deliveries_and_the_next_goes_on() {
    let it = Fixture::new().await;
    let mut channels = Vec::new();
    for _channel in 0..POLICY_CHANNELS_MAX {
        channels.push(it.channel().await);
    }
    for _policy in 0..3 {
        it.make(NewNoticePolicy { channel_ids: channels.clone(), ..it.policy(channels[0]) }).await;
    }
    it.happens_often("LATE", "platform.storage", 200).await;
    // 30 of each: 5,010 of 167.
    assert_eq!(it.background.notice_occasions().await.unwrap(), 167);
    assert_eq!(it.background.notice_occasions().await.unwrap(), 33);
    assert_eq!(it.background.notice_occasions().await.unwrap(), 0);
}

#[tokio::test]
async fn an_owner_whose_receivers_are_slow_holds_no_other_up() {
    let it = Fixture::new().await;
    let channel = it.channel_of(None).await;
    it.make(NewNoticePolicy { tenant_id: None, ..it.policy(channel) }).await;
    it.happens("LATE", "platform.storage").await;
    it.work().await;
    let operators = it.outgoing().await.remove(0).slot;
    it.make(it.policy(it.channel().await)).await;
    it.happens_often("LATE", "platform.storage", 2).await;
    it.work().await;
    let mut under_way = UnderWay::new(DeliverySlots { all: 9, of_way: 9, of_owner: 1, of_channel: 9 });
    let next = async |under_way: &UnderWay| it.background.next_notices(under_way, true).await.unwrap();
    let first = next(&under_way).await;
    assert_eq!(first.len(), 2, "one of each");
    assert_eq!(first.iter().filter(|notice| notice.slot == operators).count(), 1);
    first.iter().for_each(|notice| under_way.take(notice.slot));
    assert!(next(&under_way).await.is_empty());
    under_way.give_back(operators);
    let second = next(&under_way).await;
    assert_eq!(second.iter().map(|notice| notice.slot).collect::<Vec<_>>(), [operators]);
}

#[tokio::test]
async fn what_is_under_way_to_a_receiver_that_is_gone_waits_unless_it_arrives() {
    let it = Fixture::new().await;
    let channel = it.channel().await;
    it.make(it.policy(channel)).await;
    it.happens_often("LATE", "platform.storage", 4).await;
    it.work().await;
    let outgoing = it.outgoing().await;
    it.answer(&outgoing[0], Answer::Gone).await;
    it.answer(&outgoing[1], Answer::Gone).await;
    it.answer(&outgoing[2], Answer::Taken).await;
    it.answer(&outgoing[3], Answer::Failed { error: "no answer".to_owned(), retry_after: None }).await;
    let count = |all: &[DeliveryStatus], of| all.iter().filter(|status| **status == of).count();
    let all = it.statuses().await;
    assert_eq!((count(&all, DeliveryStatus::Parked), count(&all, DeliveryStatus::Delivered)), (3, 1));
    // What somebody changes of it leaves alone what was found meanwhile.
    let name = NoticeChannelChanges { name: Some("another".to_owned()), ..Default::default() };
    let renamed = notice_channel::update(&it.operator, channel, name).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.status), ("another", ChannelStatus::Disabled));
    it.work().await;
    let disabled: i64 = sqlx::query_scalar("SELECT count(*) FROM occasion WHERE kind = 'CHANNEL_DISABLED'")
        .fetch_one(&mut it.database().await)
        .await
        .unwrap();
    assert_eq!(disabled, 1);
}

#[tokio::test]
async fn policies_are_asked_whether_a_channel_that_does_not_work_is_told() {
    let it = Fixture::new().await;
    let (broken, operators) = (it.channel().await, it.channel_of(None).await);
    it.make(it.policy(broken)).await;
    let selectors = Selectors { kinds: vec![Occasion::ChannelDisabled], ..Default::default() };
    it.make(NewNoticePolicy { tenant_id: None, selectors, ..it.policy(operators) }).await;
    it.happens("LATE", "platform.storage").await;
    it.work().await;
    assert_eq!(it.deliver(Answer::Gone).await.len(), 1);
    it.work().await;
    let told = it.deliver(Answer::Taken).await;
    assert_eq!(types(&told), ["notice_channel.disabled"]);
    let notices = it.notices().await;
    assert_eq!(notices.iter().filter(|notice| notice.channel_id == operators).count(), 1);
    let own = NoticeFilter { is_operators: Some(true), ..Default::default() };
    let page = notice::list(&it.operator, &own, Direction::Ascending, &first_hundred()).await.unwrap();
    assert_eq!(page.edges.iter().map(|edge| edge.node.channel_id).collect::<Vec<_>>(), [operators]);
}

#[tokio::test]
async fn a_mail_is_not_sent_once_more_where_none_is_sent() {
    let it = Fixture::new().await;
    let new = NewNoticeChannel {
        tenant_id: Some(it.tenant_id),
        name: "mail".to_owned(),
        kind: ChannelKind::Email,
        url: None,
        secret: None,
        addresses: Vec::new(),
        to_admins: true,
    };
    let channel = notice_channel::create(&it.operator, new).await.unwrap().0.id;
    it.make(it.policy(channel)).await;
    it.happens("LATE", "platform.storage").await;
    it.work().await;
    let id = it.notices().await[0].id;
    assert!(matches!(notice::replay(&it.operator, id).await, Err(Error::Rejected(_))));
    assert_eq!(it.statuses().await, [DeliveryStatus::Failed]);
}

#[tokio::test]
async fn a_receiver_that_is_away_for_a_day_is_disabled_its_owner_told_and_gets_everything_later() {
    let it = Fixture::new().await;
    let (broken, other) = (it.channel().await, it.channel().await);
    it.make(it.policy(broken)).await;
    it.happens("HEALTH_ALERT", "platform.storage").await;
    it.work().await;
    let failed = || Answer::Failed { error: "no answer".to_owned(), retry_after: None };
    let mut attempts = 0;
    for _minute in 0..24 * 60 + 2 {
        let outgoing = it.outgoing().await;
        attempts += outgoing.len();
        for notice in &outgoing {
            it.answer(notice, failed()).await;
        }
        it.pass(TimeDelta::minutes(1));
    }
    assert_eq!(attempts, 8, "as often as the waits allow in a day");
    let channels = notice_channel::by_ids(&it.operator, &[broken]).await.unwrap();
    assert_eq!(channels[&broken].status, ChannelStatus::Disabled);
    assert_eq!(it.statuses().await, [DeliveryStatus::Parked]);
    it.work().await;
    let warned = it.deliver(Answer::Taken).await;
    assert_eq!(types(&warned), ["notice_channel.disabled"]);
    assert!(it.notices().await.iter().any(|notice| notice.channel_id == other));
    it.happens("HEALTH_ALERT", "source.timeout").await;
    it.work().await;
    assert!(it.deliver(Answer::Taken).await.is_empty());
    let active = NoticeChannelChanges { status: Some(ChannelStatus::Active), ..Default::default() };
    let channel = notice_channel::update(&it.operator, broken, active).await.unwrap();
    assert_eq!((channel.status, channel.failing_since), (ChannelStatus::Active, None));
    assert_eq!(types(&it.deliver(Answer::Taken).await), ["health.degraded", "health.degraded"]);
}

#[tokio::test]
async fn a_worker_that_dies_is_followed_by_another_and_its_late_word_counts_for_nothing() {
    let it = Fixture::new().await;
    it.make(it.policy(it.channel().await)).await;
    it.happens("HEALTH_ALERT", "platform.storage").await;
    it.work().await;
    let lost = it.outgoing().await.remove(0);
    assert!(it.outgoing().await.is_empty(), "it is being delivered");
    it.pass(TimeDelta::seconds(121));
    let second = it.outgoing().await.remove(0);
    it.answer(&lost, Answer::Failed { error: "late".to_owned(), retry_after: None }).await;
    assert_eq!(it.statuses().await, [DeliveryStatus::Queued]);
    it.answer(&second, Answer::Taken).await;
    assert_eq!(it.statuses().await, [DeliveryStatus::Delivered]);
    let id = it.notices().await[0].id;
    notice::replay(&it.operator, id).await.unwrap();
    assert_eq!(it.deliver(Answer::Taken).await[0]["data"]["noticeId"], format!("notice_{}", id.simple()));
}

#[tokio::test]
async fn receivers_that_ask_for_patience_get_it() {
    let it = Fixture::new().await;
    it.make(it.policy(it.channel().await)).await;
    it.happens("HEALTH_ALERT", "platform.storage").await;
    it.work().await;
    let retry_after = Some(Duration::from_secs(600));
    it.deliver(Answer::Failed { error: "busy".to_owned(), retry_after }).await;
    it.pass(TimeDelta::seconds(599));
    assert!(it.outgoing().await.is_empty());
    it.pass(TimeDelta::seconds(1));
    assert_eq!(it.outgoing().await.len(), 1);
}

#[tokio::test]
async fn a_policy_that_is_switched_off_sends_what_it_has_and_tells_nothing_more() {
    let it = Fixture::new().await;
    let channel = it.channel().await;
    let policy = it.make(NewNoticePolicy { delivery: Timing::Hourly, ..it.policy(channel) }).await;
    it.happens("HEALTH_ALERT", "platform.storage").await;
    it.work().await;
    let off = NoticePolicyChanges { is_enabled: Some(false), ..Default::default() };
    notice_policy::update(&it.operator, policy, off).await.unwrap();
    it.happens("HEALTH_RESTORED", "platform.storage").await;
    it.work().await;
    assert_eq!(types(&it.deliver(Answer::Taken).await), ["notice.digested"]);
    let notices = it.notices().await;
    assert_eq!((notices.len(), notices[0].kind, notices[0].item_count), (1, NoticeKind::Digest, 1));
    assert!(matches!(notice_channel::delete(&it.operator, channel).await, Err(Error::Rejected(_))));
    notice_policy::delete(&it.operator, policy).await.unwrap();
    notice_channel::delete(&it.operator, channel).await.unwrap();
}

#[tokio::test]
async fn ten_thousand_occasions_are_a_handful_of_rows() {
    let it = Fixture::new().await;
    it.make(NewNoticePolicy { hourly_max: Some(2), ..it.policy(it.channel().await) }).await;
    it.happens_often("LATE", "platform.storage", 10_000).await;
    it.work().await;
    let notices = it.notices().await;
    let counts: Vec<i64> = notices.iter().map(|notice| notice.item_count).collect();
    assert_eq!(counts, [1, 1, 9_998]);
    assert_eq!(notices[2].items.0.len(), 50);
}

#[tokio::test]
async fn an_incident_is_told_to_the_operator_once_and_of_tenants_where_a_policy_names_them() {
    let it = Fixture::new().await;
    let (once, named) = (it.channel_of(None).await, it.channel_of(None).await);
    let of_all = NewNoticePolicy { tenant_id: None, ..it.policy(once) };
    let of_one = NewNoticePolicy {
        tenant_id: None,
        selectors: Selectors { tenant_ids: vec![it.tenant_id], ..Default::default() },
        ..it.policy(named)
    };
    it.make(of_all).await;
    it.make(of_one).await;
    it.happens_often("INCIDENT_OPENED", "source.unavailable", 2).await;
    // One of them is the operator's own.
    let of_incident = "WITH first(id) AS (SELECT min(id) FROM occasion) \
                       UPDATE occasion SET incident_id = (SELECT id FROM first), \
                       tenant_id = CASE WHEN id = (SELECT id FROM first) THEN NULL ELSE tenant_id END";
    sqlx::query(of_incident).execute(&mut it.database().await).await.unwrap();
    it.work().await;
    let mut told: Vec<Uuid> = it.notices().await.iter().map(|notice| notice.channel_id).collect();
    told.sort_unstable();
    let mut expected = [once, named];
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert_eq!(types(&it.deliver(Answer::Taken).await), ["incident.opened"; 2]);
}
