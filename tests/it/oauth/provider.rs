//! A real token server, oidc-provider, and an API that asks it about every token.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use super::CLIENT_SECRET;
use crate::server::{Server, fixture, installed, word_after};

/// A running token server. Its access tokens live for five seconds, its refresh tokens for one use.
pub(super) struct Provider {
    _server: Server,
    origin: String,
}

impl Provider {
    pub(super) fn start() -> Self {
        let mut command = Command::new("node");
        command
            .arg(fixture("oidc/serve.mjs"))
            .arg(installed("node_modules/oidc-provider"))
            .env("CLIENT_SECRET", CLIENT_SECRET);
        let listening = |line: &str| word_after(line, "listening on ");
        let (server, origin) = Server::start(command, listening).unwrap();
        Self {
            _server: server,
            origin,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// A refresh token, as a person who signs in is given one.
    pub(super) fn mint(&self) -> String {
        self.get("/mint")["token"].as_str().unwrap().to_owned()
    }

    /// How many token requests there were.
    pub(super) fn asked(&self) -> u64 {
        self.get("/told")["asked"].as_u64().unwrap()
    }

    /// How often the API has refused a token.
    pub(super) fn refused(&self) -> u64 {
        self.get("/told")["refused"].as_u64().unwrap()
    }

    /// Waits until a request with a good token gets no answer.
    pub(super) fn wait_until_it_hangs(&self) {
        while self.get("/told")["hanging"] == 0 {
            std::thread::yield_now();
        }
    }

    /// All tokens that were ever given.
    pub(super) fn issued(&self) -> Vec<String> {
        let told = self.get("/told");
        let issued = told["issued"].as_array().unwrap().iter();
        issued
            .map(|token| token.as_str().unwrap().to_owned())
            .collect()
    }

    fn get(&self, path: &str) -> Value {
        let address = self.origin.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}
