//! The checksum at the end of the secrets that people copy: API keys and refresh tokens. With their start it lets
//! scanners tell a leaked one from text that looks like it, and lets us refuse a mistyped one without a query.

use sha2::{Digest, Sha256};

/// Characters of a checksum: 32 bits in base 62.
pub(crate) const CHECKSUM_CHARS: usize = 6;

/// A text and its checksum.
pub(crate) fn seal(body: String) -> String {
    let sum = checksum(&body);
    body + &sum
}

/// The text before a checksum that is right.
pub(crate) fn check(sealed: &str) -> Option<&str> {
    let (body, sum) = sealed.split_at_checked(sealed.len().checked_sub(CHECKSUM_CHARS)?)?;
    (checksum(body) == sum).then_some(body)
}

/// The first 32 bits of a SHA-256 in base 62, as wide as they need at most.
fn checksum(body: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digest = Sha256::digest(body);
    let mut number = digest.iter().take(4).fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    let mut chars = [b'0'; CHECKSUM_CHARS];
    for char in chars.iter_mut().rev() {
        *char = DIGITS[number % DIGITS.len()];
        number /= DIGITS.len();
    }
    chars.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::{check, seal};

    #[test]
    fn what_was_sealed_comes_back_and_nothing_else() {
        // As README.md tells scanners: the first 32 bits of `printf trk_ | sha256sum`, in base 62.
        assert_eq!(seal("trk_".to_owned()), "trk_3qSNHz");
        let sealed = seal("secret".to_owned());
        assert_eq!(check(&sealed), Some("secret"));
        for wrong in ["", "12345", "äöü", "secret", &sealed.to_uppercase(), &format!("{sealed}0")] {
            assert_eq!(check(wrong), None, "{wrong}");
        }
    }
}
