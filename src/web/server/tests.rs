use std::{io::Read as _, net::SocketAddr, pin::Pin};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::*;
use crate::{
    endpoint::{Host, Target},
    monitor::{EndpointView, Snapshot},
    observation::{FailureKind, Stage},
    web::{Listen, Locks, OwnMetrics, Pulse, Rules, Settings, Strangers, Token, Visiting, sample},
};

/// A server of this snapshot on a port of its own.
struct Server {
    address: SocketAddr,
    state: State,
    shutdown: CancellationToken,
    task: JoinHandle<io::Result<()>>,
    _snapshots: watch::Sender<Arc<Snapshot>>,
}

async fn server(snapshot: Snapshot, limits: Limits) -> Server {
    server_with(snapshot, limits, Rules::default()).await
}

async fn server_with(snapshot: Snapshot, limits: Limits, rules: Rules) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    let (sender, snapshots) = watch::channel(Arc::new(snapshot));
    let (_, mail) = watch::channel(None);
    let (own, pulse) = (Arc::new(OwnMetrics::new()), Arc::new(Pulse::new()));
    let settings = Settings { listen: vec![Listen::Tcp(address)], public_url: None, watch_certificate: true, rules };
    let locks = Arc::new(Locks::new(&settings));
    let state = State {
        snapshots,
        own,
        pulse,
        answers: None,
        locks,
        desk: Arc::new(crate::web::Desk::new().0),
        strangers: Some(Arc::new(Strangers::new(Everywhere))),
        archive: None,
        mail,
    };
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(serve_within(vec![listener.into()], state.clone(), shutdown.clone(), limits));
    Server { address, state, shutdown, task, _snapshots: sender }
}

/// Sees a failure wherever it goes; at `stall.example` nothing, for ever.
struct Everywhere;

impl Visiting for Everywhere {
    fn visit(&self, target: Target, name: Host, _: Duration) -> Pin<Box<dyn Future<Output = EndpointView> + Send>> {
        let down = sample::failed(Some("192.0.2.9"), Stage::Connect, FailureKind::Refused, "refused");
        let mut view = (*sample::endpoint("x", &target.to_string(), &[], vec![sample::address(None, Some(down))])).clone();
        view.addresses.truncate(1);
        Box::pin(async move {
            if name.to_string() == "stall.example" {
                std::future::pending::<()>().await;
            }
            view
        })
    }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connect")
    }

    /// Sends `request` and reads until the server closes.
    async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("write");
        let mut answer = String::new();
        timeout(SOON, stream.read_to_string(&mut answer)).await.expect("in time").expect("text");
        answer
    }
}

const SOON: Duration = Duration::from_secs(10);

fn status(answer: &str) -> &str {
    answer.split("\r\n").next().unwrap_or_default()
}

