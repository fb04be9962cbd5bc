//! What is measured against: a CA, a leaf for every endpoint, and a directory that goes away.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::Context as _;
use certvigil::{
    clock::Timestamp,
    lab::pki::{Issued, Pki},
};

/// The certificates, and the files of them.
pub(crate) struct Stage {
    pub(crate) pki: Pki,
    pub(crate) endpoints: usize,
    directory: PathBuf,
}

impl Stage {
    /// Root, intermediate, and a leaf a name. One key serves all leaves, so that this takes a second and not ten.
    pub(crate) fn build(endpoints: usize) -> anyhow::Result<Self> {
        let directory = std::env::temp_dir().join(format!("certvigil-bench-{}", process::id()));
        fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let stage = Stage { pki: Pki::new(Timestamp::now())?, endpoints, directory };
        fs::create_dir(stage.path("leaf"))?;
        let first = stage.leaf(&name(0), None)?;
        fs::write(stage.path("leaf.key"), first.key_pem())?;
        fs::write(stage.path(ROOT), stage.pki.root.pem())?;
        let intermediate = stage.pki.intermediate.pem();
        for i in 0..endpoints {
            let leaf = stage.leaf(&name(i), Some(&first))?;
            fs::write(stage.path(&format!("leaf/{}.pem", name(i))), leaf.pem() + &intermediate)?;
        }
        Ok(stage)
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// As public CAs make them: P-256, two names, addresses of issuer and OCSP responder (which nobody asks here).
    pub(crate) fn leaf(&self, name: &str, key: Option<&Issued>) -> anyhow::Result<Issued> {
        let www = format!("www.{name}");
        let recipe = self.pki.leaf([name, &www]).aia("http://ca.bench.test/issuing.der").ocsp("http://ocsp.bench.test/");
        let recipe = if let Some(key) = key { recipe.key_of(key) } else { recipe };
        Ok(recipe.signed_by(&self.pki.intermediate)?)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The name of an endpoint, for SNI and certificate.
pub(crate) fn name(i: usize) -> String {
    format!("host-{i:05}.bench.test")
}

/// The root's certificate, within the directory.
pub(crate) const ROOT: &str = "root.pem";
