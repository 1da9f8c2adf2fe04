//! Which documents can be exported: one connection at the top, whose pages are read one after the other by arguments that are
//! added here. What is inside a node is the document's own, and each connection there says how many it wants: nobody is to
//! take the first twenty for all.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Positioned, Request, Value, Variables};

use crate::graphql::{FIELD_COSTS, LIST_SIZES};
use crate::http::limits::{COST_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, measured};

/// The connections of the top that can be exported: what a tenant has. The others are what stands above tenants, and what
/// lets somebody in.
pub(super) const EXPORTED: &[&str] = &[
    "auditEntries",
    "contacts",
    "failureGroups",
    "failures",
    "inbox",
    "incidents",
    "integrations",
    "noticeDeliveries",
    "notices",
    "quarantines",
    "runs",
    "systems",
    "users",
];
/// Those that can't be.
#[cfg(test)]
const NOT_EXPORTED: &[&str] = &[
    "apiKeys",
    "escalationPolicies",
    "exports",
    "identityProviders",
    "invitations",
    "killSwitches",
    "noticeChannels",
    "noticePolicies",
    "ownershipRules",
    "portalKeys",
    "portalSessions",
    "runbooks",
    "tenants",
];
/// The arguments by which pages are read.
const PAGE_ARGUMENTS: [&str; 4] = ["first", "after", "last", "before"];
/// What a page says of the next one.
const PAGE_INFO: &str = "{ pageInfo { hasNextPage endCursor } }";
const SHAPE: &str = "must be one query of the form `{ failures(filter: …) { edges { node { … } } } }`";

/// A document that can be exported.
pub(super) struct Plan {
    /// Of one page, without the arguments by which it is read.
    document: ExecutableDocument,
    variables: Variables,
    field: String,
    page_size: u64,
}

impl Plan {
    /// Of this document.
    ///
    /// # Errors
    /// Why it can't be exported, in words for whoever wrote it.
    pub(super) fn of(query: &str, variables: Option<&serde_json::Value>) -> Result<Self, String> {
        let variables = variables.cloned().map(Variables::from_json).unwrap_or_default();
        let (mut document, cost) = measured(query, &variables, FIELD_COSTS, LIST_SIZES)?;
        let operation = only_operation(&document)?;
        let field = checked_connection(operation)?;
        check_nested(&document, node_of(field)?)?;
        let field = field.name.node.to_string();
        // It was measured with the default in the place of a page's size: with so many it is within the limit.
        let page_size = (PAGE_SIZE_DEFAULT * COST_MAX / cost).clamp(PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX);
        let page_info = parse_query(PAGE_INFO).map_err(|error| error.to_string())?;
        let page_info = only_operation(&page_info)?.selection_set.node.items.clone();
        connection_of(&mut document).ok_or(SHAPE)?.selection_set.node.items.extend(page_info);
        Ok(Self { document, variables, field, page_size })
    }

    /// The connection that it goes through.
    pub(super) fn field(&self) -> &str {
        &self.field
    }

    /// Objects of a page: as many as there may be, unless a page would cost more than it may.
    pub(super) fn page_size(&self) -> u64 {
        self.page_size
    }

    /// Asks for a page of so many, behind a cursor.
    pub(super) fn page(&self, first: u64, after: Option<&str>) -> Request {
        let mut document = self.document.clone();
        if let Some(field) = connection_of(&mut document) {
            let place = field.name.pos;
            let mut add = |name: &str, value: Value| {
                let name = Positioned::new(Name::new(name), place);
                field.arguments.push((name, Positioned::new(value.into_value(), place)));
            };
            add("first", Value::from(first));
            if let Some(after) = after {
                add("after", Value::from(after));
            }
        }
        let mut request = Request::new(String::new()).variables(self.variables.clone());
        request.set_parsed_query(document);
        request
    }
}

fn only_operation(document: &ExecutableDocument) -> Result<&OperationDefinition, String> {
    let mut operations = document.operations.iter();
    match (operations.next(), operations.next()) {
        (Some((_name, operation)), None) => Ok(&operation.node),
        _ => Err(SHAPE.to_owned()),
    }
}

