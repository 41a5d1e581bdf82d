//! The listener: connections, what each may take, and TLS on them.
//!
//! HTTP/1.1 only. A proxy in front may speak HTTP/2; here each further protocol is more that a
//! stranger can hold on to before anybody knows who it is.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnetwork::IpNetwork;
use nexavpn_commands::client_network;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

use super::Tls;

/// The pause after a connection could not be taken, for want of file handles for example.
const PAUSE: Duration = Duration::from_millis(100);
/// The most bytes of a request's head that are buffered.
const HEAD: usize = 64 * 1024;
/// The most headers of a request.
const HEADERS: usize = 100;

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// How many at once; one address has at most a quarter of them.
    pub total: usize,
    /// How long the TLS handshake may take.
    pub handshake: Duration,
    /// How long a request's head may take, from the end of the request before.
    pub head: Duration,
    /// How long a client may take nothing of an answer.
    pub write: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 8192,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            write: Duration::from_secs(30),
        }
    }
}

/// Where connections come in.
pub(super) struct Door {
    listener: TcpListener,
    tls: Option<Tls>,
    limits: ConnectionLimits,
    seats: Seats,
}

impl Door {
    pub(super) fn new(
        listener: TcpListener,
        tls: Option<Tls>,
        limits: ConnectionLimits,
        trusted: Vec<IpNetwork>,
    ) -> Self {
        let seats = Seats {
            taken: Arc::default(),
            each: (limits.total / 4).max(1),
            trusted: trusted.into(),
        };
        Self { listener, tls, limits, seats }
    }

    /// Serves until it is told to stop, and then finishes what has begun.
    pub(super) async fn serve(
        self,
        router: Router,
        mut stop: watch::Receiver<bool>,
    ) -> io::Result<()> {
        // Dropped with this future, and all connections with it.
        let mut connections = JoinSet::new();
        let places = Arc::new(Semaphore::new(self.limits.total));
        loop {
            let next = self.next(&places);
            let (stream, peer, place) = tokio::select! {
                () = stopped(&mut stop) => break,
                // The ended ones are let go of.
                Some(_) = connections.join_next() => continue,
                next = next => next?,
            };
            // Too many of one address: it has been hung up.
            let Some(seat) = self.seats.take(peer.ip()) else { continue };
            let connection = Connection {
                peer,
                router: router.clone(),
                tls: self.tls.clone(),
                limits: self.limits,
                stop: stop.clone(),
            };
            connections.spawn(async move {
                connection.serve(stream).await;
                drop((place, seat));
            });
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
        Ok(())
    }

    async fn next(
        &self,
        places: &Arc<Semaphore>,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return Ok((stream, peer, place)),
                // The peer's affair.
                Err(e) if is_peers(&e) => {}
                Err(error) => {
                    tracing::error!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could stop us: the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn is_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Connection {
    peer: SocketAddr,
    router: Router,
    tls: Option<Tls>,
    limits: ConnectionLimits,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream) {
        // Only latency is at stake.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.write));
        let stream = Box::pin(stream);
        let Some(tls) = &self.tls else { return self.speak(stream).await };
        let shaken = tokio::time::timeout(self.limits.handshake, tls.acceptor().accept(stream));
        let shaken = tokio::select! {
            shaken = shaken => shaken,
            () = stopped(&mut self.stop) => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.speak(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { peer, router, limits, mut stop, .. } = self;
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.head)
                .max_headers(HEADERS)
                .max_buf_size(HEAD)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
        );
        let spoken = tokio::select! {
            spoken = connection.as_mut() => spoken,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = spoken {
            tracing::debug!(%error, "a connection broke");
        }
    }
}

/// How many connections each address has.
struct Seats {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    each: usize,
    /// Proxies speak for many.
    trusted: Arc<[IpNetwork]>,
}

struct Seat {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Seats {
    fn take(&self, peer: IpAddr) -> Option<Option<Seat>> {
        if self.trusted.iter().any(|n| n.contains(peer)) {
            return Some(None);
        }
        let address = client_network(peer);
        let mut taken = lock(&self.taken);
        let count = taken.entry(address).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Some(Seat { taken: Arc::clone(&self.taken), address }))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

fn lock(taken: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}
