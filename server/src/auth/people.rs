//! Accounts: made, changed in role, given new passwords.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::plan::{Form, Subject, normal_email};
use super::{Actor, Auth, Error, Right, Role, UserId, internal, store};
use crate::events;

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The account's id.
    pub user_id: UserId,
    /// The e-mail address, in lower case; no two accounts share one.
    pub email: String,
    /// The name that pages show.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// An account to make.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The e-mail address.
    pub email: String,
    /// The name that pages show.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// The first password.
    pub password: SecretString,
}

impl Auth {
    /// Everybody with an account, by name.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without [`Right::UsersManage`].
    pub async fn users(&self, actor: &Actor) -> Result<Vec<User>, Error> {
        actor.needs(Right::UsersManage)?;
        store::users(&self.db).await.map_err(internal("listing people"))
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without [`Right::UsersManage`]; [`Error::Fields`] for `email`, `name` or `password`.
    pub async fn add_user(&self, actor: &Actor, new: NewUser) -> Result<User, Error> {
        actor.needs(Right::UsersManage)?;
        let email = normal_email(&new.email);
        Form::default()
            .email("email", &email)
            .line("name", &new.name)
            .password("password", new.password.expose_secret(), &email)
            .checked()?;
        let hash = self.passwords.hash(&new.password).await?;
        let failed = internal("making an account");
        let user = User {
            user_id: UserId(self.random.id(&self.clock)),
            email,
            name: new.name.trim().to_owned(),
            role: new.role,
            created_at: self.clock.now(),
        };
        let mut transaction = self.db.begin().await.map_err(&failed)?;
        if !store::insert_user(&mut *transaction, &user, Some(&hash)).await.map_err(&failed)? {
            return Err(Error::Fields(vec![("email", "This address has an account already.".to_owned())]));
        }
        let payload = serde_json::json!({ "user_id": user.user_id, "role": user.role });
        events::append(&mut transaction, &self.clock, actor.event("user.added", &user.email, payload))
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(user)
    }

    /// Gives a person another role and ends their sessions, so that they sign in with it.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without [`Right::UsersManage`]; [`Error::UserUnknown`]; [`Error::LastAdministrator`] when
    /// nobody would be left to manage anything.
    pub async fn change_role(&self, actor: &Actor, user_id: UserId, role: Role) -> Result<(), Error> {
        actor.needs(Right::UsersManage)?;
        let failed = internal("changing a role");
        let mut transaction = self.db.begin().await.map_err(&failed)?;
        // All of them are held, in one order: two administrators who demote each other at once must not both succeed.
        let administrators = store::hold_administrators(&mut *transaction).await.map_err(&failed)?;
        let user = store::hold_user(&mut *transaction, user_id).await.map_err(&failed)?;
        let user = user.ok_or_else(|| Error::UserUnknown(user_id.to_string()))?;
        if role != Role::Administrator && administrators == [user_id] {
            return Err(Error::LastAdministrator(user.name));
        }
        store::set_role(&mut *transaction, user_id, role).await.map_err(&failed)?;
        let ended = store::end_sessions_of(&mut *transaction, user_id, None).await.map_err(&failed)?;
        let payload = serde_json::json!({ "user_id": user_id, "from": user.role, "to": role, "sessions_ended": ended });
        events::append(&mut transaction, &self.clock, actor.event("user.role_changed", user.email, payload))
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// Gives an account a new password, ends its sessions and lifts its pause: the way back in, from the command line.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without [`Right::UsersManage`]; [`Error::UserUnknown`]; [`Error::Fields`] for `password`.
    pub async fn reset_password(&self, actor: &Actor, email: &str, password: &SecretString) -> Result<(), Error> {
        actor.needs(Right::UsersManage)?;
        let failed = internal("resetting a password");
        let email = normal_email(email);
        let account = store::user_by_email(&self.db, &email).await.map_err(&failed)?;
        let (user, _) = account.ok_or_else(|| Error::UserUnknown(email.clone()))?;
        Form::default().password("password", password.expose_secret(), &email).checked()?;
        let hash = self.passwords.hash(password).await?;
        let mut transaction = self.db.begin().await.map_err(&failed)?;
        store::set_password(&mut *transaction, user.user_id, &hash, self.clock.now()).await.map_err(&failed)?;
        let ended = store::end_sessions_of(&mut *transaction, user.user_id, None).await.map_err(&failed)?;
        store::clear_failures(&mut *transaction, &Subject::Account(email).key()).await.map_err(&failed)?;
        let payload = serde_json::json!({ "user_id": user.user_id, "sessions_ended": ended });
        events::append(&mut transaction, &self.clock, actor.event("user.password_reset", user.email, payload))
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }
}
