//! The faulty servers of `certvigil demo`, on loopback, with certificates made on the spot. They serve the tests too.

mod authorities;
mod cases;
mod config;
pub mod mailbox;
pub mod pki;
pub mod serve;

use std::{io, net::SocketAddr, path::Path};

use jiff::Timestamp;

use self::{
    authorities::Authorities,
    cases::{CASES, Case},
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
        let mut farm = Farm::new();
        let authorities = Authorities::establish(now, &mut farm).await?;
        let mut servers = Vec::with_capacity(CASES.len());
        for case in &CASES {
            let address = start(case, &authorities, &mut farm).await?;
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
        Ok(Lab { servers, root_pem: authorities.root_pem(), intermediate_pem: authorities.left_out_pem(), farm })
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
async fn start(case: &Case, authorities: &Authorities, farm: &mut Farm) -> io::Result<SocketAddr> {
    let page = Page::text(&format!("This is {}. It {}.", server_name(case.name), case.what));
    match case.name {
        "plain-http" => farm.http(page).await,
        "stalling" => farm.stalling().await,
        "refused" => farm.refused(),
        name => {
            let (chain, key) = authorities.presented(name).map_err(io::Error::other)?;
            farm.tls(chain, key, page).await
        }
    }
}

fn server_name(name: &str) -> String {
    format!("{name}.lab.test")
}
