//! Where we are asked: addresses, sockets in the file system, and sockets that systemd holds for us.

use std::{
    fmt, fs, io,
    net::{SocketAddr, TcpListener as StdTcpListener},
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream},
    },
    path::{Path, PathBuf},
    str::FromStr,
};

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::locks::Peer;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A socket in the file system, by its absolute path: who may write to it may ask (unix(7)).
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    /// `127.0.0.1:9843`, `unix:/run/certvigil/web.sock`. Parses back to the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => write!(f, "{address}"),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Listen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') && !path.ends_with('/') => Ok(Listen::Unix(path.into())),
            Some(_) => Err(()),
            None => text.parse().map(Listen::Tcp).map_err(|_| ()),
        }
    }
}

/// What takes connections.
#[derive(Debug)]
pub enum Listener {
    /// TLS, where it is configured.
    Tcp(TcpListener),
    /// Never TLS: nobody but the kernel is between.
    Unix(UnixListener, Option<Made>),
}

/// A socket that we made in the file system. It goes away with the listener, if it is still the one.
#[derive(Debug)]
pub struct Made {
    path: PathBuf,
    inode: u64,
}

impl Drop for Made {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Listener {
    /// Begins to listen there. What somebody else listens at, and any file that is no socket of ours, is left as it is.
    pub async fn bind(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Listener::Tcp),
            Listen::Unix(path) => {
                remove_stale(path)?;
                let listener = UnixListener::bind(path)?;
                fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
                let inode = fs::symlink_metadata(path)?.ino();
                Ok(Listener::Unix(listener, Some(Made { path: path.clone(), inode })))
            }
        }
    }

    /// The address, where there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix(..) => None,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, peer)| (Stream::Tcp(stream), Peer(Some(peer.ip())))),
            Listener::Unix(listener, _) => listener.accept().await.map(|(stream, _)| (Stream::Unix(stream), Peer(None))),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Listener::Tcp(listener)
    }
}

/// Somebody who has connected.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket on which nobody listens any more: one of a daemon that was killed.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // Who owns our entry in /proc is who we are.
    let is_ours = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == found.uid());
    if !found.file_type().is_socket() || !is_ours {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket of ours is there"));
    }
    match StdUnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// A socket that was open before we were started.
#[derive(Debug)]
pub enum Inherited {
    /// `ListenStream=9843`
    Tcp(StdTcpListener),
    /// `ListenStream=/run/certvigil/web.sock`
    Unix(StdUnixListener),
}

impl Inherited {
    /// What systemd hands over, sd_listen_fds(3): empty outside of a socket unit. To be asked once, before any other thread runs, as
    /// it takes the variables from the environment.
    pub fn take() -> io::Result<Vec<Self>> {
        if std::env::var_os("LISTEN_PID").is_none() {
            return Ok(Vec::new());
        }
        let mut handed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for number in 0..handed.len() {
            // What is no stream over TCP is one in the file system, or of no use.
            let tcp = handed.take_tcp_listener(number).ok().flatten().map(Inherited::Tcp);
            let socket = match tcp {
                Some(socket) => Some(socket),
                None => handed.take_unix_listener(number)?.map(Inherited::Unix),
            };
            sockets.extend(socket);
        }
        Ok(sockets)
    }

    /// Goes on listening. Within a runtime only.
    pub fn listen(self) -> io::Result<Listener> {
        match self {
            Inherited::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket).map(Listener::Tcp)
            }
            Inherited::Unix(socket) => {
                socket.set_nonblocking(true)?;
                UnixListener::from_std(socket).map(|listener| Listener::Unix(listener, None))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            let directory = std::env::temp_dir().join(format!("certvigil-listen-{:016x}", fastrand::u64(..)));
            fs::create_dir(&directory).expect("a directory");
            Scratch(directory)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn where_to_listen_is_written_in_one_line() {
        for text in ["127.0.0.1:9843", "[::]:9843", "unix:/run/certvigil/web.sock"] {
            assert_eq!(text.parse::<Listen>().map(|listen| listen.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "9843", "localhost:9843", "unix:", "unix:web.sock", "unix:/run/", "/run/web.sock"] {
            assert_eq!(text.parse::<Listen>(), Err(()), "{text}");
        }
    }

    #[tokio::test]
    async fn only_a_socket_without_a_listener_is_replaced() {
        let scratch = Scratch::new();
        let path = scratch.0.join("web.sock");
        let listen = Listen::Unix(path.clone());
        let first = Listener::bind(&listen).await.expect("bound");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o660);
        assert_eq!(Listener::bind(&listen).await.expect_err("taken").kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(!path.exists(), "it goes away with its listener");

        // As one that was killed leaves it.
        drop(StdUnixListener::bind(&path).expect("bound"));
        assert!(path.exists());
        let second = Listener::bind(&listen).await.expect("the old one was stale");
        // Somebody else has put theirs there since: it stays.
        fs::remove_file(&path).expect("removed");
        fs::write(scratch.0.join("other"), "x").expect("written");
        fs::rename(scratch.0.join("other"), &path).expect("renamed");
        drop(second);
        assert_eq!(fs::read_to_string(&path).expect("there"), "x");

        assert_eq!(Listener::bind(&listen).await.expect_err("a file").kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).expect("there"), "x");
    }
}
