//! The steps of a tool's operations: one file each, apply beside undo.
//!
//! A step finds what it made by the mark it was journaled with, never by name alone, so it can be repeated after a
//! crash and never takes hold of something that is not ours.

pub(super) mod check;
pub(super) mod clear;
pub(super) mod create;
pub(super) mod gate;
mod masked;
pub(super) mod network;
pub(super) mod pull;
pub(super) mod retire;
pub(super) mod room;
pub(super) mod start;
pub(super) mod stop;
pub(super) mod volume;
pub(super) mod wait;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::definition::{Definition, Resolved};
use super::reading::{Key, Readings};
use super::store::{self, Resource};
use crate::clock::Clock;
use crate::engine::{self, Container, Engine, LogQuery, Mark};
use crate::health::probe::Prober;
use crate::operations::{Step, StepContext, StepError};
use crate::secrets::Vault;

/// How many lines of a failing container's log an operation keeps.
const KEPT_LINES: u32 = 200;
/// How long the log of a failing container is waited for: why it failed is known without it.
const LOG_LIMIT: Duration = Duration::from_secs(10);
/// How often a waiting step looks.
const LOOK: Duration = Duration::from_millis(500);

/// What the steps act with.
pub struct Means {
    /// The engine of the node.
    pub engine: Arc<dyn Engine>,
    /// The database.
    pub db: PgPool,
    /// The time.
    pub clock: Clock,
    /// Opens sealed secrets.
    pub vault: Arc<Vault>,
    /// The node's name.
    pub node: String,
    /// The host name in links to tools.
    pub host: String,
    /// Credentials for registries.
    pub credentials: Arc<dyn crate::registry::Credentials>,
    /// Asks services whether they answer.
    pub prober: Prober,
    /// Definitions that were read already.
    pub readings: Readings,
}

/// Something that a step made on the node.
pub(super) struct Made {
    /// `container`, `image`, `network` or `volume`.
    pub kind: &'static str,
    /// What it is found by.
    pub mark: Mark,
    /// Its name on the node.
    pub name: String,
    /// The service, of a container.
    pub service: Option<String>,
    /// The revision that asked for it.
    pub revision: i32,
}

/// The step of that kind, with its input read.
pub(super) fn build(means: &Arc<Means>, kind: &str, input: &Value) -> Result<Box<dyn Step>, String> {
    fn read<T: DeserializeOwned>(kind: &str, input: &Value) -> Result<T, String> {
        serde_json::from_value(input.clone())
            .map_err(|error| format!("the journal's step “{kind}” cannot be read: {error}"))
    }
    let means = means.clone();
    let masking = means.clone();
    let step: Box<dyn Step> = match kind {
        check::KIND => Box::new(check::Check { means, input: read(kind, input)? }),
        pull::KIND => Box::new(pull::Pull { means, input: read(kind, input)? }),
        room::KIND => Box::new(room::Room { means, input: read(kind, input)? }),
        network::KIND => Box::new(network::MakeNetwork { means, input: read(kind, input)? }),
        volume::KIND => Box::new(volume::MakeVolume { means, input: read(kind, input)? }),
        create::KIND => Box::new(create::Create { means, input: read(kind, input)? }),
        start::KIND => Box::new(start::Start { means, input: read(kind, input)? }),
        stop::KIND => Box::new(stop::Stop { means, input: read(kind, input)? }),
        wait::KIND => Box::new(wait::Wait { means, input: read(kind, input)? }),
        gate::KIND => Box::new(gate::Gate { means, input: read(kind, input)? }),
        retire::KIND => Box::new(retire::Retire { means, input: read(kind, input)? }),
        clear::KIND => Box::new(clear::Clear { means, input: read(kind, input)? }),
        unknown => return Err(format!("the journal names a step “{unknown}” that this version does not know")),
    };
    Ok(Box::new(masked::Masked { means: masking, step }))
}

impl Means {
    /// A revision of a tool, with its file read and its secrets opened.
    pub(super) async fn resolved(&self, tool_id: Uuid, revision: i32) -> Result<Arc<Resolved>, StepError> {
        let seal = store::seal(&self.db, tool_id, revision).await?.ok_or_else(|| missing(revision))?;
        self.resolved_by(Key { tool_id, revision, seal }).await
    }

