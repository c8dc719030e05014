//! The observed world, kept in memory.
//!
//! One [`Watcher`] per node follows the engine and publishes [`Snapshot`]s; whoever wants to know what is there reads the
//! newest one from its [`World`] and asks no engine. The engine's change stream is a hint only: the listing is the truth,
//! and it is taken anew after each change, after each reconnect and every minute.
//!
//! While the engine is away the last listing stays readable, and the snapshot says since when it is old.

mod transitions;
mod watcher;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

pub use self::transitions::{Condition, Transition, transitions};
pub use self::watcher::Watcher;
use super::{Container, Info, Listing, Usage};

/// How many measurements of a container are kept: ten minutes of them.
const KEPT_MEASUREMENTS: usize = 60;

/// The name of a node, as the configuration gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// The node called `name`.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a node's engine answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reachability {
    /// It was not asked yet.
    Unknown,
    /// It answers.
    Up {
        /// Who answers.
        info: Info,
        /// Since when without a gap.
        since: Timestamp,
    },
    /// It does not answer, or cannot be used.
    Down {
        /// Since when.
        since: Timestamp,
        /// Why, with what to do about it where that is known.
        reason: String,
    },
}

/// What a container used at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// When it was measured.
    pub at: Timestamp,
    /// What it used.
    pub usage: Usage,
}

/// What is known of a node at one instant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The node.
    pub node: NodeId,
    /// Whether its engine answers.
    pub engine: Reachability,
    /// Everything that was on it when it was last listed.
    pub listing: Arc<Listing>,
    /// When it was last listed; `None` before the first time.
    pub taken_at: Option<Timestamp>,
    /// Rises whenever a thing, its state or the engine's reachability differs from before; measurements and the wording
    /// of a status do not count.
    pub revision: u64,
    /// Positions of containers in the listing, by the tool they say they belong to.
    by_tool: Arc<BTreeMap<Uuid, Vec<usize>>>,
    /// Measurements by container id, oldest first.
    usage: Arc<BTreeMap<String, Arc<VecDeque<Measured>>>>,
    /// The newest request for a listing that this one answers.
    answered: u64,
}

impl Snapshot {
    /// Nothing known yet.
    pub fn unknown(node: NodeId) -> Self {
        Self {
            node,
            engine: Reachability::Unknown,
            listing: Arc::default(),
            taken_at: None,
            revision: 0,
            by_tool: Arc::default(),
            usage: Arc::default(),
            answered: 0,
        }
    }

    /// The same after `listing` was taken at `at` from the engine that `info` describes.
    #[must_use]
    pub fn listed(&self, listing: Listing, info: Info, at: Timestamp) -> Self {
        let since = match &self.engine {
            Reachability::Up { since, .. } => *since,
            Reachability::Unknown | Reachability::Down { .. } => at,
        };
        let engine = Reachability::Up { info, since };
        let is_same = self.engine == engine && is_same(&self.listing, &listing);
        let is_there = |id: &String| listing.containers.iter().any(|container| container.id == *id);
        let usage = if self.usage.keys().all(is_there) {
            Arc::clone(&self.usage)
        } else {
            let kept = self.usage.iter().filter(|(id, _)| is_there(id));
            Arc::new(kept.map(|(id, ring)| (id.clone(), Arc::clone(ring))).collect())
        };
        Self {
            node: self.node.clone(),
            engine,
            by_tool: Arc::new(by_tool(&listing)),
            listing: Arc::new(listing),
            taken_at: Some(at),
            revision: self.revision + u64::from(!is_same),
            usage,
            answered: self.answered,
        }
    }

    /// The same after the engine failed to answer at `at`; what was listed before stays.
    #[must_use]
    pub fn lost(&self, reason: String, at: Timestamp) -> Self {
        let since = match &self.engine {
            Reachability::Down { since, .. } => *since,
            Reachability::Unknown | Reachability::Up { .. } => at,
        };
        let engine = Reachability::Down { since, reason };
        let revision = self.revision + u64::from(self.engine != engine);
        Self { engine, revision, ..self.clone() }
    }

