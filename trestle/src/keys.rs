//! The two secret keys of an embedded Trestle: read from the data directory, or made there at the first start,
//! readable by the owner only.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::token::TokenSigner;

use crate::settings::Settings;

/// What encrypts and what signs.
pub struct Keys {
    /// Encrypts credentials and records.
    pub secret: [u8; 32],
    /// Signs access tokens.
    pub signer: TokenSigner,
}

impl Keys {
    /// From the settings, else from the data directory, else new.
    ///
    /// # Errors
    /// When a key file can't be read, written or understood.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        let secret = match settings.secret_key {
            Some(key) => key,
            None => {
                let path = settings.data_dir.join("secret.key");
                let text = read_or_make(&path, || STANDARD.encode(rand::random::<[u8; 32]>()))?;
                let bytes =
                    STANDARD.decode(text.trim()).with_context(|| format!("reading {}", path.display()))?;
                bytes.try_into().map_err(|_length| anyhow!("{} does not hold 32 bytes", path.display()))?
            }
        };
        let pem = match &settings.jwt_key {
            Some(pem) => pem.clone(),
            None => read_or_make(&settings.data_dir.join("jwt.pem"), TokenSigner::generate_pem)?,
        };
        let signer =
            TokenSigner::from_pem(&pem).map_err(|error| anyhow!("the key that signs tokens: {error}"))?;
        Ok(Self { secret, signer })
    }
}

/// Makes the data directory, for its owner only.
///
/// # Errors
/// When it can't be made.
pub fn make_data_dir(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("TRESTLE_DATA_DIR: making {}", path.display()))
}

fn read_or_make(path: &Path, make: impl FnOnce() -> String) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    }
    // Whole or not at all: a crash while writing must not leave half a key.
    let text = make();
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .with_context(|| format!("making {}", draft.display()))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("writing {}", draft.display()))?;
    fs::rename(&draft, path).with_context(|| format!("making {}", path.display()))?;
    Ok(text)
}
