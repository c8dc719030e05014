//! Signing in by e-mail address and password.
//!
//! Whether an account exists shows neither in the answer nor in the time it takes nor in how attempts are paused. An
//! attempt is counted before its password is looked at, so that a thousand at once are a thousand failures and not one.

use secrecy::SecretString;

use super::plan::{FORGOTTEN_AFTER, Failures, Subject, is_email, normal_email};
use super::sessions::SignedIn;
use super::{Actor, Auth, Error, Peer, Role, User, internal, store};
use crate::events;
use crate::secrets::Token;

impl Auth {
    /// Signs a person in and gives the session's token, to be put into a cookie.
    ///
    /// # Errors
    /// [`Error::SignInRefused`] when address or password are wrong; [`Error::SignInPaused`] after too many of those.
    pub async fn sign_in(&self, email: &str, password: &SecretString, peer: &Peer) -> Result<(Token, SignedIn), Error> {
        let email = normal_email(email);
        let subjects = [Subject::Account(email.clone()), Subject::Address(peer.address)];
        self.count_attempt(&subjects).await?;
        // What is no address is not looked up: the database would refuse some of it, such as a zero byte.
        let account = match is_email(&email) {
            true => store::user_by_email(&self.db, &email).await.map_err(internal("signing in"))?,
            false => None,
        };
        let (user, hash) = account.map_or((None, None), |(user, hash)| (Some(user), hash));
        let matches = self.passwords.matches(password, hash.clone()).await?;
        match user {
            Some(user) if matches => self.admit(user, hash, &subjects, peer).await,
            user => {
                self.note_refusal(user.as_ref(), peer).await?;
                Err(Error::SignInRefused)
            }
        }
    }

    /// Counts the attempt as failed for now, unless one of the subjects has to wait.
    pub(super) async fn count_attempt(&self, subjects: &[Subject]) -> Result<(), Error> {
        let failed = internal("counting sign-ins");
        let now = self.clock.now();
        let mut transaction = self.db.begin().await.map_err(&failed)?;
        let mut longest = None;
        for subject in subjects {
            let key = subject.key();
            let failures = store::hold_failures(&mut *transaction, &key, now).await.map_err(&failed)?;
            longest = longest.max(failures.wait(subject, now));
            let counted = Failures { count: failures.counting(now).saturating_add(1), last_at: now };
            store::put_failures(&mut *transaction, &key, counted).await.map_err(&failed)?;
        }
        if let Some(retry_after) = longest {
            // Dropping the transaction takes the counting back: waiting attempts do not lengthen the wait.
            return Err(Error::SignInPaused { retry_after });
        }
        transaction.commit().await.map_err(&failed)
    }

    /// Starts the session, unless the password was changed while it was being checked.
    async fn admit(
        &self,
        user: User,
        hash: Option<String>,
        subjects: &[Subject; 2],
        peer: &Peer,
    ) -> Result<(Token, SignedIn), Error> {
        let failed = internal("signing in");
        let mut transaction = self.db.begin().await.map_err(&failed)?;
        if store::hold_password_hash(&mut *transaction, user.user_id).await.map_err(&failed)? != hash {
            return Err(Error::SignInRefused);
        }
        let [account, address] = subjects;
        store::clear_failures(&mut *transaction, &account.key()).await.map_err(&failed)?;
        // The address keeps its other failures: one good account must not buy attempts on others.
        store::take_back_failure(&mut *transaction, &address.key()).await.map_err(&failed)?;
        let signed_in = self.start_session(&mut transaction, &user, peer).await.map_err(&failed)?;
        let payload = serde_json::json!({ "address": peer.address });
        events::append(&mut transaction, &self.clock, signed_in.1.actor.event("user.signed_in", user.email, payload))
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        self.sweep().await?;
        Ok(signed_in)
    }

    /// Appends the refusal to the audit; what was typed for an account that is none is not repeated there.
    async fn note_refusal(&self, user: Option<&User>, peer: &Peer) -> Result<(), Error> {
        let subject = user.map_or("unknown account", |user| &user.email);
        let visitor = Actor { role: Role::Viewer, ..Actor::system("visitor") };
        let payload = serde_json::json!({ "address": peer.address });
        let note = async {
            let mut transaction = self.db.begin().await?;
            events::append(&mut transaction, &self.clock, visitor.event("user.sign_in_refused", subject, payload))
                .await?;
            transaction.commit().await
        };
        note.await.map_err(internal("noting a refused sign-in"))
    }

    async fn sweep(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let sweep = async {
            let mut transaction = self.db.begin().await?;
            store::sweep(&mut transaction, now, now - FORGOTTEN_AFTER).await?;
            transaction.commit().await
        };
        sweep.await.map_err(internal("removing ended sessions"))
    }
}
