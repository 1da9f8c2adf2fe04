//! Notices end to end: whoever looks after an integration learns at once that it failed, in words, once, and that it is over;
//! receivers and mail servers that are away lose nothing.

pub mod receiver;

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::receiver::{Answer, Receiver, Taken};
use crate::harness::client::Client;
use crate::harness::fixture::PASSWORD;
use crate::harness::smtp::{Mode, Smtp};
use crate::harness::trestle::{Setup, Trestle};
use crate::harness::wait::{SOON, until};
use crate::peer::node;
use crate::scene::{Scene, nodes, text};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr";
const NEXT_SECRET: &str = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
const NOTICES: &str = "query($filter: NoticeFilter) { notices(first: 100, filter: $filter) { edges { node {
    id kind items { kind type title isRecovery actsNext link } itemCount waitsFor sentAt
    deliveries { status recipient lastError attempts { outcome httpStatus response } } } } } }";

/// A program with a mail server, and a tenant whose administrator has an address of their own.
struct Place {
    smtp: Smtp,
    trestle: Trestle,
    scene: Scene,
    email: String,
    admin: Client,
}

impl Place {
    async fn new() -> Self {
        let smtp = Smtp::start(Mode::Plain).await;
        let setup = smtp
            .setup(Setup::new())
            .setting("TRESTLE_NOTICE_URL", "https://portal.example/open/{id}")
            .setting("TRESTLE_EGRESS_ALLOW", "127.0.0.0/8");
        Self::of(smtp, setup.embedded().await).await
    }

    async fn of(smtp: Smtp, trestle: Trestle) -> Self {
        let scene = Scene::of(&trestle).await;
        let email = format!("{}@example.com", scene.tenant.slug);
        let person = json!({
            "email": email, "name": "Ada", "role": "TENANT_ADMIN", "tenantId": scene.tenant.id, "password": PASSWORD,
        });
        scene.admin().mutate("createUser", person, "user { id }").await;
        let admin = trestle.client().sign_in(&email, PASSWORD).await;
        Self { smtp, trestle, scene, email, admin }
    }

    /// A channel of the tenant that is sent everything, or what `selectors` say.
    async fn webhook(&self, receiver: &Receiver, selectors: Value) -> String {
        let input = json!({"name": "hook", "kind": "WEBHOOK", "url": receiver.url(), "secret": SECRET});
        let made = self.admin.mutate("createNoticeChannel", input, "noticeChannel { id } secret").await;
        assert_eq!(made["secret"], Value::Null, "it was given");
        let channel = text(&made["noticeChannel"]["id"]);
        let policy = json!({"name": "all", "channelIds": [channel], "selectors": selectors});
        self.admin.mutate("createNoticePolicy", policy, "noticePolicy { id }").await;
        channel
    }

    async fn notices(&self, filter: Value) -> Vec<Value> {
        nodes(&self.admin.query(NOTICES, json!({"filter": filter})).await["notices"])
    }

    /// The notices to a channel once they are as wanted.
    async fn notices_until(
        &self,
        channel: &str,
        what: &str,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        until(what, SOON, async || {
            let now = self.notices(json!({"channelId": channel})).await;
            if wanted(&now) { Ok(now) } else { Err(now) }
        })
        .await
    }

    async fn channel(&self, id: &str) -> Value {
        let query =
            "{ noticeChannels(first: 100) { edges { node { id status statusReason failingSince } } } }";
        let all = nodes(&self.admin.query(query, json!({})).await["noticeChannels"]);
        all.into_iter().find(|channel| channel["id"] == id).expect("the channel")
    }
}

/// The query of `/graphql#node=ID`.
fn page_query() -> String {
    let page = include_str!("../../api/assets/graphiql/start.js");
    let (_before, query) = page.split_once("const NODE = `").expect("its beginning");
    let (query, _after) = query.split_once('`').expect("its end");
    query.to_owned()
}

/// What the library of Standard Webhooks for JavaScript says of a request.
pub fn verified_elsewhere(taken: &Taken, secret: &str) -> String {
    let headers: Value = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .map(|name| (name.to_owned(), json!(taken.header(name))))
        .collect();
    let line = json!({"secret": secret, "headers": headers, "body": taken.raw});
    let mut command = node("webhook_receiver", "standardwebhooks", "verify.mjs");
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
    writeln!(process.stdin.take().expect("it is piped"), "{line}").expect("it reads");
    let said = process.wait_with_output().expect("it ends");
    let said = String::from_utf8(said.stdout).expect("text");
    said.lines().nth(1).unwrap_or_else(|| panic!("nothing was said: {said}")).to_owned()
}

