//! A pretended engine in memory, for tests of what drives an engine.
//!
//! It keeps the promises of [`super::Engine`] (conflicts, missing things, ports, change streams) without containers, and does
//! what a test asks of it: images that start badly, calls that fail, answers that get lost, an engine that goes away.
//! Where it is stricter than Docker it says so: a container whose volume does not exist is refused, since Docker would
//! make an unlabelled volume that nobody owns.

mod engine;
mod kept;
mod node;
mod script;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use self::kept::Kept;
use self::node::{Node, Offer, PLATFORM};
pub use self::script::{Behaviour, Call, Script};
use self::script::{Fault, Faults};
use super::{ContainerSpec, Error, Health, LogLine, MARK_LABEL, Result, Space, Usage};
use crate::clock::Clock;

/// An engine in memory; clones share it.
#[derive(Clone)]
pub struct FakeEngine {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// Counts what a log reader may have to look at again.
    stirred: watch::Sender<u64>,
}

struct State {
    node: Node,
    calls: Vec<Call>,
    faults: Faults,
    away: Away,
}

/// Whether the engine answers.
#[derive(Clone, Copy)]
enum Away {
    No,
    Until(Instant),
    ForNow,
}

/// What is on the fake node, without what differs between two equal worlds: ids, marks and times.
///
/// A volume keeps the number it was made under: one that was removed and made anew has lost its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Containers by name, each with its image, state, health, labels, volumes, networks and ports in words.
    pub containers: BTreeMap<String, String>,
    /// Networks by name, with their labels.
    pub networks: BTreeMap<String, BTreeMap<String, String>>,
    /// Volumes by name, with their number and labels.
    pub volumes: BTreeMap<String, (u64, BTreeMap<String, String>)>,
    /// The names of all images, sorted.
    pub images: Vec<String>,
}

