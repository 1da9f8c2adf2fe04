//! Which schema executes a request. What has been asked before, and was answered without an error, is executed by one that
//! neither validates again nor looks at each field; when that meets an error, and for all else, one that does both. Only
//! queries go the short way: they change nothing, so that the second time is the first that anybody hears of.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::futures_util::stream::BoxStream;
use async_graphql::parser::types::{DocumentOperations, OperationType};
use async_graphql::{Data, Executor, Request, Response, Value, Variables};
use async_trait::async_trait;
use lru::LruCache;
use telemetry::trace;

use super::caller::Caller;
use super::freshness::Freshness;
use super::{Schema, TerseSchema, quick_schema, schema_with, traced_schema};
use crate::http::RequestOrigin;

/// Documents that are remembered, a few bytes each; the least recently used go first.
const PROVEN_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// Executes requests.
#[derive(Clone)]
pub(crate) struct ApiExecutor {
    /// Validates, keeps the paths of errors, and makes mutations calls of the audit log.
    strict: Strict,
    /// Does none of that.
    quick: Schema,
    /// The same with spans; `None` while traces are off.
    traced: Option<Schema>,
    proven: Arc<Proven>,
    /// Says which queries read a replica; `None` where there is none.
    freshness: Option<Arc<Freshness>>,
}

#[derive(Clone)]
enum Strict {
    Suggests(Schema),
    Terse(TerseSchema),
}

impl Strict {
    fn get(&self) -> &Schema {
        match self {
            Self::Suggests(schema) => schema,
            Self::Terse(schema) => schema.get(),
        }
    }
}

impl ApiExecutor {
    /// With where engineers see traces: an address with `{traceId}` in it.
    pub(crate) fn new(trace_url: Option<String>, freshness: Option<Arc<Freshness>>) -> Self {
        Self {
            strict: Strict::Suggests(schema_with(trace_url.clone())),
            quick: quick_schema(trace_url.clone()),
            traced: trace::is_on().then(|| traced_schema(trace_url)),
            proven: Arc::default(),
            freshness,
        }
    }

    /// The schema that goes the short way.
    fn short(&self) -> &Schema {
        self.traced.as_ref().filter(|_traced| trace::is_recorded()).unwrap_or(&self.quick)
    }

    /// The same, which says nothing about names that are similar to unknown ones.
    pub(crate) fn terse(&self, schema: TerseSchema) -> Self {
        Self { strict: Strict::Terse(schema), ..self.clone() }
    }
}

#[async_trait]
impl Executor for ApiExecutor {
    async fn execute(&self, mut request: Request) -> Response {
        if !is_query(&mut request) {
            let change = self.freshness.as_ref().and_then(|freshness| freshness.change(&request));
            let response = self.strict.get().execute(request).await;
            if let Some(change) = change {
                change.ended().await;
            }
            return response;
        }
        if let Some(freshness) = &self.freshness {
            freshness.read(&request);
        }
        let key = self.proven.key(&request);
        if !self.proven.contains(key) {
            let response = self.strict.get().execute(request).await;
            if response.errors.is_empty() {
                self.proven.insert(key);
            }
            return response;
        }
        let Some(again) = Again::of(&request) else { return self.strict.get().execute(request).await };
        let response = self.short().execute(request).await;
        if response.errors.is_empty() {
            return response;
        }
        self.strict.get().execute(again.request()).await
    }

    fn execute_stream(
        &self,
        request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        Executor::execute_stream(self.strict.get(), request, session_data)
    }
}

fn is_query(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name.as_str()),
        (DocumentOperations::Multiple(operations), None) => operations.values().next(),
    };
    operation.is_some_and(|operation| operation.node.ty == OperationType::Query)
}

/// What asks the same once more.
struct Again {
    request: Request,
    caller: Caller,
}

impl Again {
    /// `None` for what has not come over HTTP.
    fn of(request: &Request) -> Option<Self> {
        let origin = request.data.get(&TypeId::of::<RequestOrigin>())?.downcast_ref::<RequestOrigin>()?;
        let caller = request.data.get(&TypeId::of::<Arc<Caller>>())?.downcast_ref::<Arc<Caller>>()?;
        let mut again =
            Request::new(request.query.clone()).variables(request.variables.clone()).data(origin.clone());
        again.operation_name.clone_from(&request.operation_name);
        again.introspection_mode = request.introspection_mode;
        Some(Self { request: again, caller: caller.again() })
    }

