//! Who may come in, as whom, and until when: sign-in, sessions, users, API keys, portal sessions, tenants.
//! Through `domain`'s public functions on SQLite, by a clock that the tests move.

mod email;
mod invitation;
mod mail;
mod own;
mod reset;
mod second_factor;
mod sign_in;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector::Registry;
use domain::api_key::{self, CreateApiKey, CreatedApiKey};
use domain::authentication::{AuthenticationError, STAFF_NAME};
use domain::bootstrap;
use domain::change::Changes;
use domain::clock::Clock;
use domain::dispatch::{Dispatch, DispatchError, JobHint};
use domain::page::{Direction, PageArguments};
use domain::portal_session::{self, CreatePortalSession, PortalSessionFilter, PortalToken};
use domain::session::{self, Origin, SignIn, SignedIn};
use domain::tenant::{
    self, CreateTenant, Tenant, TenantFilter, TenantKey, TenantOrder, TenantStatus, UpdateTenant,
};
use domain::token::TokenSigner;
use domain::user::{self, CreateUser, User, UserFilter, UserOrder};
use domain::{
    Actor, App, AppOptions, Audience, Error, PeopleOptions, Permission, Principal, ProblemCode, Role, viewer,
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";

/// A queue that nobody reads: these tests start nothing.
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

/// A fresh database, and a clock that stands still until it is moved.
struct Fixture {
    app: Arc<App>,
    operator: Actor,
    millis: Arc<AtomicI64>,
    pem: String,
    people: PeopleOptions,
    directory: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(PeopleOptions { mail: Some(mail::links()), ..PeopleOptions::default() }).await
    }

    async fn with(people: PeopleOptions) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let millis = Arc::new(AtomicI64::new(1_790_000_000_000));
        let pem = TokenSigner::generate_pem();
        let app = open(&directory, &millis, &pem, people.clone()).await;
        app.migrate().await.expect("the schema can be made");
        domain::data_key::load(&app).await.expect("a key to seal with");
        Self { operator: Actor::operator(app.clone()), app, millis, pem, people, directory }
    }

    /// The same database in a new process.
    async fn reopen(&mut self) {
        self.app.close().await.expect("closing works");
        self.app = open(&self.directory, &self.millis, &self.pem, self.people.clone()).await;
        self.operator = Actor::operator(self.app.clone());
    }

    fn pass(&self, time: TimeDelta) {
        self.millis.fetch_add(time.num_milliseconds(), Ordering::SeqCst);
    }

    async fn tenant(&self, slug: &str) -> Tenant {
        let input = CreateTenant {
            slug: slug.to_owned(),
            name: slug.to_uppercase(),
            external_id: None,
            run_concurrency: None,
        };
        tenant::create(&self.operator, input).await.expect("the tenant is made")
    }

    async fn user(&self, name: &str, role: Role, tenant_id: Option<Uuid>) -> User {
        user::create(&self.operator, new_user(name, role, tenant_id)).await.expect("the user is made")
    }

    async fn sign_in(&self, name: &str) -> SignedIn {
        self.try_sign_in(name, PASSWORD).await.expect("signing in works")
    }

    async fn try_sign_in(&self, name: &str, password: &str) -> Result<SignedIn, Error> {
        let input = SignIn { email: format!("{name}@example.com"), password: password.into(), code: None };
        session::sign_in(&self.app, input, &Origin::default()).await
    }

    async fn actor(&self, name: &str, role: Role, tenant_id: Option<Uuid>) -> Actor {
        self.user(name, role, tenant_id).await;
        self.sign_in(name).await.actor
    }

    async fn authenticate(&self, token: &SecretString) -> Result<Actor, AuthenticationError> {
        self.app.authenticate(Some(token.expose_secret())).await
    }

    async fn is_invalid(&self, token: &SecretString) -> bool {
        matches!(self.authenticate(token).await, Err(AuthenticationError::Invalid))
    }

    async fn is_expired(&self, token: &SecretString) -> bool {
        matches!(self.authenticate(token).await, Err(AuthenticationError::Expired))
    }
}

async fn open(
    directory: &tempfile::TempDir,
    millis: &Arc<AtomicI64>,
    pem: &str,
    people: PeopleOptions,
) -> Arc<App> {
    let now = millis.clone();
    let clock = Clock::from_fn(move || {
        DateTime::<Utc>::from_timestamp_millis(now.load(Ordering::SeqCst)).expect("a time")
    });
    let options = AppOptions {
        database_url: format!("sqlite://{}/trestle.db?mode=rwc", directory.path().display()),
        files_dir: directory.path().join("files"),
        secret_keys: vec![[7; 32]],
        token_signer: Some(TokenSigner::from_pem(pem).expect("a key")),
        connectors: Registry::of(Vec::new()),
        references: domain::system::References::default(),
        dispatch: Arc::new(NoQueue),
        changes: Changes::in_process(),
        clock,
        tenant_concurrency: 4,
        lease: Duration::from_secs(30),
        people,
        outside: Default::default(),
    };
    App::open(options).await.expect("the database opens")
}

fn new_user(name: &str, role: Role, tenant_id: Option<Uuid>) -> CreateUser {
    CreateUser {
        email: format!("{name}@example.com"),
        name: name.to_uppercase(),
        role,
        tenant_id,
        password: PASSWORD.into(),
    }
}

fn new_key(scopes: &[&str], tenant_ids: &[Uuid]) -> CreateApiKey {
    CreateApiKey {
        name: "Billing".to_owned(),
        role: None,
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        tenant_ids: tenant_ids.to_vec(),
        expires_at: None,
    }
}

fn new_portal(tenant_id: Uuid, scopes: &[&str]) -> CreatePortalSession {
    CreatePortalSession {
        tenant_id,
        end_user: "Mia".to_owned(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        ttl_seconds: None,
    }
}

async fn make_key(actor: &Actor, scopes: &[&str], tenant_ids: &[Uuid]) -> CreatedApiKey {
    api_key::create(actor, new_key(scopes, tenant_ids)).await.expect("the key is made")
}

async fn make_portal(actor: &Actor, tenant_id: Uuid, scopes: &[&str]) -> PortalToken {
    portal_session::create(actor, new_portal(tenant_id, scopes)).await.expect("the session is made")
}

/// Code and path of every problem, e.g. `CONFLICT email`.
#[track_caller]
fn problems<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    let Err(Error::Rejected(problems)) = result else {
        unreachable!("should have been rejected: {result:?}");
    };
    problems.iter().map(|problem| format!("{:?} {}", problem.code, problem.path.join("."))).collect()
}

