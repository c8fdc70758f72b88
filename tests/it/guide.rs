//! The guide `docs/first-connector.md`, followed word for word: its files are written, its
//! commands run, and every line it shows must be in what they print.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig};

use crate::support::{Project, Run};

/// What the guide calls the address of the fake API.
const ADDRESS: &str = "http://127.0.0.1:8101";

/// A block of code of the guide.
struct Block<'a> {
    /// What stands behind the three marks: a language and the file it belongs into.
    info: &'a str,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for line in guide.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(info), false) => {
                let text = String::new();
                blocks.push(Block { info, text });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = blocks.last_mut().unwrap();
                block.text += line;
                block.text += "\n";
            }
            (None, false) => {}
        }
    }
    blocks
}

/// Puts `text` into the project: a whole file, or what is added at a place of it.
fn save(project: &Project, target: &str, text: &str) {
    let Some((file, pointer)) = target.split_once('#') else {
        return project.input(target, text);
    };
    let old = fs::read_to_string(project.path(file)).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    if file.ends_with(".json") {
        let mut document: Value = serde_json::from_str(&old).unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        parent[name] = serde_json::from_str(text).unwrap();
        return project.input(file, &document.to_string());
    }
    let lines = text.lines().map(|line| format!("    {line}\n"));
    let added = format!("  {name}:\n{}", lines.collect::<String>());
    let heading = format!("{}:\n", parent.trim_start_matches('/'));
    assert!(old.contains(&heading), "{parent}");
    project.input(
        file,
        &old.replacen(&heading, &format!("{heading}{added}"), 1),
    );
}

/// Runs the commands of a block. A line without `$` must be part of what the command before it
/// printed.
fn follow(project: &Project, text: &str) {
    let mut last: Option<Run> = None;
    for line in text.lines() {
        match line.strip_prefix("$ tapline ") {
            Some(arguments) => last = Some(run(project, arguments)),
            None => {
                let run = last.as_ref().unwrap();
                let said = format!("{}{}", run.stdout, run.stderr);
                assert!(said.contains(line), "no {line:?} in: {run}");
            }
        }
    }
}

fn run(project: &Project, arguments: &str) -> Run {
    let (plain, quoted) = match arguments.split_once('"') {
        Some((plain, quoted)) => (plain, Some(quoted.trim_end_matches('"'))),
        None => (arguments, None),
    };
    let arguments: Vec<&str> = plain.split_whitespace().chain(quoted).collect();
    let mut command = project.command(&arguments);
    let run = Run::of(command.env("API_KEY", "fake-key-us1").output().unwrap());
    assert_eq!(run.code, 0, "{arguments:?}: {run}");
    run
}

#[test]
fn the_guide_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = fs::read_to_string(root.join("docs/first-connector.md")).unwrap();
    let counts = Counts {
        campaigns: 60,
        ..Counts::default()
    };
    let config = FakeApiConfig {
        counts,
        key: "fake-key-us1".to_owned(),
        ..FakeApiConfig::default()
    };
    let api = FakeApi::start(config).unwrap();
    let project = Project::new("version: 1\n");
    let (mut files, mut commands) = (0, 0);
    for block in blocks(&guide) {
        let text = block.text.replace(ADDRESS, &api.base_url());
        match block.info.split_once(' ') {
            Some((_, target)) => {
                save(&project, target, &text);
                files += 1;
            }
            // The API of this test stands for the one that this command starts.
            None if text.starts_with("$ tapline demo --serve") => {}
            None if block.info == "console" => {
                follow(&project, &text);
                commands += 1;
            }
            None => {}
        }
    }
    assert_eq!((files, commands), (7, 5), "blocks of the guide");
}
