//! What every command needs: the parts of the program, opened from the settings and closed in order.

use std::sync::Arc;

use connector::{Egress, Registry};
use domain::change::{Change, Changes};
use domain::clock::Clock;
use domain::connect_link::ConnectOptions;
use domain::rate_limit::{InProcess, RateLimits};
use domain::{App, AppOptions, OutsideOptions, PeopleOptions};
use tokio::sync::mpsc;
use worker::queue::{Queue, QueueOptions};
use worker::rate_limit::SharedRateLimits;

use crate::keys::{self, Keys, make_data_dir};
use crate::settings::Settings;

/// The open parts.
pub struct Program {
    /// The settings.
    pub settings: Settings,
    /// The domain.
    pub app: Arc<App>,
    /// The way to workers.
    pub queue: Queue,
    /// Changes for other processes, when there are any.
    pub outbound: Option<mpsc::Receiver<Change>>,
}

impl Program {
    /// Opens everything; `live` when changes are to reach other processes.
    ///
    /// # Errors
    /// What can't be opened, and why.
    pub async fn open(settings: Settings, live: bool) -> anyhow::Result<Self> {
        if settings.embedded {
            make_data_dir(&settings.data_dir)?;
        }
        let keys = Keys::of(&settings)?;
        let queue_options =
            QueueOptions { tenant_concurrency: settings.tenant_concurrency as usize, lease: settings.lease };
        let queue = match &settings.redis_url {
            Some(url) => Queue::redis(url, queue_options)?,
            None => Queue::table(queue_options),
        };
        let rate_limits: Arc<dyn RateLimits> = match &settings.redis_url {
            Some(url) => Arc::new(SharedRateLimits::redis(url)?),
            None => Arc::new(InProcess::default()),
        };
        let (changes, outbound) = if live && settings.redis_url.is_some() {
            let (changes, outbound) = Changes::bridged();
            (changes, Some(outbound))
        } else {
            (Changes::in_process(), None)
        };
        let egress = Egress::new(settings.egress_allow.clone());
        let options = AppOptions {
            database_url: settings.database_url.clone(),
            files_dir: settings.files_dir.clone(),
            secret_keys: keys.secrets,
            token_signer: keys.signer,
            connectors: Registry::with_taps(egress.clone(), settings.taps.options(&settings.data_dir)),
            references: settings.stores.clone().open()?,
            dispatch: Arc::new(queue.clone()),
            changes,
            clock: Clock::system(),
            tenant_concurrency: settings.tenant_concurrency,
            lease: settings.lease,
            people: PeopleOptions {
                mail: settings.mail.as_ref().map(|(_mailer, links)| links.clone()),
                notice_link: settings.notice_link.clone(),
                staff_need_second_factor: settings.staff_need_second_factor,
                egress,
            },
            outside: OutsideOptions {
                retry_wait: settings.retry_wait,
                group_quiet: settings.group_quiet,
                incidents: settings.incidents,
                rate_limits,
                connect: ConnectOptions {
                    public_url: settings.public_url.clone(),
                    return_origins: settings
                        .allowed_origins
                        .iter()
                        .filter_map(|origin| Some(origin.to_str().ok()?.to_owned()))
                        .collect(),
                },
                exports: settings.exports,
                retention: settings.retention,
            },
        };
        let app = App::open_with_replica(options, settings.database_read_url.as_deref()).await?;
        Ok(Self { settings, app, queue, outbound })
    }

    /// Brings the schema up to date: at every start, so that a new version needs no step of its own. Several
    /// processes at once are safe.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        self.app.migrate().await?;
        Ok(())
    }

    /// Brings the schema up to date, and reads the keys that seal and sign: what all commands need but `migrate`.
    ///
    /// # Errors
    /// When a migration fails, or the keys can't be read, opened or made.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        self.migrate().await?;
        keys::load(&self.app, &self.settings).await
    }

    /// Waits for what was spawned, and closes the database.
    ///
    /// # Errors
    /// When closing fails.
    pub async fn close(self) -> anyhow::Result<()> {
        self.app.close().await?;
        Ok(())
    }
}
