//! How the KPIs of an integration are set: all of them at once. One that measures what it did before keeps its values under
//! whatever name, unit and target; one that measures something else begins anew.

use chrono::{DateTime, Utc};
use entity::integration::{self, IntegrationStatus, Kpi, KpiList, KpiMeasure};
use pipeline::{Kpis, Pointer, Rules};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use super::KpiKind;
use super::check::{Checked, check};
use crate::actor::Actor;
use crate::error::{Doing, Error, Result};
use crate::health::Period;
use crate::id::{Kind, new_id};
use crate::permission::Permission;

/// A KPI as somebody asks for it.
#[derive(Clone, Debug)]
pub struct NewKpi {
    /// Lower-case letters, digits and `_`, a letter first; up to [`KEY_CHARS_MAX`](super::KEY_CHARS_MAX) characters, unique
    /// in its integration.
    pub key: String,
    /// Up to [`NAME_CHARS_MAX`](super::NAME_CHARS_MAX) characters.
    pub name: String,
    /// Up to [`UNIT_CHARS_MAX`](super::UNIT_CHARS_MAX) characters; `%` of a share, `s`, `min`, `h` or `d` of a delay.
    pub unit: String,
    /// Whose records; one of the integration's streams.
    pub stream: String,
    /// What it measures.
    pub kind: KpiKind,
    /// SUM: JSON Pointer to the number.
    pub field: Option<String>,
    /// SHARE: JSON Schema, up to [`RULE_BYTES_MAX`](super::RULE_BYTES_MAX) bytes.
    pub rule: Option<Value>,
    /// DELAY: JSON Pointer to the earlier time.
    pub from_field: Option<String>,
    /// DELAY: JSON Pointer to the later time; `None` for when the record is delivered.
    pub to_field: Option<String>,
    /// What it is to be.
    pub target: Option<NewKpiTarget>,
}

/// A target as somebody asks for it: one of the two bounds.
#[derive(Clone, Copy, Debug)]
pub struct NewKpiTarget {
    /// It is to be as large, or larger.
    pub at_least: Option<f64>,
    /// It is to be as small, or smaller.
    pub at_most: Option<f64>,
    /// In each hour, or in each day.
    pub per: Period,
}

/// Sets the KPIs of an integration, in this order, in place of those that it has. Runs that begin from now on measure them.
///
/// # Errors
/// Denied without `integrations:write`. Rejected, all at once: `NOT_FOUND` integrationId; `CONFLICT` when it is archived;
/// everything that is wrong with the KPIs, each problem at its path.
pub async fn set(actor: &Actor, integration_id: Uuid, kpis: Vec<NewKpi>) -> Result<integration::Model> {
    let scope = actor.authorize(Permission::IntegrationWrite)?;
    let not_found = || Error::not_found("integrationId", "integration");
    let row = scope
        .find::<integration::Entity>()
        .of_id(integration::Column::Id, integration_id)
        .one()
        .await?
        .ok_or_else(not_found)?;
    writable(&row)?;
    let streams = row.streams.0;
    // Compiling rules takes milliseconds each.
    let checked =
        tokio::task::spawn_blocking(move || check(kpis, &streams)).await.doing("checking KPIs")??;

    let tx = scope.begin(row.tenant_id).await?.ok_or_else(not_found)?;
    let row = tx
        .find::<integration::Entity>()
        .filter(integration::Column::Id.eq(integration_id))
        .lock_exclusive()
        .one(tx.connection())
        .await
        .doing("reading the KPIs of an integration")?
        .ok_or_else(not_found)?;
    writable(&row)?;
    let now = tx.app().clock().now();
    let before = row.kpis.as_ref().map(|kpis| kpis.0.as_slice()).unwrap_or_default();
    let after: Vec<Kpi> = checked.into_iter().map(|kpi| kept(kpi, before, now)).collect();
    let detail = changes(before, &after);
    let kpis = (!after.is_empty()).then_some(KpiList(after));
    tx.update::<integration::Entity>()
        .col_expr(integration::Column::Kpis, Expr::value(kpis.clone()))
        .col_expr(integration::Column::UpdatedAt, Expr::value(now))
        .filter(integration::Column::Id.eq(integration_id))
        .exec(tx.connection())
        .await
        .doing("storing the KPIs of an integration")?;
    tx.about(Kind::Integration, integration_id).detail(detail).commit().await?;
    Ok(integration::Model { kpis, updated_at: now, ..row })
}

