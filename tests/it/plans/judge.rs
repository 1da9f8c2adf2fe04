//! What PostgreSQL says of how it answered, read from its log and judged. Deliberately absent: costs and times.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use serde_json::Value;
use sqlx::{PgConnection, Row};

use super::question::PAGE_ROWS;

/// Rows of tables that are large at which a statement may look: of what is no index's to find, such as who acts next on a
/// failure, so many stand beside each that is read, which are a page and one more.
/// Of each list that is asked for at once.
const ROWS_MAX: u64 = 100 * (PAGE_ROWS + 1);
/// Pages of tables and indexes that it may touch: what is read of an index without being asked for is told nowhere else.
const BLOCKS_MAX: u64 = 2 * ROWS_MAX;
/// From so many rows on a table is large: all that lists are of, but tenants.
const LARGE_ROWS: f32 = 10_000.0;
/// Ends of statements that a process makes for itself, whatever is asked of it: rules that it follows, and how all integrations are.
const BESIDE: [&str; 2] = [
    "WHERE \"ownership_rule\".\"tenant_id\" IS NULL ORDER BY \"ownership_rule\".\"position\" ASC, \"ownership_rule\".\"id\" ASC LIMIT $1",
    "FROM \"integration_health\" GROUP BY \"integration_health\".\"status\"",
];
/// End of a plan's text that a fault shows.
const QUERY_TAIL_CHARS: usize = 600;

/// The plans of a server's log, as they come in.
pub struct Plans {
    log: PathBuf,
    read: u64,
    large: HashSet<String>,
}

impl Plans {
    /// Of this log from now on; tables must have been analysed.
    pub async fn of(superuser: &mut PgConnection, log: PathBuf) -> Self {
        let sql = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
             AND reltuples >= $1";
        let rows = sqlx::query(sql).bind(LARGE_ROWS).fetch_all(superuser).await.unwrap();
        let large: HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(large.len() > 30, "they are analysed: {large:?}");
        Self { log, read: 0, large }
    }

    /// What is in the log already is not asked about.
    pub fn forget(&mut self) {
        self.read = std::fs::metadata(&self.log).expect("the server has one").len();
    }

    /// What is wrong with the plans since, of a request for so many lists at once.
    pub fn faults(&mut self, lists: u64) -> Vec<String> {
        let mut file = File::open(&self.log).expect("the server has one");
        file.seek(SeekFrom::Start(self.read)).expect("it only grows");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("the server's log can be read");
        self.read += bytes.len() as u64;
        let plans = explained(&String::from_utf8_lossy(&bytes));
        assert!(!plans.is_empty(), "auto_explain tells of every statement, and an answer takes one");
        plans.iter().filter_map(|plan| self.fault(plan, lists)).collect()
    }

    fn fault(&self, explained: &Value, lists: u64) -> Option<String> {
        let root = &explained["Plan"];
        let mut faults = Vec::new();
        let mut rows = 0;
        self.look(root, false, &mut rows, &mut faults);
        let blocks = number(root, "Shared Hit Blocks") + number(root, "Shared Read Blocks");
        if rows > ROWS_MAX * lists {
            faults.push(format!("{rows} rows are looked at"));
        }
        if blocks > BLOCKS_MAX * lists {
            faults.push(format!("{blocks} blocks are touched"));
        }
        let query = explained["Query Text"].as_str().unwrap_or_default();
        if BESIDE.iter().any(|beside| query.ends_with(beside)) {
            return None;
        }
        let skipped = query.chars().count().saturating_sub(QUERY_TAIL_CHARS);
        let tail: String = query.chars().skip(skipped).collect();
        let mut way = Vec::new();
        describe(root, &mut way);
        (!faults.is_empty()).then(|| format!("{} by {}: …{tail}", faults.join(", "), way.join(", ")))
    }

    fn look(&self, node: &Value, is_of_large: bool, rows: &mut u64, faults: &mut Vec<String>) {
        let kind = node["Node Type"].as_str().unwrap_or_default();
        let loops = number(node, "Actual Loops");
        let table = node["Relation Name"].as_str().filter(|table| self.large.contains(*table));
        if let Some(table) = table {
            if kind == "Seq Scan" && loops > 0 {
                faults.push(format!("all of {table} is read"));
            }
            let each = ["Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"];
            *rows += each.iter().map(|name| number(node, name)).sum::<u64>() * loops;
        }
        // It names its index only, and may be one of several.
        let is_of_large = table.is_some() || is_of_large && kind.starts_with("Bitmap");
        if kind == "Bitmap Index Scan" && is_of_large {
            *rows += number(node, "Actual Rows") * loops;
        }
        for inside in node["Plans"].as_array().into_iter().flatten() {
            self.look(inside, is_of_large, rows, faults);
        }
    }
}

/// The tables and indexes that a plan reads, and how many rows of each it finds and passes by.
fn describe(node: &Value, way: &mut Vec<String>) {
    let name = |key: &str| node[key].as_str();
    if let Some(read) = name("Index Name").or(name("Relation Name"))
        && number(node, "Actual Loops") > 0
    {
        let (found, passed) = (number(node, "Actual Rows"), number(node, "Rows Removed by Filter"));
        let (kind, loops) = (name("Node Type").unwrap_or_default(), number(node, "Actual Loops"));
        way.push(format!("{kind} {read} ({found} + {passed}) × {loops}"));
    }
    for inside in node["Plans"].as_array().into_iter().flatten() {
        describe(inside, way);
    }
}

/// A number that is left out where it is 0. Rows of a loop are an average, from PostgreSQL 18 on with decimals.
fn number(node: &Value, name: &str) -> u64 {
    node[name].as_f64().map_or(0, |number| number.ceil() as u64)
}

/// The plans in a piece of log: JSON, each line of it behind a tab.
fn explained(log: &str) -> Vec<Value> {
    let mut plans = Vec::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.ends_with("plan:") {
            continue;
        }
        let mut json = String::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
            json.push_str(line);
        }
        plans.push(serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error} in a plan: {json}")));
    }
    plans
}
