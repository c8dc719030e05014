//! Logs of a tool's services.

use std::collections::VecDeque;

use api::tools::LogLineView;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::observe::Observed;
use super::{Error, Result, Tools, store};
use crate::auth::{Actor, Right};
use crate::engine::LogQuery;

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct LogRequest {
    /// The service; the one behind the tool's address when empty.
    pub service: String,
    /// At most so many of the newest of the lines asked for; all when `None`. A followed log begins with so many of
    /// its newest lines, whatever they hold.
    pub tail: Option<u32>,
    /// Only lines written after this instant; a followed log begins with all of them.
    pub after: Option<Timestamp>,
    /// Only lines that contain this text, in any case.
    pub search: String,
    /// Whether new lines keep coming.
    pub follow: bool,
}

impl Tools {
    /// The log of one service, oldest line first, and the service's name.
    ///
    /// A broken connection to the engine ends a followed or whole log; of the newest lines it makes an error, because
    /// they might be others.
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
        // The engine knows nothing of searches: it is asked for every line that could be found, however old.
        let is_whole = request.after.is_some() || (!request.follow && !request.search.is_empty());
        let tail = request.tail.filter(|_| !is_whole);
        let query = LogQuery { tail, since: request.after, follow: request.follow };
        let (after, search) = (request.after, request.search.to_lowercase());
        let is_asked_for = move |line: &LogLineView| {
            after.is_none_or(|after| line.at.is_none_or(|at| at > after))
                && (search.is_empty() || line.text.to_lowercase().contains(&search))
        };
        let lines = self.means.engine.logs(&container.id, &query).await?;
        // Before the search: whoever may read the log must not find out a secret by looking for its letters.
        let mask = self.means.mask(tool.tool_id).await?;
        let lines = lines
            .map_ok(move |line| LogLineView {
                at: line.at,
                is_error: line.is_error,
                text: mask.apply(&line.text).into_owned(),
            })
            .try_filter(move |line| std::future::ready(is_asked_for(line)));
        match request.tail {
            Some(most) if !request.follow => Ok((service, stream::iter(newest(lines, most).await?).boxed())),
            _ => Ok((service, lines.filter_map(async |line| unbroken(line)).boxed())),
        }
    }

    /// The service people mean when they name none: the one behind the tool's address, else the tool's own image's.
    async fn main_service(&self, tool: &store::Tool) -> Result<String> {
        let resolved = self.means.resolved(tool.tool_id, tool.revision).await?;
        let behind_address = resolved.entry.primary().map(|primary| primary.service.clone());
        let of_image = || resolved.entry.tool_image().map(ToOwned::to_owned);
        Ok(behind_address.or_else(of_image).unwrap_or_default())
    }
}

/// The last lines of a log, at most so many; no more than these are held while it is read.
async fn newest<T, E>(lines: impl Stream<Item = Result<T, E>>, most: u32) -> Result<VecDeque<T>, E> {
    lines
        .try_fold(VecDeque::new(), async |mut newest, line| {
            if newest.len() >= most as usize {
                newest.pop_front();
            }
            newest.push_back(line);
            Ok(newest)
        })
        .await
}

/// A line, or nothing where the connection broke.
fn unbroken(line: crate::engine::Result<LogLineView>) -> Option<LogLineView> {
    line.inspect_err(|error| tracing::debug!(error = error as &dyn std::error::Error, "a log stream broke off")).ok()
}
