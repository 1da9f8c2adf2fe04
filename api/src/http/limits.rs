//! What one GraphQL request may ask for, checked before validation: the validator itself walks expanded fragments, so
//! it must never see a document that explodes. Page sizes are clamped by the resolvers, not here.

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql::parser::{Error as ParseError, parse_query};
use async_graphql::{Name, Pos, Positioned, Value as ConstValue, Variables};

use super::error::{ErrorCode, Refusal};
use super::introspection;
use super::tokens;

/// Bytes of a request's body. The largest useful bodies carry an integration's mapping and schemas, some 50 KiB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a document. Generated queries of large front ends stay under 30 KiB.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Lexical tokens of a document; parsing takes about 1 µs each. The standard introspection query has some 400.
pub const DOCUMENT_TOKENS_MAX: u64 = 5_000;
/// Levels of `{`, `(` and `[` in a document, because the parser recurses. Its own limit is 64.
pub const DOCUMENT_NESTING_MAX: u64 = 40;
/// Levels of fields. The deepest useful path (tenant, connections, run, failure, its record) has 12.
pub const DEPTH_MAX: u64 = 15;
/// Levels of fields below and with `__schema` and `__type`: tools ask for up to nine `ofType`.
pub const INTROSPECTION_DEPTH_MAX: u64 = 20;
/// Aliases after fragment expansion; a dashboard uses some 30.
pub const ALIASES_MAX: u64 = 100;
/// Fields, spreads and inline fragments after fragment expansion.
pub const SELECTIONS_MAX: u64 = 1_000;
/// Directives after fragment expansion.
pub const DIRECTIVES_MAX: u64 = 50;
/// Operations in one document; query files of tools hold many, of which one is executed.
pub const OPERATIONS_MAX: usize = 50;
/// Fragments in one document; compilers for component trees make one per component.
pub const FRAGMENTS_MAX: usize = 200;
/// Fields and fragments inside one another; bounds the recursion. The standard introspection query has 17, and the
/// executor itself stops at 32.
pub const FRAGMENT_DEPTH_MAX: u64 = 30;
/// Errors in the answer to a request that is not executed: what a person still reads.
pub const ERRORS_MAX: usize = 50;
/// Points that an operation may cost: estimated fields that it makes the server resolve, and what larger work costs.
pub const COST_MAX: u64 = 20_000;
/// What `__schema` costs: the standard query returns some 10,000 fields, which are not resolved one by one.
const SCHEMA_COST: u64 = 1_000;
/// What `__type` costs.
const TYPE_COST: u64 = 50;
/// The largest page, as in the resolvers: a larger `first` or `last` costs no more.
pub const PAGE_SIZE_MAX: u64 = 100;
/// The page of a connection without `first` and `last`, as in the resolvers.
pub const PAGE_SIZE_DEFAULT: u64 = 20;
/// Levels of objects and lists in `variables`.
pub const VARIABLES_DEPTH_MAX: u64 = 64;
/// Longest execution of a query or mutation: what a person or a gateway still waits for.
pub const EXECUTION_TIMEOUT: Duration = Duration::from_secs(30);

/// What is more than one: points of fields, and entries of lists without pages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Prices<'a> {
    pub(super) fields: &'a [(&'a str, u64)],
    pub(super) lists: &'a [(&'a str, u64)],
}

/// What stands under this name; one where it does not.
fn named(numbers: &[(&str, u64)], name: &str) -> u64 {
    numbers.iter().find(|(field, _)| *field == name).map_or(1, |(_, number)| *number)
}

/// A document within all limits, and what the transport must know about it.
#[derive(Debug)]
pub(super) struct CheckedDocument {
    pub(super) document: ExecutableDocument,
    /// Whether it asks for `__schema` or `__type` anywhere.
    pub(super) introspects: bool,
    /// Points that the selected operation costs; at least one.
    pub(super) cost: u64,
    /// Bytes of the names of all fields and arguments, as the validator meets them.
    pub(super) name_bytes: u64,
}

/// Parses a document and refuses it when it exceeds a limit.
///
/// # Errors
/// `GRAPHQL_PARSE_FAILED`, or `LIMIT_EXCEEDED` with the limit's name and maximum.
pub(super) fn check(
    query: &str,
    operation_name: Option<&str>,
    variables: &Variables,
    prices: Prices<'_>,
) -> Result<CheckedDocument, Refusal> {
    check_parsed(parse(query)?, operation_name, variables, prices)
}

