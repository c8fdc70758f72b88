//! nginx, which shows the pages as files. It does next to nothing, so what is measured is the reader.

use std::collections::HashSet;
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// It stands in the pages, so it cannot be any free one.
const PORT: u16 = 18_199;

/// Where the pages are.
pub(crate) fn base_url() -> String {
    format!("http://127.0.0.1:{PORT}")
}

/// A running nginx; it ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    /// A line for each request.
    requests: PathBuf,
}

impl Server {
    /// Shows `pages`, and keeps its own files in `dir`.
    pub(crate) fn start(nginx: &Path, pages: &Path, dir: &Path) -> Result<Self> {
        ensure!(
            !is_open(),
            "port {PORT} is taken; the pages name it, so end what listens there"
        );
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        fs::write(dir.join("nginx.conf"), configuration(pages))?;
        let process = Command::new(nginx)
            .arg("-p")
            .arg(dir)
            .args(["-c", "nginx.conf", "-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start nginx")?;
        let requests = dir.join("requests.log");
        let mut server = Self { process, requests };
        for _ in 0..200 {
            if is_open() {
                return Ok(server);
            }
            if let Some(status) = server.process.try_wait()? {
                bail!("nginx ended with {status}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("nginx does not listen on port {PORT}");
    }

    /// Forgets who asked for what.
    pub(crate) fn forget(&self) -> Result<()> {
        File::create(&self.requests).context("cannot empty nginx's log")?;
        Ok(())
    }

    /// How many different pages were given since then.
    pub(crate) fn pages(&self) -> Result<u64> {
        let requests = fs::read_to_string(&self.requests).context("nginx wrote no log")?;
        let given = requests.lines().filter(|line| line.starts_with("200 "));
        Ok(given.collect::<HashSet<_>>().len() as u64)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_open() -> bool {
    TcpStream::connect(("127.0.0.1", PORT)).is_ok()
}

fn configuration(pages: &Path) -> String {
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
  log_format short '$status $uri';
  access_log requests.log short;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  types {{ application/json json; }}
  server {{
    listen 127.0.0.1:{PORT};
    root \"{}\";
  }}
}}
",
        pages.display()
    )
}