#[tokio::test]
async fn every_path_has_its_answer() {
    let server = server(sample::small(), Limits::default()).await;
    let metrics = server.ask("GET /metrics?x=1").await;
    assert_eq!(status(&metrics), "HTTP/1.1 200 OK");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{metrics}");
    assert!(metrics.contains("certvigil_verify_code{endpoint=\"a\",address=\"192.0.2.1\"} 0\n"), "{metrics}");
    let page = server.ask("GET /?q=a").await;
    assert!(page.contains("content-type: text/html; charset=utf-8\r\n"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none'; style-src 'self';"), "{page}");
    assert!(page.contains("x-content-type-options: nosniff\r\n") && page.contains("referrer-policy: no-referrer\r\n"), "{page}");
    assert!(page.ends_with("</html>") && page.contains("content-length: "), "{page}");
    assert!(server.ask("GET /style.css").await.contains("content-type: text/css"));
    assert!(server.ask("GET /healthz").await.ends_with("\r\n\r\nalive\n"));
    assert_eq!(status(&server.ask("GET /metrics/").await), "HTTP/1.1 404 Not Found");
    assert_eq!(status(&server.ask("POST /nowhere").await), "HTTP/1.1 404 Not Found");
    let post = server.ask("POST /metrics").await;
    assert_eq!(status(&post), "HTTP/1.1 405 Method Not Allowed");
    assert!(post.contains("allow: GET, HEAD\r\n"), "{post}");
}

#[tokio::test]
async fn a_scraper_gets_what_it_can_read() {
    let server = server(sample::small(), Limits::default()).await;
    let open = server.ask("GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\nX:").await;
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "{open}");
    assert!(open.contains("vary: Accept, Accept-Encoding\r\n") && open.contains("# EOF\n"), "{open}");
    let mut packed = server.connect().await;
    packed.write_all(b"GET /metrics HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n").await.expect("write");
    let mut answer = Vec::new();
    timeout(SOON, packed.read_to_end(&mut answer)).await.expect("in time").expect("an answer");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8_lossy(&answer[..end]);
    assert!(head.contains("content-encoding: gzip\r\n") && !head.contains("content-length"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer[end..]).read_to_string(&mut text).expect("gzip");
    assert!(text.contains("certvigil_verify_code{endpoint=\"a\",address=\"192.0.2.1\"} 0\n"), "{text}");
}

#[tokio::test]
async fn a_probe_is_answered_from_the_inventory_alone() {
    let server = server(sample::fleet(), Limits::default()).await;
    let found = server.ask("GET /probe?target=shop.example:443&module=tcp_connect").await;
    assert_eq!(status(&found), "HTTP/1.1 200 OK");
    assert!(found.contains("text/plain; version=0.0.4") && found.contains("\nprobe_success 1\n"), "{found}");
    let stranger = server.ask("GET /probe?target=169.254.169.254:80").await;
    assert_eq!(status(&stranger), "HTTP/1.1 403 Forbidden");
    assert!(stranger.contains("no endpoint of the inventory"), "{stranger}");
    assert_eq!(status(&server.ask("GET /probe?target=new").await), "HTTP/1.1 503 Service Unavailable");
    assert_eq!(status(&server.ask("GET /probe").await), "HTTP/1.1 400 Bad Request");
    assert_eq!(status(&server.ask("POST /probe?target=shop").await), "HTTP/1.1 405 Method Not Allowed");
}

#[tokio::test]
async fn who_has_the_key_has_others_visited() {
    let rules = Rules { probe_key: Some(Token::new("a key of many letters")), ..Rules::default() };
    let server = server_with(sample::fleet(), Limits::default(), rules).await;
    let ask = async |path: &str, header: &str| {
        let answer =
            server.ask(&format!("GET {path} HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: 1\r\n{header}\r\nX: x\r\nY:")).await;
        (status(&answer)[9..12].to_owned(), answer)
    };
    let key = "Authorization: Bearer a key of many letters";
    let (seen, answer) = ask("/probe?target=other.example:8443", key).await;
    assert!(seen == "200" && answer.contains("\nprobe_success 0\n"), "{answer}");
    let (seen, answer) = ask("/probe?target=other.example&format=ssl_exporter", key).await;
    assert!(seen == "200" && answer.contains("\nssl_probe_success 0\n"), "{answer}");
    for (path, header, wanted, words) in [
        ("/probe?target=other.example", "A: b", "401", "shows the key"),
        ("/probe?target=other.example", "Authorization: Bearer another key of many", "401", "not the key"),
        ("/probe?target=other.example&key=a+key+of+many+letters", "A: b", "401", "shows the key"),
        ("/probe?target=a%20b", key, "400", "is no"),
        ("/probe?target=stall.example", key, "504", "longer than the scrape may"),
        // What is in the inventory needs none.
        ("/probe?target=shop", "A: b", "200", "\nprobe_success 1\n"),
        ("/probe?target=shop", "Authorization: Bearer another key of many", "200", "\nprobe_success 1\n"),
    ] {
        let (seen, answer) = ask(path, header).await;
        assert!(seen == wanted && answer.contains(words), "{path} {header}: {answer}");
    }
}

#[tokio::test]
async fn a_head_has_no_body() {
    let server = server(sample::small(), Limits::default()).await;
    for path in ["/", "/metrics", "/healthz", "/style.css"] {
        let answer = server.ask(&format!("HEAD {path}")).await;
        assert_eq!(status(&answer), "HTTP/1.1 200 OK");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        assert_eq!(answer.matches("\r\n\r\n").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn readiness_follows_the_loop() {
    let server = server(sample::small(), Limits::default()).await;
    let early = server.ask("GET /readyz").await;
    assert_eq!(status(&early), "HTTP/1.1 503 Service Unavailable");
    assert!(early.ends_with("not ready: the configuration is not loaded yet\n"), "{early}");
    server.state.pulse.beat();
    assert!(server.ask("GET /readyz").await.ends_with("\r\n\r\nready\n"));
}

#[tokio::test]
async fn one_connection_asks_many_times() {
    let server = server(sample::small(), Limits::default()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
        let mut answer = [0; 1024];
        let n = timeout(SOON, stream.read(&mut answer)).await.expect("in time").expect("read");
        assert!(String::from_utf8_lossy(&answer[..n]).ends_with("alive\n"));
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let limits = Limits { head: Duration::from_millis(50), ..Limits::default() };
    let server = server(sample::small(), limits).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nX-Slow: ").await.expect("write");
    let mut answer = Vec::new();
    timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the server closes").expect("read");
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
}

#[tokio::test]
async fn a_reader_that_never_reads_is_cut_off_and_frees_its_slot() {
    let limits = Limits {
        connections: 1,
        lifetime: Duration::from_millis(50),
        last_answer: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = server(sample::large(5000), limits).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
    // The only slot is taken until the slow one is cut off; then the next is served.
    assert!(server.ask("GET /healthz").await.ends_with("alive\n"));
    let mut answer = Vec::new();
    let _ = timeout(SOON, slow.read_to_end(&mut answer)).await.expect("the server closed");
    assert!(!answer.ends_with(b"0\r\n\r\n"), "the answer is not whole");
}

#[tokio::test]
async fn shutdown_lets_answers_end_but_not_for_ever() {
    let limits = Limits { shutdown: Duration::from_millis(100), ..Limits::default() };
    let server = server(sample::large(5000), limits).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
    let mut answer = [0; 1024];
    assert!(idle.read(&mut answer).await.expect("read") > 0);
    let mut stalled = server.connect().await;
    stalled.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
    assert!(stalled.read(&mut answer).await.expect("read") > 0, "the answer has begun");

    let told = Instant::now();
    server.shutdown.cancel();
    timeout(SOON, server.task).await.expect("an end").expect("no panic").expect("no error");
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    assert_eq!(idle.read(&mut answer).await.expect("closed in order"), 0);
}

#[tokio::test]
async fn an_answer_under_way_is_finished_at_shutdown() {
    let server = server(sample::large(2000), Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("write");
    let mut answer = vec![0; 1024];
    let n = stream.read(&mut answer).await.expect("read");
    answer.truncate(n);
    server.shutdown.cancel();
    timeout(SOON, stream.read_to_end(&mut answer)).await.expect("in time").expect("read");
    assert!(answer.ends_with(b"0\r\n\r\n"), "the answer is whole");
}

#[test]
fn the_shipped_limits_end_within_two_seconds() {
    assert!(Limits::default().shutdown < Duration::from_secs(2));
}
