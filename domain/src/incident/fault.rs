//! What attempts find to be wrong with systems, and where those are: systems of several tenants at one host are one outside
//! system to whoever looks for an outage.

use chrono::Duration;
use entity::incident::IncidentFault;
use entity::{incident, incident_system, integration, system, system_fault};
use oauth2::url::Url;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Doing, Result};
use crate::scope::{TxScope, all_set};

/// Failures that are further apart are not of one trouble.
const APART: Duration = Duration::hours(1);
/// Longest host that is kept, in characters: RFC 1035 has 253 for a name, and there may be a port.
const HOST_CHARS_MAX: usize = 260;

/// What a code of the error catalogue says of the other system; `None` for what is not the trouble of all that use it.
pub(crate) fn of_code(code: &str) -> Option<IncidentFault> {
    let (end, what) = code.split_once('.')?;
    if !matches!(end, "source" | "destination") {
        return None;
    }
    match what {
        "unavailable" | "timeout" | "stalled" => Some(IncidentFault::Unavailable),
        "rate_limited" => Some(IncidentFault::RateLimited),
        _ => None,
    }
}

/// Codes of a fault, of either end.
pub(crate) fn codes(fault: IncidentFault, end: &str) -> Vec<String> {
    let what: &[&str] = match fault {
        IncidentFault::Unavailable => &["unavailable", "timeout", "stalled"],
        IncidentFault::RateLimited => &["rate_limited"],
    };
    what.iter().map(|what| format!("{end}.{what}")).collect()
}

/// Where a system is: host and port, the port only where it is not the usual one of a URL. `None` for what has no host: files,
/// SQLite, and taps, whose config is their own.
pub(crate) fn host_of(connector: &str, config: &Value) -> Option<String> {
    let text = |name: &str| config.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let host = match connector {
        "http" => of_url(text("baseUrl")?)?,
        "graphql" | "webhook" => of_url(text("url")?)?,
        "postgres" => of_server(text("host")?, config, 5_432),
        "mysql" => of_server(text("host")?, config, 3_306),
        "file" => match (text("endpoint"), text("bucket"), text("region")) {
            (Some(endpoint), ..) => of_url(endpoint)?,
            (None, Some(_bucket), Some(region)) => format!("s3.{region}.amazonaws.com"),
            _ => return None,
        },
        _ => return None,
    };
    (host.chars().count() <= HOST_CHARS_MAX).then_some(host)
}