    /// The same with one more measurement; a container that is gone is left alone.
    #[must_use]
    pub fn measured(&self, id: &str, measured: Measured) -> Self {
        if self.container(id).is_none() {
            return self.clone();
        }
        let mut usage = (*self.usage).clone();
        let ring = Arc::make_mut(usage.entry(id.to_owned()).or_default());
        if ring.len() == KEPT_MEASUREMENTS {
            ring.pop_front();
        }
        ring.push_back(measured);
        Self { usage: Arc::new(usage), ..self.clone() }
    }

    /// Whether the engine answers.
    pub fn is_up(&self) -> bool {
        matches!(self.engine, Reachability::Up { .. })
    }

    /// A container by its full id.
    pub fn container(&self, id: &str) -> Option<&Container> {
        self.listing.containers.iter().find(|container| container.id == id)
    }

    /// The containers that say they belong to `tool`, newest first. Their marks tell whether that is true.
    pub fn containers_of(&self, tool: Uuid) -> impl Iterator<Item = &Container> {
        self.by_tool.get(&tool).into_iter().flatten().map(|at| &self.listing.containers[*at])
    }

    /// The containers that carry the label `key` with `value`, newest first.
    pub fn containers_with_label(&self, key: &str, value: &str) -> impl Iterator<Item = &Container> {
        let has_it = move |container: &&Container| container.labels.get(key).is_some_and(|found| found == value);
        self.listing.containers.iter().filter(has_it)
    }

    /// The containers that name no tool, newest first.
    pub fn foreign(&self) -> impl Iterator<Item = &Container> {
        self.listing.containers.iter().filter(|container| container.tool().is_none())
    }

    /// The newest measurement of a container; `None` when it does not run or was not measured yet.
    pub fn usage(&self, id: &str) -> Option<Measured> {
        self.usage.get(id)?.back().copied()
    }

    /// The measurements of a container over the last ten minutes, oldest first.
    pub fn usage_history(&self, id: &str) -> impl Iterator<Item = Measured> {
        self.usage.get(id).into_iter().flat_map(|ring| ring.iter().copied())
    }
}

fn by_tool(listing: &Listing) -> BTreeMap<Uuid, Vec<usize>> {
    let mut by_tool: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (at, container) in listing.containers.iter().enumerate() {
        if let Some(tool) = container.tool() {
            by_tool.entry(tool).or_default().push(at);
        }
    }
    by_tool
}

/// Whether two listings show the same; "Up 2 minutes" after "Up 1 minute" is the same.
fn is_same(old: &Listing, new: &Listing) -> bool {
    let without_status = |container: &Container| Container { status: String::new(), ..container.clone() };
    old.networks == new.networks
        && old.volumes == new.volumes
        && old.containers.len() == new.containers.len()
        && old.containers.iter().zip(&new.containers).all(|(a, b)| a == b || without_status(a) == without_status(b))
}

/// Requests for a listing now.
#[derive(Debug, Default)]
struct Requests {
    made: AtomicU64,
    wake: Notify,
}

/// Where the newest [`Snapshot`] of a node is read. Cheap to clone.
#[derive(Clone, Debug)]
pub struct World {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    requests: Arc<Requests>,
}

impl World {
    /// A world in which nothing ever changes, for tests of what reads it.
    pub fn standing(snapshot: Snapshot) -> Self {
        Self { snapshots: watch::channel(Arc::new(snapshot)).1, requests: Arc::default() }
    }

    /// What is known now. Waits for nobody.
    pub fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Every snapshot from now on, for as long as the watcher runs; a slow reader skips to the newest.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Has the node listed now, and gives what was found; what is known when the engine does not answer.
    pub async fn refresh(&self) -> Arc<Snapshot> {
        let request = self.requests.made.fetch_add(1, Ordering::SeqCst) + 1;
        self.requests.wake.notify_one();
        let mut snapshots = self.snapshots.clone();
        // An error means that the watcher has ended: what is known is all there will be.
        let _ = snapshots.wait_for(|snapshot| snapshot.answered >= request).await;
        self.now()
    }
}

#[cfg(test)]
mod tests;