/// Parses a document, and refuses what can't be parsed within the limits.
///
/// # Errors
/// As [`check`].
pub(super) fn parse(query: &str) -> Result<ExecutableDocument, Refusal> {
    let bytes = query.len() as u64;
    at_most("documentBytes", bytes, DOCUMENT_BYTES_MAX as u64, "The document has", "bytes")?;
    let count = tokens::count(query);
    at_most(
        "documentNesting",
        count.nesting,
        DOCUMENT_NESTING_MAX,
        "The document nests brackets",
        "levels deep",
    )?;
    at_most("documentTokens", count.tokens, DOCUMENT_TOKENS_MAX, "The document has", "tokens")?;
    let document = parse_query(query).map_err(|error| parse_failed(&error))?;
    if let Some((name, at)) = tokens::field_twice(query) {
        let message = format!("The field \"{name}\" stands twice in one input object.");
        return Err(Refusal { locations: vec![at], ..Refusal::new(ErrorCode::ValidationFailed, message) });
    }
    Ok(document)
}

/// Refuses a document of [`parse`] when it exceeds a limit.
///
/// # Errors
/// `LIMIT_EXCEEDED` with the limit's name and maximum.
pub(super) fn check_parsed(
    document: ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
    prices: Prices<'_>,
) -> Result<CheckedDocument, Refusal> {
    at_most(
        "operations",
        document.operations.iter().len() as u64,
        OPERATIONS_MAX as u64,
        "The document has",
        "operations",
    )?;
    at_most(
        "fragments",
        document.fragments.len() as u64,
        FRAGMENTS_MAX as u64,
        "The document has",
        "fragments",
    )?;
    let selected = document
        .operations
        .iter()
        .find(|(name, _)| operation_name.is_none() || name.map(Name::as_str) == operation_name)
        .map(|(_, operation)| &operation.node);
    let Measured { introspects, cost, name_bytes } =
        measure_document(&document, selected, variables, prices)?;
    if introspects {
        introspection::check(&document)?;
    }
    Ok(CheckedDocument { document, introspects, cost: cost.max(1), name_bytes })
}

/// A document within all limits with what it costs, for who executes it on behalf of a request that is over.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn measured(
    query: &str,
    variables: &Variables,
    fields: &[(&str, u64)],
    lists: &[(&str, u64)],
) -> Result<(ExecutableDocument, u64), String> {
    let words = |refusal: Refusal| refusal.message;
    let checked = check(query, None, variables, Prices { fields, lists }).map_err(words)?;
    for (_name, operation) in checked.document.operations.iter() {
        check_variables(&operation.node, variables).map_err(words)?;
    }
    Ok((checked.document, checked.cost))
}

/// What a selection set amounts to once its fragments are expanded. All sums saturate.
#[derive(Clone, Copy, Debug, Default)]
struct Measure {
    selections: u64,
    aliases: u64,
    directives: u64,
    depth: u64,
    introspection_depth: u64,
    cost: u64,
    name_bytes: u64,
    introspects: bool,
    /// Selects `edges` or `nodes`: what it is selected on is a connection.
    is_connection: bool,
}

impl Measure {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
        self.introspection_depth = self.introspection_depth.max(other.introspection_depth);
        self.cost = self.cost.saturating_add(other.cost);
        self.name_bytes = self.name_bytes.saturating_add(other.name_bytes);
        self.introspects |= other.introspects;
        self.is_connection |= other.is_connection;
    }

    fn check(&self) -> Result<(), Refusal> {
        at_most("depth", self.depth, DEPTH_MAX, "The query nests fields", "levels deep")?;
        at_most(
            "depth",
            self.introspection_depth,
            INTROSPECTION_DEPTH_MAX,
            "The query nests fields",
            "levels deep",
        )?;
        at_most(
            "aliases",
            self.aliases,
            ALIASES_MAX,
            "The query has",
            "aliases (with its fragments expanded)",
        )?;
        at_most(
            "selections",
            self.selections,
            SELECTIONS_MAX,
            "The query selects",
            "fields (with its fragments expanded)",
        )?;
        at_most(
            "directives",
            self.directives,
            DIRECTIVES_MAX,
            "The query has",
            "directives (with its fragments expanded)",
        )
    }
}

