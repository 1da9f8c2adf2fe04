//! The secret keys, and the keys that sign when the settings fix them. Embedded, the secret key is read from the data
//! directory, or made there at the first start, readable by the owner only.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::App;
use domain::data_key::{self, DataKeyError};
use domain::signing_key::{self, KeyError};
use domain::token::TokenSigner;

use crate::settings::{Settings, secret_keys, wrong};

/// Where an embedded Trestle keeps its secret keys, one a line.
const SECRET_FILE: &str = "secret.key";
/// Where the signing key was before there were keys in the database.
const FORMER_FILE: &str = "jwt.pem";

/// What encrypts and what signs.
pub struct Keys {
    /// Wrap the keys that encrypt what is stored: the first wraps, all open.
    pub secrets: Vec<[u8; 32]>,
    /// Signs access tokens; `None`: the keys of the database do.
    pub signer: Option<TokenSigner>,
}

impl Keys {
    /// From the settings, else from the data directory, else new.
    ///
    /// # Errors
    /// When a key file can't be read, written or understood.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        let secrets = match &settings.secret_keys {
            Some(keys) => keys.clone(),
            None => {
                let path = settings.data_dir.join(SECRET_FILE);
                let text = read_or_make(&path, || STANDARD.encode(rand::random::<[u8; 32]>()))?;
                secret_keys(&text).map_err(|problem| anyhow!("{} {problem}", path.display()))?
            }
        };
        let signer = settings.jwt_key.as_deref().map(TokenSigner::from_pem).transpose()?;
        Ok(Self { secrets, signer })
    }
}

/// Reads the keys of the database that seal and those that sign, and at the first start makes them: of the file in which an embedded Trestle kept
/// its key, if it is there, so that tokens stay good.
///
/// # Errors
/// When they can't be read, opened or made.
pub async fn load(app: &App, settings: &Settings) -> anyhow::Result<()> {
    match data_key::load(app).await {
        Err(DataKeyError::OtherSecretKey { needed, given }) => {
            let problem = format!(
                "is not the key that this database needs: that is {needed}, and there is {}",
                given.join(", ")
            );
            return Err(wrong(secret_name(settings), problem).into());
        }
        loaded => loaded?,
    }
    let path = settings.data_dir.join(FORMER_FILE);
    let former = if settings.embedded { read(&path)? } else { None };
    match signing_key::load(app, former.as_deref()).await {
        Ok(false) => Ok(()),
        Ok(true) => {
            tracing::info!(
                file = %path.display(),
                "the key that signs tokens was taken into the database; its file is no longer used"
            );
            Ok(())
        }
        Err(KeyError::OtherSecretKey(_)) => {
            let problem = "is not the key that this database was made with: its signing keys can't be opened";
            Err(wrong(secret_name(settings), problem).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the secret keys came from, for people.
fn secret_name(settings: &Settings) -> &'static str {
    if settings.secret_keys.is_some() { "TRESTLE_SECRET_KEY" } else { SECRET_FILE }
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
    if let Some(text) = read(path)? {
        return Ok(text);
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

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}
