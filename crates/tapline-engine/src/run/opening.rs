//! How a run gets its table: where an earlier one was cut, if that can be gone on with, or a new
//! generation.

use std::collections::BTreeMap;
use std::sync::Arc;

use tapline_core::{
    Asked, CommitKey, Disposition, EndSignal, Error, ErrorKind, LastCommit, Limits, MarkKey,
    PageInfo, Result, SliceProgress, Window,
};

use super::memory::Memory;
use super::piece::Piece;
use super::shaping::Shaping;
use super::table::{Schemas, Table};
use super::work::Hand;
use super::{Aim, Run};
use crate::pending::{Pending, Slot};
use crate::shape::Shaper;
use crate::sync_mode::SyncMode;
use crate::window::{Ask, CursorRange};

/// A table that is open.
pub(super) struct Opened {
    /// The writer; `None` while a reading has it.
    pub(super) hand: Option<Hand>,
    pub(super) slot: Slot,
    /// The last commits of the slices that an earlier run began.
    pub(super) left: BTreeMap<String, LastCommit>,
    /// Why a slice cannot go on where it was left.
    pub(super) refused: Option<String>,
}

impl Run<'_> {
    /// Opens the table where an earlier run was cut. What the destination has counts, not what the
    /// state store knows of it.
    pub(super) async fn open_table(&mut self, memory: &Memory, fence: u64) -> Result<Opened> {
        let key = MarkKey {
            partition: self.task.aim.slot().to_owned(),
            ..self.task.key()
        };
        let (slot, pending) = Slot::read(&*self.doors.state, &key).await?;
        let wanted = self.wanted(memory, 0, fence);
        wanted.check_newest(pending.as_ref())?;
        let recovered = self.doors.destination.recover(&self.task.pipeline).await?;
        let Some(pending) = pending else {
            self.give_up_strays(&recovered, fence).await?;
            self.warn_of_forgotten(memory);
            return self.begin_anew(slot, memory, &recovered, fence).await;
        };
        let left = of_generation(&recovered, pending.generation);
        // A runner that sleeps may still keep a page of it.
        let may_grow = pending.sync_mode.adds();
        if left.is_empty() && !may_grow {
            return self.begin_anew(slot, memory, &recovered, fence).await;
        }
        let is_over = memory.is_last(pending.run);
        match pending.hindrance(&wanted, &left, self.doors.clock.now()) {
            // Only its document is left of it.
            _ if is_over => {}
            None => return self.go_on(slot, pending, memory, fence).await,
            Some(_) if left.is_empty() => {}
            Some(reason) => {
                let stays = pending.sync_mode.stays();
                self.warn(format!(
                    "the run begins anew, not where it was cut{stays}: {reason}"
                ));
            }
        }
        if let Err(error) = self.give_up(&pending, fence).await {
            self.warn(format!("could not clean up after the run before: {error}"));
        }
        self.begin_anew(slot, memory, &recovered, fence).await
    }

    /// Says that rows may be there already, of which nothing is remembered.
    fn warn_of_forgotten(&self, memory: &Memory) {
        let has_written = self.found.is_there && self.found.fence > 0;
        if self.task.sync_mode.remembers() && memory.marks.is_none() && has_written {
            let table = &self.task.table;
            self.warn(format!(
                "the pipeline has written to {table} before, and nothing of that is remembered: \
                 what is there already is added again"
            ));
        }
    }

    /// Begins anew, because a slice cannot go on where it was cut.
    pub(super) async fn reopen_table(
        &mut self,
        opened: Opened,
        memory: &Memory,
        fence: u64,
    ) -> Result<Opened> {
        let reason = opened.refused.unwrap_or_default();
        let stays = self.task.sync_mode.stays();
        self.warn(format!(
            "the run cannot go on where it was cut, so it begins anew{stays}: {reason}"
        ));
        if let Some(hand) = opened.hand {
            hand.table.abort().await?;
        }
        self.began = self.doors.clock.now();
        let recovered = self.doors.destination.recover(&self.task.pipeline).await?;
        self.begin_anew(opened.slot, memory, &recovered, fence)
            .await
    }

    /// The run as it is asked for, in a `generation`.
    fn wanted(&self, memory: &Memory, generation: u64, fence: u64) -> Pending {
        let window = self.task.aim.window(memory.marks.as_ref(), self.began);
        self.wanted_in(window, generation, fence)
    }

    fn wanted_in(&self, window: Window, generation: u64, fence: u64) -> Pending {
        Pending {
            run: self.task.run_id,
            generation,
            fence,
            plan: self.doors.source.fingerprint() + &self.task.shape.fingerprint(),
            table: self.task.table.clone(),
            sync_mode: self.task.sync_mode,
            aim: self.task.aim.clone(),
            window,
            began: self.began,
            makes_table: !self.found.is_there,
        }
    }

    async fn begin_anew(
        &mut self,
        mut slot: Slot,
        memory: &Memory,
        recovered: &[LastCommit],
        fence: u64,
    ) -> Result<Opened> {
        let pending = self.wanted(memory, free_generation(recovered, fence), fence);
        slot.claim(&*self.doors.state, &pending).await?;
        let hand = self.begin_writing(&pending, fence).await?;
        self.tally.begin_anew(&pending.window);
        Ok(Opened {
            hand: Some(hand),
            slot,
            left: BTreeMap::new(),
            refused: None,
        })
    }

    /// The document is stored again, so that a runner that lost its lease cannot take it away. Only
    /// when the table is open can nobody else write to it, so only then is known how far it is.
    async fn go_on(
        &mut self,
        mut slot: Slot,
        pending: Pending,
        memory: &Memory,
        fence: u64,
    ) -> Result<Opened> {
        let pending = Pending { fence, ..pending };
        slot.claim(&*self.doors.state, &pending).await?;
        let began = self.began;
        let opened = self.begin_writing(&pending, fence).await;
        let recovered = self.doors.destination.recover(&self.task.pipeline).await?;
        let left = of_generation(&recovered, pending.generation);
        if left.is_empty() {
            // A runner that lost its lease in its sleep may have published it meanwhile, and what is
            // published a destination may refuse to open.
            self.began = began;
            if let Ok(hand) = opened {
                hand.table.abort().await?;
            }
            return self.begin_anew(slot, memory, &recovered, fence).await;
        }
        let hand = opened?;
        self.tally.go_on(&pending, &left);
        let by_slice = left.into_iter().map(|last| (last.slice.clone(), last));
        Ok(Opened {
            hand: Some(hand),
            slot,
            left: by_slice.collect(),
            refused: None,
        })
    }

    /// Nobody will go on with `pending`: the destination need not know how far it got. A hidden
    /// generation goes when the next one begins.
    async fn give_up(&self, pending: &Pending, fence: u64) -> Result<()> {
        if !pending.sync_mode.adds() {
            return Ok(());
        }
        let schemas = match pending.table == self.task.table {
            true => {
                let shape = Arc::clone(&self.task.shape);
                let mut shaper = Shaper::new(shape, Limits::default());
                Schemas::from(shaper.schema(&self.doors.source.schema())?)
            }
            false => Schemas::none(),
        };
        let table = self.table(pending, schemas, fence);
        table.await?.abort().await
    }

    /// Gives up what no run will go on with: the documents of those runs are gone, because somebody
    /// has changed what is remembered, or the state store was lost.
    async fn give_up_strays(&self, recovered: &[LastCommit], fence: u64) -> Result<()> {
        let mut strays: BTreeMap<u64, &CommitKey> = BTreeMap::new();
        for last in recovered {
            strays.insert(last.key.generation, &last.key);
        }
        if strays.is_empty() {
            return Ok(());
        }
        for name in Aim::SLOTS {
            let key = MarkKey {
                partition: name.to_owned(),
                ..self.task.key()
            };
            if let (_, Some(pending)) = Slot::read(&*self.doors.state, &key).await? {
                strays.remove(&pending.generation);
            }
        }
        for (generation, key) in strays {
            let stray = Pending {
                run: key.run,
                generation,
                ..self.wanted_in(Window::ALL, generation, fence)
            };
            if let Err(error) = self.give_up(&stray, fence).await {
                self.warn(format!(
                    "could not clean up after the run {}: {error}",
                    key.run
                ));
            }
        }
        Ok(())
    }

    async fn begin_writing(&mut self, pending: &Pending, fence: u64) -> Result<Hand> {
        (self.window, self.began) = (pending.window.clone(), pending.began);
        self.doors.source.read_for(pending.run);
        let shape = &self.task.shape;
        let mut shaping = Shaping::new(shape, &pending.table, !pending.makes_table)?;
        let schema = self.doors.source.schema();
        let schemas = shaping.schemas(self.doors, &schema).await?;
        Ok(Hand {
            table: self.table(pending, schemas, fence).await?,
            shaping,
            doors: self.doors.clone(),
        })
    }

    async fn table(&self, pending: &Pending, schemas: Schemas, fence: u64) -> Result<Table> {
        let key = CommitKey {
            pipeline: self.task.pipeline.clone(),
            run: pending.run,
            generation: pending.generation,
            fence,
        };
        let disposition = self.disposition(pending);
        let destination = &*self.doors.destination;
        Table::open(destination, &pending.table, schemas, disposition, key).await
    }

    /// What `pending` does to its table. What it does not bring is deleted only if it asks for everything.
    fn disposition(&self, pending: &Pending) -> Disposition {
        let stage = self.task.stage.as_ref().filter(|_| {
            pending.sync_mode == SyncMode::IncrementalWithQualify
                && pending.table == self.task.table
        });
        match stage {
            None if pending.sync_mode.adds() => Disposition::Append,
            None => Disposition::Replace,
            Some(stage) => {
                let mut stage = self.task.shape.of_stage(stage.clone());
                if let Some(deletions) = &mut stage.deletions {
                    deletions.absent &= self.tally.asked() == Asked::Everything;
                }
                Disposition::Merge(stage)
            }
        }
    }
}

