//! Bad plugins: `connectors` says what is wrong with each, `run` ends with one line and a hint.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::secrets::{TRIAL, search};
use crate::support::{Project, Run, install_dir};

const FOLDER: [&str; 2] = ["--plugin-dir", "plugins"];

/// A project whose one pipeline reads from the plugin `id` of its folder `plugins`.
fn project(id: &str, params: &str) -> Project {
    let connection = format!("connector: {id}\ntrust: in-process\nparams: {{ {params} }}");
    let project = Project::with_pipeline(&connection, "{ connection: c, stream: items }");
    fs::create_dir(project.path("plugins")).unwrap();
    project
}

fn file_name(id: &str) -> String {
    format!("{DLL_PREFIX}tapline_connector_{id}{DLL_SUFFIX}")
}

fn plugin(project: &Project, id: &str) -> PathBuf {
    project.path("plugins").join(file_name(id))
}

/// The bytes of a plugin that is well.
fn rest() -> Vec<u8> {
    fs::read(install_dir().join(file_name("rest"))).unwrap()
}

/// The library `tests/plugins/deadly`, told to die in this way.
fn deadly(order: &str) -> Vec<u8> {
    let name = format!("{DLL_PREFIX}tapline_deadly{DLL_SUFFIX}");
    let library = std::env::current_exe().unwrap().with_file_name(name);
    let order = format!("deadly by order:{order:16}");
    replaced(
        fs::read(library).unwrap(),
        "deadly by order:nothing         ",
        &order,
    )
}

