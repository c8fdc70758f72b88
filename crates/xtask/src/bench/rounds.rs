//! Everybody in turn, several times.

use std::fs;

use anyhow::{Result, ensure};

use super::contestants::{Contestant, Place};
use super::log::Log;
use super::measure::{Cost, measured};
use super::server::Server;
use super::{LARGE_PAGES, empty};

/// Who needed more seconds than this is not run again: it would cost an hour, and show nothing new.
const PATIENCE: f64 = 240.0;

/// The rounds played so far.
pub(crate) struct Rounds<'a> {
    place: &'a Place,
    server: &'a Server,
    log: &'a mut Log,
    entries: Vec<Entry>,
}

/// Somebody's runs.
pub(crate) struct Entry {
    pub(crate) who: &'static Contestant,
    /// What is read.
    pub(crate) place: Place,
    pub(crate) costs: Vec<Cost>,
    /// Why there are no more.
    pub(crate) failure: Option<String>,
}

impl<'a> Rounds<'a> {
    /// Installs what `who` need; who cannot be installed has failed.
    pub(crate) fn new(
        place: &'a Place,
        server: &'a Server,
        who: Vec<&'static Contestant>,
        log: &'a mut Log,
    ) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for who in who {
            let installed = (who.install)(place);
            let mut entry = Entry::new(who, place.clone());
            entry.failure = installed.err().map(|error| format!("{error:#}"));
            entries.push(entry);
            if who.is_ours() {
                let large = Place {
                    shape: LARGE_PAGES,
                    ..place.clone()
                };
                entries.push(Entry::new(who, large));
            }
        }
        Self {
            place,
            server,
            log,
            entries,
        }
    }

    /// Runs everybody once who has not failed.
    pub(crate) fn play(&mut self, round: u32) -> Result<()> {
        for entry in &mut self.entries {
            let is_slow = entry.costs.iter().any(|cost| cost.wall > PATIENCE);
            if is_slow || entry.failure.is_some() {
                continue;
            }
            let outcome = entry.run(self.server);
            let name = format!("{} of {}", entry.who.slug(), entry.place.shape.records);
            match outcome {
                Ok(cost) => {
                    self.log.run(round, &name, &cost, entry.place.shape)?;
                    entry.costs.push(cost);
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    self.log.note(&format!("round {round} {name}: {error}"))?;
                    entry.failure = Some(error);
                }
            }
            // What one leaves behind would have to be written to the disk while the next one runs.
            fs::remove_dir_all(self.place.dir.join("runs"))?;
        }
        Ok(())
    }

    pub(crate) fn end(self) -> Vec<Entry> {
        self.entries
    }
}

impl Entry {
    fn new(who: &'static Contestant, place: Place) -> Self {
        Self {
            who,
            place,
            costs: Vec::new(),
            failure: None,
        }
    }

    /// Whether it reads the pages that everybody reads.
    pub(crate) fn is_ranked(&self) -> bool {
        self.place.shape.records != LARGE_PAGES.records
    }

    /// One run, which counts if it did the whole work.
    fn run(&self, server: &Server) -> Result<Cost> {
        let dir = empty(self.place.dir.join("runs").join(self.who.slug()))?;
        let command = (self.who.command)(&self.place, &dir)?;
        server.forget()?;
        let cost = measured(&command, &dir)?;
        let (pages, wanted) = (server.pages()?, self.place.shape.pages);
        ensure!(pages == wanted, "it read {pages} pages of {wanted}");
        let (records, wanted) = (
            (self.who.count)(&self.place, &dir)?,
            self.place.shape.total(),
        );
        ensure!(
            records == wanted,
            "{records} of {wanted} records are in its output"
        );
        Ok(cost)
    }
}
