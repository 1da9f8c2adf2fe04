//! The second factor: asked for after the password only, each code once, and no way to guess or go round it.

use chrono::TimeDelta;
use domain::session::own::{self, ChangePassword};
use domain::session::{self, Origin, SignIn, SignedIn, email, reset};
use domain::{Actor, Error, PeopleOptions, Permission, Role, second_factor, user, viewer};
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Builder, Secret, Totp};

use super::{Fixture, PASSWORD, is_forbidden, page, problems};

/// What a person's app does.
struct App(Totp);

impl App {
    fn of(secret: &SecretString) -> Self {
        let secret = Secret::try_from_base32(secret.expose_secret()).expect("base 32");
        Self(Builder::new().with_secret(secret).build().expect("a secret"))
    }

    /// What it shows `ahead` steps from now.
    fn code(&self, fixture: &Fixture, ahead: i64) -> String {
        let seconds = fixture.app.clock().now().timestamp() + ahead * 30;
        self.0.generate(seconds.try_into().expect("after 1970")).to_string()
    }
}

/// A person with a second factor, in a session.
struct Person {
    actor: Actor,
    app: App,
    recovery_codes: Vec<SecretString>,
}

async fn enroll(fixture: &Fixture, actor: &Actor) -> (App, Vec<SecretString>) {
    let begun = second_factor::enroll(actor, &PASSWORD.into(), None).await.expect("begun");
    assert!(begun.url.expose_secret().contains(begun.secret.expose_secret()), "one secret");
    let app = App::of(&begun.secret);
    let codes = second_factor::confirm(actor, &app.code(fixture, 0).into(), None).await.expect("on");
    // The next code is another one.
    fixture.pass(TimeDelta::seconds(30));
    (app, codes)
}

async fn person(fixture: &Fixture, name: &str) -> Person {
    let actor = fixture.actor(name, Role::Support, None).await;
    let (app, recovery_codes) = enroll(fixture, &actor).await;
    Person { actor, app, recovery_codes }
}

async fn sign_in(
    fixture: &Fixture,
    name: &str,
    password: &str,
    code: Option<&str>,
) -> Result<SignedIn, Error> {
    let input = SignIn {
        email: format!("{name}@example.com"),
        password: password.into(),
        code: code.map(SecretString::from),
    };
    session::sign_in(&fixture.app, input, &Origin::default()).await
}

#[tokio::test]
async fn signing_in_takes_password_and_code_and_each_code_once() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    let missing = sign_in(&fixture, "ada", PASSWORD, None).await;
    assert_eq!(problems(missing), ["SecondFactorRequired code"]);
    assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, Some(" ")).await), ["SecondFactorRequired code"]);
    let code = ada.app.code(&fixture, 0);
    for (password, code, expected) in [
        // Who does not know the password does not hear of the second factor.
        ("wrong", None, "Unauthenticated "),
        ("wrong", Some(code.as_str()), "Unauthenticated "),
        (PASSWORD, Some("000000000000"), "Invalid code"),
    ] {
        assert_eq!(problems(sign_in(&fixture, "ada", password, code).await), [expected]);
    }
    sign_in(&fixture, "ada", PASSWORD, Some(&format!(" {} {}", &code[..3], &code[3..])))
        .await
        .expect("right");
    assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, Some(&code)).await), ["Invalid code"], "a replay");
    let before = ada.app.code(&fixture, -1);
    assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, Some(&before)).await), ["Invalid code"], "older");
    sign_in(&fixture, "ada", PASSWORD, Some(&ada.app.code(&fixture, 1))).await.expect("a clock ahead");
    let far = ada.app.code(&fixture, 2);
    assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, Some(&far)).await), ["Invalid code"]);
}

#[tokio::test]
async fn of_two_with_the_same_code_at_once_one_gets_in() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    let code = ada.app.code(&fixture, 0);
    for code in [code.as_str(), ada.recovery_codes[0].expose_secret()] {
        let tries = (0..4).map(|_| sign_in(&fixture, "ada", PASSWORD, Some(code)));
        let in_count = futures::future::join_all(tries).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(in_count, 1, "{code}");
    }
}

#[tokio::test]
async fn guessing_codes_locks_the_account_and_the_right_password_does_not_help() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    for guess in 0..5 {
        // Asking without a code in between must not forgive the guesses.
        assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, None).await), ["SecondFactorRequired code"]);
        let refused = sign_in(&fixture, "ada", PASSWORD, Some(&format!("00000{guess}"))).await;
        assert_eq!(problems(refused), ["Invalid code"]);
    }
    let right = ada.app.code(&fixture, 0);
    assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, Some(&right)).await), ["Unauthenticated "]);
    assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, None).await), ["Unauthenticated "]);
    fixture.pass(TimeDelta::seconds(30));
    sign_in(&fixture, "ada", PASSWORD, Some(&ada.app.code(&fixture, 0))).await.expect("the wait is over");
    // A right code forgives the failures, and the first step of a sign-in is none, however often.
    for _step in 0..12 {
        assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, None).await), ["SecondFactorRequired code"]);
    }
    // Nor do the other ways to prove a password forgive guesses.
    fixture.pass(TimeDelta::seconds(30));
    for guess in 0..5 {
        let input = ChangePassword { current: PASSWORD.into(), new: "password123".into() };
        assert_eq!(problems(own::change_password(&ada.actor, input, None).await), ["Invalid newPassword"]);
        let refused = sign_in(&fixture, "ada", PASSWORD, Some(&format!("00000{guess}"))).await;
        assert_eq!(problems(refused), ["Invalid code"]);
    }
    assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, None).await), ["Unauthenticated "]);
}

