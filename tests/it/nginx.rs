//! nginx, which limits the rate of requests to the server behind it.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::server::{Server, installed};

/// How nginx says that there were too many requests.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    /// 429, with the wish to be left alone for a second.
    RetryAfter,
    /// 503, and no word about when to come back: nginx's own default.
    Bare,
}

/// A running nginx.
pub(crate) struct Nginx {
    _server: Server,
    dir: TempDir,
    port: u16,
}

impl Nginx {
    /// Lets three requests pass at once, and two a second after that.
    pub(crate) fn start(upstream: u16, refusal: Refusal) -> Self {
        let dir = TempDir::new().unwrap();
        let command = |port| {
            let text = configuration(port, upstream, refusal);
            fs::write(dir.path().join("nginx.conf"), text).unwrap();
            let mut command = Command::new(installed("nginx/nginx"));
            command
                .arg("-p")
                .arg(dir.path())
                .args(["-c", "nginx.conf", "-e", "stderr"]);
            command
        };
        // The first line after the sockets are open.
        let listening = |line: &str| line.contains("event method");
        let (server, port) = Server::start_on_free_port(command, listening);
        Self {
            _server: server,
            dir,
            port,
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests it has refused, by its own log.
    pub(crate) fn refused(&self) -> usize {
        let log = fs::read_to_string(self.dir.path().join("refused.log")).unwrap();
        log.matches("limiting requests").count()
    }
}

/// One process in the foreground, with all of its files in its own folder.
fn configuration(port: u16, upstream: u16, refusal: Refusal) -> String {
    let refuse = match refusal {
        Refusal::RetryAfter => {
            "limit_req_status 429;
    error_page 429 @later;
    location @later { add_header Retry-After 1 always; return 429; }"
        }
        Refusal::Bare => "",
    };
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
error_log refused.log error;
events {{}}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  limit_req_zone $binary_remote_addr zone=all:32k rate=2r/s;
  server {{
    listen 127.0.0.1:{port};
    limit_req zone=all burst=2 nodelay;
    location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
    {refuse}
  }}
}}
"
    )
}
