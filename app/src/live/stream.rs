//! The browser's half: one `EventSource`, closed while the tab is hidden.

use std::{cell::RefCell, rc::Rc, time::Duration};

use api::live::{Heartbeat, OperationPatch, ToolPatch};
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent, VisibilityState};

use super::*;
use crate::client;

/// A hidden tab keeps its stream this long.
const HIDDEN_FOR: Duration = Duration::from_secs(30);
/// Without message or heartbeat for this long, the stream counts as lost and what is shown as old.
const SILENT_FOR_MILLIS: f64 = 30_000.0;
/// How often silence and the clock are looked at.
const TICK: Duration = Duration::from_secs(5);
/// The seconds to wait before each further try; the last holds for all that follow.
const RETRIES: [u64; 5] = [1, 2, 5, 10, 30];

struct Stream {
    live: Live,
    build: String,
    after: String,
    /// When the last message came.
    heard_at: f64,
    /// When the present connection was asked for.
    asked_at: f64,
    source: Option<Source>,
    /// The tools told since then, until they are known to be all.
    first: Option<Vec<ToolView>>,
    /// Connections lost since one told all tools.
    losses: usize,
    hides: u32,
}

/// The source and its listeners, dropped together.
struct Source {
    source: EventSource,
    _listeners: Vec<Closure<dyn FnMut(MessageEvent)>>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.source.close();
    }
}

/// Opens the stream after `sequence` and keeps it open as long as the page of this `build` lives.
pub fn open(live: Live, sequence: i64, build: String) {
    let now = js_sys::Date::now();
    let stream = Rc::new(RefCell::new(Stream {
        live,
        build,
        after: sequence.to_string(),
        heard_at: now,
        asked_at: now,
        source: None,
        first: None,
        losses: 0,
        hides: 0,
    }));
    connect(&stream);
    follow_visibility(&stream);
    tick(&stream);
    set_interval(move || tick(&stream), TICK);
}

fn tick(stream: &Rc<RefCell<Stream>>) {
    let now = js_sys::Date::now();
    let (live, heard_at, asked_at, state) = {
        let stream = stream.borrow();
        let state = stream.source.as_ref().map(|open| open.source.ready_state());
        (stream.live, stream.heard_at, stream.asked_at, state)
    };
    live.now.set(Timestamp::from_millisecond(now as i64).ok());
    // Nothing is asked for while the tab is hidden.
    let Some(state) = state else { return };
    if state != EventSource::CLOSED && now - heard_at.max(asked_at) > SILENT_FOR_MILLIS {
        // Half dead: the browser does not know yet.
        lose(stream);
    }
    if live.connection.get_untracked() == Connection::Reconnecting && now - heard_at > SILENT_FOR_MILLIS {
        let since = Timestamp::from_millisecond(heard_at as i64).unwrap_or_default();
        live.connection.set(Connection::Silent(since));
    }
}

fn connect(stream: &Rc<RefCell<Stream>>) {
    let url = format!("{}/live?after={}", api::ROOT, stream.borrow().after);
    let Ok(source) = EventSource::new(&url) else { return };
    let mut listeners = Vec::new();
    for name in ["tool", "operation", "event", "engine", "heartbeat", "error"] {
        let heard = stream.clone();
        let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| match name {
            "error" => lose(&heard),
            _ => hear(&heard, name, &message),
        });
        // It fails only for a listener that is no function.
        let _ = source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        listeners.push(listener);
    }
    let mut stream = stream.borrow_mut();
    stream.asked_at = js_sys::Date::now();
    stream.first = Some(Vec::new());
    stream.source = Some(Source { source, _listeners: listeners });
}

/// Gives a connection up and tries another after a while.
fn lose(stream: &Rc<RefCell<Stream>>) {
    let (live, losses) = {
        let mut stream = stream.borrow_mut();
        // Closed, not dropped: this may run in one of its listeners. The browser's own retries would come on top.
        if let Some(open) = &stream.source {
            open.source.close();
        }
        stream.losses += 1;
        (stream.live, stream.losses)
    };
    if matches!(live.connection.get_untracked(), Connection::Idle | Connection::Connected) {
        live.connection.set(Connection::Reconnecting);
    }
    if losses > 1 {
        ask_why(live);
    }
    let seconds = RETRIES.get(losses - 1).or(RETRIES.last()).copied().unwrap_or_default();
    // Up to a quarter more, so that the pages of a panel that comes back do not all come at once.
    let wait = Duration::from_secs(seconds).mul_f64(1.0 + js_sys::Math::random() / 4.0);
    let stream = stream.clone();
    set_timeout(
        move || {
            let is_wanted = stream.borrow().losses == losses && stream.borrow().source.is_some();
            if is_wanted {
                connect(&stream);
            }
        },
        wait,
    );
}

