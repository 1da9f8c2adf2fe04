//! A GraphQL API with a Relay connection, by a server library that others use too.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::types::connection::{Connection, Edge, EmptyFields, query};
use async_graphql::{
    Context, EmptyMutation, EmptySubscription, Object, Request, Response, Schema, SimpleObject,
};
use async_trait::async_trait;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use connector::{OpenDestination, OpenSource, SystemAccess};
use serde_json::{Value, json};

use crate::adapter::{
    Adapter, Applies, End, Failing, Fault, Hanging, Open, access, closed_port, open_source, page_size,
};
use crate::outside::{HalfWay, Mode, Outside, RETRY_AFTER};
use crate::recording::SECRET;

/// Longest time for a request, in milliseconds.
const TIMEOUT_MS: u64 = 5000;
const ONLY_READ: &str = "it can't be written to";

/// The ids that are served; none stands for a null in the list.
type Served = Arc<Mutex<Vec<Option<u64>>>>;

#[derive(Default)]
pub struct Api {
    outside: Outside,
    served: Served,
}

#[derive(SimpleObject, Clone)]
struct Order {
    id: u64,
    name: String,
}

struct Query;

#[Object]
impl Query {
    async fn orders(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: i32,
    ) -> async_graphql::Result<Connection<usize, Option<Order>, EmptyFields, EmptyFields>> {
        let served = context.data::<Served>()?.lock().unwrap_or_else(PoisonError::into_inner).clone();
        query(after, None, Some(first), None, |after: Option<usize>, _, first: Option<usize>, _| async move {
            let begin = after.map_or(0, |place| place + 1);
            let end = (begin + first.unwrap_or(0)).min(served.len());
            let mut connection = Connection::new(begin > 0, end < served.len());
            let order = |id: u64| Order { id, name: format!("order {id}") };
            connection.edges.extend((begin..end).map(|place| Edge::new(place, served[place].map(order))));
            Ok::<_, async_graphql::Error>(connection)
        })
        .await
    }
}

type Orders = Schema<Query, EmptyMutation, EmptySubscription>;

async fn answer(State(schema): State<Orders>, Json(request): Json<Request>) -> Json<Response> {
    Json(schema.execute(request).await)
}

impl Api {
    pub fn new() -> Self {
        Self::default()
    }

    fn serves(&self, ids: Vec<Option<u64>>) {
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = ids;
    }

    async fn access_with(&self, token: &str, timeout_ms: u64) -> SystemAccess {
        let schema =
            Schema::build(Query, EmptyMutation, EmptySubscription).data(Arc::clone(&self.served)).finish();
        let url = self.outside.serve(Router::new().route("/graphql", post(answer)).with_state(schema)).await;
        let config = json!({"url": format!("{url}/graphql"), "auth": "bearer", "timeoutMs": timeout_ms});
        access(config, json!({"token": token}), Path::new("/nonexistent"))
    }

    fn open(&self, access: SystemAccess) -> OpenSource {
        let query = "query ($after: String, $first: Int!) { orders(after: $after, first: $first) { \
                     edges { node { id name } } pageInfo { hasNextPage endCursor } } }";
        let pagination = json!({"kind": "relay", "sizeVariable": "first", "size": page_size()});
        open_source(
            access,
            json!({"query": query, "recordsPath": "/data/orders/edges", "pagination": pagination}),
        )
    }
}

#[async_trait]
impl Adapter for Api {
    async fn access(&self) -> SystemAccess {
        self.access_with(SECRET, TIMEOUT_MS).await
    }

    async fn source(&self, count: usize) -> Applies<OpenSource> {
        self.serves((1..=count as u64).map(Some).collect());
        Ok(self.open(self.access().await))
    }

    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)> {
        let open = self.source(0).await?;
        self.serves(vec![Some(1), None, Some(3)]);
        Ok((open, vec![1, 3]))
    }

    async fn malformed(&self) -> Applies<OpenSource> {
        let mut open = self.source(3).await?;
        open.options["recordsPath"] = json!("/data/orders/nodes");
        Ok(open)
    }

    async fn destination(&self) -> Applies<OpenDestination> {
        Err(ONLY_READ)
    }

    async fn stored(&self, _open: &OpenDestination) -> Applies<Vec<u64>> {
        Err(ONLY_READ)
    }

    fn bad_record(&self) -> Applies<Value> {
        Err(ONLY_READ)
    }

    async fn failing(&self, fault: Fault, end: End) -> Applies<Failing> {
        if end == End::Destination {
            return Err(ONLY_READ);
        }
        let access = match fault {
            Fault::Credentials => self.access_with(&format!("{SECRET} wrong"), TIMEOUT_MS).await,
            Fault::Refused => {
                let config = json!({"url": format!("http://127.0.0.1:{}", closed_port()), "auth": "bearer"});
                access(config, json!({"token": SECRET}), Path::new("/nonexistent"))
            }
            Fault::TooMany => {
                self.outside.set(Mode::TooMany);
                self.access().await
            }
            Fault::Broken => {
                self.outside.set(Mode::Broken);
                self.access().await
            }
            Fault::Silent => {
                self.outside.set(Mode::Silent);
                self.access_with(SECRET, 100).await
            }
        };
        Ok(Failing::of(Open::Source(self.open(access))))
    }

    fn retry_after(&self) -> Applies<Duration> {
        Ok(RETRY_AFTER)
    }

    async fn hanging(&self, end: End) -> Applies<Hanging> {
        if end == End::Destination {
            return Err(ONLY_READ);
        }
        let open = Open::Source(self.source(23).await?);
        Ok(Hanging { open, hold: Box::new(HalfWay(self.outside.clone())), hangs_while_opening: false })
    }

    async fn open_count(&self) -> Applies<usize> {
        Ok(self.outside.open_count())
    }
}
