//! The one live stream of a tab and the signals it feeds.
//!
//! On the server, and until the page is hydrated, nothing is connected and every signal holds what was rendered.

use std::collections::HashMap;

use api::{activity::EventView, engine::EngineView, operations::OperationView, tools::ToolView};
use jiff::Timestamp;
use leptos::prelude::*;
use uuid::Uuid;

/// Whether values on the page are current.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Not opened: no JavaScript yet.
    #[default]
    Idle,
    /// Messages or heartbeats arrive.
    Connected,
    /// None arrived for too long, or the connection broke.
    Reconnecting,
}

type Watched<T> = StoredValue<HashMap<Uuid, Vec<RwSignal<T>>>>;

/// The signals that messages of the stream are written to.
#[derive(Clone, Copy)]
pub struct Live {
    /// Whether the stream is open.
    pub connection: RwSignal<Connection>,
    /// The engine as of the last message about it.
    pub engine: RwSignal<Option<EngineView>>,
    /// Facts that arrived since the page was rendered, newest first, at most 50.
    pub events: RwSignal<Vec<EventView>>,
    /// The operation that ended last, as long as the tab is open.
    pub ended: RwSignal<Option<OperationView>>,
    /// Whether another build serves the panel than the one this page came from.
    pub is_outdated: RwSignal<bool>,
    /// The present time, for relative times; absent until the page is hydrated.
    pub now: RwSignal<Option<Timestamp>>,
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
            tools: StoredValue::default(),
            operations: StoredValue::default(),
        }
    }

    /// A tool that follows the stream until the calling component goes.
    pub fn tool(self, tool: ToolView) -> RwSignal<ToolView> {
        watch(self.tools, tool.tool_id, tool)
    }

    /// An operation that follows the stream until the calling component goes.
    pub fn operation(self, operation: OperationView) -> RwSignal<OperationView> {
        watch(self.operations, operation.operation_id, operation)
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

#[cfg(not(feature = "ssr"))]
pub use stream::open;

#[cfg(not(feature = "ssr"))]
mod stream;
