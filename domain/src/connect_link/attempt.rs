//! One browser on its way to an authorization server and back. Nothing of it is stored here: the browser keeps a secret,
//! from which the state and the PKCE verifier come, so that nobody else can come back in its place, and a code that leaks
//! is worth nothing without that browser. The secret begins with the link's own, so that nobody makes one up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Cookie;
use crate::one_time_token::{self, CONNECT_LINK_START, CONNECT_STATE_START};

/// How long somebody may stay at the authorization server, in seconds: they look for passwords and phones.
const SECONDS: i64 = 60 * 60;
/// Name of the cookie, before the id of the link: two links may be open in one browser.
const COOKIE_NAME: &str = "trestle-connect-";
/// Before it where there is TLS: then no other host of the domain can set it
/// (<https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes>).
const COOKIE_PREFIX: &str = "__Host-";

/// A browser that is on its way.
pub(super) struct Attempt {
    link_id: Uuid,
    secret: SecretString,
}

impl Attempt {
    /// Begins, with the token of a link that is good.
    pub(super) fn begin(link_id: Uuid, link_token: &str) -> Self {
        let own: [u8; 32] = rand::random();
        Self { link_id, secret: format!("{link_token}.{}", URL_SAFE_NO_PAD.encode(own)).into() }
    }

    /// Who comes back with this state, if their browser has what belongs to it; and the hash of the link's secret.
    /// `cookie` gives a cookie's value by its name.
    pub(super) fn of_return(state: &str, cookie: impl Fn(&str) -> Option<String>) -> Option<(Self, Vec<u8>)> {
        let (link_id, state_hash) = one_time_token::parse(CONNECT_STATE_START, state)?;
        let secret =
            [true, false].into_iter().find_map(|is_secure| cookie(&cookie_name(link_id, is_secure)))?;
        let attempt = Self { link_id, secret: secret.into() };
        let (link_token, _own) = attempt.secret.expose_secret().split_once('.')?;
        let (of, secret_hash) = one_time_token::parse(CONNECT_LINK_START, link_token)?;
        let is_same = of == link_id && Sha256::digest(attempt.derived(b"state")).as_slice() == state_hash;
        is_same.then_some((attempt, secret_hash))
    }

    pub(super) fn link_id(&self) -> Uuid {
        self.link_id
    }

    /// What the server brings back.
    pub(super) fn state(&self) -> SecretString {
        one_time_token::of_secret(CONNECT_STATE_START, self.link_id, &self.derived(b"state"))
    }

    /// What proves to the server that who brings the code is who asked for it (RFC 7636).
    pub(super) fn verifier(&self) -> SecretString {
        URL_SAFE_NO_PAD.encode(self.derived(b"pkce")).into()
    }

    pub(super) fn cookie(&self, is_secure: bool) -> Cookie {
        let name = cookie_name(self.link_id, is_secure);
        Cookie { name, value: self.secret.clone(), seconds: SECONDS, is_secure }
    }

    /// In its place when it is not needed any more.
    pub(super) fn no_cookie(&self, is_secure: bool) -> Cookie {
        Cookie { value: String::new().into(), seconds: 0, ..self.cookie(is_secure) }
    }

    fn derived(&self, purpose: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(purpose);
        hash.update([0]);
        hash.update(self.secret.expose_secret());
        hash.finalize().into()
    }
}

fn cookie_name(link_id: Uuid, is_secure: bool) -> String {
    let prefix = if is_secure { COOKIE_PREFIX } else { "" };
    format!("{prefix}{COOKIE_NAME}{}", link_id.simple())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use uuid::Uuid;

    use super::Attempt;
    use crate::one_time_token::{CONNECT_LINK_START, generate};

    #[test]
    fn only_the_browser_that_left_comes_back() {
        let id = Uuid::from_u128(7);
        let (token, hash) = generate(CONNECT_LINK_START, id);
        let (mine, other) =
            (Attempt::begin(id, token.expose_secret()), Attempt::begin(id, token.expose_secret()));
        let back = |state: &Attempt, browser: &Attempt, is_secure: bool| {
            let cookie = browser.cookie(is_secure);
            let value = cookie.value.expose_secret().to_owned();
            Attempt::of_return(state.state().expose_secret(), |name| {
                (name == cookie.name).then(|| value.clone())
            })
        };
        for is_secure in [true, false] {
            let (attempt, secret_hash) = back(&mine, &mine, is_secure).expect("it is the same browser");
            assert_eq!((attempt.link_id(), secret_hash), (id, hash.clone()));
            assert_eq!(attempt.verifier().expose_secret(), mine.verifier().expose_secret());
        }
        assert!(back(&mine, &other, true).is_none(), "another browser, or another time");
        assert!(Attempt::of_return(mine.state().expose_secret(), |_name| None).is_none(), "no cookie");
        // Somebody who knows the id alone makes up both.
        let made_up = Attempt::begin(id, "trl_made_up");
        assert!(back(&made_up, &made_up, true).is_none());
        let elsewhere = Attempt::begin(Uuid::from_u128(8), token.expose_secret());
        assert!(back(&elsewhere, &elsewhere, true).is_none(), "the token is of another link");
    }
}
