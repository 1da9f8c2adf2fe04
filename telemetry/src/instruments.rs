//! Which instruments there are: the program's taxonomy, in one place. `GET /metrics` and OTLP give the same ones, and
//! dashboards and alerts in `deploy/` name them. No label has a tenant, a user, an integration or a text of anybody.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::instrument::{Counter, Definition, Gauge, Histogram, Label, Meaning};
use crate::process;

/// Upper bounds in seconds of what people wait for.
const ANSWER_BOUNDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Of a wait for a connection: none, then up to the time after which it is given up.
const WAIT_BOUNDS: &[f64] = &[0.0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
/// Of an attempt at a run: from a poll that finds nothing to a night.
const ATTEMPT_BOUNDS: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0];
/// Readings over OTLP that come so close together are one: each instrument is asked by itself.
const READING: Duration = Duration::from_millis(500);

const OUTCOME: &str = "outcome";
const OPERATION_TYPE: Label = Label { name: "type", values: &["query", "mutation", "subscription"] };
const POOL: Label =
    Label { name: "db.client.connection.pool.name", values: &["scoped", "platform", "replica"] };

macro_rules! define {
    ($name:literal, $unit:literal, $labels:expr, $help:literal) => {
        Definition { name: $name, unit: $unit, help: $help, labels: $labels }
    };
}

type Look = Box<dyn Fn(&Instruments) + Send + Sync>;

/// All instruments of a process.
pub struct Instruments {
    /// GraphQL requests: `type`, `outcome`.
    pub graphql_operations: Counter,
    /// Time to answer: `type`.
    pub graphql_duration: Histogram,
    /// Open WebSocket connections.
    pub websocket_connections: Gauge,
    /// Subscriptions over event streams that are open.
    pub event_streams: Gauge,
    /// Running subscriptions.
    pub graphql_subscriptions: Gauge,
    /// Runs that ended: `outcome`.
    pub runs: Counter,
    /// Time of attempts at runs, and of slices: `outcome`.
    pub attempt_duration: Histogram,
    /// Records of accounted pages: `outcome`.
    pub records: Counter,
    /// Hints that a worker followed: `outcome`.
    pub claims: Counter,
    /// Leases that a worker held and has no more.
    pub leases_lost: Counter,
    /// Leases that ended and whose runs a sweep queued again or gave up.
    pub leases_taken_over: Counter,
    /// 1 while nobody claims what is due.
    pub dispatch_stalled: Gauge,
    /// Jobs that are due.
    pub dispatch_due_jobs: Gauge,
    /// Age of the oldest run that waits for a worker.
    pub dispatch_oldest_due_run_age: Gauge,
    /// Time since any worker claimed a run.
    pub dispatch_last_claim_age: Gauge,
    /// Worker processes.
    pub workers: Gauge,
    /// Runs that they execute.
    pub worker_slots_busy: Gauge,
    /// Runs that they could execute besides.
    pub worker_slots_free: Gauge,
    /// Integrations by their health: `status`.
    pub integrations: Gauge,
    /// How long there are partitions for what is written.
    pub partitions_ahead: Gauge,
    /// Connections to the database: pool, `db.client.connection.state`.
    pub connection_count: Gauge,
    /// How many there may be: pool.
    pub connection_max: Gauge,
    /// How long a statement or transaction waited for one: pool.
    pub connection_wait: Histogram,
    /// Queries that a replica might answer: `outcome`.
    pub replica_queries: Counter,
    /// How much the replica may lack.
    pub replica_lag: Gauge,
    /// Attempts at deliveries of notices: `outcome`.
    pub notice_deliveries: Counter,
    /// What was deleted because it had been kept long enough: `kind`.
    pub retention_rows: Counter,
    /// Resident memory.
    pub process_memory: Gauge,
    /// Processor time.
    pub process_cpu: Gauge,
    /// Batches that were sent to a collector: `signal`, `outcome`.
    pub exports: Counter,
    looks: Mutex<Vec<Look>>,
    looked_at: Mutex<Option<Instant>>,
}

