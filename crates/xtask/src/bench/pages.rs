//! The pages that everybody reads: members of a list, much as Mailchimp sends them. They are the
//! same on every machine.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{empty, server};

/// Raised when a record looks different, so that old pages are not taken for new ones.
const EDITION: u32 = 1;

/// How many records there are, and how they are divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) pages: u64,
    pub(crate) records: u64,
}

impl Shape {
    pub(crate) fn total(self) -> u64 {
        self.pages * self.records
    }

    /// The folder of the pages, and of their URLs.
    pub(crate) fn folder(self) -> String {
        format!("v{EDITION}-{}x{}", self.pages, self.records)
    }

    /// Where page `number`, from 1 on, is asked for.
    pub(crate) fn url(self, number: u64) -> String {
        format!("{}/{}/p{number}.json", server::base_url(), self.folder())
    }

    /// Writes the pages below `dir` if they are not there. Returns their bytes.
    pub(crate) fn write(self, dir: &Path) -> Result<u64> {
        let folder = dir.join(self.folder());
        if !folder.exists() {
            let draft = empty(dir.join("draft"))?;
            for number in 1..=self.pages {
                fs::write(file(&draft, number), self.page(number))?;
            }
            // Renamed last, so that pages cut short are written again.
            fs::rename(&draft, &folder)?;
        }
        let size = |number| Ok(fs::metadata(file(&folder, number))?.len());
        (1..=self.pages).map(size).sum()
    }

    /// The page `number`, from 1 on.
    pub(crate) fn page(self, number: u64) -> String {
        let mut out = String::from("{\"next\":");
        if number < self.pages {
            write!(out, "\"{}\"", self.url(number + 1)).expect("a string takes all");
        } else {
            out.push_str("null");
        }
        out.push_str(",\"items\":[");
        out.push_str(&self.items(number));
        out.push_str("]}");
        out
    }

    /// The records of page `number`, from 1 on, with commas between them.
    pub(crate) fn items(self, number: u64) -> String {
        let mut out = String::new();
        for index in 0..self.records {
            if index > 0 {
                out.push(',');
            }
            record(&mut out, (number - 1) * self.records + index);
        }
        out
    }
}

fn file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("p{number}.json"))
}

/// A record of about 1.3 kB that no other repeats: texts, numbers, flags, nulls, times, escapes,
/// letters beyond ASCII, objects and lists.
fn record(out: &mut String, id: u64) {
    let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (cents, percent) = (mixed % 100_000, mixed >> 58);
    let (day, minute) = (1 + mixed % 28, id % 60);
    let status = ["subscribed", "unsubscribed", "cleaned", "pending"][(mixed >> 40) as usize % 4];
    let phone = if mixed & 1 == 1 {
        "null".to_owned()
    } else {
        format!("\"+49 30 {cents:06}\"")
    };
    let note = "Prefers a call at noon. ".repeat((mixed >> 20) as usize % 4);
    write!(
        out,
        r#"{{"id":"{mixed:016x}{id:016x}","email_address":"person.{id}@example.com","unique_email_id":"{mixed:x}","full_name":"Ada Lovelace-{cents}","web_id":{id},"email_type":"html","status":"{status}","merge_fields":{{"FNAME":"Ada","LNAME":"Lovelace-{cents}","ADDRESS":{{"addr1":"Lange Straße {percent}","addr2":"","city":"Köln","state":"","zip":"{cents:05}","country":"DE"}},"PHONE":{phone},"BIRTHDAY":"05/{day:02}"}},"interests":{{"9143cf3bd1":true,"3a2a927344":false,"f9c8f5f0ff":true}},"stats":{{"avg_open_rate":0.{percent:02},"avg_click_rate":0.{cents:05},"ecommerce_data":{{"total_revenue":{cents}.{percent:02},"number_of_orders":{percent},"currency_code":"EUR"}}}},"ip_signup":"","timestamp_signup":"","ip_opt":"198.51.100.{percent}","timestamp_opt":"2024-05-{day:02}T10:{minute:02}:00+00:00","member_rating":{rating},"last_changed":"2025-01-{day:02}T08:{minute:02}:31+00:00","language":"de","vip":false,"email_client":"Thunderbird \"nightly\"","location":{{"latitude":50.9{cents:05},"longitude":6.9{percent:02},"gmtoff":1,"dstoff":2,"country_code":"DE","timezone":"europe\/berlin","region":"NW"}},"marketing_permissions":[{{"marketing_permission_id":"{mixed:x}","text":"Email","enabled":true}}],"last_note":{{"note_id":{cents},"created_at":"2025-02-{day:02}T10:00:00+00:00","created_by":"Grace","note":"{note}"}},"source":"API - import {percent}","tags_count":2,"tags":[{{"id":{cents},"name":"wholesale"}},{{"id":{percent},"name":"berlin"}}],"list_id":"57afe96172"}}"#,
        rating = 1 + mixed % 5,
    )
    .expect("a string takes all");
}

#[test]
fn a_page_leads_to_the_next_one_and_the_last_to_none() {
    let shape = Shape {
        pages: 2,
        records: 3,
    };
    let (first, last) = (shape.page(1), shape.page(2));
    assert!(first.starts_with(&format!("{{\"next\":\"{}\",", shape.url(2))));
    assert!(last.starts_with("{\"next\":null,"));
    assert_eq!(first.matches("\"email_address\"").count(), 3);
}

#[test]
fn a_record_has_about_1300_bytes() {
    let mut records = String::new();
    (0..1000).for_each(|id| record(&mut records, id));
    let mean = records.len() / 1000;
    assert!((1250..=1400).contains(&mean), "{mean}");
}
