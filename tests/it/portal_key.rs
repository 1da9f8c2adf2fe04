//! Tokens that a portal's server signs with a key of its own: which are taken, which are refused, and how they end.
//! Deliberately absent: who may register keys (`access`), and sessions that are asked for (`key`). The private keys
//! beside this file were made for it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::client::Client;
use crate::harness::fixture::Tenant;
use crate::scene::{Scene, nodes, text};

const ED25519: (&str, &str) =
    (include_str!("portal_key/ed25519.pem"), include_str!("portal_key/ed25519.pub.pem"));
const P256: (&str, &str) = (include_str!("portal_key/p256.pem"), include_str!("portal_key/p256.pub.pem"));
const RSA: (&str, &str) = (include_str!("portal_key/rsa.pem"), include_str!("portal_key/rsa.pub.pem"));
const SCOPES: [&str; 2] = ["failures:read", "runs:read"];

/// A portal's server: a registered key, and what signs with it.
struct Server {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Server {
    /// Registers the public key as `owner`.
    async fn register(owner: &Client, algorithm: Algorithm, more: Value) -> Self {
        let (private, public) = match algorithm {
            Algorithm::ES256 => P256,
            Algorithm::RS256 => RSA,
            _ => ED25519,
        };
        let mut input = json!({"name": "Portal", "publicKey": public, "scopes": SCOPES});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made =
            owner.mutate("createPortalKey", input, "portalKey { id algorithm }").await["portalKey"].clone();
        assert_eq!(made["algorithm"], format!("{algorithm:?}").to_uppercase());
        let private = private.as_bytes();
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(private),
            Algorithm::RS256 => EncodingKey::from_rsa_pem(private),
            _ => EncodingKey::from_ed_pem(private),
        };
        Self { id: text(&made["id"]), algorithm, key: key.unwrap() }
    }

    /// What a good token for this tenant says.
    fn claims(&self, tenant: &Tenant) -> Value {
        let now = now();
        json!({
            "iss": self.id, "aud": "trestle-api", "sub": "Mia", "tenant": tenant.slug, "scopes": ["runs:read"],
            "iat": now, "exp": now + 300, "jti": Uuid::now_v7().simple().to_string(),
        })
    }

    fn sign(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(self.algorithm), claims, &self.key).unwrap()
    }

    /// A good token with these claims changed.
    fn token(&self, tenant: &Tenant, changes: Value) -> String {
        let mut claims = self.claims(tenant);
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().shift_remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        self.sign(&claims)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn status(client: &Client, token: &str) -> StatusCode {
    client.with_token(token).try_query("{ viewer { role } }", Value::Null).await.status
}

/// Portal sessions of a tenant, newest first.
async fn sessions(admin: &Client, tenant: &Tenant) -> Vec<Value> {
    let query = "query($id: ID!) { portalSessions(filter: {tenantId: $id}) { edges { node {
        id endUser scopes endedAt expiresAt } } } }";
    nodes(&admin.query(query, json!({"id": tenant.id})).await["portalSessions"])
}

async fn end(admin: &Client, input: Value) -> u64 {
    admin.mutate("endPortalSessions", input, "endedCount").await["endedCount"].as_u64().unwrap()
}

#[tokio::test]
async fn a_portals_server_signs_tokens_by_itself() {
    let scene = Scene::shared().await;
    let elsewhere = Scene::shared().await;
    let admin = scene.person("TENANT_ADMIN").await;
    let integration = scene.fixture.sandbox(&scene.tenant, json!({}), json!({})).await;
    let run = scene.fixture.start_run(&integration).await;
    let others = elsewhere.fixture.sandbox(&elsewhere.tenant, json!({}), json!({})).await;
    let foreign = elsewhere.fixture.start_run(&others).await;
    for (count, algorithm) in (1..).zip([Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256]) {
        let server = Server::register(&admin, algorithm, json!({})).await;
        let token = server.token(&scene.tenant, json!({"sub": format!("Mia {count}")}));
        let mia = admin.with_token(&token);
        let query = "query($a: ID!, $b: ID!) { viewer { role permissions tenant { id } } a: run(id: $a) { id } b: run(id: $b) { id } }";
        let seen = mia.query(query, json!({"a": run, "b": foreign})).await;
        assert_eq!((&seen["a"]["id"], &seen["b"]), (&json!(run), &Value::Null), "{algorithm:?} {seen:#}");
        assert_eq!(seen["viewer"]["role"], "PORTAL");
        assert_eq!(seen["viewer"]["tenant"]["id"], scene.tenant.id);
        let denied = mia.try_query("{ failures { edges { cursor } } }", Value::Null).await;
        assert_eq!(denied.codes(), ["FORBIDDEN"], "the key has that scope, the token has not");

        // Each token has one session, however often it is used.
        assert_eq!(status(&admin, &token).await, StatusCode::OK);
        let found = sessions(&admin, &scene.tenant).await;
        assert_eq!(found.len(), count);
        let hers: Vec<_> =
            found.iter().filter(|session| session["endUser"] == format!("Mia {count}")).collect();
        assert_eq!(hers.len(), 1, "{found:#?}");
        assert_eq!((&hers[0]["scopes"], &hers[0]["endedAt"]), (&json!(["runs:read"]), &Value::Null));
    }
}