/// `library` with `new` wherever `old`, which is as long, was.
fn replaced(mut library: Vec<u8>, old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let places: Vec<usize> = (0..library.len() - old.len())
        .filter(|&at| library[at..].starts_with(old.as_bytes()))
        .collect();
    assert!(!places.is_empty(), "there is no {old}");
    for at in places {
        library[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    library
}

fn other_machine() -> Vec<u8> {
    const E_MACHINE: usize = 18;
    let mut library = rest();
    library[E_MACHINE..E_MACHINE + 2].copy_from_slice(&[243, 0]);
    library
}

fn truncated() -> Vec<u8> {
    let library = rest();
    library[..library.len() / 2].to_vec()
}

/// What is wrong with each of these files, by the id in its name.
fn bad() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    vec![
        ("empty", Vec::new(), "is no plugin for this machine"),
        ("garbage", vec![b'?'; 5000], "Unknown file magic"),
        ("truncated", truncated(), "is no plugin for this machine"),
        (
            "riscv",
            other_machine(),
            "it is for Riscv64, this machine is",
        ),
        (
            "old",
            replaced(rest(), "1.0.0", "0.9.0"),
            "was built for plugin ABI 0.9.0",
        ),
        (
            "layout",
            replaced(rest(), "spec;hooks;open", "spec;hosts;open"),
            "does not fit the plugin ABI",
        ),
        ("aborts", deadly("abort"), "signal: 6 (SIGABRT)"),
        ("exits", deadly("exit"), "exit status: 0"),
        ("segfaults", deadly("segfault"), "signal: 11 (SIGSEGV)"),
        ("panics", deadly("spec"), "deadly in spec"),
        (
            "root",
            deadly("root"),
            "cannot be opened: the root module loader panicked",
        ),
        ("text", deadly("text"), "must be an object"),
        ("document", deadly("document"), "the connector document"),
        ("other", deadly("nothing"), "holds the connector `shop`"),
    ]
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn every_bad_plugin_is_listed_with_its_reason_among_the_good_ones() {
    let project = project("shop", "");
    for (id, library, _) in bad() {
        fs::write(plugin(&project, id), library).unwrap();
    }
    // A second one of an id that comes first elsewhere, and one that is well.
    fs::write(plugin(&project, "rest"), rest()).unwrap();
    fs::write(plugin(&project, "shop"), deadly("nothing")).unwrap();
    let json = ["connectors", "--output", "json"];
    let run = project.tapline(&[&json[..], &FOLDER].concat());
    assert_eq!(run.code, 0, "{run}");
    let listed = run.json();
    let listed = listed["connectors"].as_array().unwrap();
    let entry = |id: &str| listed.iter().find(|entry| entry["id"] == id).unwrap();
    for (id, _, reason) in bad() {
        let said = entry(id)["error"].as_str().unwrap();
        assert!(said.contains(reason), "{id}: {said}");
        assert!(said.len() < 500 && !said.contains('\n'), "{id}: {said}");
    }
    assert_eq!(entry("shop")["name"], "Shop");
    assert_eq!(entry("mailchimp")["id"], "mailchimp");
    assert!(entry("mailchimp").get("error").is_none());

    let run = project.tapline(&[&["connectors"], &FOLDER[..]].concat());
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("signal: 6"), "{run}");
    let shipped = install_dir().join(file_name("rest"));
    let unused = format!("rest: {} is not used", shipped.display());
    assert!(run.stderr.contains(&unused), "{run}");
}

/// `run` fails with one line that contains `reason`, and a hint.
#[track_caller]
fn check(project: &Project, reason: &str) {
    let run = project.tapline(&[&["run"], &FOLDER[..]].concat());
    assert_eq!(run.code, 1, "{run}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    let is_told = |line: &&str| line.contains(reason);
    assert_eq!(
        lines.iter().copied().filter(|line| is_told(line)).count(),
        1,
        "{run}"
    );
    assert!(run.stderr.contains("hint: "), "{run}");
    assert!(!run.stderr.contains("stack backtrace"), "{run}");
    assert!(lines.len() <= 2, "{run}");
    assert!(!project.path("warehouse.db").exists(), "nothing was begun");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_run_with_a_bad_plugin_ends_with_one_line_and_a_hint() {
    for (id, library, reason) in bad() {
        let project = project(id, "");
        fs::write(plugin(&project, id), library).unwrap();
        check(&project, reason);
    }
}

#[cfg(unix)]
#[test]
fn what_anybody_can_write_is_not_loaded() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let opened = |path: PathBuf, mode: u32| {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let project = project("shop", "");
    fs::write(plugin(&project, "shop"), deadly("nothing")).unwrap();
    opened(plugin(&project, "shop"), 0o646);
    check(&project, "is not safe to load: any user can write to");
    opened(plugin(&project, "shop"), 0o644);
    opened(project.path("plugins"), 0o757);
    check(&project, "is not safe to load: any user can write to");
}

#[test]
fn a_plugin_that_is_not_there_is_answered_with_those_that_are() {
    let project = project("ghost", "");
    let run = project.tapline(&[&["run"], &FOLDER[..]].concat());
    assert_eq!(run.code, 2, "{run}");
    assert!(
        run.stderr.contains("there is no connector `ghost`"),
        "{run}"
    );
    assert!(run.stderr.contains("mailchimp"), "{run}");
}

#[test]
fn a_panic_of_a_connector_fails_its_pipeline_alone() {
    let check = |fault: &str, reason: &str| {
        let run = project("faulty", &format!("fault: {fault}")).tapline(&["run"]);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stdout.contains(reason), "{run}");
        assert!(!run.stderr.contains("stack backtrace"), "{run}");
    };
    check("open", "the connector panicked: faulty in open");
    check("partitions", "the connector panicked: faulty in partitions");
}

/// What a library does while it is tried out, it does without the secrets of this process.
#[cfg(target_os = "linux")]
#[test]
fn a_trial_knows_no_secret() {
    let project = project("shop", "");
    fs::write(plugin(&project, "shop"), deadly("environment")).unwrap();
    let mut command = project.command(&[&["run"], &FOLDER[..]].concat());
    let output = command.env("SHOP_KEY", TRIAL).output();
    let run = Run::of(output.unwrap());
    assert!(run.stderr.contains("0 variables"), "{run}");
}

/// The process that tries a library out is told of the library alone.
#[cfg(target_os = "linux")]
#[test]
fn a_trial_is_told_no_secret() {
    let project = project(
        "shop",
        &format!("key: \"${{env:SHOP_KEY}}\", word: {TRIAL:?}"),
    );
    fs::write(plugin(&project, "shop"), deadly("hang")).unwrap();
    let mut command = project.command(&[&["run"], &FOLDER[..]].concat());
    let mut run = command.env("SHOP_KEY", TRIAL).spawn("trial");
    let trial = loop {
        assert!(
            run.try_wait().unwrap().is_none(),
            "it ended without a trial"
        );
        if let Some(trial) = trial_of(run.id()) {
            break trial;
        }
        std::thread::yield_now();
    };
    let told = |what: &str| fs::read(trial.join(what)).unwrap();
    let (arguments, environment) = (told("cmdline"), told("environ"));
    // Ends it, and with it the run.
    let process = trial.file_name().unwrap();
    let killed = Command::new("kill").arg("-KILL").arg(process).status();
    assert!(killed.unwrap().success());
    assert_eq!(run.wait().unwrap().code(), Some(1));
    search(&arguments).unwrap();
    search(&environment).unwrap();
    assert_eq!(arguments.iter().filter(|byte| **byte == 0).count(), 3);
    assert_eq!(String::from_utf8_lossy(&environment), "");
}

/// The folder below `/proc` of the trial that the process `runner` has started, if it runs.
#[cfg(target_os = "linux")]
fn trial_of(runner: u32) -> Option<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut folders = processes.map(|process| process.path());
    folders.find(|folder| {
        let read = |what: &str| fs::read_to_string(folder.join(what)).unwrap_or_default();
        // Before it is `try-plugin`, it is a copy of the runner.
        let parent = format!("PPid:\t{runner}\n");
        read("status").contains(&parent) && read("cmdline").contains("\0try-plugin\0")
    })
}
