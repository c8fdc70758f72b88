//! The hot path and nothing else, for `cargo xtask instructions`, which counts what it executes:
//! `hot PAGE STEP TIMES`.
//!
//! It reads the page once and takes the step as often as it is told, so that two counts differ by
//! whole pages only, whatever it takes to start.

#[expect(dead_code, reason = "the benchmarks use more of it")]
#[expect(clippy::unwrap_used, reason = "they may panic")]
#[path = "../../tapline-dest-sqlite/benches/pages/mod.rs"]
mod pages;

use std::path::Path;
use std::sync::Arc;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use tapline_core::{Batch, Destination, Disposition, Inline, Limits, Still, TableRef};
use tapline_dest_files::{CommitEvery, FilesConfig, FilesDestination, Format};
use tapline_engine::decode::{Decoder, Stamp};
use tapline_engine::locate::Wanted;
use tapline_spec::{BodyFormat, ContentPlan, Siblings};
use uuid::Uuid;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [page, step, times] = arguments.as_slice() else {
        bail!("usage: hot PAGE STEP TIMES");
    };
    let page = fs::read(page).with_context(|| format!("cannot read {page}"))?;
    let times: u64 = times.parse().context("TIMES is a number")?;
    let hot = Hot::new()?;
    match step.as_str() {
        "locate" => (0..times).try_for_each(|_| hot.locate(&page)),
        "decode" => {
            let mut decoder = hot.decoder();
            (0..times).try_for_each(|_| hot.decode(&mut decoder, &page).map(drop))
        }
        "parquet" => hot.write(&page, times),
        other => bail!("unknown step {other:?}; known: locate, decode, parquet"),
    }
}

struct Hot {
    plan: ContentPlan,
    limits: Limits,
    wanted: Wanted,
}

impl Hot {
    fn new() -> Result<Self> {
        let plan = ContentPlan {
            format: BodyFormat::Json,
            path: "$.items".parse()?,
            siblings: Siblings::none(),
            wrapper: None,
        };
        let limits = Limits::default();
        Ok(Self {
            wanted: Wanted::new(&plan, &["$.next".parse()?], limits.depth),
            plan,
            limits,
        })
    }

    fn decoder(&self) -> Decoder {
        Decoder::new(self.plan.clone(), Vec::new(), &self.limits)
    }

    /// Where the records are, and the link to the next page.
    fn locate(&self, page: &[u8]) -> Result<()> {
        let located = self.wanted.locate(page)?;
        ensure!(located.content_hash != 0, "no records");
        Ok(())
    }

    /// That, and the records as rows.
    fn decode(&self, decoder: &mut Decoder, page: &[u8]) -> Result<Vec<Batch>> {
        let stamp = Stamp {
            run_id: Uuid::from_u128(1),
            request_id: Uuid::from_u128(2),
            extracted_at: Timestamp::UNIX_EPOCH,
        };
        let decoded = decoder.decode(page, &self.wanted.locate(page)?, &stamp)?;
        ensure!(decoded.rejects.is_empty(), "records are rejected");
        Ok(decoded.batches)
    }

    /// That, and the rows in a Parquet file.
    fn write(&self, page: &[u8], times: u64) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let destination = open(folder.path())?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(async {
            let mut decoder = self.decoder();
            let mut batches = self.decode(&mut decoder, page)?;
            let schema = batches.first().context("no rows")?.records.schema();
            let table = TableRef::public("t");
            let begun = destination.begin(&table, schema, Disposition::Replace, pages::key());
            let mut writer = begun.await?;
            for seq in 1..=times {
                if seq > 1 {
                    batches = self.decode(&mut decoder, page)?;
                }
                let batches = std::mem::take(&mut batches);
                let receipt = writer.write(batches, pages::commit(seq)).await?;
                ensure!(receipt.rejected.is_empty(), "rows are refused");
            }
            writer.publish().await?;
            Ok(())
        })
    }
}

fn open(folder: &Path) -> Result<FilesDestination> {
    Ok(FilesDestination::open(FilesConfig {
        path: folder.to_owned(),
        format: Format::Parquet,
        commit: CommitEvery::Group,
        clock: Arc::new(Still(Timestamp::UNIX_EPOCH)),
        compute: Arc::new(Inline),
    })?)
}