#[track_caller]
fn is_forbidden<T: std::fmt::Debug>(result: Result<T, Error>, permission: Permission) {
    let Err(Error::Forbidden { permission: missing, .. }) = result else {
        unreachable!("should have been forbidden: {result:?}");
    };
    assert_eq!(missing, Some(permission));
}

fn names(actor: &Actor) -> Vec<&'static str> {
    actor.permissions().iter().map(Permission::name).collect()
}

fn page(first: i32) -> PageArguments {
    PageArguments { first: Some(first), ..PageArguments::default() }
}

#[tokio::test]
async fn people_sign_in_as_who_their_row_says() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    let ada = fixture.user("ada", Role::TenantAdmin, Some(acme.id)).await;
    fixture.user("root", Role::PlatformAdmin, None).await;

    let nobody = fixture.app.authenticate(None).await.expect("nobody may ask");
    assert_eq!(nobody.principal(), &Principal::Anonymous);
    assert!(matches!(viewer::get(&nobody), Err(Error::Unauthenticated)));
    assert!(matches!(tenant::get(&nobody, &TenantKey::Id(acme.id)).await, Err(Error::Unauthenticated)));

    let input = SignIn { email: "  ADA@example.COM ".to_owned(), password: PASSWORD.into(), code: None };
    let signed_in = session::sign_in(&fixture.app, input, &Origin::default())
        .await
        .expect("the address counts in any case");
    assert_eq!(signed_in.expires_at, fixture.app.clock().now() + TimeDelta::minutes(15));
    let actor = fixture.authenticate(&signed_in.access_token).await.expect("the token is good");
    let viewer = viewer::get(&actor).expect("somebody");
    assert_eq!((viewer.role, viewer.audience), (Role::TenantAdmin, Audience::Customer));
    assert_eq!((viewer.tenant_id, viewer.user_id), (Some(acme.id), Some(ada.id)));
    assert!(viewer.permissions.contains(&Permission::RecordRead));
    assert!(!viewer.permissions.contains(&Permission::TenantManage));
    assert_eq!(actor.name(), "ADA");

    let staff = fixture.sign_in("root").await.actor;
    let viewer = viewer::get(&staff).expect("somebody");
    assert_eq!(
        (viewer.role, viewer.audience, viewer.tenant_id),
        (Role::PlatformAdmin, Audience::Engineer, None)
    );
    assert!(!viewer.permissions.contains(&Permission::RecordRead));
    assert_eq!(staff.name(), STAFF_NAME);
}

#[tokio::test]
async fn a_refused_sign_in_tells_nothing() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::PlatformAdmin, None).await;
    let bob = fixture.user("bob", Role::Support, None).await;
    user::disable(&fixture.operator, bob.id).await.expect("disabled");
    let mut told = Vec::new();
    for (name, password) in
        [("ada", "wrong"), ("ada", ""), ("nobody", PASSWORD), ("bob", PASSWORD), ("a\0da", PASSWORD)]
    {
        let Err(Error::Rejected(problems)) = fixture.try_sign_in(name, password).await else {
            unreachable!("{name} must not get in");
        };
        told.extend(problems);
    }
    assert_eq!(told.len(), 5);
    assert!(told.iter().all(|problem| *problem == told[0]), "{told:?}");
    assert_eq!((told[0].code, told[0].path.len()), (ProblemCode::Unauthenticated, 0));
}

#[tokio::test]
async fn access_tokens_end_and_refresh_tokens_work_once() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::PlatformAdmin, None).await;
    let first = fixture.sign_in("ada").await;
    let other_device = fixture.sign_in("ada").await;

    fixture.pass(TimeDelta::seconds(15 * 60 + 4));
    assert!(fixture.authenticate(&first.access_token).await.is_ok(), "within the leeway");
    fixture.pass(TimeDelta::seconds(1));
    assert!(fixture.is_expired(&first.access_token).await);

    let second = session::refresh(&fixture.app, &first.refresh_token, &Origin::default())
        .await
        .expect("the first exchange");
    assert!(fixture.authenticate(&second.access_token).await.is_ok());
    let third = session::refresh(&fixture.app, &second.refresh_token, &Origin::default())
        .await
        .expect("the next exchange");

    // The first one comes again: its family ends, for the thief and for the owner.
    assert_eq!(
        problems(session::refresh(&fixture.app, &first.refresh_token, &Origin::default()).await),
        ["Unauthenticated "]
    );
    assert!(fixture.is_invalid(&second.access_token).await);
    assert!(fixture.is_invalid(&third.access_token).await);
    assert_eq!(
        problems(session::refresh(&fixture.app, &third.refresh_token, &Origin::default()).await),
        ["Unauthenticated "]
    );
    // Another session of the same person goes on.
    session::refresh(&fixture.app, &other_device.refresh_token, &Origin::default())
        .await
        .expect("another family");
}

#[tokio::test]
async fn made_up_refresh_tokens_end_nothing() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::PlatformAdmin, None).await;
    let signed_in = fixture.sign_in("ada").await;
    let token = signed_in.refresh_token.expose_secret();
    let other_secret = format!("{}{}", &token[..36], "A".repeat(43));
    let other_id = format!("trr_{}{}", Uuid::now_v7().simple(), &token[36..]);
    for wrong in
        ["", "trr_", other_secret.as_str(), other_id.as_str(), signed_in.access_token.expose_secret()]
    {
        assert_eq!(
            problems(session::refresh(&fixture.app, &wrong.into(), &Origin::default()).await),
            ["Unauthenticated "]
        );
    }
    // And a refresh token is no access token.
    assert!(fixture.is_invalid(&signed_in.refresh_token).await);
    session::refresh(&fixture.app, &signed_in.refresh_token, &Origin::default())
        .await
        .expect("the right one still works");
}

