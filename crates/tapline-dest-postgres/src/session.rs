//! One run's hand on one table: a session of the server, and what is done in it.

use std::sync::Arc;
use std::time::Duration;

use arrow_schema::{Schema, SchemaRef};
use futures::future::BoxFuture;
use tapline_core::{Batch, Commit, Published, Receipt, RejectForm, SchemaChange, Stage};
use tokio_postgres::Client;

use crate::bookkeeping::{self, Owner};
use crate::children::Children;
use crate::columns::{self, Column};
use crate::copy::{self, Reused};
use crate::failure::{Failure, Result, is_lost};
use crate::generation;
use crate::name::Table;
use crate::page::{Layout, Part, Refused, check_ops};
use crate::rank::ranked as ranked_by;
use crate::server::Server;
use crate::stage::{self, Staged};
use crate::table;

/// While a change of a table waits for those who read it, everybody who comes later waits for the
/// change. So it waits for a moment only, and tries again after another.
const BRIEFLY: &str = "SET LOCAL lock_timeout = '5s'";
const TRIES: u32 = 12;
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Session {
    server: Server,
    client: Client,
    reused: Reused,
    owner: Owner,
    /// The table that is written: hidden for a full load, else the visible one.
    table: Table,
    columns: Vec<Column>,
    children: Children,
    /// The table with the last versions, if there is one.
    staged: Option<Staged>,
    /// Of the batches that came last.
    layout: Option<Arc<Layout>>,
}

/// A page that is being stored.
struct Page<'a> {
    parts: Vec<Part<'a>>,
    commit: &'a Commit,
    refused: Vec<Refused>,
}

impl Session {
    pub(crate) async fn begin(
        server: Server,
        owner: Owner,
        stage: Option<Stage>,
        schema: SchemaRef,
    ) -> Result<Self> {
        let mut session = Self {
            client: server.connect().await?,
            server,
            reused: Reused::default(),
            table: owner.table.clone(),
            owner,
            columns: Vec::new(),
            children: Children::default(),
            staged: None,
            layout: None,
        };
        let opened = session.change(|it| {
            let (schema, stage) = (SchemaRef::clone(&schema), stage.clone());
            Box::pin(async move { it.open(&schema, stage).await })
        });
        (session.table, session.columns, session.staged) = opened.await?;
        Ok(session)
    }

    /// The table to be written, its columns and its stage.
    async fn open(
        &self,
        schema: &Schema,
        stage: Option<Stage>,
    ) -> Result<(Table, Vec<Column>, Option<Staged>)> {
        let (client, owner) = (&self.client, &self.owner);
        tapline_postgres::make_schema(client, &owner.table.schema).await?;
        table::check(client, owner).await?;
        let table = match owner.replace {
            true => generation::enter(client, owner).await?,
            false => {
                generation::drop_all(client, owner).await?;
                owner.table.clone()
            }
        };
        let (columns, _) = columns::fit(client, &table, schema).await?;
        match stage {
            None => {
                stage::outdate(client, &owner.table).await?;
                Ok((table, columns, None))
            }
            Some(stage) => {
                let (staged, columns) = Staged::enter(client, &table, stage).await?;
                Ok((table, columns, Some(staged)))
            }
        }
    }

    pub(crate) async fn write(&mut self, batches: &[Batch], commit: &Commit) -> Result<Receipt> {
        self.connect().await?;
        let ranked: Vec<Batch>;
        let batches = match &self.staged {
            None => batches,
            Some(staged) => {
                let with_ranks = batches.iter().map(|batch| match batch.child {
                    None => ranked_by(batch, &staged.stage),
                    Some(_) => Ok(batch.clone()),
                });
                ranked = with_ranks.collect::<Result<_>>()?;
                &ranked
            }
        };
        let layouts = self.layouts(batches)?;
        let (mut rows, mut accepted) = (0, Batch::count(batches));
        let mut page = Page {
            parts: Vec::new(),
            commit,
            refused: Vec::new(),
        };
        for (batch, layout) in batches.iter().zip(&layouts) {
            let (part, refused) = Part::new(layout, batch, rows);
            rows += batch.rows();
            page.parts.push(part);
            page.refused.extend(refused);
        }
        let mut stored = self.store(&mut page, false).await;
        if matches!(&stored, Err(failure) if failure.about_a_row().is_some()) {
            stored = self.store(&mut page, true).await;
        }
        match stored {
            Err(Failure::Lost(cause)) => self.find_page(&cause, commit).await?,
            stored => stored?,
        }
        page.refused.sort_by_key(|refused| refused.row.row);
        let own = page.refused.iter().filter(|it| it.form == RejectForm::Row);
        accepted -= own.count() as u64;
        let rejected = page.refused.into_iter().map(|refused| refused.row);
        let rejected: Vec<_> = rejected.collect();
        Ok(Receipt {
            seq: commit.seq,
            durable: true,
            accepted,
            rejected,
        })
    }

