//! What the tests stand on: a node, a registry, a tool to be, and questions about what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api::tools::{DataChoice, Install, Reach, Reconfigure, Remove};
use regex::Regex;
use server::auth::{Actor, UserId};
use server::catalog::Catalog;
use server::clock::{Clock, Random};
use server::engine::fake::{FakeEngine, Script, Snapshot};
use server::engine::watch::{self, NodeId, World};
use server::engine::{ContainerState, Engine, Error, Mark, TOOL_LABEL, mark_of};
use server::health::probe::Prober;
use server::operations::{Domain, Executor, JournaledStep, Operation, OperationState, Operations, Patience, StepState};
use server::registry::{Config, FakeRegistry, FixedCredentials, Logins, Platform, Reference, Versions};
use server::secrets::Vault;
use server::tools::{self, Means, Parts, Readings, ToolDomain, Tools};
use sqlx::PgPool;
use uuid::Uuid;

use crate::web;

/// One entry with a single container, one whose second service waits for its first.
pub const ENTRIES: [&str; 2] = ["static-site", "wordpress"];

/// Everything that can be done to a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Install,
    InstallOnKeptData,
    Start,
    Stop,
    Restart,
    Reconfigure,
    RemoveKeepingData,
    RemoveWithData,
}

/// A node and a panel that knows one entry's images. There is no tool at first.
pub struct Bed {
    pub db: PgPool,
    pub engine: FakeEngine,
    pub registry: Arc<FakeRegistry>,
    pub clock: Clock,
    pub operations: Operations,
    pub means: Arc<Means>,
    pub actor: Actor,
    pub entry: &'static str,
    pub name: String,
    pub port: u16,
    random: Random,
    catalog: Arc<Catalog>,
    versions: Arc<Versions>,
    folder: PathBuf,
}

impl Bed {
    pub fn new(db: &PgPool, entry: &'static str) -> Self {
        Self::of(db, entry, Catalog::embedded())
    }

    /// The same with an entry of the team's own, called `own`, whose Compose file is `compose`.
    pub fn own(db: &PgPool, compose: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("summoner-{}", Random::System.id(&Clock::System).simple()));
        std::fs::create_dir_all(folder.join("own")).unwrap();
        std::fs::write(folder.join("own/compose.yaml"), compose).unwrap();
        let catalog = Catalog::load(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(catalog.refused(), [], "the entry can be read");
        Self::of(db, "own", catalog)
    }

    fn of(db: &PgPool, entry: &'static str, catalog: Catalog) -> Self {
        server::health::probe::install_crypto();
        let clock = Clock::fixed("2026-11-21T12:00:00Z".parse().unwrap());
        let random = Random::System;
        let folder = std::env::temp_dir().join(format!("summoner-{}", random.id(&Clock::System).simple()));
        std::fs::create_dir(&folder).unwrap();
        let engine = FakeEngine::new(clock.clone());
        let registry = Arc::new(FakeRegistry::new(clock.clone()));
        let (name, port) = (format!("s31-{entry}"), web::port());
        web::serve(&engine, format!("{name}-app-1"), port);
        let means = Arc::new(Means {
            engine: Arc::new(engine.clone()),
            db: db.clone(),
            clock: clock.clone(),
            vault: Arc::new(Vault::open(&folder.join("key"), &random).unwrap()),
            node: "here".to_owned(),
            host: "localhost".to_owned(),
            credentials: Arc::new(FixedCredentials::default()),
            prober: Prober::new().unwrap(),
            readings: Readings::default(),
        });
        let actor = Actor {
            id: Some(UserId(random.id(&clock))),
            name: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
            ..Actor::command_line()
        };
        let bed = Self {
            operations: Operations::new(db.clone(), clock.clone(), random.clone()),
            versions: Arc::new(Versions::new(db.clone(), registry.clone(), clock.clone())),
            catalog: Arc::new(catalog),
            db: db.clone(),
            engine,
            registry,
            clock,
            means,
            actor,
            entry,
            name,
            port,
            random,
            folder,
        };
        bed.publish(entry, &Script::healthy());
        bed
    }

    /// Publishes the entry's proposed images; their containers behave as `script` says.
    pub fn publish(&self, entry: &str, script: &Script) {
        let entry = self.catalog.get(entry).unwrap();
        for (key, rule) in &entry.about.images {
            let Some(tag) = rule.default.as_deref() else { continue };
            self.publish_tag(&entry.repository(key).unwrap(), tag, script);
        }
    }

