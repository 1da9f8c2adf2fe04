//! The lists of the schema: how each is asked for, once for each of its filters and orders. Deliberately absent: several
//! filters at once.

use serde_json::Value;

use super::sample::{Samples, TENANT};
use crate::sdl::{Kind, Sdl, Type, named};

/// Objects of a page.
pub const PAGE_ROWS: u64 = 10;
/// What selects a part of a list; the rest narrows or orders it.
const PAGING: [&str; 4] = ["first", "after", "last", "before"];
/// What no index has of a list under something, or of one thing: which list, by which filters or orders. It is looked for among what stands
/// there, in the order of the list until the page is full; an index of each pair would cost every row that is stored. The
/// filter's description says so, which is [`AMONG`].
const UNSERVED: [(&str, &[&str]); 13] = [
    // A backfill has one integration, and so have a run, and a quarantine: another one has nothing in it.
    ("Backfill.runs", &["integrationId", "status", "trigger"]),
    ("Retry.runs", &["integrationId", "status", "trigger"]),
    ("Quarantine.failures", &["LAST_ATTEMPT_AT", "status", "code", "groupId", "integrationId"]),
    ("Run.quarantines", &["status", "integrationId"]),
    ("Integration.quarantines", &["status"]),
    // What somebody has, of one tenant's.
    ("Tenant.failureGroups", &["assigneeId"]),
    // What is urgent, of one integration.
    ("Query.inbox", &["integrationId"]),
    // Of a run, which has few of them: lists of many runs at once read one range for each.
    (
        "Run.failures",
        &[
            "LAST_ATTEMPT_AT",
            "status",
            "code",
            "quarantineId",
            "groupId",
            "integrationId",
            "businessReference.eq",
            "businessReference.in",
        ],
    ),
    // So many lines a minute at most. One may be stored long after it was logged, so its id does not tell its time.
    ("Run.logs", &["from", "to"]),
    // Of one integration or cause, by what its failures, runs and groups mostly share.
    ("FailureGroup.failures", &["LAST_ATTEMPT_AT", "code", "quarantineId", "integrationId"]),
    ("Integration.failures", &["LAST_ATTEMPT_AT", "code", "quarantineId", "groupId"]),
    ("Integration.failureGroups", &["FAILURE_COUNT", "URGENCY", "assigneeId", "code"]),
    ("Integration.runs", &["trigger", "killSwitchId"]),
];
/// What the description of a filter of those lists has.
const AMONG: &str = "looked for among";
/// Filters that an index has behind the tenant only: who may see every tenant names one, as the field's description says,
/// which is [`NAMED`].
const OF_A_TENANT: [(&str, &[&str]); 3] =
    [("Query.failures", &["code"]), ("Query.runs", &["trigger"]), ("Query.portalSessions", &["endUser"])];
/// What the description of such a field has.
const NAMED: &str = "name a tenant";

/// A list.
pub struct List {
    of: String,
    field: String,
    /// Arguments that narrow or order it, each in turn; the first are none.
    pub variants: Vec<String>,
}

/// Where a page begins and ends.
pub struct Page {
    pub start: Option<String>,
    pub end: Option<String>,
}

/// All lists.
pub fn lists(schema: &Sdl, samples: &Samples) -> Vec<List> {
    let mut lists = Vec::new();
    for (of, found) in schema.0.iter().filter(|(_, found)| found.kind == Kind::Object) {
        for (name, field) in &found.fields {
            let is_list = schema.0.get(named(&field.of)).is_some_and(|of| of.fields.contains_key("edges"));
            if !is_list {
                continue;
            }
            let mut list = List { of: of.clone(), field: name.clone(), variants: vec![String::new()] };
            for (argument, value) in &field.arguments {
                let input = named(&value.of);
                match argument.as_str() {
                    "filter" => {
                        list.check_words(schema, input);
                        let filters = filters(schema, samples, input).into_iter();
                        let served = filters.filter(|(name, _)| list.serves(name));
                        let served: Vec<_> =
                            served.map(|(name, filter)| list.filtered(&name, &filter)).collect();
                        list.variants.extend(served);
                    }
                    "orderBy" => {
                        let orders = orders(schema, schema.get(input));
                        let served = orders.filter(|order| list.serves(order));
                        let served: Vec<_> =
                            served.map(|order| format!("orderBy: {{field: {order}}}")).collect();
                        list.variants.extend(served);
                    }
                    paging if PAGING.contains(&paging) => {}
                    other => panic!("{} has an argument {other}, which is new here", list.name()),
                }
            }
            lists.push(list);
        }
    }
    lists
}

