//! Rows into a table by `COPY`; if the server refuses them, a search for those it refuses.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use futures::SinkExt;
use tokio_postgres::{Client, Statement};

use crate::encode::{HEADER, TRAILER};
use crate::failure::{Failure, Result};
use crate::page::{Part, Refused};

/// How much is encoded before it is sent. Buffers of this size are used again by the allocator;
/// larger ones are given back to the system.
const CHUNK: usize = 64 * 1024;
/// Rows of one page that are searched for. More are no accident: something is wrong with the table.
const MOST: usize = 100;

/// The statements that were prepared last: pages that follow each other mostly use the same, one for the
/// table and one for each child table.
#[derive(Default)]
pub(crate) struct Prepared(HashMap<String, Statement>);

/// Statements that are kept prepared.
const KEPT: usize = 32;

impl Prepared {
    async fn get(&mut self, client: &Client, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.0.get(sql) {
            return Ok(statement.clone());
        }
        if self.0.len() == KEPT {
            self.0.clear();
        }
        let statement = client.prepare(sql).await?;
        self.0.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Adds the rows of `part`.
pub(crate) async fn all(client: &Client, prepared: &mut Prepared, part: &Part<'_>) -> Result<()> {
    some(client, prepared, part, part.all()).await
}

async fn some(
    client: &Client,
    prepared: &mut Prepared,
    part: &Part<'_>,
    range: Range<usize>,
) -> Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    let statement = prepared.get(client, &part.layout.copy).await?;
    let sink = client.copy_in::<_, Bytes>(&statement).await?;
    let mut sink = std::pin::pin!(sink);
    sink.feed(Bytes::from_static(HEADER)).await?;
    let count = range.len();
    let mut left = range;
    while !left.is_empty() {
        let some = part.rows.fitting(left.clone(), CHUNK);
        left.start = some.end;
        let mut out = Vec::new();
        part.rows.put(some, &mut out);
        if left.is_empty() {
            out.extend(TRAILER);
        }
        sink.feed(out.into()).await?;
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
    prepared: &mut Prepared,
    part: &Part<'_>,
    refused: &mut Vec<Refused>,
) -> Result<()> {
    let mut found = 0;
    let mut left = Vec::from([part.all()]);
    while let Some(range) = left.pop() {
        client.batch_execute("SAVEPOINT rows").await?;
        let Err(failure) = some(client, prepared, part, range.clone()).await else {
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
