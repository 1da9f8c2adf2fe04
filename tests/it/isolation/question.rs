//! Questions by chance, out of the schema itself: every field of the root, paths as deep as they are allowed, ids,
//! filters and cursors mostly of other tenants. What is asked for by something foreign must be empty, and its name in
//! the answer says so.

use std::fmt::Write;

use super::town::{Caller, Town};
use crate::harness::random::Random;
use crate::sdl::{Field, Kind, named};

/// Begins the name of a field that must be null, empty or zero.
pub const EMPTY: &str = "empty_";
/// Chance of something foreign where an id, a text or a cursor is asked for.
const FOREIGN_PERCENT: usize = 65;
/// Chance of any question, whether the caller may ask it or not: those of staff alone are asked, too.
const ANY_PERCENT: usize = 10;
/// Lists and objects inside one another.
const LEVELS_MAX: usize = 3;
/// Fields of one question, far below what a request may have with several questions.
const FIELDS_MAX: usize = 40;
/// Names of one question.
const NAMES_MAX: usize = 9;

/// Makes the questions of one caller.
pub struct Questioner<'a> {
    town: &'a Town,
    caller: &'a Caller,
    random: &'a mut Random,
    names: usize,
    fields: usize,
}

/// Arguments as text, and whether they leave nothing that the caller may see.
struct Arguments {
    text: String,
    is_empty: bool,
}

impl<'a> Questioner<'a> {
    pub fn new(town: &'a Town, caller: &'a Caller, random: &'a mut Random) -> Self {
        Self { town, caller, random, names: 0, fields: 0 }
    }

    /// A document of so many questions. Each has a field of the root.
    pub fn document(&mut self, questions: usize) -> String {
        let mut document = String::from("{");
        self.names = 0;
        for _ in 0..questions {
            let first_name = self.names;
            self.fields = 0;
            // What the caller may not ask is asked rarely: a refusal shows nothing.
            let roots: Vec<_> = self.town.schema.get("Query").fields.iter().collect();
            let allowed = |root: &(&String, &Field)| self.caller.may(root.1);
            let allowed: Vec<_> = roots.iter().copied().filter(allowed).collect();
            let among = if self.random.percent(ANY_PERCENT) { &roots } else { &allowed };
            let Some((name, field)) = self.random.pick(among).copied() else { continue };
            let text = self.field(name, field, 0, first_name + NAMES_MAX);
            document.push_str(&text);
        }
        document.push('}');
        document
    }

    /// A subscription.
    pub fn subscription(&mut self) -> String {
        let roots: Vec<_> = self.town.schema.get("Subscription").fields.iter().collect();
        let (name, field) = *self.random.pick(&roots).expect("there are some");
        (self.names, self.fields) = (0, 0);
        format!("subscription {{{}}}", self.field(name, field, 1, NAMES_MAX))
    }

    fn field(&mut self, name: &str, field: &Field, level: usize, names_max: usize) -> String {
        self.fields += 1;
        let arguments = self.arguments(name, field, level);
        let selection = self.selection(named(&field.of), level, names_max, &arguments.text);
        let alias = if arguments.is_empty || !field.arguments.is_empty() || level == 0 {
            self.names += 1;
            format!("{}f{}: ", if arguments.is_empty { EMPTY } else { "" }, self.names)
        } else {
            String::new()
        };
        format!(" {alias}{name}{}{selection}", arguments.text)
    }

