//! Which crate may depend on which.

use std::process::Command;

use serde_json::Value;

use super::tree::root;

/// The crates of `crates/` and what each may depend on: the arrows of ARCHITECTURE.md. What tests
/// and benchmarks need is not counted. A name with a `*` is a family.
pub(super) const CRATES: &[(&str, &[&str])] = &[
    (
        "tapline",
        &[
            "tapline-conformance",
            "tapline-core",
            "tapline-dest-*",
            "tapline-engine",
            "tapline-host",
            "tapline-http",
            "tapline-raw",
            "tapline-spec",
            "tapline-state",
        ],
    ),
    (
        "tapline-host",
        &["tapline-abi", "tapline-core", "tapline-spec"],
    ),
    (
        "tapline-engine",
        &["tapline-core", "tapline-expr", "tapline-spec"],
    ),
    ("tapline-http", &["tapline-core", "tapline-spec"]),
    (
        "tapline-dest-*",
        &["tapline-core", "tapline-postgres", "tapline-sqlite"],
    ),
    ("tapline-raw", &["tapline-core"]),
    (
        "tapline-state",
        &["tapline-core", "tapline-postgres", "tapline-sqlite"],
    ),
    ("tapline-postgres", &["tapline-core"]),
    ("tapline-sqlite", &[]),
    ("tapline-core", &["tapline-spec"]),
    ("tapline-spec", &["tapline-expr"]),
    ("tapline-expr", &[]),
    ("tapline-abi", &[]),
    ("tapline-plugin", &["tapline-abi"]),
    ("tapline-conformance", &["tapline-core", "tapline-spec"]),
    ("xtask", &[]),
];

/// A plugin knows the SDK and nothing else of tapline.
const PLUGIN: &[&str] = &["tapline-plugin"];
/// A library for tests does what the SDK would prevent.
const DEADLY: &[&str] = &["tapline-abi"];

/// Crates that open files and sockets, and who may not name them.
const IO: &[&str] = &[
    "fs-err",
    "hyper",
    "libloading",
    "mio",
    "object_store",
    "reqwest",
    "rusqlite",
    "tempfile",
    "tokio",
    "tokio-util",
    "walkdir",
];
const WITHOUT_IO: &[&str] = &["tapline-engine", "tapline-expr", "tapline-spec"];

/// The FFI library is named behind the border only.
const ABI: &[&str] = &["abi_stable", "async-ffi"];
const WITH_ABI: &[&str] = &[
    "tapline-abi",
    "tapline-deadly",
    "tapline-host",
    "tapline-plugin",
];

/// A package of the workspace, and what it depends on other than for tests and builds.
pub(super) struct Package {
    name: String,
    depends: Vec<String>,
}

/// The packages of this workspace, as cargo reads them.
pub(super) fn packages() -> Vec<Package> {
    let arguments = [
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--offline",
        "--locked",
    ];
    let cargo = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        cargo.status.success(),
        "{}",
        String::from_utf8_lossy(&cargo.stderr)
    );
    let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(package)
        .collect()
}

fn package(value: &Value) -> Package {
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let dependencies = value["dependencies"].as_array().unwrap().iter();
    let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
    Package {
        name: name(value),
        depends: normal.map(name).collect(),
    }
}

/// Every arrow that may not be there, and every crate without a line in the table or behind it.
pub(super) fn findings(packages: &[Package]) -> Vec<String> {
    let missing = CRATES
        .iter()
        .filter(|(name, _)| !packages.iter().any(|package| is(&package.name, name)))
        .map(|(name, _)| format!("{name} is in the table of crates and not in the workspace"));
    packages
        .iter()
        .flat_map(of_package)
        .chain(missing)
        .collect()
}

