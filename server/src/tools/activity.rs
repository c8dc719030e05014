//! What happened, as far as the person who asks may see it: viewers what is about tools, administrators all.

use super::{Result, Tools};
use crate::auth::{Actor, Right};
use crate::events::{self, Audience, Event};

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub struct ActivityQuery {
    /// Only those about the tool of this name.
    pub tool: Option<String>,
    /// Only those before this sequence.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

/// Events with where to go on.
#[derive(Clone, Debug)]
pub struct Activity {
    /// The events in the order asked for.
    pub events: Vec<Event>,
    /// The sequence from which to go on; `None` at the end.
    pub next: Option<i64>,
}

impl Tools {
    /// Events, newest first.
    ///
    /// # Errors
    /// [`super::Error::Forbidden`]; [`super::Error::NotFound`] for the tool.
    pub async fn activity(&self, actor: &Actor, query: &ActivityQuery) -> Result<Activity> {
        actor.needs(Right::ToolsView)?;
        let tool_id = match query.tool.as_deref() {
            None | Some("") => None,
            Some(tool) => Some(self.tool(tool).await?.tool_id),
        };
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut events = events::before(&self.means.db, query.before, tool_id, audience(actor), limit).await?;
        let has_more = events.len() > query.limit;
        events.truncate(query.limit);
        let next = events.last().filter(|_| has_more).map(|last| last.sequence);
        Ok(Activity { events, next })
    }

    /// The sequence of the newest event, from which [`Tools::events_after`] goes on; zero when there is none.
    ///
    /// # Errors
    /// [`super::Error::Forbidden`].
    pub async fn newest_event(&self, actor: &Actor) -> Result<i64> {
        actor.needs(Right::ToolsView)?;
        Ok(events::newest(&self.means.db).await?)
    }

    /// At most `limit` events after `cursor`, oldest first.
    ///
    /// # Errors
    /// [`super::Error::Forbidden`].
    pub async fn events_after(&self, actor: &Actor, cursor: i64, limit: i64) -> Result<Vec<Event>> {
        actor.needs(Right::ToolsView)?;
        Ok(events::after(&self.means.db, cursor, audience(actor), limit).await?)
    }
}

fn audience(actor: &Actor) -> Audience {
    if actor.needs(Right::AuditView).is_ok() { Audience::Auditors } else { Audience::Everyone }
}
