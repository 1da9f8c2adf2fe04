//! However many rows a list has, what hangs below it is read in a bounded number of batches, each of one statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::Role;
use serde_json::json;
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::world::{Person, World};

/// Counts the batches of the loaders by their span.
struct Batches(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Batches {
    fn on_new_span(&self, attributes: &Attributes<'_>, _id: &Id, _ctx: Context<'_, S>) {
        if attributes.metadata().name() == "load_batch" {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn batches(world: &World, person: &Person, query: &str) -> (serde_json::Value, usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let subscriber = tracing_subscriber::registry().with(Batches(count.clone()));
    let data = world.data(person, query, json!({})).with_subscriber(subscriber).await;
    (data, count.load(Ordering::SeqCst))
}

#[tokio::test]
async fn nested_lists_take_one_batch_a_level() {
    let world = World::new().await;
    let mut first = None;
    for number in 0..6 {
        let customer = world.customer(&format!("tenant-{number}")).await;
        for _ in 0..3 {
            world.failed_run(&customer, 4).await;
        }
        first.get_or_insert(customer.tenant);
    }
    let engineer = world.person(Role::Engineer, first.as_ref().unwrap()).await;
    let query = "{ tenants { edges { node {
        systems(first: 5) { edges { node { name tenant { slug } } } }
        runs(first: 20) { edges { node {
            integration { name source { name connector { name } } destination { name } }
            failure { id }
            retryOf { id }
            events(first: 3) { edges { node { type } } }
            failures(first: 5) { edges { node { id run { id } tenant { slug } } } }
        } } }
    } } } }";
    let (data, count) = batches(&world, &engineer, query).await;
    let tenants = data["tenants"]["edges"].as_array().unwrap();
    assert_eq!(tenants.len(), 6);
    for tenant in tenants {
        assert_eq!(tenant["node"]["systems"]["edges"].as_array().unwrap().len(), 2);
        let runs = tenant["node"]["runs"]["edges"].as_array().unwrap();
        assert_eq!(runs.len(), 3);
        for run in runs {
            assert_eq!(run["node"]["failures"]["edges"].as_array().unwrap().len(), 4);
            assert_eq!(run["node"]["events"]["edges"].as_array().unwrap().len(), 3);
            assert_eq!(run["node"]["integration"]["source"]["connector"]["name"], "sandbox");
        }
    }
    // Systems, their tenants, runs, integrations, both systems of these, events, failures, their runs, their tenants:
    // nine levels for 6 tenants, 18 runs and 72 failures.
    assert_eq!(count, 9);
}

#[tokio::test]
async fn the_number_of_batches_does_not_grow_with_the_rows() {
    let world = World::new().await;
    let customer = world.customer("acme").await;
    world.failed_run(&customer, 90).await;
    let engineer = world.person(Role::Engineer, &customer.tenant).await;
    let query = "{ failures(first: 100) { edges { node { integration { id } run { id } tenant { id } } } } }";
    let (data, count) = batches(&world, &engineer, query).await;
    assert_eq!(data["failures"]["edges"].as_array().unwrap().len(), 90);
    assert_eq!(count, 3);
}