/// What is to be known of a document that is within the limits.
struct Measured {
    introspects: bool,
    cost: u64,
    name_bytes: u64,
}

/// Measures every operation, because validation walks all of them, and says whether anything is introspection.
fn measure_document(
    document: &ExecutableDocument,
    selected: Option<&OperationDefinition>,
    variables: &Variables,
    prices: Prices<'_>,
) -> Result<Measured, Refusal> {
    let mut meter = Meter { document, selected, variables, prices, fragments: HashMap::new() };
    let mut total = Measure::default();
    let mut cost = 0;
    for (_, operation) in document.operations.iter() {
        let mut measure = meter.selection_set(&operation.node.selection_set.node, 0)?;
        let of_variables: usize =
            operation.node.variable_definitions.iter().map(|it| it.node.directives.len()).sum();
        measure.directives =
            measure.directives.saturating_add((operation.node.directives.len() + of_variables) as u64);
        total.add(measure);
        total.check()?;
        if selected.is_some_and(|selected| std::ptr::eq(selected, &operation.node)) {
            at_most(
                "cost",
                measure.cost,
                COST_MAX,
                "The query is estimated to cost",
                "points: ask for smaller pages",
            )?;
            cost = measure.cost;
        }
    }
    for (name, fragment) in &document.fragments {
        let mut measure = meter.fragment(name, 0)?;
        measure.directives = measure.directives.saturating_add(fragment.node.directives.len() as u64);
        measure.check()?;
        total.introspects |= measure.introspects;
        total.name_bytes = total.name_bytes.saturating_add(measure.name_bytes);
    }
    Ok(Measured { introspects: total.introspects, cost, name_bytes: total.name_bytes })
}

/// Measures selection sets, each fragment once.
struct Meter<'a> {
    document: &'a ExecutableDocument,
    selected: Option<&'a OperationDefinition>,
    variables: &'a Variables,
    prices: Prices<'a>,
    /// `None` while a fragment is being measured: meeting it again is a cycle.
    fragments: HashMap<&'a str, Option<Measure>>,
}

impl<'a> Meter<'a> {
    fn selection_set(&mut self, set: &'a SelectionSet, level: u64) -> Result<Measure, Refusal> {
        at_most("depth", level, FRAGMENT_DEPTH_MAX, "The query nests fields and fragments", "levels deep")?;
        let mut total = Measure::default();
        for selection in &set.items {
            let mut measure = match &selection.node {
                Selection::Field(field) => self.field(&field.node, level)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, level)?,
                Selection::InlineFragment(fragment) => {
                    self.selection_set(&fragment.node.selection_set.node, level + 1)?
                }
            };
            measure.selections = measure.selections.saturating_add(1);
            measure.directives = measure.directives.saturating_add(selection.node.directives().len() as u64);
            total.add(measure);
        }
        Ok(total)
    }

    fn field(&mut self, field: &'a Field, level: u64) -> Result<Measure, Refusal> {
        let below = self.selection_set(&field.selection_set.node, level + 1)?;
        let name = field.name.node.as_str();
        let introspects = matches!(name, "__schema" | "__type");
        let own_cost = match name {
            "__schema" => SCHEMA_COST,
            "__type" => TYPE_COST,
            _ => named(self.prices.fields, name),
        };
        let depth_below = below.depth.saturating_add(1);
        Ok(Measure {
            selections: below.selections,
            aliases: below.aliases.saturating_add(u64::from(field.alias.is_some())),
            directives: below.directives,
            depth: if introspects { 1 } else { depth_below },
            introspection_depth: if introspects { depth_below } else { below.introspection_depth },
            cost: self
                .page_size(field, below.is_connection)
                .saturating_mul(below.cost)
                .saturating_add(own_cost),
            name_bytes: below.name_bytes.saturating_add(bytes_of_names(field)),
            introspects: introspects || below.introspects,
            is_connection: matches!(name, "edges" | "nodes"),
        })
    }

    fn fragment(&mut self, name: &'a Name, level: u64) -> Result<Measure, Refusal> {
        match self.fragments.get(name.as_str()) {
            Some(Some(measure)) => return Ok(*measure),
            Some(None) => {
                return Err(Refusal::new(
                    ErrorCode::ValidationFailed,
                    format!("The fragment \"{name}\" contains itself, directly or through others."),
                ));
            }
            None => {}
        }
        // Unknown fragments are for validation to report.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Measure::default()) };
        self.fragments.insert(name.as_str(), None);
        let measure = self.selection_set(&fragment.node.selection_set.node, level + 1)?;
        self.fragments.insert(name.as_str(), Some(measure));
        Ok(measure)
    }

    /// How many times what is below a field may be resolved.
    fn page_size(&self, field: &Field, is_connection: bool) -> u64 {
        let sizes =
            ["first", "last"].into_iter().filter_map(|name| field.get_argument(name)).map(|argument| {
                let value = argument.node.clone().into_const_with(|name| {
                    self.variables.get(&name).or_else(|| self.default_of(&name)).cloned().ok_or(())
                });
                match value {
                    // Negative numbers and fractions are refused later; they cost nothing.
                    Ok(ConstValue::Number(number)) => number.as_u64().unwrap_or(0).min(PAGE_SIZE_MAX),
                    _ => PAGE_SIZE_DEFAULT,
                }
            });
        sizes.max().unwrap_or_else(|| match is_connection {
            true => PAGE_SIZE_DEFAULT,
            false => named(self.prices.lists, field.name.node.as_str()),
        })
    }

    fn default_of(&self, name: &Name) -> Option<&ConstValue> {
        let definitions = &self.selected?.variable_definitions;
        let definition = definitions.iter().find(|definition| definition.node.name.node == *name)?;
        definition.node.default_value.as_ref().map(|value| &value.node)
    }
}

