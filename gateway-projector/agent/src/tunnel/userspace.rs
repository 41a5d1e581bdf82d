//! wireguard-go, started by the agent or found running.

use std::fmt::Write;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use tracing::info;

use super::{Device, TunnelError, uapi};
use crate::command::CommandError;
use crate::desired::WantedPeer;
use crate::secrets::PresharedKey;
use crate::state::PrivateKey;

/// How long wireguard-go may take to come up, or to go.
const LIMIT: Duration = Duration::from_secs(10);
/// wireguard-go does what a request says line by line, and what it has read of
/// one when the agent is killed. So many, some 60 kB, are written all at once.
const PEERS_PER_REQUEST: usize = 250;

/// An interface served by wireguard-go.
#[derive(Debug)]
pub struct Userspace {
    interface: String,
    /// Present when this process started it.
    child: Option<Child>,
}

impl Userspace {
    pub(super) fn adopt(interface: &str) -> Self {
        Self { interface: interface.to_owned(), child: None }
    }

    /// Starts wireguard-go in a process group of its own, so that a Ctrl-C
    /// meant for the agent does not reach it, and with its output in a file: a
    /// pipe would kill it when the agent is gone.
    pub(super) async fn start(interface: &str, state: &Path) -> Result<Self, TunnelError> {
        let path = state.join("wireguard-go.log");
        let io =
            |source| TunnelError::Command(CommandError::Start { program: "wireguard-go", source });
        let log = File::create(&path).map_err(io)?;
        let child = Command::new("wireguard-go")
            .args(["-f", interface])
            .env("LOG_LEVEL", "error")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(io)?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(false)
            .spawn()
            .map_err(io)?;
        let mut started = Self { interface: interface.to_owned(), child: Some(child) };
        let deadline = Instant::now() + LIMIT;
        loop {
            if started.is_alive().await {
                info!(interface, "started wireguard-go");
                return Ok(started);
            }
            let ended = match &mut started.child {
                Some(child) => child.try_wait().map_err(io)?.is_some(),
                None => true,
            };
            if ended || Instant::now() > deadline {
                return Err(TunnelError::NotStarted {
                    interface: interface.to_owned(),
                    log: path.display().to_string(),
                });
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn interface(&self) -> &str {
        &self.interface
    }

    pub(super) async fn is_alive(&self) -> bool {
        UnixStream::connect(uapi::socket(&self.interface)).await.is_ok()
    }

    pub(super) async fn read(&self) -> Result<Device, TunnelError> {
        let answer = uapi::exchange(&self.interface, "get=1\n\n").await?;
        uapi::parse(&answer).ok_or_else(|| self.unreadable("the interface"))
    }

    pub(super) async fn set_own(&self, key: &PrivateKey, port: u16) -> Result<(), TunnelError> {
        let key = uapi::key_hex(&key.expose()).ok_or_else(|| self.unreadable("the private key"))?;
        let request = format!("set=1\nprivate_key={key}\nlisten_port={port}\n\n");
        uapi::exchange(&self.interface, &request).await.map(|_| ())
    }

    pub(super) async fn remove_peers(&self, keys: &[&String]) -> Result<(), TunnelError> {
        for part in keys.chunks(PEERS_PER_REQUEST) {
            let mut request = "set=1\n".to_owned();
            for key in part {
                let key = uapi::key_hex(key).ok_or_else(|| self.unreadable("a public key"))?;
                let _ = write!(request, "public_key={key}\nremove=true\n");
            }
            request.push('\n');
            uapi::exchange(&self.interface, &request).await?;
        }
        Ok(())
    }

    pub(super) async fn set_peers(
        &self,
        peers: &[(&String, &WantedPeer)],
    ) -> Result<(), TunnelError> {
        for part in peers.chunks(PEERS_PER_REQUEST) {
            let mut request = "set=1\n".to_owned();
            for (key, WantedPeer { ips, psk }) in part {
                let key = uapi::key_hex(key).ok_or_else(|| self.unreadable("a public key"))?;
                // Zeros remove a preshared key.
                let psk = uapi::hex(&psk.as_ref().map(PresharedKey::bytes).unwrap_or_default());
                let _ = write!(
                    request,
                    "public_key={key}\npreshared_key={psk}\nreplace_allowed_ips=true\n"
                );
                for ip in ips {
                    let length = if ip.is_ipv4() { 32 } else { 128 };
                    let _ = writeln!(request, "allowed_ip={ip}/{length}");
                }
            }
            request.push('\n');
            uapi::exchange(&self.interface, &request).await?;
        }
        Ok(())
    }

    /// Waits until wireguard-go has gone, after its interface was removed.
    pub(super) async fn ended(self) -> Result<(), TunnelError> {
        let deadline = Instant::now() + LIMIT;
        while self.is_alive().await {
            if Instant::now() > deadline {
                return Err(self.unreadable("it outlives its interface"));
            }
            sleep(Duration::from_millis(20)).await;
        }
        if let Some(mut child) = self.child {
            // Reaps it; it has closed its socket, so this does not last.
            let _ = tokio::time::timeout(LIMIT, child.wait()).await;
        }
        Ok(())
    }

    fn unreadable(&self, what: &'static str) -> TunnelError {
        TunnelError::Unreadable { interface: self.interface.clone(), what }
    }
}
