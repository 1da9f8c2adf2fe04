//! The schema against its contract, and against its own rules: everything is described, every list has the four
//! arguments, every payload its `userErrors`.

use std::collections::{BTreeMap, BTreeSet};

use api::graphql::access::{Access, OPERATIONS};
use api::graphql::sdl;
use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, ServiceDocument, TypeDefinition, TypeKind, TypeSystemDefinition,
};

const CONTRACT: &str = include_str!("contract.graphql");

fn types(document: ServiceDocument) -> BTreeMap<String, TypeDefinition> {
    let definitions = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => {
            Some((definition.node.name.node.to_string(), definition.node))
        }
        _ => None,
    });
    definitions.collect()
}

fn schema() -> BTreeMap<String, TypeDefinition> {
    types(parse_schema(sdl()).unwrap())
}

fn fields(definition: &TypeDefinition) -> &[Positioned<FieldDefinition>] {
    match &definition.kind {
        TypeKind::Object(object) => &object.fields,
        TypeKind::Interface(interface) => &interface.fields,
        _ => &[],
    }
}

fn inputs(definition: &TypeDefinition) -> &[Positioned<InputValueDefinition>] {
    match &definition.kind {
        TypeKind::InputObject(input) => &input.fields,
        _ => &[],
    }
}

fn missing_inputs(
    place: &str,
    expected: &[Positioned<InputValueDefinition>],
    actual: &[Positioned<InputValueDefinition>],
) -> Vec<String> {
    let mut problems = Vec::new();
    for expected in expected {
        let (name, ty) = (&expected.node.name.node, expected.node.ty.node.to_string());
        match actual.iter().find(|actual| actual.node.name.node == *name) {
            Some(actual) if actual.node.ty.node.to_string() == ty => {}
            Some(actual) => problems.push(format!("{place}.{name} is {}, not {ty}", actual.node.ty.node)),
            None => problems.push(format!("{place}.{name} is missing")),
        }
    }
    problems
}