fn writable(row: &integration::Model) -> Result<()> {
    if row.status == IntegrationStatus::Archived {
        let message = "this integration is archived; it does not change any more";
        return Err(Error::conflict("integrationId", message));
    }
    Ok(())
}

/// With the values that it has already, where it measures the same as under this key before.
fn kept(kpi: Checked, before: &[Kpi], now: DateTime<Utc>) -> Kpi {
    let Checked { key, name, unit, stream, measure, target } = kpi;
    let same = before.iter().find(|old| old.key == key && old.stream == stream && old.measure == measure);
    let (id, measured_from) = same.map_or_else(|| (new_id(), now), |old| (old.id, old.measured_from));
    Kpi { id, key, name, unit, stream, measure, target, measured_from }
}

/// What became of which key, for the audit log, which has no values.
fn changes(before: &[Kpi], after: &[Kpi]) -> String {
    let old = |key: &str| before.iter().find(|kpi| kpi.key == key);
    let changed = after.iter().filter_map(|kpi| match old(&kpi.key) {
        None => Some(format!("{} added", kpi.key)),
        Some(old) if old.id != kpi.id => Some(format!("{} measures something else", kpi.key)),
        Some(old) if old != kpi => Some(format!("{} changed", kpi.key)),
        Some(_same) => None,
    });
    let gone = before.iter().filter(|old| !after.iter().any(|kpi| kpi.key == old.key));
    let gone = gone.map(|old| format!("{} removed", old.key));
    changed.chain(gone).collect::<Vec<_>>().join(", ")
}

