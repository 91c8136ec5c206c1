//! The deliverer: claims entries that are due, sends them or looks them up, and records what became
//! of them.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::{sleep_until, timeout_at, Instant};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::outbox::clock::SystemTimes;
use crate::outbox::decision::Rules;
use crate::outbox::entry::{ClaimedEntry, Delivery, Next, Settled, Step, Work};
use crate::outbox::flight::{Decided, Flight, Landing};
use crate::outbox::pace::Window;
use crate::outbox::store::{ClaimRequest, ClaimToken, Store};
use crate::outbox::tally::{Once, Tally};
use crate::outbox::worker::Place;
use crate::process::log;
use crate::protocol::stored;
use crate::status::Status;
use crate::transport::message::{ExchangeLimits, ExchangeResult};
use crate::transport::Transport;

/// How often a deliverer looks for entries that other processes have submitted or left.
const POLL: Duration = Duration::from_millis(500);

/// How long more results are waited for after one.
const GATHER: Duration = Duration::from_millis(5);

/// How long results are tried to be recorded after their deadline.
const RECORD_GRACE: Duration = Duration::from_secs(3);

/// The pause after the file or the connections could not be used.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

/// What a deliverer works for.
pub trait Host: Send + Sync + 'static {
    /// The configuration and the connections to use now; `None` ends the deliverer.
    fn current(&self) -> Option<Result<(Arc<Config>, Arc<Transport>)>>;

    /// Receives what has finally become of an entry, after it was recorded.
    fn conclude(&self, entry: EntryName, config: Arc<Config>, conclusion: Conclusion);
}

/// How the application knows an entry.
#[derive(Clone, Debug)]
pub struct EntryName {
    pub id: String,
    pub key: Option<String>,
}

/// What has finally become of an entry.
pub enum Conclusion {
    /// The server's response decides. If `is_unknown`, the booking may have been made whatever it
    /// says.
    Answered {
        exchanged: ExchangeResult,
        is_unknown: bool,
    },
    /// A lookup has found the booking.
    Found(String),
    /// There is no response that decides.
    Failed(Error),
}

/// Sends what is due, until nothing is or the deadline has come. Recording results may take a
/// little longer.
pub async fn deliver_due(
    host: Box<dyn Host>,
    store: Arc<Store>,
    place: Place,
    deadline: Instant,
    stop: Pin<Box<dyn Future<Output = Error> + Send + '_>>,
) -> Result<Tally> {
    let started = Instant::now();
    // An attempt that begins just before the deadline would be given up, and its result unknown.
    let claim_until = started + deadline.saturating_duration_since(started) * 2 / 3;
    let mut run = Run::new(host, store, place);
    run.once = Some(Once::default());
    let work = async {
        loop {
            let may_claim = Instant::now() < claim_until && !run.window.is_stopped();
            let max = if may_claim { run.room()? } else { 0 };
            if max > 0 || !run.results.is_empty() {
                run.advance(max, Some(deadline)).await?;
            }
            if run.results.is_empty() && !run.wait_for_result().await {
                break;
            }
        }
        if run.has_finished {
            run.truncate_log().await;
        }
        Ok(run.once.take().unwrap_or_default().tally())
    };
    tokio::select! {
        delivered = work => delivered,
        stopped = stop => Err(stopped),
    }
}

/// Sends entries when they are due, until it is dropped or its host ends it.
pub async fn deliver_always(host: Box<dyn Host>, store: Arc<Store>, done: Box<dyn Send>) {
    let mut run = Run::new(host, store, Place::NetworkThread);
    run.done = Some(done);
    let mut look_at = Instant::now();
    loop {
        let store = run.store.clone();
        let changed = store.changed.notified();
        tokio::pin!(changed);
        // From here on no submission is missed.
        changed.as_mut().enable();
        let now = Instant::now();
        let may_claim = now >= look_at && run.window.may_continue(now);
        let max = match run.room() {
            _ if !may_claim => 0,
            Ok(room) => room,
            Err(error) if error.status == Status::Closed => return,
            Err(error) => {
                log::error(|| error.message);
                run.pause_after_error().await;
                continue;
            }
        };
        if max > 0 || !run.results.is_empty() {
            look_at = match run.advance(max, None).await {
                Ok(Some(next)) => Instant::now() + next.min(POLL),
                Ok(None) => Instant::now() + POLL,
                Err(error) => {
                    log::error(|| error.message);
                    run.pause_after_error().await;
                    continue;
                }
            };
            if !run.results.is_empty() {
                continue;
            }
            if run.has_finished && run.flights.is_empty() {
                run.truncate_log().await;
            }
        }
        let wake_at = run.window.wakes_at(look_at);
        tokio::select! {
            true = run.wait_for_result() => {
                // There is room for another entry.
                look_at = Instant::now();
            }
            () = &mut changed => look_at = Instant::now(),
            () = sleep_until(wake_at) => {}
        }
    }
}