/// A stream that is refused does not say why, so another call is asked: the session may have ended.
fn ask_why(live: Live) {
    let answer = client::get::<serde_json::Value>("/frame");
    leptos::task::spawn_local(async move {
        if answer.await.is_err_and(|problem| problem.status == 401) {
            live.connection.set(Connection::SignedOut);
        }
    });
}

fn hear(stream: &Rc<RefCell<Stream>>, name: &str, message: &MessageEvent) {
    let live = {
        let mut stream = stream.borrow_mut();
        stream.heard_at = js_sys::Date::now();
        let id = message.last_event_id();
        if !id.is_empty() {
            stream.after = id;
        }
        stream.live
    };
    if live.connection.get_untracked() != Connection::Connected {
        live.connection.set(Connection::Connected);
    }
    let data = message.data().as_string().unwrap_or_default();
    match name {
        "tool" => {
            if let Some(patch) = parse(&data) {
                hear_of_tool(stream, live, patch);
            }
        }
        "operation" => {
            if let Some(OperationPatch { operation }) = parse(&data) {
                publish(live.operations, operation.operation_id, &operation);
                if operation.state.has_ended() {
                    live.ended.set(Some(operation));
                }
            }
        }
        "engine" => {
            if let Some(engine) = parse(&data) {
                live.engine.set(Some(engine));
            }
        }
        "event" => {
            if let Some(event) = parse(&data) {
                live.events.update(|events| {
                    events.insert(0, event);
                    events.truncate(KEPT_EVENTS);
                });
            }
        }
        _ => beat(stream, live, &data),
    }
}

fn hear_of_tool(stream: &Rc<RefCell<Stream>>, live: Live, ToolPatch { tool_id, tool, .. }: ToolPatch) {
    match &tool {
        Some(tool) => publish(live.tools, tool_id, tool),
        None => live.gone.update(|gone| gone.push(tool_id)),
    }
    match &mut stream.borrow_mut().first {
        Some(first) => put(first, tool_id, tool),
        None => live.told.update(|told| put(told.get_or_insert_default(), tool_id, tool)),
    }
}

/// Puts a tool in the place of what was known of it.
fn put(tools: &mut Vec<ToolView>, tool_id: Uuid, tool: Option<ToolView>) {
    let known = tools.iter().position(|known| known.tool_id == tool_id);
    match (known, tool) {
        (Some(place), Some(tool)) => tools[place] = tool,
        (Some(place), None) => drop(tools.swap_remove(place)),
        (None, tool) => tools.extend(tool),
    }
}

/// Everything stands before the first heartbeat of a stream, so from then on what was not told is gone.
fn beat(stream: &Rc<RefCell<Stream>>, live: Live, data: &str) {
    let first = {
        let mut stream = stream.borrow_mut();
        stream.losses = 0;
        stream.first.take()
    };
    if let Some(first) = first {
        let is_missing = |tool_id: &&Uuid| first.iter().all(|tool| tool.tool_id != **tool_id);
        let missing: Vec<Uuid> = live.tools.with_value(|watched| watched.keys().filter(is_missing).copied().collect());
        live.gone.update(|gone| gone.extend(missing));
        live.told.set(Some(first));
    }
    let is_other = |beat: &Heartbeat| beat.build != stream.borrow().build;
    if parse(data).as_ref().is_some_and(is_other) {
        // While one builds the panel, the page is drawn anew at once; people may be in the middle of a form.
        if cfg!(debug_assertions) {
            let _ = window().location().reload();
        }
        live.is_outdated.set(true);
    }
}

/// A message of a newer build that cannot be read changes nothing; the page shows what it knew.
fn parse<T: DeserializeOwned>(data: &str) -> Option<T> {
    serde_json::from_str(data).inspect_err(|error| leptos::logging::warn!("unreadable message: {error}")).ok()
}

fn publish<T: Clone + Send + Sync + 'static>(watched: Watched<T>, id: Uuid, value: &T) {
    let signals = watched.with_value(|watched| watched.get(&id).cloned().unwrap_or_default());
    for signal in signals {
        signal.try_set(value.clone());
    }
}

fn follow_visibility(stream: &Rc<RefCell<Stream>>) {
    let stream = stream.clone();
    let changed = move || {
        let is_hidden = document().visibility_state() == VisibilityState::Hidden;
        let (hides, is_open) = {
            let mut stream = stream.borrow_mut();
            stream.hides += 1;
            (stream.hides, stream.source.is_some())
        };
        if is_hidden {
            let stream = stream.clone();
            set_timeout(
                move || {
                    // Shown or hidden again since: another call decides.
                    if stream.borrow().hides == hides {
                        stream.borrow_mut().source = None;
                    }
                },
                HIDDEN_FOR,
            );
        } else if !is_open {
            connect(&stream);
        }
    };
    let listener = Closure::<dyn FnMut()>::new(changed);
    let _ = document().add_event_listener_with_callback("visibilitychange", listener.as_ref().unchecked_ref());
    // One per tab, for as long as the tab lives.
    listener.forget();
}
