//! Clients that take their time, over real connections.

use std::net::SocketAddr;
use std::time::Duration;

use server::web::serving::{Limits, serve};
use sqlx::PgPool;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::bed::Bed;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

async fn served(bed: &Bed, limits: Limits) -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(serve(listener, bed.router.clone(), limits, stop.clone()));
    (address, stop.drop_guard())
}

async fn say(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// What comes until the other side ends the connection.
async fn heard(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    let end = tokio::time::timeout(LONG, stream.read_to_end(&mut said)).await;
    assert!(end.is_ok(), "the connection is kept: {}", String::from_utf8_lossy(&said));
    String::from_utf8_lossy(&said).into_owned()
}

#[sqlx::test(migrations = "../migrations")]
async fn s28_whoever_does_not_say_what_they_want_is_not_waited_for(db: PgPool) {
    let bed = Bed::new(&db).await;
    let (address, _served) = served(&bed, Limits { head: SHORT, body: LONG, ..Limits::default() }).await;
    for begun in ["", "GET", "GET /healthz HTTP/1.1\r\nhost: localhost\r\n", "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"]
    {
        let said = heard(say(address, begun).await).await;
        assert_eq!(said.starts_with("HTTP/1.1 200"), begun.ends_with("\r\n\r\n"), "{begun:?} {said}");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn s28_half_a_body_is_neither_waited_for_nor_taken_for_a_whole_one(db: PgPool) {
    let bed = Bed::new(&db).await;
    let (address, _served) = served(&bed, Limits { head: LONG, body: SHORT, ..Limits::default() }).await;
    let head =
        "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    let said = heard(say(address, &format!("{head}content-length: 99\r\n\r\nemail=viewer")).await).await;
    assert!(said.starts_with("HTTP/1.1 4"), "{said}");
    let refused: i64 = sqlx::query_scalar("select count(*) from events where kind = 'user.sign_in_refused'")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(refused, 0, "nobody tried to sign in");
}

#[sqlx::test(migrations = "../migrations")]
async fn s28_more_connections_than_there_is_room_for_wait(db: PgPool) {
    let bed = Bed::new(&db).await;
    let (address, _served) = served(&bed, Limits { connections: 1, head: LONG, body: LONG }).await;
    let first = say(address, "GET").await;
    let mut second = say(address, "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut byte = [0];
    assert!(tokio::time::timeout(SHORT, second.read(&mut byte)).await.is_err(), "it is answered beside the first");
    drop(first);
    assert_eq!(tokio::time::timeout(LONG, second.read(&mut byte)).await.unwrap().unwrap(), 1);
}