fn of_generation(recovered: &[LastCommit], generation: u64) -> Vec<LastCommit> {
    let ours = recovered.iter();
    ours.filter(|last| last.key.generation == generation)
        .cloned()
        .collect()
}

/// A generation that nothing is left of. Fences start again if the state store was lost, and pages
/// of a run before that must not be taken for pages of this one.
fn free_generation(recovered: &[LastCommit], fence: u64) -> u64 {
    let last = recovered.iter().map(|commit| commit.key.generation).max();
    last.map_or(fence, |last| fence.max(last.saturating_add(1)))
}

/// Whether the `pieces` in which `slice` is to be read are other ones than when what is `left` of it was
/// read. What another run has moved since moves the window of this one, and a number of records in one
/// window is nothing in another; nor are the rows of a larger window those of a smaller one. Of a gap
/// that others have filled nothing is left to read, and that is no matter.
pub(super) fn has_moved(
    left: &BTreeMap<String, LastCommit>,
    slice: &str,
    pieces: &[Piece],
    aim: &Aim,
) -> bool {
    let ours = left.range(slice.to_owned()..);
    let ours = ours.take_while(|(name, _)| name.starts_with(slice));
    let mut ours = ours.filter(|(name, _)| {
        let rest = &name[slice.len()..];
        // Of a stream that is not divided, every slice is a part of the only one.
        slice.is_empty() || rest.is_empty() || rest.starts_with(' ')
    });
    let is_update = matches!(
        aim,
        Aim::Missing {
            ask: Ask::Update,
            ..
        }
    );
    if pieces.is_empty() && is_update {
        // Its window ends where it ended, and what is known begins after that by now.
        return ours.next().is_some();
    }
    ours.any(|(name, last)| {
        let progress = &last.progress;
        pieces.iter().any(|piece| clashes(piece, name, progress))
    })
}

