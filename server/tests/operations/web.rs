//! What the pretended containers serve: an answer on their port while they run.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use server::engine::fake::{Call, FakeEngine};

/// Below the ports that machines give to outgoing connections.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// A port of this machine that is free now and that no other test of this process gets.
pub fn port() -> u16 {
    let first = u16::try_from(std::process::id() % 1000).unwrap() * 20;
    loop {
        let port = PORTS.start + (first + NEXT_PORT.fetch_add(1, Ordering::SeqCst)) % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}

/// Lets `port` answer from each start of the container `name` until it is stopped or removed.
pub fn serve(engine: &FakeEngine, name: String, port: u16) {
    let open: Mutex<BTreeMap<String, Site>> = Mutex::default();
    // The rule sees each call before its effect; it delays none.
    engine.delay_on(move |call: &Call| {
        let mut open = open.lock().unwrap();
        match call.method {
            "start_container" if call.subject == name => {
                open.entry(name.clone()).or_insert_with(|| Site::open(port));
            }
            "stop_container" | "remove_container" if call.subject == name => drop(open.remove(&name)),
            _ => {}
        }
        None
    });
}

/// Answers 200 to everything until it is dropped; the port is free again then.
struct Site {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    fn open(port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).expect("a port that was free");
        let is_over = Arc::<AtomicBool>::default();
        let over = is_over.clone();
        let thread = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                answer(stream);
            }
        });
        Self { address, is_over, thread: Some(thread) }
    }
}

/// One answer; whoever asks and goes away again is not answered.
fn answer(mut stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    if stream.read(&mut [0; 4096]).is_ok() {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread; when nobody listens any more it has ended by itself.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a thread that ends in peace");
        }
    }
}
