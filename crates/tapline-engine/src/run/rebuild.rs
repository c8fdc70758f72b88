//! A table made again from the raw pages that were kept, without a request: in the shape and under the
//! contract that the pipeline has now.
//!
//! The log of requests at the destination says which pages the table was made of; the rows get the
//! run, the request and the time that they had. They fill a hidden generation, which is shown in one
//! step, so that until then, and if a page is missing, the table is what it was.

use std::collections::HashSet;
use std::sync::Arc;

use tapline_core::{
    Batch, Clock, Commit, CommitKey, Disposition, Doors, Error, ErrorKind, Events, KeptPage,
    LoadedPage, LoadedPages, LogEntry, RawStore, Receipt, Result, RunEvent, RunReport,
    SliceProgress, compute,
};
use uuid::Uuid;

use super::RunTask;
use super::shaping::Shaping;
use super::table::{Schemas, Table, alone};
use crate::shape::{Numbers, without};
use crate::source::HttpSource;
use crate::sync_mode::SyncMode;

/// What became of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Pages that it was made of.
    pub pages: u64,
    /// Rows that it has now.
    pub rows: u64,
    /// Records that became no row.
    pub rejected: u64,
}

/// Makes the table of `task` again from the pages in `raw`, as `source` decodes them. Those of a run
/// that is not over cannot be told from others, so there must be none.
///
/// # Errors
/// Another runner has the pipeline, a run was cut, a page is missing, or the destination or the contract
/// refuses. Then the table is what it was.
pub async fn rebuild(
    task: &RunTask,
    source: &HttpSource,
    raw: &Arc<dyn RawStore>,
    doors: &Doors,
    events: &Events,
) -> Result<Rebuilt> {
    let (table, pipeline) = (&task.table, &task.pipeline);
    let destination = &doors.destination;
    let found = destination.find(table, pipeline).await?;
    let (lease, key) = alone(task, doors, found, "rebuild").await?;
    let pages = destination.pages(table, pipeline).await?;
    let pages = wanted(task, doors, pages).await?;
    if pages.is_empty() {
        return Err(refused("nothing says which pages the table was made of"));
    }
    let mut rebuild = Rebuild {
        task,
        doors,
        shaping: Shaping::new(&task.shape, table, found.is_there)?,
        key,
        table: None,
        done: Rebuilt::default(),
    };
    let made = async {
        for page in &pages {
            lease.lost().map_or(Ok(()), Err)?;
            let kept = read(raw, doors, *page).await?;
            rebuild.page(source, *page, kept).await?;
            events.emit(RunEvent::PageCommitted {
                seq: rebuild.done.pages,
                rows: rebuild.done.rows,
            });
        }
        Ok(())
    };
    let made: Result<()> = made.await;
    let Some(table) = rebuild.table.take() else {
        return made.map(|()| rebuild.done);
    };
    if let Err(error) = made {
        // What is hidden goes with the next run if it does not go now.
        let _ = rebuild.give_up(table).await;
        return Err(error);
    }
    // Every page was made again, and with it what is rejected of it.
    table.publish().await?;
    rebuild.stage().await?;
    Ok(rebuild.done)
}

/// The pages that the table is made of now: those of the runs that have rows in it. A run that adds may
/// have brought nothing but rejects, and a table may be gone; then the reports of the runs count.
async fn wanted(task: &RunTask, doors: &Doors, loaded: LoadedPages) -> Result<Vec<LoadedPage>> {
    let visible: HashSet<Uuid> = loaded.visible.iter().copied().collect();
    let logged: HashSet<Uuid> = loaded.pages.iter().map(|page| page.run).collect();
    if let Some(run) = visible.difference(&logged).next() {
        let message = "the table has rows of a run of which no page is in the log of requests; they \
                       would be gone";
        return Err(refused(message).with("run", run));
    }
    let oldest = visible.iter().min().copied();
    let log = RunReport::log(&task.pipeline);
    let kept = u32::try_from(LogEntry::KEPT).unwrap_or(u32::MAX);
    let reports = doors.state.tail(&log, kept).await?.into_iter();
    let reports = reports.filter_map(|it| serde_json::from_value::<RunReport>(it.value).ok());
    let mut adding = HashSet::new();
    let mut last_load = None;
    for report in reports {
        match SyncMode::named(&report.sync_mode) {
            Some(mode) if mode.adds() => drop(adding.insert(report.run_id)),
            Some(_) if report.verdict.is_complete() => {
                last_load = last_load.max(Some(report.run_id))
            }
            _ => {}
        }
    }
    let adds = task.sync_mode.adds();
    let is_wanted = |run: Uuid| {
        let has_added = adds && adding.contains(&run) && oldest.is_none_or(|oldest| run >= oldest);
        let has_loaded = !adds && visible.is_empty() && last_load == Some(run);
        visible.contains(&run) || has_added || has_loaded
    };
    let mut seen = HashSet::new();
    let pages = loaded.pages.into_iter().filter(|page| is_wanted(page.run));
    Ok(pages.filter(|page| seen.insert(page.request)).collect())
}

