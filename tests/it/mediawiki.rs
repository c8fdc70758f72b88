//! MediaWiki: the next page is asked for with every member of the `continue` object.

use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reading;
use crate::server::{Server, installed, word_after};
use crate::support::Project;

/// A running MediaWiki, with a wiki of its own.
struct Wiki {
    _server: Server,
    base_url: String,
    dir: TempDir,
}

/// A version of a page.
struct Revision {
    title: String,
    text: String,
    comment: String,
    /// In seconds after the start of 2026.
    time: usize,
}

const USER: &str = "Åsa & Bo";

impl Wiki {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        install(dir.path());
        let mut command = php(dir.path());
        command
            .args(["-S", "127.0.0.1:0", "-t"])
            .arg(installed("mediawiki/usr/share/mediawiki"));
        // [Sun Nov 22 10:39:15 2026] PHP 8.2.36 Development Server (http://127.0.0.1:1) started
        let listening = |line: &str| Some(word_after(line, "Server (")?.replace(')', ""));
        let (server, base_url) = Server::start(command, listening).unwrap();
        Self {
            _server: server,
            base_url,
            dir,
        }
    }

    /// Adds pages, with all of their revisions.
    fn import(&self, pages: Range<usize>) {
        let dump = self.dir.path().join("dump.xml");
        fs::write(&dump, xml(pages)).unwrap();
        let mut command = maintenance(self.dir.path(), "importDump");
        finish(command.arg("--no-updates").arg(dump));
    }
}

fn php(dir: &Path) -> Command {
    let mut command = Command::new(installed("mediawiki/php"));
    command.env("MW_CONFIG_FILE", dir.join("LocalSettings.php"));
    command
}

fn maintenance(dir: &Path, name: &str) -> Command {
    let script = format!("mediawiki/usr/share/mediawiki/maintenance/{name}.php");
    let mut command = php(dir);
    command.arg(installed(&script));
    command
}

/// Makes a wiki with one page, in SQLite.
fn install(dir: &Path) {
    let mut command = maintenance(dir, "install");
    command
        .env_remove("MW_CONFIG_FILE")
        .args(["--dbtype", "sqlite", "--dbname", "wiki", "--scriptpath", ""])
        .args([
            "--server",
            "http://127.0.0.1",
            "--pass",
            "a long enough one",
        ]);
    command.arg("--dbpath").arg(dir).arg("--confpath").arg(dir);
    finish(command.args(["Wiki", "Admin"]));
}

#[track_caller]
fn finish(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// One revision, or two, or three.
fn revisions(page: usize) -> impl Iterator<Item = Revision> {
    (0..=page % 3).map(move |version| Revision {
        title: format!("Página {page:03} & «q» + 100% 漢字/𝄞?="),
        text: format!("{version}: <b>\"é\"</b> & 'q'\n\n{{{{x}}}}\t\\n \u{1F4A1} {page}"),
        comment: format!("edit {version} & <more>"),
        time: page * 3 + version,
    })
}

fn timestamp(time: usize) -> String {
    format!(
        "2026-01-01T{:02}:{:02}:{:02}Z",
        time / 3600,
        time / 60 % 60,
        time % 60
    )
}

/// What MediaWiki's own export looks like.
fn xml(pages: Range<usize>) -> String {
    let mut xml =
        "<mediawiki xmlns=\"http://www.mediawiki.org/xml/export-0.10/\" version=\"0.10\">"
            .to_owned();
    for page in pages {
        let title = escaped(&revisions(page).next().unwrap().title);
        write!(xml, "<page><title>{title}</title><ns>0</ns>").unwrap();
        for Revision {
            text,
            comment,
            time,
            ..
        } in revisions(page)
        {
            write!(
                xml,
                "<revision><timestamp>{}</timestamp>
                <contributor><username>{}</username></contributor><comment>{}</comment>
                <model>wikitext</model><format>text/x-wiki</format>
                <text xml:space=\"preserve\">{}</text></revision>",
                timestamp(time),
                escaped(USER),
                escaped(&comment),
                escaped(&text),
            )
            .unwrap();
        }
        xml.push_str("</page>");
    }
    xml + "</mediawiki>"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The table has these revisions, and the one page that every new wiki has.
#[track_caller]
fn check_revisions(project: &Project, pages: Range<usize>) {
    let rows = reading::select(
        project,
        "select title, ns, user, timestamp, comment, json_extract(slots, '$.main.content')
         from t where title <> 'Main Page' order by title, timestamp",
    );
    let expected: Vec<Vec<Value>> = pages
        .flat_map(revisions)
        .map(|revision| {
            vec![
                json!(revision.title),
                json!(0),
                json!(format!("imported>{USER}")),
                json!(timestamp(revision.time)),
                json!(revision.comment),
                json!(revision.text),
            ]
        })
        .collect();
    assert_eq!(rows, expected);
    assert_eq!(
        project.count("select count(*) from t where title = 'Main Page'"),
        1
    );
}

#[track_caller]
fn check_pages(project: &Project, pages: Range<usize>) {
    let rows = reading::select(project, "select title, ns from t order by title");
    let titles = pages.filter_map(|page| Some(revisions(page).next()?.title));
    let expected: Vec<Vec<Value>> = std::iter::once("Main Page".to_owned())
        .chain(titles)
        .map(|title| vec![json!(title), json!(0)])
        .collect();
    assert_eq!(rows, expected);
    let ids = "select count(distinct pageid) from t";
    assert_eq!(project.count(ids), i64::try_from(expected.len()).unwrap());
}

#[test]
fn mediawiki_is_read_by_its_continue_object() {
    let wiki = Wiki::start();
    let params = format!("params: {{ host: \"{}\" }}", wiki.base_url);
    let pages = reading::project("mediawiki-pages", &params);
    let revisions = reading::project("mediawiki-revisions", &params);
    wiki.import(0..120);
    reading::run(&pages, "", 4, 121);
    check_pages(&pages, 0..120);
    reading::run(&revisions, "", 7, 241);
    check_revisions(&revisions, 0..120);
    wiki.import(120..165);
    reading::run(&pages, "", 5, 166);
    check_pages(&pages, 0..165);
    reading::run(&revisions, "", 9, 331);
    check_revisions(&revisions, 0..165);
}
