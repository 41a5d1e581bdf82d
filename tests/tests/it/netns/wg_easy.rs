//! The wg-easy dialect: real packets, and the examples of its contract as they are printed.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use nexavpn_netns::Namespace;
use nexavpn_tests::harness::{Client, PASSWORD, WIDE, poll_until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api_admin::{gateway, key, with},
    api_document::tools::{directory, root},
};

#[test]
fn a_client_of_the_dialect_passes_under_policy_until_it_is_deleted() {
    let tell = |line: &str| println!("{line}");
    if let Err(error) = nexavpn_tests::demo::speak_wg_easy(super::binaries(), &tell) {
        panic!("{error}");
    }
}

/// The machine that the contract's examples are for: `wg-easy` and `localhost` are NexaVPN, on the
/// port of wg-easy.
struct Machine {
    server: Child,
    ns: Namespace,
    place: tempfile::TempDir,
}

impl Machine {
    fn start() -> Self {
        nexavpn_netns::require_root();
        let ns = Namespace::new(&format!("nx{:04x}ct", rand::random::<u16>()));
        // `ip netns exec` shows this file as /etc/hosts.
        let etc = PathBuf::from("/etc/netns").join(&ns.name);
        fs::create_dir_all(&etc).unwrap();
        fs::write(etc.join("hosts"), "127.0.0.1 localhost wg-easy\n").unwrap();
        let program = super::binaries().join("nexavpn").display().to_string();
        let mut hash = Command::new(&program);
        hash.args(["wg-easy", "hash-password"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut hash = hash.spawn().unwrap();
        hash.stdin.take().unwrap().write_all(b"your-password\n").unwrap();
        let hash = String::from_utf8(hash.wait_with_output().unwrap().stdout).unwrap();
        let place = tempfile::tempdir().unwrap();
        let log = fs::File::create(place.path().join("log")).unwrap();
        let mut serve = ns.command(&program);
        serve
            .args(["serve", "--listen", "127.0.0.1:51821", "--data-dir"])
            .arg(place.path().join("data"))
            .env("NEXAVPN_ADMIN_PASSWORD", PASSWORD)
            .env("NEXAVPN_WG_EASY_OWNER", "admin")
            .env("NEXAVPN_WG_EASY_PASSWORD_HASH", hash.trim())
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let server = serve.spawn().unwrap();
        Self { server, ns, place }
    }

    /// Does something in the machine.
    fn inside<T: Send>(&self, work: impl AsyncFnOnce(Client) -> T + Send) -> T {
        self.ns.inside(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(work(Client::new("http://127.0.0.1:51821")))
        })
    }

    /// What an example prints.
    fn run(&self, program: &str, example: &str, variables: &[(&str, &str)]) -> String {
        let mut command = self.ns.command(program);
        command.arg("-c").arg(example).envs(variables.iter().copied()).env("NO_PROXY", "*");
        let output = command.current_dir(self.place.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{example}\n{said}\n{complained}\n{}", self.log());
        said
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        use nix::{
            sys::signal::{Signal, kill},
            unistd::Pid,
        };
        if let Ok(pid) = i32::try_from(self.server.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(PathBuf::from("/etc/netns").join(&self.ns.name));
    }
}

/// The code blocks of the contract, with their languages.
fn examples() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("tests/contract/wg-easy.md")).unwrap();
    let mut blocks = vec![];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), block.join("\n")));
        }
    }
    blocks
}

#[test]
fn every_example_of_the_contract_runs_as_it_is_printed() {
    let machine = Machine::start();
    machine.inside(async |stranger| {
        poll_until(WIDE, || async {
            let answer = stranger.try_send(Method::GET, "/auth/me", &[], None).await;
            answer.is_ok_and(|answer| answer.status == 401)
        })
        .await;
    });
    // Somebody has chosen a password of their own, and attached a gateway.
    machine.inside(async |stranger| {
        let admin = stranger.login("admin", PASSWORD).await;
        let own = "nobody else knows these words";
        let change = json!({ "current_password": PASSWORD, "password": own });
        assert!(admin.post("/me/password", change).await.0 < 300);
        let admin = stranger.login("admin", own).await;
        let new = with(gateway("berlin", "10.8.0.0/24"), json!({ "public_key": key() }));
        let (status, made) = admin.post("/admin/gateways", new).await;
        assert_eq!(status, 201, "{made}");
    });
    let examples = examples();
    let of = |language: &str| {
        let blocks = examples.iter().filter(|(of, _)| of == language);
        blocks.map(|(_, block)| block.as_str()).collect::<Vec<_>>()
    };

    let curls: Vec<&str> = of("bash").into_iter().filter(|b| b.starts_with("curl ")).collect();
    let [session, create, delete] = curls[..] else { panic!("{curls:?}") };
    let said: Value = serde_json::from_str(&machine.run("bash", session, &[])).unwrap();
    let token = ("SESSION_TOKEN", said["sessionToken"].as_str().unwrap());
    let made: Value = serde_json::from_str(&machine.run("bash", create, &[token])).unwrap();
    assert_eq!(made["name"], "alice");
    let client = ("CLIENT_ID", made["id"].as_str().unwrap());
    assert_eq!(machine.run("bash", delete, &[token, client]), "");

    let python = directory().join("bin/python").display().to_string();
    let (whole, parts): (Vec<&str>, Vec<&str>) =
        of("python").into_iter().partition(|block| block.contains("# Usage"));
    let [whole] = whole[..] else { panic!("{whole:?}") };
    let said = machine.run(&python, whole, &[]);
    assert!(
        said.starts_with("Created: ") && said.ends_with("Total clients: 1\nDeleted: True\n"),
        "{said}"
    );

    // The other ones follow upon each other, as one reads them.
    let parts = parts.into_iter().filter(|block| block.contains("resp = requests"));
    let calls: Vec<&str> = parts.filter(|block| !block.contains("def ")).collect();
    assert_eq!(calls.len(), 5, "{calls:?}");
    let said = machine.run(&python, &calls.join("\n"), &[]);
    for line in ["Authenticated: eyJ", "Client created: ", "VPN IP: 10.8.0.", "Config length: "] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("user_123456_1730000000: 10.8.0."), "{said}");
    assert!(said.ends_with("Client not found (already deleted?)\n"), "{said}");
}
