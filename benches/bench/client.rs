//! A visit against the bare handshake: the same server, the same chain, alternating batches on one core.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use anyhow::Context as _;
use certvigil::{
    clock::Timestamp,
    diagnosis::{Diagnosis, Expectation, Issuers, Trust, diagnose},
    endpoint::Endpoint,
    fetch,
    observation::Observation,
    probe::{self, Prober},
    visit::{Visit, Visitor, When, well_known_roots},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_rustls::TlsConnector;

use crate::{
    micro, nginx,
    process::cpu_of_main_thread,
    stage::{ROOT, Stage, name},
    table::{Table, median, quartiles},
};

/// The argument that makes this program the client.
pub(crate) const VERB: &str = "client";

/// Starts the client on a core of its own, if there is one, and makes tables of what it says.
pub(crate) fn measure(stage: &Stage) -> anyhow::Result<Vec<Table>> {
    let cores = std::thread::available_parallelism()?.get();
    let core = (cores - 1).to_string();
    let nginx = nginx::start(stage, Some(0))?;
    let output = Command::new("taskset")
        .args(["-c", &core])
        .arg(std::env::current_exe()?)
        .arg(VERB)
        .arg(stage.directory())
        .arg(nginx.port.to_string())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the client by taskset")?;
    anyhow::ensure!(output.status.success(), "the client failed ({}); its words stand above", output.status);
    let mut batches = BTreeMap::<String, Vec<f64>>::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let (what, microseconds) = line.split_once('\t').context("an odd line of the client")?;
        batches.entry(what.to_owned()).or_default().push(microseconds.parse()?);
    }
    let of = |what: &str| batches.get(what).cloned().unwrap_or_default();
    Ok(vec![visits(&of), parts(&of)])
}

fn visits(of: &dyn Fn(&str) -> Vec<f64>) -> Table {
    let title = "CPU of a visit against the bare handshake (client only, one core, one after the other)";
    let mut table = Table::new(title, ["what", "µs, median", "quartiles", "against verified", "against unverified"]);
    let (verified, unverified) = (of(Work::Verified.name()), of(Work::Unverified.name()));
    for work in Work::ALL {
        let own = of(work.name());
        let [low, middle, high] = quartiles(own.clone());
        table.row([
            work.says().to_owned(),
            format!("{middle:.0}"),
            format!("{low:.0} to {high:.0}"),
            format!("{:.2}", ratio(&own, &verified)),
            format!("{:.2}", ratio(&own, &unverified)),
        ]);
    }
    table.remark(&format!(
        "{ROUNDS} rounds of {BATCH} handshakes each; a ratio is the median of the rounds' ratios. The chain is a P-256 leaf, a \
         P-256 intermediate and a root that is trusted beside Mozilla's. \"Verified\" is rustls with its webpki verifier, \
         \"unverified\" one that accepts everything, the server's signature too. A visit finds its chain, its verdict and the \
         server's group remembered from the one before; a chain that is new to it is judged as in the row above. There the \
         signatures are known from the rounds before: a leaf that is new costs one more verification, as much as the proof of \
         possession below."
    ));
    table
}

fn parts(of: &dyn Fn(&str) -> Vec<f64>) -> Table {
    let mut table = Table::new("Where the CPU goes when the chain is new", ["part", "µs, median", "share"]);
    let judged = median(of(Work::Judged.name()));
    let share = |microseconds: f64| format!("{:.1} %", 100.0 * microseconds / judged);
    let mut row = |says: &str, microseconds: f64| table.row([says.to_owned(), format!("{microseconds:.1}"), share(microseconds)]);
    let handshake = median(of(Work::Unverified.name()));
    row("handshake: TCP, and TLS without any verification", handshake);
    let mut sum = handshake;
    for (what, says) in micro::OF_A_VISIT {
        let part = median(of(what));
        row(says, part);
        sum += part;
    }
    row("the rest: capture, buffers, tasks, deadlines, colder caches", judged - sum);
    row("all of it", judged);
    for (what, says) in micro::FOR_COMPARISON {
        row(&format!("for comparison: {says}"), median(of(what)));
    }
    table.remark(
        "The handshake, which offers both key shares, and the sum are from the table above; the parts between are measured alone, in \
         a loop, without any I/O, so with warmer caches than a visit finds them.",
    );
    table
}

fn ratio(own: &[f64], other: &[f64]) -> f64 {
    median(own.iter().zip(other).map(|(own, other)| own / other).collect())
}

/// The client: alternates batches and says `what TAB microseconds` for each.
pub(crate) fn run(directory: &Path, port: u16) -> anyhow::Result<()> {
    let client = Client::new(directory, port)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let observation = runtime.block_on(client.probe());
    let diagnosis = client.judge(&observation);
    anyhow::ensure!(diagnosis.findings.is_empty(), "the stage is set wrongly: {:?}", diagnosis.findings);
    for round in 0..=ROUNDS {
        for work in Work::ALL {
            let before = cpu_of_main_thread()?;
            for _ in 0..BATCH {
                runtime.block_on(client.once(work))?;
            }
            let took = cpu_of_main_thread()?.saturating_sub(before);
            // The first round warms up.
            if round > 0 {
                say(work.name(), took.as_secs_f64() * 1e6 / f64::from(BATCH));
            }
        }
    }
    let roots = Arc::clone(&client.roots);
    micro::run(&observation, &client.endpoint, (&client.expectation, &client.trust), &roots, say)
}

