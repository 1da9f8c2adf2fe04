//! Which connectors there are, and whether what a caller gives them has the right shape.
//! Deliberately absent: opening anything, and who may use what.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use crate::egress::Egress;
use crate::file::FileConnector;
use crate::graphql::GraphqlConnector;
use crate::http::HttpConnector;
use crate::mysql::MysqlConnector;
use crate::postgres::PostgresConnector;
use crate::problem::{Problem, problems_by};
use crate::sandbox::SandboxConnector;
use crate::singer::{SingerConnector, SingerOptions};
use crate::sqlite::SqliteConnector;
use crate::webhook::WebhookConnector;
use crate::{Connector, Description, Removal};

/// The connectors, with their schemas compiled.
pub struct Registry {
    connectors: Vec<Arc<dyn Connector>>,
    schemas: BTreeMap<&'static str, Schemas>,
}

struct Schemas {
    config: Schema,
    credentials: Schema,
    source: Option<Schema>,
    destination: Option<Schema>,
}

struct Schema {
    text: Value,
    validator: Validator,
}

impl Registry {
    /// As [`with_taps`](Self::with_taps), without taps.
    pub fn standard(egress: Egress) -> Self {
        Self::with_taps(egress, SingerOptions::none())
    }

    /// The connectors of the product, ordered by name. `egress` guards those that use the network, but not taps, which are
    /// programs of others.
    pub fn with_taps(egress: Egress, taps: SingerOptions) -> Self {
        Self::of(vec![
            Arc::new(FileConnector::new(egress.clone())),
            Arc::new(GraphqlConnector::new(egress.clone())),
            Arc::new(HttpConnector::new(egress.clone())),
            Arc::new(MysqlConnector::new(egress.clone())),
            Arc::new(PostgresConnector::new(egress.clone())),
            Arc::new(SandboxConnector::new()),
            Arc::new(SingerConnector::new(taps)),
            Arc::new(SqliteConnector::new()),
            Arc::new(WebhookConnector::new(egress)),
        ])
    }

    /// Just these connectors, in this order.
    ///
    /// # Panics
    /// When a connector's schema is not valid, which is a fault of the connector's code.
    pub fn of(connectors: Vec<Arc<dyn Connector>>) -> Self {
        let schemas = connectors.iter().map(|connector| {
            let description = connector.description();
            (description.name, Schemas::of(description))
        });
        Self { schemas: schemas.collect(), connectors }
    }

    /// A connector by its name; `None` when there is no such.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Connector>> {
        self.all().find(|connector| connector.description().name == name).cloned()
    }

    /// All connectors, in a stable order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Connector>> {
        self.connectors.iter()
    }

    /// What is wrong with a system's config; empty when nothing is.
    pub fn config_problems(&self, name: &str, config: &Value) -> Vec<Problem> {
        self.check(name, config, |schemas| Ok(&schemas.config))
    }

    /// What is wrong with a system's credentials; no message holds a value of them.
    pub fn credentials_problems(&self, name: &str, credentials: &Value) -> Vec<Problem> {
        self.check(name, credentials, |schemas| Ok(&schemas.credentials))
    }

    /// What is wrong with a stream's source options, also that the connector can't be read from.
    pub fn source_problems(&self, name: &str, options: &Value) -> Vec<Problem> {
        self.check(name, options, |schemas| schemas.source.as_ref().ok_or("can't be read from"))
    }

    /// What is wrong with a stream's destination options, also that the connector can't be written to.
    pub fn destination_problems(&self, name: &str, options: &Value) -> Vec<Problem> {
        self.check(name, options, |schemas| schemas.destination.as_ref().ok_or("can't be written to"))
    }

    /// Whether a destination with these options can delete or mark records that are gone from the source.
    pub fn can_remove(&self, name: &str, options: &Value, removal: &Removal) -> bool {
        self.get(name).is_some_and(|connector| connector.can_remove(options, removal))
    }

    /// Whether its sources can begin at a value of the cursor field, at one before where they were, and keep to a range.
    pub fn can_begin_anywhere(&self, name: &str) -> bool {
        self.get(name).is_some_and(|connector| connector.can_begin_anywhere())
    }

    /// Whether values can be looked up at other places of its destinations.
    pub fn can_find(&self, name: &str) -> bool {
        self.get(name).is_some_and(|connector| connector.can_find())
    }

    fn check<'a>(
        &'a self,
        name: &str,
        value: &Value,
        schema: impl FnOnce(&'a Schemas) -> Result<&'a Schema, &'static str>,
    ) -> Vec<Problem> {
        let whole = |message: String| vec![Problem { path: Vec::new(), message }];
        match self.schemas.get(name).map(schema) {
            None => whole("is of a connector that does not exist".to_owned()),
            Some(Err(reason)) => whole(format!("is of a connector that {reason}")),
            Some(Ok(schema)) => problems_by(&schema.validator, &schema.text, value),
        }
    }
}

