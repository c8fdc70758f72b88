//! A small API that pages like real ones, on loopback.
//!
//! `tapline demo` reads from it without any network, and tests try the whole runner against it.
//! Its data come from a seed, so two runs see the same bytes; it knows no clock and never waits
//! unless a [`Fault`] asks for it.

mod auth;
mod calendar;
mod fault;
mod gate;
mod generic;
mod mailchimp;
mod paged;
mod paging;
mod people;
mod query;
mod stats;
mod wire;
mod zendesk;

#[cfg(test)]
mod tests;

use std::future::IntoFuture;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::{Router, middleware};
use tokio::runtime;
use tokio_util::sync::CancellationToken;

pub use fault::{Fault, FaultAction, Lie, When};
pub use stats::{SeenRequest, Stats};

use crate::lock::lock;
use crate::paged::Paged;

use fault::FaultTable;

/// What a [`FakeApi`] serves, and how it misbehaves.
#[derive(Clone, Debug)]
pub struct FakeApiConfig {
    /// Where all data come from; the same seed gives the same records.
    pub seed: u64,
    /// How many records there are.
    pub counts: Counts,
    /// The one password or token that is accepted.
    pub key: String,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
    /// Answers that many requests, then dies: later connections are refused.
    pub kill_after: Option<u64>,
}

/// How many records of each kind there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Members of any MailChimp list.
    pub members: u64,
    /// MailChimp campaigns.
    pub campaigns: u64,
    /// MailChimp lists.
    pub lists: u64,
    /// Mails of any MailChimp campaign.
    pub emails: u64,
    /// Zendesk users.
    pub users: u64,
    /// Zendesk tickets.
    pub tickets: u64,
    /// Zendesk organizations.
    pub organizations: u64,
    /// Records of each generic shape.
    pub generic: u64,
}

impl Default for FakeApiConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            counts: Counts::default(),
            key: "fake-key-us1".to_owned(),
            faults: Vec::new(),
            kill_after: None,
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            members: 1_000,
            campaigns: 1_000,
            lists: 1_000,
            emails: 1_000,
            users: 1_000,
            tickets: 1_000,
            organizations: 1_000,
            generic: 1_000,
        }
    }
}

/// How often it is tried to listen at an address that is in use, and the pause between two times.
const BINDS: u32 = 150;
const PAUSE: Duration = Duration::from_millis(200);

/// A running server. It stops when dropped.
///
/// It has a thread of its own, so it can be started from a plain test as well as from async code.
#[derive(Debug)]
pub struct FakeApi {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl FakeApi {
    /// Starts a server on a free port of the loopback interface.
    pub fn start(config: FakeApiConfig) -> io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), config)
    }

    /// Starts a server at `address`: a dead one comes back where it was.
    pub fn start_at(address: SocketAddr, config: FakeApiConfig) -> io::Result<Self> {
        let listener = bind(address)?;
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared::new(listener.local_addr()?, config));
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("fake-api".to_owned())
            .spawn(move || runtime.block_on(serve(listener, served)))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn base_url(&self) -> String {
        self.shared.base_url()
    }

    /// What has been asked so far.
    pub fn stats(&self) -> Stats {
        lock(&self.shared.stats).clone()
    }

    /// Changes how many records there are. New records are newer than all before them.
    pub fn set_counts(&self, counts: Counts) {
        *lock(&self.shared.counts) = counts;
    }

    /// Closes the listener and all connections.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        self.shared.dead.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic of the server has been printed already; there is nothing to add here.
            let _ = thread.join();
        }
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Listens at `address`. Somebody's outgoing connection may have got the port of a server that was
/// there before; then its end is waited for.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    for _ in 0..BINDS {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => std::thread::sleep(PAUSE),
            bound => return bound,
        }
    }
    TcpListener::bind(address)
}

/// What every handler sees.
#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    seed: u64,
    key: String,
    kill_after: Option<u64>,
    faults: FaultTable,
    counts: Mutex<Counts>,
    stats: Mutex<Stats>,
    dead: CancellationToken,
    paged: Paged,
}

impl Shared {
    fn new(address: SocketAddr, config: FakeApiConfig) -> Self {
        Self {
            paged: Paged::new(1..=config.counts.generic, []),
            address,
            seed: config.seed,
            key: config.key,
            kill_after: config.kill_after,
            faults: FaultTable::new(config.faults),
            counts: Mutex::new(config.counts),
            stats: Mutex::new(Stats::default()),
            dead: CancellationToken::new(),
        }
    }

    fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn counts(&self) -> Counts {
        *lock(&self.counts)
    }
}

/// Serves until the server is dead. The runtime ends with this function and takes every open
/// connection with it.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let door = match wire::Door::new(listener) {
        Ok(door) => door,
        Err(error) => return tracing::error!(%error, "the fake API cannot listen"),
    };
    let service = router(&shared).into_make_service_with_connect_info::<wire::Cut>();
    tokio::select! {
        _ = axum::serve(door, service).into_future() => {}
        () = shared.dead.cancelled() => {}
    }
}

fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .merge(mailchimp::routes())
        .merge(zendesk::routes())
        .merge(generic::routes())
        .merge(paged::routes())
        .layer(middleware::from_fn_with_state(
            Arc::clone(shared),
            gate::pass,
        ))
        .with_state(Arc::clone(shared))
}
