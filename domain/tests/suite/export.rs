//! What becomes of exports: who carries one out, what is stored of it, who has the file, and until when. Through `domain`'s
//! public functions on SQLite, with a clock that the test moves.

use std::io::Read;
use std::time::Duration;

use domain::api_key::{self, CreateApiKey, CreatedApiKey};
use domain::audit::list::{self as audit, AuditFilter};
use domain::background::{ClaimedExport, Stored};
use domain::export::download;
use domain::export::{self, Export, ExportFailureCode, ExportStatus, NewExport};
use domain::page::{Direction, PageArguments};
use domain::session::Origin;
use domain::tenant::{self, CreateTenant};
use domain::{Actor, Error, ProblemCode};
use flate2::bufread::GzDecoder;
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use crate::harness::Fixture;

const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;

async fn created_key(fixture: &Fixture, tenant_ids: Vec<Uuid>, scopes: &[&str]) -> CreatedApiKey {
    let input = CreateApiKey {
        name: "Partner".to_owned(),
        role: None,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        tenant_ids,
        expires_at: None,
    };
    api_key::create(&fixture.operator, input).await.unwrap()
}

/// Who has a key, as they are at this moment.
async fn holder(fixture: &Fixture, key: &CreatedApiKey) -> Actor {
    fixture.background.app().authenticate(Some(key.secret.expose_secret())).await.unwrap()
}

async fn key(fixture: &Fixture, tenant_ids: Vec<Uuid>, scopes: &[&str]) -> (Uuid, Actor) {
    let key = created_key(fixture, tenant_ids, scopes).await;
    (key.api_key.id, holder(fixture, &key).await)
}

async fn partner(fixture: &Fixture) -> (Uuid, Actor) {
    key(fixture, vec![fixture.tenant_id], &["exports:manage", "runs:read"]).await
}

fn of_runs() -> NewExport {
    NewExport {
        tenant_id: None,
        field: "runs".to_owned(),
        query: "{ runs { edges { node { id } } } }".to_owned(),
        variables: Some(json!({ "a": 1 })),
    }
}

async fn make(actor: &Actor) -> Export {
    export::create(actor, of_runs(), None).await.unwrap()
}

async fn claim(fixture: &Fixture) -> ClaimedExport {
    fixture.background.claim_export().await.unwrap().unwrap()
}

async fn seen(actor: &Actor, id: Uuid) -> Export {
    export::get(actor, id).await.unwrap().unwrap()
}

fn token(export: &Export) -> String {
    let url = export.url.as_ref().unwrap().expose_secret();
    url.strip_prefix("/exports/").unwrap().to_owned()
}

async fn file(fixture: &Fixture, token: &str, is_packed: bool) -> Option<Vec<u8>> {
    let download = download::find(fixture.background.app(), token, is_packed).await.unwrap()?;
    let mut bytes = Vec::new();
    for part in 0..download.part_count() {
        bytes.extend(download.part(part).await.unwrap());
    }
    assert_eq!(bytes.len() as u64, download.byte_count(), "as it is announced");
    Some(bytes)
}

fn limit_reached(result: domain::Result<Export>) -> bool {
    matches!(result, Err(Error::Rejected(problems)) if problems[0].code == ProblemCode::LimitReached)
}

