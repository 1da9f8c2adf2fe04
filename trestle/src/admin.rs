//! `trestle admin …`: what the operator does on the command line, where no token is needed.

use std::io::{BufRead, IsTerminal};

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;
use domain::audit::{self, Call, chain};
use domain::session::Origin;
use domain::signing_key::{self, KeyError};
use domain::tenant::TenantKey;
use domain::user::CreateUser;
use domain::{Actor, Error, Role};
use secrecy::SecretString;

use crate::program::Program;
use crate::settings::Settings;

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
    RotateKeys,
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
        AdminCommand::RotateKeys => {
            let operator = Actor::operator(program.app.clone());
            let call = Call::new(operator, "trestle admin rotate-keys", Origin::default(), None);
            audit::record(call, rotate_keys(&program)).await?;
        }
        AdminCommand::VerifyAudit => verify_audit(&program).await?,
    }
    program.close().await
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