    fn selection(&mut self, of: &str, level: usize, names_max: usize, arguments: &str) -> String {
        let Some(found) = self.town.schema.0.get(of) else { return String::new() };
        match found.kind {
            Kind::Object if found.fields.contains_key("edges") => {
                let edge = named(&found.fields["edges"].of);
                let node = named(&self.town.schema.get(edge).fields["node"].of).to_owned();
                let inside = self.selection(&node, level + 1, names_max, "");
                format!(
                    " {{ pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} edges {{ cursor node{inside} }} }}"
                )
            }
            Kind::Object => {
                let mut text = String::from(" { __typename");
                for (name, field) in &found.fields {
                    let is_leaf = !matches!(self.kind(&field.of), Some(Kind::Object | Kind::Interface));
                    let chance = match (name.as_str(), is_leaf) {
                        ("id", _) => 100,
                        (_, true) => 60,
                        (_, false) => 45,
                    };
                    let may = self.caller.may(field) || self.random.percent(1);
                    let fits = is_leaf
                        || (level < LEVELS_MAX && self.fields < FIELDS_MAX && self.names + 1 < names_max);
                    if may && fits && self.random.percent(chance) {
                        text += &self.field(name, field, level + 1, names_max);
                    }
                }
                text + " }"
            }
            Kind::Interface => {
                // The fragment of what the id says that it is, if it is an id.
                let prefix =
                    arguments.split('"').nth(1).and_then(|id| id.split('_').next()).unwrap_or_default();
                let of = match prefix {
                    "key" => "ApiKey".to_owned(),
                    "portal" => "PortalSession".to_owned(),
                    "event" => "RunEvent".to_owned(),
                    "group" => "FailureGroup".to_owned(),
                    other => other
                        .chars()
                        .take(1)
                        .flat_map(char::to_uppercase)
                        .chain(other.chars().skip(1))
                        .collect(),
                };
                let is_node = self
                    .town
                    .schema
                    .0
                    .get(&of)
                    .is_some_and(|found| found.implements.iter().any(|name| name == "Node"));
                if is_node {
                    format!(" {{ __typename id ... on {of}{} }}", self.selection(&of, level, names_max, ""))
                } else {
                    " { __typename id }".to_owned()
                }
            }
            Kind::Scalar | Kind::Enum | Kind::Union | Kind::Input => String::new(),
        }
    }

    fn arguments(&mut self, name: &str, field: &Field, level: usize) -> Arguments {
        let mut arguments = Arguments { text: String::new(), is_empty: false };
        let mut parts: Vec<String> = Vec::new();
        let mut order = None;
        let backward = self.random.percent(25);
        for (argument, value) in &field.arguments {
            let must = value.of.ends_with('!');
            match argument.as_str() {
                // Exactly one of the two, decided below.
                "id" | "slug" if name == "tenant" => {}
                "first" if backward => {}
                "last" if !backward => {}
                "first" | "last" => {
                    let rows_max = if level == 0 { 8 } else { 3 };
                    parts.push(format!("{argument}: {}", 1 + self.random.below(rows_max)));
                }
                "before" | "after" if self.random.percent(25) => {
                    if let Some(cursor) = self.cursor(named(&field.of), &mut order) {
                        parts.push(format!("{argument}: {cursor}"));
                    }
                }
                "before" | "after" | "orderBy" => {}
                _ if !must && self.random.percent(40) => {}
                _ => {
                    let (text, is_empty) = self.value(argument, value, named(&field.of));
                    arguments.is_empty |= is_empty;
                    parts.push(format!("{argument}: {text}"));
                }
            }
        }
        if name == "tenant" && !field.arguments.is_empty() {
            let (text, is_empty) = if self.random.percent(50) {
                let (id, is_empty) = self.id("tenant");
                (format!("id: {id}"), is_empty)
            } else {
                let (mark, is_empty) = self.mark();
                (format!("slug: \"{mark}\""), is_empty)
            };
            arguments.is_empty |= is_empty;
            parts.push(text);
        }
        let orders = field.arguments.get("orderBy").map(|of| named(&of.of).to_owned());
        match (orders, order) {
            (Some(_), Some(order)) if !order.is_empty() => {
                let direction = if self.random.percent(50) { "ASC" } else { "DESC" };
                parts.push(format!("orderBy: {{field: {order}, direction: {direction}}}"));
            }
            (Some(of), None) if self.random.percent(40) => {
                let fields =
                    self.town.schema.get(&of).fields.get("field").map(|field| named(&field.of).to_owned());
                let fields = fields.expect("an order has a field");
                parts.push(format!("orderBy: {{field: {}}}", self.enum_value(&fields)));
            }
            _ => {}
        }
        if !parts.is_empty() {
            arguments.text = format!("({})", parts.join(", "));
        }
        arguments
    }