fn say(what: &str, microseconds: f64) {
    println!("{what}\t{microseconds}");
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
enum Work {
    Connect,
    Unverified,
    Verified,
    Probe,
    Judged,
    Visit,
}

impl Work {
    const ALL: [Work; 6] = [Work::Connect, Work::Unverified, Work::Verified, Work::Probe, Work::Judged, Work::Visit];

    fn name(self) -> &'static str {
        match self {
            Work::Connect => "connect",
            Work::Unverified => "unverified",
            Work::Verified => "verified",
            Work::Probe => "probe",
            Work::Judged => "judged",
            Work::Visit => "visit",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Work::Connect => "TCP alone: connect and close",
            Work::Unverified => "bare rustls handshake, unverified",
            Work::Verified => "bare rustls handshake, verified",
            Work::Probe => "Prober::probe: handshake, parse, proof of possession",
            Work::Judged => "Prober::probe and diagnose",
            Work::Visit => "Visitor::visit, as the daemon does it: an unchanged chain",
        }
    }
}

struct Client {
    port: u16,
    server_name: ServerName<'static>,
    unverified: TlsConnector,
    verified: TlsConnector,
    roots: Arc<RootCertStore>,
    endpoint: Endpoint,
    expectation: Expectation,
    trust: Arc<Trust>,
    prober: Prober,
    visitor: Visitor,
    /// The visit before, which the daemon holds too: what nobody holds is not remembered.
    held: RefCell<Option<Visit>>,
}

impl Client {
    fn new(directory: &Path, port: u16) -> anyhow::Result<Self> {
        let root = CertificateDer::from_pem_slice(&fs::read(directory.join(ROOT))?)?;
        let mut roots = RootCertStore::empty();
        roots.add(root.clone())?;
        roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        let roots = Arc::new(roots);
        let certificates = std::iter::once(&root).chain(webpki_root_certs::TLS_SERVER_ROOT_CERTS);
        let trust = Trust::new(certificates.map(|der| certvigil::certificate::Certificate::from_der(der)));
        anyhow::ensure!(trust.len() == well_known_roots().len() + 1, "the root is not in the store");

        let name = name(0);
        let mut endpoint = Endpoint::new(format!("127.0.0.1:{port}").parse()?);
        endpoint.server_name = name.parse()?;
        let settings = probe::Settings::default();
        Ok(Client {
            port,
            server_name: name.clone().try_into()?,
            unverified: connector(Arc::new(AcceptAll)),
            verified: connector(webpki(&roots)?),
            roots,
            expectation: Expectation { host: Some(name.parse()?), ..Expectation::default() },
            trust: Arc::new(trust),
            prober: Prober::new(settings.clone()),
            visitor: Visitor::new(settings, fetch::Settings::default(), 4),
            endpoint,
            held: RefCell::default(),
        })
    }

    async fn once(&self, work: Work) -> anyhow::Result<()> {
        match work {
            Work::Connect => drop(self.connect().await?),
            Work::Unverified => self.handshake(&self.unverified).await?,
            Work::Verified => self.handshake(&self.verified).await?,
            Work::Probe => {
                let observation = self.probe().await;
                anyhow::ensure!(observation.chain().is_some(), "{observation:?}");
            }
            Work::Judged => sound(&self.judge(&self.probe().await))?,
            Work::Visit => {
                let visit = self.visitor.visit(&self.endpoint, &self.expectation, &self.trust, When::now(Timestamp::now())).await;
                sound(&visit.seen[0].diagnosis)?;
                self.held.replace(Some(visit));
            }
        }
        Ok(())
    }

    async fn connect(&self) -> anyhow::Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// As a client does it that wants nothing but the handshake, and says goodbye.
    async fn handshake(&self, connector: &TlsConnector) -> anyhow::Result<()> {
        let stream = self.connect().await?;
        let mut tls = connector.connect(self.server_name.clone(), stream).await?;
        // The server may have hung up before us.
        let _ = tls.shutdown().await;
        Ok(())
    }

    async fn probe(&self) -> Observation {
        self.prober.probe(&self.endpoint, core::net::Ipv4Addr::LOCALHOST.into(), Timestamp::now()).await
    }

    fn judge(&self, observation: &Observation) -> Diagnosis {
        diagnose(observation, &self.expectation, &self.trust, &Issuers::default(), observation.at)
    }
}

fn sound(diagnosis: &Diagnosis) -> anyhow::Result<()> {
    let code = diagnosis.verdict.as_ref().map(certvigil::diagnosis::Verdict::code);
    anyhow::ensure!(code == Some(0), "a visit went wrong: {diagnosis:?}");
    Ok(())
}

pub(crate) fn webpki(roots: &Arc<RootCertStore>) -> anyhow::Result<Arc<WebPkiServerVerifier>> {
    Ok(WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::new(aws_lc_rs::default_provider())).build()?)
}

fn connector(verifier: Arc<dyn ServerCertVerifier>) -> TlsConnector {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has cipher suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config).into()
}

/// Looks at nothing.
#[derive(Debug)]
struct AcceptAll;

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

const ROUNDS: u32 = 15;
const BATCH: u32 = 200;