#[tokio::test]
async fn what_a_lost_process_stored_goes_on_behind_it_and_is_one_file() {
    let fixture = Fixture::leasing(Duration::from_secs(30)).await;
    let (_key, actor) = partner(&fixture).await;
    let made = make(&actor).await;
    assert_eq!((made.status, made.row_count, made.url.is_none()), (ExportStatus::Queued, 0, true));

    let mut lost = claim(&fixture).await;
    assert_eq!((lost.id(), lost.cursor()), (made.id, None));
    let first = b"{\"id\":1}\n".repeat(150_000);
    let stored = lost.store(first.clone(), 150_000, Some("here".to_owned())).await.unwrap();
    assert_eq!(stored, Stored::Stored);
    assert!(fixture.background.claim_export().await.unwrap().is_none(), "it has a lease");
    fixture.passes(20_000);
    assert!(lost.renew().await.unwrap());
    fixture.passes(20_000);
    assert!(fixture.background.claim_export().await.unwrap().is_none(), "which was renewed");
    fixture.passes(11_000);

    let mut other = claim(&fixture).await;
    assert_eq!((other.cursor(), other.row_count()), (Some("here"), 150_000));
    assert!(!lost.renew().await.unwrap());
    let stored = lost.store(b"{\"id\":2}\n".to_vec(), 1, Some("there".to_owned())).await.unwrap();
    assert_eq!(stored, Stored::Lost, "it stores nothing more");
    assert!(!lost.succeed().await.unwrap(), "and ends nothing");
    assert_eq!(other.store(b"{\"id\":3}\n".to_vec(), 1, None).await.unwrap(), Stored::Stored);
    assert!(other.succeed().await.unwrap());

    let done = seen(&actor, made.id).await;
    let expected = [first.as_slice(), b"{\"id\":3}\n"].concat();
    assert_eq!((done.status, done.row_count), (ExportStatus::Succeeded, 150_001));
    assert_eq!(done.byte_count, i64::try_from(expected.len()).unwrap());
    assert_eq!(done.expires_at.unwrap() - done.finished_at.unwrap(), chrono::TimeDelta::days(1));
    let token = token(&done);
    assert_eq!(file(&fixture, &token, false).await.unwrap(), expected);
    let packed = file(&fixture, &token, true).await.unwrap();
    assert!(packed.len() < expected.len() / 10, "{} bytes", packed.len());
    let (mut lines, mut decoder) = (Vec::new(), GzDecoder::new(packed.as_slice()));
    decoder.read_to_end(&mut lines).unwrap();
    assert_eq!(lines, expected);
    assert!(decoder.into_inner().is_empty(), "one member, whose checksum is right");
}

#[tokio::test]
async fn a_link_is_its_makers_and_good_while_they_might_ask_again() {
    let fixture = Fixture::new().await;
    let (key_id, actor) = partner(&fixture).await;
    let made = make(&actor).await;
    let mut claimed = claim(&fixture).await;
    assert_eq!(claimed.store(b"{}\n".to_vec(), 1, None).await.unwrap(), Stored::Stored);
    assert!(claimed.succeed().await.unwrap());
    let link = token(&seen(&actor, made.id).await);
    assert!(seen(&fixture.operator, made.id).await.url.is_none(), "staff see that there is one");
    let (_key, colleague) = partner(&fixture).await;
    assert!(seen(&colleague, made.id).await.url.is_none());

    let slug = CreateTenant {
        slug: "other".to_owned(),
        name: "Other".to_owned(),
        external_id: None,
        run_concurrency: None,
    };
    let other_id = tenant::create(&fixture.operator, slug).await.unwrap().id;
    let (_key, other) = key(&fixture, vec![other_id], &["exports:manage"]).await;
    assert!(export::get(&other, made.id).await.unwrap().is_none());
    let listed = export::list(&other, None, Direction::Descending, &PageArguments::default()).await.unwrap();
    assert!(listed.edges.is_empty());
    let refused = export::cancel(&other, made.id).await;
    assert!(matches!(refused, Err(Error::Rejected(problems)) if problems[0].code == ProblemCode::NotFound));
    let (_key, reading) = key(&fixture, vec![fixture.tenant_id], &["runs:read"]).await;
    assert!(matches!(export::get(&reading, made.id).await, Err(Error::Forbidden { .. })));

    let app = fixture.background.app();
    let download = download::find(app, &link, false).await.unwrap().unwrap();
    let origin = Origin { address: None, user_agent: Some("curl".to_owned()) };
    download.record(origin, Some("request-7".to_owned())).await.unwrap();
    let filter = AuditFilter { operation: Some(vec!["downloadExport".to_owned()]), ..AuditFilter::default() };
    let page = PageArguments::default();
    let entries = audit::list(&fixture.operator, &filter, Direction::Descending, &page).await.unwrap();
    let [entry] = entries.edges.as_slice() else { panic!("{} entries", entries.edges.len()) };
    assert_eq!(entry.node.tenant_id, Some(fixture.tenant_id));
    assert_eq!(entry.node.object.as_deref(), Some(format!("export_{}", made.id.simple()).as_str()));
    assert_eq!(
        (entry.node.actor_name.as_str(), entry.node.request_id.as_deref()),
        ("Partner", Some("request-7"))
    );

    let mut wrong = link.clone();
    wrong.replace_range(40..41, if &link[40..41] == "A" { "B" } else { "A" });
    for no_link in [wrong.as_str(), "", "trx_", &link[..link.len() - 1]] {
        assert!(download::find(app, no_link, false).await.unwrap().is_none(), "{no_link}");
    }
    tenant::suspend(&fixture.operator, fixture.tenant_id, "unpaid").await.unwrap();
    assert!(download::find(app, &link, false).await.unwrap().is_none(), "while the tenant is suspended");
    assert!(download.part(0).await.is_err(), "and a download that has begun ends");
    tenant::resume(&fixture.operator, fixture.tenant_id).await.unwrap();
    assert_eq!(file(&fixture, &link, false).await.unwrap(), b"{}\n");
    api_key::revoke(&fixture.operator, key_id).await.unwrap();
    assert!(download::find(app, &link, false).await.unwrap().is_none(), "the key is revoked");
}

