//! Passwords: argon2id, in PHC strings. Hashing is slow by design, so it runs on blocking threads, a bounded
//! number at once.
//!
//! Deliberately absent: slowing repeated failures down (`sign_in_attempt`), and asking services for leaked passwords.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, RECOMMENDED_SALT_LEN, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::{Error, Problem, ProblemCode, Result};
use crate::validation::{EMAIL_BYTES_MAX, NAME_CHARS_MAX};

/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Longest password, in characters; long enough for any phrase, short enough to hash.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Longest password that a sign-in hashes, in bytes: [`PASSWORD_CHARS_MAX`] of four bytes each.
const PASSWORD_BYTES_MAX: usize = PASSWORD_CHARS_MAX * 4;
/// Characters of a password whose strength is estimated: a few milliseconds, and a few hundred where each of them may
/// stand for letters, like `@` and `$`; 100 of those took seconds. A longer password that begins weakly with so many
/// is a repetition.
const STRENGTH_CHARS_MAX: usize = 40;
/// Least strength: "safely unguessable, moderate protection from offline slow-hash scenario", 10^8 guesses or more
/// (zxcvbn's own scale from 0 to 4).
const SCORE_MIN: zxcvbn::Score = zxcvbn::Score::Three;
/// Shortest part of a name or mail address that counts as known, in characters: shorter ones are in any text.
const KNOWN_CHARS_MIN: usize = 3;
/// Memory of one hash, in KiB: 19 MiB (OWASP Password Storage Cheat Sheet, argon2id with t=2, p=1).
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory, from the same source.
const PASSES: u32 = 2;
/// Lanes, from the same source.
const LANES: u32 = 1;
/// Hashes at once for each core: more would only wait, at 19 MiB each.
const HASHES_PER_CORE: usize = 2;
/// How long a call waits for its turn to hash.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Arc::new(Semaphore::new(cores * HASHES_PER_CORE))
});

/// Result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The password is the one that was hashed.
    pub(crate) matches: bool,
    /// The hash was made with other parameters than today's: make it anew.
    pub(crate) outdated: bool,
}

/// Whether a person with this mail address and name can take a password, given at this field of the input: it has 10 to
/// 128 characters, and guessing it takes 100 million attempts or more by the estimate of zxcvbn, also for those who know
/// the person. The message tells what is wrong, never the password.
pub(crate) async fn check(
    password: &SecretString,
    field: &'static str,
    email: &str,
    name: &str,
) -> Result<Option<Problem>> {
    let (password, email, name) = (password.clone(), email.to_owned(), name.to_owned());
    blocking("estimating a password", move || Ok(problem_of(&password, field, &email, &name))).await
}

fn problem_of(password: &SecretString, field: &str, email: &str, name: &str) -> Option<Problem> {
    let password = password.expose_secret();
    let problem = |code, message: String| Some(Problem::new(code, [field], message));
    let chars = password.chars().count();
    if chars == 0 {
        return problem(
            ProblemCode::Required,
            format!("choose a password of {PASSWORD_CHARS_MIN} characters or more"),
        );
    }
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars) {
        let code = if chars > PASSWORD_CHARS_MAX { ProblemCode::TooLong } else { ProblemCode::Invalid };
        let message =
            format!("has {chars} characters; a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX}");
        return problem(code, message);
    }
    let looked_at: String = password.chars().take(STRENGTH_CHARS_MAX).collect();
    let known = known_words(email, name);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let strength = zxcvbn::zxcvbn(&looked_at, &known);
    if strength.score() >= SCORE_MIN {
        return None;
    }
    let advice = strength.feedback().map(ToString::to_string).unwrap_or_default();
    let message =
        format!("is too easy to guess; a name, mail address or common words hardly count. {advice}");
    problem(ProblemCode::Invalid, message.trim_end().to_owned())
}

/// What guessers try first for this person: the mail address, the name, their parts, and what they sign in to.
fn known_words(email: &str, name: &str) -> Vec<String> {
    // Either may be refused for its length in the same breath.
    let (email, name): (String, String) =
        (email.chars().take(EMAIL_BYTES_MAX).collect(), name.chars().take(NAME_CHARS_MAX).collect());
    let local = email.split('@').next().unwrap_or_default().to_owned();
    let parts = |text: &str| -> Vec<String> {
        let parts = text.split(|char: char| !char.is_alphanumeric());
        parts.filter(|part| part.chars().count() >= KNOWN_CHARS_MIN).map(str::to_owned).collect()
    };
    let (email_parts, name_parts) = (parts(&email), parts(&name));
    let known = [email, local, name, "trestle".to_owned()].into_iter().chain(email_parts).chain(name_parts);
    known.filter(|word| !word.is_empty()).collect()
}

/// Hashes a password with today's parameters and a random salt.
pub(crate) async fn hash(password: &SecretString) -> Result<String> {
    let password = password.clone();
    blocking("hashing a password", move || {
        let hash = argon2()?
            .hash_password(password.expose_secret().as_bytes())
            .map_err(|error| error.to_string())?;
        Ok(hash.to_string())
    })
    .await
}

/// A hash that no password has: random bytes stand in its place, of the same form. Costs nothing to make, and checking a
/// password against it takes as long as against any other.
pub(crate) fn hash_of_none() -> String {
    let salt = STANDARD_NO_PAD.encode(rand::random::<[u8; RECOMMENDED_SALT_LEN]>());
    let output = STANDARD_NO_PAD.encode(rand::random::<[u8; Params::DEFAULT_OUTPUT_LEN]>());
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${output}")
}

