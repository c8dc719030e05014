//! Connections: how many there may be, and how long whoever is at the other end may take to say what they want.
//!
//! `axum::serve` gives hyper no timer, and without one a connection that says nothing is kept for ever.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::ConnectInfo;
use axum::{BoxError, Router};
use futures_util::{StreamExt as _, stream};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How long nothing is accepted after the system refused to: it is short of something then.
const PAUSE: Duration = Duration::from_millis(100);

/// What whoever connects has to keep to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections are open at once; further ones wait to be accepted.
    pub connections: usize,
    /// How long the head of a request may take, counted from when it is waited for.
    pub head: Duration,
    /// How long the body of a request may take.
    pub body: Duration,
}

impl Default for Limits {
    /// Twice as many connections as there may be streams, and time enough for the slowest line.
    fn default() -> Self {
        Self { connections: 2000, head: Duration::from_secs(30), body: Duration::from_secs(30) }
    }
}

/// Answers on `listener` until `stop`, and returns when the requests that were open then have ended.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let (room, open) = (Arc::new(Semaphore::new(limits.connections)), TaskTracker::new());
    let accept = async || {
        let place = room.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, from) = listener.accept().await?;
        Ok::<_, io::Error>((stream, from, place))
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept() => accepted,
        };
        match accepted {
            Ok((stream, from, place)) => {
                let answered = answer(stream, from, router.clone(), limits, stop.clone());
                open.spawn(async move {
                    answered.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    open.close();
    open.wait().await;
}

async fn answer(stream: TcpStream, from: SocketAddr, router: Router, limits: Limits, stop: CancellationToken) {
    // A page goes out in several writes: none of them may wait for the other side to say that it has the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection takes no option and stays slower");
    }
    let service = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(|body| hurried(Body::new(body), limits.body));
        request.extensions_mut().insert(ConnectInfo(from));
        request
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke off");
    }
}

/// A body that fails when it is not there in time. It must not merely end: half a form would pass for a whole one.
fn hurried(body: Body, limit: Duration) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let end = Instant::now() + limit;
    Body::from_stream(stream::try_unfold(body.into_data_stream(), move |mut pieces| async move {
        match timeout_at(end, pieces.next()).await {
            Ok(Some(piece)) => Ok(Some((piece?, pieces))),
            Ok(None) => Ok(None),
            Err(_) => Err(BoxError::from("the body of a request took too long")),
        }
    }))
}