#[tokio::test]
async fn a_failed_run_is_told_once_signed_and_mailed_and_so_is_that_it_recovered() {
    let place = Place::new().await;
    let receiver = Receiver::start().await;
    let channel = place.webhook(&receiver, json!({})).await;
    let integration = place.scene.file_to_sqlite("later.csv", json!({})).await;
    let failed = place.scene.run(&integration).await;
    assert_eq!(failed["status"], "FAILED");

    let told = receiver.taken_until(1).await.remove(0);
    let (body, data) = (told.body(), told.body()["data"].clone());
    assert_eq!(body["type"], "run.failed");
    let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["type", "timestamp", "data"]);
    assert_eq!(
        data["tenant"],
        json!({"id": place.scene.tenant.id, "name": format!("The {} company", place.scene.tenant.slug)})
    );
    assert_eq!(data["integration"]["id"], json!(integration));
    assert_eq!((&data["code"], &data["actsNext"]), (&json!("source.not_found"), &json!("you")));
    assert_eq!(data["link"], json!(format!("https://portal.example/open/{}", text(&failed["id"]))));
    assert!(verified_elsewhere(&told, SECRET).starts_with("verified "));
    assert!(verified_elsewhere(&told, NEXT_SECRET).starts_with("refused "));
    assert_eq!(json!(told.header("webhook-id")), data["noticeId"]);
    // Where no portal has a page for it, the page of the program asks for what the link names.
    let node = place.admin.query(&page_query(), json!({"id": failed["id"]})).await["node"].clone();
    assert_eq!((&node["__typename"], &node["id"]), (&json!("Run"), &failed["id"]));
    assert_eq!((&node["runStatus"], &node["integration"]["id"]), (&json!("FAILED"), &json!(integration)));

    let mail = place.smtp.mails_to(&place.email, 1).await.remove(0);
    assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    let raw = mail.raw.replace("=\r\n", "");
    for part in ["multipart/alternative", "text/plain", "text/html", "Who acts: you", "What to do"] {
        assert!(raw.contains(part), "{part} is not in {raw}");
    }

    // The next one brings home what it should have.
    place.scene.files.write("later.csv", "id\na\n");
    assert_eq!(place.scene.run(&integration).await["status"], "SUCCEEDED");
    let all = receiver.taken_until(2).await;
    assert_eq!(
        (&all[1].body()["type"], &all[1].body()["data"]["recovered"]),
        (&json!("run.recovered"), &json!(true))
    );
    let mails = place.smtp.mails_to(&place.email, 2).await;
    assert!(mails[1].header("Subject").expect("a subject").contains("recovered"), "{}", mails[1].raw);

    // Twice was told, and nothing twice.
    let notices = place.notices_until(&channel, "both have arrived", |notices| {
        notices.len() == 2 && notices.iter().all(|notice| notice["deliveries"][0]["status"] == "DELIVERED")
    });
    let attempts = json!([{"outcome": "DELIVERED", "httpStatus": 204, "response": null}]);
    assert!(notices.await.iter().all(|notice| notice["deliveries"][0]["attempts"] == attempts));
    assert_eq!((receiver.taken().len(), place.smtp.mails_to(&place.email, 2).await.len()), (2, 2));
}

