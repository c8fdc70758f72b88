//! A library for tests that dies on being loaded. The last 16 bytes of `ORDER` say how; tests
//! write other ones into a copy of the file. As it is, it loads.

#![expect(
    unsafe_code,
    reason = "constructors and wild writes are what it is for"
)]
#![expect(
    missing_docs,
    reason = "`export_root_module` makes a static without them"
)]

use std::io::{self, Write};
use std::process::{Command, abort, exit};
use std::time::Duration;
use std::{hint, ptr, thread};

use abi_stable::export_root_module;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{RResult, RStr};
use tapline_abi::{Answer, HostBox, InstanceBox, PluginError, Root, RootRef, failure};

static ORDER: [u8; 32] = *b"deadly by order:nothing         ";

fn order() -> String {
    // SAFETY: it is a reference. The compiler must not know what it leads to.
    let order = unsafe { ptr::read_volatile(&raw const ORDER) };
    String::from_utf8_lossy(&order[16..]).trim_end().to_owned()
}

#[used]
#[cfg_attr(
    any(target_os = "linux", target_os = "android"),
    unsafe(link_section = ".init_array")
)]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static CONSTRUCTOR: extern "C" fn() = constructor;

/// Runs as soon as the library is opened.
extern "C" fn constructor() {
    match order().as_str() {
        "abort" => abort(),
        "exit" => exit(0),
        "hang" => rest(),
        "panic" => panic!("deadly in a constructor"),
        // SAFETY: it is not safe, and is meant to end the process.
        "segfault" => unsafe { ptr::without_provenance_mut::<u8>(8).write_volatile(1) },
        "stack" => drop(deeper(1)),
        "memory" => take_all(),
        "environment" => panic!("{} variables", std::env::vars_os().count()),
        "stop" => drop(shell("kill -STOP $PPID")),
        "orphan" => {
            drop(Command::new("sleep").arg("600").spawn());
            abort();
        }
        "noise" => {
            drop(io::stdout().write_all(&b"noise ".repeat(200_000)));
            abort();
        }
        _ => {}
    }
}

fn rest() -> ! {
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}

fn deeper(depth: u64) -> u64 {
    let room = hint::black_box([depth; 1024]);
    match room[0] {
        u64::MAX => 0,
        depth => deeper(depth + 1) + room[1023],
    }
}

/// Asks for memory, and never gives it back or touches it.
fn take_all() -> ! {
    loop {
        std::mem::forget(hint::black_box(Vec::<u8>::with_capacity(1 << 26)));
    }
}

fn shell(script: &str) -> io::Result<std::process::ExitStatus> {
    Command::new("sh").args(["-c", script]).status()
}

/// What every plugin exports.
#[export_root_module]
pub fn root() -> RootRef {
    assert!(order() != "root", "deadly in the root");
    Root {
        abi: RStr::from_str(tapline_abi::VERSION),
        spec,
        hooks,
        open,
    }
    .leak_into_prefix()
}

extern "C" fn spec() -> RStr<'static> {
    let text = match order().as_str() {
        "spec" => panic!("deadly in spec"),
        "text" => "no JSON",
        "document" => r#"{ "id": "shop", "strems": {} }"#,
        _ => {
            r#"{ "id": "shop", "name": "Shop", "type": "generic-rest", "version": "1.0",
                  "description": "For tests.", "authSpec": [], "streams": {} }"#
        }
    };
    RStr::from_str(text)
}

extern "C" fn hooks() -> u64 {
    assert!(order() != "hooks", "deadly in hooks");
    0
}

extern "C" fn open(_: RStr<'_>, _: &HostBox) -> Answer<InstanceBox> {
    RResult::RErr(PluginError {
        kind: failure::OTHER,
        message: "it is for tests".into(),
    })
}