/// Each field of a filter alone, by its name.
fn filters(schema: &Sdl, samples: &Samples, input: &str) -> Vec<(String, String)> {
    let mut filters = Vec::new();
    for (name, field) in &schema.get(input).fields {
        let inside = named(&field.of);
        match schema.0.get(inside) {
            Some(of) if of.kind == Kind::Input => {
                let inner = self::filters(schema, samples, inside).into_iter();
                let inner =
                    inner.map(|(of, filter)| (format!("{name}.{of}"), format!("{{{name}: {filter}}}")));
                filters.extend(inner);
            }
            _ => filters.push((name.clone(), format!("{{{name}: {}}}", samples.of(input, name)))),
        }
    }
    filters
}

fn orders<'a>(schema: &'a Sdl, order: &Type) -> impl Iterator<Item = &'a str> + use<'a> {
    let of = order.fields.get("field").unwrap_or_else(|| panic!("an order has a field: {order:?}"));
    schema.get(named(&of.of)).values.keys().map(String::as_str)
}

impl List {
    /// For people.
    pub fn name(&self) -> String {
        format!("{}.{}", self.of, self.field)
    }

    fn serves(&self, argument: &str) -> bool {
        !self.named(UNSERVED).contains(&argument)
    }

    fn filtered(&self, name: &str, filter: &str) -> String {
        match self.named(OF_A_TENANT).contains(&name) {
            true => format!("filter: {{tenantId: {TENANT}, {}", filter.trim_start_matches('{')),
            false => format!("filter: {filter}"),
        }
    }

    /// The arguments that one of the tables above has for it.
    fn named<const N: usize>(&self, table: [(&str, &'static [&'static str]); N]) -> &'static [&'static str] {
        let name = self.name();
        table.iter().find(|(list, _)| *list == name).map_or(&[], |(_, arguments)| *arguments)
    }

    /// A caller can read what is slower than the rest.
    fn check_words(&self, schema: &Sdl, filter: &str) {
        let of = schema.get(filter);
        let says = |description: &str, words: &str| {
            let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(description.contains(words), "{} by {filter}: {description}", self.name());
        };
        if !self.named(UNSERVED).is_empty() {
            says(&of.description, AMONG);
        }
        for name in self.named(OF_A_TENANT) {
            says(&of.fields[*name].description, NAMED);
        }
    }

    /// Under how many objects it is asked for.
    pub fn parents(&self, samples: &Samples) -> u64 {
        match self.of.as_str() {
            "Query" | "Viewer" => 1,
            "SyntheticCheck" => samples.parents("Integration").len() as u64,
            of => samples.parents(of).len() as u64,
        }
    }

    /// Whether it is a list of all that there is.
    pub fn is_of_root(&self) -> bool {
        self.of == "Query"
    }

    /// A document that asks for a page, nested under several objects where it is nested.
    pub fn document(&self, samples: &Samples, arguments: &str) -> String {
        let page = format!("{}({arguments}) {{ pageInfo {{ startCursor endCursor }} }}", self.field);
        let under = |parents: Vec<String>, field: &str, inside: &str| {
            let parents = parents.iter().enumerate();
            parents.map(|(index, id)| format!("p{index}: {field}(id: \"{id}\") {{ {inside} }} ")).collect()
        };
        let body: String = match self.of.as_str() {
            "Query" => page,
            "Viewer" => format!("viewer {{ {page} }}"),
            "SyntheticCheck" => {
                let check = format!("syntheticCheck {{ {page} }}");
                under(samples.parents("Integration"), "integration", &check)
            }
            of => under(samples.parents(of), "node", &format!("... on {of} {{ {page} }}")),
        };
        format!("{{ {body} }}")
    }
}

/// The first page of an answer that has objects, or the first.
pub fn page(answer: Value) -> Page {
    fn infos<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        if let Some(info) = value.get("pageInfo") {
            found.push(info);
        } else if let Some(object) = value.as_object() {
            object.values().for_each(|value| infos(value, found));
        }
    }
    let mut found = Vec::new();
    infos(&answer, &mut found);
    let cursor = |name: &str| found.iter().find_map(|info| info[name].as_str()).map(str::to_owned);
    Page { start: cursor("startCursor"), end: cursor("endCursor") }
}