/// One run of a deliverer. When it is dropped, it gives its claims back.
struct Run {
    host: Box<dyn Host>,
    store: Arc<Store>,
    place: Place,
    token: Arc<ClaimToken>,
    flights: JoinSet<Landing>,
    in_flight: HashMap<Id, Flight>,
    results: Vec<Decided>,
    window: Window,
    /// Of a run that ends.
    once: Option<Once>,
    /// When to look for what other processes have left.
    upkeep_at: Option<Instant>,
    /// Whether entries were finished since the log was emptied.
    has_finished: bool,
    /// Dropped last, when the claims have been given back.
    done: Option<Box<dyn Send>>,
}

impl Run {
    fn new(host: Box<dyn Host>, store: Arc<Store>, place: Place) -> Run {
        Run {
            host,
            store,
            place,
            token: Arc::new(ClaimToken::new()),
            flights: JoinSet::new(),
            in_flight: HashMap::new(),
            results: Vec::new(),
            window: Window::default(),
            once: None,
            upkeep_at: None,
            has_finished: false,
            done: None,
        }
    }

    /// How many more entries may be claimed.
    fn room(&self) -> Result<usize> {
        let (config, _) = self.settings()?;
        let size = self.window.size(stored::has_lookup(&config));
        Ok(size.saturating_sub(self.in_flight.len()))
    }