#[tokio::test]
async fn a_secret_changes_without_a_message_that_cannot_be_verified() {
    let place = Place::new().await;
    let receiver = Receiver::start().await;
    let channel = place.webhook(&receiver, json!({"kinds": ["VOLUME_ANOMALY"]})).await;
    let rotate = json!({"channelId": channel, "secret": NEXT_SECRET, "overlapHours": 1});
    let selection = "noticeChannel { previousSecretUntil } secret";
    let rotated = place.admin.mutate("rotateNoticeChannelSecret", rotate, selection).await;
    assert_ne!(rotated["noticeChannel"]["previousSecretUntil"], Value::Null);
    let test = async || {
        let selection = "delivered message noticeChannel { id }";
        place.admin.mutate("testNoticeChannel", json!({"channelId": channel}), selection).await
    };
    let tested = test().await;
    assert_eq!(
        (&tested["delivered"], &tested["message"]),
        (&json!(true), &json!("It was delivered: the receiver answered 204."))
    );
    let both = receiver.taken_until(1).await.remove(0);
    assert!(verified_elsewhere(&both, SECRET).starts_with("verified "));
    assert!(verified_elsewhere(&both, NEXT_SECRET).starts_with("verified "));
    let at_once = json!({"channelId": channel, "overlapHours": 0});
    let made = place.admin.mutate("rotateNoticeChannelSecret", at_once, selection).await;
    let made = text(&made["secret"]);
    test().await;
    let one = receiver.taken_until(2).await.remove(1);
    assert!(verified_elsewhere(&one, &made).starts_with("verified "));
    assert!(verified_elsewhere(&one, NEXT_SECRET).starts_with("refused "));
    receiver.answer(Answer::Status(500));
    let tested = test().await;
    let message = "It did not arrive: the receiver answered 500";
    assert_eq!((&tested["delivered"], &tested["message"]), (&json!(false), &json!(message)));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_with_a_warning_and_gets_the_rest_when_it_is_back() {
    let place = Place::new().await;
    let receiver = Receiver::start().await;
    let channel = place.webhook(&receiver, json!({"kinds": ["RUN_FAILED"]})).await;
    receiver.answer(Answer::Status(410));
    let integration = place.scene.file_to_sqlite("never.csv", json!({})).await;
    place.scene.run(&integration).await;
    let mails = place.smtp.mails_to(&place.email, 2).await;
    let subjects: Vec<String> = mails.iter().filter_map(|mail| mail.header("Subject")).collect();
    assert!(subjects.iter().any(|subject| subject.contains("switched off")), "{subjects:?}");
    let disabled = place.channel(&channel).await;
    assert_eq!(disabled["status"], "DISABLED");
    assert_eq!(disabled["statusReason"], "The receiver answered 410: it is gone for good.");
    // What comes meanwhile waits, and nobody is asked for it.
    place.scene.run(&integration).await;
    let waiting = place.notices_until(&channel, "the second one waits", |notices| notices.len() == 2).await;
    assert!(waiting.iter().all(|notice| notice["deliveries"][0]["status"] == "PARKED"), "{waiting:#?}");
    assert_eq!(receiver.taken().len(), 1);
    let activate = json!({"channelId": channel, "status": "ACTIVE"});
    place.admin.mutate("updateNoticeChannel", activate, "noticeChannel { id }").await;
    let all = receiver.taken_until(3).await;
    // The one that was refused has the id that it had.
    let ids: Vec<&str> = all.iter().map(|taken| taken.header("webhook-id")).collect();
    assert!(ids[1..].contains(&ids[0]) && ids[1] != ids[2], "{ids:?}");
    // And once more, because somebody asks.
    let again = place.admin.mutate("replayNotice", json!({"noticeId": ids[0]}), "notice { id }").await;
    assert_eq!(again["notice"]["id"], json!(ids[0]));
    assert_eq!(receiver.taken_until(4).await[3].header("webhook-id"), ids[0]);
}

#[tokio::test]
async fn a_receiver_that_is_slow_holds_nobody_up_and_one_that_fails_is_asked_again() {
    let place = Place::new().await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    slow.answer_always(Answer::Slow(Duration::from_secs(10)));
    quick.answer(Answer::Status(503));
    place.webhook(&slow, json!({"kinds": ["RUN_FAILED"]})).await;
    let channel = place.webhook(&quick, json!({"kinds": ["RUN_FAILED"]})).await;
    let integration = place.scene.file_to_sqlite("never.csv", json!({})).await;
    for _run in 0..3 {
        place.scene.run(&integration).await;
    }
    let begun = Instant::now();
    let all = quick.taken_until(4).await;
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    let ids: std::collections::BTreeSet<&str> = all.iter().map(|taken| taken.header("webhook-id")).collect();
    assert_eq!(ids.len(), 3);
    let notices = place.notices_until(&channel, "all have arrived", |notices| {
        notices.iter().all(|notice| notice["deliveries"][0]["status"] == "DELIVERED")
    });
    let tried = |notice: &Value| notice["deliveries"][0]["attempts"].as_array().map_or(0, Vec::len);
    assert_eq!(notices.await.iter().map(tried).sum::<usize>(), 4);
    assert_eq!(place.channel(&channel).await["failingSince"], Value::Null);
}

#[tokio::test]
async fn a_mail_server_that_is_down_loses_no_notice() {
    let mut place = Place::new().await;
    place.smtp.kill9();
    let integration = place.scene.file_to_sqlite("never.csv", json!({})).await;
    place.scene.run(&integration).await;
    let filter = json!({"occasionKinds": ["RUN_FAILED"]});
    let tried = until("the mail was tried", SOON, async || {
        let notices = place.notices(filter.clone()).await;
        let tried = notices.first().is_some_and(|notice| notice["deliveries"][0]["lastError"] != Value::Null);
        if tried { Ok(notices) } else { Err(notices) }
    });
    // Neither what the mail server said, nor where it is.
    let error = tried.await[0]["deliveries"][0]["lastError"].clone();
    assert_eq!(error, "the mail server can't be reached, or did not take it yet");
    place.smtp.start_again().await;
    let mails = place.smtp.mails_to(&place.email, 1).await;
    assert_eq!(mails.len(), 1);
}

#[tokio::test]
async fn a_worker_that_dies_while_it_delivers_is_followed_by_another_with_the_same_id() {
    let smtp = Smtp::start(Mode::Plain).await;
    let setup = smtp.setup(Setup::new()).setting("TRESTLE_EGRESS_ALLOW", "127.0.0.0/8");
    let mut place = Place::of(smtp, setup.split(1).await).await;
    let receiver = Receiver::start().await;
    receiver.answer(Answer::Slow(Duration::from_secs(60)));
    place.webhook(&receiver, json!({"kinds": ["RUN_FAILED"]})).await;
    let integration = place.scene.file_to_sqlite("never.csv", json!({})).await;
    place.scene.run(&integration).await;
    let first = receiver.taken_until(1).await.remove(0);
    place.trestle.worker(0).kill9();
    place.trestle.restart_worker(0, &[]).await;
    // The lease of the one before is two minutes.
    let all = receiver.taken_within(2, Duration::from_secs(150)).await;
    assert_eq!(all[1].header("webhook-id"), first.header("webhook-id"));
}