    fn layouts(&mut self, batches: &[Batch]) -> Result<Vec<Arc<Layout>>> {
        let mut layouts = Vec::with_capacity(batches.len());
        for batch in batches {
            check_ops(batch)?;
            let layout = match batch.child.as_deref() {
                Some(child) => self.children.layout(child, batch)?,
                None => {
                    let (table, columns) = (&self.table, &self.columns);
                    let schema = batch.records.schema_ref();
                    Layout::known(&mut self.layout, table, columns, schema)?
                }
            };
            layouts.push(layout);
        }
        Ok(layouts)
    }

    /// Stores `page` in one transaction, unless that was done before. `carefully` is slower, and
    /// finds the rows that the server refuses.
    async fn store(&mut self, page: &mut Page<'_>, carefully: bool) -> Result<()> {
        let stored = self.try_store(page, carefully).await;
        if stored.is_err() {
            self.roll_back().await;
        }
        stored
    }

    async fn try_store(&mut self, page: &mut Page<'_>, carefully: bool) -> Result<()> {
        let Self {
            client,
            reused,
            owner,
            staged,
            ..
        } = self;
        let mut questions = vec![bookkeeping::last_seq(owner, &page.commit.slice)];
        questions.extend(staged.as_ref().map(Staged::last_row));
        let answers = bookkeeping::begin(client, &owner.key, &questions).await?;
        if is_stored(&answers, page.commit) {
            return end(client, "ROLLBACK").await;
        }
        let record = bookkeeping::prepare_record(client, reused).await?;
        for part in &page.parts {
            match carefully {
                true => {
                    copy::carefully(client, reused, part, &mut page.refused).await?;
                }
                false => copy::all(client, reused, part).await?,
            }
        }
        let merge = staged.as_ref().and_then(|staged| {
            let before = answers.get(1).copied().flatten();
            staged.refreshing(before.unwrap_or(0))
        });
        let commit = match merge {
            Some(merge) => format!("{merge}; COMMIT"),
            None => "COMMIT".to_owned(),
        };
        // Both are on their way before the first is answered. If that is an error, there is nothing
        // left to commit; if there is no answer, nobody knows.
        let (recorded, committed) = futures::join!(
            bookkeeping::record(client, &record, owner, page.commit, &page.refused),
            end(client, &commit),
        );
        match recorded {
            Err(Failure::Server(error)) if is_lost(&error) => return Err(Failure::Lost(error)),
            recorded => recorded?,
        }
        committed
    }

    pub(crate) async fn evolve(&mut self, schema: &SchemaRef) -> Result<SchemaChange> {
        self.connect().await?;
        let fitted = self.change(|it| {
            let schema = SchemaRef::clone(schema);
            Box::pin(async move { it.fit(&schema).await })
        });
        let (columns, staged, change) = fitted.await?;
        (self.columns, self.staged) = (columns, staged);
        self.layout = None;
        Ok(change)
    }

    pub(crate) async fn evolve_child(
        &mut self,
        child: &str,
        schema: &SchemaRef,
    ) -> Result<SchemaChange> {
        self.connect().await?;
        let fitted = self.change(|it| {
            let (child, schema) = (child.to_owned(), SchemaRef::clone(schema));
            Box::pin(async move {
                let (client, owner) = (&it.client, &it.owner);
                it.children.fit(client, owner, &child, &schema).await
            })
        });
        let (table, columns, change) = fitted.await?;
        self.children.keep(child, table, columns);
        Ok(change)
    }

    async fn fit(&self, schema: &Schema) -> Result<(Vec<Column>, Option<Staged>, SchemaChange)> {
        let (columns, change) = columns::fit(&self.client, &self.table, schema).await?;
        let mut staged = self.staged.clone();
        if let Some(staged) = &mut staged {
            staged.fit(&self.client, &columns).await?;
        }
        Ok((columns, staged, change))
    }

    pub(crate) async fn publish(&mut self) -> Result<Published> {
        self.connect().await?;
        let published = self.change(|it| Box::pin(it.show())).await;
        let rows = match published {
            Err(Failure::Lost(cause)) => {
                self.find_published(&cause).await?;
                table::count(&self.client, &self.owner.table).await?
            }
            published => published?,
        };
        Ok(Published { rows })
    }