#[tokio::test]
async fn a_key_of_the_staff_speaks_for_any_tenant_by_the_operators_own_ids() {
    let scene = Scene::shared().await;
    let public = format!(
        "{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\",\"kid\":\"mine\",\"x\":\"{}\"}}",
        // The last 32 bytes of the DER are the key itself.
        URL_SAFE_NO_PAD.encode(&pem_bytes(ED25519.1)[12..])
    );
    let server =
        Server::register(scene.admin(), Algorithm::EdDSA, json!({"allTenants": true, "publicKey": public}))
            .await;
    let own = format!("customer {}", Uuid::now_v7());
    let input = json!({"tenantId": scene.tenant.id, "externalId": own});
    scene.admin().mutate("updateTenant", input, "tenant { id }").await;
    for named in [
        json!({"tenant": scene.tenant.id}),
        json!({"tenant": scene.tenant.slug}),
        json!({"tenant": null, "tenant_external_id": own}),
    ] {
        assert_eq!(
            status(scene.admin(), &server.token(&scene.tenant, named.clone())).await,
            StatusCode::OK,
            "{named}"
        );
    }
    for named in [
        json!({"tenant": null}),
        json!({"tenant": own}),
        json!({"tenant_external_id": own}),
        json!({"tenant": null, "tenant_external_id": "nobody"}),
        json!({"tenant": "\0"}),
    ] {
        let token = server.token(&scene.tenant, named.clone());
        assert_eq!(status(scene.admin(), &token).await, StatusCode::UNAUTHORIZED, "{named}");
    }
    // Suspended, the tenant's end users read only, as its people do.
    let suspend = json!({"tenantId": scene.tenant.id, "reason": "unpaid"});
    scene.admin().mutate("suspendTenant", suspend, "tenant { id }").await;
    assert_eq!(status(scene.admin(), &server.token(&scene.tenant, json!({}))).await, StatusCode::OK);
    scene.admin().mutate("revokePortalKey", json!({"portalKeyId": server.id}), "portalKey { id }").await;
}

