//! The search itself: it finds each canary in each form wherever one may be left, and nothing else.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::json;

use super::{CANARIES, Exceptions, forms, held, search, search_folder};
use crate::support::Project;

#[test]
fn the_canaries_are_distinct_in_their_halves_too() {
    let halves =
        |secret: &'static str| secret.split_at(secret.floor_char_boundary(secret.len() / 2));
    let halves = CANARIES.iter().flat_map(|secret| {
        let (first, second) = halves(secret);
        [first, second]
    });
    let all: Vec<&str> = halves.collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 80);
    for half in all {
        assert!(half.len() >= 8, "{half:?}");
    }
    for (number, secret) in CANARIES.iter().enumerate() {
        assert_eq!(held(secret.as_bytes()), BTreeSet::from([number]));
    }
}

#[test]
fn every_canary_is_found_in_every_form() {
    for (number, secret) in CANARIES.iter().enumerate() {
        let forms = forms::all(secret);
        assert!(forms.len() > 50, "{}", forms.len());
        for (form, text) in forms {
            for text in [text.to_ascii_uppercase(), text.to_ascii_lowercase(), text] {
                let around = format!("\0before{text}after\u{ff}");
                let leak = search(around.as_bytes()).unwrap_err();
                assert!(
                    leak.starts_with(&format!("canary {number},")),
                    "{form}: {leak}"
                );
            }
        }
    }
}

#[test]
fn what_encoders_make_of_a_canary_in_a_longer_text_is_found() {
    for secret in CANARIES {
        for user in ["", "u", "me", "any"] {
            let basic = STANDARD.encode(format!("{user}:{secret}"));
            search(basic.as_bytes()).unwrap_err();
        }
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("k", secret)
            .finish();
        search(form.as_bytes()).unwrap_err();
        search(
            json!([json!({ "a": [secret] }).to_string()])
                .to_string()
                .as_bytes(),
        )
        .unwrap_err();
        search(format!("{:?}", Some(secret)).as_bytes()).unwrap_err();
    }
}

#[test]
fn what_is_no_canary_is_not_found() {
    let texts = [
        "",
        "***",
        "hushed",
        "secret",
        "a-canary",
        "password: ${env:KEY}",
    ];
    for text in texts {
        search(text.as_bytes()).unwrap();
    }
    let project = Project::new("version: 1\n");
    fs::write(project.path("report.txt"), "nothing").unwrap();
}

/// Dropping the project must fail.
#[track_caller]
fn check_leak(plant: impl FnOnce(&Project)) {
    let project = Project::new("version: 1\n");
    plant(&project);
    let failed = catch_unwind(AssertUnwindSafe(|| drop(project))).unwrap_err();
    let said = failed.downcast_ref::<String>().unwrap();
    assert!(said.contains("canary "), "{said}");
}

#[test]
fn what_is_planted_in_a_projects_files_is_found() {
    check_leak(|project| fs::write(project.path("log"), CANARIES[7]).unwrap());
    check_leak(|project| fs::write(project.path(CANARIES[7]), "").unwrap());
    check_leak(|project| {
        fs::create_dir_all(project.path(".cache/deep")).unwrap();
        fs::write(project.path(".cache/deep/tapline.yaml"), CANARIES[8]).unwrap();
    });
    check_leak(|project| {
        fs::write(
            project.path("bytes"),
            [b"\xff\0", CANARIES[20].as_bytes()].concat(),
        )
        .unwrap()
    });
}

/// A cell that takes several pages, with the canary where they meet: nowhere in the file is it
/// whole.
#[test]
fn what_is_planted_in_a_database_is_found_though_it_lies_in_pieces() {
    check_leak(|project| {
        let warehouse = project.warehouse();
        warehouse.execute("create table t (a text)", []).unwrap();
        // Of a row of 4,581 bytes, 3 of them its head, 489 are on the first page.
        let encoded = STANDARD.encode(CANARIES[9]);
        let before = " ".repeat(486 - encoded.len() / 2);
        let cell = format!("{:4578}", before + &encoded);
        warehouse
            .execute("insert into t values (?)", [&cell])
            .unwrap();
        drop(warehouse);
        search(&fs::read(project.path("warehouse.db")).unwrap()).unwrap();
    });
}

#[test]
fn what_is_planted_in_parquet_is_found_though_it_is_compressed() {
    check_leak(|project| {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![CANARIES[10]; 100]));
        let batch = RecordBatch::try_from_iter([("a", texts)]).unwrap();
        let zstd = Compression::ZSTD(ZstdLevel::try_new(3).unwrap());
        let properties = WriterProperties::builder().set_compression(zstd).build();
        let file = File::create(project.path("a.parquet")).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    });
}

#[test]
fn what_a_run_says_is_searched() {
    let project = Project::new("version: 1\n");
    let say = || project.tapline(&["spec", CANARIES[11]]);
    let failed = catch_unwind(AssertUnwindSafe(say)).map(|run| run.code);
    let failed = failed.unwrap_err();
    let said = failed.downcast_ref::<String>().unwrap();
    assert!(said.contains("canary 11"), "{said}");
}

#[test]
fn rows_and_inputs_are_let_pass_and_nothing_else() {
    let project = Project::new(CANARIES[12]);
    project.input("key", CANARIES[13]);
    project.may_hold_secrets_in_rows();
    let warehouse = project.warehouse();
    let create = "create table t (a text); create table _tapline_rejects (raw text);
        create table _tapline_commits (position text)";
    warehouse.execute_batch(create).unwrap();
    for table in ["t", "_tapline_rejects"] {
        let insert = format!("insert into {table} values (?)");
        warehouse.execute(&insert, [CANARIES[14]]).unwrap();
    }
    let exceptions = Exceptions {
        inputs: vec![project.path("tapline.yaml"), project.path("key")],
        rows: true,
    };
    search_folder(project.dir.path(), &exceptions).unwrap();
    let insert = "insert into _tapline_commits values (?)";
    warehouse.execute(insert, [CANARIES[15]]).unwrap();
    search_folder(project.dir.path(), &exceptions).unwrap_err();
    warehouse
        .execute("delete from _tapline_commits", [])
        .unwrap();
}
