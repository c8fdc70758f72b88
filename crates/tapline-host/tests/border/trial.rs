//! The trial of a library that was never seen, with libraries that do not survive it.

use std::time::{Duration, Instant};
use std::{fs, thread};

use tapline_host::{Fault, LoadError, Probe};

use crate::bench::{Bench, built, deadly, replaced};

/// Why these bytes are not loaded as the plugin `shop`.
fn refused(bench: &Bench, bytes: &[u8]) -> Fault {
    fs::write(bench.plugin("shop"), bytes).unwrap();
    match bench.host.load("shop").unwrap_err() {
        LoadError::Unfit { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn a_library_that_is_well_is_tried_once() {
    let bench = Bench::careful(Probe::LIMIT);
    fs::write(bench.plugin("shop"), deadly("nothing")).unwrap();
    for id in ["shop", "rest", "shop"] {
        assert_eq!(bench.host.load(id).unwrap().id, id);
    }
    let names = fs::read_dir(bench.dir.path().join("cache")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let verdicts: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
    assert_eq!(verdicts.len(), 2, "{verdicts:?}");
}

#[cfg(unix)]
#[test]
fn a_library_that_dies_is_refused_and_the_runner_lives() {
    let bench = Bench::careful(Probe::LIMIT);
    let check = |order: &str, how: &str, said: &str| {
        let fault = refused(&bench, &deadly(order));
        let Fault::Deadly {
            how: ended,
            said: last,
        } = &fault
        else {
            panic!("{order}: {fault}");
        };
        assert!(ended.starts_with(how), "{order}: {fault}");
        assert!(last.contains(said), "{order}: {fault}");
        assert_eq!(refused(&bench, &deadly(order)), fault, "it is remembered");
    };
    check("abort", "signal: 6", "");
    check("exit", "exit status: 0", "");
    check("panic", "signal: 6", "deadly in a constructor");
    check("segfault", "signal: 11", "");
    check("stack", "signal: ", "overflow");
    check("orphan", "signal: 6", "");
    check("noise", "signal: 6", "noise noise");
    check("spec", "signal: 6", "deadly in spec");
    check("hooks", "signal: 6", "deadly in hooks");
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_that_takes_all_memory_gets_a_part_of_it() {
    let fault = refused(&Bench::careful(Probe::LIMIT), &deadly("memory"));
    assert!(
        fault.to_string().contains("memory allocation of"),
        "{fault}"
    );
}

#[cfg(unix)]
#[test]
fn a_library_that_does_not_load_in_time_is_tried_again() {
    for order in ["hang", "stop"] {
        let bench = Bench::careful(Duration::from_secs(1));
        let fault = refused(&bench, &deadly(order));
        assert_eq!(fault.to_string(), "does not load within 1 s", "{order}");
        let cache = fs::read_dir(bench.dir.path().join("cache")).unwrap();
        assert_eq!(cache.count(), 1, "there is the copy and no verdict");
    }
}

#[test]
fn a_panic_in_the_root_is_an_error() {
    let fault = refused(&Bench::careful(Probe::LIMIT), &deadly("root"));
    let Fault::Open { reason } = fault else {
        panic!("{fault}");
    };
    assert!(reason.contains("panicked"), "{reason}");
}

/// Every version that a library of ours names, in its header and its layouts, is changed.
#[test]
fn a_library_of_another_major_version_is_refused() {
    let library = replaced(fs::read(built("rest")).unwrap(), b"1.0.0", b"2.0.0");
    for bench in [Bench::new(), Bench::careful(Probe::LIMIT)] {
        let error = refused(&bench, &library).to_string();
        assert_eq!(
            error,
            "was built for plugin ABI 2.0.0, this tapline has 1.0.0: rebuild it"
        );
    }
}

/// The layout names a field that this border does not have.
#[test]
fn a_library_of_another_layout_is_refused() {
    let library = fs::read(built("rest")).unwrap();
    let library = replaced(library, b"spec;hooks;open", b"spec;hosts;open");
    for bench in [Bench::new(), Bench::careful(Probe::LIMIT)] {
        let fault = refused(&bench, &library);
        let Fault::Layout { summary } = &fault else {
            panic!("{fault}");
        };
        assert!(summary.len() < 400, "{summary}");
        assert!(summary.contains("field"), "{summary}");
    }
}

#[test]
fn a_document_that_is_none_is_refused_with_its_first_error() {
    let check = |order: &str, expected: &str| {
        let bench = Bench::careful(Probe::LIMIT);
        fs::write(bench.plugin("shop"), deadly(order)).unwrap();
        let error = bench.host.load("shop").unwrap_err();
        assert!(matches!(error, LoadError::Document { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().unwrap().contains("tapline validate"));
    };
    check("text", "must be an object");
    check("document", "strems");
}

/// What was judged is loaded, whatever the name leads to since.
#[test]
fn a_file_that_is_swapped_all_the_time_is_one_or_the_other() {
    let bench = Bench::careful(Probe::LIMIT);
    let (path, draft) = (bench.plugin("shop"), bench.dir.path().join("draft"));
    let libraries = [deadly("nothing"), deadly("abort")];
    fs::write(&path, &libraries[0]).unwrap();
    thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            for library in libraries.iter().cycle().take(20) {
                fs::write(&draft, library).unwrap();
                fs::rename(&draft, &path).unwrap();
            }
        });
        while !swapping.is_finished() {
            match bench.host.load("shop") {
                Ok(plugin) => assert_eq!(plugin.id, "shop"),
                Err(LoadError::Unfit { fault, .. }) => {
                    assert!(matches!(fault, Fault::Deadly { .. }), "{fault}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    });
}

#[test]
fn a_trial_that_cannot_be_started_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let probe = Probe::new(dir.path().join("none"), [""; 0]);
    let error = Bench::with(Some(probe)).host.load("rest").unwrap_err();
    assert!(error.to_string().starts_with("try out "), "{error}");
}

#[cfg(unix)]
#[test]
fn what_anybody_can_write_is_refused() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let check = |changed: &dyn Fn(&Bench) -> std::path::PathBuf| {
        let bench = Bench::new();
        fs::copy(built("rest"), bench.plugin("rest")).unwrap();
        let open = changed(&bench);
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let error = bench.host.load("rest").unwrap_err();
        assert!(matches!(error, LoadError::Exposed { .. }), "{error}");
        let name = open.file_name().unwrap().to_str().unwrap();
        assert!(error.to_string().ends_with(name), "{error}");
        assert!(error.hint().unwrap().starts_with("close it: chmod o-w /"));
        assert!(
            !bench.dir.path().join("cache").exists(),
            "nothing was copied"
        );
    };
    check(&|bench| bench.plugin("rest"));
    check(&|bench| bench.dir.path().join("plugins"));
}

/// `cargo test --release -p tapline-host -- --nocapture trial` shows it.
#[expect(clippy::disallowed_methods, reason = "a duration is shown, not judged")]
#[test]
fn the_second_load_needs_no_trial() {
    let bench = Bench::careful(Probe::LIMIT);
    let timed = |what: &str| {
        let start = Instant::now();
        bench.host.load("mailchimp").unwrap();
        println!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
    };
    timed("first load");
    timed("second load");
}