#[tokio::test]
async fn one_of_many_exchanges_at_once_wins_at_most() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::PlatformAdmin, None).await;
    let token = fixture.sign_in("ada").await.refresh_token;
    let origin = Origin::default();
    let exchanges = (0..8).map(|_number| session::refresh(&fixture.app, &token, &origin));
    let won: Vec<_> = futures::future::join_all(exchanges).await.into_iter().filter_map(Result::ok).collect();
    assert!(won.len() <= 1, "{} exchanges of one token", won.len());
    for signed_in in won {
        assert!(fixture.is_invalid(&signed_in.access_token).await, "the reuse ended the family");
    }
}

#[tokio::test]
async fn sessions_end_after_thirty_days_and_are_forgotten_later() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::PlatformAdmin, None).await;
    let signed_in = fixture.sign_in("ada").await;
    fixture.pass(TimeDelta::days(30) - TimeDelta::minutes(5));
    let last = session::refresh(&fixture.app, &signed_in.refresh_token, &Origin::default())
        .await
        .expect("within thirty days");
    assert_eq!(last.expires_at, fixture.app.clock().now() + TimeDelta::minutes(5));
    fixture.pass(TimeDelta::minutes(5));
    assert!(fixture.is_expired(&last.access_token).await);
    assert_eq!(
        problems(session::refresh(&fixture.app, &last.refresh_token, &Origin::default()).await),
        ["Unauthenticated "]
    );
    fixture.pass(TimeDelta::days(30));
    assert_eq!(session::purge(&fixture.app).await.expect("deleting works"), 0);
    fixture.pass(TimeDelta::milliseconds(1));
    assert_eq!(session::purge(&fixture.app).await.expect("deleting works"), 1);
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::PlatformAdmin, None).await;
    let (here, there) = (fixture.sign_in("ada").await, fixture.sign_in("ada").await);
    session::sign_out(&here.actor).await.expect("signing out works");
    assert!(fixture.is_invalid(&here.access_token).await);
    assert_eq!(
        problems(session::refresh(&fixture.app, &here.refresh_token, &Origin::default()).await),
        ["Unauthenticated "]
    );
    assert!(fixture.authenticate(&there.access_token).await.is_ok());
    assert!(matches!(
        session::sign_out(&Actor::anonymous(fixture.app.clone())).await,
        Err(Error::Unauthenticated)
    ));
    assert_eq!(problems(session::sign_out(&fixture.operator).await), ["Invalid "]);
}

#[tokio::test]
async fn tokens_of_others_are_refused() {
    let fixture = Fixture::new().await;
    let elsewhere = Fixture::new().await;
    elsewhere.user("ada", Role::PlatformAdmin, None).await;
    let foreign = elsewhere.sign_in("ada").await;
    assert!(fixture.is_invalid(&foreign.access_token).await);
    for garbage in ["", "trk_", "Bearer x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", &"x".repeat(100_000)] {
        assert!(fixture.is_invalid(&garbage.into()).await, "{}", &garbage[..garbage.len().min(30)]);
    }
}

#[tokio::test]
async fn disabling_holds_on_the_next_request() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    let ada = fixture.user("ada", Role::TenantAdmin, Some(acme.id)).await;
    let signed_in = fixture.sign_in("ada").await;
    let portal = make_portal(&signed_in.actor, acme.id, &["runs:read"]).await;
    let disabled = user::disable(&fixture.operator, ada.id).await.expect("disabled");
    assert_eq!(disabled.disabled_at, Some(fixture.app.clock().now()));
    assert!(fixture.is_invalid(&signed_in.access_token).await);
    assert!(fixture.is_invalid(&portal.token).await, "what they minted ends with them");
    assert_eq!(
        problems(session::refresh(&fixture.app, &signed_in.refresh_token, &Origin::default()).await),
        ["Unauthenticated "]
    );
    assert_eq!(problems(fixture.try_sign_in("ada", PASSWORD).await), ["Unauthenticated "]);
    assert_eq!(user::disable(&fixture.operator, ada.id).await.expect("twice is once"), disabled);

    user::enable(&fixture.operator, ada.id).await.expect("enabled");
    assert!(fixture.is_invalid(&signed_in.access_token).await, "old sessions stay ended");
    assert_eq!(fixture.sign_in("ada").await.actor.tenant_id(), Some(acme.id));
}

#[tokio::test]
async fn a_new_role_holds_on_the_next_request() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    let ada = fixture.user("ada", Role::TenantAdmin, Some(acme.id)).await;
    let token = fixture.sign_in("ada").await.access_token;
    user::set_role(&fixture.operator, ada.id, Role::TenantViewer).await.expect("changed");
    let actor = fixture.authenticate(&token).await.expect("still signed in");
    assert_eq!(actor.role(), Some(Role::TenantViewer));
    is_forbidden(user::disable(&actor, ada.id).await, Permission::UserManage);
}

#[tokio::test]
async fn a_new_password_ends_every_session() {
    let fixture = Fixture::new().await;
    let ada = fixture.user("ada", Role::Engineer, None).await;
    let signed_in = fixture.sign_in("ada").await;
    let short = user::set_password(&fixture.operator, ada.id, &"short".into()).await;
    assert_eq!(problems(short), ["Invalid password"]);
    assert!(fixture.authenticate(&signed_in.access_token).await.is_ok(), "a refusal changes nothing");
    user::set_password(&fixture.operator, ada.id, &"another long one".into()).await.expect("changed");
    assert!(fixture.is_invalid(&signed_in.access_token).await);
    assert_eq!(problems(fixture.try_sign_in("ada", PASSWORD).await), ["Unauthenticated "]);
    fixture.try_sign_in("ada", "another long one").await.expect("the new one works");
}

