//! Answers that stay open: how many there may be, and that none outlives its session.
//!
//! Whoever ends a session tells no stream. The event that goes with the change wakes every open one, in every process on
//! the database, and each asks whether its session still holds; now and then it asks anyway, since sessions also end by
//! the clock and notifications can be lost.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum_extra::extract::CookieJar;
use futures_util::{Stream, StreamExt as _};
use http::request::Parts;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use super::Panel;
use super::live::Hub;
use super::problem::Refusal;
use super::session::WhoHere;
use crate::auth::{Actor, Auth, UserId};
use crate::secrets::Token;

/// How many streams may be open at once.
const ALL: usize = 1000;
/// How many of them one person may have, on all their devices.
const PER_PERSON: usize = 50;
/// How often a stream asks whether its session still holds when nothing wakes it.
const RECHECK: Duration = Duration::from_secs(20);
/// How long whoever finds no room is told to wait.
const WAIT: Duration = Duration::from_secs(30);
/// How much waits for a slow reader.
const AHEAD: usize = 64;

/// The streams that are open.
#[derive(Debug)]
pub struct Streams {
    by_person: Mutex<HashMap<UserId, usize>>,
    ended: watch::Sender<()>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { by_person: Mutex::default(), ended: watch::channel(()).0 }
    }
}

impl Streams {
    /// Has every open stream ask whether its session still holds.
    pub fn check_sessions(&self) {
        self.ended.send_replace(());
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.by_person().values().sum()
    }

    fn by_person(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.by_person.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the open streams, given back when it is dropped.
struct Room {
    hub: Arc<Hub>,
    person: UserId,
}

impl Room {
    fn take(hub: &Arc<Hub>, person: UserId) -> Result<Self, Refusal> {
        let full = |detail: &str| Refusal::new(503, "too_many_streams", "Too many streams", detail).after(WAIT);
        let mut open = hub.streams.by_person();
        if open.values().sum::<usize>() >= ALL {
            return Err(full("Too many pages are open at once. Close some, or reload in a minute."));
        }
        let own = open.entry(person).or_default();
        if *own >= PER_PERSON {
            return Err(full("You have too many pages and logs open at once. Close some, then reload."));
        }
        *own += 1;
        Ok(Self { hub: hub.clone(), person })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut open = self.hub.streams.by_person();
        if let Some(own) = open.get_mut(&self.person) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.person);
            }
        }
    }
}

/// The person who asks for a stream, with a place for it.
pub struct Open {
    /// The person.
    pub actor: Actor,
    auth: Arc<Auth>,
    token: Token,
    ended: watch::Receiver<()>,
    room: Room,
}

impl FromRequestParts<Panel> for Open {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, panel: &Panel) -> Result<Self, Refusal> {
        // Listened for before the session is looked at, so that an end between the two is not missed.
        let ended = panel.hub.streams.ended.subscribe();
        let WhoHere(here) = WhoHere::from_request_parts(parts, panel).await?;
        let token = panel.session_token(&CookieJar::from_headers(&parts.headers));
        let (token, person) = token.zip(here.actor.id).ok_or_else(Refusal::signed_out)?;
        let room = Room::take(&panel.hub, person)?;
        Ok(Self { actor: here.actor, auth: panel.auth.clone(), token, ended, room })
    }
}

impl Open {
    /// Runs what feeds the stream, until it ends by itself or the session ends.
    pub async fn hold(mut self, feed: impl Future<Output = ()>) {
        tokio::select! {
            () = feed => {}
            () = self.session_ended() => {}
        }
        drop(self.room);
    }

    /// What comes from `source`, until it ends, the session ends, or nobody reads on. Source and place are given back
    /// then, even where a reader stands still.
    pub fn carry<T: Send + 'static>(self, source: impl Stream<Item = T> + Send + 'static) -> ReceiverStream<T> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::spawn(self.hold(async move {
            let mut source = pin!(source);
            loop {
                let item = tokio::select! {
                    () = sender.closed() => return,
                    item = source.next() => item,
                };
                let Some(item) = item else { return };
                if sender.send(item).await.is_err() {
                    return;
                }
            }
        }));
        ReceiverStream::new(receiver)
    }

    async fn session_ended(&mut self) {
        loop {
            // Either way it is time to ask; the sender lives as long as the place does.
            let _ = tokio::time::timeout(RECHECK, self.ended.changed()).await;
            match self.auth.session(&self.token).await {
                // What the stream may show was decided by the role.
                Ok(Some(now)) if now.actor.role == self.actor.role => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a session could not be checked");
                }
            }
        }
    }
}