    /// As [`Means::resolved`], where the key is known.
    pub(super) async fn resolved_by(&self, key: Key) -> Result<Arc<Resolved>, StepError> {
        if let Some(kept) = self.readings.find(&key) {
            return Ok(kept);
        }
        let (key, definition) = self.definition(key.tool_id, key.revision).await?;
        let resolved = definition.resolve().map_err(|findings| {
            let first = findings.first().map(ToString::to_string).unwrap_or_default();
            StepError::new(format!("the tool's own copy of its entry cannot be read: {first}"))
        })?;
        let resolved = Arc::new(resolved);
        self.readings.keep(key, &resolved);
        Ok(resolved)
    }

    /// A revision of a tool with its secrets opened, under the key of what was read.
    async fn definition(&self, tool_id: Uuid, revision: i32) -> Result<(Key, Definition), StepError> {
        let (name, entry, _) = store::identity(&self.db, tool_id).await?.ok_or_else(|| missing(revision))?;
        let row = store::revision(&self.db, tool_id, revision).await?.ok_or_else(|| missing(revision))?;
        let secrets = self.secrets(tool_id, revision, &row.secrets)?;
        let definition = Definition {
            tool_id,
            name,
            entry,
            revision,
            compose: row.compose,
            answers: row.answers,
            secrets,
            images: row.images,
            ports: row.ports,
            reach: row.reach,
            host: self.host.clone(),
        };
        Ok((Key::of(tool_id, revision, &row.secrets), definition))
    }

    /// The secrets of a revision, opened.
    fn secrets(
        &self,
        tool_id: Uuid,
        revision: i32,
        sealed: &[u8],
    ) -> Result<BTreeMap<String, SecretString>, StepError> {
        super::open_secrets(&self.vault, tool_id, revision, sealed)
            .map_err(|error| StepError::new(format!("the tool's secrets cannot be opened: {error}")))
    }

    /// Writes down what a step of the operation made, or took up; repeating it changes nothing.
    pub(super) async fn record(&self, cx: &StepContext, made: Made) -> Result<(), StepError> {
        let Made { kind, mark, name, service, revision } = made;
        let (tool_id, state) = (cx.operation.tool_id, "present".to_owned());
        let resource = Resource { mark, tool_id, kind: kind.to_owned(), name, service, revision, state };
        Ok(store::present(&self.db, &self.node, &resource).await?)
    }

    /// The container that carries `mark`, if it is on the node.
    pub(super) async fn container(&self, mark: Mark) -> engine::Result<Option<Container>> {
        Ok(self.engine.list().await?.containers.into_iter().find(|container| container.mark() == Some(mark)))
    }

    /// The container that carries `mark`.
    pub(super) async fn container_of(&self, mark: Mark, service: &str) -> Result<Container, StepError> {
        self.container(mark).await?.ok_or_else(|| {
            StepError::new(format!(
                "the container of {service} is gone; somebody else removed it. Start the tool: what is missing is made again"
            ))
        })
    }

    /// The newest lines of a container's log, as far as the engine gives them in time; empty when it has none.
    pub(super) async fn last_lines(&self, container_id: &str) -> Vec<String> {
        let query = LogQuery { tail: Some(KEPT_LINES), ..LogQuery::default() };
        let read = async {
            let lines = self.engine.logs(container_id, &query).await?;
            engine::Result::Ok(
                lines.filter_map(|line| std::future::ready(line.ok().map(|line| line.text))).collect().await,
            )
        };
        match tokio::time::timeout(LOG_LIMIT, read).await {
            Ok(Ok(lines)) => lines,
            Ok(Err(error)) => vec![format!("(the log could not be read: {error})")],
            Err(_) => vec![format!("(the log could not be read within {} s)", LOG_LIMIT.as_secs())],
        }
    }

    /// The login for the registry that an image is pulled from.
    pub(super) async fn login(&self, source: &str) -> Result<Option<(String, SecretString)>, StepError> {
        let host = source.split('/').next().unwrap_or_default();
        let found = self.credentials.find(host).await;
        let login = found.map_err(|error| StepError::new(format!("the login for {host} cannot be read: {error}")))?;
        Ok(login.map(|login| (login.username, login.password)))
    }

    /// Says a line in the operation's journal.
    pub(super) fn say(&self, cx: &StepContext, line: impl Into<String>) {
        cx.say(&self.clock, line);
    }
}

fn missing(revision: i32) -> StepError {
    StepError::new(format!("revision {revision} of the tool is not in the database"))
}

/// Success also when the thing was gone already.
pub(super) fn gone_is_fine(outcome: engine::Result<()>) -> engine::Result<()> {
    match outcome {
        Err(engine::Error::NotFound { .. }) => Ok(()),
        other => other,
    }
}
