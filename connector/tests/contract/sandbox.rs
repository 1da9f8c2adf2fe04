//! The sandbox, which is no system at all.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use connector::{OpenDestination, OpenSource, SystemAccess};
use serde_json::{Value, json};

use crate::adapter::{
    Adapter, Applies, End, Failing, Fault, Hanging, OncePolled, Open, access, open_destination, open_source,
};

pub struct Sandbox;

impl Sandbox {
    fn open(&self, end: End, options: Value) -> Open {
        let access = access(json!({}), json!({}), Path::new("/nonexistent"));
        match end {
            End::Source => Open::Source(open_source(access, options)),
            End::Destination => Open::Destination(open_destination(access, options)),
        }
    }
}

#[async_trait]
impl Adapter for Sandbox {
    async fn access(&self) -> SystemAccess {
        access(json!({}), json!({}), Path::new("/nonexistent"))
    }

    async fn source(&self, count: usize) -> Applies<OpenSource> {
        Ok(open_source(self.access().await, json!({"records": count})))
    }

    async fn malformed_among(&self) -> Applies<(OpenSource, Vec<u64>)> {
        Err("it makes its records itself")
    }

    async fn malformed(&self) -> Applies<OpenSource> {
        Err("it makes its records itself")
    }

    async fn destination(&self) -> Applies<OpenDestination> {
        Ok(open_destination(self.access().await, json!({"rejectEvery": 100})))
    }

    async fn stored(&self, _open: &OpenDestination) -> Applies<Vec<u64>> {
        Err("it keeps nothing")
    }

    fn bad_record(&self) -> Applies<Value> {
        Ok(json!({"id": 100}))
    }

    async fn failing(&self, fault: Fault, end: End) -> Applies<Failing> {
        let options = match (fault, end) {
            (Fault::Broken, End::Source) => json!({"records": 10, "failAfter": 3}),
            (Fault::Broken, End::Destination) => json!({"unavailableFirst": 1}),
            (Fault::TooMany, End::Destination) => json!({"rateLimitEvery": 1}),
            (Fault::TooMany, End::Source) => return Err("only its destination is limited"),
            (Fault::Credentials, _) => return Err("it takes no credentials"),
            (Fault::Refused | Fault::Silent, _) => return Err("it is in this process"),
        };
        Ok(Failing::of(self.open(end, options)))
    }

    fn retry_after(&self) -> Applies<Duration> {
        Ok(Duration::from_millis(50))
    }

    async fn hanging(&self, end: End) -> Applies<Hanging> {
        let options = match end {
            End::Source => json!({"records": 23, "delayMs": 20}),
            End::Destination => json!({"delayMs": 20}),
        };
        Ok(Hanging { open: self.open(end, options), hold: Box::new(OncePolled), hangs_while_opening: false })
    }

    async fn open_count(&self) -> Applies<usize> {
        Err("it opens nothing")
    }
}
