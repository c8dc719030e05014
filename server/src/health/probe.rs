//! One question to a service: does it answer?

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::redirect::Policy;

/// How much of an answer is read when it has to contain something.
const LONGEST_ANSWER: usize = 256 * 1024;

/// What an answer over HTTP has to look like.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The path that is asked for.
    pub path: String,
    /// The status it has to have; any below 400 when `None`.
    pub status: Option<u16>,
    /// What it has to contain.
    pub contains: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Makes the process's TLS provider known, which every HTTP client asks for; the second time changes nothing.
pub fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Asks over HTTP. Made once: a client is costly to make, and cheap to use again.
#[derive(Clone, Debug)]
pub struct Prober {
    client: reqwest::Client,
}

impl Prober {
    /// A prober that follows no redirect and asks no proxy.
    ///
    /// # Errors
    /// When the process has no TLS provider ([`install_crypto`] makes one known), which a client asks for although
    /// probes are plain HTTP.
    pub fn new() -> reqwest::Result<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a probe goes to an address that the engine gave, never to a name"
        )]
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            // Each question has to find out whether the service accepts connections now.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { client })
    }

    /// Asks once. Redirects are not followed: they are an answer.
    ///
    /// # Errors
    /// A sentence that says what came instead.
    pub async fn http(&self, address: SocketAddr, expectation: &Expectation) -> Result<(), String> {
        let path = expectation.path.as_str();
        let asked = self.client.get(format!("http://{address}{path}")).timeout(expectation.timeout).send();
        let answer = asked.await.map_err(|error| {
            let reason = if error.is_timeout() {
                format!("did not answer for {} s", expectation.timeout.as_secs())
            } else if error.is_connect() {
                "does not accept connections".to_owned()
            } else {
                "broke the connection".to_owned()
            };
            format!("{path} {reason}")
        })?;
        let status = answer.status().as_u16();
        match expectation.status {
            Some(expected) if status != expected => {
                return Err(format!("{path} answers {status} instead of {expected}"));
            }
            None if status >= 400 => return Err(format!("{path} answers {status}")),
            Some(_) | None => {}
        }
        let Some(wanted) = &expectation.contains else { return Ok(()) };
        let (mut body, mut read) = (answer.bytes_stream(), Vec::new());
        while let Some(piece) = body.next().await {
            read.extend_from_slice(&piece.map_err(|_| format!("{path} broke off in the middle of its answer"))?);
            if String::from_utf8_lossy(&read).contains(wanted.as_str()) {
                return Ok(());
            }
            if read.len() > LONGEST_ANSWER {
                break;
            }
        }
        Err(format!("{path} answers without “{wanted}”"))
    }
}

/// Connects over TCP once.
///
/// # Errors
/// A sentence that says why it could not.
pub async fn tcp(address: SocketAddr, timeout: Duration) -> Result<(), String> {
    match tokio::time::timeout(timeout, tokio::net::TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(format!("port {} does not accept connections", address.port())),
        Err(_) => Err(format!("port {} did not answer for {} s", address.port(), timeout.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    fn expect(path: &str, status: Option<u16>, contains: Option<&str>) -> Expectation {
        Expectation {
            path: path.into(),
            status,
            contains: contains.map(Into::into),
            timeout: Duration::from_millis(400),
        }
    }

    #[tokio::test]
    async fn an_answer_is_judged_by_status_content_and_time() {
        install_crypto();
        let server = MockServer::start().await;
        let answers = [
            ("/ok", ResponseTemplate::new(200).set_body_string("all is well")),
            ("/away", ResponseTemplate::new(302).insert_header("location", "/ok")),
            ("/broken", ResponseTemplate::new(500)),
            ("/slow", ResponseTemplate::new(200).set_delay(Duration::from_secs(5))),
        ];
        for (at, answer) in answers {
            Mock::given(path(at)).respond_with(answer).mount(&server).await;
        }
        let prober = Prober::new().unwrap();
        let ask = async |expectation| prober.http(*server.address(), &expectation).await;
        assert_eq!(ask(expect("/ok", Some(200), Some("well"))).await, Ok(()));
        assert_eq!(ask(expect("/away", None, None)).await, Ok(()), "a redirect is an answer");
        assert_eq!(ask(expect("/ok", Some(204), None)).await, Err("/ok answers 200 instead of 204".into()));
        assert_eq!(ask(expect("/broken", None, None)).await, Err("/broken answers 500".into()));
        assert_eq!(ask(expect("/ok", None, Some("ill"))).await, Err("/ok answers without “ill”".into()));
        assert!(ask(expect("/slow", None, None)).await.unwrap_err().contains("did not answer"));
    }

    #[tokio::test]
    async fn a_closed_port_is_told_from_an_open_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(tcp(address, Duration::from_secs(1)).await, Ok(()));
        drop(listener);
        assert!(tcp(address, Duration::from_secs(1)).await.unwrap_err().contains("does not accept"));
    }
}