fn pem_bytes(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

#[tokio::test]
async fn forged_and_overreaching_tokens_are_refused() {
    let (scene, elsewhere) = (Scene::shared().await, Scene::shared().await);
    let admin = scene.person("TENANT_ADMIN").await;
    let server = Server::register(&admin, Algorithm::RS256, json!({})).await;
    let other = Server::register(&admin, Algorithm::EdDSA, json!({})).await;
    let refused = async |what: &str, token: &str| {
        assert_eq!(status(&admin, token).await, StatusCode::UNAUTHORIZED, "{what}");
    };
    // The algorithm is the key's, and no secret is made of a public key.
    let claims = server.claims(&scene.tenant);
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for none in ["none", "None", "NONE", ""] {
        let head = encoded(&json!({"alg": none, "typ": "JWT"}));
        refused("alg none", &format!("{head}.{}.", encoded(&claims))).await;
    }
    let der = pem_bytes(RSA.1);
    for secret in [RSA.1.as_bytes(), RSA.1.trim().as_bytes(), &der, b""] {
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let key = EncodingKey::from_secret(secret);
            let forged = jsonwebtoken::encode(&Header::new(algorithm), &claims, &key).unwrap();
            refused("a public key as a secret", &forged).await;
        }
    }
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &server.key).unwrap();
        refused("another algorithm of the same key", &token).await;
    }
    // Another key than the one that is named, an unknown one, and changes after signing.
    refused("another's name", &other.token(&scene.tenant, json!({"iss": server.id}))).await;
    let unknown = format!("portalkey_{}", Uuid::now_v7().simple());
    refused("no such key", &server.token(&scene.tenant, json!({"iss": unknown}))).await;
    let good = server.sign(&claims);
    let parts: Vec<&str> = good.split('.').collect();
    let mut more = claims.clone();
    more["sub"] = json!("Tom");
    refused("changed", &format!("{}.{}.{}", parts[0], encoded(&more), parts[2])).await;
    let headed = |change: fn(&mut Header)| {
        let mut header = Header::new(Algorithm::RS256);
        change(&mut header);
        jsonwebtoken::encode(&header, &claims, &server.key).unwrap()
    };
    refused("a critical extension", &headed(|header| header.crit = Some(vec!["b64".to_owned()]))).await;
    refused("an access token", &headed(|header| header.typ = Some("at+jwt".to_owned()))).await;

    let now = now();
    for (what, changes) in [
        ("an audience", json!({"aud": "another"})),
        ("no audience", json!({"aud": null})),
        ("good for too long", json!({"exp": now + 3_700})),
        ("good for too long, from before", json!({"iat": now - 3_500, "exp": now + 300})),
        ("over", json!({"iat": now - 100, "exp": now - 1})),
        ("of the future", json!({"iat": now + 120, "exp": now + 300})),
        ("not yet", json!({"nbf": now + 120})),
        ("no end", json!({"exp": null})),
        ("no beginning", json!({"iat": null})),
        ("no end in sight", json!({"exp": i64::MAX})),
        ("no id", json!({"jti": null})),
        ("an empty id", json!({"jti": ""})),
        ("a long id", json!({"jti": "x".repeat(201)})),
        ("no end user", json!({"sub": null})),
        ("an end user of two lines", json!({"sub": "Mia\nTom"})),
        ("no scopes", json!({"scopes": []})),
        ("a scope that no key has", json!({"scopes": ["runs:read", "runs:start"]})),
        ("an unknown scope", json!({"scopes": ["everything"]})),
        ("scopes in one text", json!({"scopes": "runs:read"})),
        ("another's tenant", json!({"tenant": elsewhere.tenant.slug})),
        ("another's tenant by id", json!({"tenant": elsewhere.tenant.id})),
        ("no tenant", json!({"tenant": null})),
        ("an unknown tenant", json!({"tenant": "nobody"})),
        ("too long", json!({"more": "x".repeat(5_000)})),
    ] {
        refused(what, &server.token(&scene.tenant, changes)).await;
    }
    assert!(sessions(&admin, &scene.tenant).await.is_empty(), "nothing was made of them");

    // The id of one token is not the id of another.
    assert_eq!(status(&admin, &good).await, StatusCode::OK);
    for changes in [json!({"sub": "Tom"}), json!({"scopes": SCOPES})] {
        let mut changed = changes.clone();
        changed["jti"] = claims["jti"].clone();
        refused("a jti again", &server.token(&scene.tenant, changed)).await;
    }
    assert_eq!(status(&admin, &good).await, StatusCode::OK);
}