#[tokio::test]
async fn every_problem_of_a_new_user_is_told_at_once() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    fixture.user("ada", Role::PlatformAdmin, None).await;
    let bad = CreateUser {
        email: "not an address".to_owned(),
        name: " ".to_owned(),
        role: Role::TenantViewer,
        tenant_id: Some(Uuid::nil()),
        password: "short".into(),
    };
    assert_eq!(
        problems(user::create(&fixture.operator, bad).await),
        ["Invalid email", "Required name", "NotFound tenantId", "Invalid password"]
    );
    let own_address =
        CreateUser { password: "carla@example.com".into(), ..new_user("carla", Role::Support, None) };
    assert_eq!(problems(user::create(&fixture.operator, own_address).await), ["Invalid password"]);
    let taken =
        CreateUser { email: " ADA@Example.com".to_owned(), ..new_user("x", Role::Support, Some(acme.id)) };
    assert_eq!(
        problems(user::create(&fixture.operator, taken).await),
        ["Invalid tenantId", "Conflict email"]
    );
    for (role, expected) in [
        (Role::TenantAdmin, vec!["Required tenantId"]),
        (Role::Partner, vec!["Invalid role", "Required tenantId"]),
        (Role::Portal, vec!["Invalid role", "Required tenantId"]),
    ] {
        assert_eq!(problems(user::create(&fixture.operator, new_user("new", role, None)).await), expected);
    }
    let all = UserFilter::default();
    let everyone =
        user::list(&fixture.operator, &all, UserOrder::Email, Direction::Ascending, &page(9)).await;
    assert_eq!(everyone.expect("a page").edges.len(), 1, "no refusal made anybody");
}

#[tokio::test]
async fn one_of_many_users_with_one_address_is_made() {
    let fixture = Fixture::new().await;
    let made = (0..5).map(|_number| user::create(&fixture.operator, new_user("ada", Role::Support, None)));
    let results = futures::future::join_all(made).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_eq!(problems(refused), ["Conflict email"]);
    }
}

#[tokio::test]
async fn administrators_of_a_tenant_stay_in_it() {
    let fixture = Fixture::new().await;
    let (acme, globex) = (fixture.tenant("acme").await, fixture.tenant("globex").await);
    let staff = fixture.user("root", Role::PlatformAdmin, None).await;
    let theirs = fixture.user("hank", Role::TenantMember, Some(globex.id)).await;
    let ada = fixture.actor("ada", Role::TenantAdmin, Some(acme.id)).await;

    // Their own tenant, named or not.
    let bob = user::create(&ada, new_user("bob", Role::TenantMember, None)).await.expect("made");
    assert_eq!(bob.tenant_id, Some(acme.id));
    user::create(&ada, new_user("eve", Role::TenantViewer, Some(acme.id))).await.expect("made");
    user::set_role(&ada, bob.id, Role::TenantAdmin).await.expect("changed");

    // Others are not there for them.
    let into_other = user::create(&ada, new_user("new", Role::TenantViewer, Some(globex.id))).await;
    assert_eq!(problems(into_other), ["NotFound tenantId"]);
    let as_staff = user::create(&ada, new_user("new", Role::Support, None)).await;
    assert_eq!(problems(as_staff), ["Forbidden role"]);
    assert_eq!(
        problems(user::set_role(&ada, bob.id, Role::Support).await),
        ["Forbidden role", "Invalid role"]
    );
    for other in [staff.id, theirs.id, Uuid::now_v7()] {
        assert_eq!(user::get(&ada, other).await.expect("may ask"), None);
        assert_eq!(problems(user::disable(&ada, other).await), ["NotFound userId"]);
        assert_eq!(problems(user::set_role(&ada, other, Role::TenantViewer).await), ["NotFound userId"]);
        assert_eq!(problems(user::set_password(&ada, other, &PASSWORD.into()).await), ["NotFound userId"]);
    }
    assert_eq!(user::get(&fixture.operator, theirs.id).await.expect("may ask"), Some(theirs.clone()));
    let found = user::by_ids(&ada, &[staff.id, theirs.id, bob.id]).await.expect("may ask");
    assert_eq!(found.keys().collect::<Vec<_>>(), [&bob.id]);
    let all = UserFilter { tenant_id: Some(globex.id), ..UserFilter::default() };
    let list =
        user::list(&ada, &all, UserOrder::CreatedAt, Direction::Descending, &page(9)).await.expect("may ask");
    assert!(list.edges.is_empty());

    let support = fixture.actor("sue", Role::Support, None).await;
    is_forbidden(
        user::create(&support, new_user("new", Role::TenantViewer, Some(acme.id))).await,
        Permission::UserManage,
    );
    assert_eq!(user::get(&support, theirs.id).await.expect("may ask"), Some(theirs));
}

#[tokio::test]
async fn nobody_locks_themselves_or_everybody_out() {
    let fixture = Fixture::new().await;
    let ada = fixture.user("ada", Role::PlatformAdmin, None).await;
    let actor = fixture.sign_in("ada").await.actor;
    assert_eq!(problems(user::disable(&actor, ada.id).await), ["Conflict userId"]);
    assert_eq!(problems(user::set_role(&actor, ada.id, Role::Support).await), ["Conflict userId"]);
    assert_eq!(problems(user::disable(&fixture.operator, ada.id).await), ["Conflict userId"]);
    assert_eq!(
        problems(user::set_role(&fixture.operator, ada.id, Role::Engineer).await),
        ["Conflict userId"]
    );

    // Two administrators disable each other at once: one stays.
    let bob = fixture.user("bob", Role::PlatformAdmin, None).await;
    let other = fixture.sign_in("bob").await.actor;
    let (one, two) = tokio::join!(user::disable(&actor, bob.id), user::disable(&other, ada.id));
    assert_eq!([&one, &two].iter().filter(|result| result.is_ok()).count(), 1, "{one:?} {two:?}");
    // A disabled administrator does not count.
    let left = if one.is_ok() { ada.id } else { bob.id };
    assert_eq!(problems(user::set_role(&fixture.operator, left, Role::Support).await), ["Conflict userId"]);
    // Staff and tenants' people do not change sides.
    let acme = fixture.tenant("acme").await;
    let eve = fixture.user("eve", Role::TenantViewer, Some(acme.id)).await;
    assert_eq!(problems(user::set_role(&fixture.operator, eve.id, Role::Support).await), ["Invalid role"]);
    let sue = fixture.user("sue", Role::Support, None).await;
    assert_eq!(
        problems(user::set_role(&fixture.operator, sue.id, Role::TenantAdmin).await),
        ["Invalid role"]
    );
}

