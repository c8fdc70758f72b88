//! Loading: what is a plugin, and what is refused before the system's loader can touch it.

use std::fs;
use std::sync::Arc;

use tapline_core::Param;
use tapline_expr::{Context, Encoding};
use tapline_host::LoadError;
use tapline_spec::plan;

use crate::bench::{Bench, built};

const SHIPPED: [&str; 3] = ["mailchimp", "rest", "zendesk"];

#[test]
fn many_plugins_live_side_by_side() {
    let bench = Bench::new();
    for id in SHIPPED {
        let plugin = bench.host.load(id).unwrap();
        assert_eq!(plugin.id, id);
        assert_eq!(plugin.document.id.as_deref(), Some(id));
        assert_eq!(plugin.abi, "1.0.0");
        assert!(plugin.trusted, "it lies beside the executable");
    }
    let streams = |id: &str| -> Vec<String> {
        let plugin = bench.host.load(id).unwrap();
        plugin.document.streams.keys().cloned().collect()
    };
    let has = |id: &str, stream: &str| streams(id).iter().any(|name| name == stream);
    assert!(has("mailchimp", "members") && !has("mailchimp", "tickets"));
    assert!(has("zendesk", "tickets") && !has("zendesk", "members"));
    assert!(streams("rest").is_empty());
}

#[test]
fn a_plugin_can_be_loaded_twice() {
    let bench = Bench::new();
    let first = bench.host.load("mailchimp").unwrap();
    let second = bench.host.load("mailchimp").unwrap();
    assert_eq!(first.sha256, second.sha256);
    assert!(!Arc::ptr_eq(&first, &second));
    let copies = fs::read_dir(bench.dir.path().join("cache")).unwrap();
    assert_eq!(copies.count(), 1);
}

#[test]
fn our_documents_are_without_a_finding() {
    let bench = Bench::new();
    for id in ["mailchimp", "zendesk", "rest"] {
        let diagnostics = &bench.host.load(id).unwrap().diagnostics;
        assert!(diagnostics.is_empty(), "{id}: {diagnostics:?}");
    }
}

#[test]
fn every_stream_of_ours_can_be_planned() {
    let bench = Bench::new();
    let check = |id: &str, stream: &str, params: &[(&str, &str)], query: &[(&str, &str)]| {
        let document = &bench.host.load(id).unwrap().document;
        let credentials = [("username", "any"), ("password", "key")];
        let params = params.iter().chain(&credentials);
        let params = params
            .map(|(name, value)| (*name, Param::Plain((*value).to_owned())))
            .collect();
        let planned = plan(document, stream, Some("BasicAuthentication"), &params).unwrap();
        let context = Context {
            params: &planned.params,
            ..Context::default()
        };
        let sent = planned.plan.request.query.iter();
        let sent: Vec<(&str, String)> = sent
            .map(|(name, value)| {
                (
                    name.as_str(),
                    value.render(context, Encoding::Plain).unwrap(),
                )
            })
            .collect();
        let query = query
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        assert_eq!(sent, query.collect::<Vec<_>>());
        assert!(!planned.plan.columns.is_empty());
    };
    let account = [("subdomain", "acme")];
    let query = ("query", "created>=1970-01-01");
    check(
        "zendesk",
        "tickets",
        &account,
        &[query, ("filter[type]", "ticket")],
    );
    check(
        "zendesk",
        "users",
        &account,
        &[query, ("filter[type]", "user")],
    );
    let list = [("domain", "us1"), ("listId", "57afe96172")];
    check("mailchimp", "members", &list, &[]);
}

#[test]
fn an_unknown_plugin_is_answered_with_the_known_ones() {
    let error = Bench::new().host.load("mailchump").unwrap_err().to_string();
    assert!(error.starts_with("there is no connector `mailchump`; known: "));
    assert!(error.contains("mailchimp, rest, signer, zendesk; searched: "));
}