fn bytes_of_names(field: &Field) -> u64 {
    let of_arguments: usize = field.arguments.iter().map(|(name, _)| name.node.len()).sum();
    (field.name.node.len() + of_arguments) as u64
}

/// `LIMIT_EXCEEDED` when `actual` is more than `maximum`, as one sentence.
pub(super) fn at_most(
    name: &'static str,
    actual: u64,
    maximum: u64,
    subject: &str,
    unit: &str,
) -> Result<(), Refusal> {
    if actual <= maximum {
        return Ok(());
    }
    let actual = if actual == u64::MAX { "endlessly many".to_owned() } else { actual.to_string() };
    Err(Refusal::limit(name, maximum, format!("{subject} {actual} {unit}; at most {maximum} are allowed.")))
}

fn parse_failed(error: &ParseError) -> Refusal {
    let locations: Vec<Pos> = error.positions().collect();
    let message = match error {
        ParseError::Syntax { message, start, .. } => {
            // The parser draws the place over several lines and ends with what it expected.
            let expected = message.rsplit("= ").next().map(str::trim).filter(|text| !text.contains('\n'));
            match expected {
                Some(expected) => {
                    format!("Syntax error at line {}, column {}: {expected}.", start.line, start.column)
                }
                None => format!("Syntax error at line {}, column {}.", start.line, start.column),
            }
        }
        ParseError::MissingOperation => "The document holds no operation.".to_owned(),
        ParseError::MultipleOperations { .. } => {
            "An operation without a name must be the only one of its document.".to_owned()
        }
        ParseError::OperationDuplicated { operation, .. } => {
            format!("The operation \"{operation}\" is defined twice.")
        }
        ParseError::FragmentDuplicated { fragment, .. } => {
            format!("The fragment \"{fragment}\" is defined twice.")
        }
        ParseError::RecursionLimitExceeded => "The document is nested too deep.".to_owned(),
        _ => "The document is not a GraphQL request.".to_owned(),
    };
    Refusal { locations, ..Refusal::new(ErrorCode::ParseFailed, message) }
}

/// Whether every required variable of an operation is there; its absence is a fault of the request, not of a field.
///
/// # Errors
/// `BAD_USER_INPUT` that names the variable and its type.
pub(super) fn check_variables(operation: &OperationDefinition, variables: &Variables) -> Result<(), Refusal> {
    for Positioned { node: definition, pos } in &operation.variable_definitions {
        let required = !definition.var_type.node.nullable;
        let name = &definition.name.node;
        let problem = match variables.get(name) {
            Some(ConstValue::Null) if required => "must not be null",
            None if required && definition.default_value.is_none() => "is required and was not given",
            _ => continue,
        };
        let message = format!("The variable \"${name}\" of type \"{}\" {problem}.", definition.var_type.node);
        return Err(Refusal { locations: vec![*pos], ..Refusal::new(ErrorCode::BadUserInput, message) });
    }
    Ok(())
}
