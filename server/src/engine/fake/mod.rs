//! A pretended engine in memory, for tests of what drives an engine.
//!
//! It keeps the promises of [`Engine`] (conflicts, missing things, ports, change streams) without containers, and does
//! what a test asks of it: images that start badly, calls that fail, answers that get lost, an engine that goes away.
//! Where it is stricter than Docker it says so: a container whose volume does not exist is refused, since Docker would
//! make an unlabelled volume that nobody owns.

mod node;
mod script;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::UnboundedReceiverStream;

use self::node::{Kept, Node, Offer, PLATFORM};
pub use self::script::{Behaviour, Call, Script};
use self::script::{Fault, Faults};
use super::{
    Change, ContainerSpec, ContainerState, Engine, Error, Health, Image, Info, Inspection, LayerProgress, Listing,
    LogLine, LogQuery, MARK_LABEL, NetworkSpec, Pull, Result, Usage, VolumeSpec,
};
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

#[async_trait]
impl Engine for FakeEngine {
    async fn info(&self) -> Result<Info> {
        let info = Info {
            version: "29.3.1".to_owned(),
            api_version: "1.53".to_owned(),
            platform: PLATFORM.to_owned(),
            cpus: 4,
            memory_bytes: 8 << 30,
            host_name: "fake".to_owned(),
        };
        self.call("info", |_| String::new(), |_| Ok(info)).await
    }

    async fn list(&self) -> Result<Listing> {
        let effect = |node: &mut Node| {
            let mut networks = node.networks.clone();
            networks.sort_by(|a, b| a.name.cmp(&b.name));
            let mut volumes: Vec<_> = node.volumes.iter().map(|(volume, _)| volume.clone()).collect();
            volumes.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(Listing { containers: node.containers.iter().map(Kept::shown).collect(), networks, volumes })
        };
        self.call("list", |_| String::new(), effect).await
    }

    async fn changes(&self, since: Option<Timestamp>) -> Result<BoxStream<'static, Result<Change>>> {
        let effect = |node: &mut Node| {
            let (sender, receiver) = mpsc::unbounded_channel();
            let earlier = node.history.iter().filter(|change| since.is_some_and(|since| change.at >= since));
            let earlier: Vec<_> = earlier.cloned().map(Ok).collect();
            node.listeners.push(sender);
            Ok(stream::iter(earlier).chain(UnboundedReceiverStream::new(receiver)).boxed())
        };
        self.call("changes", |_| String::new(), effect).await
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        let effect = |node: &mut Node| Ok(node.image_at(reference).map(|at| node.images[at].0.clone()));
        self.call("image", |_| reference.to_owned(), effect).await
    }

    async fn pull(&self, pull: &Pull, progress: &(dyn Fn(LayerProgress) + Send + Sync)) -> Result<()> {
        let subject = |_: &Node| format!("{}@{}", pull.repository, pull.digest);
        self.call("pull", subject, |node| node.pull(pull)).await?;
        for layer in ["aaaaaaaaaaaa", "bbbbbbbbbbbb"] {
            for (status, done_bytes) in [("Downloading", 512), ("Pull complete", 1024)] {
                let (layer, status) = (layer.to_owned(), status.to_owned());
                progress(LayerProgress { layer, status, done_bytes, total_bytes: 1024 });
            }
        }
        Ok(())
    }

    async fn tag_image(&self, reference: &str, repository: &str, tag: &str) -> Result<()> {
        let name = format!("{repository}:{tag}");
        self.call("tag_image", |_| format!("{reference} {name}"), |node| node.tag_image(reference, &name)).await
    }

    async fn remove_image(&self, reference: &str) -> Result<()> {
        self.call("remove_image", |_| reference.to_owned(), |node| node.remove_image(reference)).await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<String> {
        self.call("create_network", |_| spec.name.clone(), |node| node.create_network(spec)).await
    }

    async fn remove_network(&self, id: &str) -> Result<()> {
        self.call("remove_network", |node| node.name_of(id), |node| node.remove_network(id)).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()> {
        self.call("create_volume", |_| spec.name.clone(), |node| node.create_volume(spec)).await
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        self.call("remove_volume", |_| name.to_owned(), |node| node.remove_volume(name)).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        self.call("create_container", |_| spec.name.clone(), |node| node.create_container(spec)).await
    }

    async fn start_container(&self, id: &str) -> Result<()> {
        // What was started goes on although the answer got lost.
        let mut started = None;
        let effect = |node: &mut Node| {
            started = node.start(id)?;
            Ok(())
        };
        let answer = self.call("start_container", |node| node.name_of(id), effect).await;
        self.schedule(started);
        answer
    }

    async fn stop_container(&self, id: &str) -> Result<()> {
        self.call("stop_container", |node| node.name_of(id), |node| node.stop(id)).await
    }

    async fn remove_container(&self, id: &str) -> Result<()> {
        self.call("remove_container", |node| node.name_of(id), |node| node.remove_container(id)).await
    }

    async fn rename_container(&self, id: &str, name: &str) -> Result<()> {
        let subject = |node: &Node| format!("{} {name}", node.name_of(id));
        self.call("rename_container", subject, |node| node.rename(id, name)).await
    }

    async fn inspect(&self, id: &str) -> Result<Inspection> {
        let effect = |node: &mut Node| node.container(id).map(Kept::inspected);
        self.call("inspect", |node| node.name_of(id), effect).await
    }

    async fn logs(&self, id: &str, query: &LogQuery) -> Result<BoxStream<'static, Result<LogLine>>> {
        let effect = |node: &mut Node| {
            let kept = node.container(id)?;
            let is_wanted = |line: &&LogLine| query.since.is_none_or(|since| line.at.is_none_or(|at| at >= since));
            let lines: Vec<_> = kept.logs.iter().filter(is_wanted).cloned().collect();
            let skipped = query.tail.map_or(0, |tail| lines.len().saturating_sub(tail as usize));
            Ok((kept.id.clone(), kept.logs.len(), lines[skipped..].to_vec()))
        };
        let (id, read, lines) = self.call("logs", |node| node.name_of(id), effect).await?;
        let lines = stream::iter(lines.into_iter().map(Ok));
        if !query.follow {
            return Ok(lines.boxed());
        }
        let start = (self.clone(), self.inner.stirred.subscribe(), id, read);
        let coming = stream::try_unfold(start, |(fake, mut stirred, id, read)| async move {
            loop {
                stirred.mark_unchanged();
                {
                    let state = fake.state();
                    let Ok(kept) = state.node.container(&id) else { return Ok(None) };
                    if let Some(line) = kept.logs.get(read).cloned() {
                        drop(state);
                        return Ok(Some((line, (fake, stirred, id, read + 1))));
                    }
                    if !matches!(kept.state, ContainerState::Running | ContainerState::Paused) {
                        return Ok(None);
                    }
                }
                if stirred.changed().await.is_err() {
                    return Ok(None);
                }
            }
        });
        Ok(lines.chain(coming.into_stream()).boxed())
    }

    async fn usage(&self, id: &str) -> Result<Usage> {
        let effect = |node: &mut Node| {
            let kept = node.container(id)?;
            if kept.state != ContainerState::Running {
                let what = format!("measuring container {id}");
                return Err(Error::Conflict { what, reason: "it is not running".to_owned() });
            }
            Ok(kept.usage)
        };
        self.call("usage", |node| node.name_of(id), effect).await
    }
}

#[cfg(test)]
mod tests;
