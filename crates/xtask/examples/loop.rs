//! The limit: pages fetched, decoded and written as somebody would who knows them and wants nothing
//! else. No types are inferred, nothing is proved or kept, and an error ends it.
//!
//! `loop URL FILE` reads all pages from `URL` on into a Parquet file, with the columns that tapline
//! makes of the same records. `loop --count FILE...` prints how many rows the files have.

use std::borrow::Cow;
use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde::Deserialize;
use sonic_rs::LazyValue;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--count", files @ ..] => Ok(writeln!(io::stdout(), "{}", count(files)?)?),
        [url, file] => copy(url, file),
        _ => Err("usage: loop URL FILE, or loop --count FILE...".into()),
    }
}

fn count(files: &[&str]) -> Result<i64> {
    let mut rows = 0;
    for file in files {
        let reader = SerializedFileReader::new(File::open(file)?)?;
        rows += reader.metadata().file_metadata().num_rows();
    }
    Ok(rows)
}

fn copy(url: &str, file: &str) -> Result<()> {
    let mut columns = Columns::default();
    let schema = columns.schema();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(file)?, schema.clone(), Some(properties))?;
    let mut server = Server::connect(url)?;
    let mut body = Vec::new();
    let mut next = Some(url.to_owned());
    while let Some(url) = next {
        server.get(&url, &mut body)?;
        let page: Page = sonic_rs::from_slice(&body)?;
        for member in &page.items {
            columns.append(member);
        }
        writer.write(&columns.finish(&schema)?)?;
        next = page.next.map(str::to_owned);
    }
    writer.close()?;
    Ok(())
}

/// One connection, on which the server says how long each answer is.
struct Server {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Server {
    fn connect(url: &str) -> Result<Self> {
        let (host, _) = parts(url)?;
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            host: host.to_owned(),
        })
    }

    fn get(&mut self, url: &str, body: &mut Vec<u8>) -> Result<()> {
        let (host, path) = parts(url)?;
        if host != self.host {
            return Err("the next page is elsewhere".into());
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let length = self.length()?;
        body.resize(length, 0);
        self.stream.read_exact(body)?;
        Ok(())
    }

    /// The length of the body, after which it is read.
    fn length(&mut self) -> Result<usize> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200 ") {
            return Err(line.into());
        }
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = Some(value.parse()?);
                }
                Some(_) => {}
                None => return length.ok_or_else(|| "no length".into()),
            }
        }
    }
}

/// Host with port, and path.
fn parts(url: &str) -> Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").ok_or("http only")?;
    let slash = rest.find('/').ok_or("no path")?;
    Ok(rest.split_at(slash))
}

#[derive(Deserialize)]
struct Page<'a> {
    next: Option<&'a str>,
    #[serde(borrow)]
    items: Vec<Member<'a>>,
}

type Text<'a> = Option<Cow<'a, str>>;
type Json<'a> = Option<LazyValue<'a>>;

/// A record. What is nested stays the text that it was.
#[derive(Deserialize)]
struct Member<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    email_address: Text<'a>,
    #[serde(borrow)]
    unique_email_id: Text<'a>,
    #[serde(borrow)]
    full_name: Text<'a>,
    web_id: Option<i64>,
    #[serde(borrow)]
    email_type: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    merge_fields: Json<'a>,
    #[serde(borrow)]
    interests: Json<'a>,
    #[serde(borrow)]
    stats: Json<'a>,
    #[serde(borrow)]
    ip_signup: Text<'a>,
    #[serde(borrow)]
    timestamp_signup: Text<'a>,
    #[serde(borrow)]
    ip_opt: Text<'a>,
    #[serde(borrow)]
    timestamp_opt: Text<'a>,
    member_rating: Option<i64>,
    #[serde(borrow)]
    last_changed: Text<'a>,
    #[serde(borrow)]
    language: Text<'a>,
    vip: Option<bool>,
    #[serde(borrow)]
    email_client: Text<'a>,
    #[serde(borrow)]
    location: Json<'a>,
    #[serde(borrow)]
    marketing_permissions: Json<'a>,
    #[serde(borrow)]
    last_note: Json<'a>,
    #[serde(borrow)]
    source: Text<'a>,
    tags_count: Option<i64>,
    #[serde(borrow)]
    tags: Json<'a>,
    #[serde(borrow)]
    list_id: Text<'a>,
}

#[derive(Default)]
struct Columns {
    id: StringBuilder,
    email_address: StringBuilder,
    unique_email_id: StringBuilder,
    full_name: StringBuilder,
    web_id: Int64Builder,
    email_type: StringBuilder,
    status: StringBuilder,
    merge_fields: StringBuilder,
    interests: StringBuilder,
    stats: StringBuilder,
    ip_signup: StringBuilder,
    timestamp_signup: StringBuilder,
    ip_opt: StringBuilder,
    timestamp_opt: StringBuilder,
    member_rating: Int64Builder,
    last_changed: StringBuilder,
    language: StringBuilder,
    vip: BooleanBuilder,
    email_client: StringBuilder,
    location: StringBuilder,
    marketing_permissions: StringBuilder,
    last_note: StringBuilder,
    source: StringBuilder,
    tags_count: Int64Builder,
    tags: StringBuilder,
    list_id: StringBuilder,
}

