//! What is read when nothing is set, and what is said of each wrong setting.

use super::value::{Flag, Number};
use super::{Settings, Written};

fn problem(written: Written) -> String {
    Settings::read(&written, None).err().map(|wrong| wrong.to_string()).unwrap_or_default()
}

#[test]
fn defaults_are_embedded() {
    let settings = Settings::read(&Written::default(), None).expect("defaults work");
    assert_eq!(settings.database_url, "sqlite://./trestle-data/trestle.db?mode=rwc");
    assert_eq!(settings.bind.to_string(), "127.0.0.1:8080");
    assert!(settings.embedded && settings.egress_allow.is_empty());
    assert_eq!(
        (settings.tenant_concurrency, settings.lease.as_secs(), settings.shutdown.as_secs()),
        (4, 30, 25)
    );
    assert_eq!((settings.key_overlap.as_secs(), settings.dispatch_timeout.as_secs()), (60, 60));
    assert_eq!((settings.exports.bytes_max, settings.exports.kept.as_secs()), (1 << 30, 86_400));
    assert_eq!((settings.upload_bytes_max, settings.portal), (1 << 30, true));
    assert_eq!(settings.retention, domain::retention::RetentionOptions::default());
}

#[test]
fn a_wrong_setting_is_one_line_that_names_it() {
    let some = |text: &str| Some(text.to_owned());
    let bind = Written { bind: some("nowhere"), ..Default::default() };
    assert_eq!(problem(bind), "TRESTLE_BIND: `nowhere` is not an address and port like 127.0.0.1:8080");
    let workers = Written { workers: Some(Number::Text("many".into())), ..Default::default() };
    assert_eq!(problem(workers), "TRESTLE_WORKERS: `many` is not a whole number from 1 to 1000");
    let unset = Written { workers: Some(Number::Text(" ".into())), ..Default::default() };
    assert_eq!(problem(unset), "", "an empty number counts as none, as an empty text does");
    let egress = Written { egress_allow: some("10.0.0.0/8, home"), ..Default::default() };
    assert_eq!(problem(egress), "TRESTLE_EGRESS_ALLOW: `home` is not a network like 10.1.0.0/16");
    let taps = |text: &str| problem(Written { singer_taps: some(text), ..Default::default() });
    assert_eq!(taps("tap-a"), "TRESTLE_SINGER_TAPS: `tap-a` is not like tap-shop=/opt/taps/bin/tap-shop");
    assert!(taps("tap a=/bin/sh").starts_with("TRESTLE_SINGER_TAPS: `tap a` is no name of a tap"));
    for path in ["sh", "/bin", "/nowhere/tap", "/etc/passwd"] {
        let expected = format!("TRESTLE_SINGER_TAPS: {path} is not the absolute path of a program");
        assert_eq!(taps(&format!("tap-a=/bin/sh, tap-b={path}")), expected);
    }
    assert_eq!(taps("tap-a=/bin/sh,tap-a=/bin/sh"), "TRESTLE_SINGER_TAPS: has the tap `tap-a` twice");
    let proxies = Written { trusted_proxies: some("proxy"), ..Default::default() };
    assert_eq!(problem(proxies), "TRESTLE_TRUSTED_PROXIES: `proxy` is not a network like 10.1.0.0/16");
    let operations = Written { operations: some("trusted"), ..Default::default() };
    assert!(problem(operations).starts_with("TRESTLE_TRUSTED_DOCUMENTS: is required"));
    let documents = Written { trusted_documents: some("/nowhere.json"), ..Default::default() };
    assert!(problem(documents).starts_with("TRESTLE_TRUSTED_DOCUMENTS: /nowhere.json can't be read"));
    let key = Written { secret_key: some("c2hvcnQ="), ..Default::default() };
    assert_eq!(problem(key), "TRESTLE_SECRET_KEY: has 5 bytes; it must have 32, in base64");
    let keys =
        Written { secret_key: some(&format!("{},c2hvcnQ=", "A".repeat(43) + "=")), ..Default::default() };
    assert_eq!(problem(keys), "TRESTLE_SECRET_KEY: has 5 bytes; it must have 32, in base64");
    let none = Written { secret_key: some(" , "), ..Default::default() };
    assert_eq!(problem(none), "TRESTLE_SECRET_KEY: has no key");
    let vault = Written { vault_address: some("https://vault.example"), ..Default::default() };
    assert_eq!(
        problem(vault),
        "TRESTLE_VAULT_ADDRESS: needs TRESTLE_VAULT_TOKEN, or TRESTLE_VAULT_ROLE_ID with TRESTLE_VAULT_SECRET_ID"
    );
    let vault = Written { vault_address: some("vault.example:8200"), ..Default::default() };
    assert!(problem(vault).starts_with("TRESTLE_VAULT_ADDRESS: is not an address"));
    let prefix = Written { vault_prefix: some("trestle/"), ..Default::default() };
    assert!(problem(prefix).starts_with("TRESTLE_VAULT_PREFIX: must contain `{tenant}` once"));
    let aws = Written { aws_region: some("eu-central-1"), ..Default::default() };
    assert_eq!(
        problem(aws),
        "TRESTLE_AWS_REGION: needs TRESTLE_AWS_ACCESS_KEY_ID and TRESTLE_AWS_SECRET_ACCESS_KEY"
    );
    let postgres = Written { database_url: some("postgres://localhost/trestle"), ..Default::default() };
    assert!(problem(postgres).starts_with("TRESTLE_SECRET_KEY: is required with PostgreSQL"));
    let smtp =
        Written { smtp_url: some("http://mail.example"), mail_from: some("a@b.c"), ..Default::default() };
    assert!(problem(smtp).starts_with("TRESTLE_SMTP_URL: must begin with smtp://"));
    let sender = Written { smtp_url: some("smtp://mail.example"), ..Default::default() };
    assert_eq!(problem(sender), "TRESTLE_MAIL_FROM: is missing: a mail server is set");
    let public = Written {
        smtp_url: some("smtp://mail.example"),
        mail_from: some("Trestle <a@b.c>"),
        ..Default::default()
    };
    assert!(problem(public).starts_with("TRESTLE_PUBLIC_URL: is missing"));
    let page = Written { invitation_url: some("https://portal.example/"), ..Default::default() };
    assert!(problem(page).starts_with("TRESTLE_INVITATION_URL: must be one http:// or https:// URL"));
    let page = Written { notice_url: some("https://portal.example/open/"), ..Default::default() };
    assert!(problem(page).starts_with("TRESTLE_NOTICE_URL: must be one http:// or https:// URL"));
    let switch = Written { portal: some("yes"), ..Default::default() };
    assert_eq!(problem(switch), "TRESTLE_PORTAL: `yes` is neither `on` nor `off`");
    let totp = Written { require_staff_totp: Some(Flag::Text("yes".into())), ..Default::default() };
    assert_eq!(problem(totp), "TRESTLE_REQUIRE_STAFF_TOTP: `yes` is neither `true` nor `false`");
    let replica = |url: &str, of: Option<&str>| {
        problem(Written {
            database_url: of.map(str::to_owned),
            database_read_url: some(url),
            secret_key: some(&("A".repeat(43) + "=")),
            ..Default::default()
        })
    };
    let (primary, standby) = ("postgres://db/trestle", "postgres://standby/trestle");
    assert_eq!(
        replica(standby, None),
        "TRESTLE_DATABASE_READ_URL: needs PostgreSQL at TRESTLE_DATABASE_URL: SQLite has no replicas"
    );
    assert_eq!(
        replica("standby:5432", Some(primary)),
        "TRESTLE_DATABASE_READ_URL: must begin with postgres://"
    );
    assert_eq!(
        replica(primary, Some(primary)),
        "TRESTLE_DATABASE_READ_URL: is TRESTLE_DATABASE_URL itself: it must be another server, a hot standby of that one"
    );
    assert_eq!([replica(standby, Some(primary)), replica(" ", None)], ["", ""]);
    let mysql = Written { database_url: some("mysql://localhost"), ..Default::default() };
    assert_eq!(problem(mysql), "TRESTLE_DATABASE_URL: must begin with postgres:// or sqlite://");
}