#[tokio::test]
async fn api_keys_may_what_their_scopes_say() {
    let mut fixture = Fixture::new().await;
    let (acme, globex, third) =
        (fixture.tenant("acme").await, fixture.tenant("globex").await, fixture.tenant("third").await);
    let key = make_key(&fixture.operator, &["failures:retry", "failures:retry"], &[globex.id, acme.id]).await;
    assert_eq!(
        (key.api_key.role, key.api_key.scopes.as_slice()),
        (Role::Partner, ["failures:retry".to_owned()].as_slice())
    );
    assert_eq!(key.api_key.tenant_ids, [acme.id, globex.id]);
    assert!(key.secret.expose_secret().starts_with(&key.api_key.prefix));

    let actor = fixture.authenticate(&key.secret).await.expect("the key is good");
    assert_eq!(
        names(&actor),
        ["tenants:read", "integrations:read", "runs:read", "failures:read", "failures:retry"]
    );
    assert_eq!((actor.name(), actor.tenant_id()), ("Billing", None));
    assert_eq!(actor.principal(), &Principal::ApiKey { id: key.api_key.id });
    let seen = tenant::by_ids(&actor, &[acme.id, globex.id, third.id]).await.expect("may ask");
    assert_eq!(seen.len(), 2);
    assert!(tenant::get(&actor, &TenantKey::Slug("third".to_owned())).await.expect("may ask").is_none());
    is_forbidden(api_key::list(&actor, None, Direction::Descending, &page(9)).await, Permission::UserRead);
    is_forbidden(api_key::create(&actor, new_key(&[], &[acme.id])).await, Permission::ApiKeyManage);
    is_forbidden(
        portal_session::create(&actor, new_portal(acme.id, &["runs:read"])).await,
        Permission::PortalSessionCreate,
    );

    // Used, to the minute.
    fixture.pass(TimeDelta::milliseconds(61_500));
    fixture.authenticate(&key.secret).await.expect("the key is good");
    fixture.reopen().await;
    let key = api_key::get(&fixture.operator, key.api_key.id).await.expect("may ask").expect("is there");
    let minute = DateTime::<Utc>::from_timestamp_millis((1_790_000_061_500_i64 / 60_000) * 60_000);
    assert_eq!(key.last_used_at, minute);
}

#[tokio::test]
async fn api_keys_end() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    let expires_at = Some(fixture.app.clock().now() + TimeDelta::hours(1));
    let input = CreateApiKey { expires_at, ..new_key(&["portal_sessions:create", "runs:read"], &[acme.id]) };
    let short = api_key::create(&fixture.operator, input).await.expect("made");
    let lasting = make_key(&fixture.operator, &["portal_sessions:create", "runs:read"], &[acme.id]).await;
    let actor = fixture.authenticate(&lasting.secret).await.expect("good");
    let portal = make_portal(&actor, acme.id, &["runs:read"]).await;
    assert_eq!(actor.expires_at(), None);

    fixture.pass(TimeDelta::hours(1) - TimeDelta::milliseconds(1));
    assert_eq!(fixture.authenticate(&short.secret).await.expect("still good").expires_at(), expires_at);
    assert!(fixture.authenticate(&portal.token).await.is_ok());
    fixture.pass(TimeDelta::milliseconds(1));
    assert!(fixture.is_expired(&short.secret).await);

    let portal = make_portal(&actor, acme.id, &["runs:read"]).await;
    let revoked = api_key::revoke(&fixture.operator, lasting.api_key.id).await.expect("revoked");
    assert_eq!(revoked.revoked_at, Some(fixture.app.clock().now()));
    assert!(fixture.is_invalid(&lasting.secret).await);
    assert!(fixture.is_invalid(&portal.token).await, "what it minted ends with it");
    fixture.pass(TimeDelta::hours(1));
    assert_eq!(api_key::revoke(&fixture.operator, lasting.api_key.id).await.expect("twice is once"), revoked);
    assert_eq!(problems(api_key::revoke(&fixture.operator, Uuid::nil()).await), ["NotFound apiKeyId"]);
}

#[tokio::test]
async fn changed_api_keys_are_refused() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    let one = make_key(&fixture.operator, &[], &[acme.id]).await.secret;
    let two = make_key(&fixture.operator, &[], &[acme.id]).await.secret;
    let (one, two) = (one.expose_secret(), two.expose_secret());
    for wrong in [
        format!("{}{}", &one[..12], &two[12..]),
        one.replace("trk_", "trk"),
        format!("{one} "),
        one[..49].to_owned(),
        one.to_uppercase(),
    ] {
        assert!(fixture.is_invalid(&wrong.into()).await);
    }
}

#[tokio::test]
async fn every_problem_of_a_new_api_key_is_told_at_once() {
    let fixture = Fixture::new().await;
    let (acme, globex) = (fixture.tenant("acme").await, fixture.tenant("globex").await);
    let bad = CreateApiKey {
        name: String::new(),
        role: Some(Role::PlatformAdmin),
        scopes: vec!["runs:read".to_owned(), "runs:Read".to_owned(), "tenants:manage".to_owned()],
        tenant_ids: vec![acme.id, Uuid::nil()],
        expires_at: Some(fixture.app.clock().now()),
    };
    assert_eq!(
        problems(api_key::create(&fixture.operator, bad).await),
        [
            "Required name",
            "Invalid role",
            "Invalid scopes.1",
            "Invalid scopes.2",
            "NotFound tenantIds.1",
            "Invalid expiresAt"
        ]
    );
    assert_eq!(problems(api_key::create(&fixture.operator, new_key(&[], &[])).await), ["Required tenantIds"]);

    let ada = fixture.actor("ada", Role::TenantAdmin, Some(acme.id)).await;
    let other = api_key::create(&ada, new_key(&["runs:read"], &[acme.id, globex.id])).await;
    assert_eq!(problems(other), ["NotFound tenantIds.1"]);
    let own = make_key(&ada, &["records:read"], &[]).await;
    assert_eq!(
        (own.api_key.tenant_id, own.api_key.tenant_ids.as_slice()),
        (Some(acme.id), [acme.id].as_slice())
    );

    // Keys of others are not there for them.
    let staff_key = make_key(&fixture.operator, &[], &[acme.id, globex.id]).await.api_key;
    let globex_admin = fixture.actor("hank", Role::TenantAdmin, Some(globex.id)).await;
    assert_eq!(api_key::get(&globex_admin, own.api_key.id).await.expect("may ask"), None);
    assert_eq!(problems(api_key::revoke(&globex_admin, own.api_key.id).await), ["NotFound apiKeyId"]);
    assert_eq!(problems(api_key::revoke(&ada, staff_key.id).await), ["NotFound apiKeyId"]);
    let list = api_key::list(&ada, None, Direction::Descending, &page(9)).await.expect("may ask");
    assert_eq!(list.edges.iter().map(|edge| edge.node.id).collect::<Vec<_>>(), [own.api_key.id]);
    let all = api_key::list(&fixture.operator, None, Direction::Descending, &page(1)).await.expect("may ask");
    assert_eq!((all.edges[0].node.clone(), all.has_next), (staff_key, true));
}

