//! People, sessions and the first run, on a real database with a clock that stands.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use server::auth::{Actor, Auth, Error, NewUser, Peer, Right, Role, SessionId, SetUp, SignedIn, User, UserId, Way};
use server::clock::{Clock, Random};
use server::secrets::Token;
use sqlx::PgPool;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// The service with a clock that stands until it is moved.
fn auth(db: &PgPool) -> (Auth, Clock) {
    let clock = Clock::fixed(start());
    (Auth::new(db.clone(), clock.clone(), Random::System), clock)
}

fn from(address: &str) -> Peer {
    Peer { address: address.parse().unwrap(), user_agent: "Firefox/150".to_owned() }
}

fn peer() -> Peer {
    from("192.0.2.7")
}

async fn person(auth: &Auth, email: &str, role: Role) -> User {
    let new = NewUser { email: email.to_owned(), name: "Ada".to_owned(), role, password: PASSWORD.into() };
    auth.add_user(&Actor::command_line(), new).await.unwrap()
}

async fn sign_in(auth: &Auth, email: &str) -> (Token, SignedIn) {
    auth.sign_in(email, &PASSWORD.into(), &peer()).await.unwrap()
}

fn set_up(email: &str) -> SetUp {
    SetUp { site_name: "Lab".into(), name: "Ada".into(), email: email.into(), password: PASSWORD.into() }
}

async fn kinds(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select kind from events order by sequence").fetch_all(db).await.unwrap()
}

fn wrong_fields(error: Error) -> Vec<&'static str> {
    let Error::Fields(problems) = error else { panic!("{error:?}") };
    problems.into_iter().map(|(field, _)| field).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn the_first_run_makes_an_administrator_who_is_signed_in(db: PgPool) {
    let (auth, clock) = auth(&db);
    assert!(auth.setup_needed().await.unwrap());
    let (link, ends_at) = auth.new_setup_link().await.unwrap();
    assert_eq!(ends_at, start() + HOUR);
    let cookie = auth.open_setup(&link).await.unwrap();
    assert_ne!(cookie.reveal(), link.reveal());
    let (session, signed_in) = auth.finish_setup(&cookie, set_up(" Ada@Example.org "), &peer()).await.unwrap();

    assert!(!auth.setup_needed().await.unwrap());
    assert_eq!(auth.site_name().await.unwrap().unwrap(), "Lab");
    assert_eq!((signed_in.actor.email.as_str(), signed_in.actor.role), ("ada@example.org", Role::Administrator));
    assert_eq!(auth.session(&session).await.unwrap().unwrap(), signed_in);
    assert_eq!(kinds(&db).await, ["setup.link_made", "setup.finished"]);
    clock.advance(MINUTE);
    sign_in(&auth, "ada@example.org").await;
    assert!(matches!(auth.new_setup_link().await, Err(Error::AlreadySetUp)));
}

