//! A load of many tenants in a storm of faults, made for real and by a seed: processes killed and frozen, Redis wiped and
//! restarted, PostgreSQL crashed, kill switches engaged and released, an outside system that misbehaves a fifth of the
//! time, and one that is down until its circuit opens. At the end every run is final, every record is where it belongs
//! once or is a failure, and everything that was answered took effect. `make chaos` makes a long one. Deliberately absent: single faults, which `fault` looks at one by one.

mod arrival;
mod caller;
#[cfg(target_os = "linux")]
mod full_disk;
mod lasting;
mod load;
mod outside;
mod receipts;
mod record;
mod storm;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::future::join;
use tokio::task::JoinSet;

use self::caller::Caller;
use self::lasting::Means;
use self::load::{Load, Size};
use self::outside::Outside;
use self::storm::{Fault, Target, Watch, rage};
use self::verdict::Verdict;
#[cfg(target_os = "linux")]
use crate::harness::clock;
use crate::harness::fixture::Fixture;
use crate::harness::postgres::PostgresServer;
use crate::harness::random::Random;
use crate::harness::redis::{Redis, RedisServer};
use crate::harness::trestle::Stores;
use crate::scene::impatient;

/// Runs of a short storm, which is part of all tests.
const RUNS_DEFAULT: usize = 80;
const INTEGRATIONS_PER_TENANT: usize = 10;
const TENANTS_MIN: usize = 4;
/// Of each integration; each run reads all.
const RECORDS: usize = 500;
const WORKERS: usize = 3;
/// Runs at once in a worker.
const CONCURRENCY: usize = 6;
const LEASE_SECONDS: u32 = 3;
/// Workers whose clocks are ahead or behind.
#[cfg(target_os = "linux")]
const CLOCKS_OFF_SECONDS: [(usize, i64); 2] = [(0, 300), (1, -240)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures of a storm, for whoever asks for them")]
async fn nothing_is_lost_in_a_storm() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_micros();
    let seed = number("TEST_CHAOS_SEED").unwrap_or_else(|| u64::try_from(clock()).expect("it fits"));
    let runs = number("TEST_CHAOS_RUNS").map_or(RUNS_DEFAULT, |runs| usize::try_from(runs).expect("it fits"));
    let only = std::env::var("TEST_CHAOS_FAULTS").unwrap_or_default();
    let integrations = runs.div_ceil(load::ROUNDS);
    let tenants = (integrations / INTEGRATIONS_PER_TENANT).max(TENANTS_MIN);
    let size = Size { integrations, tenants, records: RECORDS };
    println!("TEST_CHAOS_SEED={seed} TEST_CHAOS_RUNS={runs} TEST_CHAOS_FAULTS={only}");
    let mut random = Random::new(seed);

    let postgres = PostgresServer::start().await;
    let (database, warehouse) = (postgres.database().await, postgres.database().await);
    let stores = Stores { database, redis: Redis::Own(RedisServer::start().await) };
    let trestle = impatient()
        .lease_seconds(LEASE_SECONDS)
        .setting("TRESTLE_WORKERS", CONCURRENCY)
        .split_on(stores, WORKERS)
        .await;
    let outside = Outside::start(RECORDS, Random::new(random.next()));
    let fixture = Fixture::of(&trestle).await;
    let load = Load::build(size, &fixture, &outside, &warehouse).await;
    let caller = Arc::new(Caller::new(fixture.admin().clone()));
    let means = Means {
        caller: Arc::clone(&caller),
        tenants: load.tenants.clone(),
        gate: outside.gate(),
        url: trestle.stores().database.url().to_owned(),
        outages: Arc::default(),
    };
    let mut target = Target {
        trestle,
        postgres,
        workers: WORKERS,
        freeze: Duration::from_secs(u64::from(LEASE_SECONDS) * 2),
        environments: vec![Vec::new(); WORKERS],
        means,
        lasting: JoinSet::new(),
    };
    #[cfg(target_os = "linux")]
    if only.is_empty() || only.contains("clock") {
        for (worker, seconds) in CLOCKS_OFF_SECONDS {
            target.environments[worker].push(clock::off_by(seconds));
            target.restart_worker(worker).await;
        }
    }

    let begin = Instant::now();
    let plan = if only == "none" { Vec::new() } else { Fault::plan(size.runs(), &only, &mut random) };
    if only.is_empty() || only.contains("outside") {
        outside.be_moody();
    }
    let watch = Arc::new(Watch::default());
    let mut of_load = Random::new(random.next());
    let looking = {
        let (watch, url) = (Arc::clone(&watch), target.trestle.stores().database.url().to_owned());
        tokio::spawn(async move { watch.look(&url).await })
    };
    let ahead = (size.runs() / 10).clamp(20, 120);
    let fed = load.feed(&caller, &outside, ahead, &watch.finished, &mut of_load);
    let raged = rage(&mut target, &plan, size.runs(), &watch, &mut random);
    let ((), mut wrongs) = join(fed, raged).await;
    outside.calm();

    let verdict = Verdict {
        size,
        load: &load,
        outside: &outside,
        database: &target.trestle.stores().database,
        warehouse: &warehouse,
    };
    let redis_url = target.trestle.stores().redis.url();
    let calm = Instant::now();
    wrongs.extend(verdict.all_end().await);
    watch.end();
    looking.await.expect("looking does not panic");
    let (stormed, settled) = (begin.elapsed(), calm.elapsed());
    wrongs.extend(verdict.at_rest(&redis_url).await);
    wrongs.extend(verdict.records_arrived(false).await);
    println!("before what failed is retried:\n{}", verdict.summary().await);
    wrongs.extend(verdict.retry_what_can_be(&caller).await);
    wrongs.extend(verdict.at_rest(&redis_url).await);
    wrongs.extend(verdict.records_arrived(true).await);
    println!("at the end:\n{}", verdict.summary().await);
    println!("outside: {}", outside.summary());
    println!("not answered: {:?}", caller.unanswered());
    println!("{:#?}", watch.recoveries());
    println!(
        "seed {seed}: {} faults, {} runs of {} integrations of {} tenants, {:.0} s, of which {:.1} s after the last \
         start, then {:.0} s to retry and look",
        plan.len(),
        size.runs(),
        size.integrations,
        size.tenants,
        stormed.as_secs_f64(),
        settled.as_secs_f64(),
        (begin.elapsed() - stormed).as_secs_f64(),
    );
    assert!(wrongs.is_empty(), "TEST_CHAOS_SEED={seed} TEST_CHAOS_RUNS={runs}\n{}", wrongs.join("\n"));
}
