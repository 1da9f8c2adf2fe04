//! The schema language taken apart, for tests that compare schemas or must cover all of one. Deliberately absent:
//! directives and everything else that no test asks for.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition,
};

/// The types of a schema by name.
#[derive(Debug)]
pub struct Sdl(pub BTreeMap<String, Type>);

/// What a type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Leaf values.
    Scalar,
    /// Has fields to select.
    Object,
    /// The same, for several objects.
    Interface,
    /// One of several objects.
    Union,
    /// Has values.
    Enum,
    /// Has fields to hand in.
    Input,
}

/// A type.
#[derive(Debug)]
pub struct Type {
    /// What it is.
    pub kind: Kind,
    /// For people; empty when there is none.
    pub description: String,
    /// Interfaces of an object.
    pub implements: Vec<String>,
    /// Fields of an object, interface or input, by name.
    pub fields: BTreeMap<String, Field>,
    /// Values of an enum with their descriptions.
    pub values: BTreeMap<String, String>,
}

/// A field or an argument.
#[derive(Debug)]
pub struct Field {
    /// For people; empty when there is none.
    pub description: String,
    /// For example `[String!]!`.
    pub of: String,
    /// Whether a caller may leave it out.
    pub has_default: bool,
    /// By name.
    pub arguments: BTreeMap<String, Field>,
}

impl Sdl {
    /// Reads a schema.
    pub fn parse(text: &str) -> Self {
        let document =
            parse_schema(text).unwrap_or_else(|error| panic!("this is no schema: {error}\n{text}"));
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => {
                Some((definition.node.name.node.to_string(), Type::of(definition.node)))
            }
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Self(types.collect())
    }

    /// A type that must be there.
    pub fn get(&self, name: &str) -> &Type {
        self.0.get(name).unwrap_or_else(|| panic!("the schema has no type {name}"))
    }

    /// A selection of a value of the type that says which it is: nothing for leaves, the id of what has one, the nodes
    /// of a connection, all leaves of anything else.
    pub fn selection(&self, of: &str) -> String {
        let name = named(of);
        let Some(found) = self.0.get(name) else { return String::new() };
        if !matches!(found.kind, Kind::Object | Kind::Interface) {
            return String::new();
        }
        if found.fields.contains_key("id") {
            return "{ id }".to_owned();
        }
        if found.fields.contains_key("edges") {
            return "{ edges { node { __typename } } }".to_owned();
        }
        let leaves = found.fields.iter().filter(|(_, field)| self.selection(&field.of).is_empty());
        let names: Vec<&str> = leaves.map(|(name, _)| name.as_str()).collect();
        format!("{{ __typename {} }}", names.join(" "))
    }
}

/// The type without its lists and exclamation marks.
pub fn named(of: &str) -> &str {
    of.trim_matches(['[', ']', '!'])
}

impl Type {
    fn of(definition: TypeDefinition) -> Self {
        let mut this = Self {
            kind: Kind::Scalar,
            description: definition.description.map(|text| text.node).unwrap_or_default(),
            implements: Vec::new(),
            fields: BTreeMap::new(),
            values: BTreeMap::new(),
        };
        match definition.kind {
            TypeKind::Scalar => {}
            TypeKind::Union(_) => this.kind = Kind::Union,
            TypeKind::Object(object) => {
                this.kind = Kind::Object;
                this.implements = object.implements.iter().map(|name| name.node.to_string()).collect();
                this.fields = object.fields.into_iter().map(|field| output(field.node)).collect();
            }
            TypeKind::Interface(interface) => {
                this.kind = Kind::Interface;
                this.fields = interface.fields.into_iter().map(|field| output(field.node)).collect();
            }
            TypeKind::Enum(values) => {
                this.kind = Kind::Enum;
                let values = values.values.into_iter().map(|value| value.node);
                this.values = values
                    .map(|value| {
                        let description = value.description.map(|text| text.node).unwrap_or_default();
                        (value.value.node.to_string(), description)
                    })
                    .collect();
            }
            TypeKind::InputObject(object) => {
                this.kind = Kind::Input;
                this.fields = object.fields.into_iter().map(|field| input(field.node)).collect();
            }
        }
        this
    }
}

fn output(field: FieldDefinition) -> (String, Field) {
    let arguments = field.arguments.into_iter().map(|argument| input(argument.node)).collect();
    let this = Field {
        description: field.description.map(|text| text.node).unwrap_or_default(),
        of: field.ty.node.to_string(),
        has_default: false,
        arguments,
    };
    (field.name.node.to_string(), this)
}

fn input(value: InputValueDefinition) -> (String, Field) {
    let this = Field {
        description: value.description.map(|text| text.node).unwrap_or_default(),
        of: value.ty.node.to_string(),
        has_default: value.default_value.is_some(),
        arguments: BTreeMap::new(),
    };
    (value.name.node.to_string(), this)
}
