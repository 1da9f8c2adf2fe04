//! Makes notices of occasions and delivers them: when, and the wire. Many are on their way at once, and of each channel few,
//! so that a receiver who is slow holds nobody else up. What stands in `domain`: who is told, and what becomes of it.

use std::time::{Duration, Instant};

use connector::{Egress, SystemError, SystemErrorKind, retry_after};
use domain::background::{
    Answer, Background, Delivery, DeliveryOutcome, DeliverySlot, DeliverySlots, NOTICE_LEASE_SECONDS,
    OutgoingNotice, UnderWay,
};
use telemetry::trace::{self, Kind};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::mail::{Mailer, NoticeMail};
use crate::outage::Outage;

/// How long an occasion waits at most before somebody is told. Each look costs three indexed queries.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked whether what was told is over, where no occasion says so.
const LOOK_AFTER_INTERVAL: Duration = Duration::from_secs(15);
/// Deliveries of one worker at once. Most of the time they wait. Requests leave room for mails, and mails for requests; whose
/// receivers are all slow has a sixth of the places at most, and one of several a third of those.
const SLOTS: DeliverySlots = DeliverySlots { all: 72, of_way: 60, of_owner: 12, of_channel: 4 };
/// Longest wait for a receiver: Standard Webhooks advises 15 to 30 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest patience that a receiver may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);
/// What is read of a reply, in bytes: its beginning is kept for whoever looks for a fault.
const REPLY_BYTES_MAX: usize = 2_048;
/// How long deliveries may go on at the end of the worker.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

const _ATTEMPTS_END_BEFORE_THEIR_LEASE: () =
    assert!(ANSWER_TIMEOUT.as_secs() * 2 < NOTICE_LEASE_SECONDS as u64);

/// Makes and delivers notices until `shutdown`. An outage of the database is logged and waited out.
pub(crate) async fn run(background: Background, mailer: Option<Mailer>, shutdown: CancellationToken) {
    let outage = Outage::new("the database, for notices,");
    tokio::join!(make(&background, &outage, &shutdown), deliver(&background, mailer, &outage, &shutdown),);
}

async fn make(background: &Background, outage: &Outage, shutdown: &CancellationToken) {
    let mut look = interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked_after: Option<Instant> = None;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = look.tick() => {}
        }
        match step(background, &mut looked_after, shutdown).await {
            Ok(()) => outage.answered(),
            Err(error) => outage.failed(&error),
        }
    }
}

async fn step(
    background: &Background,
    looked_after: &mut Option<Instant>,
    shutdown: &CancellationToken,
) -> domain::Result<()> {
    // A backlog is gone through without a pause, a transaction at a time.
    while !shutdown.is_cancelled() && background.notice_occasions().await? > 0 {}
    while !shutdown.is_cancelled() && background.send_due_notices().await? > 0 {}
    if looked_after.is_none_or(|at| at.elapsed() >= LOOK_AFTER_INTERVAL) {
        background.look_after_notices().await?;
        *looked_after = Some(Instant::now());
    }
    Ok(())
}

async fn deliver(
    background: &Background,
    mailer: Option<Mailer>,
    outage: &Outage,
    shutdown: &CancellationToken,
) {
    let wire = match Wire::new(background.egress().clone(), mailer) {
        Ok(wire) => wire,
        Err(error) => {
            tracing::error!(error = error.detail, "notices can't be delivered by this worker");
            return shutdown.cancelled().await;
        }
    };
    let mut on_their_way = JoinSet::new();
    let mut under_way = UnderWay::new(SLOTS);
    let mut look = interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = look.tick() => {}
            Some(ended) = on_their_way.join_next() => forget(&mut under_way, ended),
        }
        if under_way.room() == 0 {
            continue;
        }
        match background.next_notices(&under_way, wire.mailer.is_some()).await {
            Ok(notices) => {
                outage.answered();
                for notice in notices {
                    under_way.take(notice.slot);
                    let span = tracing::info_span!(
                        "notice", tenant.id = notice.owner.map(tracing::field::display),
                        delivery.id = %notice.id, channel.id = %notice.channel_id
                    );
                    let trace = trace::root(Kind::Consumer, "process notices", None);
                    trace.set("messaging.system", "trestle");
                    trace.set("messaging.operation.type", "process");
                    trace.set("messaging.operation.name", "process");
                    trace.set("messaging.destination.name", "notices");
                    let attempt = attempt(background.clone(), wire.clone(), notice).instrument(span);
                    on_their_way.spawn(async move { trace.within(attempt).await });
                }
            }
            Err(error) => outage.failed(&error),
        }
    }
    // What is cut off here is delivered by another worker, after its lease.
    let ended = async { while on_their_way.join_next().await.is_some() {} };
    tokio::select! { () = ended => {}, () = sleep(LAST_PATIENCE) => {} }
}