    fn request(self) -> Request {
        self.caller.attach(self.request)
    }
}

/// Documents, with the shapes of their variables, that were valid.
struct Proven {
    keys: Mutex<LruCache<u64, ()>>,
    /// With keys of its own, so that nobody can make two documents that look alike.
    hasher: RandomState,
}

impl Default for Proven {
    fn default() -> Self {
        Self { keys: Mutex::new(LruCache::new(PROVEN_MAX)), hasher: RandomState::new() }
    }
}

impl Proven {
    fn key(&self, request: &Request) -> u64 {
        self.hasher.hash_one((&request.query, &request.operation_name, shape(&request.variables)))
    }

    fn contains(&self, key: u64) -> bool {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&key).is_some()
    }

    fn insert(&self, key: u64) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).put(key, ());
    }
}

/// What validation looks at of variables and resolvers would not: which there are, of which kinds, and the names of the
/// fields inside. A value that is not right meets an error where it is read.
fn shape(variables: &Variables) -> String {
    let mut text = String::new();
    for (name, value) in variables.iter() {
        text.push_str(name);
        describe(value, &mut text);
    }
    text
}

fn describe(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push('0'),
        Value::Number(_) => text.push('1'),
        Value::String(_) => text.push('"'),
        Value::Boolean(_) => text.push('?'),
        Value::Binary(_) => text.push('b'),
        Value::Enum(_) => text.push('e'),
        Value::List(values) => {
            let shapes: BTreeSet<String> = values.iter().map(described).collect();
            text.push('[');
            shapes.iter().for_each(|shape| text.push_str(shape));
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (name, value) in fields {
                text.push_str(name);
                describe(value, text);
                text.push(',');
            }
            text.push('}');
        }
    }
}

fn described(value: &Value) -> String {
    let mut text = String::new();
    describe(value, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use async_graphql::{Request, Variables};
    use serde_json::{Value, json};

    use super::{Proven, is_query};

    fn request(text: &str, variables: Value) -> Request {
        Request::new(text).variables(Variables::from_json(variables))
    }

    #[test]
    fn what_was_proven_is_the_document_and_the_shape_of_its_variables() {
        let proven = Proven::default();
        let key = |text, variables| proven.key(&request(text, variables));
        let known = key("{ a }", json!({"f": {"status": "DONE"}, "ids": ["a", "b"]}));
        let same = [
            json!({"f": {"status": "OPEN"}, "ids": ["c"]}),
            json!({"ids": ["c", "d", "e"], "f": {"status": "x"}}),
        ];
        for variables in same {
            assert_eq!(key("{ a }", variables.clone()), known, "{variables}");
        }
        let other = [
            json!({"f": {"stauts": "DONE"}, "ids": ["a"]}),
            json!({"f": {"status": 1}, "ids": ["a"]}),
            json!({"f": {"status": "DONE"}, "ids": ["a", null]}),
            json!({"f": {"status": "DONE"}}),
            json!({"f": {"status": {"eq": "DONE"}}, "ids": ["a"]}),
        ];
        for variables in other {
            assert_ne!(key("{ a }", variables.clone()), known, "{variables}");
        }
        assert_ne!(key("{ b }", json!({"f": {"status": "DONE"}, "ids": ["a", "b"]})), known);
    }

    #[test]
    fn only_queries_go_the_short_way() {
        let mut named = request("query A { a } mutation B { b }", json!({}));
        named.operation_name = Some("B".to_owned());
        assert!(!is_query(&mut named));
        named.operation_name = Some("A".to_owned());
        assert!(is_query(&mut named));
        assert!(is_query(&mut request("{ a }", json!({}))));
        assert!(!is_query(&mut request("mutation { a }", json!({}))));
        assert!(!is_query(&mut request("subscription { a }", json!({}))));
        assert!(!is_query(&mut request("{", json!({}))));
    }
}
