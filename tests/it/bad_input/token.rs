//! Tokens and passwords that are not good.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Place, message, places};
use crate::harness::client::http;
use crate::harness::trestle::{ADMIN_EMAIL, ADMIN_PASSWORD, jwt_key};

#[tokio::test]
async fn tokens_that_are_not_good_are_refused_whatever_is_wrong_with_them() {
    let place = Place::new().await;
    let good = place.admin().token().unwrap().to_owned();
    let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
    parts[1] = parts[1].chars().rev().collect();
    let none = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
    let mut tampered = good.clone();
    tampered.replace_range(
        good.len() - 10..good.len() - 9,
        if good.as_bytes()[good.len() - 10] == b'A' { "B" } else { "A" },
    );
    let key = format!("trk_{}", "x".repeat(46));
    let long = "x".repeat(8_000);
    for token in ["wrong", "a.b.c", &parts.join("."), &none, &tampered, &key, &long, "null", "undefined"] {
        let response =
            place.trestle.client().with_token(token).try_query("{ viewer { role } }", Value::Null).await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED, "{token}");
        assert_eq!(response.codes(), ["UNAUTHENTICATED"], "{token}");
        assert!(response.body.get("data").is_none(), "{:#}", response.body);
    }
    for header in ["Basic YTpi", "Bearer", "Bearer a b", &good] {
        let response = http()
            .post(format!("{}/graphql", place.trestle.url()))
            .header(AUTHORIZATION, header)
            .json(&json!({"query": "{ __typename }"}))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{header}");
        assert!(response.headers()[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"), "{header}");
    }
    let again = place.trestle.client().with_token(&good).query("{ viewer { role } }", Value::Null).await;
    assert_eq!(again["viewer"]["role"], "PLATFORM_ADMIN", "the good one stays good");
}

/// The claims and the header of a good token.
fn taken_apart(token: &str) -> (Header, Value) {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |index: usize| URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
    (serde_json::from_slice(&part(0)).unwrap(), serde_json::from_slice(&part(1)).unwrap())
}

#[tokio::test]
async fn a_token_ends_and_says_so_and_each_of_its_claims_counts() {
    let place = Place::new().await;
    let (header, claims) = taken_apart(place.admin().token().unwrap());
    assert_eq!(header.alg, Algorithm::EdDSA);
    let key = EncodingKey::from_ed_pem(jwt_key().as_bytes()).unwrap();
    let sign = |changes: Value| {
        let mut claims = claims.clone();
        changes.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    };
    let try_token = async |token: String| {
        place.trestle.client().with_token(&token).try_query("{ viewer { role } }", Value::Null).await
    };
    assert_eq!(try_token(sign(json!({}))).await.status, StatusCode::OK, "signed as the program does");
    let expired = try_token(sign(json!({"exp": 1_700_000_000}))).await;
    assert_eq!(expired.status, StatusCode::UNAUTHORIZED);
    assert_eq!(message(&expired.body), "The access token has expired.");
    for changes in [
        json!({"iss": "somebody"}),
        json!({"aud": "something"}),
        json!({"nbf": 4_000_000_000_i64}),
        json!({"sid": Uuid::now_v7().simple().to_string()}),
        json!({"sid": "x"}),
        json!({"exp": "never"}),
    ] {
        let refused = try_token(sign(changes.clone())).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{changes}");
        assert_eq!(refused.codes(), ["UNAUTHENTICATED"], "{changes}");
    }
    let mut portal = header.clone();
    portal.typ = Some("portal+jwt".to_owned());
    let passed_off = jsonwebtoken::encode(&portal, &claims, &key).unwrap();
    assert_eq!(
        try_token(passed_off).await.status,
        StatusCode::UNAUTHORIZED,
        "a user's session is no portal session"
    );
}

#[tokio::test]
async fn signing_in_tells_nobody_who_is_known() {
    let place = Place::new().await;
    let anonymous = place.trestle.client();
    let wrong = |email: &str, password: &str| json!({"email": email, "password": password});
    let long = "x".repeat(100_000);
    let mut answers = Vec::new();
    for input in [
        wrong(ADMIN_EMAIL, "not it"),
        wrong("nobody@example.com", ADMIN_PASSWORD),
        wrong("", ""),
        wrong("no address", "\0"),
        wrong(ADMIN_EMAIL, &long),
        wrong("' OR 1=1 --", "' OR 1=1 --"),
    ] {
        let errors = anonymous.refused("signIn", input).await;
        assert_eq!(places(&errors), ["UNAUTHENTICATED "]);
        answers.push(errors);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "one answer for all: {answers:#?}");
    for token in ["", "x", "trr_", &format!("trr_{}{}", "0".repeat(32), "A".repeat(43))] {
        let errors = anonymous.refused("refreshSession", json!({"refreshToken": token})).await;
        assert_eq!(places(&errors), ["UNAUTHENTICATED "], "{token}");
    }
    assert!(!place.trestle.log().contains(&long), "nobody's password is logged");
}
