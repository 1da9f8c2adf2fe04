//! `trestle admin …`: what the operator does on the command line, where no token is needed.

use std::io::{BufRead, IsTerminal};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;
use domain::audit::{self, Call, chain};
use domain::data_key::{self, Progress, Rotate};
use domain::session::Origin;
use domain::signing_key::{self, KeyError};
use domain::tenant::TenantKey;
use domain::user::CreateUser;
use domain::{Actor, Error, Role};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::program::Program;
use crate::settings::Settings;

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);
/// How times are told.
const TIME: &str = "%Y-%m-%d %H:%M:%S UTC";

/// Commands of `trestle admin`.
#[derive(Subcommand)]
pub enum AdminCommand {
    /// Create a user; the password is read from standard input, one line
    CreateUser {
        /// Mail address to sign in with
        #[arg(long)]
        email: String,
        /// Name for people
        #[arg(long)]
        name: String,
        /// PLATFORM_ADMIN, ENGINEER, SUPPORT, TENANT_ADMIN, TENANT_MEMBER or TENANT_VIEWER
        #[arg(long)]
        role: String,
        /// Slug of the tenant, for tenant roles
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Take the second factor from a user who lost it and their recovery codes; it signs them out everywhere
    ResetSecondFactor {
        /// Mail address of the user
        #[arg(long)]
        email: String,
    },
    /// Change the key that signs tokens, while everything runs: the new one is published now and signs after
    /// TRESTLE_KEY_OVERLAP_SECONDS; tokens of the one before stay good until they end
    RotateKeys {
        /// Drop this key at once, because it has leaked: its tokens are refused within seconds, and people sign in again
        #[arg(long, value_name = "KID", allow_hyphen_values = true)]
        drop: Option<String>,
    },
    /// Change the keys that encrypt credentials and records, while everything runs: the first key of TRESTLE_SECRET_KEY
    /// takes over from those behind it. Interrupted, it goes on when it is run again
    RotateSecrets {
        /// Also make a new data key, and encrypt everything anew with it
        #[arg(long)]
        data_keys: bool,
    },
    /// Check the audit log: no entry was changed, removed or added by hand. Ends with an error if one was
    VerifyAudit,
}

/// Runs one command on the database of the settings.
///
/// # Errors
/// What can't be done, for the operator to read.
pub async fn run(settings: Settings, command: AdminCommand) -> anyhow::Result<()> {
    let program = Program::open(settings, false).await?;
    program.prepare().await?;
    match command {
        AdminCommand::CreateUser { email, name, role, tenant } => {
            let actor = Actor::operator(program.app.clone());
            let role = parse_role(&role)?;
            let tenant_id = match tenant {
                None => None,
                Some(slug) => {
                    let tenant = domain::tenant::get(&actor, &TenantKey::Slug(slug.clone())).await?;
                    Some(tenant.ok_or_else(|| anyhow!("--tenant: there is no tenant `{slug}`"))?.id)
                }
            };
            let password = read_password()?;
            let input = CreateUser { email, name, role, tenant_id, password };
            let call = Call::new(actor.clone(), "trestle admin create-user", Origin::default(), None);
            let created = audit::record(call, async {
                let created = domain::user::create(&actor, input).await;
                audit::tell(&created);
                created
            });
            let user = created.await.map_err(readable)?;
            say(&format!("created {} ({role:?})", user.email));
        }
        AdminCommand::ResetSecondFactor { email } => {
            let actor = Actor::operator(program.app.clone());
            let user = domain::user::by_email(&actor, &email).await?;
            let user = user.ok_or_else(|| anyhow!("--email: there is no user `{email}`"))?;
            let call = Call::new(actor.clone(), "trestle admin reset-second-factor", Origin::default(), None);
            let reset = audit::record(call, async {
                let reset = domain::second_factor::reset(&actor, user.id).await;
                audit::tell(&reset);
                reset
            });
            reset.await.map_err(readable)?;
            say(&format!("{} signs in by password alone now", user.email));
        }
        AdminCommand::RotateKeys { drop } => {
            let call = call(&program, "trestle admin rotate-keys");
            audit::record(call, async {
                match drop {
                    None => rotate_keys(&program).await,
                    Some(key_id) => drop_key(&program, &key_id).await,
                }
            })
            .await?;
        }
        AdminCommand::RotateSecrets { data_keys } => {
            let call = call(&program, "trestle admin rotate-secrets");
            audit::record(call, rotate_secrets(&program, data_keys)).await?;
        }
        AdminCommand::VerifyAudit => verify_audit(&program).await?,
    }
    program.close().await
}

/// What the operator does on the command line, for the audit log.
fn call(program: &Program, operation: &str) -> Call {
    Call::new(Actor::operator(program.app.clone()), operation, Origin::default(), None)
}

async fn rotate_keys(program: &Program) -> anyhow::Result<()> {
    let rotated = match signing_key::rotate(&program.app, program.settings.key_overlap).await {
        Ok(rotated) => rotated,
        Err(KeyError::Fixed) => bail!(
            "TRESTLE_JWT_KEY fixes the keys, so they are changed there. Put a new key (`openssl genpkey -algorithm \
             ed25519`) behind the present one, and restart every process; then put it in front, and restart again; \
             after a day take the old one out. Without TRESTLE_JWT_KEY the keys are in the database, and this \
             command changes them."
        ),
        Err(error) => return Err(error.into()),
    };
    let (signs_from, former_until) = (rotated.signs_from.format(TIME), rotated.former_until.format(TIME));
    say(&format!("made the key {}", rotated.key_id));
    say(&format!("it signs from {signs_from} on; until then every process reads it"));
    say(&format!("tokens of the key before it are good until they end, {former_until} at the latest"));
    Ok(())
}

async fn drop_key(program: &Program, key_id: &str) -> anyhow::Result<()> {
    let next = match signing_key::drop_key(&program.app, key_id).await {
        Ok(next) => next,
        Err(KeyError::Fixed) => bail!(
            "TRESTLE_JWT_KEY fixes the keys, so they are dropped there: take the key out, and restart every process"
        ),
        Err(error) => return Err(error.into()),
    };
    say(&format!("dropped the key {key_id}; every process refuses its tokens within seconds"));
    if let Some(next) = next {
        say(&format!("made the key {next}, which signs from now on"));
    }
    Ok(())
}

async fn rotate_secrets(program: &Program, new_data_key: bool) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut told: Option<(String, Instant)> = None;
    let mut tell = |progress: Progress| match progress {
        Progress::Wrapped(count) => say(&format!("wrapped {count} data keys by the first secret key")),
        Progress::Waiting(time) => {
            say(&format!("every process reads the new data key until {}", time.format(TIME)));
        }
        Progress::Resealed { column, count } => {
            let is_news = |(of, at): &(String, Instant)| *of != column || at.elapsed() >= PROGRESS_INTERVAL;
            if told.as_ref().is_none_or(is_news) {
                say(&format!("encrypted {count} values of {column} anew"));
                told = Some((column, Instant::now()));
            }
        }
    };
    let rotation = Rotate { new_data_key, overlap: program.settings.key_overlap };
    let mut rotating = std::pin::pin!(data_key::rotate(&program.app, rotation, &stop, &mut tell));
    let rotated = loop {
        tokio::select! {
            rotated = &mut rotating => break rotated?,
            _ = terminate.recv() => stop.cancel(),
            _ = interrupt.recv() => stop.cancel(),
        }
    };
    if rotated.is_interrupted {
        bail!(
            "interrupted after {} values; nothing is lost, and it goes on when it is run again",
            rotated.resealed_count
        );
    }
    say(&format!("encrypted {} values anew", rotated.resealed_count));
    if rotated.removed_count > 0 {
        say(&format!("removed {} data keys that encrypted nothing any more", rotated.removed_count));
    }
    if rotated.unreadable_count > 0 {
        let named = rotated.unreadable.iter().map(|value| format!("{} of {}", value.column, value.id));
        bail!(
            "{} values can't be opened with the keys that are there, and stay as they are; keep the older keys. They \
             are: {}",
            rotated.unreadable_count,
            named.collect::<Vec<_>>().join(", ")
        );
    }
    say(&format!("nothing needs another secret key than {} any more", rotated.secret_key_id));
    Ok(())
}

