//! The browser's half: one `EventSource`, closed while the tab is hidden.

use std::{cell::RefCell, rc::Rc, time::Duration};

use api::live::{Heartbeat, OperationPatch, ToolPatch};
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent, VisibilityState};

use super::*;

/// A hidden tab keeps its stream this long.
const HIDDEN_FOR: Duration = Duration::from_secs(30);
/// Without message or heartbeat for this long, the stream counts as lost.
const SILENT_FOR_MILLIS: f64 = 35_000.0;
/// How often silence and the clock are looked at.
const TICK: Duration = Duration::from_secs(5);

struct Stream {
    live: Live,
    build: String,
    after: String,
    heard_at: f64,
    source: Option<Source>,
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
    let stream = Rc::new(RefCell::new(Stream {
        live,
        build,
        after: sequence.to_string(),
        heard_at: js_sys::Date::now(),
        source: None,
        hides: 0,
    }));
    connect(&stream);
    follow_visibility(&stream);
    tick(&stream);
    set_interval(move || tick(&stream), TICK);
}

fn tick(stream: &Rc<RefCell<Stream>>) {
    let now = js_sys::Date::now();
    let (live, silent, closed) = {
        let stream = stream.borrow();
        let closed = stream.source.as_ref().is_some_and(|open| open.source.ready_state() == EventSource::CLOSED);
        (stream.live, now - stream.heard_at > SILENT_FOR_MILLIS && stream.source.is_some(), closed)
    };
    live.now.set(Timestamp::from_millisecond(now as i64).ok());
    if silent || closed {
        live.connection.set(Connection::Reconnecting);
        // The browser reconnects by itself unless it gave up or the connection is half dead.
        connect(stream);
    }
}

fn connect(stream: &Rc<RefCell<Stream>>) {
    let url = format!("{}/live?after={}", api::ROOT, stream.borrow().after);
    let Ok(source) = EventSource::new(&url) else { return };
    let mut listeners = Vec::new();
    for name in ["tool", "operation", "event", "engine", "heartbeat"] {
        let heard = stream.clone();
        let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            hear(&heard, name, &message);
        });
        // It fails only for a listener that is no function.
        let _ = source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        listeners.push(listener);
    }
    for (name, connection) in [("open", Connection::Connected), ("error", Connection::Reconnecting)] {
        let turned = stream.clone();
        let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |_: MessageEvent| {
            let live = {
                let mut stream = turned.borrow_mut();
                stream.heard_at = js_sys::Date::now();
                stream.live
            };
            live.connection.set(connection);
        });
        let _ = source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
        listeners.push(listener);
    }
    let mut stream = stream.borrow_mut();
    stream.heard_at = js_sys::Date::now();
    stream.source = Some(Source { source, _listeners: listeners });
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
            if let Some(ToolPatch { tool_id, tool: Some(tool), .. }) = parse(&data) {
                publish(live.tools, tool_id, &tool);
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
                    events.truncate(50);
                });
            }
        }
        _ => {
            let is_other = |beat: &Heartbeat| beat.build != stream.borrow().build;
            if parse(&data).as_ref().is_some_and(is_other) {
                // While one builds the panel, the page is drawn anew at once; people may be in the middle of a form.
                if cfg!(debug_assertions) {
                    let _ = window().location().reload();
                }
                live.is_outdated.set(true);
            }
        }
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