/// One of them.
pub(crate) enum Family<'a> {
    Counter(&'a Counter),
    Gauge(&'a Gauge),
    Histogram(&'a Histogram),
}

impl Default for Instruments {
    /// Instruments of their own, which nobody else counts with.
    fn default() -> Self {
        Self {
            graphql_operations: Counter::new(define!(
                "trestle.graphql.operations",
                "{operation}",
                &[
                    OPERATION_TYPE,
                    Label {
                        name: OUTCOME,
                        values: &["succeeded", "partial", "failed", "refused", "rate_limited"]
                    },
                ],
                "GraphQL requests by operation type and outcome."
            )),
            graphql_duration: Histogram::new(
                define!(
                    "trestle.graphql.duration",
                    "s",
                    &[Label { name: "type", values: &["query", "mutation"] }],
                    "Time to answer queries and mutations."
                ),
                ANSWER_BOUNDS,
            ),
            websocket_connections: Gauge::level(define!(
                "trestle.websocket.connections",
                "{connection}",
                &[],
                "Open WebSocket connections."
            )),
            event_streams: Gauge::level(define!(
                "trestle.event_streams",
                "{stream}",
                &[],
                "Open event streams of subscriptions."
            )),
            graphql_subscriptions: Gauge::level(define!(
                "trestle.graphql.subscriptions",
                "{subscription}",
                &[],
                "Running subscriptions."
            )),
            runs: Counter::new(define!(
                "trestle.runs",
                "{run}",
                &[Label { name: OUTCOME, values: &["succeeded", "partial", "failed", "canceled"] }],
                "Runs that ended, by outcome."
            )),
            attempt_duration: Histogram::new(
                define!(
                    "trestle.run.attempt.duration",
                    "s",
                    &[Label {
                        name: OUTCOME,
                        values: &["ended", "tried_again", "handed_back", "divided", "lost"]
                    }],
                    "Time of attempts at runs and their slices, by what came of them."
                ),
                ATTEMPT_BOUNDS,
            ),
            records: Counter::new(define!(
                "trestle.records",
                "{record}",
                &[Label { name: OUTCOME, values: &["created", "updated", "unchanged", "skipped", "failed"] }],
                "Records of accounted pages, by outcome."
            )),
            claims: Counter::new(define!(
                "trestle.claims",
                "{job}",
                &[Label { name: OUTCOME, values: &["claimed", "waiting", "stale", "failed"] }],
                "Hints of the queue that a worker followed, by what it found."
            )),
            leases_lost: Counter::new(define!(
                "trestle.leases.lost",
                "{lease}",
                &[],
                "Leases that a worker of this process held and lost."
            )),
            leases_taken_over: Counter::new(define!(
                "trestle.leases.taken_over",
                "{lease}",
                &[],
                "Leases that ended, of whichever worker, and that a sweep of this process dealt with."
            )),
            dispatch_stalled: Gauge::new(
                define!(
                    "trestle.dispatch.stalled",
                    "",
                    &[],
                    "1 while runs are due and could go, and no worker claims any; else 0."
                ),
                Meaning::Measure,
            ),
            dispatch_due_jobs: Gauge::new(
                define!(
                    "trestle.dispatch.due_jobs",
                    "{job}",
                    &[],
                    "Jobs that are queued and due, up to 10,000."
                ),
                Meaning::Measure,
            ),
            dispatch_oldest_due_run_age: Gauge::new(
                define!(
                    "trestle.dispatch.oldest_due_run_age",
                    "s",
                    &[],
                    "How long the oldest run waits for a worker that could go; 0 when none does."
                ),
                Meaning::Measure,
            ),
            dispatch_last_claim_age: Gauge::new(
                define!(
                    "trestle.dispatch.last_claim_age",
                    "s",
                    &[],
                    "Time since any worker claimed a run; absent while none has."
                ),
                Meaning::Measure,
            ),
            workers: Gauge::new(
                define!("trestle.workers", "{worker}", &[], "Worker processes that are there."),
                Meaning::Measure,
            ),
            worker_slots_busy: Gauge::new(
                define!("trestle.worker.slots_busy", "{run}", &[], "Runs that workers execute."),
                Meaning::Measure,
            ),
            worker_slots_free: Gauge::new(
                define!(
                    "trestle.worker.slots_free",
                    "{run}",
                    &[],
                    "Runs that workers could execute besides."
                ),
                Meaning::Measure,
            ),
            integrations: Gauge::new(
                define!(
                    "trestle.integrations",
                    "{integration}",
                    &[Label {
                        name: "status",
                        values: &[
                            "held",
                            "action_required",
                            "failing",
                            "stale",
                            "degraded",
                            "healthy",
                            "unknown",
                            "paused",
                            "archived"
                        ]
                    }],
                    "Integrations by their health; of one that is under way, how it was before."
                ),
                Meaning::Measure,
            ),
            partitions_ahead: Gauge::new(
                define!(
                    "trestle.partitions.ahead",
                    "s",
                    &[],
                    "For how long there are partitions for what is written, on PostgreSQL; at 0 nothing can be."
                ),
                Meaning::Measure,
            ),
            connection_count: Gauge::new(
                define!(
                    "db.client.connection.count",
                    "{connection}",
                    &[POOL, Label { name: "db.client.connection.state", values: &["used", "idle"] }],
                    "Connections to the database, by pool and state."
                ),
                Meaning::Level,
            ),
            connection_max: Gauge::new(
                define!(
                    "db.client.connection.max",
                    "{connection}",
                    &[POOL],
                    "Connections that a pool may open."
                ),
                Meaning::Level,
            ),
            connection_wait: Histogram::new(
                define!(
                    "db.client.connection.wait_time",
                    "s",
                    &[POOL],
                    "How long transactions and reads waited for a connection to the database."
                ),
                WAIT_BOUNDS,
            ),
            replica_queries: Counter::new(define!(
                "trestle.replica.queries",
                "{query}",
                &[Label {
                    name: OUTCOME,
                    values: &["replica", "own_write", "behind", "away", "unknown", "failed"]
                }],
                "Queries with a replica, by whether it answers them or why the primary does; failed: it did not, at first."
            )),
            replica_lag: Gauge::level(define!(
                "trestle.replica.lag",
                "s",
                &[],
                "How long ago what the replica may lack was committed, at the most; 0 without a replica."
            )),
            notice_deliveries: Counter::new(define!(
                "trestle.notice.deliveries",
                "{attempt}",
                &[Label { name: OUTCOME, values: &["delivered", "failed", "refused", "gone"] }],
                "Attempts at delivering notices, by outcome."
            )),
            retention_rows: Counter::new(define!(
                "trestle.retention.rows",
                "{row}",
                &[Label { name: "kind", values: &["runs", "failures", "records", "log_lines"] }],
                "What was deleted because it had been kept long enough, by kind: records are those of failures that stay."
            )),
            process_memory: Gauge::new(
                define!("process.memory.usage", "By", &[], "Resident memory of the process."),
                Meaning::Level,
            ),
            process_cpu: Gauge::new(
                define!("process.cpu.time", "s", &[], "Processor time of the process, user and system."),
                Meaning::Total,
            ),
            exports: Counter::new(define!(
                "trestle.telemetry.exports",
                "{batch}",
                &[
                    Label { name: "signal", values: &["traces", "metrics", "logs"] },
                    Label { name: OUTCOME, values: &["succeeded", "failed"] },
                ],
                "Batches that were sent to the OTLP collector, by signal and outcome."
            )),
            looks: Mutex::default(),
            looked_at: Mutex::default(),
        }
    }
}

impl Instruments {
    /// With what tells of the process itself.
    pub(crate) fn of_process() -> Self {
        let instruments = Self::default();
        instruments.before_reading(process::look);
        instruments
    }

    /// Sets gauges each time that somebody is about to read. It must not wait for anything.
    pub fn before_reading(&self, look: impl Fn(&Self) + Send + Sync + 'static) {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(look));
    }

    /// Looks now.
    pub(crate) fn look(&self) {
        for look in self.looks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            look(self);
        }
    }

    /// Looks unless that was a moment ago.
    pub(crate) fn look_once(&self) {
        let mut at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.is_none_or(|at| at.elapsed() >= READING) {
            *at = Some(Instant::now());
            drop(at);
            self.look();
        }
    }

    pub(crate) fn families(&self) -> [Family<'_>; 30] {
        [
            Family::Counter(&self.graphql_operations),
            Family::Histogram(&self.graphql_duration),
            Family::Gauge(&self.websocket_connections),
            Family::Gauge(&self.event_streams),
            Family::Gauge(&self.graphql_subscriptions),
            Family::Counter(&self.runs),
            Family::Histogram(&self.attempt_duration),
            Family::Counter(&self.records),
            Family::Counter(&self.claims),
            Family::Counter(&self.leases_lost),
            Family::Counter(&self.leases_taken_over),
            Family::Gauge(&self.dispatch_stalled),
            Family::Gauge(&self.dispatch_due_jobs),
            Family::Gauge(&self.dispatch_oldest_due_run_age),
            Family::Gauge(&self.dispatch_last_claim_age),
            Family::Gauge(&self.workers),
            Family::Gauge(&self.worker_slots_busy),
            Family::Gauge(&self.worker_slots_free),
            Family::Gauge(&self.integrations),
            Family::Gauge(&self.partitions_ahead),
            Family::Gauge(&self.connection_count),
            Family::Gauge(&self.connection_max),
            Family::Histogram(&self.connection_wait),
            Family::Counter(&self.replica_queries),
            Family::Gauge(&self.replica_lag),
            Family::Counter(&self.notice_deliveries),
            Family::Counter(&self.retention_rows),
            Family::Gauge(&self.process_memory),
            Family::Gauge(&self.process_cpu),
            Family::Counter(&self.exports),
        ]
    }
}

impl fmt::Debug for Instruments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Instruments").finish_non_exhaustive()
    }
}
