//! Network namespaces for tests and the demo, and sockets inside them. Everything panics where a
//! namespace cannot be had: there is nothing to test or show then.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recv, sendto,
    setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// Panics, with what to do about it, unless the test runs as root.
///
/// # Panics
/// Where the effective user is not root.
pub fn require_root() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "these tests make network namespaces and need root: run them with ./test, which uses sudo"
    );
}

/// Runs a program and gives what it wrote.
///
/// # Panics
/// Where it fails, with what it complained about.
pub fn sh(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs `ip`.
pub fn ip(args: &[&str]) -> String {
    sh("ip", args)
}

/// Puts the calling thread into a namespace for good.
///
/// # Panics
/// Where there is none of that name.
pub fn enter(name: &str) {
    let file = File::open(format!("/run/netns/{name}")).unwrap();
    setns(file, CloneFlags::CLONE_NEWNET).unwrap();
}

/// A network namespace, removed with this value.
pub struct Namespace {
    /// Its name for `ip netns`.
    pub name: String,
}

impl Namespace {
    /// Makes a namespace with its loopback interface up.
    #[must_use]
    pub fn new(name: &str) -> Self {
        ip(&["netns", "add", name]);
        let made = Self { name: name.to_owned() };
        made.ip(&["link", "set", "lo", "up"]);
        made
    }

    /// Runs `ip` for the namespace.
    pub fn ip(&self, args: &[&str]) -> String {
        ip(&[&["-n", &self.name], args].concat())
    }

    /// Runs `ip` for the namespace and does not mind a failure.
    pub fn quietly(&self, args: &[&str]) {
        let mut command = Command::new("ip");
        command.args(["-n", &self.name]).args(args).stderr(Stdio::null());
        let _ = command.status();
    }

    /// A program to be run in the namespace.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Runs a program in the namespace.
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        sh("ip", &[&["netns", "exec", &self.name, program], args].concat())
    }

    /// Loads a script and answers what nft complains about.
    pub fn nft(&self, script: &str) -> Result<(), String> {
        let mut command = self.command("nft");
        command.args(["-f", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(message) }
    }

    /// A pair of connected interfaces.
    pub fn link(&self, near: &str, address: &str, other: &Self, far: &str, far_address: &str) {
        self.ip(&["link", "add", near, "type", "veth", "peer", "name", far, "netns", &other.name]);
        for (namespace, name, address) in [(self, near, address), (other, far, far_address)] {
            namespace.ip(&["addr", "add", address, "dev", name]);
            namespace.ip(&["link", "set", name, "up"]);
        }
    }

    /// Runs `work` on a thread inside the namespace; sockets stay in it.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                enter(&self.name);
                work()
            });
            inside.join().unwrap()
        })
    }

    /// A listening socket in the namespace.
    ///
    /// # Panics
    /// Where the address is taken.
    #[must_use]
    pub fn listen(&self, address: &str) -> TcpListener {
        self.inside(|| TcpListener::bind(address)).unwrap()
    }

    /// Answers every connection to `port` with what it receives.
    pub fn echo(&self, port: u16) {
        let listener = self.listen(&format!("[::]:{port}"));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { break };
                std::thread::spawn(move || {
                    let mut buffer = [0; 1024];
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        if stream.write_all(&buffer[..count]).is_err() {
                            break;
                        }
                    }
                });
            }
        });
    }

    /// Answers datagrams to `port`.
    pub fn echo_udp(&self, port: u16) {
        let socket = self.inside(|| UdpSocket::bind(format!("0.0.0.0:{port}"))).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..count], from);
            }
        });
    }

    /// A TCP connection from the namespace.
    ///
    /// # Errors
    /// Where none is made within about a second.
    ///
    /// # Panics
    /// Where the host is no address.
    pub fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let address = SocketAddr::new(host.parse::<IpAddr>().unwrap(), port);
        self.inside(|| TcpStream::connect_timeout(&address, Duration::from_millis(900)))
    }

    /// Whether a connection is made and carries data both ways.
    pub fn reaches(&self, host: &str, port: u16) -> bool {
        self.connect(host, port).is_ok_and(|mut stream| answers(&mut stream))
    }

    /// Whether a datagram is answered.
    ///
    /// # Panics
    /// Where the host is no address or the socket cannot be used.
    #[must_use]
    pub fn reaches_udp(&self, host: &str, port: u16) -> bool {
        let address = SocketAddr::new(host.parse::<IpAddr>().unwrap(), port);
        self.inside(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(900))).unwrap();
            socket.send_to(b"hello", address).unwrap();
            socket.recv_from(&mut [0; 16]).is_ok()
        })
    }

    /// One ICMP echo, made here because a fresh Debian has no `ping`.
    pub fn pings(&self, host: &str) -> bool {
        let address = SocketAddr::new(host.parse::<IpAddr>().unwrap(), 0);
        let (family, protocol, kind) = if address.is_ipv4() {
            (AddressFamily::Inet, SockProtocol::Icmp, 8)
        } else {
            (AddressFamily::Inet6, SockProtocol::IcmpV6, 128)
        };
        self.inside(|| {
            let raw = socket(family, SockType::Raw, SockFlag::empty(), protocol).unwrap();
            setsockopt(&raw, ReceiveTimeout, &TimeVal::milliseconds(900)).unwrap();
            // Type, code, checksum, identifier, sequence. For IPv6 the kernel
            // fills the checksum in.
            let id: [u8; 2] = rand::random();
            let mut echo = [kind, 0, 0, 0, id[0], id[1], 0, 1];
            if address.is_ipv4() {
                let words =
                    echo.chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]])));
                let sum: u32 = words.sum();
                let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or(0);
                echo[2..4].copy_from_slice(&sum.to_be_bytes());
            }
            let to = SockaddrStorage::from(address);
            if sendto(raw.as_raw_fd(), &echo, &to, MsgFlags::empty()).is_err() {
                return false;
            }
            let deadline = Instant::now() + Duration::from_millis(900);
            let mut buffer = [0; 256];
            while Instant::now() < deadline {
                let Ok(count) = recv(raw.as_raw_fd(), &mut buffer, MsgFlags::empty()) else {
                    return false;
                };
                // A raw IPv4 socket delivers the IP header too.
                let start = if address.is_ipv4() { 20 } else { 0 };
                let reply = if address.is_ipv4() { 0 } else { 129 };
                if count >= start + 8
                    && buffer[start] == reply
                    && buffer[start + 4..start + 6] == id
                {
                    return true;
                }
            }
            false
        })
    }
}

/// Whether the other end of a stream still answers.
pub fn answers(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 5];
    stream.set_read_timeout(Some(Duration::from_millis(900))).unwrap();
    stream.write_all(b"hello").is_ok() && stream.read_exact(&mut buffer).is_ok()
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}