/// The connection at the top, if that is all there is.
fn checked_connection(operation: &OperationDefinition) -> Result<&Field, String> {
    if operation.ty != OperationType::Query || !operation.directives.is_empty() {
        return Err(SHAPE.to_owned());
    }
    let field = only_field(&operation.selection_set.node)?;
    let name = field.name.node.as_str();
    if !EXPORTED.contains(&name) {
        let message = format!("can't export `{name}`; what can be is {}", EXPORTED.join(", "));
        return Err(message);
    }
    if let Some(argument) = PAGE_ARGUMENTS.into_iter().find(|name| field.get_argument(name).is_some()) {
        return Err(format!("must not say `{argument}` for `{name}`: an export has all of them"));
    }
    Ok(field)
}

/// What is asked of each object.
fn node_of(connection: &Field) -> Result<&SelectionSet, String> {
    let edges = only_field(&connection.selection_set.node)?;
    let node = only_field(&edges.selection_set.node)?;
    let is_shaped = edges.name.node == "edges" && node.name.node == "node";
    if is_shaped { Ok(&node.selection_set.node) } else { Err(SHAPE.to_owned()) }
}

/// The only selection, where it is a field by its own name that is there whatever the variables are.
fn only_field(set: &SelectionSet) -> Result<&Field, String> {
    match set.items.as_slice() {
        [Positioned { node: Selection::Field(field), .. }]
            if field.node.alias.is_none() && field.node.directives.is_empty() =>
        {
            Ok(&field.node)
        }
        _ => Err(SHAPE.to_owned()),
    }
}

/// Connections inside say how many they want. The document is within the limits, so its fragments end.
fn check_nested(document: &ExecutableDocument, set: &SelectionSet) -> Result<(), String> {
    check_set(document, set)?;
    document
        .fragments
        .values()
        .try_for_each(|fragment| check_set(document, &fragment.node.selection_set.node))
}

fn check_set(document: &ExecutableDocument, set: &SelectionSet) -> Result<(), String> {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let Field { name, selection_set, .. } = &field.node;
                let says = |argument| field.node.get_argument(argument).is_some();
                if has_edges(document, &selection_set.node) && !says("first") && !says("last") {
                    let name = &name.node;
                    return Err(format!(
                        "must say how many of `{name}` it wants of each object: `first` or `last`"
                    ));
                }
                check_set(document, &selection_set.node)?;
            }
            Selection::InlineFragment(fragment) => check_set(document, &fragment.node.selection_set.node)?,
            // Each fragment is looked at by itself.
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

fn has_edges(document: &ExecutableDocument, set: &SelectionSet) -> bool {
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => field.node.name.node == "edges",
        Selection::InlineFragment(fragment) => has_edges(document, &fragment.node.selection_set.node),
        Selection::FragmentSpread(spread) => document
            .fragments
            .get(&spread.node.fragment_name.node)
            .is_some_and(|fragment| has_edges(document, &fragment.node.selection_set.node)),
    })
}

