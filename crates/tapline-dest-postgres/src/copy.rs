//! Rows into a table by `COPY`; if the server refuses them, a search for those it refuses.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures::SinkExt;
use tokio_postgres::{Client, Statement};

use crate::encode::{HEADER, TRAILER};
use crate::failure::{Failure, Result};
use crate::page::{Part, Refused};

/// How much is encoded before it is sent: enough that few messages go, and little enough that it is
/// still in the processor's cache when it is copied to the connection.
const CHUNK: usize = 128 * 1024;
/// Rows of one page that are searched for. More are no accident: something is wrong with the table.
const MOST: usize = 100;

/// What a session uses again from one page to the next.
#[derive(Default)]
pub(crate) struct Reused {
    /// The statements that were prepared last: pages that follow each other mostly use the same,
    /// one for the table and one for each child table.
    statements: HashMap<String, Statement>,
    /// What was sent last, in order. Once the connection has let go of it, it is filled again, and
    /// need not be taken from the allocator nor be zeroed.
    sent: VecDeque<Bytes>,
}

/// Statements that are kept prepared.
const STATEMENTS: usize = 32;
/// Buffers that are kept: one is filled, one waits, and one is written to the connection.
const BUFFERS: usize = 3;

impl Reused {
    /// The statement `sql`, prepared.
    pub(crate) async fn statement(&mut self, client: &Client, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() == STATEMENTS {
            self.statements.clear();
        }
        let statement = client.prepare(sql).await?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// A buffer of `size` bytes, whatever they are.
    fn buffer(&mut self, size: usize) -> BytesMut {
        let free = self.sent.front().is_some_and(Bytes::is_unique);
        let free = free.then(|| self.sent.pop_front()).flatten();
        let mut buffer = free
            .and_then(|bytes| bytes.try_into_mut().ok())
            .unwrap_or_default();
        buffer.resize(size, 0);
        buffer
    }

    /// Keeps what is sent, unless it is one large row.
    fn keep(&mut self, sent: &Bytes) {
        if sent.len() <= CHUNK {
            if self.sent.len() == BUFFERS {
                self.sent.pop_front();
            }
            self.sent.push_back(sent.clone());
        }
    }
}

/// Adds the rows of `part`.
pub(crate) async fn all(client: &Client, reused: &mut Reused, part: &Part<'_>) -> Result<()> {
    some(client, reused, part, part.all()).await
}

async fn some(
    client: &Client,
    reused: &mut Reused,
    part: &Part<'_>,
    range: Range<usize>,
) -> Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    let statement = reused.statement(client, &part.layout.copy).await?;
    let sink = client.copy_in::<_, Bytes>(&statement).await?;
    let mut sink = std::pin::pin!(sink);
    sink.feed(Bytes::from_static(HEADER)).await?;
    let count = range.len();
    let mut left = range;
    while !left.is_empty() {
        let some = part.rows.fitting(left.clone(), CHUNK);
        left.start = some.end;
        let (size, end) = (part.rows.size(some.clone()), left.is_empty());
        let mut out = reused.buffer(size + if end { TRAILER.len() } else { 0 });
        let (rows, trailer) = out.split_at_mut(size);
        part.rows.put(some, rows);
        if end {
            trailer.copy_from_slice(&TRAILER);
        }
        let out = out.freeze();
        reused.keep(&out);
        sink.feed(out).await?;
    }
    // What the server has against the rows is its answer to their end.
    let (kept, sent) = (sink.finish().await?, count as u64);
    match kept == sent {
        true => Ok(()),
        false => Err(Failure::Refused(format!(
            "the server kept {kept} of {sent} rows: a trigger of the table leaves some out"
        ))),
    }
}

/// Adds the rows of `part` that the server takes, in their order, and those it does not to
/// `refused`. Rows that are refused are tried by halves, down to the single rows.
pub(crate) async fn carefully(
    client: &Client,
    reused: &mut Reused,
    part: &Part<'_>,
    refused: &mut Vec<Refused>,
) -> Result<()> {
    let mut found = 0;
    let mut left = Vec::from([part.all()]);
    while let Some(range) = left.pop() {
        client.batch_execute("SAVEPOINT rows").await?;
        let Err(failure) = some(client, reused, part, range.clone()).await else {
            client.batch_execute("RELEASE rows").await?;
            continue;
        };
        let Some(reason) = failure.about_a_row() else {
            return Err(failure);
        };
        client
            .batch_execute("ROLLBACK TO rows; RELEASE rows")
            .await?;
        if range.len() == 1 {
            found += 1;
            if found > MOST {
                return Err(Failure::ManyRefused { most: MOST, reason });
            }
            refused.push(part.refuse(part.rows.numbers[range.start], reason));
            continue;
        }
        let middle = range.start + range.len() / 2;
        left.extend([middle..range.end, range.start..middle]);
    }
    Ok(())
}
