//! A plugin's `prepare_request` hook signs what the engine sends; the server believes nothing else.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::{fs, thread};

use crate::secrets::{ANOTHER, SIGNER};
use crate::support::{Project, install_dir};

/// Lower-case hexadecimal FNV-1a (64 bits), as `tests/plugins/signer` describes it.
fn signature(key: &str, method: &str, target: &str) -> String {
    let text = format!("{key}\n{method}\n{target}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Serves 250 items, 100 a page, to whoever signs with `key`; 403 to everybody else.
fn serve(listener: &TcpListener, key: &str) {
    for stream in listener.incoming() {
        answer(stream.unwrap(), key);
    }
}

fn answer(mut stream: TcpStream, key: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request = lines.next().unwrap().unwrap();
    let headers: Vec<String> = lines
        .map(Result::unwrap)
        .take_while(|line| !line.is_empty())
        .map(|line| line.to_ascii_lowercase())
        .collect();
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let signed = format!("x-tapline-signature: {}", signature(key, method, target));
    let (status, body) = if headers.contains(&signed) {
        ("200 OK", page(target))
    } else {
        ("403 Forbidden", "{\"error\":\"bad signature\"}".to_owned())
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .unwrap();
}

fn page(target: &str) -> String {
    let offset: u64 = target
        .split_once("offset=")
        .map_or(0, |(_, rest)| rest.parse().unwrap());
    let items: Vec<String> = (offset..250.min(offset + 100))
        .map(|id| format!("{{\"id\":{id}}}"))
        .collect();
    format!("{{\"items\":[{}]}}", items.join(","))
}

fn project(key: &str) -> Project {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(&listener, SIGNER));
    let connection = format!(
        "connector: signer\nparams: {{ host: \"http://{address}\", key: \"${{env:SIGN}}\" }}"
    );
    let project = Project::with_pipeline(&connection, "{ connection: c, stream: items }");
    project.input("key", key);
    project
}

fn run(project: &Project, arguments: &[&str]) -> (i32, String) {
    let key = fs::read_to_string(project.path("key")).unwrap();
    let output = project
        .command(arguments)
        .env("SIGN", key)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

#[test]
fn every_request_is_signed_by_the_plugin() {
    let project = project(SIGNER);
    let (code, text) = run(&project, &["run"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(project.count("select count(distinct id) from t"), 250);
    let (code, text) = run(&project, &["check"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("GET /items answered 200"), "{text}");
}

#[test]
fn a_plan_names_the_signature_and_does_not_ask_for_one() {
    let project = project(SIGNER);
    let (code, text) = run(&project, &["plan"]);
    assert_eq!(code, 0, "{text}");
    for part in [
        "the connector signs or changes",
        "/items?limit=100&offset=0",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(!text.contains("x-tapline-signature"), "{text}");
}

#[test]
fn a_wrong_key_is_refused_and_not_shown() {
    let project = project(ANOTHER);
    let (code, text) = run(&project, &["run"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("bad signature"), "{text}");
}

#[test]
fn a_project_for_a_plugin_from_elsewhere_is_written_with_the_trust_it_needs() {
    let project = Project::new("");
    let elsewhere = project.path("plugins");
    fs::create_dir(&elsewhere).unwrap();
    for file in fs::read_dir(install_dir()).unwrap() {
        let file = file.unwrap();
        if file
            .file_name()
            .to_string_lossy()
            .contains("connector_signer")
        {
            fs::copy(file.path(), elsewhere.join(file.file_name())).unwrap();
        }
    }
    fs::remove_file(project.path("tapline.yaml")).unwrap();
    let plugins = ["--plugin-dir", "plugins"];
    for command in [&["init", "--connector", "signer"][..], &["validate"]] {
        let run = project.tapline(&[command, &plugins].concat());
        assert_eq!(run.code, 0, "{run}");
    }
    let written = fs::read_to_string(project.path("tapline.yaml")).unwrap();
    assert!(written.contains("trust: in-process"), "{written}");
}
