//! Follows one node's engine.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Measured, NodeId, Requests, Snapshot, World};
use crate::clock::Clock;
use crate::engine::{ContainerState, Engine, Error, Info, Result, Usage};

/// The node is listed this often even when nothing seems to happen: changes get lost.
const LISTED_EVERY: Duration = Duration::from_mins(1);
/// Two listings that changes ask for are this far apart: one start is a burst of changes.
const LISTED_AT_MOST_EVERY: Duration = Duration::from_millis(200);
/// How long to wait after a first failure, doubled with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Each running container is measured this often.
const MEASURED_EVERY: Duration = Duration::from_secs(10);
/// So many containers are measured at once; each takes the engine a second or two.
const MEASURED_AT_ONCE: usize = 4;

/// Keeps a node's [`Snapshot`] true.
pub struct Watcher {
    engine: Arc<dyn Engine>,
    clock: Clock,
    snapshots: watch::Sender<Arc<Snapshot>>,
    requests: Arc<Requests>,
}

impl Watcher {
    /// A watcher of `engine`, and the world in which it publishes what it sees.
    pub fn new(node: NodeId, engine: Arc<dyn Engine>, clock: Clock) -> (Self, World) {
        let (sender, snapshots) = watch::channel(Arc::new(Snapshot::unknown(node)));
        let requests = Arc::<Requests>::default();
        let world = World { snapshots, requests: Arc::clone(&requests) };
        (Self { engine, clock, snapshots: sender, requests }, world)
    }

    /// Watches until `cancel` says to end.
    pub async fn run(self, cancel: CancellationToken) {
        let watch = async { tokio::join!(self.keep_following(), self.keep_measuring()) };
        cancel.run_until_cancelled(watch).await;
    }

    fn publish(&self, next: impl FnOnce(&Snapshot) -> Snapshot) {
        self.snapshots.send_modify(|snapshot| *snapshot = Arc::new(next(snapshot)));
    }

    /// Follows the engine for ever, reconnecting when it is lost.
    async fn keep_following(&self) {
        let mut wait = FIRST_WAIT;
        loop {
            let request = self.requests.made.load(Ordering::SeqCst);
            let mut up_at = None;
            let error = self.follow(&mut up_at).await;
            match up_at {
                // One lost connection is no lost engine: whether it is gone shows when it is asked again.
                Some(at) if at.elapsed() > LONGEST_WAIT => {
                    tracing::debug!(%error, "the change stream ended; reconnecting");
                    wait = FIRST_WAIT;
                    continue;
                }
                // An engine that lists and breaks every stream at once is listed at the pace of a lost one.
                Some(_) => tracing::warn!(%error, "the change stream ended as soon as it was opened"),
                None => self.lose(&error, request),
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = self.requests.wake.notified() => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn lose(&self, error: &Error, request: u64) {
        let at = self.clock.now();
        let reason = match error {
            Error::Unreachable { reason } => reason.clone(),
            other => other.to_string(),
        };
        if self.snapshots.borrow().is_up() {
            tracing::warn!(%reason, "the container engine is lost");
        }
        self.publish(|snapshot| {
            let mut next = snapshot.lost(reason, at);
            next.answered = next.answered.max(request);
            next
        });
    }

    /// Follows the engine until it is lost, and gives the reason.
    async fn follow(&self, up_at: &mut Option<Instant>) -> Error {
        match self.try_follow(up_at).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn try_follow(&self, up_at: &mut Option<Instant>) -> Result<std::convert::Infallible> {
        let info = self.engine.info().await?;
        // First the stream, then the listing: what happens in between is then in one of them.
        let mut changes = self.engine.changes(None).await?;
        let mut listed_at = self.list(&info).await?;
        *up_at = Some(listed_at);
        let mut is_stale = false;
        loop {
            let due = listed_at + if is_stale { LISTED_AT_MOST_EVERY } else { LISTED_EVERY };
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.requests.wake.notified() => {}
                change = changes.next() => {
                    let ended = || Error::Unreachable { reason: "the change stream ended".to_owned() };
                    change.ok_or_else(ended)??;
                    is_stale = true;
                    continue;
                }
            }
            listed_at = self.list(&info).await?;
            is_stale = false;
        }
    }

    /// Lists the node and publishes what was found; gives when that was done.
    async fn list(&self, info: &Info) -> Result<Instant> {
        // Requests made from here on may be about what this listing does not show.
        let request = self.requests.made.load(Ordering::SeqCst);
        // What ended after this instant may not be in the listing yet.
        let at = self.clock.now();
        let listing = self.engine.list().await?;
        self.publish(|snapshot| {
            let mut next = snapshot.listed(listing, info.clone(), at);
            next.answered = next.answered.max(request);
            next
        });
        Ok(Instant::now())
    }

    /// Measures running containers in turn, for ever.
    async fn keep_measuring(&self) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asked: HashMap<String, Instant> = HashMap::new();
        let mut underway = FuturesUnordered::new();
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                Some(measured) = underway.next(), if !underway.is_empty() => self.keep(measured),
            }
            for id in self.due(&mut asked, MEASURED_AT_ONCE - underway.len()) {
                underway.push(measure(Arc::clone(&self.engine), id));
            }
        }
    }

    /// Up to `room` containers that are due to be measured, longest waiting first; notes that they are asked.
    fn due(&self, asked: &mut HashMap<String, Instant>, room: usize) -> Vec<String> {
        let snapshot = self.snapshots.borrow().clone();
        let is_measured = |id: &str| {
            let container = snapshot.container(id);
            container.is_some_and(|found| found.state == ContainerState::Running && found.tool().is_some())
        };
        asked.retain(|id, _| is_measured(id));
        if !snapshot.is_up() {
            return Vec::new();
        }
        let now = Instant::now();
        let ids = snapshot.listing.containers.iter().map(|container| &container.id).filter(|id| is_measured(id));
        let is_due = |id: &&String| asked.get(*id).is_none_or(|at| now.duration_since(*at) >= MEASURED_EVERY);
        let mut due: Vec<String> = ids.filter(is_due).cloned().collect();
        due.sort_by_key(|id| asked.get(id).copied());
        due.truncate(room);
        asked.extend(due.iter().map(|id| (id.clone(), now)));
        due
    }

    fn keep(&self, (id, usage): (String, Result<Usage>)) {
        match usage {
            Ok(usage) => {
                let measured = Measured { at: self.clock.now(), usage };
                self.publish(|snapshot| snapshot.measured(&id, measured));
            }
            // It ended since it was listed.
            Err(Error::NotFound { .. } | Error::Conflict { .. }) => {}
            Err(error) => tracing::debug!(container = %id, %error, "could not be measured"),
        }
    }
}

async fn measure(engine: Arc<dyn Engine>, id: String) -> (String, Result<Usage>) {
    let usage = engine.usage(&id).await;
    (id, usage)
}
