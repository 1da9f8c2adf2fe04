//! Tokens that somebody made. Which claim is checked how is in `bad_input/token`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Attack, all_are_refused, program};
use crate::harness::trestle::jwt_key;

/// PKCS #8 of an Ed25519 key that nobody else has (RFC 8410, section 10.3).
const ATTACKER: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The parts of a token as JSON.
fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

/// Names and tokens of which none may be taken.
fn forged(good: &str, public_key: &[u8]) -> Vec<(String, String)> {
    let (header, claims) = (part(good, 0), part(good, 1));
    let signature = good.rsplit('.').next().unwrap();
    let own = EncodingKey::from_ed_pem(jwt_key().as_bytes()).unwrap();
    let attackers = EncodingKey::from_ed_pem(ATTACKER.as_bytes()).unwrap();
    let kid = header["kid"].as_str().unwrap();
    let with = |alg: Algorithm, kid: Option<&str>, claims: &Value, key: &EncodingKey| {
        let header = Header {
            kid: kid.map(str::to_owned),
            typ: header["typ"].as_str().map(str::to_owned),
            ..Header::new(alg)
        };
        jsonwebtoken::encode(&header, claims, key).unwrap()
    };
    let changed = |changes: Value| {
        let mut claims = claims.clone();
        changes.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        claims
    };
    let raw =
        |header: Value, signature: &str| format!("{}.{}.{signature}", encoded(&header), encoded(&claims));
    let now = claims["iat"].as_i64().unwrap();
    let mut tokens: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, token: String| tokens.push((name.to_owned(), token));
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        for signature in ["", signature] {
            add(
                &format!("alg {alg:?}"),
                raw(json!({"alg": alg, "typ": header["typ"], "kid": kid}), signature),
            );
        }
    }
    add("no alg", raw(json!({"typ": header["typ"], "kid": kid}), signature));
    add("no signature", raw(header.clone(), ""));
    add("a signature of zeros", raw(header.clone(), &URL_SAFE_NO_PAD.encode([0; 64])));
    // The public key is public: whoever verifies by what the token says would take it for a secret.
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(public_key)
    );
    for (name, secret) in [
        ("bytes", public_key),
        ("PEM", pem.as_bytes()),
        ("base64", URL_SAFE_NO_PAD.encode(public_key).as_bytes()),
        ("nothing", b""),
    ] {
        for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            add(
                &format!("{alg:?} with the public key as {name}"),
                with(alg, Some(kid), &claims, &EncodingKey::from_secret(secret)),
            );
        }
    }
    for other in ["other", "", "../../../../dev/null", "' OR 1=1 --", "\u{0}", &"x".repeat(5_000)] {
        add("another kid", with(Algorithm::EdDSA, Some(other), &claims, &own));
    }
    add("no kid", with(Algorithm::EdDSA, None, &claims, &own));
    add("another's key", with(Algorithm::EdDSA, Some(kid), &claims, &attackers));
    let mut brought = Header {
        kid: Some(kid.to_owned()),
        typ: header["typ"].as_str().map(str::to_owned),
        ..Header::new(Algorithm::EdDSA)
    };
    brought.jku = Some("http://127.0.0.1:1/keys.json".to_owned());
    brought.x5u = Some("http://127.0.0.1:1/keys.pem".to_owned());
    add("a key that it brings itself", jsonwebtoken::encode(&brought, &claims, &attackers).unwrap());
    for (name, changes) in [
        ("another issuer", json!({"iss": "https://attacker.example"})),
        ("no issuer", json!({"iss": null})),
        ("another audience", json!({"aud": "other-api"})),
        ("no audience", json!({"aud": null})),
        ("expired", json!({"exp": now - 3_600})),
        ("without end", json!({"exp": null})),
        ("an end that is no number", json!({"exp": "9999999999"})),
        ("not yet valid", json!({"nbf": now + 3_600})),
        ("another session", json!({"sid": "0".repeat(32)})),
        ("a session in SQL", json!({"sid": "' OR '1'='1"})),
        ("a session that is a list", json!({"sid": [claims["sid"]]})),
    ] {
        add(name, with(Algorithm::EdDSA, Some(kid), &changed(changes), &own));
    }
    add("too many parts", format!("{good}.{signature}"));
    add("two parts", good.rsplit_once('.').unwrap().0.to_owned());
    add("dots", ".".repeat(5_000));
    add("a huge one", format!("{}.{}.{}", "a".repeat(10_000), "b".repeat(10_000), "c".repeat(10_000)));
    add("a key of nobody", format!("trk_{}", "0".repeat(46)));
    add("a refresh token", format!("trr_{}", "0".repeat(81)));
    tokens
}

#[tokio::test]
async fn tokens_that_somebody_made_are_refused() {
    let trestle = program().await;
    let admin = trestle.admin().await;
    let good = admin.token().unwrap();
    let keys: Value = serde_json::from_str(&admin.get("/.well-known/jwks.json").await.1).unwrap();
    let public_key = URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap();
    let attacks: Vec<Attack> = forged(good, &public_key)
        .into_iter()
        .map(|(name, token)| {
            let attack = Attack::document(&name, "{ viewer { role } }", 401, "UNAUTHENTICATED");
            attack.header("authorization", format!("Bearer {token}"))
        })
        .collect();
    assert!(attacks.len() > 40);
    all_are_refused(&trestle, &admin, &attacks).await;
    let data = admin.query("{ viewer { role } }", Value::Null).await;
    assert_eq!(data["viewer"]["role"], "PLATFORM_ADMIN", "the good one stays good");
}