/// Compares a password with a hash. Without a hash it takes as long and does not match, so that the time
/// does not tell which mail addresses are known.
pub(crate) async fn verify(password: &SecretString, hash: Option<String>) -> Result<Verified> {
    let password = password.clone();
    blocking("checking a password", move || {
        let argon2 = argon2()?;
        // Nobody has such a password; what is hashed in its place costs the same.
        let usable = password.expose_secret().len() <= PASSWORD_BYTES_MAX;
        let bytes = if usable { password.expose_secret().as_bytes() } else { b"" };
        let Some(hash) = hash.filter(|_hash| usable) else {
            argon2.hash_password(bytes).map_err(|error| error.to_string())?;
            return Ok(Verified { matches: false, outdated: false });
        };
        let hash = PasswordHash::new(&hash).map_err(|error| error.to_string())?;
        match argon2.verify_password(bytes, &hash) {
            Ok(()) => Ok(Verified { matches: true, outdated: is_outdated(&hash) }),
            Err(argon2::password_hash::Error::PasswordInvalid) => {
                Ok(Verified { matches: false, outdated: false })
            }
            Err(error) => Err(error.to_string()),
        }
    })
    .await
}

fn argon2() -> std::result::Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn is_outdated(hash: &PasswordHash) -> bool {
    let current = Params::try_from(hash).is_ok_and(|params| {
        (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
    });
    !current
        || hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
        || hash.version != Some(u32::from(Version::V0x13))
}

async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
) -> Result<T> {
    let turn = tokio::time::timeout(TURN_TIMEOUT, TURNS.clone().acquire_owned())
        .await
        .map_err(|_elapsed| Error::internal(doing, "too many passwords are being checked at once"))?
        .map_err(|source| Error::internal(doing, source))?;
    let done = tokio::task::spawn_blocking(move || {
        // Held by the work and not by the caller: a caller who goes away frees no turn.
        let _turn = turn;
        work()
    });
    done.await
        .map_err(|source| Error::internal(doing, source))?
        .map_err(|source| Error::internal(doing, source))
}

#[cfg(test)]
mod tests {
    use super::{hash, hash_of_none, problem_of, verify};
    use crate::error::ProblemCode;

    #[tokio::test]
    async fn only_the_same_password_matches() {
        let stored = hash(&"correct horse".into()).await.expect("hashing works");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let right = verify(&"correct horse".into(), Some(stored.clone())).await.expect("checking works");
        assert!(right.matches && !right.outdated);
        for wrong in ["correct horse ", "", "Correct horse", &"x".repeat(10_000)] {
            assert!(!verify(&wrong.into(), Some(stored.clone())).await.expect("checking works").matches);
        }
        assert!(!verify(&"correct horse".into(), None).await.expect("checking works").matches);
        assert!(verify(&"correct horse".into(), Some("plain".to_owned())).await.is_err());
    }

    #[tokio::test]
    async fn a_hash_of_none_looks_like_any_and_no_password_has_it() {
        let (none, any) = (hash_of_none(), hash(&"correct horse".into()).await.expect("hashing works"));
        let form = |hash: &str| hash.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(form(&none), form(&any), "{none} {any}");
        assert_ne!(none, hash_of_none());
        for password in ["", "correct horse"] {
            let verified = verify(&password.into(), Some(none.clone())).await.expect("checking works");
            assert!(!verified.matches && !verified.outdated, "{password}");
        }
    }

    #[tokio::test]
    async fn older_parameters_are_seen() {
        use argon2::password_hash::PasswordHasher;
        let params = argon2::Params::new(8 * 1024, 1, 1, None).expect("allowed");
        let older = argon2::Argon2::from(params).hash_password(b"correct horse").expect("hashing works");
        let verified =
            verify(&"correct horse".into(), Some(older.to_string())).await.expect("checking works");
        assert!(verified.matches && verified.outdated);
    }

    #[test]
    fn a_password_must_be_long_and_hard_to_guess() {
        let code = |password: &str| {
            problem_of(&password.into(), "newPassword", "ada.lovelace@example.com", "Augusta King")
                .map(|problem| problem.code)
        };
        let longest: String = (0..128_u32).filter_map(|n| char::from_u32(33 + n * 37 % 90)).collect();
        for good in
            ["correct horse battery", "I6XLafXxDWXswIEK0lnQLdwW", "плотник варит суп из репы", &longest]
        {
            assert_eq!(code(good), None, "{good}");
        }
        assert_eq!(code(""), Some(ProblemCode::Required));
        assert_eq!(code("short 9 c"), Some(ProblemCode::Invalid));
        assert_eq!(code(&"abc".repeat(43)), Some(ProblemCode::TooLong));
        for weak in [
            "Ada.Lovelace@Example.com",
            "ada.lovelace",
            "lovelace99",
            "augustaking",
            "Trestle2026",
            "aaaaaaaaaaaa",
            "password123",
            "qwertyuiop",
            "1234567890",
        ] {
            assert_eq!(code(weak), Some(ProblemCode::Invalid), "{weak}");
        }
    }

    #[test]
    fn a_weak_password_is_told_what_to_do_and_not_repeated() {
        let problem = problem_of(&"p4ssw0rd123".into(), "newPassword", "a@b", "").expect("weak");
        assert_eq!(problem.path, ["newPassword"]);
        assert!(problem.message.contains("Add another word or two"), "{}", problem.message);
        assert!(!problem.message.contains("p4ss"), "{}", problem.message);
        let problem = problem_of(&"secret99".into(), "password", "a@b", "").expect("too short");
        assert!(problem.message.contains("10 to 128") && !problem.message.contains("secret99"));
    }
}