#[tokio::test]
async fn portal_sessions_are_narrow_and_short() {
    let fixture = Fixture::new().await;
    let (acme, globex) = (fixture.tenant("acme").await, fixture.tenant("globex").await);
    let key = make_key(&fixture.operator, &["portal_sessions:create", "failures:retry"], &[acme.id]).await;
    let partner = fixture.authenticate(&key.secret).await.expect("good");
    let portal = make_portal(&partner, acme.id, &["failures:retry"]).await;
    assert_eq!(portal.portal_session.expires_at, fixture.app.clock().now() + TimeDelta::hours(1));

    let mia = fixture.authenticate(&portal.token).await.expect("good");
    assert_eq!((mia.role(), mia.name(), mia.tenant_id()), (Some(Role::Portal), "Mia", Some(acme.id)));
    assert_eq!(
        names(&mia),
        ["tenants:read", "integrations:read", "runs:read", "failures:read", "failures:retry"]
    );
    assert_eq!(mia.expires_at(), Some(portal.portal_session.expires_at));
    assert!(tenant::get(&mia, &TenantKey::Id(globex.id)).await.expect("may ask").is_none());
    is_forbidden(user::get(&mia, Uuid::nil()).await, Permission::UserRead);
    is_forbidden(
        portal_session::create(&mia, new_portal(acme.id, &["runs:read"])).await,
        Permission::PortalSessionCreate,
    );

    // Not more than the portal's server has, and not more than a portal can have.
    let bad = CreatePortalSession {
        end_user: "\n".to_owned(),
        ttl_seconds: Some(59),
        ..new_portal(globex.id, &["runs:read", "runs:start", "records:read", "nonsense"])
    };
    assert_eq!(
        problems(portal_session::create(&partner, bad).await),
        [
            "Required endUser",
            "NotFound tenantId",
            "Invalid scopes.1",
            "Invalid scopes.2",
            "Invalid scopes.3",
            "Invalid ttlSeconds"
        ]
    );
    let long = CreatePortalSession { ttl_seconds: Some(86_401), ..new_portal(acme.id, &[]) };
    assert_eq!(
        problems(portal_session::create(&partner, long).await),
        ["Required scopes", "Invalid ttlSeconds"]
    );

    let other = make_portal(&partner, acme.id, &["runs:read"]).await;
    session::sign_out(&mia).await.expect("the portal's own sign-out");
    assert!(fixture.is_invalid(&portal.token).await);
    assert!(fixture.authenticate(&other.token).await.is_ok());
    fixture.pass(TimeDelta::hours(1));
    assert!(fixture.is_expired(&other.token).await);

    tenant::suspend(&fixture.operator, acme.id, "unpaid").await.expect("suspended");
    let suspended = portal_session::create(&fixture.operator, new_portal(acme.id, &["runs:read"])).await;
    assert_eq!(problems(suspended), ["Conflict tenantId"]);
}

#[tokio::test]
async fn portal_sessions_are_ended_by_those_who_may_make_them() {
    let fixture = Fixture::new().await;
    let (acme, globex) = (fixture.tenant("acme").await, fixture.tenant("globex").await);
    let scopes = ["portal_sessions:create", "runs:read"];
    let key = make_key(&fixture.operator, &scopes, &[acme.id]).await;
    let partner = fixture.authenticate(&key.secret).await.expect("good");
    let mine = make_portal(&partner, acme.id, &["runs:read"]).await;
    let other = make_portal(&fixture.operator, globex.id, &["runs:read"]).await;
    let list = async |actor: &Actor, filter: PortalSessionFilter| {
        let rows =
            portal_session::list(actor, &filter, Direction::Descending, &page(9)).await.expect("may ask");
        rows.edges.into_iter().map(|edge| edge.node.id).collect::<Vec<_>>()
    };
    let all = PortalSessionFilter::default;
    assert_eq!(list(&partner, all()).await, [mine.portal_session.id]);
    assert_eq!(list(&fixture.operator, all()).await, [other.portal_session.id, mine.portal_session.id]);

    let mia = fixture.authenticate(&mine.token).await.expect("good");
    for refused in [mia, fixture.actor("mel", Role::TenantMember, Some(acme.id)).await] {
        let permission = Permission::PortalSessionCreate;
        is_forbidden(portal_session::end(&refused, mine.portal_session.id).await, permission);
        is_forbidden(portal_session::by_ids(&refused, &[mine.portal_session.id]).await, permission);
        is_forbidden(
            portal_session::list(&refused, &all(), Direction::Descending, &page(9)).await.map(|_page| ()),
            permission,
        );
    }
    let strange = portal_session::end(&partner, other.portal_session.id).await;
    assert_eq!(problems(strange), ["NotFound portalSessionId"]);
    assert!(fixture.authenticate(&other.token).await.is_ok());

    fixture.pass(TimeDelta::seconds(1));
    let ended = portal_session::end(&partner, mine.portal_session.id).await.expect("ended");
    assert_eq!(ended.ended_at, Some(fixture.app.clock().now()));
    assert!(fixture.is_invalid(&mine.token).await);
    fixture.pass(TimeDelta::seconds(1));
    assert_eq!(portal_session::end(&partner, ended.id).await.expect("twice is once"), ended);
    let active = |active| PortalSessionFilter { active: Some(active), ..all() };
    assert_eq!(list(&fixture.operator, active(true)).await, [other.portal_session.id]);
    assert_eq!(list(&fixture.operator, active(false)).await, [ended.id]);

    fixture.pass(TimeDelta::hours(1));
    let expired = portal_session::end(&fixture.operator, other.portal_session.id).await.expect("too late");
    assert_eq!(expired, other.portal_session, "it has expired and stays so");
    assert_eq!(list(&fixture.operator, active(false)).await, [other.portal_session.id, ended.id]);
}

