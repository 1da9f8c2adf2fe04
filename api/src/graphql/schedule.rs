//! When integrations run by themselves.

use async_graphql::{InputObject, SimpleObject};
use domain::integration::{Integration, NewSchedule};

use super::scalar::DateTime;

/// When an integration runs by itself.
#[derive(Clone, Debug, SimpleObject)]
pub struct Schedule {
    /// Cron expression: minute, hour, day of the month, month, day of the week.
    cron: String,
    /// IANA name of the time zone the expression is in, e.g. `Europe/Berlin`.
    time_zone: String,
    /// When it runs next; null while it is paused, held or archived.
    next_run_at: Option<DateTime>,
}

impl Schedule {
    /// Of an integration that has one.
    pub(super) fn of(integration: &Integration) -> Option<Self> {
        Some(Self {
            cron: integration.schedule_cron.clone()?,
            time_zone: integration.schedule_time_zone.clone()?,
            next_run_at: integration.next_run_at.map(Into::into),
        })
    }
}

/// When an integration runs by itself.
#[derive(InputObject)]
pub struct ScheduleInput {
    /// Cron expression with five fields (minute, hour, day of the month, month, day of the week), or `@hourly`,
    /// `@daily`, `@weekly`, `@monthly`, `@yearly`.
    cron: String,
    /// IANA name of the time zone, e.g. `Europe/Berlin`; `UTC` by default.
    #[graphql(default_with = "\"UTC\".to_owned()")]
    time_zone: String,
}

impl ScheduleInput {
    pub(super) fn decode(self) -> NewSchedule {
        NewSchedule { cron: self.cron, time_zone: self.time_zone }
    }
}
