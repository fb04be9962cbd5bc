//! Who signs for the lab's servers, where their certificates can be had, and what each server presents.

use std::{io, time::Duration};

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{
    pki::{Issued, Pki, Recipe, certs_only},
    serve::{Farm, Page},
    server_name,
};

/// The lab's certification authorities.
pub(super) struct Authorities {
    pki: Pki,
    /// Two intermediates, one under the other, whose servers send them.
    policy: Issued,
    department: Issued,
    /// Intermediates that their servers leave out. Each server has its own, so that none is learnt from another.
    web: Located,
    mail: Located,
    /// Under an intermediate that is left out as well, and that it names by AIA.
    branch: Located,
    /// The issuing CA of a company that nobody here trusts.
    stranger: Issued,
}

/// A CA whose certificate can be had at an address.
struct Located {
    issued: Issued,
    url: String,
}

impl Authorities {
    /// Makes them all, and publishes those that somebody will look for.
    pub(super) async fn establish(now: Timestamp, farm: &mut Farm) -> io::Result<Self> {
        let pki = Pki::named(now, "Example Company").map_err(io::Error::other)?;
        let ca = |name: &str| Recipe::ca(now, &format!("Example Company {name} CA")).days(-365, 1460);
        let policy = ca("Policy").path_length(1).signed_by(&pki.root).map_err(io::Error::other)?;
        let department = ca("Department").path_length(0).signed_by(&policy).map_err(io::Error::other)?;
        let web = Located::in_der(ca("Web").path_length(0).signed_by(&pki.root), farm).await?;
        let mail = ca("Mail").path_length(0).signed_by(&pki.root).map_err(io::Error::other)?;
        let mail =
            Located { url: published("/ca.p7c", "application/pkcs7-mime", certs_only([&mail]), farm).await?, issued: mail };
        let region = Located::in_der(ca("Region").path_length(1).signed_by(&pki.root), farm).await?;
        let branch = Located::in_der(ca("Branch").path_length(0).aia(&region.url).signed_by(&region.issued), farm).await?;
        Ok(Authorities { policy, department, web, mail, branch, stranger: stranger(now, farm).await?, pki })
    }

    pub(super) fn root_pem(&self) -> String {
        self.pki.root.pem()
    }

    /// The one that `missing-intermediate` leaves out.
    pub(super) fn left_out_pem(&self) -> String {
        self.web.issued.pem()
    }

    /// What the TLS server of this name presents: the chain, leaf first, and the leaf's key.
    pub(super) fn presented(&self, name: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rcgen::Error> {
        let host = server_name(name);
        let recipe = self.pki.leaf([host.as_str()]);
        let Pki { now, root, intermediate } = &self.pki;
        let (leaf, rest) = match name {
            "expired" => (recipe.days(-93, -3).signed_by(intermediate)?, vec![intermediate]),
            "expiring" => {
                // An hour more, so that "5 days left" stays true for as long as anybody looks at a demo.
                let end = now.checked_add(Duration::from_hours(5 * 24 + 1)).unwrap_or(Timestamp::MAX);
                (recipe.days(-85, 5).not_after(end).signed_by(intermediate)?, vec![intermediate])
            }
            "not-yet-valid" => (recipe.days(10, 100).signed_by(intermediate)?, vec![intermediate]),
            "missing-intermediate" => (self.web.sign(recipe)?, vec![]),
            "missing-pkcs7" => (self.mail.sign(recipe)?, vec![]),
            "missing-two" => (self.branch.sign(recipe)?, vec![]),
            "missing-no-address" => (recipe.signed_by(intermediate)?, vec![]),
            // With one intermediate alone the wrong order would put a CA first, which is another fault: it takes two.
            "wrong-order" => (recipe.signed_by(&self.department)?, vec![&self.policy, &self.department]),
            "jumbled" => (recipe.signed_by(&self.department)?, vec![&self.policy, intermediate, &self.department]),
            "root-included" => (recipe.signed_by(intermediate)?, vec![intermediate, root]),
            "self-signed" => (recipe.self_signed()?, vec![]),
            "unknown-ca" => (recipe.signed_by(&self.stranger)?, vec![&self.stranger]),
            "wrong-host" => (self.pki.leaf(["elsewhere.lab.test"]).signed_by(intermediate)?, vec![intermediate]),
            _ => (recipe.signed_by(intermediate)?, vec![intermediate]),
        };
        Ok((std::iter::once(&leaf).chain(rest).map(Issued::der).collect(), leaf.key_der()))
    }
}

impl Located {
    /// A CA that is published as DER, the usual form.
    async fn in_der(made: Result<Issued, rcgen::Error>, farm: &mut Farm) -> io::Result<Self> {
        let issued = made.map_err(io::Error::other)?;
        Ok(Located { url: published("/ca.der", "application/pkix-cert", issued.der().to_vec(), farm).await?, issued })
    }

    /// A certificate that names the address of its issuer.
    fn sign(&self, recipe: Recipe) -> Result<Issued, rcgen::Error> {
        recipe.aia(&self.url).signed_by(&self.issued)
    }
}

/// It names its root by AIA: the proof that the chain leads to a root that the store lacks, and that nothing is left out.
async fn stranger(now: Timestamp, farm: &mut Farm) -> io::Result<Issued> {
    let root = Located::in_der(Recipe::ca(now, "Stranger Root CA").days(-730, 2920).self_signed(), farm).await?;
    root.sign(Recipe::ca(now, "Stranger Issuing CA").days(-365, 1460).path_length(0)).map_err(io::Error::other)
}

/// Serves these octets at a port of their own, and says the address.
async fn published(path: &'static str, content_type: &'static str, octets: Vec<u8>, farm: &mut Farm) -> io::Result<String> {
    let server = farm.http(Page::file(path, content_type, octets)).await?;
    Ok(format!("http://{server}{path}"))
}