async fn read(raw: &Arc<dyn RawStore>, doors: &Doors, page: LoadedPage) -> Result<KeptPage> {
    let raw = Arc::clone(raw);
    let kept = compute(&*doors.compute, move || raw.get(page.run, page.request));
    kept.await??.ok_or_else(|| {
        let message = "the raw page of a request that the table is made of is not kept, or not any \
                       more; the table is as it was";
        refused(message)
            .with("run", page.run)
            .with("request", page.request)
    })
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Usage, "rebuild", message)
}

struct Rebuild<'a> {
    task: &'a RunTask,
    doors: &'a Doors,
    shaping: Shaping,
    key: CommitKey,
    /// The hidden generation, once there are rows.
    table: Option<Table>,
    done: Rebuilt,
}

impl Rebuild<'_> {
    /// Adds the rows of a page.
    async fn page(&mut self, source: &HttpSource, of: LoadedPage, kept: KeptPage) -> Result<()> {
        let KeptPage { request, page } = kept;
        let (batches, mut rejects) = source.decode_again(page.body, of.run, &request).await?;
        let left_out: HashSet<u64> = page.left_out.iter().copied().collect();
        let batches = without(batches, |at| left_out.contains(&at))?;
        let batches = self
            .shaping
            .apply(self.doors, batches, &Numbers::default(), &mut rejects)
            .await?;
        self.done.rejected += rejects.len() as u64;
        self.done.pages += 1;
        let mut commit = commit(of, self.done.pages, &*self.doors.clock);
        commit.rejects = rejects;
        let receipt = self.write(batches, commit).await?;
        self.done.rows += receipt.accepted;
        self.done.rejected += receipt.rejected.len() as u64;
        Ok(())
    }

    async fn write(&mut self, batches: Vec<Batch>, commit: Commit) -> Result<Receipt> {
        let mut table = match self.table.take() {
            Some(table) => table,
            None => {
                // As a run begins it, so that its columns come in the same order.
                let schema = self.doors.source.schema();
                let schemas = self.shaping.schemas(self.doors, &schema).await?;
                let (to, key) = (&self.task.table, self.key.clone());
                let destination = &*self.doors.destination;
                Table::open(destination, to, schemas, Disposition::Replace, key).await?
            }
        };
        let receipt = table.write(batches, commit, drop).await;
        self.table = Some(table);
        receipt
    }

    /// Forgets what was made of `table`. Who adds rows drops what others have left hidden, and what was
    /// rejected of it; a load that is given up itself leaves that, for somebody to look at.
    async fn give_up(&self, table: Table) -> Result<()> {
        self.beside(Disposition::Append).await?.abort().await?;
        table.abort().await
    }

    /// The table, open for another writer than that of the hidden one.
    async fn beside(&self, disposition: Disposition) -> Result<Table> {
        let key = CommitKey {
            run: Uuid::now_v7(),
            generation: self.key.generation.saturating_add(1),
            ..self.key.clone()
        };
        let (to, destination) = (&self.task.table, &*self.doors.destination);
        Table::open(destination, to, Schemas::none(), disposition, key).await
    }

    /// Makes the table with the latest versions of the one with all of them.
    async fn stage(&self) -> Result<()> {
        let Some(stage) = &self.task.stage else {
            return Ok(());
        };
        let stage = self.task.shape.of_stage(stage.clone());
        let merge = Disposition::Merge(stage).keeping_absent();
        self.beside(merge).await?.publish().await
    }
}

/// What is committed with the rows of `page`.
fn commit(page: LoadedPage, seq: u64, clock: &dyn Clock) -> Commit {
    Commit {
        slice: "rebuild".to_owned(),
        seq,
        position: None,
        progress: SliceProgress::default(),
        request: page.made_again(Uuid::now_v7(), clock.now()),
        rejects: Vec::new(),
        settles: Vec::new(),
        raw: None,
    }
}