    /// Whether to look for what other processes have left.
    fn is_upkeep_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.upkeep_at.is_none_or(|at| at <= now);
        if is_due {
            self.upkeep_at = Some(now + POLL);
        }
        is_due
    }

    fn settings(&self) -> Result<(Arc<Config>, Arc<Transport>)> {
        let ended = || Error::new(Status::Closed, "the service was closed");
        self.host.current().ok_or_else(ended)?
    }

    /// Records the results, and claims entries and sends them. Returns when the next one is due.
    async fn advance(&mut self, max: usize, deadline: Option<Instant>) -> Result<Option<Duration>> {
        let (config, transport) = self.settings()?;
        let Some(outbox) = &config.outbox else {
            return Err(crate::outbox::not_configured());
        };
        let attempt_deadline = deadline.unwrap_or_else(|| Instant::now() + config.timeout);
        let request = ClaimRequest {
            server: stored::server(&config),
            max,
            due_by: self.once.as_ref().and_then(|once| once.began_at),
            max_age: outbox.max_age,
            timeout: attempt_deadline.saturating_duration_since(Instant::now()),
            keep: outbox.keep,
            with_upkeep: self.is_upkeep_due(),
        };
        let results = std::mem::take(&mut self.results);
        let steps: Vec<Step> = results.iter().map(Decided::step).collect();
        let (store, token) = (self.store.clone(), self.token.clone());
        let until = attempt_deadline
            .max(Instant::now() + RECORD_GRACE)
            .into_std();
        let advance = move || store.advance(&token, &steps, &request, until);
        let claimed = match self.place.run(advance).await {
            Ok(claimed) => claimed,
            Err(error) => {
                self.results.splice(0..0, results);
                return Err(error);
            }
        };
        if let Some(once) = &mut self.once {
            once.began_at.get_or_insert(claimed.now.file_ms);
        }
        for (decided, settled) in results.into_iter().zip(claimed.settled) {
            self.settle(decided, settled);
        }
        for entry in claimed.entries {
            let rules = Rules {
                config: &config,
                outbox,
                wall_ms: claimed.now.wall_ms,
            };
            self.launch(entry, &config, rules, &transport, attempt_deadline);
        }
        let next = claimed.next_due_ms.and_then(|ms| u64::try_from(ms).ok());
        Ok(next.map(Duration::from_millis))
    }

    /// Sends a claimed entry or looks it up, unless what becomes of it is clear without that.
    fn launch(
        &mut self,
        entry: ClaimedEntry,
        config: &Arc<Config>,
        rules: Rules,
        transport: &Arc<Transport>,
        deadline: Instant,
    ) {
        let clear = match entry.work {
            Work::Send => rules.expiry(&entry),
            Work::Resolve if rules.can_look_up(&entry) => None,
            Work::Resolve => Some(rules.without_lookup(&entry)),
        };
        if let Some(decision) = clear {
            let config = config.clone();
            self.results.push(Decided {
                entry,
                config,
                decision,
                exchanged: None,
            });
            return;
        }
        log::debug(|| format!("outbox entry {}: {}", entry.id, entry.work.name()));
        let limits = ExchangeLimits {
            deadline,
            max_bytes: config.max_response_bytes,
            retry: rules.outbox.retry.clone(),
        };
        let flight = Flight::new(entry, config.clone());
        let flown = flight.fly(transport.clone(), limits, rules.wall_ms);
        let task = self.flights.spawn(flown);
        self.in_flight.insert(task.id(), flight);
    }

    /// Waits for a result, and a little for more. Returns false if nothing is under way.
    async fn wait_for_result(&mut self) -> bool {
        // A transaction for few results costs as much as one for many.
        let enough = self.in_flight.len() / 2;
        let Some(mut result) = self.flights.join_next_with_id().await else {
            return false;
        };
        let gather_until = Instant::now() + GATHER;
        loop {
            match result {
                Ok((task, landing)) => self.land(task, landing),
                Err(failed) => {
                    log::error(|| format!("an attempt to deliver failed: {failed}"));
                    if let Some(flight) = self.in_flight.get(&failed.id()) {
                        let landing = flight.lost();
                        self.land(failed.id(), landing);
                    }
                }
            }
            let next = match self.flights.try_join_next_with_id() {
                Some(next) => Some(next),
                None if self.results.len() >= enough => None,
                None => timeout_at(gather_until, self.flights.join_next_with_id())
                    .await
                    .ok()
                    .flatten(),
            };
            match next {
                Some(next) => result = next,
                None => return true,
            }
        }
    }

    fn land(&mut self, task: Id, landing: Landing) {
        let flight = self.in_flight.remove(&task);
        let Some(decided) = flight.and_then(|flight| flight.decide(landing, wall_now())) else {
            return;
        };
        if let Some(outbox) = &decided.config.outbox {
            self.window.note(decided.decision.pace, &outbox.retry);
        }
        self.results.push(decided);
    }

    /// Logs, counts and reports what an entry has become.
    fn settle(&mut self, decided: Decided, settled: Settled) {
        let Decided {
            entry,
            config,
            decision,
            exchanged,
        } = decided;
        log::info(|| {
            let reason = decision.error.as_ref().map(|error| error.status.name());
            let (id, delivery) = (&entry.id, settled.delivery.name());
            format!(
                "outbox entry {id}: {delivery} {}",
                reason.unwrap_or_default()
            )
        });
        let is_final = matches!(
            (settled.delivery, &decision.next),
            (
                Delivery::Delivered | Delivery::Refused | Delivery::Expired,
                _
            ) | (_, Next::Undecided | Next::Finished { .. })
        );
        self.has_finished |= is_final;
        if let Some(once) = &mut self.once {
            once.states.insert(entry.number, settled.delivery);
        }
        if !is_final {
            return;
        }
        let is_unknown = settled.delivery == Delivery::Unknown;
        let conclusion = match (exchanged, decision.error, settled.booking) {
            (Some(exchanged), _, _) => Conclusion::Answered {
                exchanged,
                is_unknown,
            },
            (None, Some(error), _) => Conclusion::Failed(error),
            (None, None, booking) => Conclusion::Found(booking.unwrap_or_default()),
        };
        let name = EntryName {
            id: entry.id,
            key: entry.key,
        };
        self.host.conclude(name, config, conclusion);
    }

    async fn truncate_log(&mut self) {
        let store = self.store.clone();
        let truncated = self.place.run(move || Ok(store.truncate_log())).await;
        self.has_finished = !truncated.unwrap_or(false);
    }

    /// Waits until it may work again; what is under way goes on.
    async fn pause_after_error(&mut self) {
        let pause = sleep_until(Instant::now() + ERROR_PAUSE);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return,
                true = self.wait_for_result() => {}
                else => return pause.await,
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // From here on no attempt goes on, so that what each has sent is final.
        self.flights.abort_all();
        let mut steps: Vec<Step> = self.results.iter().map(Decided::step).collect();
        steps.extend(self.in_flight.drain().map(|(_, flight)| flight.give_up()));
        if steps.is_empty() {
            return;
        }
        let (store, token) = (self.store.clone(), self.token.clone());
        let done = self.done.take();
        self.place.run_soon(move || {
            let until = std::time::Instant::now() + RECORD_GRACE;
            if let Err(error) = store.record(&token, &steps, until) {
                // The claims are not in use any more, and are looked up by the next deliverer.
                log::error(|| error.message);
            }
            store.changed.notify_waiters();
            drop((store, token, done));
        });
    }
}

fn wall_now() -> i64 {
    SystemTimes::now("").wall_ms
}