#[tokio::test]
async fn tokens_end_with_their_session_their_end_user_their_id_and_their_key() {
    let scene = Scene::shared().await;
    let admin = scene.person("TENANT_ADMIN").await;
    let server = Server::register(&admin, Algorithm::EdDSA, json!({})).await;
    let tenant = &scene.tenant;
    let is_good = async |token: &str| match status(&admin, token).await {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        other => panic!("{other}"),
    };
    let token = |changes: Value| server.token(tenant, changes);

    // By the id of its session.
    let first = token(json!({}));
    assert!(is_good(&first).await);
    let session = text(&sessions(&admin, tenant).await[0]["id"]);
    admin.mutate("endPortalSession", json!({"portalSessionId": session}), "portalSession { id }").await;
    assert!(!is_good(&first).await);

    // By the end user: what is used, and what is signed and not used yet, but not what is signed afterwards.
    let (used, unused, toms) = (token(json!({})), token(json!({})), token(json!({"sub": "Tom"})));
    assert!(is_good(&used).await && is_good(&toms).await);
    assert_eq!(end(&admin, json!({"tenantId": tenant.id, "endUser": "Mia"})).await, 1);
    assert!(!is_good(&used).await && !is_good(&unused).await && is_good(&toms).await);
    assert_eq!(end(&admin, json!({"tenantId": tenant.id, "endUser": "Mia"})).await, 0, "twice is once");
    let later = token(json!({"iat": now() + 2, "exp": now() + 300}));
    assert!(is_good(&later).await, "she signs in again");

    // By the token's own id, used or not.
    for is_used in [true, false] {
        let changes = json!({"sub": "Ann", "jti": format!("of Ann {is_used}")});
        let anns = token(changes.clone());
        if is_used {
            assert!(is_good(&anns).await);
        }
        let input = json!({"tenantId": tenant.id, "portalKeyId": server.id, "tokenId": changes["jti"]});
        assert_eq!(end(&admin, input).await, u64::from(is_used));
        assert!(!is_good(&anns).await);
    }
    for input in [
        json!({"tenantId": tenant.id}),
        json!({"tenantId": tenant.id, "endUser": "Mia", "tokenId": "x"}),
        json!({"tenantId": tenant.id, "portalKeyId": server.id}),
    ] {
        let errors = admin.refused("endPortalSessions", input.clone()).await;
        assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("INVALID", "endUser"), "{input}");
    }

    // Who may end another tenant's sessions ends none of this one's.
    let elsewhere = Scene::shared().await;
    let stranger = elsewhere.person("TENANT_ADMIN").await;
    let jti = "not to be ended from elsewhere";
    let input = json!({"tenantId": elsewhere.tenant.id, "portalKeyId": server.id, "tokenId": jti});
    assert_eq!(end(&stranger, input).await, 0);
    let input = json!({"tenantId": tenant.id, "endUser": "Tom"});
    let errors = stranger.refused("endPortalSessions", input).await;
    assert_eq!((errors[0].code.as_str(), errors[0].field.as_str()), ("NOT_FOUND", "tenantId"));
    assert!(is_good(&token(json!({"sub": "Tom", "jti": jti}))).await && is_good(&toms).await);

    // With the key: everything.
    let input = json!({"portalKeyId": server.id});
    let revoked = admin.mutate("revokePortalKey", input.clone(), "portalKey { revokedAt }").await;
    assert_eq!(
        admin.mutate("revokePortalKey", input, "portalKey { revokedAt }").await,
        revoked,
        "twice is once"
    );
    assert!(!is_good(&toms).await && !is_good(&token(json!({"sub": "New"}))).await);
    assert!(sessions(&admin, tenant).await.iter().all(|session| session["endedAt"].is_string()));
}

#[tokio::test]
async fn only_public_keys_that_can_be_trusted_are_registered() {
    let scene = Scene::shared().await;
    let admin = scene.person("TENANT_ADMIN").await;
    let elsewhere = Scene::shared().await;
    let refused = async |input: Value| {
        let errors = admin.refused("createPortalKey", input).await;
        errors.iter().map(|error| format!("{} {}", error.code, error.field)).collect::<Vec<_>>()
    };
    let with = |public_key: &str| json!({"name": "Portal", "publicKey": public_key, "scopes": ["runs:read"]});
    let x = URL_SAFE_NO_PAD.encode([7; 32]);
    for public_key in [
        "",
        "nonsense",
        "{}",
        ED25519.0,
        P256.0,
        RSA.0,
        include_str!("portal_key/rsa1024.pub.pem"),
        include_str!("portal_key/p384.pub.pem"),
        &json!({"kty": "oct", "k": x}).to_string(),
        &json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x}).to_string(),
        &json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}).to_string(),
        &json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "HS256"}).to_string(),
        &json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "enc"}).to_string(),
        &json!({"kty": "RSA", "e": "AQAB", "n": format!("{}{x}", "A".repeat(400))}).to_string(),
        &"x".repeat(8_193),
    ] {
        assert_eq!(refused(with(public_key)).await, ["INVALID publicKey"], "{public_key}");
    }
    let mut input = with(ED25519.1);
    input["allTenants"] = json!(true);
    input["scopes"] = json!(["runs:read", "users:manage", "nothing"]);
    input["expiresAt"] = json!("2020-01-01T00:00:00Z");
    input["name"] = json!("");
    assert_eq!(
        refused(input).await,
        [
            "REQUIRED name",
            "INVALID scopes.1",
            "INVALID scopes.2",
            "FORBIDDEN allTenants",
            "INVALID expiresAt"
        ]
    );
    let mut input = with(ED25519.1);
    input["tenantIds"] = json!([scene.tenant.id, elsewhere.tenant.id]);
    assert_eq!(refused(input).await, ["NOT_FOUND tenantIds.1"]);
    admin.mutate("createPortalKey", with(ED25519.1), "portalKey { id }").await;
    assert_eq!(refused(with(ED25519.1)).await, ["CONFLICT publicKey"]);
}
