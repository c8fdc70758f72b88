//! An installed tapline, a project in a folder of its own, and eyes for what a run left behind.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;
use std::{env, fs, io, thread};

use serde_json::Value;
use tempfile::TempDir;

use crate::secrets::{Exceptions, search, search_folder};

/// A folder with the binary and the plugins beside it, as an installation has them.
///
/// Cargo builds the plugins' libraries into the folder of the test binary, because they are
/// dev-dependencies; the files are linked, not copied. The folder is named by the age of its
/// newest file, so that every build has its own, and what older builds left is removed.
pub(crate) fn install_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let files = installed_files();
        let age = |file: &PathBuf| fs::metadata(file).unwrap().modified().unwrap();
        let newest = files.iter().map(age).max().unwrap();
        let newest = newest.duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let dir = parent.join(format!("install-{newest}"));
        if !dir.exists() {
            let draft = TempDir::with_prefix_in("draft-", parent).unwrap();
            for file in &files {
                fs::hard_link(file, draft.path().join(file.file_name().unwrap())).unwrap();
            }
            // Another test process may have been quicker; its folder is as good.
            let _ = fs::rename(draft.keep(), &dir);
        }
        remove_older(parent, &dir);
        dir
    })
}

fn installed_files() -> Vec<PathBuf> {
    let built = env::current_exe().unwrap();
    let plugins = fs::read_dir(built.parent().unwrap()).unwrap();
    let is_plugin = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.contains("tapline_connector_") && path.extension() == Some(DLL.as_ref())
    };
    plugins
        .map(|entry| entry.unwrap().path())
        .filter(is_plugin)
        .chain([PathBuf::from(env!("CARGO_BIN_EXE_tapline"))])
        .collect()
}

fn remove_older(parent: &Path, dir: &Path) {
    for entry in fs::read_dir(parent).unwrap().flatten() {
        let name = entry.file_name();
        let age = entry.metadata().and_then(|data| data.modified());
        // Another test process may still use a folder that is not old.
        let is_old = age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() > 3600));
        if name.to_string_lossy().starts_with("install-") && entry.path() != dir && is_old {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

const DLL: &str = if cfg!(windows) {
    "dll"
} else if cfg!(target_os = "macos") {
    "dylib"
} else {
    "so"
};

/// A project in a folder of its own. When it is dropped, no run may have left a secret there.
pub(crate) struct Project {
    pub(crate) dir: TempDir,
    exceptions: RefCell<Exceptions>,
}

impl Drop for Project {
    fn drop(&mut self) {
        if !thread::panicking()
            && let Err(leak) = search_folder(self.dir.path(), &self.exceptions.borrow())
        {
            panic!("{leak}");
        }
    }
}

impl Project {
    /// A project with this `tapline.yaml`.
    pub(crate) fn new(yaml: &str) -> Self {
        let project = Self {
            dir: TempDir::new().unwrap(),
            exceptions: RefCell::default(),
        };
        project.input("tapline.yaml", yaml);
        project
    }

    /// Writes a file that may hold a secret, because the test says so and no run.
    pub(crate) fn input(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        self.exceptions.borrow_mut().inputs.push(path);
    }

    /// From now on, rows may hold secrets: the source sends them as data.
    pub(crate) fn may_hold_secrets_in_rows(&self) {
        self.exceptions.borrow_mut().rows = true;
    }

    /// A project that reads `stream` of `connection` (YAML of one connection) into table `t` of
    /// `warehouse.db`, in the pipeline `p`.
    pub(crate) fn with_pipeline(connection: &str, source: &str) -> Self {
        let connection = connection.trim().replace('\n', "\n    ");
        Self::new(&format!(
            "version: 1
connections:
  c:
    {connection}
destinations:
  warehouse: {{ type: sqlite, path: warehouse.db }}
pipelines:
  p:
    source: {source}
    destination: {{ name: warehouse, table: t }}
    sync: {{ mode: full_load }}
"
        ))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command `tapline`, to be run in the project's folder with a bare environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Tapline {
        let mut command = Command::new(install_dir().join("tapline"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("TMPDIR", self.dir.path())
            .stdin(Stdio::null());
        Tapline {
            command,
            dir: self.dir.path().to_owned(),
        }
    }

    /// Runs `tapline` to its end.
    pub(crate) fn tapline(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// The rows that `sql` selects, by tapline's own `sql` command.
    pub(crate) fn sql(&self, sql: &str) -> Value {
        let run = self.tapline(&["sql", sql, "--output", "json"]);
        assert_eq!(run.code, 0, "{run}");
        run.json()
    }

    /// The warehouse, opened by SQLite itself.
    pub(crate) fn warehouse(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("warehouse.db")).unwrap()
    }

    /// The only column of the only row that `sql` selects.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        self.warehouse()
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    }
}

/// A command whose words are searched for secrets.
pub(crate) struct Tapline {
    command: Command,
    dir: PathBuf,
}

impl Tapline {
    pub(crate) fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn output(&mut self) -> io::Result<Output> {
        let output = self.command.output()?;
        for said in [&output.stdout, &output.stderr] {
            if let Err(leak) = search(said) {
                panic!("{:?} says {leak}", self.command);
            }
        }
        Ok(output)
    }

    /// Starts it. What it says goes to the files `NAME.stdout` and `NAME.stderr` of the project,
    /// which are searched with all others.
    pub(crate) fn spawn(&mut self, name: &str) -> Child {
        let file = |end: &str| File::create(self.dir.join(format!("{name}.{end}"))).unwrap();
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        self.command.stdout(stdout).stderr(stderr).spawn().unwrap()
    }
}

/// What a command printed, and how it ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// What `output` says.
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// stdout as the one JSON document it is.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit {}\n--- stdout\n{}\n--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}
