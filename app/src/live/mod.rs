//! The one live stream of a tab and the signals it feeds.
//!
//! On the server, and until the page is hydrated, nothing is connected and every signal holds what was rendered.

#[cfg(not(feature = "ssr"))]
mod stream;

use std::collections::HashMap;

use api::{activity::EventView, engine::EngineView, operations::OperationView, tools::ToolView};
use jiff::Timestamp;
use leptos::prelude::*;
#[cfg(not(feature = "ssr"))]
pub use stream::open;
use uuid::Uuid;

/// At most this many facts are kept for pages that are open.
pub const KEPT_EVENTS: usize = 50;

/// Whether values on the page are current.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Not opened: no JavaScript yet.
    #[default]
    Idle,
    /// Messages or heartbeats arrive.
    Connected,
    /// The connection broke, and is tried again.
    Reconnecting,
    /// Nothing was heard since then, for so long that values on the page count as old.
    Silent(Timestamp),
    /// The session has ended, so nothing will be heard until somebody signs in.
    SignedOut,
}

type Watched<T> = StoredValue<HashMap<Uuid, Vec<RwSignal<T>>>>;

/// The signals that messages of the stream are written to.
#[derive(Clone, Copy)]
pub struct Live {
    /// Whether the stream is open.
    pub connection: RwSignal<Connection>,
    /// The engine as of the last message about it.
    pub engine: RwSignal<Option<EngineView>>,
    /// Facts that arrived since the document was loaded, newest first, at most [`KEPT_EVENTS`].
    pub events: RwSignal<Vec<EventView>>,
    /// The operation that ended last, as long as the tab is open.
    pub ended: RwSignal<Option<OperationView>>,
    /// Whether another build serves the panel than the one this page came from.
    pub is_outdated: RwSignal<bool>,
    /// The present time, for relative times; absent until the page is hydrated.
    pub now: RwSignal<Option<Timestamp>>,
    /// All tools, in no order; absent until the stream told them.
    told: RwSignal<Option<Vec<ToolView>>>,
    /// Tools that were taken away since the document was loaded.
    gone: RwSignal<Vec<Uuid>>,
    tools: Watched<ToolView>,
    operations: Watched<OperationView>,
}

impl Live {
    /// Signals without a stream.
    pub fn new() -> Self {
        Self {
            connection: RwSignal::default(),
            engine: RwSignal::default(),
            events: RwSignal::default(),
            ended: RwSignal::default(),
            is_outdated: RwSignal::default(),
            now: RwSignal::default(),
            told: RwSignal::default(),
            gone: RwSignal::default(),
            tools: StoredValue::default(),
            operations: StoredValue::default(),
        }
    }

    /// A tool that follows the stream until the calling component goes.
    pub fn tool(self, tool: ToolView) -> RwSignal<ToolView> {
        let is_same = |told: &&ToolView| told.tool_id == tool.tool_id;
        // An answer may be older than the message that came while it was under way, and nobody tells that again.
        let told = self.told.with_untracked(|told| told.as_ref()?.iter().find(is_same).cloned());
        let told = told.filter(|_| self.connection.get_untracked() == Connection::Connected);
        watch(self.tools, tool.tool_id, told.unwrap_or(tool))
    }

    /// An operation that follows the stream until the calling component goes.
    pub fn operation(self, operation: OperationView) -> RwSignal<OperationView> {
        watch(self.operations, operation.operation_id, operation)
    }

    /// What `read` gives of all tools: those the stream told, or `known` until it did. Followed when they change.
    pub fn with_tools<T>(self, known: &[ToolView], read: impl FnOnce(&[ToolView]) -> T) -> T {
        self.told.with(|told| read(told.as_deref().unwrap_or(known)))
    }

    /// How many tools there are, and how many of them need a person; absent until the stream told them.
    pub fn counts(self) -> Option<(usize, usize)> {
        self.told.with(|told| {
            let tools = told.as_deref()?;
            Some((tools.len(), tools.iter().filter(|tool| tool.is_in_need()).count()))
        })
    }

    /// Operations under way: those of the tools that the stream told, or `known` until it did.
    pub fn running(self, known: &[OperationView]) -> Vec<OperationView> {
        self.told.with(|told| match told {
            None => known.to_vec(),
            Some(tools) => tools.iter().filter_map(|tool| tool.operation.clone()).collect(),
        })
    }

    /// Whether the tool was taken away since the document was loaded; followed.
    pub fn is_gone(self, tool_id: Uuid) -> bool {
        self.gone.with(|gone| gone.contains(&tool_id))
    }

    /// Takes what a page was answered for all tools there are, where the stream cannot tell.
    pub fn know(self, tools: &[ToolView]) {
        if !matches!(self.connection.get_untracked(), Connection::Idle | Connection::Connected) {
            self.told.set(Some(tools.to_vec()));
        }
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

fn watch<T: Send + Sync + 'static>(watched: Watched<T>, id: Uuid, value: T) -> RwSignal<T> {
    let signal = RwSignal::new(value);
    watched.update_value(|watched| watched.entry(id).or_default().push(signal));
    on_cleanup(move || {
        watched.try_update_value(|watched| {
            if let Some(signals) = watched.get_mut(&id) {
                signals.retain(|other| *other != signal);
                if signals.is_empty() {
                    watched.remove(&id);
                }
            }
        });
    });
    signal
}
