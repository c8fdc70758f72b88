//! A server on the loopback, and a client of it.

#![expect(
    clippy::disallowed_methods,
    reason = "the clock of a benchmark is the real one"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use tapline_core::{Clock, Events, Limits, Params, Redactor};
use tapline_http::{AllowList, Client, ClientConfig, QuotaConfig};
use tapline_spec::AuthPlan;

struct RealClock(Instant);

/// The real one.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(RealClock(Instant::now()))
}

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Gives `answer`, headers and all, to every request after `delay`, and says where.
pub(crate) fn server(answer: Vec<u8>, delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answer: Arc<[u8]> = answer.into();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (socket, answer) = (socket.unwrap(), Arc::clone(&answer));
            thread::spawn(move || serve(socket, &answer, delay));
        }
    });
    origin
}

fn serve(mut socket: TcpStream, answer: &[u8], delay: Duration) {
    socket.set_nodelay(true).unwrap();
    let mut head = [0; 4096];
    while socket.read(&mut head).is_ok_and(|length| length > 0) {
        thread::sleep(delay);
        if socket.write_all(answer).is_err() {
            return;
        }
    }
}

/// A client of `origin` alone.
pub(crate) fn client(origin: &str, quota: QuotaConfig, clock: &Arc<dyn Clock>) -> Client {
    let config = ClientConfig {
        base: vec![origin.parse().unwrap()],
        auth: AuthPlan::None,
        params: Params::default(),
        allow: AllowList::default(),
        limits: Limits::default(),
        delay: Duration::ZERO,
        quota,
        clock: clock.clone(),
        events: Events::none(),
        redactor: Redactor::default(),
        tokens: None,
        user_agent: "bench".to_owned(),
    };
    Client::new(config).unwrap()
}