fn of_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    Some(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

fn of_server(host: &str, config: &Value, usual: u64) -> String {
    let port = config.get("port").and_then(Value::as_u64).unwrap_or(usual);
    let host = host.trim();
    format!("{}:{port}", as_in_urls(host).unwrap_or_else(|| host.to_ascii_lowercase()))
}

/// A host that somebody wrote, with a port or without one, as [`host_of`] writes it: in lower case, names of other alphabets
/// in ASCII. `None` for what is none.
pub(crate) fn as_in_urls(host: &str) -> Option<String> {
    if host.contains(['/', '\\', '@', '?', '#']) {
        return None;
    }
    of_url(&format!("http://{host}"))
}

/// A part of the config of each system at this host.
pub(crate) fn part_of_configs(host: &str) -> &str {
    // The port may not be written there, where it is the usual one.
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    if let Some(region) = name.strip_prefix("s3.").and_then(|rest| rest.strip_suffix(".amazonaws.com")) {
        return region;
    }
    let is_ascii = |label: &&str| !label.starts_with("xn--");
    if name.split('.').all(|label| is_ascii(&label)) {
        return name;
    }
    name.split('.').filter(is_ascii).max_by_key(|label| label.len()).unwrap_or_default()
}

/// Calls in a row that fail before an attempt that still tries is trouble: less is a hiccup. One that timed out has waited long
/// enough to be one by itself.
const TRIES: u32 = 3;

/// Stores that calls of an attempt fail one after the other, so that an outage of many is seen before the first of them has
/// given up. Costs nothing until it is trouble; whether it is.
pub(crate) async fn suspect(
    tx: &TxScope,
    system_id: Uuid,
    code: &str,
    job_id: Uuid,
    tries: u32,
) -> Result<bool> {
    let enough = if code.ends_with(".timeout") { 1 } else { TRIES };
    if tries < enough || of_code(code).is_none() {
        return Ok(false);
    }
    let row = tx
        .find::<system::Entity>()
        .filter(system::Column::Id.eq(system_id))
        .one(tx.connection())
        .await
        .doing("reading a system in trouble")?;
    match row {
        Some(row) => record(tx, &row, code, Some(job_id)).await.map(|()| true),
        None => Ok(false),
    }
}

/// Takes back what an attempt has said of a system, because it answers that attempt again.
pub(crate) async fn acquit(tx: &TxScope, system_id: Uuid, job_id: Uuid) -> Result<()> {
    acquit_of(tx, system_id, system_fault::Column::TriedByJobId.eq(job_id)).await
}

/// Takes back what attempts that have not given up have said of a system, because somebody found it there.
pub(crate) async fn acquit_of_all(tx: &TxScope, system_id: Uuid) -> Result<()> {
    acquit_of(tx, system_id, system_fault::Column::TriedByJobId.is_not_null()).await
}

async fn acquit_of(tx: &TxScope, system_id: Uuid, which: Expr) -> Result<()> {
    tx.delete::<system_fault::Entity>()
        .filter(system_fault::Column::SystemId.eq(system_id))
        .filter(which)
        .exec(tx.connection())
        .await
        .doing("forgetting what was wrong with a system")?;
    Ok(())
}

/// Statuses of replies with which many a server answers to a request that it can't cope with, while it serves the others.
pub(crate) const OF_REQUESTS: [u16; 2] = [500, 501];

/// Whether an incident under way hits the system that this code speaks of, of an integration, by the same fault.
pub(crate) async fn is_of_incident(tx: &TxScope, integration_id: Uuid, code: &str) -> Result<bool> {
    let Some(fault) = of_code(code) else { return Ok(false) };
    let side = match code.starts_with("source.") {
        true => integration::Column::SourceId,
        false => integration::Column::DestinationId,
    };
    let system = Query::select()
        .column(side)
        .from(integration::Entity)
        .and_where(integration::Column::TenantId.eq(tx.tenant_id()))
        .and_where(integration::Column::Id.eq(integration_id))
        .to_owned();
    let of_fault = Query::select()
        .column(incident::Column::Id)
        .from(incident::Entity)
        .and_where(incident::Column::Fault.eq(fault))
        .to_owned();
    let hit = tx
        .find::<incident_system::Entity>()
        .filter(incident_system::Column::SystemId.in_subquery(system))
        .filter(incident_system::Column::ResolvedAt.is_null())
        .filter(incident_system::Column::IncidentId.in_subquery(of_fault))
        .limit(1)
        .one(tx.connection())
        .await
        .doing("looking whether an incident hits a system")?;
    Ok(hit.is_some())
}

/// Stores that an attempt failed of a system, or of which job one fails, because it has not given up or may be the reason
/// itself; that counts for less. Costs nothing where nothing is wrong.
#[expect(clippy::disallowed_methods, reason = "an upsert of a row of the tenant")]
pub(crate) async fn record(
    tx: &TxScope,
    row: &system::Model,
    code: &str,
    tried_by_job_id: Option<Uuid>,
) -> Result<()> {
    use system_fault::Column;
    let Some(fault) = of_code(code) else { return Ok(()) };
    let Some(host) = host_of(&row.connector, &row.config) else { return Ok(()) };
    let now = tx.app().clock().now();
    let seen = system_fault::Model {
        system_id: row.id,
        fault,
        tenant_id: row.tenant_id,
        host,
        connector: row.connector.clone(),
        first_seen_at: now,
        last_seen_at: now,
        tried_by_job_id,
    };
    let known = |column: Column| Expr::col((system_fault::Entity, column));
    // Some time ago it was something else, or elsewhere.
    let first = Expr::case(
        known(Column::LastSeenAt).gt(now - APART).and(known(Column::Host).eq(seen.host.clone())),
        known(Column::FirstSeenAt),
    )
    .finally(Expr::value(now));
    let again = OnConflict::columns([Column::SystemId, Column::Fault])
        .update_columns([Column::Host, Column::Connector, Column::LastSeenAt, Column::TriedByJobId])
        .value(Column::FirstSeenAt, first)
        .to_owned();
    system_fault::Entity::insert(all_set::<system_fault::Entity>(seen))
        .on_conflict(again)
        .exec_without_returning(tx.connection())
        .await
        .doing("storing what is wrong with a system")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use entity::incident::IncidentFault;
    use serde_json::json;

    use super::{as_in_urls, codes, host_of, of_code, part_of_configs};

    #[test]
    fn a_system_that_is_down_is_told_from_one_that_refuses_and_from_ours() {
        for code in ["source.unavailable", "destination.timeout", "source.stalled"] {
            assert_eq!(of_code(code), Some(IncidentFault::Unavailable), "{code}");
        }
        assert_eq!(of_code("destination.rate_limited"), Some(IncidentFault::RateLimited));
        for code in ["platform.stalled", "source.unauthorized", "destination.rejected", "unavailable", ""] {
            assert_eq!(of_code(code), None, "{code}");
        }
        for fault in [IncidentFault::Unavailable, IncidentFault::RateLimited] {
            assert!(codes(fault, "source").iter().all(|code| of_code(code) == Some(fault)));
        }
    }

    #[test]
    fn a_host_that_somebody_wrote_is_read_as_a_url_has_it_and_looked_for_by_what_configs_have() {
        assert_eq!(as_in_urls("API.example.com:8443"), Some("api.example.com:8443".to_owned()));
        for none in ["a b", "", "user@example.com", "example.com/path", "example.com?x", "example.com:x"] {
            assert_eq!(as_in_urls(none), None, "{none}");
        }
        assert_eq!(part_of_configs("api.example.com:8443"), "api.example.com");
        assert_eq!(part_of_configs("s3.eu-central-1.amazonaws.com"), "eu-central-1");
        assert_eq!(part_of_configs("xn--bcher-kva.example"), "example");
    }

    #[test]
    fn systems_at_one_place_have_one_host_however_they_are_written() {
        let of = |connector: &str, config| host_of(connector, &config);
        let api = Some("api.example.com".to_owned());
        assert_eq!(of("http", json!({"baseUrl": "https://API.example.com/v2"})), api);
        assert_eq!(of("http", json!({"baseUrl": "https://api.example.com:443/v3/"})), api);
        assert_eq!(of("graphql", json!({"url": "https://user@api.example.com/graphql?x=1"})), api);
        let other_port = Some("api.example.com:8443".to_owned());
        assert_eq!(of("webhook", json!({"url": "https://api.example.com:8443/hook"})), other_port);
        let server = Some("db.example.com:5432".to_owned());
        assert_eq!(of("postgres", json!({"host": "DB.example.com"})), server);
        assert_eq!(of("postgres", json!({"host": "db.example.com", "port": 5432})), server);
        assert_eq!(of("mysql", json!({"host": "db.example.com"})), Some("db.example.com:3306".to_owned()));
        let books = Some("xn--bcher-kva.example".to_owned());
        assert_eq!(of("http", json!({"baseUrl": "https://b\u{fc}cher.example/v1"})), books);
        assert_eq!(as_in_urls("B\u{dc}CHER.example"), books);
        let books = Some("xn--bcher-kva.example:5432".to_owned());
        assert_eq!(of("postgres", json!({"host": "b\u{fc}cher.example"})), books);
        let bucket = json!({"bucket": "b", "region": "eu-central-1"});
        assert_eq!(of("file", bucket), Some("s3.eu-central-1.amazonaws.com".to_owned()));
        for (connector, config) in [
            ("file", json!({})),
            ("sqlite", json!({"path": "a.db"})),
            ("sandbox", json!({})),
            ("singer", json!({"tap": "tap-x", "config": {"host": "db.example.com"}})),
            ("webhook", json!({"receive": {}})),
            ("http", json!({"baseUrl": "not a url"})),
        ] {
            assert_eq!(host_of(connector, &config), None, "{connector}");
        }
    }
}