impl Columns {
    fn schema(&self) -> SchemaRef {
        let fields = [
            ("id", DataType::Utf8),
            ("email_address", DataType::Utf8),
            ("unique_email_id", DataType::Utf8),
            ("full_name", DataType::Utf8),
            ("web_id", DataType::Int64),
            ("email_type", DataType::Utf8),
            ("status", DataType::Utf8),
            ("merge_fields", DataType::Utf8),
            ("interests", DataType::Utf8),
            ("stats", DataType::Utf8),
            ("ip_signup", DataType::Utf8),
            ("timestamp_signup", DataType::Utf8),
            ("ip_opt", DataType::Utf8),
            ("timestamp_opt", DataType::Utf8),
            ("member_rating", DataType::Int64),
            ("last_changed", DataType::Utf8),
            ("language", DataType::Utf8),
            ("vip", DataType::Boolean),
            ("email_client", DataType::Utf8),
            ("location", DataType::Utf8),
            ("marketing_permissions", DataType::Utf8),
            ("last_note", DataType::Utf8),
            ("source", DataType::Utf8),
            ("tags_count", DataType::Int64),
            ("tags", DataType::Utf8),
            ("list_id", DataType::Utf8),
        ];
        let field = |(name, kind)| Field::new(name, kind, true);
        Arc::new(Schema::new(fields.map(field).to_vec()))
    }

    fn append(&mut self, member: &Member) {
        self.id.append_option(member.id.as_deref());
        self.email_address
            .append_option(member.email_address.as_deref());
        self.unique_email_id
            .append_option(member.unique_email_id.as_deref());
        self.full_name.append_option(member.full_name.as_deref());
        self.web_id.append_option(member.web_id);
        self.email_type.append_option(member.email_type.as_deref());
        self.status.append_option(member.status.as_deref());
        self.merge_fields
            .append_option(member.merge_fields.as_ref().map(|json| json.as_raw_str()));
        self.interests
            .append_option(member.interests.as_ref().map(|json| json.as_raw_str()));
        self.stats
            .append_option(member.stats.as_ref().map(|json| json.as_raw_str()));
        self.ip_signup.append_option(member.ip_signup.as_deref());
        self.timestamp_signup
            .append_option(member.timestamp_signup.as_deref());
        self.ip_opt.append_option(member.ip_opt.as_deref());
        self.timestamp_opt
            .append_option(member.timestamp_opt.as_deref());
        self.member_rating.append_option(member.member_rating);
        self.last_changed
            .append_option(member.last_changed.as_deref());
        self.language.append_option(member.language.as_deref());
        self.vip.append_option(member.vip);
        self.email_client
            .append_option(member.email_client.as_deref());
        self.location
            .append_option(member.location.as_ref().map(|json| json.as_raw_str()));
        self.marketing_permissions.append_option(
            member
                .marketing_permissions
                .as_ref()
                .map(|json| json.as_raw_str()),
        );
        self.last_note
            .append_option(member.last_note.as_ref().map(|json| json.as_raw_str()));
        self.source.append_option(member.source.as_deref());
        self.tags_count.append_option(member.tags_count);
        self.tags
            .append_option(member.tags.as_ref().map(|json| json.as_raw_str()));
        self.list_id.append_option(member.list_id.as_deref());
    }

    fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.email_address.finish()),
            Arc::new(self.unique_email_id.finish()),
            Arc::new(self.full_name.finish()),
            Arc::new(self.web_id.finish()),
            Arc::new(self.email_type.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.merge_fields.finish()),
            Arc::new(self.interests.finish()),
            Arc::new(self.stats.finish()),
            Arc::new(self.ip_signup.finish()),
            Arc::new(self.timestamp_signup.finish()),
            Arc::new(self.ip_opt.finish()),
            Arc::new(self.timestamp_opt.finish()),
            Arc::new(self.member_rating.finish()),
            Arc::new(self.last_changed.finish()),
            Arc::new(self.language.finish()),
            Arc::new(self.vip.finish()),
            Arc::new(self.email_client.finish()),
            Arc::new(self.location.finish()),
            Arc::new(self.marketing_permissions.finish()),
            Arc::new(self.last_note.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.tags_count.finish()),
            Arc::new(self.tags.finish()),
            Arc::new(self.list_id.finish()),
        ];
        Ok(RecordBatch::try_new(schema.clone(), arrays)?)
    }
}