/// KPIs of one stream, ready for the engine; `None` where there is none.
///
/// # Errors
/// Why one can't be measured, in words for engineers; that was refused when it was set.
pub fn compiled(kpis: &[Kpi]) -> std::result::Result<Option<Kpis>, String> {
    let pointer = |text: &str| Pointer::parse(text).map_err(|message| format!("`{text}` {message}"));
    let measures = kpis.iter().map(|kpi| {
        let measure = match &kpi.measure {
            KpiMeasure::Count => pipeline::Measure::Count,
            KpiMeasure::Sum { field } => pipeline::Measure::Sum { field: pointer(field)? },
            KpiMeasure::Share { rule } => {
                let rules = Rules::compile(rule).map_err(|problem| problem.to_string())?;
                pipeline::Measure::Share { rules }
            }
            KpiMeasure::Delay { from, to } => {
                pipeline::Measure::Delay { from: pointer(from)?, to: to.as_deref().map(pointer).transpose()? }
            }
        };
        Ok((kpi.id, measure))
    });
    Ok(Kpis::new(measures.collect::<std::result::Result<Vec<_>, String>>()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use chrono::{DateTime, Utc};
    use entity::integration::{Kpi, KpiMeasure, OnSchemaChange, Quality, Stream, SyncMode};
    use serde_json::json;

    use super::super::check::{KPIS_MAX, check, may_be_told};
    use super::{NewKpi, NewKpiTarget, changes, compiled, kept};
    use crate::error::Error;
    use crate::health::Period;
    use crate::kpi::KpiKind;

    fn streams() -> Vec<Stream> {
        vec![Stream {
            name: "orders".to_owned(),
            mode: SyncMode::Full,
            key_fields: vec!["id".to_owned()],
            cursor_field: None,
            source: json!({}),
            destination: json!({}),
            mapping: None,
            record_schema: None,
            overlap: None,
            on_schema_change: OnSchemaChange::Continue,
            deletions: None,
            quality: Quality::default(),
            impact: Default::default(),
        }]
    }

    fn new(key: &str, kind: KpiKind, unit: &str) -> NewKpi {
        NewKpi {
            key: key.to_owned(),
            name: key.to_uppercase(),
            unit: unit.to_owned(),
            stream: "orders".to_owned(),
            kind,
            field: None,
            rule: None,
            from_field: None,
            to_field: None,
            target: None,
        }
    }

    fn revenue() -> NewKpi {
        NewKpi { field: Some("/total".to_owned()), ..new("revenue", KpiKind::Sum, "EUR") }
    }

    fn all() -> Vec<NewKpi> {
        let (made, paid) = (Some("/made_at".to_owned()), Some("/paid_at".to_owned()));
        vec![
            revenue(),
            new("orders", KpiKind::Count, "orders"),
            NewKpi { rule: Some(json!({"required": ["paid_at"]})), ..new("paid", KpiKind::Share, "%") },
            NewKpi { from_field: made.clone(), to_field: paid, ..new("to_pay", KpiKind::Delay, "h") },
            NewKpi { from_field: made, ..new("to_arrive", KpiKind::Delay, "min") },
        ]
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn stored(kpis: Vec<NewKpi>, before: &[Kpi], now: &str) -> Vec<Kpi> {
        check(kpis, &streams()).unwrap().into_iter().map(|kpi| kept(kpi, before, at(now))).collect()
    }

    fn problems(kpis: Vec<NewKpi>) -> Vec<String> {
        let Err(Error::Rejected(problems)) = check(kpis, &streams()) else { return Vec::new() };
        let mut places: Vec<String> = problems
            .iter()
            .map(|problem| format!("{} {}", problem.code.name(), problem.path.join(".")))
            .collect();
        places.sort();
        places
    }

    #[test]
    fn every_kind_can_be_set_and_compiled() {
        let kpis = stored(all(), &[], "2026-11-26T12:00:00Z");
        assert_eq!(kpis.len(), 5);
        assert!(compiled(&kpis).unwrap().is_some());
        assert!(compiled(&[]).unwrap().is_none());
        let kinds: Vec<String> =
            kpis.iter().map(|kpi| serde_json::to_value(&kpi.measure).unwrap()["kind"].to_string()).collect();
        assert_eq!(kinds, ["\"SUM\"", "\"COUNT\"", "\"SHARE\"", "\"DELAY\"", "\"DELAY\""]);
        for kpi in kpis {
            let text = serde_json::to_string(&kpi).unwrap();
            assert_eq!(serde_json::from_str::<Kpi>(&text).unwrap(), kpi, "{text}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_its_path() {
        let target = |at_least, at_most| Some(NewKpiTarget { at_least, at_most, per: Period::Day });
        let bad = vec![
            NewKpi { target: target(None, None), stream: "none".to_owned(), ..revenue() },
            NewKpi { name: " ".to_owned(), unit: "x".repeat(17), ..revenue() },
            NewKpi { target: target(Some(f64::NAN), None), ..new("Bad key", KpiKind::Sum, "EUR") },
            NewKpi { rule: Some(json!({"type": "text"})), ..new("share", KpiKind::Share, "percent") },
            new("share_of_nothing", KpiKind::Share, "%"),
            NewKpi { to_field: Some("paid".to_owned()), ..new("delay", KpiKind::Delay, "weeks") },
            NewKpi { field: Some("/a".to_owned()), ..new("count", KpiKind::Count, "n") },
            NewKpi { rule: Some(json!({"title": "x".repeat(9_000)})), ..new("large", KpiKind::Share, "%") },
        ];
        assert_eq!(
            problems(bad),
            [
                "INVALID kpis.1.key",
                "INVALID kpis.2.key",
                "INVALID kpis.2.target",
                "INVALID kpis.3.rule.type",
                "INVALID kpis.3.unit",
                "INVALID kpis.5.toField",
                "INVALID kpis.5.unit",
                "INVALID kpis.6.field",
                "NOT_FOUND kpis.0.stream",
                "REQUIRED kpis.0.target",
                "REQUIRED kpis.1.name",
                "REQUIRED kpis.2.field",
                "REQUIRED kpis.4.rule",
                "REQUIRED kpis.5.fromField",
                "TOO_LONG kpis.1.unit",
                "TOO_LONG kpis.7.rule",
            ]
        );
        let many = (0..=KPIS_MAX).map(|number| new(&format!("k{number}"), KpiKind::Count, "n")).collect();
        assert_eq!(problems(many), ["LIMIT_REACHED kpis"]);
        assert_eq!(problems(vec![]), [""; 0]);
    }

    #[test]
    fn what_is_classified_is_not_told() {
        let schema = json!({"properties": {
            "total": {}, "made_at": {}, "paid_at": {"x-classification": "personal"},
            "person": {"properties": {"pay": {"x-classification": "secret"}}},
        }});
        let classifies = Stream { record_schema: Some(schema), ..streams().remove(0) };
        let kpis = stored(all(), &[], "2026-11-26T12:00:00Z");
        let told: Vec<bool> = kpis.iter().map(|kpi| may_be_told(kpi, &classifies)).collect();
        assert_eq!(told, [true, true, false, false, true]);
        let pay = NewKpi { field: Some("/person/pay".to_owned()), ..revenue() };
        let Err(Error::Rejected(problems)) =
            check(vec![pay, all().remove(2), all().remove(3)], std::slice::from_ref(&classifies))
        else {
            unreachable!("all are refused")
        };
        let places: Vec<String> = problems.iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(places, ["kpis.0.field", "kpis.1.rule", "kpis.2.toField"]);
        for (rule, is_told) in [
            (json!({"properties": {"total": {"minimum": 100}}, "required": ["made_at"]}), true),
            (json!({"properties": {"total": {"const": "paid_at"}}}), true),
            (json!({"properties": {"Paid_At": true}}), false),
            (json!({"not": {"anyOf": [{"required": ["total", "paid_at"]}]}}), false),
            (json!({"properties": {"person": {"properties": {"pay": {"minimum": 1}}}}}), false),
            (json!({"dependentRequired": {"total": ["pay"]}}), false),
            (json!({"dependentSchemas": {"paid_at": {}}}), false),
            (json!({"patternProperties": {"^p": {"type": "string"}}}), false),
            (json!({"properties": {"person": {"enum": [{"pay": 1}]}}}), false),
        ] {
            let share = NewKpi { rule: Some(rule.clone()), ..new("share", KpiKind::Share, "%") };
            let kpi = stored(vec![share], &[], "2026-11-26T12:00:00Z").remove(0);
            assert_eq!(may_be_told(&kpi, &classifies), is_told, "{rule}");
            assert!(may_be_told(&kpi, &streams()[0]), "{rule}: nothing is classified");
        }
    }

    #[test]
    fn values_stay_with_what_measures_the_same() {
        let before = stored(all(), &[], "2026-11-26T12:00:00Z");
        let mut next = all();
        (next[0].name, next[0].unit) = ("Turnover".to_owned(), "kEUR".to_owned());
        next[3].to_field = Some("/shipped_at".to_owned());
        next.remove(1);
        next.push(new("lines", KpiKind::Count, "lines"));
        let after = stored(next, &before, "2026-11-27T12:00:00Z");
        let is_kept: Vec<bool> = after.iter().map(|kpi| before.iter().any(|old| old.id == kpi.id)).collect();
        assert_eq!(is_kept, [true, true, false, true, false]);
        assert_eq!(after[0].measured_from, at("2026-11-26T12:00:00Z"));
        assert_eq!(after[2].measured_from, at("2026-11-27T12:00:00Z"));
        assert!(matches!(after[0].measure, KpiMeasure::Sum { .. }));
        assert_eq!(
            changes(&before, &after),
            "revenue changed, to_pay measures something else, lines added, orders removed"
        );
        assert_eq!(changes(&after, &after), "");
    }
}
