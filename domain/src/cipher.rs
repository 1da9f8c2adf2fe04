//! Encryption at rest of credentials and records: XChaCha20-Poly1305, with the tenant and the row as
//! associated data, so that a ciphertext moved to another row or tenant can't be opened there.

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use uuid::Uuid;

/// First byte of every ciphertext: the format, so that it can change.
const FORMAT: u8 = 1;
/// Bytes of an XChaCha20 nonce.
const NONCE_BYTES: usize = 24;

/// Encrypts and decrypts with the process-wide secret key.
#[derive(Clone)]
pub struct Cipher(XChaCha20Poly1305);

/// A ciphertext could not be opened: another key, another row, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("a ciphertext can't be opened with this key")]
pub struct CipherError;

impl Cipher {
    /// With a key of 32 random bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Encrypts for one row of one tenant: format (1 byte), nonce (24), ciphertext and tag (16).
    pub fn seal(&self, tenant_id: Uuid, row_id: Uuid, plaintext: &[u8]) -> Result<Vec<u8>, CipherError> {
        let nonce = XNonce::generate();
        let aad = associated_data(tenant_id, row_id);
        let sealed =
            self.0.encrypt(&nonce, Payload { msg: plaintext, aad: &aad }).map_err(|_opaque| CipherError)?;
        let mut bytes = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// Opens what [`seal`](Self::seal) made for the same row and tenant.
    pub fn open(&self, tenant_id: Uuid, row_id: Uuid, bytes: &[u8]) -> Result<Vec<u8>, CipherError> {
        let (format, rest) = bytes.split_first().ok_or(CipherError)?;
        if *format != FORMAT || rest.len() < NONCE_BYTES {
            return Err(CipherError);
        }
        let (nonce, sealed) = rest.split_at(NONCE_BYTES);
        let nonce = XNonce::try_from(nonce).map_err(|_length| CipherError)?;
        let aad = associated_data(tenant_id, row_id);
        self.0.decrypt(&nonce, Payload { msg: sealed, aad: &aad }).map_err(|_opaque| CipherError)
    }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Cipher")
    }
}

fn associated_data(tenant_id: Uuid, row_id: Uuid) -> [u8; 32] {
    let mut data = [0; 32];
    data[..16].copy_from_slice(tenant_id.as_bytes());
    data[16..].copy_from_slice(row_id.as_bytes());
    data
}

#[cfg(test)]
mod tests {
    use super::Cipher;
    use uuid::Uuid;

    #[test]
    fn opens_only_at_its_own_row_and_tenant() {
        let cipher = Cipher::new(&[7; 32]);
        let (tenant, row) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sealed = cipher.seal(tenant, row, b"secret").expect("sealing works");
        assert_eq!(cipher.open(tenant, row, &sealed).expect("same row"), b"secret");
        assert!(cipher.open(row, tenant, &sealed).is_err());
        assert!(cipher.open(tenant, Uuid::from_u128(3), &sealed).is_err());
        assert!(Cipher::new(&[8; 32]).open(tenant, row, &sealed).is_err());
        assert!(cipher.open(tenant, row, &sealed[..20]).is_err());
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }
}
