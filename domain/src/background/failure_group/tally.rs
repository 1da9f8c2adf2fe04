//! What one transaction does to groups of failures, gathered before any of them is locked.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::failure::{self, Impact};
use entity::failure_group::{self, FailureGroupStatus};
use uuid::Uuid;

use crate::impact::{self, Stakes};

/// Records that a notice about a group names.
const TOLD_REFERENCES_MAX: usize = 5;

/// How often each group occurs in what one transaction stores.
#[derive(Debug, Default)]
pub(crate) struct Tally(pub(super) BTreeMap<Uuid, Seen>);

/// What is stored of one group.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Failures that are new.
    pub(super) count: i64,
    /// Failures that were there and have failed again.
    pub(super) again: i64,
    /// The first of all; `None` where they are told otherwise.
    pub(super) first_id: Option<Uuid>,
    /// References of the first of them.
    pub(super) references: Vec<String>,
    /// The highest of all.
    impact: Option<Impact>,
    /// The values of those that are new, and what is at stake anew with those that failed again.
    value: Option<i64>,
    /// Those of `count` that say when they failed, by that: one that comes from another group may have failed long ago.
    came: BTreeMap<DateTime<Utc>, i64>,
    /// Failures that are over, by when they failed.
    over: BTreeMap<DateTime<Utc>, i64>,
    /// The values that are not at stake any more.
    value_over: Option<i64>,
}

impl Seen {
    fn name(&mut self, row: &failure::Model) {
        self.first_id.get_or_insert(row.id);
        self.impact = std::cmp::max(self.impact, Some(row.impact));
        if self.references.len() < TOLD_REFERENCES_MAX {
            self.references.extend(row.business_reference.clone());
        }
    }

    /// With what was seen of a group that was merged into this one.
    pub(super) fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.again += other.again;
        self.first_id = self.first_id.or(other.first_id);
        self.references.extend(other.references.iter().cloned());
        self.references.truncate(TOLD_REFERENCES_MAX);
        self.impact = std::cmp::max(self.impact, other.impact);
        self.value = impact::sum(self.value, other.value);
        for (mine, others) in [(&mut self.came, &other.came), (&mut self.over, &other.over)] {
            for (at, count) in others {
                *mine.entry(*at).or_default() += count;
            }
        }
        self.value_over = impact::sum(self.value_over, other.value_over);
    }

    /// Nothing failed: some is over.
    pub(super) fn is_over(&self) -> bool {
        self.count == 0 && self.again == 0
    }

    /// What depends on a group with these, and without what is over.
    pub(super) fn stakes(&self, group: &failure_group::Model, now: DateTime<Utc>) -> Stakes {
        let impact = self.impact.unwrap_or(group.impact);
        // They leave as of when they failed, and so they come.
        let mut came = self.came.clone();
        let of_now = self.count - came.values().sum::<i64>();
        if of_now > 0 || came.is_empty() {
            *came.entry(now).or_default() += of_now.max(1);
        }
        let new = Stakes::failed(impact, &came, self.value);
        if group.failure_count == 0 {
            return new;
        }
        let before = Stakes::of(group).without(&self.over, self.value_over, now);
        let after = match self.count {
            0 => Stakes { value: impact::sum(before.value, self.value), ..before },
            _ => before.join(new),
        };
        // One that was over begins anew.
        let impact =
            if goes_on(group) || self.count == 0 { std::cmp::max(impact, group.impact) } else { impact };
        Stakes { impact, ..after }
    }

    /// The impact of a group before these, where it goes on and they matter more.
    pub(super) fn rises(&self, group: &failure_group::Model) -> Option<Impact> {
        (goes_on(group) && self.impact > Some(group.impact)).then_some(group.impact)
    }
}

/// It has failures, and is not over.
fn goes_on(group: &failure_group::Model) -> bool {
    group.failure_count > 0 && group.status != FailureGroupStatus::Resolved
}

impl Tally {
    /// A failure of a record that is new, at least in this group.
    pub(in crate::background) fn add(&mut self, group_id: Uuid, row: &failure::Model) {
        let seen = self.0.entry(group_id).or_default();
        seen.count += 1;
        *seen.came.entry(row.failed_at).or_default() += 1;
        seen.name(row);
        seen.value = impact::sum(seen.value, row.value_at_stake);
    }

    /// A failure of a run as a whole, which is told of as such.
    pub(in crate::background) fn add_whole(&mut self, group_id: Uuid, impact: Impact) {
        let seen = self.0.entry(group_id).or_default();
        seen.count += 1;
        seen.impact = std::cmp::max(seen.impact, Some(impact));
    }

    /// A failure that was there and has failed again.
    pub(in crate::background) fn see(&mut self, group_id: Uuid, row: &failure::Model) {
        let seen = self.0.entry(group_id).or_default();
        seen.again += 1;
        seen.name(row);
    }

    /// With a failure that was there something else is at stake now.
    pub(in crate::background) fn revalue(&mut self, group_id: Uuid, before: Option<i64>, now: Option<i64>) {
        let seen = self.0.entry(group_id).or_default();
        seen.value = impact::sum(seen.value, now);
        seen.value_over = impact::sum(seen.value_over, before);
    }

    /// A failure that is over, or in another group now.
    pub(crate) fn leave(&mut self, group_id: Option<Uuid>, failed_at: DateTime<Utc>, value: Option<i64>) {
        let Some(group_id) = group_id else { return };
        let seen = self.0.entry(group_id).or_default();
        *seen.over.entry(failed_at).or_default() += 1;
        seen.value_over = impact::sum(seen.value_over, value);
    }
}