#[tokio::test]
async fn recovery_codes_stand_in_for_the_app_each_once() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    assert_eq!(ada.recovery_codes.len(), 10);
    let here =
        sign_in(&fixture, "ada", PASSWORD, Some(ada.recovery_codes[3].expose_secret())).await.expect("in");
    let again = sign_in(&fixture, "ada", PASSWORD, Some(ada.recovery_codes[3].expose_secret())).await;
    assert_eq!(problems(again), ["Invalid code"]);
    assert_eq!(second_factor::recovery_codes_left(&here.actor).await.expect("their own"), Some(9));
    let typed = ada.recovery_codes[4].expose_secret().to_uppercase().replace('-', " ");
    let new = second_factor::regenerate_codes(&here.actor, &PASSWORD.into(), &typed.into(), None)
        .await
        .expect("new");
    assert_eq!(second_factor::recovery_codes_left(&here.actor).await.expect("their own"), Some(10));
    let old = sign_in(&fixture, "ada", PASSWORD, Some(ada.recovery_codes[5].expose_secret())).await;
    assert_eq!(problems(old), ["Invalid code"]);
    // Another person's are none of theirs.
    let bob = person(&fixture, "bob").await;
    let others = sign_in(&fixture, "bob", PASSWORD, Some(new[0].expose_secret())).await;
    assert_eq!(problems(others), ["Invalid code"]);
    sign_in(&fixture, "bob", PASSWORD, Some(bob.recovery_codes[0].expose_secret())).await.expect("their own");
}

#[tokio::test]
async fn it_is_on_after_a_first_code_and_ends_the_other_sessions() {
    let fixture = Fixture::new().await;
    fixture.user("ada", Role::Support, None).await;
    let (here, there) = (fixture.sign_in("ada").await, fixture.sign_in("ada").await);
    assert_eq!(
        problems(second_factor::enroll(&here.actor, &"wrong".into(), None).await),
        ["Invalid password"]
    );
    let none = second_factor::confirm(&here.actor, &"123456".into(), None).await;
    assert_eq!(problems(none), ["Conflict code"], "nothing was begun");
    let first = second_factor::enroll(&here.actor, &PASSWORD.into(), None).await.expect("begun");
    let second = second_factor::enroll(&here.actor, &PASSWORD.into(), None).await.expect("begun again");
    fixture.sign_in("ada").await;
    let wrong = App::of(&first.secret).code(&fixture, 0);
    let refused = second_factor::confirm(&here.actor, &wrong.into(), None).await;
    assert_eq!(problems(refused), ["Invalid code"], "of the secret before");
    assert!(fixture.authenticate(&there.access_token).await.is_ok());
    let app = App::of(&second.secret);
    let code = app.code(&fixture, 0);
    second_factor::confirm(&here.actor, &code.clone().into(), None).await.expect("on");
    assert!(fixture.authenticate(&here.access_token).await.is_ok());
    assert!(fixture.is_invalid(&there.access_token).await);
    assert_eq!(problems(sign_in(&fixture, "ada", PASSWORD, Some(&code)).await), ["Invalid code"], "used");
    assert_eq!(
        problems(second_factor::enroll(&here.actor, &PASSWORD.into(), None).await),
        ["Conflict password"]
    );
    assert_eq!(problems(second_factor::confirm(&here.actor, &code.into(), None).await), ["Conflict code"]);
    let subjects: Vec<_> = fixture.mails().await.into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["Your second factor is on"]);
}

#[tokio::test]
async fn it_is_turned_off_by_password_and_code() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    fixture.mails().await;
    let code = ada.app.code(&fixture, 0);
    for (password, code, expected) in [
        ("wrong", code.as_str(), "Invalid password"),
        (PASSWORD, "000000", "Invalid code"),
        (PASSWORD, "", "SecondFactorRequired code"),
    ] {
        let refused = second_factor::disable(&ada.actor, &password.into(), &code.into(), None).await;
        assert_eq!(problems(refused), [expected]);
        let refused = second_factor::regenerate_codes(&ada.actor, &password.into(), &code.into(), None).await;
        assert_eq!(problems(refused), [expected]);
    }
    assert!(sign_in(&fixture, "ada", PASSWORD, None).await.is_err(), "it is still on");
    second_factor::disable(&ada.actor, &PASSWORD.into(), &code.into(), None).await.expect("off");
    sign_in(&fixture, "ada", PASSWORD, None).await.expect("the password alone");
    let subjects: Vec<_> = fixture.mails().await.into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["Your second factor is off"]);
    let gone = second_factor::disable(&ada.actor, &PASSWORD.into(), &"123456".into(), None).await;
    assert_eq!(problems(gone), ["Conflict code"]);
    enroll(&fixture, &ada.actor).await;
}

