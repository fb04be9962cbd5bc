//! The faulty servers of `certvigil demo`, on loopback, with certificates made on the spot. They serve the tests too.

mod cases;
mod config;
pub mod mailbox;
pub mod pki;
pub mod serve;

use std::{io, net::SocketAddr, path::Path, time::Duration};

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use self::{
    cases::{CASES, Case},
    pki::{Issued, Pki, Recipe},
    serve::{Farm, Page},
};

pub use cases::Expected;

/// The lab's trusted root under this name, in the directory that [`Lab::config_yaml`] is given.
pub const ROOT_FILE: &str = "root.pem";

/// One server of each kind. They run until the lab is stopped or dropped.
pub struct Lab {
    servers: Vec<Server>,
    root_pem: String,
    intermediate_pem: String,
    farm: Farm,
}

/// One server of the lab, and what certvigil is expected to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name in the inventory: `missing-intermediate`.
    pub name: &'static str,
    /// What it does, as the rest of a sentence that begins with its name.
    pub what: &'static str,
    /// What its fault is about, in one word; the `about` label of its endpoint.
    pub about: &'static str,
    /// Where it is: `127.0.0.1:PORT`.
    pub target: String,
    /// The same port, alone.
    pub port: u16,
    /// The name to ask for, by SNI and in the certificate: `NAME.lab.test`.
    pub server_name: String,
    /// What certvigil says of it.
    pub expected: Expected,
}

impl Server {
    /// The command that shows what OpenSSL says of this server.
    pub fn openssl_command(&self, root: &Path) -> String {
        format!(
            "openssl s_client -connect {} -servername {name} -verify_hostname {name} -CAfile {} -no-CApath -no-CAstore </dev/null",
            self.target,
            root.display(),
            name = self.server_name,
        )
    }
}

impl Lab {
    /// Starts every server, with certificates that are healthy, expired and so on as of `now`. The kernel chooses the ports.
    pub async fn start(now: Timestamp) -> io::Result<Lab> {
        let pki = Pki::named(now, "Example Company").map_err(io::Error::other)?;
        let mut farm = Farm::new();
        let aia = farm.http(Page::file(INTERMEDIATE_PATH, "application/pkix-cert", pki.intermediate.der().to_vec())).await?;
        let aia = format!("http://{aia}{INTERMEDIATE_PATH}");
        let stranger = stranger(now, &mut farm).await?;
        let mut servers = Vec::with_capacity(CASES.len());
        for case in &CASES {
            let address = start(case, &pki, &stranger, &aia, &mut farm).await?;
            servers.push(Server {
                name: case.name,
                what: case.what,
                about: case.about,
                target: address.to_string(),
                port: address.port(),
                server_name: server_name(case.name),
                expected: case.expected,
            });
        }
        Ok(Lab { servers, root_pem: pki.root.pem(), intermediate_pem: pki.intermediate.pem(), farm })
    }

    /// The servers, in the order of the documentation.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The server of this name, where there is one.
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// The one root that the lab's clients trust.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The intermediate that `missing-intermediate` leaves out.
    pub fn intermediate_pem(&self) -> &str {
        &self.intermediate_pem
    }

    /// A complete configuration that watches the lab, for a page on this loopback port and mails to this server.
    /// It expects the root as [`ROOT_FILE`] in `directory`, and keeps its state in `directory/state`.
    pub fn config_yaml(&self, directory: &Path, web_port: u16, smtp: SocketAddr) -> String {
        config::yaml(&self.servers, directory, web_port, smtp)
    }

    /// Stops every server, and waits until their ports are free.
    pub async fn stop(self) {
        self.farm.stop().await;
    }
}

/// Starts the server of one row.
async fn start(case: &Case, pki: &Pki, stranger: &Issued, aia: &str, farm: &mut Farm) -> io::Result<SocketAddr> {
    let page = Page::text(&format!("This is {}. It {}.", server_name(case.name), case.what));
    match case.name {
        "plain-http" => farm.http(page).await,
        "stalling" => farm.stalling().await,
        "refused" => farm.refused(),
        name => {
            let (chain, key) = presented(name, pki, stranger, aia).map_err(io::Error::other)?;
            farm.tls(chain, key, page).await
        }
    }
}

/// The issuing CA of a company that nobody here trusts. It names its root by AIA: the proof that the chain leads to a root
/// that the store lacks, and that nothing is left out.
async fn stranger(now: Timestamp, farm: &mut Farm) -> io::Result<Issued> {
    let root = Recipe::ca(now, "Stranger Root CA").days(-730, 2920).self_signed().map_err(io::Error::other)?;
    let aia = farm.http(Page::file(ROOT_PATH, "application/pkix-cert", root.der().to_vec())).await?;
    let issuing = Recipe::ca(now, "Stranger Issuing CA").days(-365, 1460).path_length(0).aia(&format!("http://{aia}{ROOT_PATH}"));
    issuing.signed_by(&root).map_err(io::Error::other)
}

/// What the TLS server of this name presents: the chain, leaf first, and the leaf's key.
fn presented(
    name: &str,
    pki: &Pki,
    stranger: &Issued,
    aia: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rcgen::Error> {
    let host = server_name(name);
    let recipe = pki.leaf([host.as_str()]);
    let Pki { now, root, intermediate } = pki;
    let (leaf, rest) = match name {
        "expired" => (recipe.days(-93, -3).signed_by(intermediate)?, vec![intermediate.der()]),
        "expiring" => {
            // An hour more, so that "5 days left" stays true for as long as anybody looks at a demo.
            let end = now.checked_add(Duration::from_hours(5 * 24 + 1)).unwrap_or(Timestamp::MAX);
            (recipe.days(-85, 5).not_after(end).signed_by(intermediate)?, vec![intermediate.der()])
        }
        "not-yet-valid" => (recipe.days(10, 100).signed_by(intermediate)?, vec![intermediate.der()]),
        "missing-intermediate" => (recipe.aia(aia).signed_by(intermediate)?, vec![]),
        "wrong-order" => {
            // With one intermediate alone the wrong order would put a CA first, which is another fault: it takes two.
            let upper = Recipe::ca(*now, "Example Company Policy CA").days(-365, 1460).path_length(1).signed_by(root)?;
            let lower = Recipe::ca(*now, "Example Company Department CA").days(-200, 900).path_length(0).signed_by(&upper)?;
            (recipe.signed_by(&lower)?, vec![upper.der(), lower.der()])
        }
        "root-included" => (recipe.signed_by(intermediate)?, vec![intermediate.der(), root.der()]),
        "self-signed" => (recipe.self_signed()?, vec![]),
        "unknown-ca" => (recipe.signed_by(stranger)?, vec![stranger.der()]),
        "wrong-host" => (pki.leaf(["elsewhere.lab.test"]).signed_by(intermediate)?, vec![intermediate.der()]),
        _ => (recipe.signed_by(intermediate)?, vec![intermediate.der()]),
    };
    Ok((std::iter::once(leaf.der()).chain(rest).collect(), leaf.key_der()))
}

fn server_name(name: &str) -> String {
    format!("{name}.lab.test")
}

const ROOT_PATH: &str = "/root.der";
const INTERMEDIATE_PATH: &str = "/intermediate.der";
