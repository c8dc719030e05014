//! New lines of a log, as long as the page stands: collected, and put below the others once per frame.
//!
//! Nothing that stands there is drawn again, and who scrolled up is reading: the page holds still until they come back.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

use api::tools::LogLineView;
use jiff::Timestamp;
use leptos::{
    prelude::*,
    tachys::view::{Mountable, Render},
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, Event, EventSource, MessageEvent};

use super::logs::Following;
use crate::{client, components::log::log_line};

/// Older lines go when there are more.
const MOST: usize = 2000;
/// How often lines that came are shown.
const FRAME: Duration = Duration::from_millis(250);
/// How long it is waited before each further try.
const WAITS: [usize; 5] = [1, 2, 5, 10, 30];
/// A connection that stands this long counts as good: the log of a container that ended breaks off at once.
const SETTLED: Duration = Duration::from_secs(1);

/// Frames of the browser until the heights of new lines are true; it took three.
const SETTLING: u32 = 5;

struct Stream {
    following: Following,
    view: Element,
    /// Where the lines come from.
    url: String,
    /// The instant of the newest line that is known.
    after: String,
    tries: usize,
    pending: VecDeque<LogLineView>,
    /// Lines that came and went while nobody looked.
    lost: usize,
    is_due: bool,
    /// Where the view was scrolled to.
    top: i32,
    source: Option<(EventSource, Listeners)>,
}

type Shared = Rc<RefCell<Stream>>;
/// Kept as long as the source that calls them.
type Listeners = Vec<Closure<dyn FnMut(MessageEvent)>>;

/// Follows the log at `url` from the line written at `last` on.
pub fn follow(following: Following, url: String, last: Option<Timestamp>) {
    Effect::new(move |_| {
        let Some(view) = following.view.get() else { return };
        let view: Element = view.into();
        if let Some(newer) = view.last_element_child() {
            newer.set_text_content(None);
        }
        let stream = Rc::new(RefCell::new(Stream {
            following,
            view: view.clone(),
            url: url.clone(),
            after: last.map(api::instant::text).unwrap_or_default(),
            tries: 0,
            pending: VecDeque::new(),
            lost: 0,
            is_due: false,
            top: 0,
            source: None,
        }));
        connect(&stream);
        let scrolled = {
            let stream = stream.clone();
            Closure::<dyn FnMut(Event)>::new(move |_| scrolled(&stream))
        };
        // It fails only for a listener that is no function.
        let _ = view.add_event_listener_with_callback("scroll", scrolled.as_ref().unchecked_ref());
        let resumed = stream.clone();
        Effect::new(move |_| {
            if following.is_on.get() {
                show(&resumed);
            }
        });
        let held = send_wrapper::SendWrapper::new((stream, scrolled));
        on_cleanup(move || {
            let (stream, scrolled) = held.take();
            let _ = view_of(&stream).remove_event_listener_with_callback("scroll", scrolled.as_ref().unchecked_ref());
            if let Some((source, _)) = stream.borrow_mut().source.take() {
                source.close();
            }
        });
    });
}

fn view_of(stream: &Shared) -> Element {
    stream.borrow().view.clone()
}

fn connect(stream: &Shared) {
    let url = {
        let stream = stream.borrow();
        let after = if stream.after.is_empty() { "" } else { "&after=" };
        format!("{}{after}{}", stream.url, client::encode(&stream.after))
    };
    let Ok(source) = EventSource::new(&url) else { return };
    let listener = |heard: fn(&Shared, &MessageEvent)| {
        let stream = stream.clone();
        Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| heard(&stream, &message))
    };
    let listeners = vec![listener(hear), listener(open), listener(fail)];
    for (name, listener) in ["message", "open", "error"].iter().zip(&listeners) {
        let _ = source.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
    }
    stream.borrow_mut().source = Some((source, listeners));
}

fn hear(stream: &Shared, message: &MessageEvent) {
    let data = message.data().as_string().unwrap_or_default();
    let Ok(line) = serde_json::from_str::<LogLineView>(&data) else { return };
    {
        let mut stream = stream.borrow_mut();
        // A line without an instant has no id.
        let id = message.last_event_id();
        if !id.is_empty() {
            stream.after = id;
        }
        stream.pending.push_back(line);
        if stream.pending.len() > MOST {
            stream.pending.pop_front();
            stream.lost += 1;
        }
        if std::mem::replace(&mut stream.is_due, true) {
            return;
        }
    }
    let stream = stream.clone();
    set_timeout(move || show(&stream), FRAME);
}

fn open(stream: &Shared, _: &MessageEvent) {
    let stream = stream.clone();
    set_timeout(
        move || {
            let mut stream = stream.borrow_mut();
            if stream.source.as_ref().is_some_and(|(source, _)| source.ready_state() == EventSource::OPEN) {
                stream.tries = 0;
                stream.following.again.try_set(0);
            }
        },
        SETTLED,
    );
}

/// The browser gives up for good when it is refused, so every further try is ours.
fn fail(stream: &Shared, _: &MessageEvent) {
    let wait = {
        let mut stream = stream.borrow_mut();
        let Some((source, _)) = &stream.source else { return };
        source.close();
        let wait = WAITS[stream.tries.min(WAITS.len() - 1)];
        stream.tries += 1;
        stream.following.again.try_set(wait);
        wait
    };
    let stream = stream.clone();
    set_timeout(
        move || {
            // Without a source, the page is gone.
            if stream.borrow().source.is_some() {
                connect(&stream);
            }
        },
        Duration::from_secs(wait as u64),
    );
}

/// Shows the lines that wait, or how many they are.
fn show(stream: &Shared) {
    let mut stream = stream.borrow_mut();
    stream.is_due = false;
    let following = stream.following;
    let Some(is_on) = following.is_on.try_get_untracked() else { return };
    let waiting = stream.pending.len() + stream.lost;
    let already = following.waiting.get_untracked();
    following.heard.update(|heard| *heard += waiting - already);
    following.waiting.set(if is_on { 0 } else { waiting });
    if !is_on {
        return;
    }
    let Some(newer) = stream.view.last_element_child() else { return };
    for line in stream.pending.drain(..) {
        log_line(line.at, &line.text).build().mount(&newer, None);
    }
    let mut dropped = std::mem::take(&mut stream.lost);
    while newer.child_element_count() as usize > MOST {
        if let Some(oldest) = newer.first_element_child() {
            oldest.remove();
            dropped += 1;
        }
    }
    if dropped > 0 {
        following.dropped.update(|before| *before += dropped);
    }
    to_end(following, stream.view.clone(), SETTLING);
}

/// To the newest line, for some frames: lines that were never in sight have their true height only after they were drawn.
fn to_end(following: Following, view: Element, frames: u32) {
    if frames > 0 && following.is_on.try_get_untracked() == Some(true) {
        view.set_scroll_top(view.scroll_height());
        request_animation_frame(move || to_end(following, view, frames - 1));
    }
}

/// Up stops following, down to the end takes it up again.
fn scrolled(stream: &Shared) {
    let (is_on, is_at_end, is_up) = {
        let mut stream = stream.borrow_mut();
        let (view, top) = (&stream.view, stream.view.scroll_top());
        let is_at_end = top + view.client_height() >= view.scroll_height() - 24;
        let is_up = top < stream.top;
        stream.top = top;
        (stream.following.is_on, is_at_end, is_up)
    };
    let is_wanted = is_at_end || (is_on.get_untracked() && !is_up);
    if is_on.get_untracked() != is_wanted {
        is_on.set(is_wanted);
    }
}