#[tokio::test]
async fn a_file_expires_and_goes_in_small_steps() {
    let fixture = Fixture::new().await;
    let (_key, actor) = partner(&fixture).await;
    let made = make(&actor).await;
    let mut claimed = claim(&fixture).await;
    for number in 0..40 {
        let line = format!("{{\"id\":{number}}}\n");
        assert_eq!(claimed.store(line.into_bytes(), 1, None).await.unwrap(), Stored::Stored);
    }
    assert!(claimed.succeed().await.unwrap());
    let link = token(&seen(&actor, made.id).await);
    fixture.passes(DAY_MILLIS - 1);
    fixture.background.purge().await.unwrap();
    assert!(file(&fixture, &link, false).await.is_some(), "until the last moment");
    fixture.passes(1);
    let over = seen(&actor, made.id).await;
    assert_eq!((over.status, over.url.is_none()), (ExportStatus::Expired, true), "before anybody sweeps");
    assert!(file(&fixture, &link, false).await.is_none());
    fixture.background.purge().await.unwrap();
    let mut database = fixture.database("trestle.db").await;
    let chunks: i64 =
        sqlx::query_scalar("SELECT count(*) FROM export_chunk").fetch_one(&mut database).await.unwrap();
    assert_eq!(chunks, 0);
    assert_eq!(seen(&actor, made.id).await.status, ExportStatus::Expired);
    fixture.passes(30 * DAY_MILLIS + 1);
    fixture.background.purge().await.unwrap();
    assert!(export::get(&actor, made.id).await.unwrap().is_none(), "and then it is forgotten");
}

#[tokio::test]
async fn whoever_lost_the_right_to_it_is_read_for_no_more() {
    let fixture = Fixture::new().await;
    let key = created_key(&fixture, vec![fixture.tenant_id], &["exports:manage", "runs:read"]).await;
    let actor = holder(&fixture, &key).await;
    make(&actor).await;
    let claimed = claim(&fixture).await;
    let reader = claimed.reader().await.unwrap().unwrap();
    assert_eq!(reader.tenant_id(), Some(fixture.tenant_id));
    assert_eq!(reader.permissions(), actor.permissions(), "of a partner, who has nothing revealed");
    tenant::suspend(&fixture.operator, fixture.tenant_id, "unpaid").await.unwrap();
    assert!(claimed.reader().await.unwrap().is_none());
    let suspended = holder(&fixture, &key).await;
    assert!(matches!(export::create(&suspended, of_runs(), None).await, Err(Error::Forbidden { .. })));
    tenant::resume(&fixture.operator, fixture.tenant_id).await.unwrap();
    assert!(claimed.reader().await.unwrap().is_some());
    api_key::revoke(&fixture.operator, key.api_key.id).await.unwrap();
    assert!(claimed.reader().await.unwrap().is_none());
    let id = claimed.id();
    assert!(claimed.fail(ExportFailureCode::Forbidden, "not any more").await.unwrap());
    let failed = seen(&fixture.operator, id).await;
    assert_eq!(failed.failure, Some((ExportFailureCode::Forbidden, "not any more".to_owned())));
    assert_eq!((failed.status, failed.expires_at), (ExportStatus::Failed, None));
}