/// Puts `bytes` where the plugin `shop` would be, and says why it is not loaded.
fn refused(bytes: &[u8]) -> String {
    let bench = Bench::new();
    fs::write(bench.plugin("shop"), bytes).unwrap();
    let error = bench.host.load("shop").unwrap_err();
    assert!(matches!(error, LoadError::Header { .. }), "{error}");
    assert!(
        !bench.dir.path().join("cache").exists(),
        "nothing was copied"
    );
    error.to_string()
}

#[test]
fn what_is_no_library_is_refused() {
    let whole = fs::read(built("rest")).unwrap();
    let check = |bytes: &[u8], expected: &str| {
        let error = refused(bytes);
        assert!(error.contains(expected), "{error}");
    };
    check(b"", "is no plugin for this machine: ");
    check(
        b"not a library, but long enough to be one",
        "Unknown file magic",
    );
    check(&whole[..whole.len() / 2], "is no plugin for this machine: ");
    check(&whole[..whole.len() - 1], "is no plugin for this machine: ");
    check(&whole[..64], "is no plugin for this machine: ");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_library_for_another_machine_is_refused() {
    const E_MACHINE: usize = 18;
    const AARCH64: [u8; 2] = [183, 0];
    let mut bytes = fs::read(built("rest")).unwrap();
    bytes[E_MACHINE..E_MACHINE + 2].copy_from_slice(&AARCH64);
    let error = refused(&bytes);
    assert!(error.ends_with("it is for Aarch64, this machine is x86_64"));
}

#[cfg(target_os = "linux")]
#[test]
fn any_other_library_is_no_connector() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let library = maps
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .find(|path| path.contains("libc.so") || path.contains("libgcc_s"))
        .unwrap();
    let bench = Bench::new();
    fs::copy(library, bench.plugin("shop")).unwrap();
    let error = bench.host.load("shop").unwrap_err().to_string();
    assert!(
        error.ends_with("is a library, but no tapline connector"),
        "{error}"
    );
}

#[test]
fn a_plugin_under_another_name_is_refused() {
    let bench = Bench::new();
    fs::copy(built("mailchimp"), bench.plugin("shop")).unwrap();
    let error = bench.host.load("shop").unwrap_err().to_string();
    assert!(error.ends_with("holds the connector `mailchimp`, but its name says `shop`"));
}

#[test]
fn a_plugin_of_the_operator_is_not_trusted() {
    let bench = Bench::new();
    fs::copy(built("rest"), bench.plugin("rest")).unwrap();
    let plugin = bench.host.load("rest").unwrap();
    assert!(!plugin.trusted);
    assert_eq!(plugin.path, bench.plugin("rest"));
}

#[test]
fn a_changed_copy_is_replaced() {
    let bench = Bench::new();
    let sha256 = bench.host.load("rest").unwrap().sha256.clone();
    let other = Bench::new();
    let extension = built("rest").extension().unwrap().to_owned();
    let cache = other.dir.path().join("cache");
    fs::create_dir(&cache).unwrap();
    let copy = cache.join(sha256).with_extension(extension);
    fs::write(&copy, "something else").unwrap();
    other.host.load("rest").unwrap();
    assert_eq!(fs::read(copy).unwrap(), fs::read(built("rest")).unwrap());
}

#[cfg(unix)]
#[test]
fn the_copies_are_closed_to_others() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    let cache = bench.dir.path().join("cache");
    bench.host.load("rest").unwrap();
    let mode = cache.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    fs::set_permissions(&cache, Permissions::from_mode(0o770)).unwrap();
    let error = bench.host.load("rest").unwrap_err().to_string();
    assert!(error.ends_with("cache: other users can write to it"));
}

/// Whoever owns the directory can change a copy after it was checked.
#[cfg(unix)]
#[test]
fn copies_are_not_kept_in_a_directory_of_somebody_else() {
    use std::os::unix::fs::chown;

    let bench = Bench::new();
    let cache = bench.dir.path().join("cache");
    fs::create_dir(&cache).unwrap();
    if chown(&cache, Some(12345), None).is_err() {
        eprintln!("skipped: only root can give a directory away");
        return;
    }
    let error = bench.host.load("rest").unwrap_err().to_string();
    assert!(
        error.ends_with("cache: it belongs to another user"),
        "{error}"
    );
}
