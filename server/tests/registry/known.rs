//! Last known answers and stored logins, with a real Postgres.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use server::clock::{Clock, Random};
use server::registry::{
    Author, Config, Credential, Credentials as _, Error, FRESH, FakeRegistry, KEPT, Known, Logins, Platform, Quota,
    Versions,
};
use server::secrets::Vault;
use sqlx::PgPool;

use crate::{clock, image};

fn build(architecture: &str, size_bytes: u64) -> Config {
    let platform = Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: String::new() };
    Config { platform, created_at: None, labels: [("made".to_owned(), "here".to_owned())].into(), size_bytes }
}

fn amd64() -> Platform {
    build("amd64", 0).platform
}

/// A fake registry with one image, and the service in front of it.
fn versions(db: &PgPool, clock: &Clock) -> (Arc<FakeRegistry>, Versions) {
    let fake = Arc::new(FakeRegistry::new(clock.clone()));
    fake.publish(&image("gitea/gitea:1.27.2"), &[build("amd64", 90), build("arm64", 80)]);
    let versions = Versions::new(db.clone(), fake.clone(), clock.clone());
    (fake, versions)
}

#[sqlx::test(migrations = "../migrations")]
async fn a_young_answer_is_given_without_asking(db: PgPool) {
    let clock = clock();
    let (fake, versions) = versions(&db, &clock);
    let gitea = image("gitea/gitea");
    assert_eq!(versions.tags(&gitea, FRESH).await.unwrap().value.names, ["1.27.2"]);

    fake.publish(&image("gitea/gitea:1.27.3"), &[build("amd64", 91)]);
    clock.advance(FRESH - Duration::from_secs(1));
    let known = versions.tags(&image("docker.io/gitea/gitea:latest"), FRESH).await.unwrap();
    assert_eq!((known.value.names.len(), known.age, known.reason), (1, FRESH - Duration::from_secs(1), None));
    assert_eq!(fake.calls(), 1);

    clock.advance(Duration::from_secs(1));
    let known = versions.tags(&gitea, FRESH).await.unwrap();
    assert_eq!((known.value.names.len(), known.age, known.reason), (2, Duration::ZERO, None));
    assert_eq!(fake.calls(), 2);

    // Asking now is asking, however young the answer is.
    versions.tags(&gitea, Duration::ZERO).await.unwrap();
    assert_eq!(fake.calls(), 3);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_registry_that_is_away_leaves_the_last_known_list_with_its_age_and_the_reason(db: PgPool) {
    let clock = clock();
    let (fake, versions) = versions(&db, &clock);
    let gitea = image("gitea/gitea");
    versions.tags(&gitea, FRESH).await.unwrap();
    fake.set_outage(Some(502));
    clock.advance(Duration::from_secs(7200));
    let known = versions.tags(&gitea, FRESH).await.unwrap();
    let reason = "listing the tags of gitea/gitea: docker.io failed with status 502; try again later";
    assert_eq!(known.value.names, ["1.27.2"]);
    assert_eq!((known.age, known.reason.as_deref()), (Duration::from_secs(7200), Some(reason)));

    // It is left alone for a while, even by those who want to know now.
    let calls = fake.calls();
    clock.advance(Duration::from_secs(59));
    assert_eq!(versions.tags(&gitea, Duration::ZERO).await.unwrap().reason.as_deref(), Some(reason));
    assert_eq!(fake.calls(), calls);

    fake.set_outage(None);
    clock.advance(Duration::from_secs(1));
    assert_eq!(versions.tags(&gitea, FRESH).await.unwrap().reason, None);
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_known_and_nobody_answering_is_an_error(db: PgPool) {
    let (fake, versions) = versions(&db, &clock());
    fake.set_outage(Some(500));
    let answer = versions.tags(&image("gitea/gitea"), FRESH).await;
    assert!(matches!(answer, Err(Error::Unavailable { status: 500, .. })), "{answer:?}");
    fake.set_outage(None);
    assert!(versions.tags(&image("gitea/gitea"), FRESH).await.is_ok());
}

#[sqlx::test(migrations = "../migrations")]
async fn ten_pages_opened_at_once_ask_once(db: PgPool) {
    let (fake, versions) = versions(&db, &clock());
    let gitea = image("gitea/gitea");
    let asked = futures_util::future::join_all((0..10).map(|_| versions.tags(&gitea, FRESH))).await;
    assert!(asked.iter().all(|known| known.as_ref().is_ok_and(|known| known.value.names == ["1.27.2"])));
    assert_eq!(fake.calls(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn content_by_digest_is_asked_for_once_ever_and_a_moved_tag_is_seen(db: PgPool) {
    let clock = clock();
    let (fake, versions) = versions(&db, &clock);
    let tag = image("gitea/gitea:1.27.2");
    let first = versions.details(&tag, &amd64(), FRESH).await.unwrap();
    assert_eq!(first.manifest.builds.len(), 2);
    assert_eq!(first.config.as_ref().map(|config| config.size_bytes), Some(90));
    assert_eq!(fake.calls(), 3, "digest, manifest, configuration");

    clock.advance(Duration::from_secs(400 * 24 * 3600));
    let later = versions.details(&tag, &amd64(), FRESH).await.unwrap();
    assert_eq!(later.config, first.config);
    assert_eq!(fake.calls(), 4, "only the tag is asked for again");

    fake.publish(&tag, &[build("amd64", 95)]);
    clock.advance(FRESH);
    let moved = versions.details(&tag, &amd64(), FRESH).await.unwrap();
    assert_ne!(moved.digest.value, first.digest.value);
    assert_eq!(moved.config.map(|config| config.size_bytes), Some(95));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_machine_without_a_build_is_told_so(db: PgPool) {
    let (_, versions) = versions(&db, &clock());
    let riscv = Platform { architecture: "riscv64".to_owned(), ..amd64() };
    let details = versions.details(&image("gitea/gitea:1.27.2"), &riscv, FRESH).await.unwrap();
    assert_eq!(details.config, None);
    assert_eq!(details.manifest.builds.len(), 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_digest_stands_for_itself(db: PgPool) {
    let (fake, versions) = versions(&db, &clock());
    let digest = fake.publish(&image("a/b:1"), &[build("amd64", 1)]);
    let known = versions.digest(&image("a/b:1").with_digest(digest.clone()), FRESH).await.unwrap();
    assert_eq!(known, Known { value: digest, age: Duration::ZERO, reason: None });
    assert_eq!(fake.calls(), 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn an_answer_of_another_form_counts_as_never_given(db: PgPool) {
    let (fake, versions) = versions(&db, &clock());
    versions.tags(&image("gitea/gitea"), FRESH).await.unwrap();
    sqlx::query!("update registry_cache set answer = '{\"old\": true}'").execute(&db).await.unwrap();
    assert_eq!(versions.tags(&image("gitea/gitea"), FRESH).await.unwrap().value.names, ["1.27.2"]);
    assert_eq!(fake.calls(), 2);
}

struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // The test has said what it had to say.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn vault(seed: u64) -> (Folder, Vault) {
    let folder = std::env::temp_dir().join(format!("summoner-registry-key-{}", Random::System.id(&Clock::System)));
    std::fs::create_dir_all(&folder).unwrap();
    let vault = Vault::open(&folder.join("key"), &Random::seeded(seed)).unwrap();
    (Folder(folder), vault)
}

fn author() -> Author {
    Author { label: "Léa".to_owned(), id: None, address: None }
}

fn credential(username: &str, password: &str) -> Credential {
    Credential { username: username.to_owned(), password: password.to_owned().into() }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_login_is_sealed_found_by_every_alias_and_recorded(db: PgPool) {
    let (_folder, vault) = vault(1);
    let logins = Logins::new(db.clone(), vault, clock(), Random::seeded(2));
    assert_eq!(logins.set(author(), "index.docker.io", credential("ci", "first")).await.unwrap(), "docker.io");
    assert_eq!(logins.set(author(), "docker.io", credential("ci", "s3cret")).await.unwrap(), "docker.io");

    let found = logins.find("docker.io").await.unwrap().unwrap();
    assert_eq!((found.username.as_str(), found.password.expose_secret()), ("ci", "s3cret"));
    assert!(logins.find("ghcr.io").await.unwrap().is_none());
    let listed = logins.list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].registry.as_str(), listed[0].username.as_str()), ("docker.io", "ci"));

    let row = sqlx::query!("select secret from registry_credentials").fetch_one(&db).await.unwrap();
    assert!(!row.secret.windows(6).any(|part| part == b"s3cret"));
    let events = server::events::after(&db, 0, server::events::Audience::Auditors, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["registry.login_set"; 2]);
    assert!(!format!("{events:?}").contains("s3cret"));

    assert!(logins.remove(author(), "docker.io").await.unwrap());
    assert!(!logins.remove(author(), "docker.io").await.unwrap());
    assert!(logins.find("docker.io").await.unwrap().is_none());
    let events = server::events::after(&db, 0, server::events::Audience::Auditors, 10).await.unwrap();
    assert_eq!(
        events.last().map(|event| (event.kind.as_str(), event.subject.as_str())),
        Some(("registry.login_removed", "docker.io"))
    );
    assert_eq!(events.len(), 3, "removing nothing is no fact");
}

#[sqlx::test(migrations = "../migrations")]
async fn s25_a_sealed_login_opens_in_its_own_row_and_under_its_own_key_only(db: PgPool) {
    let (_folder, vault_one) = vault(1);
    let logins = Logins::new(db.clone(), vault_one, clock(), Random::seeded(2));
    logins.set(author(), "docker.io", credential("ci", "s3cret")).await.unwrap();
    logins.set(author(), "ghcr.io", credential("ci", "other")).await.unwrap();

    let (_other_folder, vault_two) = vault(9);
    let elsewhere = Logins::new(db.clone(), vault_two, clock(), Random::seeded(2));
    assert!(elsewhere.find("docker.io").await.is_err());

    // Someone who may write the table moves a secret to a registry of his own.
    sqlx::query!(
        "update registry_credentials
         set secret = (select secret from registry_credentials where registry = 'docker.io')
         where registry = 'ghcr.io'"
    )
    .execute(&db)
    .await
    .unwrap();
    assert!(logins.find("ghcr.io").await.is_err());
    assert!(logins.find("docker.io").await.is_ok());
}

#[sqlx::test(migrations = "../migrations")]
async fn s2_names_that_cannot_be_sent_are_refused(db: PgPool) {
    let (_folder, vault) = vault(1);
    let logins = Logins::new(db.clone(), vault, clock(), Random::seeded(2));
    for (registry, username, password) in [
        ("https://ghcr.io", "ci", "x"),
        ("$(id)", "ci", "x"),
        ("--help", "ci", "x"),
        ("ghcr.io", "a:b", "x"),
        ("ghcr.io", "", "x"),
        ("ghcr.io", "ci\r\nx: y", "x"),
        ("ghcr.io", "ci", ""),
        ("ghcr.io", "ci", "a\nb"),
    ] {
        let answer = logins.set(author(), registry, credential(username, password)).await;
        assert!(matches!(answer, Err(Error::Login { .. })), "{registry} {username:?}: {answer:?}");
    }
    assert!(logins.remove(author(), "$(id)").await.is_err());
    let rows =
        sqlx::query_scalar!(r#"select count(*) as "rows!" from registry_credentials"#).fetch_one(&db).await.unwrap();
    assert_eq!(rows, 0);
}

#[sqlx::test(migrations = "../migrations")]
async fn answers_that_nobody_renews_are_forgotten_and_young_ones_stay(db: PgPool) {
    let clock = clock();
    let (fake, versions) = versions(&db, &clock);
    let old = image("gitea/gitea");
    versions.tags(&old, FRESH).await.unwrap();
    clock.advance(KEPT);
    versions.details(&image("gitea/gitea:1.27.2"), &amd64(), FRESH).await.unwrap();
    assert_eq!(versions.prune().await.unwrap(), 0, "nothing is too old by a second");
    clock.advance(Duration::from_secs(1));
    assert_eq!(versions.prune().await.unwrap(), 1, "the list of tags");
    let calls = fake.calls();
    versions.details(&image("gitea/gitea:1.27.2"), &amd64(), FRESH).await.unwrap();
    assert_eq!(fake.calls(), calls, "what is young is still known");
    versions.tags(&old, Duration::MAX).await.unwrap();
    assert_eq!(fake.calls(), calls + 1, "what is old is asked for anew");
}

fn quota(remaining: u32, said_at: jiff::Timestamp) -> Quota {
    Quota { limit: 100, remaining, window: Duration::from_secs(21_600), said_at }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_allowance_is_known_after_any_question_and_after_a_restart_until_it_is_whole_again(db: PgPool) {
    let clock = clock();
    let (fake, versions) = versions(&db, &clock);
    assert_eq!(versions.quota("docker.io").await.unwrap(), None);
    let said = quota(29, clock.now());
    fake.set_quota(Some(said));
    versions.digest(&image("gitea/gitea:1.27.2"), FRESH).await.unwrap();
    assert_eq!(versions.quota("docker.io").await.unwrap(), Some(said));
    assert!(said.is_scarce() && !quota(30, clock.now()).is_scarce());

    // A new process has heard of nothing yet, and its first answer says nothing of it.
    fake.set_quota(None);
    let restarted = Versions::new(db.clone(), fake.clone(), clock.clone());
    restarted.tags(&image("gitea/gitea"), FRESH).await.unwrap();
    assert_eq!(restarted.quota("docker.io").await.unwrap(), Some(said));
    assert_eq!(restarted.quota("ghcr.io").await.unwrap(), None);

    clock.advance(Duration::from_secs(21_600));
    assert_eq!(restarted.quota("docker.io").await.unwrap(), None);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_at_hand_costs_no_more_than_the_digest(db: PgPool) {
    let (fake, versions) = versions(&db, &clock());
    let tag = image("gitea/gitea:1.27.2");
    let (digest, details) = versions.details_at_hand(&tag, &amd64(), FRESH).await.unwrap();
    assert_eq!((details, fake.calls()), (None, 1));
    let asked = versions.details(&tag, &amd64(), FRESH).await.unwrap();
    let calls = fake.calls();
    let known = versions.details_at_hand(&tag, &amd64(), FRESH).await.unwrap();
    assert_eq!(known, (asked.digest.clone(), Some(asked)));
    assert_eq!((digest, fake.calls()), (known.0, calls));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_login_shows_when_its_registry_or_mirror_last_answered_and_what_it_allows(db: PgPool) {
    let (_folder, vault) = vault(1);
    let clock = clock();
    let logins = Logins::new(db.clone(), vault, clock.clone(), Random::seeded(2));
    for registry in ["docker.io", "mirror.lan:5000"] {
        logins.set(author(), registry, credential("ci", "s3cret")).await.unwrap();
    }
    let (fake, versions) = versions(&db, &clock);
    let said = quota(70, clock.now());
    fake.set_quota(Some(said));
    versions.tags(&image("gitea/gitea"), FRESH).await.unwrap();
    let seen = |login: &server::registry::Login| (login.registry.clone(), login.answered_at, login.quota);
    let shown: Vec<_> = logins.list().await.unwrap().iter().map(seen).collect();
    let [docker, mirror] = ["docker.io", "mirror.lan:5000"].map(str::to_owned);
    assert_eq!(shown, [(docker.clone(), Some(clock.now()), Some(said)), (mirror.clone(), None, None)]);

    // From now on the mirror is asked.
    fake.set_account(&mirror);
    clock.advance(FRESH);
    versions.tags(&image("gitea/gitea"), FRESH).await.unwrap();
    let shown: Vec<_> = logins.list().await.unwrap().iter().map(seen).collect();
    assert_eq!(shown[1], (mirror, Some(clock.now()), Some(said)));
}
