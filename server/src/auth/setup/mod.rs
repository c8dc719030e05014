//! The first run: a link printed on the terminal, by which the first administrator is made.

mod store;

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::plan::{Form, normal_email};
use super::policy::Right;
use super::sessions::SignedIn;
use super::{Actor, Auth, Error, Peer, Role, User, UserId, Way, internal, store as people};
use crate::events;
use crate::secrets::Token;

/// How long a link can be used.
const LINK_LASTS: Duration = Duration::from_hours(1);
const COOKIE: &str = "summoner setup cookie";
const SITE_NAME: &str = "site_name";

/// What the first run asks for.
#[derive(Clone, Debug)]
pub struct SetUp {
    /// What the panel is called, in titles.
    pub site_name: String,
    /// The first administrator's name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// Their password.
    pub password: SecretString,
}

impl Auth {
    /// Whether there is no administrator yet, so that nothing but the first run can be done.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database does not answer.
    pub async fn setup_needed(&self) -> Result<bool, Error> {
        store::has_administrator(&self.db).await.map(|has| !has).map_err(internal("asking for administrators"))
    }

    /// A new link's token, to be shown once, and when it ends; links that were not used are replaced by it.
    ///
    /// # Errors
    /// [`Error::AlreadySetUp`] when there is an administrator.
    pub async fn new_setup_link(&self) -> Result<(Token, Timestamp), Error> {
        if !self.setup_needed().await? {
            return Err(Error::AlreadySetUp);
        }
        let (token, now) = (Token::new(&self.random), self.clock.now());
        let expires_at = now + LINK_LASTS;
        let store = async {
            let mut transaction = self.db.begin().await?;
            store::replace_setup_links(&mut *transaction, now).await?;
            let cookie = token.derive(COOKIE).hash();
            store::insert_setup_link(&mut *transaction, token.hash(), cookie, now, expires_at).await?;
            let made = Actor::command_line().event("setup.link_made", "setup link", serde_json::json!({}));
            events::append(&mut transaction, &self.clock, made).await?;
            transaction.commit().await
        };
        store.await.map_err(internal("making a setup link"))?;
        Ok((token, expires_at))
    }

    /// Swaps a link's token for the cookie by which the first run goes on.
    ///
    /// Opening does not use the link up, and each opening gives the same cookie: programs that preview links open them
    /// before their reader does.
    ///
    /// # Errors
    /// One of the errors about setup links when it cannot be used.
    pub async fn open_setup(&self, token: &Token) -> Result<Token, Error> {
        let now = self.clock.now();
        let link =
            store::open_setup_link(&self.db, token.hash(), now).await.map_err(internal("opening a setup link"))?;
        link.ok_or(Error::SetupLinkUnknown)?.usable(now)?;
        Ok(token.derive(COOKIE))
    }

    /// Passes if the first run can still be finished with this cookie.
    ///
    /// # Errors
    /// One of the errors about setup links otherwise.
    pub async fn check_setup(&self, cookie: &Token) -> Result<(), Error> {
        let mut connection = self.db.acquire().await.map_err(internal("checking a setup link"))?;
        let link = store::hold_setup_link(&mut connection, cookie.hash()).await;
        link.map_err(internal("checking a setup link"))?.ok_or(Error::SetupLinkUnknown)?.usable(self.clock.now())
    }

    /// Makes the first administrator, names the panel, uses the link up and signs the administrator in.
    ///
    /// # Errors
    /// One of the errors about setup links; [`Error::Fields`] for `site_name`, `name`, `email` or `password`.
    pub async fn finish_setup(&self, cookie: &Token, set_up: SetUp, peer: &Peer) -> Result<(Token, SignedIn), Error> {
        self.check_setup(cookie).await?;
        let email = normal_email(&set_up.email);
        Form::default()
            .line("site_name", &set_up.site_name)
            .line("name", &set_up.name)
            .email("email", &email)
            .password("password", set_up.password.expose_secret(), &email)
            .checked()?;
        let hash = self.passwords.hash(&set_up.password).await?;
        let failed = internal("finishing the setup");
        let now = self.clock.now();
        let user = User {
            user_id: UserId(self.random.id(&self.clock)),
            email,
            name: set_up.name.trim().to_owned(),
            role: Role::Administrator,
            created_at: now,
        };

        let mut transaction = self.db.begin().await.map_err(&failed)?;
        let link = store::hold_setup_link(&mut transaction, cookie.hash()).await.map_err(&failed)?;
        link.ok_or(Error::SetupLinkUnknown)?.usable(now)?;
        if store::has_administrator(&mut *transaction).await.map_err(&failed)? {
            return Err(Error::AlreadySetUp);
        }
        if !people::insert_user(&mut *transaction, &user, Some(&hash)).await.map_err(&failed)? {
            return Err(Error::Fields(vec![("email", "This address has an account already.".to_owned())]));
        }
        match store::use_setup_link(&mut *transaction, cookie.hash(), user.user_id, now).await {
            // Another link was used in the meantime: the index that allows only one has waited for it to commit.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                drop(transaction);
                let used = store::used_setup_link(&self.db).await.map_err(&failed)?;
                return Err(used.and_then(|link| link.usable(now).err()).unwrap_or(Error::AlreadySetUp));
            }
            result => result.map_err(&failed)?,
        }
        let site_name = set_up.site_name.trim();
        store::put_setting(&mut *transaction, SITE_NAME, site_name.into(), now).await.map_err(&failed)?;
        let signed_in = self.start_session(&mut transaction, &user, peer).await.map_err(&failed)?;
        let by = Actor { way: Way::SetupLink, ..signed_in.1.actor.clone() };
        let payload = serde_json::json!({ "site_name": site_name, "address": peer.address });
        events::append(&mut transaction, &self.clock, by.event("setup.finished", user.email, payload))
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(signed_in)
    }

    /// Gives the panel another name.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Fields`] for `site_name`; [`Error::Internal`] when the database does not answer.
    pub async fn name_site(&self, actor: &Actor, site_name: &str) -> Result<(), Error> {
        actor.needs(Right::SettingsWrite)?;
        Form::default().line("site_name", site_name).checked()?;
        let (failed, name) = (internal("naming the site"), site_name.trim());
        let mut transaction = self.db.begin().await.map_err(&failed)?;
        let now = self.clock.now();
        store::put_setting(&mut *transaction, SITE_NAME, name.into(), now).await.map_err(&failed)?;
        let event = actor.event("site.named", name, serde_json::json!({}));
        events::append(&mut transaction, &self.clock, event).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// What the panel is called, and the version of the database behind it, such as `15.4`.
    ///
    /// # Errors
    /// [`Error::Forbidden`]; [`Error::Internal`] when the database does not answer.
    pub async fn about_panel(&self, actor: &Actor) -> Result<(Option<String>, String), Error> {
        actor.needs(Right::SettingsWrite)?;
        let version = crate::db::version(&self.db).await.map_err(internal("asking the database for its version"))?;
        Ok((self.site_name().await?, version))
    }

    /// What the panel is called; `None` before the first run.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database does not answer.
    pub async fn site_name(&self) -> Result<Option<String>, Error> {
        let value = store::setting(&self.db, SITE_NAME).await.map_err(internal("reading the site's name"))?;
        Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
    }
}
