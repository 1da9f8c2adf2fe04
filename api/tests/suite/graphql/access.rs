//! Each operation by each role: refused exactly where the permission table says so, and to nobody signed in always.

use std::collections::{BTreeMap, BTreeSet};

use api::graphql::access::{Access, OPERATIONS};
use api::graphql::sdl;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Positioned, Request};
use domain::Role;
use domain::permission::{Grant, ROLES};
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

use super::world::{Person, World, codes};

/// Writes a document for an operation, with a value for each argument and input field that must be there.
struct Writer(BTreeMap<String, TypeDefinition>);

impl Writer {
    fn new() -> Self {
        let definitions = parse_schema(sdl()).unwrap().definitions.into_iter();
        let types = definitions.filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => {
                Some((definition.node.name.node.to_string(), definition.node))
            }
            _ => None,
        });
        Self(types.collect())
    }

    fn fields(&self, root: &str) -> &[Positioned<FieldDefinition>] {
        let TypeKind::Object(object) = &self.0[root].kind else { unreachable!("a root is an object") };
        &object.fields
    }

    fn document(&self, root: &str, name: &str) -> String {
        let field = self.fields(root).iter().find(|field| field.node.name.node == name).unwrap();
        let arguments: Vec<_> = field.node.arguments.iter().map(|argument| &argument.node).collect();
        let arguments = self.required(&arguments);
        let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
        format!("{} {{ {name}{arguments} {{ __typename }} }}", root.to_lowercase())
    }

    fn required(&self, inputs: &[&InputValueDefinition]) -> String {
        let required = inputs.iter().filter(|input| {
            (!input.ty.node.nullable && input.default_value.is_none())
                // One of the two ways to name what is meant.
                || matches!(input.name.node.as_str(), "slug" | "failureIds")
        });
        let written = required.map(|input| match input.name.node.as_str() {
            // Of a query, which refuses what is none.
            "locale" => r#"locale: "en""#.to_owned(),
            name => format!("{name}: {}", self.value(&input.ty.node)),
        });
        written.collect::<Vec<_>>().join(", ")
    }

    fn value(&self, ty: &Type) -> String {
        let name = match &ty.base {
            BaseType::List(item) => return format!("[{}]", self.value(item)),
            BaseType::Named(name) => name.as_str(),
        };
        match (name, self.0.get(name).map(|definition| &definition.kind)) {
            (_, Some(TypeKind::Enum(values))) => values.values[0].node.value.node.to_string(),
            (_, Some(TypeKind::InputObject(input))) => {
                let fields: Vec<_> = input.fields.iter().map(|field| &field.node).collect();
                format!("{{ {} }}", self.required(&fields))
            }
            ("JSON", _) => "{}".to_owned(),
            ("Int" | "BigInt", _) => "1".to_owned(),
            ("Boolean", _) => "true".to_owned(),
            ("DateTime", _) => r#""2026-11-22T15:04:05Z""#.to_owned(),
            _ => r#""nothing""#.to_owned(),
        }
    }
}

/// The first answer; null when a subscription listens and has nothing to say yet.
async fn first_answer(world: &World, request: Request, root: &str, document: &str) -> Value {
    if root == "Subscription" {
        let mut answers = world.schema.execute_stream(request).boxed();
        let first = answers.next();
        if let Some(answer) = first.now_or_never() {
            return serde_json::to_value(answer.unwrap()).unwrap();
        }
        // Without an argument there is nothing to read first: it listens.
        let reads_first = document.contains('(');
        return if reads_first {
            serde_json::to_value(answers.next().await.unwrap()).unwrap()
        } else {
            Value::Null
        };
    }
    serde_json::to_value(world.schema.execute(request).await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_refused_exactly_what_the_table_refuses() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    let writer = Writer::new();
    let mut people: Vec<(Role, Person)> = Vec::new();
    for role in ROLES {
        people.push((role, world.person(role, &customer.tenant).await));
    }
    let mut wrong = Vec::new();
    let operations = || {
        let roots = ["Query", "Mutation", "Subscription"];
        OPERATIONS.iter().filter(move |(root, name, _)| roots.contains(root) && *name != "signOut")
    };
    for (root, name, access) in operations() {
        let document = writer.document(root, name);
        let answer = first_answer(&world, world.request(None, &document, json!({})), root, &document).await;
        let expected: &[&str] = if *access == Access::Anyone { &[] } else { &["UNAUTHENTICATED"] };
        if codes(&answer) != expected {
            wrong.push(format!("{name} by nobody: {answer}"));
        }
        for (role, person) in &people {
            let answer =
                first_answer(&world, world.request(Some(person), &document, json!({})), root, &document)
                    .await;
            let may = match access {
                Access::Anyone | Access::SignedIn => true,
                Access::Person => !matches!(role, Role::Partner | Role::Portal),
                Access::Needs(permission) => permission.of(*role) != Grant::Never,
            };
            let codes = codes(&answer);
            let refused = codes.contains(&"FORBIDDEN");
            let understood = codes.iter().all(|code| matches!(*code, "FORBIDDEN" | "NOT_FOUND"));
            if refused == may || !understood {
                wrong.push(format!("{name} by {role:?}: {answer}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_table_of_operations_is_complete_and_stands_in_the_descriptions() {
    let writer = Writer::new();
    for root in ["Query", "Mutation", "Subscription"] {
        let listed: BTreeSet<&str> =
            OPERATIONS.iter().filter(|(name, _, _)| *name == root).map(|(_, field, _)| *field).collect();
        let there: BTreeSet<&str> =
            writer.fields(root).iter().map(|field| field.node.name.node.as_str()).collect();
        assert_eq!(listed, there, "{root}");
    }
    for (root, name, access) in OPERATIONS {
        let field = writer.fields(root).iter().find(|field| field.node.name.node == *name).unwrap();
        let description = &field.node.description.as_ref().unwrap().node;
        assert!(description.ends_with(&access.sentence()), "{root}.{name}: {description}");
        if let Access::Needs(permission) = access {
            assert!(description.contains(permission.name()), "{root}.{name}");
        }
    }
}