impl FakeEngine {
    /// An engine with nothing on it, whose times come from `clock`.
    pub fn new(clock: Clock) -> Self {
        let node = Node { clock, ..Node::default() };
        let state = State { node, calls: Vec::new(), faults: Faults::default(), away: Away::No };
        Self { inner: Arc::new(Inner { state: Mutex::new(state), stirred: watch::Sender::new(0) }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stir(&self) {
        self.inner.stirred.send_modify(|count| *count += 1);
    }

    /// Changes the node by hand, as somebody with a shell on it would.
    fn by_hand<T>(&self, change: impl FnOnce(&mut Node) -> T) -> T {
        let done = change(&mut self.state().node);
        self.stir();
        done
    }
}

/// What there is to pull and to run.
impl FakeEngine {
    /// Puts an image into the registry that the engine pulls from.
    pub fn offer(&self, repository: &str, digest: &str, script: Script) {
        self.put(repository, digest, Offer { script, credentials: None, platform: PLATFORM.to_owned() });
    }

    /// The same, for those who know user and password.
    pub fn offer_to(&self, user: &str, password: &str, repository: &str, digest: &str, script: Script) {
        let credentials = Some((user.to_owned(), password.to_owned()));
        self.put(repository, digest, Offer { script, credentials, platform: PLATFORM.to_owned() });
    }

    /// The same, built for another platform than this node's.
    pub fn offer_for(&self, platform: &str, repository: &str, digest: &str) {
        let offer = Offer { script: Script::default(), credentials: None, platform: platform.to_owned() };
        self.put(repository, digest, offer);
    }

    fn put(&self, repository: &str, digest: &str, offer: Offer) {
        self.by_hand(|node| node.registry.insert((repository.to_owned(), digest.to_owned()), offer));
    }

    /// Puts an image on the node itself, under `repository@digest`.
    pub fn have(&self, repository: &str, digest: &str, script: Script) {
        self.by_hand(|node| node.keep_image(&format!("{repository}@{digest}"), digest, script));
    }

    /// Says what is free on the node's disk from now on; without it there is plenty.
    pub fn set_space(&self, space: Space) {
        self.by_hand(|node| node.space = Some(space));
    }

    /// Takes a port of the host, as a process outside the engine would.
    pub fn take_port(&self, port: u16) {
        self.by_hand(|node| node.taken_ports.push(port));
    }
}

/// What others do to the node.
impl FakeEngine {
    /// Lets a container end by itself with `code`.
    ///
    /// # Panics
    /// When there is no such container, like everything below that names one: the test is wrong then.
    pub fn end(&self, name: &str, code: i64) {
        self.by_hand(|node| {
            assert!(node.container(name).is_ok(), "no container {name}");
            node.end(name, code);
        });
    }

    /// Lets a container be ended by the kernel for using too much memory.
    ///
    /// # Panics
    /// When there is no such container.
    pub fn end_out_of_memory(&self, name: &str) {
        self.by_hand(|node| node.container_mut(name).expect("a known container").out_of_memory = true);
        self.end(name, 137);
    }

    /// Sets what a container's health check says from now on.
    ///
    /// # Panics
    /// When there is no such container.
    pub fn set_health(&self, name: &str, health: Health) {
        self.by_hand(|node| {
            assert!(node.container(name).is_ok(), "no container {name}");
            node.set_health(name, health);
        });
    }

    /// Sets what a container uses.
    ///
    /// # Panics
    /// When there is no such container.
    pub fn set_usage(&self, name: &str, usage: Usage) {
        self.by_hand(|node| node.container_mut(name).expect("a known container").usage = usage);
    }

    /// Lets a container write a line.
    ///
    /// # Panics
    /// When there is no such container.
    pub fn log(&self, name: &str, text: &str) {
        self.by_hand(|node| {
            let at = Some(node.clock.now());
            let line = LogLine { at, is_error: false, text: text.to_owned() };
            node.container_mut(name).expect("a known container").logs.push(line);
        });
    }

    /// Creates and starts a container by hand, with its image; its networks and volumes must exist. Gives its id.
    ///
    /// # Panics
    /// When the engine would refuse it.
    pub fn run_by_hand(&self, spec: &ContainerSpec, script: Script) -> String {
        let id = self.by_hand(|node| {
            if node.image_at(&spec.image).is_none() {
                let digest = spec.image.split_once('@').map_or(spec.image.as_str(), |(_, digest)| digest).to_owned();
                node.keep_image(&spec.image, &digest, script);
            }
            node.create_container(spec).expect("a container that can be created")
        });
        let started = self.by_hand(|node| node.start(&id)).expect("a container that can be started");
        self.schedule(started);
        id
    }

    /// Removes a container by hand.
    ///
    /// # Panics
    /// When there is no such container.
    pub fn remove_by_hand(&self, name: &str) {
        self.by_hand(|node| node.remove_container(name)).expect("a known container");
    }

    /// Removes a network by hand, which the engine allows while no running container is in it.
    ///
    /// # Panics
    /// When there is no such network, or it is in use.
    pub fn remove_network_by_hand(&self, name: &str) {
        self.by_hand(|node| node.remove_network(name)).expect("a known network");
    }

    /// Removes a volume by hand, which the engine allows while no container mounts it.
    ///
    /// # Panics
    /// When there is no such volume, or it is in use.
    pub fn remove_volume_by_hand(&self, name: &str) {
        self.by_hand(|node| node.remove_volume(name)).expect("a known volume");
    }

    /// Whether changes happen without a sign on the change streams.
    pub fn mute(&self, is_mute: bool) {
        self.by_hand(|node| node.is_mute = is_mute);
    }
}

/// What goes wrong.
impl FakeEngine {
    /// Lets the `n`-th call from now on fail without effect; the next one is the first.
    pub fn fail_at(&self, n: usize, error: Error) {
        let mut state = self.state();
        let due = state.calls.len() + n;
        state.faults.at.push((due, Fault::Fails(error)));
    }

    /// Lets the `n`-th changing call from now on fail without effect; the next one is the first.
    pub fn fail_at_write(&self, n: usize, error: Error) {
        self.at_write(n, Fault::Fails(error));
    }

    /// Lets the `n`-th changing call from now on take effect and its answer get lost.
    pub fn lose_answer_at_write(&self, n: usize) {
        self.at_write(n, Fault::LosesAnswer);
    }

    fn at_write(&self, n: usize, fault: Fault) {
        let mut state = self.state();
        let due = state.calls.iter().filter(|call| call.is_write()).count() + n;
        state.faults.at_write.push((due, fault));
    }

    /// Lets every call fail for which `rule` gives an error, until [`FakeEngine::heal`].
    pub fn fail_on(&self, rule: impl Fn(&Call) -> Option<Error> + Send + Sync + 'static) {
        self.state().faults.on.push(Arc::new(rule));
    }

    /// Lets every call take as long as `rule` says, until [`FakeEngine::heal`].
    pub fn delay_on(&self, rule: impl Fn(&Call) -> Option<Duration> + Send + Sync + 'static) {
        self.state().faults.delays.push(Arc::new(rule));
    }

    /// Forgets all faults and delays still to come.
    pub fn heal(&self) {
        self.state().faults = Faults::default();
    }

    /// Whether a numbered fault has not happened yet.
    pub fn has_faults_left(&self) -> bool {
        let state = self.state();
        !state.faults.at.is_empty() || !state.faults.at_write.is_empty()
    }

    /// Lets the engine go away: change streams break, and no call is answered until [`FakeEngine::come_back`].
    pub fn go_away(&self) {
        self.leave(Away::ForNow);
    }

    /// Lets the engine answer again.
    pub fn come_back(&self) {
        self.state().away = Away::No;
    }

    /// Restarts the engine: change streams break, and no call is answered for `pause`. Containers keep running.
    pub fn restart(&self, pause: Duration) {
        self.leave(Away::Until(Instant::now() + pause));
    }

    fn leave(&self, away: Away) {
        let mut state = self.state();
        state.away = away;
        for listener in state.node.listeners.drain(..) {
            // A listener that has gone away needs no farewell.
            let _ = listener.send(Err(gone()));
        }
    }
}

/// What can be asserted.
impl FakeEngine {
    /// All calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The calls so far that would change the world, in words, in order.
    pub fn writes(&self) -> Vec<String> {
        self.state().calls.iter().filter(|call| call.is_write()).map(ToString::to_string).collect()
    }

    /// Forgets the calls so far; numbered faults still to come are forgotten with them.
    pub fn forget_calls(&self) {
        let mut state = self.state();
        state.calls.clear();
        state.faults.at.clear();
        state.faults.at_write.clear();
    }

    /// The specification a container was created from; `None` when there is no such container.
    pub fn spec(&self, name: &str) -> Option<ContainerSpec> {
        self.state().node.container(name).ok().map(|kept| kept.spec.clone())
    }

    /// What is on the node, comparable with an earlier or later one.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let node = &state.node;
        let unmarked = |labels: &BTreeMap<String, String>| {
            let mut labels = labels.clone();
            labels.remove(MARK_LABEL);
            labels
        };
        let in_words = |kept: &Kept| {
            let Kept { spec, state, health, .. } = kept;
            format!(
                "{} {state:?} {health:?} labels {:?} mounts {:?} networks {:?} ports {:?}",
                spec.image,
                unmarked(&spec.labels),
                spec.mounts,
                spec.networks,
                spec.ports,
            )
        };
        let mut images: Vec<String> =
            node.images.iter().flat_map(|(image, _)| image.repo_digests.iter().chain(&image.tags).cloned()).collect();
        images.sort();
        Snapshot {
            containers: node.containers.iter().map(|kept| (kept.spec.name.clone(), in_words(kept))).collect(),
            networks: node.networks.iter().map(|found| (found.name.clone(), unmarked(&found.labels))).collect(),
            volumes: node
                .volumes
                .iter()
                .map(|(found, number)| (found.name.clone(), (*number, unmarked(&found.labels))))
                .collect(),
            images,
        }
    }
}

/// How a call runs.
impl FakeEngine {
    async fn call<T>(
        &self,
        method: &'static str,
        subject: impl FnOnce(&Node) -> String,
        effect: impl FnOnce(&mut Node) -> Result<T>,
    ) -> Result<T> {
        let (fault, delay) = {
            let mut state = self.state();
            let call = Call { method, subject: subject(&state.node) };
            state.calls.push(call.clone());
            let number = state.calls.len();
            let write = state.calls.iter().filter(|call| call.is_write()).count();
            let delay = state.faults.delay(&call);
            (state.faults.take(&call, number, write), delay)
        };
        if delay > Duration::ZERO {
            tokio::time::sleep(delay).await;
        }
        let answer = {
            let mut state = self.state();
            match state.away {
                Away::Until(instant) if Instant::now() >= instant => state.away = Away::No,
                Away::Until(_) | Away::ForNow => return Err(gone()),
                Away::No => {}
            }
            match fault {
                Some(Fault::Fails(error)) => return Err(error),
                Some(Fault::LosesAnswer) => effect(&mut state.node).and(Err(gone())),
                None => effect(&mut state.node),
            }
        };
        self.stir();
        answer
    }

    /// Lets a started container's behaviour happen: at once, or after its wait.
    fn schedule(&self, started: Option<(String, u64, Behaviour)>) {
        let Some((id, run, behaviour)) = started else { return };
        let after = match behaviour {
            Behaviour::Runs | Behaviour::Starting => return,
            Behaviour::Healthy { after } | Behaviour::Unhealthy { after } | Behaviour::Exits { after, .. } => after,
        };
        if after.is_zero() {
            self.by_hand(|node| node.settle(&id, run, behaviour));
            return;
        }
        let fake = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            fake.by_hand(|node| node.settle(&id, run, behaviour));
        });
    }
}

fn gone() -> Error {
    Error::Unreachable { reason: "the fake engine is away".to_owned() }
}

#[cfg(test)]
mod tests;
