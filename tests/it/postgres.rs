//! A PostgreSQL server with a data directory of its own: one password, one database, every commit
//! written to disk, unless that takes too long.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tapline_core::Secret;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::secrets::DATABASE;
use crate::server::{Server, installed};

/// The user that owns everything.
pub(crate) const USER: &str = "tapline";
/// As whom the server runs if the tests run as root, which it refuses to.
const NOBODY: u32 = 65_534;

/// A running server. It ends, with its files, when dropped.
pub(crate) struct Postgres {
    server: Server,
    home: Home,
    pub(crate) port: u16,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        Self::of(Home::new())
    }

    /// One for cases by the hundred: it asks for no password, and a power cut would be its end.
    pub(crate) fn quick() -> Self {
        let mut home = Home::new();
        home.is_quick = true;
        Self::of(home)
    }

    fn of(home: Home) -> Self {
        fs::write(home.path("password"), DATABASE).unwrap();
        home.give(&home.path("password"));
        let mut initdb = home.command("initdb");
        let auth = match home.is_quick {
            true => "trust",
            false => "scram-sha-256",
        };
        initdb
            .args(["--username", USER, "--auth", auth])
            .args(["--encoding", "UTF8", "--locale", "C", "--no-sync"])
            .args(["--pwfile", "password", "data"]);
        let is_made = |line: &str| line.contains("Success.").then_some(());
        let (initdb, ()) = Server::start(initdb, is_made).unwrap();
        drop(initdb);
        let (server, port) = home.serve();
        Self { server, home, port }
    }

    /// Stops it and starts it again, perhaps on another port.
    pub(crate) fn restart(&mut self) {
        self.server.quit();
        (self.server, self.port) = self.home.serve();
    }

    /// Lets sessions be encrypted, with a `certificate` and its `key`; those with the database `database`
    /// have to be.
    pub(crate) fn encrypt(&mut self, database: &str, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.home.path("data").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            self.home.give(&path);
        }
        let add = |name: &str, text: &str| {
            let path = self.home.path("data").join(name);
            let known = fs::read_to_string(&path).unwrap();
            fs::write(&path, format!("{text}\n{known}")).unwrap();
        };
        let rules = ["hostssl", "hostnossl"].map(|kind| {
            let method = if kind == "hostssl" {
                "scram-sha-256"
            } else {
                "reject"
            };
            format!("{kind} {database} all 127.0.0.1/32 {method}")
        });
        add("pg_hba.conf", &rules.join("\n"));
        add("postgresql.conf", "ssl = on");
        self.restart();
    }

    /// The first column of the rows of `sql`, as text.
    pub(crate) fn select(&self, sql: &str) -> Vec<String> {
        runtime().block_on(self.ask(sql))
    }

    /// The same, inside of a runtime.
    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        self.ask_in("postgres", sql).await
    }

    /// The same, of another database.
    pub(crate) async fn ask_in(&self, database: &str, sql: &str) -> Vec<String> {
        let client = self.client(database).await;
        let rows = client.simple_query(sql).await.unwrap();
        let first = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        };
        rows.iter().filter_map(first).collect()
    }

    /// A session with `database`, of somebody who is not tapline.
    pub(crate) async fn client(&self, database: &str) -> Client {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port);
        config.user(USER).password(DATABASE).dbname(database);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// The address of `database`, as an operator would write it, and its password.
    pub(crate) fn address(&self, database: &str) -> Secret {
        let encoded: String = DATABASE
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        Secret::new(self.url(&encoded, database))
    }

    /// The address with another text in the place of the password.
    pub(crate) fn url(&self, password: &str, database: &str) -> String {
        let port = self.port;
        format!("postgres://{USER}:{password}@127.0.0.1:{port}/{database}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.server.quit();
    }
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Where the server lives, and as whom.
struct Home {
    dir: TempDir,
    program: PathBuf,
    /// Whom it has to be instead of root.
    user: Option<u32>,
    is_quick: bool,
}

impl Home {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let is_root = fs::metadata(dir.path()).unwrap().uid() == 0;
        let mut home = Self {
            dir,
            program: installed("postgres/run"),
            user: is_root.then_some(NOBODY),
            is_quick: false,
        };
        if is_root {
            home.give(home.dir.path());
            home.program = home.copy();
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The programs where another user can reach them: a folder above theirs may be closed.
    fn copy(&self) -> PathBuf {
        let copy = self.path("programs");
        let done = |command: &mut Command| assert!(command.status().unwrap().success());
        let folder = self.program.parent().unwrap();
        done(Command::new("cp").arg("-R").args([folder, &copy]));
        done(Command::new("chmod").args(["-R", "a+rX"]).arg(&copy));
        copy.join("run")
    }

    fn give(&self, path: &Path) {
        if self.user.is_some() {
            chown(path, self.user, self.user).unwrap();
        }
    }

    fn serve(&self) -> (Server, u16) {
        let fsync = match self.is_quick {
            true => "fsync=off",
            false => "fsync=on",
        };
        let command = |port: u16| {
            let mut command = self.command("postgres");
            command
                .args(["-D", "data", "-h", "127.0.0.1", "-p", &port.to_string()])
                .args(["-c", "unix_socket_directories=", "-c", fsync])
                .args(["-c", "jit=off"]);
            command
        };
        let listening = |line: &str| line.contains("ready to accept connections");
        Server::start_on_free_port(command, listening)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(name)
            .current_dir(self.dir.path())
            .env("TZ", "UTC")
            .env("LC_ALL", "C");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }
}