#[tokio::test]
async fn people_of_a_suspended_tenant_read_only() {
    let fixture = Fixture::new().await;
    let (acme, globex) = (fixture.tenant("acme").await, fixture.tenant("globex").await);
    let ada = fixture.user("ada", Role::TenantAdmin, Some(acme.id)).await;
    let token = fixture.sign_in("ada").await.access_token;
    let both =
        make_key(&fixture.operator, &["portal_sessions:create", "runs:read"], &[acme.id, globex.id]).await;

    assert_eq!(problems(tenant::suspend(&fixture.operator, acme.id, " ").await), ["Required reason"]);
    let suspended = tenant::suspend(&fixture.operator, acme.id, "unpaid").await.expect("suspended");
    assert_eq!(
        (suspended.status, suspended.status_reason.as_deref()),
        (TenantStatus::Suspended, Some("unpaid"))
    );
    let actor = fixture.authenticate(&token).await.expect("they may look");
    assert_eq!(user::get(&actor, ada.id).await.expect("may look").map(|user| user.id), Some(ada.id));
    is_forbidden(
        user::create(&actor, new_user("bob", Role::TenantViewer, None)).await,
        Permission::UserManage,
    );
    let viewer = viewer::get(&actor).expect("somebody");
    assert!(viewer.permissions.iter().all(|permission| !permission.writes()), "{:?}", viewer.permissions);
    assert!(viewer.permissions.contains(&Permission::RunRead));
    fixture.sign_in("ada").await;

    // A partner goes on with its other tenants, and reads this one.
    let partner = fixture.authenticate(&both.secret).await.expect("good");
    assert_eq!(tenant::by_ids(&partner, &[acme.id, globex.id]).await.expect("may look").len(), 2);
    make_portal(&partner, globex.id, &["runs:read"]).await;
    let refused = portal_session::create(&partner, new_portal(acme.id, &["runs:read"])).await;
    assert_eq!(problems(refused), ["NotFound tenantId"]);

    let resumed = tenant::resume(&fixture.operator, acme.id).await.expect("resumed");
    assert_eq!((resumed.status, resumed.status_reason.clone()), (TenantStatus::Active, None));
    assert_eq!(tenant::resume(&fixture.operator, acme.id).await.expect("twice is once"), resumed);
    let actor = fixture.authenticate(&token).await.expect("signed in");
    user::create(&actor, new_user("bob", Role::TenantViewer, None)).await.expect("may change again");
    let stored = tenant::get(&fixture.operator, &TenantKey::Id(acme.id)).await.expect("may look");
    assert_eq!(stored, Some(resumed));
}

#[tokio::test]
async fn tenants_are_made_and_changed_by_platform_administrators() {
    let fixture = Fixture::new().await;
    let input = |slug: &str, name: &str, external_id: Option<&str>| CreateTenant {
        slug: slug.to_owned(),
        name: name.to_owned(),
        external_id: external_id.map(str::to_owned),
        run_concurrency: None,
    };
    let acme =
        tenant::create(&fixture.operator, input("acme", " Acme Ltd ", Some("C-1"))).await.expect("made");
    assert_eq!((acme.name.as_str(), acme.external_id.as_deref()), ("Acme Ltd", Some("C-1")));
    let globex = tenant::create(&fixture.operator, input("globex", "Globex", None)).await.expect("made");
    for (bad, expected) in [
        (input("acme", "", Some("C-1")), vec!["Conflict slug", "Required name", "Conflict externalId"]),
        (input("", "x", Some(" ")), vec!["Required slug", "Required externalId"]),
        (input("../etc", "x\ny", Some("a\0b")), vec!["Invalid slug", "Invalid name", "Invalid externalId"]),
        (input(&"a".repeat(64), &"x".repeat(201), None), vec!["Invalid slug", "TooLong name"]),
    ] {
        assert_eq!(problems(tenant::create(&fixture.operator, bad).await), expected);
    }
    let at_once = (0..5).map(|_number| tenant::create(&fixture.operator, input("late", "Late", None)));
    let results = futures::future::join_all(at_once).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_eq!(problems(refused), ["Conflict slug"]);
    }

    let change = |name: Option<&str>, external_id: Option<Option<&str>>| UpdateTenant {
        name: name.map(str::to_owned),
        external_id: external_id.map(|id| id.map(str::to_owned)),
        run_concurrency: None,
    };
    fixture.pass(TimeDelta::seconds(1));
    let changed =
        tenant::update(&fixture.operator, acme.id, change(Some("Acme"), None)).await.expect("changed");
    assert_eq!((changed.name.as_str(), changed.external_id.as_deref()), ("Acme", Some("C-1")));
    assert_eq!((changed.created_at, changed.updated_at), (acme.created_at, fixture.app.clock().now()));
    let same = tenant::update(&fixture.operator, acme.id, change(None, Some(Some("C-1"))))
        .await
        .expect("its own id");
    assert_eq!(same.external_id.as_deref(), Some("C-1"));
    let taken = tenant::update(&fixture.operator, globex.id, change(Some(""), Some(Some("C-1")))).await;
    assert_eq!(problems(taken), ["Required name", "Conflict externalId"]);
    let cleared =
        tenant::update(&fixture.operator, acme.id, change(None, Some(None))).await.expect("changed");
    assert_eq!((cleared.name.as_str(), cleared.external_id.clone()), ("Acme", None));
    let stored = tenant::get(&fixture.operator, &TenantKey::Slug("acme".to_owned())).await.expect("may look");
    assert_eq!(stored, Some(cleared));
    let stored = tenant::get(&fixture.operator, &TenantKey::Id(globex.id)).await.expect("may look");
    assert_eq!(stored, Some(globex.clone()), "a refusal changed nothing");
    for refused in [
        problems(tenant::update(&fixture.operator, Uuid::nil(), change(None, None)).await),
        problems(tenant::suspend(&fixture.operator, Uuid::nil(), "x").await),
        problems(tenant::resume(&fixture.operator, Uuid::nil()).await),
    ] {
        assert_eq!(refused, ["NotFound tenantId"]);
    }

    for (name, role, tenant_id) in [
        ("eng", Role::Engineer, None),
        ("sup", Role::Support, None),
        ("ada", Role::TenantAdmin, Some(globex.id)),
    ] {
        let actor = fixture.actor(name, role, tenant_id).await;
        is_forbidden(tenant::create(&actor, input("new", "New", None)).await, Permission::TenantManage);
        is_forbidden(tenant::suspend(&actor, globex.id, "x").await, Permission::TenantManage);
    }
}