    /// A value for an argument, and whether nothing that the caller sees can be asked for by it.
    fn value(&mut self, argument: &str, value: &Field, of: &str) -> (String, bool) {
        let type_name = named(&value.of).to_owned();
        let is_list = value.of.contains('[');
        let (text, is_empty) = match (type_name.as_str(), self.kind(&value.of)) {
            ("ID", _) => {
                let prefix = match (argument, of) {
                    ("id", "ApiKey") => "key",
                    ("id", "PortalSession") => "portal",
                    ("id", "FailureGroup") => "group",
                    ("id", "Node") => "",
                    ("id", of) => &of.to_lowercase(),
                    (argument, _) => argument.trim_end_matches("Id"),
                };
                self.id(prefix)
            }
            ("Int" | "BigInt", _) => (format!("{}", self.random.below(5)), false),
            ("Boolean", _) => (self.random.percent(50).to_string(), false),
            ("DateTime", _) => {
                let year = 2020 + self.random.below(20);
                (format!("\"{year}-06-01T00:00:00Z\""), false)
            }
            ("String", _) => (format!("\"{}\"", self.text(argument)), false),
            (name, Some(Kind::Enum)) => (self.enum_value(name), false),
            (name, Some(Kind::Input)) => return self.input(name, of),
            (name, _) => panic!("an argument of type {name} is new here: say how to make one"),
        };
        if is_list { (format!("[{text}]"), is_empty) } else { (text, is_empty) }
    }

    fn input(&mut self, name: &str, of: &str) -> (String, bool) {
        let fields: Vec<_> = self.town.schema.get(name).fields.iter().collect();
        let (mut text, mut is_empty) = (String::from("{"), false);
        for (field, value) in fields {
            // Few at once: each leaves less to see.
            if value.of.ends_with('!') && !value.has_default || self.random.percent(25) {
                let (inside, leaves_nothing) = self.value(field, value, of);
                write!(text, "{field}: {inside} ").expect("a text grows");
                is_empty |= leaves_nothing;
            }
        }
        (text + "}", is_empty)
    }

    fn enum_value(&mut self, name: &str) -> String {
        let values: Vec<_> = self.town.schema.get(name).values.keys().collect();
        (*self.random.pick(&values).expect("an enum has values")).clone()
    }

    /// An id, and whether it is of somebody else; of any kind when `prefix` is none.
    fn id(&mut self, prefix: &str) -> (String, bool) {
        let known = self.town.ids.get(prefix);
        let ids = match known {
            Some(ids) => ids,
            None => {
                let mut kinds: Vec<_> = self.town.ids.values().collect();
                kinds.sort_by_key(|ids| ids.first().map(|(id, _)| id.clone()));
                *self.random.pick(&kinds).expect("there are kinds")
            }
        };
        let wanted = !self.random.percent(FOREIGN_PERCENT);
        let some: Vec<_> = ids.iter().filter(|(_, owner)| self.caller.sees(*owner) == wanted).collect();
        match self.random.pick(&some) {
            Some((id, owner)) => (format!("\"{id}\""), !self.caller.sees(*owner)),
            None => ("\"run_00000000000070008000000000000000\"".to_owned(), true),
        }
    }

    /// The mark of a tenant, and whether it is of somebody else.
    fn mark(&mut self) -> (String, bool) {
        let wanted = !self.random.percent(FOREIGN_PERCENT);
        let some: Vec<_> =
            self.town.houses.iter().filter(|house| self.caller.sees(Some(house.uuid)) == wanted).collect();
        let house = self.random.pick(&some).expect("there are several tenants");
        (house.mark.clone(), !wanted)
    }

    fn text(&mut self, argument: &str) -> String {
        match argument {
            "connector" => ["file", "sqlite", "sandbox"][self.random.below(3)].to_owned(),
            "code" => ["record.schema_violation", "source.not_found"][self.random.below(2)].to_owned(),
            "endUser" => format!("{} end user", self.mark().0),
            _ if self.random.percent(30) => ["a", "-", "%", "_", "'"][self.random.below(5)].to_owned(),
            "eq" | "in" => format!("{}-{}", self.mark().0, self.random.below(8)),
            _ => self.mark().0,
        }
    }

    /// A place in this kind of list, in the order that was chosen already, if one was.
    fn cursor(&mut self, connection: &str, order: &mut Option<&'static str>) -> Option<String> {
        let cursors = self.town.cursors.get(connection)?;
        let wanted = !self.random.percent(FOREIGN_PERCENT);
        let fits = |cursor: &&super::town::Cursor| {
            self.caller.sees(cursor.owner) == wanted && order.is_none_or(|order| order == cursor.order)
        };
        let some: Vec<_> = cursors.iter().filter(fits).collect();
        let cursor = self.random.pick(&some)?;
        *order = Some(cursor.order);
        Some(format!("\"{}\"", cursor.text))
    }

    fn kind(&self, of: &str) -> Option<Kind> {
        self.town.schema.0.get(named(of)).map(|found| found.kind)
    }
}
