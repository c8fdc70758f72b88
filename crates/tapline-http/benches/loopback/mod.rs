//! A server on the loopback, and a client of it.

#[path = "../../../../tests/it/clock.rs"]
mod clock;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tapline_core::{Clock, Events, Limits, Params, Redactor};
use tapline_http::{AllowList, Client, ClientConfig, QuotaConfig};
use tapline_spec::AuthPlan;

pub(crate) use clock::clock;

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