#[sqlx::test(migrations = "../migrations")]
async fn s15_a_setup_link_can_be_opened_often_but_is_used_once(db: PgPool) {
    let (auth, clock) = auth(&db);
    let (link, _) = auth.new_setup_link().await.unwrap();
    let preview = auth.open_setup(&link).await.unwrap();
    let cookie = auth.open_setup(&link).await.unwrap();
    assert_eq!(preview.reveal(), cookie.reveal());
    auth.finish_setup(&cookie, set_up("ada@example.org"), &peer()).await.unwrap();
    clock.advance(MINUTE);
    let refusals = [
        auth.open_setup(&link).await.unwrap_err(),
        auth.check_setup(&cookie).await.unwrap_err(),
        auth.finish_setup(&cookie, set_up("eve@example.org"), &peer()).await.unwrap_err(),
    ];
    for refusal in refusals {
        let expected = "Ada used this setup link at 2026-11-21T12:00:00Z. Sign in instead.";
        assert_eq!(refusal.to_string(), expected);
    }
    assert_eq!(auth.users(&Actor::command_line()).await.unwrap().len(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn s15_a_setup_link_ends_after_an_hour_opened_or_not(db: PgPool) {
    let (auth, clock) = auth(&db);
    let (link, _) = auth.new_setup_link().await.unwrap();
    clock.advance(HOUR - Duration::from_secs(1));
    let cookie = auth.open_setup(&link).await.unwrap();
    clock.advance(Duration::from_secs(1));
    let expired = |error| matches!(error, Error::SetupLinkExpired { at } if at == start() + HOUR);
    assert!(expired(auth.open_setup(&link).await.unwrap_err()));
    assert!(expired(auth.finish_setup(&cookie, set_up("ada@example.org"), &peer()).await.unwrap_err()));
    assert!(auth.setup_needed().await.unwrap());
}

#[sqlx::test(migrations = "../migrations")]
async fn s15_a_new_setup_link_replaces_the_old_one(db: PgPool) {
    let (auth, _) = auth(&db);
    let (old, _) = auth.new_setup_link().await.unwrap();
    let old_cookie = auth.open_setup(&old).await.unwrap();
    let (new, _) = auth.new_setup_link().await.unwrap();
    assert!(matches!(auth.open_setup(&old).await, Err(Error::SetupLinkReplaced { .. })));
    assert!(matches!(auth.check_setup(&old_cookie).await, Err(Error::SetupLinkReplaced { .. })));
    assert!(auth.open_setup(&new).await.is_ok());
}

#[sqlx::test(migrations = "../migrations")]
async fn s15_a_link_and_its_cookie_do_not_stand_for_each_other_and_guesses_are_unknown(db: PgPool) {
    let (auth, _) = auth(&db);
    let (link, _) = auth.new_setup_link().await.unwrap();
    let cookie = auth.open_setup(&link).await.unwrap();
    for token in [&cookie, &Token::presented(""), &Token::new(&Random::System)] {
        assert!(matches!(auth.open_setup(token).await, Err(Error::SetupLinkUnknown)));
    }
    let refused = auth.finish_setup(&link, set_up("ada@example.org"), &peer()).await;
    assert!(matches!(refused, Err(Error::SetupLinkUnknown)));
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("select token_hash from setup_links").fetch_all(&db).await.unwrap();
    assert_eq!(stored, [link.hash().to_vec()], "the token itself is nowhere");
}

#[sqlx::test(migrations = "../migrations")]
async fn two_who_finish_the_first_run_at_once_make_one_administrator(db: PgPool) {
    let (auth, _) = auth(&db);
    let (link, _) = auth.new_setup_link().await.unwrap();
    let cookie = auth.open_setup(&link).await.unwrap();
    let peer = peer();
    let (one, two) = tokio::join!(
        auth.finish_setup(&cookie, set_up("ada@example.org"), &peer),
        auth.finish_setup(&cookie, set_up("eve@example.org"), &peer),
    );
    let loser = match (one, two) {
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
        other => panic!("one of them wins: {other:?}"),
    };
    assert!(matches!(loser, Error::SetupLinkUsed { .. }), "{loser:?}");
    assert_eq!(auth.users(&Actor::command_line()).await.unwrap().len(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_database_lets_one_setup_link_be_used_even_if_two_are_good(db: PgPool) {
    let (auth, _) = auth(&db);
    let (first, _) = auth.new_setup_link().await.unwrap();
    let (second, _) = auth.new_setup_link().await.unwrap();
    sqlx::query("update setup_links set replaced_at = null").execute(&db).await.unwrap();
    let cookies = (auth.open_setup(&first).await.unwrap(), auth.open_setup(&second).await.unwrap());
    let peer = peer();
    let (one, two) = tokio::join!(
        auth.finish_setup(&cookies.0, set_up("ada@example.org"), &peer),
        auth.finish_setup(&cookies.1, set_up("eve@example.org"), &peer),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    assert_eq!(auth.users(&Actor::command_line()).await.unwrap().len(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_first_run_with_wrong_fields_names_them_and_does_not_use_the_link_up(db: PgPool) {
    let (auth, _) = auth(&db);
    let (link, _) = auth.new_setup_link().await.unwrap();
    let cookie = auth.open_setup(&link).await.unwrap();
    let wrong = SetUp { site_name: " ".into(), name: "a\nb".into(), email: "ada".into(), password: "short".into() };
    let error = auth.finish_setup(&cookie, wrong, &peer()).await.unwrap_err();
    assert_eq!(wrong_fields(error), ["site_name", "name", "email", "password"]);
    auth.finish_setup(&cookie, set_up("ada@example.org"), &peer()).await.unwrap();
}

#[sqlx::test(migrations = "../migrations")]
async fn a_sign_in_with_wrong_password_or_unknown_account_gets_the_same_answer(db: PgPool) {
    let (auth, _) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    let attempts = [
        ("ada@example.org", "wrong horse battery"),
        ("eve@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("", ""),
        ("zero\0byte", "zero\0byte"),
        ("ada@example.org", &"x".repeat(100_000)),
    ];
    for (email, password) in attempts {
        let error = auth.sign_in(email, &password.into(), &peer()).await.unwrap_err();
        assert_eq!(error.to_string(), "The e-mail address or the password is not right.");
    }
    sign_in(&auth, " ADA@example.org").await;
    let subjects: Vec<String> =
        sqlx::query_scalar("select subject from events where kind = 'user.sign_in_refused' order by sequence")
            .fetch_all(&db)
            .await
            .unwrap();
    let unknown = "unknown account";
    assert_eq!(subjects, ["ada@example.org", unknown, unknown, unknown, unknown, "ada@example.org"]);
    assert_eq!(kinds(&db).await.last().unwrap(), "user.signed_in");
}

#[sqlx::test(migrations = "../migrations")]
async fn an_account_without_password_cannot_be_signed_in_to(db: PgPool) {
    let (auth, _) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    sqlx::query("update users set password_hash = null").execute(&db).await.unwrap();
    for password in ["", PASSWORD] {
        let refused = auth.sign_in("ada@example.org", &password.into(), &peer()).await;
        assert!(matches!(refused, Err(Error::SignInRefused)));
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn an_unknown_account_takes_as_long_as_a_known_one(db: PgPool) {
    let (auth, clock) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    // The quickest of several runs in turn: what else the machine does can only make one slower.
    let mut quickest = [Duration::MAX; 2];
    for n in 0..12 {
        for (email, quickest) in ["ada@example.org", "eve@example.org"].into_iter().zip(&mut quickest) {
            let began = Instant::now();
            let peer = from(&format!("192.0.2.{n}"));
            let refused = auth.sign_in(email, &"wrong horse battery".into(), &peer).await;
            assert!(matches!(refused, Err(Error::SignInRefused)));
            *quickest = began.elapsed().min(*quickest);
        }
        clock.advance(HOUR);
    }
    let [known, unknown] = quickest.map(|time| time.as_secs_f64());
    assert!((0.5..2.0).contains(&(unknown / known)), "{known} s for a known account, {unknown} s for an unknown one");
}

#[sqlx::test(migrations = "../migrations")]
async fn pauses_for_an_account_grow_with_failures_and_hold_from_every_address(db: PgPool) {
    let (auth, clock) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    let attempt = async |n: u32, password: &str| {
        auth.sign_in("ada@example.org", &password.into(), &from(&format!("192.0.2.{n}"))).await
    };
    for n in 0..5 {
        assert!(matches!(attempt(n, "wrong horse battery").await, Err(Error::SignInRefused)), "attempt {n}");
    }
    for (n, pause) in [(5, 1), (6, 2), (7, 4)] {
        let pause = Duration::from_secs(pause);
        // The right password too is refused unseen, else the pause would only slow the unlucky.
        for password in ["wrong horse battery", PASSWORD] {
            let Err(Error::SignInPaused { retry_after }) = attempt(n, password).await else { panic!("a pause") };
            assert_eq!(retry_after, pause, "waiting attempts do not lengthen the wait");
        }
        clock.advance(pause);
        assert!(matches!(attempt(n, "wrong horse battery").await, Err(Error::SignInRefused)));
    }
    clock.advance(Duration::from_secs(8));
    assert!(attempt(8, PASSWORD).await.is_ok());
    assert!(attempt(8, PASSWORD).await.is_ok(), "a success ends the pauses");
}

#[sqlx::test(migrations = "../migrations")]
async fn pauses_hold_for_accounts_that_are_none(db: PgPool) {
    let (auth, _) = auth(&db);
    for n in 0..5 {
        auth.sign_in("eve@example.org", &PASSWORD.into(), &from(&format!("192.0.2.{n}"))).await.unwrap_err();
    }
    let refused = auth.sign_in("eve@example.org", &PASSWORD.into(), &peer()).await;
    assert!(matches!(refused, Err(Error::SignInPaused { .. })), "the pause tells nothing about the account");
}

#[sqlx::test(migrations = "../migrations")]
async fn an_address_that_tries_many_accounts_is_paused_and_a_success_between_does_not_help(db: PgPool) {
    let (auth, _) = auth(&db);
    person(&auth, "mallory@example.org", Role::Viewer).await;
    for n in 0..20 {
        auth.sign_in(&format!("{n}@example.org"), &PASSWORD.into(), &peer()).await.unwrap_err();
        if n % 5 == 0 {
            sign_in(&auth, "mallory@example.org").await;
        }
    }
    let refused = auth.sign_in("mallory@example.org", &PASSWORD.into(), &peer()).await;
    assert!(matches!(refused, Err(Error::SignInPaused { .. })));
    let elsewhere = auth.sign_in("mallory@example.org", &PASSWORD.into(), &from("198.51.100.1")).await;
    assert!(elsewhere.is_ok());
}

#[sqlx::test(migrations = "../migrations")]
async fn attempts_at_once_are_counted_one_by_one(db: PgPool) {
    let (auth, _) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    let attempts = (0..12).map(|_| {
        let auth = auth.clone();
        tokio::spawn(async move { auth.sign_in("ada@example.org", &"wrong horse battery".into(), &peer()).await })
    });
    let mut looked_at = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap().unwrap_err() {
            Error::SignInRefused => looked_at += 1,
            Error::SignInPaused { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(looked_at, 5, "the free ones, and no more");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_session_ends_when_it_was_idle_too_long(db: PgPool) {
    let (auth, clock) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    let (used, _) = sign_in(&auth, "ada@example.org").await;
    let (idle, _) = sign_in(&auth, "ada@example.org").await;
    clock.advance(6 * HOUR);
    assert!(auth.session(&used).await.unwrap().is_some());
    clock.advance(6 * HOUR);
    assert!(auth.session(&used).await.unwrap().is_some());
    assert!(auth.session(&idle).await.unwrap().is_none());
}

#[sqlx::test(migrations = "../migrations")]
async fn a_session_ends_after_a_week_however_much_it_is_used(db: PgPool) {
    let (auth, clock) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    let (session, _) = sign_in(&auth, "ada@example.org").await;
    for _ in 0..7 * 3 {
        assert!(auth.session(&session).await.unwrap().is_some(), "at {}", clock.now());
        clock.advance(8 * HOUR);
    }
    assert!(auth.session(&session).await.unwrap().is_none());
}

#[sqlx::test(migrations = "../migrations")]
async fn a_use_of_a_session_is_written_down_at_most_once_a_minute(db: PgPool) {
    let (auth, clock) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    let (token, signed_in) = sign_in(&auth, "ada@example.org").await;
    let seen = async || {
        auth.session(&token).await.unwrap().unwrap();
        auth.sessions_of(&signed_in.actor, signed_in.actor.id.unwrap()).await.unwrap()[0].seen_at
    };
    clock.advance(MINUTE - Duration::from_secs(1));
    assert_eq!(seen().await, start());
    clock.advance(Duration::from_secs(1));
    assert_eq!(seen().await, start() + MINUTE);
}

#[sqlx::test(migrations = "../migrations")]
async fn s17_after_signing_out_the_cookie_opens_nothing(db: PgPool) {
    let (auth, _) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    let (session, _) = sign_in(&auth, "ada@example.org").await;
    let (other, _) = sign_in(&auth, "ada@example.org").await;
    auth.sign_out(&session, &peer()).await.unwrap();
    auth.sign_out(&session, &peer()).await.unwrap();
    assert!(auth.session(&session).await.unwrap().is_none());
    assert!(auth.session(&other).await.unwrap().is_some());
    let signed_out = kinds(&db).await.into_iter().filter(|kind| kind == "user.signed_out").count();
    assert_eq!(signed_out, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn s17_a_password_reset_ends_every_session_and_the_old_password(db: PgPool) {
    let (auth, _) = auth(&db);
    person(&auth, "ada@example.org", Role::Administrator).await;
    let (session, _) = sign_in(&auth, "ada@example.org").await;
    let (cli, new) = (Actor::command_line(), "another horse battery".into());
    for _ in 0..5 {
        auth.sign_in("ada@example.org", &"wrong horse battery".into(), &peer()).await.unwrap_err();
    }
    assert_eq!(
        wrong_fields(auth.reset_password(&cli, "ada@example.org", &"short".into()).await.unwrap_err()),
        ["password"]
    );
    assert!(auth.session(&session).await.unwrap().is_some());
    auth.reset_password(&cli, "Ada@example.org", &new).await.unwrap();
    assert!(auth.session(&session).await.unwrap().is_none());
    assert!(auth.sign_in("ada@example.org", &new, &peer()).await.is_ok(), "the pause is lifted");
    assert!(auth.sign_in("ada@example.org", &PASSWORD.into(), &peer()).await.is_err());
    let unknown = auth.reset_password(&cli, "eve@example.org", &new).await.unwrap_err();
    assert_eq!(unknown.to_string(), "There is no account eve@example.org.");
}

#[sqlx::test(migrations = "../migrations")]
async fn s17_a_sign_in_that_overlaps_a_password_reset_leaves_no_session_of_the_old_password(db: PgPool) {
    let (auth, _) = auth(&db);
    let user = person(&auth, "ada@example.org", Role::Viewer).await;
    let (cli, new) = (Actor::command_line(), "another horse battery".into());
    for _ in 0..4 {
        auth.reset_password(&cli, "ada@example.org", &PASSWORD.into()).await.unwrap();
        let (password, peer) = (PASSWORD.into(), peer());
        let (signed_in, reset) = tokio::join!(
            auth.sign_in("ada@example.org", &password, &peer),
            auth.reset_password(&cli, "ada@example.org", &new),
        );
        reset.unwrap();
        let open = auth.sessions_of(&cli, user.user_id).await.unwrap();
        assert!(open.is_empty(), "{signed_in:?}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn s17_a_role_change_ends_the_sessions_of_the_old_role(db: PgPool) {
    let (auth, _) = auth(&db);
    let user = person(&auth, "ada@example.org", Role::Operator).await;
    let (session, _) = sign_in(&auth, "ada@example.org").await;
    auth.change_role(&Actor::command_line(), user.user_id, Role::Viewer).await.unwrap();
    assert!(auth.session(&session).await.unwrap().is_none());
    let (_, signed_in) = sign_in(&auth, "ada@example.org").await;
    assert_eq!(signed_in.actor.role, Role::Viewer);
    assert!(signed_in.actor.needs(Right::ToolsOperate).is_err());
}

#[sqlx::test(migrations = "../migrations")]
async fn s8_sessions_of_others_are_out_of_reach_without_the_right(db: PgPool) {
    let (auth, _) = auth(&db);
    let ada = person(&auth, "ada@example.org", Role::Operator).await;
    person(&auth, "eve@example.org", Role::Operator).await;
    person(&auth, "root@example.org", Role::Administrator).await;
    let (adas, ada_in) = sign_in(&auth, "ada@example.org").await;
    let (_, eve) = sign_in(&auth, "eve@example.org").await;
    let (_, administrator) = sign_in(&auth, "root@example.org").await;
    let session = ada_in.session.session_id;

    assert!(matches!(auth.sessions_of(&eve.actor, ada.user_id).await, Err(Error::Forbidden(_))));
    let eve_here = Actor { address: Some([192, 0, 2, 7].into()), ..eve.actor.clone() };
    assert!(matches!(auth.revoke(&eve_here, session).await, Err(Error::SessionUnknown)));
    let (actor, subject, payload): (String, String, serde_json::Value) =
        sqlx::query_as("select actor, subject, payload from events where kind = 'access.denied'")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!((actor.as_str(), subject), ("eve@example.org", format!("ending session {session}")));
    assert_eq!(payload["address"], "192.0.2.7");
    assert!(auth.session(&adas).await.unwrap().is_some());
    assert_eq!(auth.sessions_of(&ada_in.actor, ada.user_id).await.unwrap(), std::slice::from_ref(&ada_in.session));

    auth.revoke(&administrator.actor, session).await.unwrap();
    assert!(auth.session(&adas).await.unwrap().is_none());
    assert!(matches!(auth.revoke(&administrator.actor, session).await, Err(Error::SessionUnknown)));
    let (own, ada_in) = sign_in(&auth, "ada@example.org").await;
    auth.revoke(&ada_in.actor, ada_in.session.session_id).await.unwrap();
    assert!(auth.session(&own).await.unwrap().is_none());
}

#[sqlx::test(migrations = "../migrations")]
async fn s6_everything_about_people_refuses_roles_below_administrator(db: PgPool) {
    let (auth, _) = auth(&db);
    let ada = person(&auth, "ada@example.org", Role::Viewer).await;
    for role in [Role::Viewer, Role::Operator] {
        let actor = Actor {
            id: Some(UserId(Uuid::from_u128(7))),
            name: "Eve".to_owned(),
            email: "eve@example.org".to_owned(),
            role,
            way: Way::Session(SessionId(Uuid::from_u128(8))),
            address: None,
        };
        let new = NewUser { email: "x@example.org".into(), name: "X".into(), role, password: PASSWORD.into() };
        let answers = [
            auth.users(&actor).await.map(drop),
            auth.add_user(&actor, new).await.map(drop),
            auth.change_role(&actor, ada.user_id, Role::Administrator).await,
            auth.reset_password(&actor, "ada@example.org", &PASSWORD.into()).await,
        ];
        for answer in answers {
            assert!(matches!(answer, Err(Error::Forbidden(_))), "{answer:?}");
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_last_administrator_stays_one_even_if_two_demote_each_other_at_once(db: PgPool) {
    let (auth, _) = auth(&db);
    let ada = person(&auth, "ada@example.org", Role::Administrator).await.user_id;
    let eve = person(&auth, "eve@example.org", Role::Administrator).await.user_id;
    let cli = Actor::command_line();
    let (one, two) = tokio::join!(auth.change_role(&cli, ada, Role::Viewer), auth.change_role(&cli, eve, Role::Viewer));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let refusal = one.and(two).unwrap_err().to_string();
    assert_eq!(refusal, "Ada is the only administrator. Make somebody else administrator first.");
}

#[sqlx::test(migrations = "../migrations")]
async fn an_address_has_one_account(db: PgPool) {
    let (auth, _) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    let again =
        NewUser { email: "ADA@example.org".into(), name: "A".into(), role: Role::Viewer, password: PASSWORD.into() };
    assert_eq!(wrong_fields(auth.add_user(&Actor::command_line(), again).await.unwrap_err()), ["email"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn s25_neither_tokens_nor_passwords_are_stored(db: PgPool) {
    let (auth, _) = auth(&db);
    let (link, _) = auth.new_setup_link().await.unwrap();
    let cookie = auth.open_setup(&link).await.unwrap();
    let (session, _) = auth.finish_setup(&cookie, set_up("ada@example.org"), &peer()).await.unwrap();
    auth.sign_in(PASSWORD, &"typed into the wrong field".into(), &peer()).await.unwrap_err();
    let dump: String = sqlx::query_scalar(
        "select concat(
             (select string_agg(t::text, ' ') from users t),
             (select string_agg(concat(t::text, encode(session_hash, 'escape')), ' ') from sessions t),
             (select string_agg(concat(t::text, encode(token_hash, 'escape')), ' ') from setup_links t),
             (select string_agg(t::text, ' ') from sign_in_failures t),
             (select string_agg(t::text, ' ') from events t))",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    assert!(dump.contains("$argon2id$v=19$m=19456,t=2,p=1$") && dump.contains("ada@example.org"));
    for secret in [PASSWORD, link.reveal(), cookie.reveal(), session.reveal(), "wrong field"] {
        assert!(!dump.contains(secret), "{secret}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn signing_in_sweeps_away_what_has_ended(db: PgPool) {
    let (auth, clock) = auth(&db);
    person(&auth, "ada@example.org", Role::Viewer).await;
    sign_in(&auth, "ada@example.org").await;
    auth.sign_in("eve@example.org", &PASSWORD.into(), &from("198.51.100.9")).await.unwrap_err();
    clock.advance(25 * HOUR);
    sign_in(&auth, "ada@example.org").await;
    let left: (i64, i64) =
        sqlx::query_as("select (select count(*) from sessions), (select count(*) from sign_in_failures)")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(left, (1, 1), "the new session, and the count of its address");
}

/// People keep the terminal open, so the program may not wait for the end of what they type.
#[sqlx::test(migrations = "../migrations")]
async fn the_command_line_takes_one_line_as_the_new_password(db: PgPool) {
    let (auth, _) = auth(&db);
    person(&auth, "ada@example.org", Role::Administrator).await;
    // The path is the database; what follows it may name the socket's folder, slashes and all.
    let mut database = reqwest::Url::parse(&std::env::var("DATABASE_URL").unwrap()).unwrap();
    database.set_path(db.connect_options().get_database().unwrap());
    let folder = std::env::temp_dir().join(format!("summoner-reset-{}", std::process::id()));
    #[expect(clippy::disallowed_methods, reason = "the program is run as people run it")]
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_summoner"));
    program
        .args(["admin", "reset-password", "ada@example.org"])
        .env("SUMMONER_DATABASE_URL", database.as_str())
        .env("SUMMONER_DATA_DIR", &folder)
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    let mut running = program.spawn().unwrap();
    let mut input = running.stdin.take().unwrap();
    input.write_all(b"another horse battery\n").await.unwrap();
    let ended = tokio::time::timeout(MINUTE, running.wait()).await.expect("it waits for more than a line").unwrap();
    drop(input);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(ended.success(), "{ended}");
    assert!(auth.sign_in("ada@example.org", &"another horse battery".into(), &peer()).await.is_ok());
}