async fn verify_audit(program: &Program) -> anyhow::Result<()> {
    let (mut chains, mut entries, mut broken) = (0_u64, 0_u64, 0_u64);
    chain::verify(&program.app, |checked| {
        chains += 1;
        entries += checked.entries;
        if let Some(flaw) = checked.flaw {
            broken += 1;
            let whose =
                checked.tenant.map_or_else(|| "the operator".to_owned(), |slug| format!("tenant {slug}"));
            say(&format!("audit log of {whose}: {flaw}; the {} entries before are whole", checked.entries));
        }
    })
    .await?;
    if broken > 0 {
        bail!("{broken} of {chains} audit logs were tampered with");
    }
    say(&format!("{entries} entries in {chains} audit logs are as they were written"));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer to a command")]
fn say(text: &str) {
    println!("{text}");
}

fn parse_role(text: &str) -> anyhow::Result<Role> {
    let role = match text.to_ascii_uppercase().as_str() {
        "PLATFORM_ADMIN" => Role::PlatformAdmin,
        "ENGINEER" => Role::Engineer,
        "SUPPORT" => Role::Support,
        "TENANT_ADMIN" => Role::TenantAdmin,
        "TENANT_MEMBER" => Role::TenantMember,
        "TENANT_VIEWER" => Role::TenantViewer,
        _ => bail!("--role: `{text}` is not a role of people; see `trestle admin create-user --help`"),
    };
    Ok(role)
}

fn read_password() -> anyhow::Result<SecretString> {
    if std::io::stdin().is_terminal() {
        say("Password (one line; it is shown as you type):");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("reading the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password came on standard input");
    }
    Ok(SecretString::from(password.to_owned()))
}

/// All problems of an input, each with its field.
pub fn readable(error: Error) -> anyhow::Error {
    match error {
        Error::Rejected(problems) => anyhow!(
            "{}",
            problems
                .iter()
                .map(|problem| format!("{}: {}", problem.path.join("."), problem.message))
                .collect::<Vec<_>>()
                .join("; ")
        ),
        other => other.into(),
    }
}
