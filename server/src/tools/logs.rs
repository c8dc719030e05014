//! Logs of a tool's services.

use api::tools::LogLineView;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::Timestamp;

use super::observe::Observed;
use super::{Error, Result, Tools, store};
use crate::auth::{Actor, Right};
use crate::engine::{LogLine, LogQuery};

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct LogRequest {
    /// The service; the one behind the tool's address when empty.
    pub service: String,
    /// At most so many of the newest lines; all when `None`.
    pub tail: Option<u32>,
    /// Only lines at or after this instant.
    pub since: Option<Timestamp>,
    /// Whether new lines keep coming.
    pub follow: bool,
}

impl Tools {
    /// The log of one service, oldest line first, and the service's name.
    ///
    /// A broken connection to the engine ends the stream.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`] for tool, service or container, [`Error::Engine`].
    pub async fn logs(
        &self,
        actor: &Actor,
        name: &str,
        request: &LogRequest,
    ) -> Result<(String, BoxStream<'static, LogLineView>)> {
        actor.needs(Right::LogsView)?;
        let tool = self.tool(name).await?;
        let services = store::services(&self.means.db, tool.tool_id, tool.revision).await?;
        let wanted = if request.service.is_empty() { self.main_service(&tool).await? } else { request.service.clone() };
        let chosen = services.iter().find(|service| service.service == wanted);
        let missing = || Error::NotFound { what: "service", name: wanted.clone() };
        let service = chosen.ok_or_else(missing)?.service.clone();
        let snapshot = self.world.now();
        let observed = Observed::new(&snapshot);
        let resources = store::resources(&self.means.db, Some(tool.tool_id)).await?;
        let mut containers = resources.iter().filter(|known| known.service.as_deref() == Some(service.as_str()));
        let container = containers.find_map(|known| observed.container(known.mark)).ok_or_else(missing)?;
        let query = LogQuery { tail: request.tail, since: request.since, follow: request.follow };
        let lines = self.means.engine.logs(&container.id, &query).await?;
        let mask = self.means.mask(tool.tool_id).await?;
        let shown = move |line: crate::engine::Result<LogLine>| match line {
            Ok(line) => {
                Some(LogLineView { at: line.at, is_error: line.is_error, text: mask.apply(&line.text).into_owned() })
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a log stream broke off");
                None
            }
        };
        let lines = lines.filter_map(move |line| std::future::ready(shown(line)));
        Ok((service, lines.boxed()))
    }

    /// The service people mean when they name none: the one behind the tool's address, else the tool's own image's.
    async fn main_service(&self, tool: &store::Tool) -> Result<String> {
        let resolved = self.means.resolved(tool.tool_id, tool.revision).await?;
        let behind_address = resolved.entry.primary().map(|primary| primary.service.clone());
        let of_image = || resolved.entry.tool_image().map(ToOwned::to_owned);
        Ok(behind_address.or_else(of_image).unwrap_or_default())
    }
}