/// The connection at the top of a checked document.
fn connection_of(document: &mut ExecutableDocument) -> Option<&mut Field> {
    let operation = match &mut document.operations {
        DocumentOperations::Single(operation) => operation,
        DocumentOperations::Multiple(operations) => operations.values_mut().next()?,
    };
    match &mut operation.node.selection_set.node.items.first_mut()?.node {
        Selection::Field(field) => Some(&mut field.node),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
    use domain::export::read_by;
    use serde_json::json;

    use crate::graphql::access::{Access, OPERATIONS};

    use super::{EXPORTED, NOT_EXPORTED, Plan};

    fn refusal(query: &str) -> String {
        Plan::of(query, None).err().unwrap_or_else(|| "it can be exported".to_owned())
    }

    #[test]
    fn every_connection_of_the_top_can_be_exported_or_is_known_not_to_be() {
        let document = parse_schema(crate::graphql::sdl()).expect("the schema is GraphQL");
        let query = document.definitions.into_iter().find_map(|definition| match definition {
            TypeSystemDefinition::Type(it) if it.node.name.node == "Query" => Some(it.node.kind),
            _ => None,
        });
        let Some(TypeKind::Object(query)) = query else { unreachable!("there is a Query") };
        let connections = query
            .fields
            .into_iter()
            .filter(|field| field.node.ty.node.to_string().trim_end_matches('!').ends_with("Connection"));
        let connections: BTreeSet<String> =
            connections.map(|field| field.node.name.node.to_string()).collect();
        let known = EXPORTED.iter().chain(NOT_EXPORTED).map(|name| (*name).to_owned()).collect();
        assert_eq!(connections, known);
    }

    #[test]
    fn one_connection_with_edges_and_nodes_is_what_can_be_exported() {
        let fragment =
            "query Failed($code: [String!]) { failures(filter: {code: $code}) { edges { node { ...F } } } }
            fragment F on Failure { id run { id events(first: 5) { edges { node { message } } } } }";
        let plan =
            Plan::of(fragment, Some(&json!({"code": ["record.invalid"]}))).expect("it can be exported");
        assert_eq!((plan.field(), plan.page_size()), ("failures", 100));
        let shape = super::SHAPE;
        for query in [
            "{ failures { edges { node { id } cursor } } }",
            "{ failures { edges { node { id } } pageInfo { hasNextPage } } }",
            "{ failures { edges { node { id } } } runs { edges { node { id } } } }",
            "{ failures { edges { item: node { id } } } }",
            "{ all: failures { edges { node { id } } } }",
            "{ failures @include(if: true) { edges { node { id } } } }",
            "{ failures { ...on FailureConnection { edges { node { id } } } } }",
            "{ ...A } fragment A on Query { failures { edges { node { id } } } }",
            "query A { failures { edges { node { id } } } } query B { runs { edges { node { id } } } }",
            "subscription { failures { edges { node { id } } } }",
            "mutation { failures { edges { node { id } } } }",
        ] {
            assert_eq!(refusal(query), shape, "{query}");
        }
        assert!(
            refusal("{ tenants { edges { node { id } } } }").starts_with("can't export `tenants`; what can")
        );
        for argument in ["first: 10", "last: 10", "after: \"x\"", "before: null"] {
            let query = format!("{{ runs({argument}) {{ edges {{ node {{ id }} }} }} }}");
            let name = argument.split(':').next().expect("a name");
            assert_eq!(
                refusal(&query),
                format!("must not say `{name}` for `runs`: an export has all of them")
            );
        }
        assert!(refusal("{ runs { edges { node { id }").starts_with("Syntax error"));
    }

    #[test]
    fn whoever_loses_the_right_to_read_it_loses_the_file() {
        for (kind, name, access) in OPERATIONS {
            if let ("Query", true) = (*kind, EXPORTED.contains(name)) {
                assert_eq!(read_by(name).map(Access::Needs), Some(*access), "{name}");
            }
        }
        assert!(NOT_EXPORTED.iter().all(|name| read_by(name).is_none()));
    }

    #[test]
    fn connections_inside_say_how_many() {
        let message = "must say how many of `events` it wants of each object: `first` or `last`";
        for query in [
            "{ runs { edges { node { events { edges { node { message } } } } } } }",
            "{ runs { edges { node { ... { events { edges { node { message } } } } } } } }",
            "{ runs { edges { node { ...R } } } } fragment R on Run { events { ...E } }
             fragment E on RunEventConnection { edges { node { message } } }",
        ] {
            assert_eq!(refusal(query), message, "{query}");
        }
    }

    #[test]
    fn pages_are_as_large_as_their_cost_allows() {
        let nested = |count: u64| {
            format!(
                "{{ runs {{ edges {{ node {{ id events(first: {count}) {{ edges {{ node {{ message }} }} }} }} }} }} }}"
            )
        };
        let size = |query: &str| Plan::of(query, None).map(|plan| plan.page_size());
        assert_eq!(size("{ runs { edges { node { id } } } }"), Ok(100));
        let large = size(&nested(100)).expect("it can be exported");
        assert!((20..100).contains(&large), "{large}");
        let larger = "{ runs { edges { node { failures(first: 100) { edges { node { run { events(first: 100) { edges \
                      { node { message } } } } } } } } } } }";
        assert!(refusal(larger).starts_with("The query is estimated to cost"), "{}", refusal(larger));
    }

    #[test]
    fn a_page_is_the_document_with_its_place() {
        let plan = Plan::of("{ runs { edges { node { id } } } }", None).expect("it can be exported");
        for (after, count) in [(None, 1), (Some("abc"), 2)] {
            let mut request = plan.page(7, after);
            let mut document = request.parsed_query().expect("it is parsed").clone();
            let field = super::connection_of(&mut document).expect("a connection");
            assert_eq!(field.arguments.len(), count);
            assert_eq!(field.get_argument("first").map(|value| value.node.to_string()).as_deref(), Some("7"));
            let place = field.get_argument("after").map(|value| value.node.to_string());
            assert_eq!(place.as_deref(), after.map(|_cursor| "\"abc\""));
            assert_eq!(field.selection_set.node.items.len(), 2, "and page info");
        }
    }
}
