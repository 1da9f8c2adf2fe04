//! The form of the secrets that we hand out and keep as hashes: a start that tells what they are, the id of their row,
//! 32 random bytes, and a checksum, so that leaked ones are recognised and mistyped ones refused without a query.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::checksum;

/// Characters of an id without dashes.
pub(crate) const ID_CHARS: usize = 32;
/// Characters of the secret: 32 bytes in base64url.
pub(crate) const SECRET_CHARS: usize = 43;

/// Start of the tokens of invitations.
pub(crate) const INVITATION_START: &str = "tri_";
/// Start of the tokens by which a password is reset.
pub(crate) const PASSWORD_RESET_START: &str = "trp_";
/// Start of the tokens that confirm a mail address.
pub(crate) const EMAIL_CONFIRMATION_START: &str = "tre_";

/// Start of what an identity provider brings back.
pub(crate) const SIGN_ON_STATE_START: &str = "trs_";
/// Start of what a browser keeps while somebody is at an identity provider.
pub(crate) const SIGN_ON_SECRET_START: &str = "trb_";

/// Start of the tokens in connect links.
pub(crate) const CONNECT_LINK_START: &str = "trl_";
/// Start of the tokens in links to files of exports.
pub(crate) const EXPORT_LINK_START: &str = "trx_";
/// Start of what an authorization server brings back.
pub(crate) const CONNECT_STATE_START: &str = "trc_";

/// A new token for the row of this id, and what the row keeps of it.
pub(crate) fn generate(start: &str, id: Uuid) -> (SecretString, Vec<u8>) {
    let secret: [u8; 32] = rand::random();
    (of_secret(start, id, &secret), Sha256::digest(secret).to_vec())
}

/// The token of this secret.
pub(crate) fn of_secret(start: &str, id: Uuid, secret: &[u8; 32]) -> SecretString {
    let secret = URL_SAFE_NO_PAD.encode(secret);
    checksum::seal(format!("{start}{}{secret}", id.simple())).into()
}

/// The row's id and the hash of the secret, of a token with a right checksum.
pub(crate) fn parse(start: &str, token: &str) -> Option<(Uuid, Vec<u8>)> {
    parse_body(start, checksum::check(token)?)
}

/// The same of what stands before the checksum.
pub(crate) fn parse_body(start: &str, body: &str) -> Option<(Uuid, Vec<u8>)> {
    let (id, secret) = body.strip_prefix(start)?.split_at_checked(ID_CHARS)?;
    // Anything longer is not decoded.
    if secret.len() != SECRET_CHARS {
        return None;
    }
    let id = Uuid::parse_str(id).ok()?;
    let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
    Some((id, Sha256::digest(secret).to_vec()))
}

#[cfg(test)]
mod tests {
    use super::{INVITATION_START, PASSWORD_RESET_START, generate, parse};
    use secrecy::ExposeSecret;
    use uuid::Uuid;

    #[test]
    fn a_token_is_good_for_what_it_was_made_for() {
        let id = Uuid::from_u128(7);
        let (token, hash) = generate(INVITATION_START, id);
        let token = token.expose_secret();
        assert_eq!(parse(INVITATION_START, token), Some((id, hash)));
        assert_eq!(parse(PASSWORD_RESET_START, token), None);
        assert_eq!(
            parse(PASSWORD_RESET_START, &token.replace("tri_", "trp_")),
            None,
            "the checksum is of the whole"
        );
        for wrong in ["", "tri_", &token[..84], &format!("{token}0"), &token.to_uppercase(), &"ä".repeat(40)]
        {
            assert_eq!(parse(INVITATION_START, wrong), None, "{wrong}");
        }
    }
}