fn forget(under_way: &mut UnderWay, ended: Result<DeliverySlot, tokio::task::JoinError>) {
    match ended {
        Ok(slot) => under_way.give_back(slot),
        // Whose it was is not known: there is a place less until this process ends.
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "delivering a notice panicked");
        }
    }
}

/// One attempt, and what came of it. Answers with the place that is free again.
async fn attempt(background: Background, wire: Wire, notice: OutgoingNotice) -> DeliverySlot {
    let begun = Instant::now();
    let (answer, http_status, response) = wire.send(&notice).await;
    telemetry::instruments().notice_deliveries.add(&[outcome(&answer)], 1);
    let outcome = DeliveryOutcome { answer, duration: begun.elapsed(), http_status, response };
    if let Err(error) = background.notice_attempted(&notice, outcome).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error, channel.id = %notice.channel_id,
            "what came of a notice could not be stored; it is delivered once more"
        );
    }
    notice.slot
}

/// As the instruments have it.
fn outcome(answer: &Answer) -> &'static str {
    match answer {
        Answer::Taken => "delivered",
        Answer::Failed { .. } => "failed",
        Answer::Refused { .. } => "refused",
        Answer::Gone => "gone",
    }
}

/// The ways out.
#[derive(Clone)]
struct Wire {
    egress: Egress,
    sender: reqwest::Client,
    mailer: Option<Mailer>,
}

impl Wire {
    fn new(egress: Egress, mailer: Option<Mailer>) -> Result<Self, SystemError> {
        let sender = egress.sender(ANSWER_TIMEOUT)?;
        Ok(Self { egress, sender, mailer })
    }

    async fn send(&self, notice: &OutgoingNotice) -> (Answer, Option<u16>, Option<String>) {
        match &notice.delivery {
            Delivery::Request { url, headers, body } => self.request(url, headers, body).await,
            Delivery::Mail { to, subject, text, html, created_at, message_id } => {
                let Some(mailer) = &self.mailer else {
                    let error = "this worker has no mail server".to_owned();
                    return (Answer::Failed { error, retry_after: None }, None, None);
                };
                let (subject, text, html) = (subject.clone(), text.clone(), html.clone());
                let (to, message_id) = (to.clone(), message_id.clone());
                let mail = NoticeMail { to, subject, text, html, created_at: *created_at, message_id };
                let answer = match mailer.send_notice(mail).await {
                    Ok(()) => Answer::Taken,
                    Err(failure) => {
                        // What the operator's mail server says is for the operator alone.
                        tracing::warn!(
                            delivery.id = %notice.id, channel.id = %notice.channel_id, error = failure.error,
                            refused = failure.refused, "a notice was not mailed"
                        );
                        unsent(failure.refused)
                    }
                };
                (answer, None, None)
            }
        }
    }

    async fn request(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> (Answer, Option<u16>, Option<String>) {
        let failed = |error: String| (Answer::Failed { error, retry_after: None }, None, None);
        let mut request = http::Request::post(url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = match request.body(body.to_vec()) {
            Ok(request) => request,
            Err(_uri) => return failed("the address is not one that can be sent to".to_owned()),
        };
        let reply = match self.egress.send(&self.sender, request, REPLY_BYTES_MAX).await {
            Ok(reply) => reply,
            // Its detail may repeat the URL, which is a secret of Slack's.
            Err(error) => return failed(words_of(&error)),
        };
        let status = reply.status().as_u16();
        let response = String::from_utf8_lossy(reply.body()).into_owned();
        let answer = match status {
            200..=299 => Answer::Taken,
            410 => Answer::Gone,
            _ => Answer::Failed {
                error: format!("the receiver answered {status}"),
                retry_after: retry_after(reply.headers(), RETRY_AFTER_MAX),
            },
        };
        (answer, Some(status), Some(response))
    }
}

/// What its receiver, and who looks after the channel, may know of a mail that did not go out.
fn unsent(is_refused: bool) -> Answer {
    if is_refused {
        Answer::Refused { error: "the mail server refused it".to_owned() }
    } else {
        let error = "the mail server can't be reached, or did not take it yet".to_owned();
        Answer::Failed { error, retry_after: None }
    }
}

fn words_of(error: &SystemError) -> String {
    let what = match error.kind {
        SystemErrorKind::Timeout => "the receiver took too long to answer",
        SystemErrorKind::Forbidden => "the receiver is at an address that may not be reached",
        SystemErrorKind::Misconfigured => "the address can't be used",
        _ => "the receiver can't be reached",
    };
    match &error.hint {
        Some(hint) => format!("{what}: {hint}"),
        None => what.to_owned(),
    }
}
