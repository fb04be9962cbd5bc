//! `certvigil demo`, as a newcomer meets it: the page, the metrics, the mails, Ctrl-C.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use certvigil::lab::Lab;
use jiff::Timestamp;

use crate::support::{
    program::{command, get, wait_for},
    scratch::Scratch,
};

/// A running demo; killed when dropped.
struct Demo {
    child: Child,
    page: SocketAddr,
}

impl Demo {
    fn start(directory: &Path) -> Demo {
        let directory = directory.display().to_string();
        let mut child = command(&["demo", "--port", "0", "--directory", &directory])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let page = lines.by_ref().map(|line| line.expect("UTF-8")).find_map(|line| {
            let address = line.trim().strip_prefix("page")?.trim().strip_prefix("http://")?.trim_end_matches('/').to_owned();
            address.parse().ok()
        });
        // The rest of the introduction is read too, so that the pipe never fills.
        std::thread::spawn(move || lines.for_each(drop));
        Demo { child, page: page.expect("the introduction says where the page is") }
    }

    fn interrupt(mut self) -> i32 {
        let interrupted = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(interrupted.success());
        wait_for("the demo to stop", || self.child.try_wait().expect("our own child")).code().expect("an orderly end")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every mail of the box: recipient to kinds.
fn mails(mailbox: &Path) -> BTreeMap<String, Vec<String>> {
    let mut mails: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(mailbox) else { return mails };
    for path in entries.map(|entry| entry.expect("readable").path()).filter(|path| path.extension().is_some_and(|e| e == "eml")) {
        let text = std::fs::read_to_string(&path).expect("a mail is UTF-8");
        let header = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} in {}", path.display()))
        };
        mails.entry(header("To: ").to_owned()).or_default().push(header("X-Certvigil-Kind: ").to_owned());
    }
    mails
}

/// The words of the first mail to this recipient.
fn letter_to(mailbox: &Path, recipient: &str) -> String {
    let entries = std::fs::read_dir(mailbox).expect("the mailbox is there").map(|entry| entry.expect("readable").path());
    let mails = entries.map(|path| std::fs::read_to_string(path).expect("a mail is UTF-8"));
    let mail =
        mails.into_iter().find(|mail| mail.lines().any(|line| line == format!("To: {recipient}"))).expect("it was written to");
    // Up to the second version of the same letter, in HTML.
    let text = mail.split("Content-Type: text/html").next().unwrap_or_default();
    text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the documentation promises: who gets which kinds.
async fn promised() -> BTreeMap<String, Vec<String>> {
    let lab = Lab::start(Timestamp::now()).await.expect("loopback has free ports");
    let mut promised = BTreeMap::new();
    for server in lab.servers().iter().filter(|server| !server.expected.mails.is_empty()) {
        let kinds: Vec<String> = server.expected.mails.iter().map(|kind| (*kind).to_owned()).collect();
        // The broken-chain letter goes to the admin as well.
        if server.expected.mails.contains(&"chain") {
            promised.insert(format!("hostmaster@{}", server.server_name), kinds.clone());
        }
        promised.insert(format!("{}-team@lab.test", server.name), kinds);
    }
    promised
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_every_fault_mails_each_once_and_stops_cleanly() {
    let promised = promised().await;
    tokio::task::block_in_place(|| {
        let scratch = Scratch::new();
        let demo = Demo::start(scratch.path());
        let mailbox = scratch.path().join("mailbox");
        let count = promised.values().map(Vec::len).sum::<usize>();
        wait_for("every mail", || (mails(&mailbox).values().map(Vec::len).sum::<usize>() >= count).then_some(()));
        assert_eq!(mails(&mailbox), promised);

        let letter = |server: &str| letter_to(&mailbox, &format!("hostmaster@{server}.lab.test"));
        for (server, address) in
            [("missing-intermediate", "/ca.der)."), ("missing-pkcs7", "/ca.p7c)."), ("missing-two", "/ca.der), and")]
        {
            let text = letter(server);
            let said =
                "What the server leaves out was had from the address that the certificate below it names (http://127.0.0.1:";
            assert!(text.contains(said) && text.contains(address), "{text}");
        }
        let text = letter("missing-no-address");
        assert!(text.contains("What the server leaves out was had from another server, which sends it."), "{text}");
        assert!(!text.contains("healthy"), "{text}");

        let metrics = get(demo.page, "/metrics").expect("the metrics are served");
        for line in [
            "certvigil_verify_code{endpoint=\"missing-intermediate\",address=\"127.0.0.1\"} 21",
            "certvigil_chain_status{endpoint=\"missing-intermediate\",address=\"127.0.0.1\",status=\"missing_intermediate\"} 1",
            "certvigil_finding{endpoint=\"expired\",address=\"127.0.0.1\",code=\"expired\",fault=\"server\"} 3",
            "certvigil_probe_failure{endpoint=\"refused\",address=\"127.0.0.1\",stage=\"connect\",kind=\"refused\"} 1",
        ] {
            assert!(metrics.lines().any(|l| l == line), "{line} in\n{metrics}");
        }
        let page = get(demo.page, "/").expect("the page is served");
        for name in promised.keys().filter_map(|recipient| recipient.strip_suffix("-team@lab.test")) {
            assert!(page.contains(name), "{name} on the page");
        }
        assert_eq!(demo.interrupt(), 0);
        assert_eq!(mails(&mailbox), promised, "nothing came twice");
    });
}