#[tokio::test]
async fn a_new_password_or_address_does_not_go_round_it() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    fixture.mails().await;
    reset::request(&fixture.app, "ada@example.com", None).await.expect("asked");
    let token = fixture.mailed_token().await;
    let new = "seven brown teapots on a shelf";
    reset::reset(&fixture.app, &token.into(), &new.into()).await.expect("reset");
    fixture.mails().await;
    assert_eq!(problems(sign_in(&fixture, "ada", new, None).await), ["SecondFactorRequired code"]);
    let here = sign_in(&fixture, "ada", new, Some(&ada.app.code(&fixture, 0))).await.expect("with it");
    email::request(&here.actor, "lovelace@example.com", &new.into(), None).await.expect("asked");
    let link = super::mail::token(&fixture.mails().await[0]);
    email::confirm(&fixture.app, &link.into()).await.expect("confirmed");
    assert_eq!(problems(sign_in(&fixture, "lovelace", new, None).await), ["SecondFactorRequired code"]);
}

#[tokio::test]
async fn administrators_take_it_from_who_lost_it() {
    let fixture = Fixture::new().await;
    let acme = fixture.tenant("acme").await;
    let admin = fixture.actor("tina", Role::TenantAdmin, Some(acme.id)).await;
    let mia = fixture.user("mia", Role::TenantMember, Some(acme.id)).await;
    let there = fixture.sign_in("mia").await;
    enroll(&fixture, &there.actor).await;
    let staff = person(&fixture, "sam").await;
    fixture.mails().await;
    let domain::Principal::User { id: staff_id, .. } = *staff.actor.principal() else {
        unreachable!("a person")
    };
    assert_eq!(problems(second_factor::reset(&admin, staff_id).await), ["NotFound userId"]);
    let domain::Principal::User { id: own_id, .. } = *admin.principal() else { unreachable!("a person") };
    assert_eq!(problems(second_factor::reset(&admin, own_id).await), ["Conflict userId"]);
    is_forbidden(second_factor::reset(&there.actor, mia.id).await, Permission::UserManage);
    let shown = user::get(&admin, mia.id).await.expect("may").expect("there");
    assert!(shown.second_factor);
    for _twice in 0..2 {
        let reset = second_factor::reset(&admin, mia.id).await.expect("reset");
        assert!(!reset.second_factor);
    }
    assert!(fixture.is_invalid(&there.access_token).await);
    fixture.sign_in("mia").await;
    let mails = fixture.mails().await;
    assert_eq!((mails.len(), mails[0].subject.as_str()), (1, "Your second factor was removed"));
}

#[tokio::test]
async fn staff_without_one_may_only_set_one_up_where_it_is_required() {
    let people = PeopleOptions {
        mail: Some(super::mail::links()),
        staff_need_second_factor: true,
        ..PeopleOptions::default()
    };
    let fixture = Fixture::with(people).await;
    let acme = fixture.tenant("acme").await;
    fixture.user("ada", Role::PlatformAdmin, None).await;
    let ada = fixture.sign_in("ada").await;
    let shown = viewer::get(&ada.actor).expect("signed in");
    assert!(
        shown.permissions.is_empty() && shown.second_factor_required && shown.second_factor == Some(false)
    );
    for permission in Permission::ALL {
        let refused = ada.actor.authorize(permission).map(|_scope| ());
        let Err(Error::Forbidden { permission: None, message }) = refused else {
            unreachable!("{permission:?} should have been refused: {refused:?}");
        };
        assert!(message.contains("enrollSecondFactor"), "{message}");
    }
    let forbidden = |error: Error| matches!(error, Error::Forbidden { permission: None, .. });
    let input = ChangePassword { current: PASSWORD.into(), new: "seven brown teapots on a shelf".into() };
    assert!(own::change_password(&ada.actor, input, None).await.is_err_and(forbidden));
    let new = email::request(&ada.actor, "new@example.com", &PASSWORD.into(), None).await;
    assert!(new.is_err_and(forbidden));
    own::list(&ada.actor, &page(1)).await.expect("their own sessions");

    let (app, _codes) = enroll(&fixture, &ada.actor).await;
    let now = fixture.authenticate(&ada.access_token).await.expect("the same session");
    assert!(now.may(Permission::TenantManage) && !now.needs_second_factor());
    // Turned off, it is as before at once.
    second_factor::disable(&now, &PASSWORD.into(), &app.code(&fixture, 0).into(), None).await.expect("off");
    let again = fixture.authenticate(&ada.access_token).await.expect("the same session");
    assert!(again.needs_second_factor() && !again.may(Permission::TenantRead));
    // Others are not asked.
    let mia = fixture.actor("mia", Role::TenantAdmin, Some(acme.id)).await;
    assert!(mia.may(Permission::UserManage) && !mia.needs_second_factor());
    assert_eq!(mia.second_factor(), Some(false));
}
