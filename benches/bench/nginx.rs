//! The server: a real nginx, one process, with a certificate a name.

use std::{
    fs,
    io::ErrorKind,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;

use crate::stage::Stage;

/// A running nginx; ends when dropped.
pub(crate) struct Nginx {
    child: Child,
    /// On 127.0.0.1.
    pub(crate) port: u16,
}

impl Nginx {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it at a free port, kept to one core if that is wanted, and waits until it listens.
pub(crate) fn start(stage: &Stage, core: Option<usize>) -> anyhow::Result<Nginx> {
    // nginx takes no port 0. Somebody else may have the port by the time it binds: then there is another.
    let mut problem = None;
    for _ in 0..5 {
        match start_at(stage, core, free_port()?) {
            Ok(nginx) => return Ok(nginx),
            Err(error) => problem = Some(error),
        }
    }
    Err(problem.context("no attempt was made")?)
}

fn start_at(stage: &Stage, core: Option<usize>, port: u16) -> anyhow::Result<Nginx> {
    let config = stage.path("nginx.conf");
    let directory = stage.directory().display();
    fs::write(&config, CONFIG.replace("DIRECTORY", &directory.to_string()).replace("PORT", &port.to_string()))?;
    let core = core.map(|core| core.to_string());
    let (program, pinned) = match &core {
        Some(core) => ("taskset", vec!["-c", core, "nginx"]),
        None => ("nginx", Vec::new()),
    };
    let child = command(program)
        .args(pinned)
        .arg("-c")
        .arg(&config)
        .args(["-e", "stderr"])
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let mut nginx = Nginx { child, port };
    let patience = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = nginx.child.try_wait()? {
            anyhow::bail!("nginx ended at once ({status}); its words stand above");
        }
        anyhow::ensure!(Instant::now() < patience, "nginx does not listen within 10 seconds");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(nginx)
}

/// A program that may lie where only root looks.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
    command
}

/// Says which package is missing, if one is.
pub(crate) fn ensure_installed() -> anyhow::Result<()> {
    for (program, package) in [("nginx", "nginx-light"), ("taskset", "util-linux")] {
        match command(program).arg("-V").output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                anyhow::bail!("{program} is not there; on Debian: apt-get install {package}")
            }
            other => drop(other.with_context(|| format!("cannot start {program}"))?),
        }
    }
    Ok(())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// One process without a master, so that its end is the end of all of it. No ticket, no cache: every handshake is a full one.
const CONFIG: &str = "daemon off;
master_process off;
pid DIRECTORY/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path DIRECTORY/t1; proxy_temp_path DIRECTORY/t2; fastcgi_temp_path DIRECTORY/t3;
    uwsgi_temp_path DIRECTORY/t4; scgi_temp_path DIRECTORY/t5;
    server {
        listen 127.0.0.1:PORT ssl backlog=4096;
        ssl_protocols TLSv1.3;
        ssl_session_cache off;
        ssl_certificate DIRECTORY/leaf/$ssl_server_name.pem;
        ssl_certificate_key DIRECTORY/leaf.key;
        return 204;
    }
}
";
