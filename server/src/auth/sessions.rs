//! Sessions: signed-in browsers, found by their cookie's token, listed and ended.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgConnection;

use super::plan::clean_user_agent;
use super::{Actor, Auth, Error, Peer, Right, SessionId, User, UserId, Way, internal, store};
use crate::events;
use crate::secrets::Token;

/// A session that was not used for this long has ended.
const IDLE: Duration = Duration::from_hours(12);
/// A session ends this long after it began, however much it is used.
const LONGEST: Duration = Duration::from_hours(7 * 24);
/// A use is written down only this long after the last one, so that reading a page is not a write.
const SEEN_EVERY: Duration = Duration::from_mins(1);

/// The kinds of events with which sessions end before their time.
const ENDINGS: [&str; 5] =
    ["user.signed_out", "user.session_revoked", "user.password_changed", "user.password_reset", "user.role_changed"];

/// Whether sessions end with events of this kind.
pub fn ends_sessions(kind: &str) -> bool {
    ENDINGS.contains(&kind)
}

/// A signed-in browser, as its owner may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The name by which it can be ended.
    pub session_id: SessionId,
    /// When its owner signed in.
    pub created_at: Timestamp,
    /// When it was last used, within a minute.
    pub seen_at: Timestamp,
    /// When it ends unless it is used before.
    pub idle_ends_at: Timestamp,
    /// When it ends in any case.
    pub ends_at: Timestamp,
    /// The address its owner signed in from.
    pub address: String,
    /// What the browser said of itself then; may be empty.
    pub user_agent: String,
}

/// A person with the session they ask from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The person, with the role they have now.
    pub actor: Actor,
    /// The session.
    pub session: Session,
}

impl Auth {
    /// Who holds this session token; `None` when no session has it or the session has ended.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database does not answer.
    pub async fn session(&self, token: &Token) -> Result<Option<SignedIn>, Error> {
        let now = self.clock.now();
        let find = async {
            let found = store::session(&self.db, token.hash(), now).await?;
            let Some(mut signed_in) = found else { return Ok(None) };
            let session = &mut signed_in.session;
            if session.seen_at + SEEN_EVERY <= now {
                (session.seen_at, session.idle_ends_at) = (now, session.ends_at.min(now + IDLE));
                store::mark_seen(&self.db, session.session_id, now, session.idle_ends_at).await?;
            }
            Ok(Some(signed_in))
        };
        find.await.map_err(internal::<sqlx::Error>("looking for a session"))
    }

    /// Ends the session with this token, if there is one.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database does not answer.
    pub async fn sign_out(&self, token: &Token, peer: &Peer) -> Result<(), Error> {
        let now = self.clock.now();
        let end = async {
            let mut transaction = self.db.begin().await?;
            let Some(signed_in) = store::session(&mut *transaction, token.hash(), now).await? else { return Ok(()) };
            store::end_session(&mut *transaction, signed_in.session.session_id).await?;
            let actor = Actor { address: Some(peer.address), ..signed_in.actor };
            let signed_out = actor.event("user.signed_out", &actor.email, serde_json::json!({}));
            events::append(&mut transaction, &self.clock, signed_out).await?;
            transaction.commit().await
        };
        end.await.map_err(internal("signing out"))
    }

    /// The sessions of a person that have not ended, the one used last first: one's own, or those of others.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for those of others without [`Right::UsersManage`].
    pub async fn sessions_of(&self, actor: &Actor, user_id: UserId) -> Result<Vec<Session>, Error> {
        if actor.id != Some(user_id) {
            actor.needs(Right::UsersManage)?;
        }
        store::sessions_of(&self.db, user_id, self.clock.now()).await.map_err(internal("listing sessions"))
    }

    /// Ends a session: one's own, or one of another person.
    ///
    /// # Errors
    /// [`Error::SessionUnknown`] when it has ended already, or belongs to another person and the actor lacks
    /// [`Right::UsersManage`]: what one may not end, one need not know of. The attempt is written down.
    pub async fn revoke(&self, actor: &Actor, session_id: SessionId) -> Result<(), Error> {
        let failed = internal("ending a session");
        let mut transaction = self.db.begin().await.map_err(&failed)?;
        let owner = store::session_owner(&mut *transaction, session_id).await.map_err(&failed)?;
        let owner = owner.ok_or(Error::SessionUnknown)?;
        if actor.id != Some(owner)
            && let Err(forbidden) = actor.needs(Right::UsersManage)
        {
            drop(transaction);
            self.note_denied(actor, &format!("ending session {session_id}"), &forbidden.to_string()).await?;
            return Err(Error::SessionUnknown);
        }
        if !store::end_session(&mut *transaction, session_id).await.map_err(&failed)? {
            return Err(Error::SessionUnknown);
        }
        let payload = serde_json::json!({ "session_id": session_id, "user_id": owner });
        events::append(&mut transaction, &self.clock, actor.event("user.session_revoked", "session", payload))
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// Writes down that an actor tried what they have no right to: `attempt` says what, `reason` what they were told.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database does not answer.
    pub async fn note_denied(&self, actor: &Actor, attempt: &str, reason: &str) -> Result<(), Error> {
        let attempt: String = attempt.chars().filter(|c| !c.is_control()).take(200).collect();
        let denied = actor.event("access.denied", attempt, serde_json::json!({ "reason": reason }));
        let note = async {
            let mut transaction = self.db.begin().await?;
            events::append(&mut transaction, &self.clock, denied).await?;
            transaction.commit().await
        };
        note.await.map_err(internal("writing down a refused attempt"))
    }

    /// Stores a new session for `user` in the caller's transaction and gives its token, to be put into a cookie.
    pub(super) async fn start_session(
        &self,
        transaction: &mut PgConnection,
        user: &User,
        peer: &Peer,
    ) -> Result<(Token, SignedIn), sqlx::Error> {
        let (token, now) = (Token::new(&self.random), self.clock.now());
        let session = Session {
            session_id: SessionId(self.random.id(&self.clock)),
            created_at: now,
            seen_at: now,
            idle_ends_at: now + IDLE,
            ends_at: now + LONGEST,
            address: peer.address.to_canonical().to_string(),
            user_agent: clean_user_agent(&peer.user_agent),
        };
        let new = store::NewSession { hash: token.hash(), user_id: user.user_id, session: &session };
        store::insert_session(transaction, new).await?;
        let actor = Actor {
            id: Some(user.user_id),
            name: user.name.clone(),
            email: user.email.clone(),
            role: user.role,
            way: Way::Session(session.session_id),
            address: None,
        };
        Ok((token, SignedIn { actor, session }))
    }
}