#[test]
fn everything_of_the_contract_is_there() {
    let schema = schema();
    let mut problems = Vec::new();
    for (name, expected) in types(parse_schema(CONTRACT).unwrap()) {
        let Some(actual) = schema.get(&name) else {
            problems.push(format!("{name} is missing"));
            continue;
        };
        if std::mem::discriminant(&expected.kind) != std::mem::discriminant(&actual.kind) {
            problems.push(format!("{name} is of another kind"));
        }
        for field in fields(&expected) {
            let (place, ty) = (format!("{name}.{}", field.node.name.node), field.node.ty.node.to_string());
            match fields(actual).iter().find(|actual| actual.node.name.node == field.node.name.node) {
                Some(actual) if actual.node.ty.node.to_string() == ty => {
                    problems.extend(missing_inputs(&place, &field.node.arguments, &actual.node.arguments));
                }
                Some(actual) => problems.push(format!("{place} is {}, not {ty}", actual.node.ty.node)),
                None => problems.push(format!("{place} is missing")),
            }
        }
        problems.extend(missing_inputs(&name, inputs(&expected), inputs(actual)));
        if let (TypeKind::Enum(expected), TypeKind::Enum(actual)) = (&expected.kind, &actual.kind) {
            let values = |values: &[Positioned<async_graphql::parser::types::EnumValueDefinition>]| {
                values.iter().map(|value| value.node.value.node.to_string()).collect::<BTreeSet<_>>()
            };
            if values(&expected.values) != values(&actual.values) {
                problems.push(format!("{name} has other values"));
            }
        }
        if let (TypeKind::Object(expected), TypeKind::Object(actual)) = (&expected.kind, &actual.kind) {
            let interfaces = actual.implements.iter().map(|name| name.node.to_string()).collect::<Vec<_>>();
            for interface in &expected.implements {
                if !interfaces.contains(&interface.node.to_string()) {
                    problems.push(format!("{name} does not implement {}", interface.node));
                }
            }
        }
    }
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn everything_is_described() {
    let mut bare = Vec::new();
    let mut check = |place: String, description: &Option<Positioned<String>>| {
        if description.as_ref().is_none_or(|description| description.node.trim().is_empty()) {
            bare.push(place);
        }
    };
    for (name, definition) in schema() {
        check(name.clone(), &definition.description);
        for field in fields(&definition) {
            let place = format!("{name}.{}", field.node.name.node);
            for argument in &field.node.arguments {
                check(format!("{place}({})", argument.node.name.node), &argument.node.description);
            }
            check(place, &field.node.description);
        }
        for field in inputs(&definition) {
            check(format!("{name}.{}", field.node.name.node), &field.node.description);
        }
        if let TypeKind::Enum(values) = &definition.kind {
            for value in &values.values {
                check(format!("{name}.{}", value.node.value.node), &value.node.description);
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn every_list_pages_both_ways() {
    let schema = schema();
    let mut connections = 0;
    for (name, definition) in &schema {
        for field in fields(definition) {
            if !field.node.ty.node.to_string().ends_with("Connection!") {
                continue;
            }
            connections += 1;
            let arguments: Vec<String> =
                field.node.arguments.iter().map(|argument| argument.node.to_string_with_type()).collect();
            for expected in ["first: Int", "after: String", "last: Int", "before: String"] {
                assert!(
                    arguments.contains(&expected.to_owned()),
                    "{name}.{}: {expected}",
                    field.node.name.node
                );
            }
        }
        if name.ends_with("Connection") {
            let fields: Vec<String> =
                fields(definition).iter().map(|field| field.node.name.node.to_string()).collect();
            assert_eq!(fields, ["edges", "pageInfo"], "{name}");
        }
    }
    assert_eq!(connections, 16);
}

trait WithType {
    fn to_string_with_type(&self) -> String;
}

impl WithType for InputValueDefinition {
    fn to_string_with_type(&self) -> String {
        format!("{}: {}", self.name.node, self.ty.node)
    }
}

#[test]
fn every_mutation_takes_one_input_and_answers_with_user_errors() {
    let schema = schema();
    for field in fields(&schema["Mutation"]) {
        let name = field.node.name.node.as_str();
        let inputs: Vec<String> =
            field.node.arguments.iter().map(|argument| argument.node.to_string_with_type()).collect();
        let (initial, rest) = name.split_at(1);
        let expected = format!("input: {}{rest}Input!", initial.to_uppercase());
        assert!(inputs == [expected.clone()] || name == "signOut", "{name}: {inputs:?}");
        let payload = field.node.ty.node.to_string();
        assert!(payload.ends_with("Payload!"), "{name}");
        for field in fields(&schema[payload.trim_end_matches('!')]) {
            let ty = field.node.ty.node.to_string();
            if field.node.name.node == "userErrors" {
                assert_eq!(ty, "[UserError!]!");
            } else {
                assert!(!ty.ends_with('!'), "{payload}.{} can be null", field.node.name.node);
            }
        }
        assert!(
            fields(&schema[payload.trim_end_matches('!')])
                .iter()
                .any(|field| field.node.name.node == "userErrors"),
            "{payload}"
        );
    }
}

#[test]
fn the_table_of_operations_is_complete_and_stands_in_the_descriptions() {
    let schema = schema();
    for root in ["Query", "Mutation", "Subscription"] {
        let listed: BTreeSet<&str> =
            OPERATIONS.iter().filter(|(name, _, _)| *name == root).map(|(_, field, _)| *field).collect();
        let there: BTreeSet<&str> =
            fields(&schema[root]).iter().map(|field| field.node.name.node.as_str()).collect();
        assert_eq!(listed, there, "{root}");
    }
    for (name, field, access) in OPERATIONS {
        let definition = fields(&schema[*name]).iter().find(|candidate| candidate.node.name.node == *field);
        let definition = definition.unwrap_or_else(|| unreachable!("{name}.{field} is not in the schema"));
        let description = &definition.node.description.as_ref().unwrap().node;
        assert!(description.ends_with(&access.sentence()), "{name}.{field}: {description}");
        if let Access::Needs(permission) = access {
            assert!(description.contains(permission.name()), "{name}.{field}");
        }
    }
}

#[test]
fn the_text_is_the_same_each_time() {
    assert_eq!(sdl(), sdl());
}
