//! The folder of one pipeline's pages.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tapline_core::{Error, ErrorKind, KeptPage, RawPage, RawStore, RequestRecord, Result};
use uuid::Uuid;

/// Version of the files.
const VERSION: u32 = 1;
/// Of zstd: bodies of JSON become a tenth, at more than 300 MB a second.
const LEVEL: i32 = 3;

/// The pages of a pipeline, in a folder of their own.
#[derive(Clone, Debug)]
pub struct RawFolder {
    path: PathBuf,
}

/// The first line of a file.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    request: RequestRecord,
    left_out: Vec<u64>,
}

impl RawFolder {
    /// The folder at `path`; it is made with the first page.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn run(&self, run: Uuid) -> PathBuf {
        self.path.join(run.to_string())
    }

    fn file(&self, run: Uuid, request: Uuid) -> PathBuf {
        self.run(run).join(format!("{request}.json.zst"))
    }

    /// Forgets the pages of runs that began before `before`, but for those of `spared`. Returns how
    /// many runs that were.
    ///
    /// # Errors
    /// A folder cannot be read or removed.
    pub fn prune(&self, before: Timestamp, spared: Uuid) -> Result<usize> {
        let failed = |error| failed("forget raw pages", &self.path, error);
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries.map_err(failed)?,
        };
        let mut pruned = 0;
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let run = name.to_str().and_then(|name| name.parse::<Uuid>().ok());
            let Some(run) = run.filter(|run| *run != spared && began(*run) < Some(before)) else {
                continue;
            };
            fs::remove_dir_all(self.run(run)).map_err(failed)?;
            pruned += 1;
        }
        Ok(pruned)
    }
}

impl RawStore for RawFolder {
    fn put(&self, run: Uuid, request: &RequestRecord, page: &RawPage) -> Result<()> {
        let path = self.file(run, request.request_id);
        let folder = self.run(run);
        let put = || -> io::Result<()> {
            fs::create_dir_all(&folder)?;
            let draft = tempfile::Builder::new()
                .suffix(".draft")
                .tempfile_in(&folder)?;
            let mut encoder = zstd::Encoder::new(draft, LEVEL)?;
            let head = Head {
                version: VERSION,
                request: request.clone(),
                left_out: page.left_out.clone(),
            };
            serde_json::to_writer(&mut encoder, &head)?;
            encoder.write_all(b"\n")?;
            encoder.write_all(&page.body)?;
            let draft = encoder.finish()?;
            draft.as_file().sync_all()?;
            draft.persist(&path).map_err(|error| error.error)?;
            // So that the file's name is on the disk, too.
            sync_folder(&folder)?;
            sync_folder(&self.path)
        };
        put().map_err(|error| failed("keep raw page", &path, error))
    }

    fn get(&self, run: Uuid, request: Uuid) -> Result<Option<KeptPage>> {
        let path = self.file(run, request);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| failed("read raw page", &path, error))?,
        };
        let get = || -> io::Result<KeptPage> {
            let mut text = BufReader::new(zstd::Decoder::new(file)?);
            let mut line = String::new();
            text.read_line(&mut line)?;
            let head: Head = serde_json::from_str(&line)?;
            if head.version != VERSION {
                let message = format!("it has version {}, known: {VERSION}", head.version);
                return Err(io::Error::other(message));
            }
            let mut body = Vec::new();
            text.read_to_end(&mut body)?;
            Ok(KeptPage {
                request: head.request,
                page: RawPage {
                    body: body.into(),
                    left_out: head.left_out,
                },
            })
        };
        get()
            .map(Some)
            .map_err(|error| failed("read raw page", &path, error))
    }
}

/// When a run began, which its name says.
fn began(run: Uuid) -> Option<Timestamp> {
    let (seconds, nanos) = run.get_timestamp()?.to_unix();
    let seconds = i64::try_from(seconds).ok()?;
    Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok()
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder is no file that could be synced.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn failed(operation: &'static str, path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Destination, operation, error.to_string()).with("path", path.display())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tempfile::TempDir;
    use uuid::{NoContext, Timestamp as Tick};

    use super::*;

    fn request(id: Uuid) -> RequestRecord {
        RequestRecord {
            request_id: id,
            method: "GET".to_owned(),
            url: "http://h/".to_owned(),
            status: 200,
            bytes: 2,
            attempts: 1,
            waited_ms: 0,
            duration_ms: 0,
            received_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        }
    }

    fn run_of(at: Timestamp) -> Uuid {
        let seconds = u64::try_from(at.as_second()).unwrap();
        Uuid::new_v7(Tick::from_unix(NoContext, seconds, 0))
    }

    #[test]
    fn a_page_comes_back_as_it_was() {
        let dir = TempDir::new().unwrap();
        let folder = RawFolder::new(dir.path().join("raw"));
        let (run, id) = (Uuid::now_v7(), Uuid::now_v7());
        assert_eq!(folder.get(run, id).unwrap(), None);
        for body in ["{\"a\":\n\"\u{1f600}\"}", ""] {
            let page = RawPage {
                body: Bytes::from(body),
                left_out: vec![0, 7],
            };
            folder.put(run, &request(id), &page).unwrap();
            let kept = folder.get(run, id).unwrap().unwrap();
            assert_eq!((kept.page, kept.request), (page, request(id)));
        }
        fs::write(folder.file(run, id), "no page").unwrap();
        assert!(folder.get(run, id).is_err());
    }

    #[test]
    fn old_runs_are_forgotten_but_for_the_last() {
        let dir = TempDir::new().unwrap();
        let folder = RawFolder::new(dir.path());
        let before: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            RawFolder::new(dir.path().join("none"))
                .prune(before, Uuid::nil())
                .unwrap(),
            0
        );
        let at = |text: &str| run_of(text.parse().unwrap());
        let runs = [
            at("2026-01-01T00:00:00Z"),
            at("2026-02-01T00:00:00Z"),
            at("2026-07-01T00:00:00Z"),
        ];
        for run in runs {
            folder.put(run, &request(run), &RawPage::default()).unwrap();
        }
        fs::create_dir(dir.path().join("something else")).unwrap();
        assert_eq!(folder.prune(before, runs[1]).unwrap(), 1);
        let left = runs.map(|run| folder.get(run, run).unwrap().is_some());
        assert_eq!(left, [false, true, true]);
        assert!(dir.path().join("something else").exists());
    }
}