/// Whether `piece` is not the one that was read as `name`, with that `progress`, nor one that holds it:
/// pieces are cut into others. One that has nothing to do with it is none of those, and does not clash.
///
/// What was read without an end, when less was known, does not reach up to what is known now.
fn clashes(piece: &Piece, name: &str, progress: &SliceProgress) -> bool {
    let Some(window) = &progress.window else {
        return false;
    };
    let (wanted, read) = (&piece.slice, CursorRange::from(window));
    let range = CursorRange::from(&wanted.window);
    let has_grown = read.end.is_none() && progress.newest != piece.newest;
    match wanted.partition == name {
        true => wanted.window != *window || has_grown,
        false => range.touches(&read) && (has_grown || !range.holds(&read)),
    }
}

/// Whether `error`, of the first request of a slice that is gone on with, is about its position: a
/// token that has expired, say. That of the credentials and that of waiting say nothing of it.
pub(super) fn is_about_position(error: &Error) -> bool {
    match error.request().and_then(|request| request.status) {
        Some(401 | 407 | 408 | 425 | 429) => false,
        Some(400..=499) => true,
        _ => error.kind() == ErrorKind::Refused,
    }
}

/// Whether the first page of a slice that is gone on with may be the answer to a position that has
/// expired, and not the end that a rule of the spec takes it for.
pub(super) fn may_be_about_position(info: &PageInfo) -> bool {
    let end = &info.evidence.end;
    matches!(end, Some(EndSignal::Declared | EndSignal::Ignored))
}
