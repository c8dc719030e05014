//! A signed-in person gives themselves a new password.
//!
//! The old one is asked for, and guessing at it is paused like guessing at the door: whoever finds a browser open must
//! not be able to take the account over.

use secrecy::{ExposeSecret as _, SecretString};

use super::plan::{Form, Subject};
use super::{Actor, Auth, Error, Peer, Way, internal, store};
use crate::events;

impl Auth {
    /// Changes the actor's own password and ends all their sessions but the one that asks; gives how many ended.
    ///
    /// # Errors
    /// [`Error::Fields`] for `old_password` when it is wrong, for `new_password` when it cannot be used;
    /// [`Error::SignInPaused`] after too many wrong ones; [`Error::UserUnknown`] for an actor who is no person.
    pub async fn change_own_password(
        &self,
        actor: &Actor,
        old: &SecretString,
        new: &SecretString,
        peer: &Peer,
    ) -> Result<u64, Error> {
        let user_id = actor.id.ok_or_else(|| Error::UserUnknown(actor.name.clone()))?;
        let mut form = Form::default();
        form.password("new_password", new.expose_secret(), &actor.email);
        if new.expose_secret() == old.expose_secret() {
            form.problem("new_password", "The new password is the old one.");
        }
        form.checked()?;
        let subjects = [Subject::Account(actor.email.clone()), Subject::Address(peer.address)];
        self.count_attempt(&subjects).await?;
        let failed = internal("changing a password");
        let account = store::user_by_email(&self.db, &actor.email).await.map_err(&failed)?;
        let old_hash = account.filter(|(user, _)| user.user_id == user_id).and_then(|(_, hash)| hash);
        if !self.passwords.matches(old, old_hash.clone()).await? {
            return Err(wrong_password());
        }
        let hash = self.passwords.hash(new).await?;
        let mut transaction = self.db.begin().await.map_err(&failed)?;
        // Somebody may have changed it while the two were being hashed.
        if store::hold_password_hash(&mut *transaction, user_id).await.map_err(&failed)? != old_hash {
            return Err(wrong_password());
        }
        let keep = match actor.way {
            Way::Session(session_id) => Some(session_id),
            Way::SetupLink | Way::CommandLine | Way::System => None,
        };
        store::set_password(&mut *transaction, user_id, &hash, self.clock.now()).await.map_err(&failed)?;
        let ended = store::end_sessions_of(&mut *transaction, user_id, keep).await.map_err(&failed)?;
        let [account, address] = &subjects;
        store::clear_failures(&mut *transaction, &account.key()).await.map_err(&failed)?;
        store::take_back_failure(&mut *transaction, &address.key()).await.map_err(&failed)?;
        let payload = serde_json::json!({ "user_id": user_id, "sessions_ended": ended, "address": peer.address });
        events::append(&mut transaction, &self.clock, actor.event("user.password_changed", &actor.email, payload))
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(ended)
    }
}

fn wrong_password() -> Error {
    Error::Fields(vec![("old_password", "This is not your present password.".to_owned())])
}