impl Schemas {
    fn of(description: &Description) -> Self {
        Self {
            config: Schema::of(&description.config_schema),
            credentials: Schema::of(&description.credentials_schema),
            source: description.source_schema.as_ref().map(Schema::of),
            destination: description.destination_schema.as_ref().map(Schema::of),
        }
    }
}

impl Schema {
    fn of(schema: &Value) -> Self {
        let validator = jsonschema::draft202012::new(schema)
            .expect("the schemas of connectors are part of the code, and a test compiles each");
        Self { text: schema.clone(), validator }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::Registry;
    use crate::{Egress, Problem};

    fn registry() -> Registry {
        Registry::standard(Egress::new(Vec::new()))
    }

    fn paths(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(|problem| problem.path.join(".")).collect()
    }

    #[test]
    fn all_connectors_are_there_in_a_stable_order() {
        let registry = registry();
        let names: Vec<&str> = registry.all().map(|connector| connector.description().name).collect();
        assert_eq!(
            names,
            ["file", "graphql", "http", "mysql", "postgres", "sandbox", "singer", "sqlite", "webhook"]
        );
        assert!(registry.get("sqlite").is_some());
        assert!(registry.get("fax").is_none());
    }

    #[test]
    fn every_property_of_local_connectors_can_be_rendered_as_a_form_field() {
        fn check(schema: &Value, at: &str) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                assert_eq!(schema["additionalProperties"], json!(false), "{at}");
                for (name, property) in properties {
                    let at = format!("{at}.{name}");
                    if property.get("const").is_none() {
                        for keyword in ["title", "description", "default"] {
                            assert!(property.get(keyword).is_some(), "{at} has no {keyword}");
                        }
                    }
                    check(property, &at);
                }
            }
        }
        let registry = registry();
        for connector in ["file", "sandbox", "sqlite"].map(|name| registry.get(name).unwrap()) {
            let description = connector.description();
            check(&description.config_schema, &format!("{}.config", description.name));
            check(&description.credentials_schema, &format!("{}.credentials", description.name));
            for (end, schema) in
                [("source", &description.source_schema), ("destination", &description.destination_schema)]
            {
                if let Some(schema) = schema {
                    check(schema, &format!("{}.{end}", description.name));
                }
            }
        }
    }

    #[test]
    fn options_are_checked_whole() {
        let registry = registry();
        assert_eq!(registry.source_problems("file", &json!({"path": "in/a.csv", "delimiter": "\t"})), []);
        assert_eq!(
            paths(
                &registry.source_problems("file", &json!({"pat": "a", "header": "yes", "delimiter": "\""}))
            ),
            ["delimiter", "header", "pat", "path"]
        );
        assert_eq!(paths(&registry.source_problems("sqlite", &json!({}))), [""]);
        assert_eq!(paths(&registry.source_problems("sqlite", &json!({"table": "a", "query": "b"}))), [""]);
        assert_eq!(registry.destination_problems("sqlite", &json!({"table": "a", "createTable": true})), []);
        assert_eq!(
            paths(&registry.destination_problems("sandbox", &json!({"rejectEvery": -1, "x": 1}))),
            ["rejectEvery", "x"]
        );
        assert_eq!(paths(&registry.config_problems("file", &json!({"store": "s3"}))), ["bucket", "region"]);
        assert_eq!(paths(&registry.config_problems("file", &json!({"bucket": "acme"}))), ["bucket"]);
        let store = json!({"store": "s3", "bucket": "acme", "region": "eu-central-1"});
        assert_eq!(registry.config_problems("file", &store), []);
        let columns = json!({"path": "a.parquet", "columns": {"a": "decimal(12,2)", "b": "money"}});
        assert_eq!(paths(&registry.destination_problems("file", &columns)), ["columns.b"]);
        let tap = registry.config_problems("singer", &json!({"tap": "tap-csv"}));
        assert_eq!(
            (paths(&tap), tap[0].message.as_str()),
            (vec!["tap".to_owned()], "can't be given: this installation allows none")
        );
        let hmac = json!({"kind": "hmac", "header": "X-Signature", "content": "{timestamp}.{body}"});
        let webhook = json!({"receive": {"verification": hmac}});
        assert_eq!(
            paths(&registry.config_problems("webhook", &webhook)),
            ["receive.verification.timestampHeader"]
        );
        assert_eq!(paths(&registry.config_problems("webhook", &json!({}))), [""]);
        assert_eq!(
            registry.config_problems("none", &json!({}))[0].message,
            "is of a connector that does not exist"
        );
    }

    #[test]
    fn credentials_never_stand_in_messages() {
        let registry = registry();
        for credentials in
            [json!({"user": 4711, "password": ["hunter2"], "extra": "hunter2"}), json!("hunter2")]
        {
            let problems = registry.credentials_problems("postgres", &credentials);
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(
                    !problem.message.contains("hunter2") && !problem.message.contains("4711"),
                    "{problem:?}"
                );
            }
        }
    }
}