fn of_package(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some(allowed) = allowed(name) else {
        return vec![format!("{name} has no line in the table of crates")];
    };
    let refusal = |dependency: &String| {
        let has = |list: &[&str]| list.contains(&dependency.as_str());
        let internal = dependency.starts_with("tapline");
        if internal && !allowed.iter().any(|pattern| is(dependency, pattern)) {
            Some("is not below it")
        } else if has(IO) && WITHOUT_IO.contains(&name.as_str()) {
            Some("does I/O, which this crate leaves to others")
        } else if has(ABI) && !WITH_ABI.contains(&name.as_str()) {
            Some("stays behind the plugin border")
        } else {
            None
        }
    };
    let finding = |dependency| Some(format!("{name} -> {dependency}: {}", refusal(dependency)?));
    package.depends.iter().filter_map(finding).collect()
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    if name.starts_with("tapline-connector-") {
        return Some(PLUGIN);
    }
    if name == "tapline-deadly" {
        return Some(DEADLY);
    }
    if name == "tapline-disk" {
        return Some(&[]);
    }
    CRATES
        .iter()
        .find(|(pattern, _)| is(name, pattern))
        .map(|(_, allowed)| *allowed)
}

/// Whether `name` is `pattern` or of its family.
pub(super) fn is(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(family) => name.starts_with(family),
        None => name == pattern,
    }
}

/// Crates of which `lock`, a Cargo.lock, may have one version: their types meet everywhere.
const ONE_VERSION: [&str; 3] = ["arrow-array", "arrow-buffer", "arrow-schema"];

/// Every crate of `ONE_VERSION` of which there is not exactly one.
pub(super) fn versions(lock: &str) -> Vec<String> {
    let versions = |name: &str| {
        let line = format!("name = \"{name}\"");
        lock.lines().filter(|known| *known == line).count()
    };
    let finding = |name: &str| match versions(name) {
        1 => None,
        count => Some(format!(
            "Cargo.lock has {count} versions of {name}, not one"
        )),
    };
    ONE_VERSION.into_iter().filter_map(finding).collect()
}

#[test]
fn a_wrong_arrow_is_found() {
    let check = |name: &str, dependency: &str, expected: &[&str]| {
        let (name, depends) = (name.to_owned(), vec![dependency.to_owned()]);
        assert_eq!(of_package(&Package { name, depends }), expected);
    };
    check("tapline-engine", "tapline-core", &[]);
    check("tapline", "tapline-dest-sqlite", &[]);
    check("tapline-connector-x", "tapline-plugin", &[]);
    check("tapline-http", "tokio", &[]);
    check(
        "tapline-core",
        "tapline-engine",
        &["tapline-core -> tapline-engine: is not below it"],
    );
    check(
        "tapline-dest-x",
        "tapline-engine",
        &["tapline-dest-x -> tapline-engine: is not below it"],
    );
    check(
        "tapline-connector-x",
        "tapline-abi",
        &["tapline-connector-x -> tapline-abi: is not below it"],
    );
    check(
        "tapline-spec",
        "tokio",
        &["tapline-spec -> tokio: does I/O, which this crate leaves to others"],
    );
    check(
        "tapline-core",
        "abi_stable",
        &["tapline-core -> abi_stable: stays behind the plugin border"],
    );
    check(
        "tapline-new",
        "serde",
        &["tapline-new has no line in the table of crates"],
    );
}

#[test]
fn a_crate_that_is_gone_is_found() {
    let absent = findings(&[]);
    assert_eq!(absent.len(), CRATES.len(), "{absent:?}");
}

#[test]
fn only_normal_dependencies_count() {
    let value = serde_json::json!({ "name": "a", "dependencies": [
        { "name": "b", "kind": null }, { "name": "c", "kind": "dev" }, { "name": "d", "kind": "build" },
    ]});
    assert_eq!(package(&value).depends, ["b"]);
}

#[test]
fn a_second_arrow_is_found() {
    let one: String = ONE_VERSION
        .map(|name| format!("name = \"{name}\"\n"))
        .concat();
    assert_eq!(versions(&one), [""; 0]);
    let two = format!("{one}name = \"arrow-array\"\n");
    assert_eq!(
        versions(&two),
        ["Cargo.lock has 2 versions of arrow-array, not one"]
    );
    assert_eq!(versions("").len(), ONE_VERSION.len());
}