#[tokio::test]
async fn lists_page_in_both_orders() {
    let fixture = Fixture::new().await;
    for slug in ["delta", "alpha", "charlie", "bravo"] {
        fixture.tenant(slug).await;
    }
    let slugs = async |filter: &TenantFilter, order, direction, arguments: &PageArguments| {
        let page =
            tenant::list(&fixture.operator, filter, order, direction, arguments).await.expect("a page");
        let slugs: Vec<String> = page.edges.iter().map(|edge| edge.node.slug.clone()).collect();
        (slugs, page)
    };
    let all = TenantFilter::default();
    for (order, direction, expected) in [
        (TenantOrder::CreatedAt, Direction::Ascending, ["delta", "alpha", "charlie", "bravo"]),
        (TenantOrder::CreatedAt, Direction::Descending, ["bravo", "charlie", "alpha", "delta"]),
        (TenantOrder::Name, Direction::Ascending, ["alpha", "bravo", "charlie", "delta"]),
        (TenantOrder::Name, Direction::Descending, ["delta", "charlie", "bravo", "alpha"]),
    ] {
        let (first, page) =
            slugs(&all, order, direction, &PageArguments { first: Some(3), ..Default::default() }).await;
        assert_eq!(
            (first.as_slice(), page.has_next, page.has_previous),
            (&expected.map(str::to_owned)[..3], true, false)
        );
        let after = page.edges.last().map(|edge| edge.cursor.clone());
        let (rest, page) =
            slugs(&all, order, direction, &PageArguments { after, ..Default::default() }).await;
        assert_eq!(
            (rest.as_slice(), page.has_next, page.has_previous),
            (&expected.map(str::to_owned)[3..], false, true)
        );
        let before = page.edges.first().map(|edge| edge.cursor.clone());
        let back = PageArguments { last: Some(2), before, ..Default::default() };
        let (rest, page) = slugs(&all, order, direction, &back).await;
        assert_eq!(
            (rest.as_slice(), page.has_next, page.has_previous),
            (&expected.map(str::to_owned)[1..3], true, true)
        );
    }
    let search = |text: &str| TenantFilter { search: Some(text.to_owned()), ..TenantFilter::default() };
    for (text, expected) in [
        ("LPH", vec!["alpha"]),
        ("%", vec![]),
        ("_", vec![]),
        ("\\", vec![]),
        (" ", vec!["delta", "alpha", "charlie", "bravo"]),
    ] {
        let found = slugs(&search(text), TenantOrder::CreatedAt, Direction::Ascending, &page(9)).await.0;
        assert_eq!(found, expected, "{text}");
    }
    let suspended = TenantFilter { status: Some(vec![TenantStatus::Suspended]), ..TenantFilter::default() };
    assert!(slugs(&suspended, TenantOrder::Name, Direction::Ascending, &page(9)).await.0.is_empty());

    for name in ["carla", "abel", "bert"] {
        fixture.user(name, Role::Support, None).await;
    }
    let staff =
        UserFilter { role: Some(vec![Role::Support]), disabled: Some(false), ..UserFilter::default() };
    let list = user::list(&fixture.operator, &staff, UserOrder::Email, Direction::Ascending, &page(2)).await;
    let list = list.expect("a page");
    assert_eq!(list.edges.iter().map(|edge| edge.node.name.as_str()).collect::<Vec<_>>(), ["ABEL", "BERT"]);
    let other_list = PageArguments { after: Some(list.edges[0].cursor.clone()), ..Default::default() };
    let refused =
        user::list(&fixture.operator, &staff, UserOrder::CreatedAt, Direction::Ascending, &other_list).await;
    assert!(matches!(refused, Err(Error::Argument { argument: "after", .. })));
}

#[tokio::test]
async fn the_first_administrator_is_made_once() {
    let fixture = Fixture::new().await;
    assert!(!bootstrap::any_user(&fixture.app).await.expect("may look"));
    let weak = bootstrap::ensure_admin(&fixture.app, "root@example.com", "short".into()).await;
    assert_eq!(problems(weak), ["Invalid password"]);
    let processes =
        (0..3).map(|_number| bootstrap::ensure_admin(&fixture.app, "Root@example.com", PASSWORD.into()));
    let made = futures::future::join_all(processes).await;
    assert_eq!(made.iter().filter(|made| matches!(made, Ok(true))).count(), 1, "{made:?}");
    assert_eq!(made.iter().filter(|made| matches!(made, Ok(false))).count(), 2, "{made:?}");
    assert!(bootstrap::any_user(&fixture.app).await.expect("may look"));
    assert_eq!(fixture.sign_in("root").await.actor.role(), Some(Role::PlatformAdmin));
    // A later start with another password leaves the administrator's own.
    assert!(
        !bootstrap::ensure_admin(&fixture.app, "root@example.com", "another password".into())
            .await
            .expect("runs")
    );
    fixture.sign_in("root").await;
}