    /// Shows the rows, and says how many there are now.
    async fn show(&self) -> Result<u64> {
        let (client, owner) = (&self.client, &self.owner);
        let rows = table::count(client, &self.table).await?;
        if owner.replace {
            generation::show(client, owner).await?;
            bookkeeping::forget_rejects_of_others(client, owner).await?;
        }
        if let Some(staged) = &self.staged {
            staged.bury(client, &owner.key.run.to_string()).await?;
        }
        bookkeeping::mark_published(client, owner).await?;
        Ok(rows)
    }

    /// Appended rows stay.
    pub(crate) async fn abort(&mut self) -> Result<()> {
        self.connect().await?;
        self.change(|it| Box::pin(it.forget())).await
    }

    async fn forget(&self) -> Result<()> {
        let (client, owner) = (&self.client, &self.owner);
        match owner.replace {
            true => generation::forget(client, owner).await,
            false => bookkeeping::forget_run(client, owner).await,
        }
    }

    /// Does `job` in a transaction that takes locks of tables.
    async fn change<R>(
        &self,
        job: impl for<'a> Fn(&'a Self) -> BoxFuture<'a, Result<R>>,
    ) -> Result<R> {
        let mut tried = 0;
        loop {
            let done = self.try_change(&job).await;
            let Err(failure) = &done else {
                return done;
            };
            self.roll_back().await;
            tried += 1;
            if tried == TRIES || !failure.is_about_locks() {
                return done;
            }
            self.server.clock.sleep(PAUSE).await;
        }
    }

    async fn try_change<R>(
        &self,
        job: impl for<'a> Fn(&'a Self) -> BoxFuture<'a, Result<R>>,
    ) -> Result<R> {
        bookkeeping::begin(&self.client, &self.owner.key, &[]).await?;
        self.client.batch_execute(BRIEFLY).await?;
        let done = job(self).await?;
        end(&self.client, "COMMIT").await?;
        Ok(done)
    }

    /// Nothing of this session is in the way of the next call. If there is no session any more, the
    /// server has done so.
    async fn roll_back(&self) {
        let _ = self.client.batch_execute("ROLLBACK").await;
    }

    /// A new session, if the one there was has ended: all it knew is on the server.
    async fn connect(&mut self) -> Result<()> {
        if self.client.is_closed() {
            self.client = self.server.reconnect().await?;
            self.reused = Reused::default();
        }
        Ok(())
    }

    /// Looks for a page whose commit got no answer.
    async fn find_page(&mut self, cause: &tokio_postgres::Error, commit: &Commit) -> Result<()> {
        let question = bookkeeping::last_seq(&self.owner, &commit.slice);
        let found = self.ask_again(&[question]).await;
        self.roll_back().await;
        let is_there = found.map(|answers| is_stored(&answers, commit));
        found_or_not("the page", cause, is_there)
    }

    async fn find_published(&mut self, cause: &tokio_postgres::Error) -> Result<()> {
        let found = match self.ask_again(&[]).await {
            Ok(_) => generation::is_published(&self.client, &self.owner).await,
            Err(failure) => Err(failure),
        };
        self.roll_back().await;
        found_or_not("the new table", cause, found)
    }

    /// A transaction in a new session. Once it has the fence's lock, the old session does nothing
    /// any more.
    async fn ask_again(&mut self, questions: &[String]) -> Result<Vec<Option<i64>>> {
        self.client = self.server.reconnect().await?;
        self.reused = Reused::default();
        bookkeeping::begin(&self.client, &self.owner.key, questions).await
    }
}

/// What is known after all of a commit that got no answer because of `cause`.
fn found_or_not(
    what: &'static str,
    cause: &tokio_postgres::Error,
    is_there: Result<bool>,
) -> Result<()> {
    let cause = tapline_postgres::words(cause);
    match is_there {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::NotCommitted { cause, what }),
        Err(fenced @ Failure::Fenced { .. }) => Err(fenced),
        Err(failure) => Err(Failure::Unknown {
            cause,
            what,
            reason: failure.to_string(),
        }),
    }
}

/// Whether the page of `commit` is stored, by the answer to what its slice's last one is.
fn is_stored(answers: &[Option<i64>], commit: &Commit) -> bool {
    let last = answers.first().copied().flatten();
    last.map(i64::cast_unsigned) >= Some(commit.seq)
}

/// Ends a transaction; without an answer nobody knows how.
async fn end(client: &Client, how: &str) -> Result<()> {
    match client.batch_execute(how).await {
        Ok(()) => Ok(()),
        Err(error) if is_lost(&error) => Err(Failure::Lost(error)),
        Err(error) => Err(error.into()),
    }
}