    /// Publishes one image; its containers behave as `script` says.
    pub fn publish_tag(&self, repository: &str, tag: &str, script: &Script) {
        let image: Reference = repository.parse().unwrap();
        let image = image.with_tag(tag).unwrap();
        let platform = Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: String::new() };
        let build = Config {
            platform,
            created_at: None,
            labels: BTreeMap::from([("version".to_owned(), tag.to_owned())]),
            size_bytes: 1 << 20,
        };
        let digest = self.registry.publish(&image, &[build]);
        let source = format!("{}/{}", image.registry(), image.repository());
        self.engine.offer(&source, digest.as_str(), script.clone());
    }

    /// What the watcher would have in memory had it listed just now.
    pub async fn seen(&self) -> World {
        let unknown = watch::Snapshot::unknown(NodeId::new("here"));
        World::standing(match (self.engine.list().await, self.engine.info().await) {
            (Ok(listing), Ok(info)) => unknown.listed(listing, info, self.clock.now()),
            (Err(error), _) | (_, Err(error)) => unknown.lost(error.to_string(), self.clock.now()),
        })
    }

    /// The tools, with a world that was listed just now.
    pub async fn tools(&self) -> Tools {
        Tools::new(Parts {
            means: self.means.clone(),
            random: self.random.clone(),
            catalog: self.catalog.clone(),
            versions: self.versions.clone(),
            world: self.seen().await,
            logins: Logins::new(
                self.db.clone(),
                Vault::clone(&self.means.vault),
                self.clock.clone(),
                self.random.clone(),
            ),
            operations: self.operations.clone(),
            mirrors: BTreeMap::new(),
        })
    }

    pub fn domain(&self) -> ToolDomain {
        ToolDomain { means: self.means.clone() }
    }

    pub fn executor(&self) -> Executor {
        self.executor_of(Arc::new(self.domain()), patience())
    }

    pub fn executor_of(&self, domain: Arc<dyn Domain>, patience: Patience) -> Executor {
        Executor::new(self.db.clone(), self.clock.clone(), domain, patience)
    }

    pub fn request(&self) -> Install {
        Install {
            entry: self.entry.to_owned(),
            name: self.name.clone(),
            ports: BTreeMap::from([("web".to_owned(), self.port.to_string())]),
            ..Install::default()
        }
    }

    /// Brings the tool to where `act` can be done to it.
    pub async fn arrange(&self, act: Act) {
        match act {
            Act::Install => {}
            Act::InstallOnKeptData => {
                self.succeed(Act::Install).await;
                self.succeed(Act::RemoveKeepingData).await;
            }
            Act::Start => {
                self.succeed(Act::Install).await;
                self.succeed(Act::Stop).await;
            }
            Act::Stop | Act::Restart | Act::Reconfigure | Act::RemoveKeepingData | Act::RemoveWithData => {
                self.succeed(Act::Install).await;
            }
        }
    }

    pub async fn begin(&self, act: Act) -> Result<Uuid, tools::Error> {
        self.begin_as(act, None).await
    }

    pub async fn begin_as(&self, act: Act, key: Option<&str>) -> Result<Uuid, tools::Error> {
        self.clock.advance(Duration::from_secs(60));
        let (tools, actor, name) = (self.tools().await, &self.actor, &self.name);
        let removal = |data| Remove { data, confirm: name.clone() };
        match act {
            Act::Install | Act::InstallOnKeptData => tools.install(actor, &self.request(), key).await,
            Act::Start => tools.start(actor, name, key).await,
            Act::Stop => tools.stop(actor, name, key).await,
            Act::Restart => tools.restart(actor, name, key).await,
            Act::Reconfigure => {
                let change = Reconfigure { reach: Some(Reach::Network), ..Reconfigure::default() };
                tools.reconfigure(actor, name, &change, key).await
            }
            Act::RemoveKeepingData => tools.remove(actor, name, &removal(DataChoice::Keep), key).await,
            Act::RemoveWithData => tools.remove(actor, name, &removal(DataChoice::Delete), key).await,
        }
    }

    /// Does it, undisturbed, and sees it succeed.
    pub async fn succeed(&self, act: Act) -> Operation {
        self.see_done(self.begin(act).await.unwrap()).await
    }

    /// Installs what is asked for, undisturbed, and sees it succeed.
    pub async fn succeed_with(&self, request: &Install) -> Operation {
        self.clock.advance(Duration::from_secs(60));
        self.see_done(self.tools().await.install(&self.actor, request, None).await.unwrap()).await
    }

    async fn see_done(&self, operation_id: Uuid) -> Operation {
        self.executor().run(operation_id).await.unwrap();
        let operation = self.operation(operation_id).await;
        let (kind, entry) = (operation.kind, self.entry);
        assert_eq!(operation.state, OperationState::Done, "{kind:?} of {entry}: {}", operation.problem);
        operation
    }

    pub async fn operation(&self, operation_id: Uuid) -> Operation {
        self.operations.find(operation_id).await.unwrap().unwrap()
    }

    pub async fn steps(&self, operation_id: Uuid) -> Vec<JournaledStep> {
        self.operations.steps(operation_id).await.unwrap()
    }

    pub fn world(&self) -> Snapshot {
        self.engine.snapshot()
    }

    /// The world without what differs between two tools of the same making.
    pub fn likeness(&self) -> Snapshot {
        let own = Regex::new(r#"("app\.summoner\.tool"|"com\.docker\.compose\.config-hash"): "[0-9a-f-]+""#).unwrap();
        let mut world = self.world();
        for words in world.containers.values_mut() {
            *words = own.replace_all(words, "$1").into_owned();
        }
        for labels in world.networks.values_mut() {
            labels.remove(TOOL_LABEL);
        }
        for (number, labels) in world.volumes.values_mut() {
            *number = 0;
            labels.remove(TOOL_LABEL);
        }
        world
    }

    /// Sees that everything still works whatever was done before: the name can be installed (again), the tool can be
    /// stopped, started and removed, and nothing is left then.
    pub async fn clear_away(&self) {
        match self.tool_state().await.as_deref() {
            None | Some("removed") => drop(self.succeed(Act::Install).await),
            Some("installed") => {
                self.succeed(Act::Stop).await;
                self.succeed(Act::Start).await;
            }
            Some(other) => panic!("the tool is {other}"),
        }
        assert!(self.is_running().await, "{:?}", self.world());
        self.sweep().await;
    }

    /// Removes the tool and what was kept of it, and sees that nothing is left.
    pub async fn sweep(&self) {
        if self.world().volumes.is_empty() {
            assert_eq!(self.tool_state().await.as_deref(), Some("removed"));
        } else {
            if self.tool_state().await.as_deref() == Some("removed") {
                self.succeed(Act::Install).await;
            }
            self.succeed(Act::RemoveWithData).await;
        }
        assert_eq!(self.world(), Snapshot::default(), "nothing is left");
        self.see_resources_told_truly().await;
    }

    /// Whether all containers run and are well.
    pub async fn is_running(&self) -> bool {
        let containers = self.engine.list().await.unwrap().containers;
        !containers.is_empty() && containers.iter().all(|container| container.state == ContainerState::Running)
    }

    /// The state of the newest tool of the name.
    pub async fn tool_state(&self) -> Option<String> {
        sqlx::query_scalar("select state from tools where name = $1 order by created_at desc, tool_id desc limit 1")
            .bind(&self.name)
            .fetch_optional(&self.db)
            .await
            .unwrap()
    }

    /// Kind and state of what is written down as made and not gone, by mark.
    pub async fn resources(&self) -> BTreeMap<Mark, (String, String, String)> {
        let rows: Vec<(Uuid, String, String, String)> =
            sqlx::query_as("select mark, kind, name, state from resources where state <> 'gone'")
                .fetch_all(&self.db)
                .await
                .unwrap();
        rows.into_iter().map(|(mark, kind, name, state)| (Mark(mark), (kind, name, state))).collect()
    }

    /// Every marked thing on the node is written down, and nothing is written down that is not there.
    pub async fn see_resources_told_truly(&self) {
        let listing = self.engine.list().await.unwrap();
        let labels = listing
            .containers
            .iter()
            .map(|container| &container.labels)
            .chain(listing.networks.iter().map(|network| &network.labels))
            .chain(listing.volumes.iter().map(|volume| &volume.labels));
        let there: BTreeSet<Mark> = labels.filter_map(mark_of).collect();
        let resources = self.resources().await;
        let (images, things): (Vec<_>, Vec<_>) = resources.into_iter().partition(|(_, (kind, ..))| kind == "image");
        let told: BTreeSet<Mark> = things.into_iter().map(|(mark, _)| mark).collect();
        assert_eq!(told, there, "what is written down is what is there");
        let told: BTreeSet<String> = images.into_iter().map(|(_, (_, name, _))| name).collect();
        assert_eq!(told, self.world().images.into_iter().collect(), "images too");
    }

    /// The journal of an ended operation tells how it ended.
    pub async fn see_journal_ended(&self, operation: &Operation) {
        let steps = self.steps(operation.operation_id).await;
        let is_fitting = |step: &JournaledStep| match operation.state {
            OperationState::Done => step.state == StepState::Done,
            OperationState::Undone => matches!(step.state, StepState::Waiting | StepState::Undone),
            _ => false,
        };
        for step in &steps {
            assert!(is_fitting(step), "{:?} with step {}: {:?}", operation.state, step.title, step.state);
        }
        let (ended, last) = (operation.ended_at.is_some(), self.last_event(operation).await);
        assert!(ended && operation.committed_at.is_some() == (operation.state == OperationState::Done));
        let is_undone = operation.state == OperationState::Undone;
        assert_eq!(last.ends_with("_failed"), is_undone, "{last} after {:?}", operation.state);
        assert_eq!(operation.problem.is_empty(), !is_undone, "{}", operation.problem);
    }

    /// The kind of the last event of an operation.
    pub async fn last_event(&self, operation: &Operation) -> String {
        sqlx::query_scalar("select kind from events where operation_id = $1 order by sequence desc limit 1")
            .bind(operation.operation_id)
            .fetch_one(&self.db)
            .await
            .unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Waits are short where nothing has to be waited for.
pub fn patience() -> Patience {
    Patience { away: Duration::from_secs(30), pause: Duration::from_millis(1), tries: 4 }
}

/// A failure that repeating does not mend.
pub fn refused() -> Error {
    Error::Refused { what: "the call of the test".to_owned(), reason: "it has to fail".to_owned() }
}
