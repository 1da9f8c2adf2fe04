//! The keys that wrap the keys of what is encrypted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Secret keys at once: the present one, and those that older data still needs.
const SECRET_KEYS_MAX: usize = 8;

/// Secret keys in base64, with commas or line ends between them: one at least.
///
/// # Errors
/// What is wrong with them, for people.
pub fn secret_keys(text: &str) -> Result<Vec<[u8; 32]>, String> {
    let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
    let mut keys: Vec<[u8; 32]> = Vec::new();
    for part in parts {
        let bytes = STANDARD.decode(part).map_err(|_invalid| "is not base64".to_owned())?;
        let length = bytes.len();
        let key =
            bytes.try_into().map_err(|_length| format!("has {length} bytes; it must have 32, in base64"))?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    match keys.len() {
        0 => Err("has no key".to_owned()),
        count if count > SECRET_KEYS_MAX => {
            Err(format!("has {count} keys; at most {SECRET_KEYS_MAX} can be used at once"))
        }
        _ => Ok(keys),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::{SECRET_KEYS_MAX, secret_keys};

    #[test]
    fn secret_keys_stand_in_their_order_and_twice_is_once() {
        let [one, two] = [[1; 32], [2; 32]].map(|key| STANDARD.encode(key));
        let read = |text: String| secret_keys(&text).expect("they are keys");
        assert_eq!(read(one.clone()), [[1; 32]]);
        assert_eq!(read(format!(" {two}, {one},{two} ,")), [[2; 32], [1; 32]]);
        assert_eq!(read(format!("{two}\n{one}\n")), [[2; 32], [1; 32]], "as in a file");
        let many = (0..=SECRET_KEYS_MAX as u8).map(|byte| STANDARD.encode([byte; 32])).collect::<Vec<_>>();
        assert_eq!(
            secret_keys(&many.join(",")).expect_err("too many"),
            "has 9 keys; at most 8 can be used at once"
        );
    }
}