#[tokio::test]
async fn one_of_a_tenant_at_a_time_and_few_that_wait() {
    let fixture = Fixture::new().await;
    let (_key, actor) = partner(&fixture).await;
    let first = export::create(&actor, of_runs(), Some("k")).await.unwrap();
    assert_eq!(export::create(&actor, of_runs(), Some("k")).await.unwrap().id, first.id);
    for _ in 1..export::OPEN_PER_TENANT_MAX {
        make(&actor).await;
    }
    assert!(limit_reached(export::create(&actor, of_runs(), None).await));
    assert_eq!(
        export::create(&actor, of_runs(), Some("k")).await.unwrap().id,
        first.id,
        "it is made already"
    );

    let claimed = claim(&fixture).await;
    assert_eq!(claimed.id(), first.id, "who waits for longest");
    assert!(fixture.background.claim_export().await.unwrap().is_none(), "the others wait for it");
    let canceled = export::cancel(&actor, first.id).await.unwrap();
    assert_eq!(canceled.status, ExportStatus::Canceled);
    assert!(!claimed.renew().await.unwrap(), "whoever carries it out hears of it");
    assert_eq!(export::cancel(&actor, first.id).await.unwrap().status, ExportStatus::Canceled);
    make(&actor).await;
    assert_ne!(claim(&fixture).await.id(), first.id);
}

#[tokio::test]
async fn a_file_that_is_taken_back_is_not_had_any_more() {
    let fixture = Fixture::new().await;
    let (_key, actor) = partner(&fixture).await;
    let made = make(&actor).await;
    let mut claimed = claim(&fixture).await;
    assert_eq!(claimed.store(b"{}\n".to_vec(), 1, None).await.unwrap(), Stored::Stored);
    assert!(claimed.succeed().await.unwrap());
    let done = seen(&actor, made.id).await;
    let link = token(&done);
    assert_eq!(file(&fixture, &link, false).await.unwrap(), b"{}\n");
    fixture.passes(1_000);

    let begun = download::find(fixture.background.app(), &link, false).await.unwrap().expect("a file");
    let taken_back = export::cancel(&actor, made.id).await.unwrap();
    assert_eq!((taken_back.status, taken_back.finished_at), (ExportStatus::Canceled, done.finished_at));
    assert!(taken_back.url.is_none());
    assert!(file(&fixture, &link, false).await.is_none());
    assert!(begun.part(0).await.is_err(), "a download that has begun ends");
    fixture.background.purge().await.unwrap();
    assert_eq!(seen(&actor, made.id).await.status, ExportStatus::Canceled);
}

#[tokio::test]
async fn what_gets_no_further_waits_longer_each_time_and_then_fails() {
    let fixture = Fixture::new().await;
    let (_key, actor) = partner(&fixture).await;
    let made = make(&actor).await;
    claim(&fixture).await.hand_back().await.unwrap();
    claim(&fixture).await.put_off().await.unwrap();
    let mut waits = Vec::new();
    for _ in 0..7 {
        let mut seconds = 0;
        let claimed = loop {
            if let Some(claimed) = fixture.background.claim_export().await.unwrap() {
                break claimed;
            }
            fixture.passes(1_000);
            seconds += 1;
            assert!(seconds <= 200, "it is claimed again");
        };
        waits.push(seconds);
        claimed.put_off().await.unwrap();
    }
    assert_eq!(waits, [2, 4, 8, 16, 32, 64, 120], "and handing back is no failure");
    fixture.passes(120_000);
    assert!(fixture.background.claim_export().await.unwrap().is_none());
    let failed = seen(&actor, made.id).await;
    assert_eq!(failed.status, ExportStatus::Failed);
    assert_eq!(failed.failure.unwrap().0, ExportFailureCode::Unavailable);
}

#[tokio::test]
async fn a_file_beyond_its_bound_is_not_stored() {
    let fixture = Fixture::new().await;
    let (_key, actor) = partner(&fixture).await;
    let made = make(&actor).await;
    let mut database = fixture.database("trestle.db").await;
    let nearly = format!("UPDATE export SET byte_count = {}", (1_i64 << 30) - 3);
    sqlx::query(sqlx::AssertSqlSafe(nearly)).execute(&mut database).await.unwrap();
    let mut claimed = claim(&fixture).await;
    let stored = claimed.store(b"{ }\n".to_vec(), 1, None).await.unwrap();
    assert_eq!(stored, Stored::TooLarge { bytes_max: 1 << 30 });
    assert_eq!(
        claimed.store(b"{}\n".to_vec(), 1, None).await.unwrap(),
        Stored::Stored,
        "the last three bytes"
    );
    assert_eq!(seen(&actor, made.id).await.row_count, 1);
}
