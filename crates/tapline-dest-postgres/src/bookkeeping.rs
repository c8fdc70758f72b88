//! What is stored beside the rows, in the same transaction: the fence, the position of each
//! slice, the log of requests and the rejects.

use postgres_protocol::escape::escape_literal;
use tapline_core::{
    Commit, CommitKey, KeptReject, LastCommit, LoadedPage, Position, Reject, RejectForm, RejectKey,
    SliceProgress,
};
use tapline_postgres::{Steps, given, kept};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement};
use uuid::Uuid;

use crate::copy::Reused;
use crate::failure::{Failure, Result};
use crate::name::Table;
use crate::page::Refused;

/// The tables, in the schema that the destination's address names.
pub(crate) const TABLES: Steps = Steps {
    steps: &[FIRST, STAGES, FORM, CHILD],
    version_table: "_tapline_version",
    lock: 7825,
};

/// The log of requests is kept whatever becomes of the run: it is how one finds out why.
const FIRST: &str = r#"
CREATE TABLE _tapline_fences (pipeline text COLLATE "C" PRIMARY KEY, fence bigint NOT NULL);
CREATE TABLE _tapline_generations (
    table_schema text COLLATE "C" NOT NULL, hidden text COLLATE "C" NOT NULL,
    pipeline text COLLATE "C" NOT NULL, table_name text COLLATE "C" NOT NULL,
    generation bigint NOT NULL, PRIMARY KEY (table_schema, hidden)
);
CREATE TABLE _tapline_commits (
    pipeline text COLLATE "C" NOT NULL, table_schema text COLLATE "C" NOT NULL,
    table_name text COLLATE "C" NOT NULL, run_id text COLLATE "C" NOT NULL,
    slice text COLLATE "C" NOT NULL, generation bigint NOT NULL, seq bigint NOT NULL,
    position text, fence bigint NOT NULL, published boolean NOT NULL DEFAULT false,
    progress text NOT NULL,
    PRIMARY KEY (pipeline, table_schema, table_name, run_id, slice)
);
CREATE TABLE _tapline_requests (
    run_id text NOT NULL, pipeline text NOT NULL, table_schema text NOT NULL,
    table_name text NOT NULL, slice text NOT NULL, seq bigint NOT NULL, request_id text NOT NULL,
    method text NOT NULL, url text NOT NULL, status integer NOT NULL, bytes bigint NOT NULL,
    attempts bigint NOT NULL, waited_ms bigint NOT NULL, duration_ms bigint NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX _tapline_requests_by_id ON _tapline_requests (request_id);
CREATE TABLE _tapline_rejects (
    run_id text NOT NULL, pipeline text NOT NULL, table_schema text NOT NULL,
    table_name text NOT NULL, slice text NOT NULL, seq bigint NOT NULL, request_id text NOT NULL,
    record bigint NOT NULL, reason text NOT NULL, raw text NOT NULL
);
"#;

/// The tables with the latest versions, by that with all of them.
const STAGES: &str = r#"
CREATE TABLE _tapline_stages (
    table_schema text COLLATE "C" NOT NULL, table_name text COLLATE "C" NOT NULL,
    staged_schema text NOT NULL, staged_name text NOT NULL, settings text NOT NULL,
    PRIMARY KEY (table_schema, table_name)
);
"#;

/// What is kept of a reject.
const FORM: &str = "ALTER TABLE _tapline_rejects ADD COLUMN form text NOT NULL DEFAULT 'record'";

/// Which child table a hidden table becomes.
const CHILD: &str = "ALTER TABLE _tapline_generations ADD COLUMN child text NOT NULL DEFAULT ''";

/// Whose commits are meant.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) key: CommitKey,
    /// The table as the pipeline names it, not the hidden one.
    pub(crate) table: Table,
    /// Whether a resumed generation is one with the run that began it.
    pub(crate) replace: bool,
}

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

fn text<T: ToSql + Sync>(value: &T) -> Parameter<'_> {
    (value, Type::TEXT)
}

fn number(value: &i64) -> Parameter<'_> {
    (value, Type::INT8)
}

/// The highest fence that was seen for `pipeline`.
pub(crate) async fn fence(client: &Client, pipeline: &str) -> Result<Option<u64>> {
    let pipeline = kept(pipeline);
    let sql = "SELECT fence FROM _tapline_fences WHERE pipeline = $1";
    let row = client.query_typed_opt(sql, &[text(&pipeline)]).await?;
    let seen = row.map(|row| row.try_get::<_, i64>(0)).transpose()?;
    Ok(seen.map(i64::cast_unsigned))
}

/// What is asked at the start of every transaction: locks the fence of the pipeline, and shows the
/// highest that was seen. The lock lasts as long as the transaction, so whoever has it knows that no
/// other commit of the pipeline is on its way.
fn lock_fence(key: &CommitKey) -> String {
    let pipeline = escape_literal(&kept(&key.pipeline));
    format!("SELECT fence FROM _tapline_fences WHERE pipeline = {pipeline} FOR UPDATE")
}

/// Begins a transaction with the fence's lock; fails if a higher one than that of `key` was seen, and
/// remembers a higher one. Then asks for the numbers that are the answers of `questions`: all goes to
/// the server at once, and comes back at once.
pub(crate) async fn begin(
    client: &Client,
    key: &CommitKey,
    questions: &[String],
) -> Result<Vec<Option<i64>>> {
    let mut all = format!("BEGIN; {}", lock_fence(key));
    for question in questions {
        all.push_str("; ");
        all.push_str(question);
    }
    // Each statement sees what was committed before it: those after the first see all that whoever had
    // the lock has done.
    let mut answers = Vec::with_capacity(1 + questions.len());
    for message in client.simple_query(&all).await? {
        match message {
            SimpleQueryMessage::RowDescription(_) => answers.push(None),
            SimpleQueryMessage::Row(row) => {
                let number = row.try_get(0)?.map(|text| {
                    text.parse().map_err(|_| Failure::Corrupt {
                        what: "number",
                        text: text.to_owned(),
                    })
                });
                if let Some(answer) = answers.last_mut() {
                    *answer = number.transpose()?;
                }
            }
            _ => {}
        }
    }
    if answers.len() != 1 + questions.len() {
        return Err(Failure::Corrupt {
            what: "answer",
            text: format!("{} answers to {all}", answers.len()),
        });
    }
    check_fence(client, key, answers.remove(0)).await?;
    Ok(answers)
}

async fn check_fence(client: &Client, key: &CommitKey, seen: Option<i64>) -> Result<()> {
    let ours = signed(key.fence);
    let seen = match seen {
        Some(seen) if seen >= ours => seen,
        _ => {
            let pipeline = kept(&key.pipeline);
            let sql = "INSERT INTO _tapline_fences AS known VALUES ($1, $2) ON CONFLICT (pipeline)
                 DO UPDATE SET fence = greatest(known.fence, excluded.fence) RETURNING fence";
            let parameters = [text(&pipeline), number(&ours)];
            let row = client.query_typed_one(sql, &parameters).await?;
            row.try_get(0)?
        }
    };
    match seen > ours {
        true => Err(Failure::Fenced {
            seen: seen.cast_unsigned(),
            ours: key.fence,
        }),
        false => Ok(()),
    }
}

/// Whether any run has published `table`.
pub(crate) async fn has_published(client: &Client, table: &Table) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM _tapline_commits
         WHERE table_schema = $1 AND table_name = $2 AND published)";
    let parameters = [text(&table.schema), text(&table.name)];
    let row = client.query_typed_one(sql, &parameters).await?;
    Ok(row.try_get(0)?)
}

/// Asks for the number of the last page of `slice` that is stored.
///
/// Appended rows are told apart by run. A hidden generation may be filled by several runs, each
/// resuming the one before, so there the generation decides, as long as it is hidden: a state
/// store that was lost counts its generations anew, over those that were published.
pub(crate) fn last_seq(owner: &Owner, slice: &str) -> String {
    let (key, table) = (&owner.key, &owner.table);
    let whose = match owner.replace {
        true => "NOT published".to_owned(),
        false => format!("run_id = {}", escape_literal(&key.run.to_string())),
    };
    format!(
        "SELECT max(seq) FROM _tapline_commits WHERE pipeline = {} AND table_schema = {}
         AND table_name = {} AND slice = {} AND generation = {} AND {whose}",
        escape_literal(&kept(&key.pipeline)),
        escape_literal(&table.schema),
        escape_literal(&table.name),
        escape_literal(&kept(slice)),
        signed(key.generation),
    )
}

const RECORD: &str = "
WITH request AS (
    INSERT INTO _tapline_requests VALUES
        ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::text::timestamptz)
), rejected AS (
    INSERT INTO _tapline_rejects
    SELECT coalesce(run_id, $1), $2, $3, $4, $5, $6, coalesce(request_id, $7), record, reason, raw, form
    FROM unnest($29::text[], $30::text[], $16::bigint[], $17::text[], $18::text[], $23::text[])
        AS reject (run_id, request_id, record, reason, raw, form)
), settled AS (
    DELETE FROM _tapline_rejects AS it USING unnest($24::text[], $25::text[], $26::bigint[],
        $27::bigint[], $28::text[])
        AS gone (run_id, slice, seq, record, form)
    WHERE it.pipeline = $2 AND it.table_schema = $3 AND it.table_name = $4
    AND it.run_id = gone.run_id AND it.slice = gone.slice AND it.seq = gone.seq
    AND it.record = gone.record AND it.form = gone.form
)
INSERT INTO _tapline_commits VALUES ($2, $3, $4, $1, $5, $19, $6, $20, $21, false, $22)
ON CONFLICT (pipeline, table_schema, table_name, run_id, slice) DO UPDATE SET
    generation = excluded.generation, seq = excluded.seq, position = excluded.position,
    fence = excluded.fence, published = false, progress = excluded.progress";

/// Prepares [`record`], so that its only step is its message to the server: what is said after it
/// comes after it.
pub(crate) async fn prepare_record(client: &Client, reused: &mut Reused) -> Result<Statement> {
    reused.statement(client, RECORD).await
}

/// Stores the position, the request and the rejects of `commit`, and the rows that were refused.
pub(crate) async fn record(
    client: &Client,
    statement: &Statement,
    owner: &Owner,
    commit: &Commit,
    refused: &[Refused],
) -> Result<()> {
    let key = &owner.key;
    let request = &commit.request;
    let (run, request_id) = (key.run.to_string(), request.request_id.to_string());
    let (pipeline, slice) = (kept(&key.pipeline), kept(&commit.slice));
    let (method, url) = (kept(&request.method), kept(&request.url));
    let received = format!("{:.6}", request.received_at);
    let position = commit.position.as_ref().map(serde_json::to_string);
    let position = position.transpose().map_err(not_json("position"))?;
    let progress = serde_json::to_string(&commit.progress).map_err(not_json("progress"))?;
    let (seq, generation, fence) = (
        signed(commit.seq),
        signed(key.generation),
        signed(key.fence),
    );
    let (bytes, attempts) = (signed(request.bytes), i64::from(request.attempts));
    let (waited, took) = (signed(request.waited_ms), signed(request.duration_ms));
    let status = i32::from(request.status);
    let rejects = commit
        .rejects
        .iter()
        .map(|it| (it.index, &it.reason, &it.raw, it.form, None));
    // Rows that were rejected before are not among those that the server has seen, and no two rejects
    // of a page have one number.
    let mut place = Reject::places(&commit.rejects);
    let mut ordered: Vec<&Refused> = refused.iter().collect();
    ordered.sort_by_key(|it| it.row.row);
    let rows = ordered.into_iter().map(|it| {
        let index = match it.form {
            RejectForm::Row => place(it.row.row),
            _ => it.row.row,
        };
        // A row that was rejected before still comes from where it came from then.
        (index, &it.row.reason, &it.raw, it.form, Some(&it.origin))
    });
    let rejects: Vec<_> = rejects.chain(rows).collect();
    let indexes: Vec<i64> = rejects.iter().map(|reject| signed(reject.0)).collect();
    let reasons: Vec<_> = rejects.iter().map(|reject| kept(reject.1)).collect();
    let raws: Vec<_> = rejects.iter().map(|reject| kept(reject.2)).collect();
    let forms: Vec<_> = rejects.iter().map(|reject| reject.3.name()).collect();
    let runs: Vec<_> = rejects.iter().map(|it| it.4?.run.as_deref()).collect();
    let requests: Vec<_> = rejects.iter().map(|it| it.4?.request.as_deref()).collect();
    let gone = commit.settles.iter();
    let gone_runs: Vec<_> = gone.clone().map(|key| key.run.to_string()).collect();
    let gone_slices: Vec<_> = gone.clone().map(|key| kept(&key.slice)).collect();
    let gone_seqs: Vec<_> = gone.clone().map(|key| signed(key.seq)).collect();
    let gone_indexes: Vec<_> = gone.clone().map(|key| signed(key.index)).collect();
    let gone_forms: Vec<_> = gone.map(|key| key.form.name()).collect();
    let parameters: [&(dyn ToSql + Sync); 30] = [
        &run,
        &pipeline,
        &owner.table.schema,
        &owner.table.name,
        &slice,
        &seq,
        &request_id,
        &method,
        &url,
        &status,
        &bytes,
        &attempts,
        &waited,
        &took,
        &received,
        &indexes,
        &reasons,
        &raws,
        &generation,
        &position,
        &fence,
        &progress,
        &forms,
        &gone_runs,
        &gone_slices,
        &gone_seqs,
        &gone_indexes,
        &gone_forms,
        &runs,
        &requests,
    ];
    client.execute(statement, &parameters).await?;
    Ok(())
}

fn not_json(what: &'static str) -> impl FnOnce(serde_json::Error) -> Failure {
    move |error| Failure::Corrupt {
        what,
        text: error.to_string(),
    }
}

/// Rejects of a pipeline and a table, by their keys, after that of `after`.
pub(crate) async fn rejects(
    client: &Client,
    (pipeline, table): (&str, &Table),
    after: Option<&RejectKey>,
    limit: usize,
) -> Result<Vec<KeptReject>> {
    let sql = r#"SELECT run_id, slice, seq, record, form, request_id, reason, raw
         FROM _tapline_rejects WHERE pipeline = $1 AND table_schema = $2 AND table_name = $3
         AND ($4::text IS NULL OR (run_id COLLATE "C", slice COLLATE "C", seq, record,
             form COLLATE "C") > ($4, $5, $6, $7, $8))
         ORDER BY run_id COLLATE "C", slice COLLATE "C", seq, record, form COLLATE "C" LIMIT $9"#;
    let pipeline = kept(pipeline);
    let run = after.map(|key| key.run.to_string());
    let slice = after.map(|key| kept(&key.slice));
    let seq = after.map(|key| signed(key.seq));
    let index = after.map(|key| signed(key.index));
    let form = after.map(|key| key.form.name());
    let limit = signed(limit as u64);
    let parameters = [
        text(&pipeline),
        text(&table.schema),
        text(&table.name),
        text(&run),
        text(&slice),
        (&seq as _, Type::INT8),
        (&index as _, Type::INT8),
        text(&form),
        number(&limit),
    ];
    let rows = client.query_typed(sql, &parameters).await?;
    rows.iter().map(kept_reject).collect()
}

fn kept_reject(row: &Row) -> Result<KeptReject> {
    let (run, request): (String, String) = (row.try_get(0)?, row.try_get(5)?);
    let form: String = row.try_get(4)?;
    Ok(KeptReject {
        key: RejectKey {
            run: id("run id", &run)?,
            slice: row.try_get(1)?,
            seq: row.try_get::<_, i64>(2)?.cast_unsigned(),
            index: row.try_get::<_, i64>(3)?.cast_unsigned(),
            form: RejectForm::parse(&form),
        },
        request_id: id("request id", &request)?,
        reason: row.try_get(6)?,
        raw: row.try_get(7)?,
    })
}

/// The pages that a pipeline has loaded into a table, in their order. What tapline itself has logged
/// there was no answer of a source, and has no status.
pub(crate) async fn pages(
    client: &Client,
    pipeline: &str,
    table: &Table,
) -> Result<Vec<LoadedPage>> {
    let sql = "SELECT run_id, request_id FROM _tapline_requests WHERE pipeline = $1
         AND table_schema = $2 AND table_name = $3 AND status <> 0 ORDER BY received_at";
    let pipeline = kept(pipeline);
    let parameters = [text(&pipeline), text(&table.schema), text(&table.name)];
    let rows = client.query_typed(sql, &parameters).await?;
    let page = |row: &Row| {
        let (run, request): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        Ok(LoadedPage {
            run: id("run id", &run)?,
            request: id("request id", &request)?,
        })
    };
    rows.iter().map(page).collect()
}

pub(crate) fn id(what: &'static str, text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| corrupt(what, text))
}

/// Marks what is stored of this run as published, so that nobody resumes it; of a table that was
/// replaced, what is stored of any. What was published earlier is forgotten; only the last run can
/// still be asked to repeat a commit.
pub(crate) async fn mark_published(client: &Client, owner: &Owner) -> Result<()> {
    let (pipeline, run) = (kept(&owner.key.pipeline), owner.key.run.to_string());
    let table = &owner.table;
    let of_run = [
        text(&pipeline),
        text(&table.schema),
        text(&table.name),
        text(&run),
    ];
    let forget = "DELETE FROM _tapline_commits WHERE pipeline = $1 AND table_schema = $2
         AND table_name = $3 AND published AND run_id <> $4";
    client.execute_typed(forget, &of_run).await?;
    let mark = "UPDATE _tapline_commits SET published = true WHERE pipeline = $1
         AND table_schema = $2 AND table_name = $3 AND (run_id = $4 OR $5)";
    let replace = (&owner.replace as _, Type::BOOL);
    let all = [&of_run[..], &[replace]].concat();
    client.execute_typed(mark, &all).await?;
    Ok(())
}

/// Whether there are positions that [`mark_published`] would mark.
pub(crate) async fn is_open(client: &Client, owner: &Owner) -> Result<bool> {
    let (pipeline, run) = (kept(&owner.key.pipeline), owner.key.run.to_string());
    let table = &owner.table;
    let sql = "SELECT EXISTS (SELECT FROM _tapline_commits WHERE pipeline = $1
         AND table_schema = $2 AND table_name = $3 AND (run_id = $4 OR $5) AND NOT published)";
    let parameters = [
        text(&pipeline),
        text(&table.schema),
        text(&table.name),
        text(&run),
        (&owner.replace as _, Type::BOOL),
    ];
    let row = client.query_typed_one(sql, &parameters).await?;
    Ok(row.try_get(0)?)
}

/// Forgets how far this run has got, whose rows were appended.
pub(crate) async fn forget_run(client: &Client, owner: &Owner) -> Result<()> {
    let sql = "DELETE FROM _tapline_commits WHERE pipeline = $1 AND table_schema = $2
         AND table_name = $3 AND run_id = $4 AND NOT published";
    let run = owner.key.run.to_string();
    forget_what(client, owner, sql, text(&run)).await
}

/// Forgets how far a generation has got that is not published, and what it rejected.
pub(crate) async fn forget_generation(
    client: &Client,
    owner: &Owner,
    generation: i64,
) -> Result<()> {
    let sql = "DELETE FROM _tapline_rejects WHERE pipeline = $1 AND table_schema = $2
         AND table_name = $3 AND run_id IN (SELECT run_id FROM _tapline_commits
            WHERE pipeline = $1 AND table_schema = $2 AND table_name = $3 AND generation = $4
            AND NOT published)";
    forget_what(client, owner, sql, number(&generation)).await?;
    forget_positions(client, owner, generation).await
}

/// Forgets how far a generation has got that is not published.
pub(crate) async fn forget_positions(
    client: &Client,
    owner: &Owner,
    generation: i64,
) -> Result<()> {
    let sql = "DELETE FROM _tapline_commits WHERE pipeline = $1 AND table_schema = $2
         AND table_name = $3 AND generation = $4 AND NOT published";
    forget_what(client, owner, sql, number(&generation)).await
}

/// Forgets what other runs have rejected, whose rows were replaced.
pub(crate) async fn forget_rejects_of_others(client: &Client, owner: &Owner) -> Result<()> {
    let sql = "DELETE FROM _tapline_rejects WHERE pipeline = $1 AND table_schema = $2
         AND table_name = $3 AND run_id <> $4";
    let run = owner.key.run.to_string();
    forget_what(client, owner, sql, text(&run)).await
}

/// Carries out `sql`, which asks for the pipeline, the schema and the name of the table, and for `what`.
async fn forget_what(client: &Client, owner: &Owner, sql: &str, what: Parameter<'_>) -> Result<()> {
    let pipeline = kept(&owner.key.pipeline);
    let (schema, name) = (text(&owner.table.schema), text(&owner.table.name));
    let parameters = [text(&pipeline), schema, name, what];
    client.execute_typed(sql, &parameters).await?;
    Ok(())
}

/// The last commit of each slice of each generation that is not published.
///
/// If several runs filled a generation the one with the highest fence knows best. If several
/// tables did, the one that got least far decides: the others ignore what is repeated.
pub(crate) async fn recover(client: &Client, pipeline: &str) -> Result<Vec<LastCommit>> {
    let sql = "SELECT DISTINCT ON (generation, slice)
             generation, slice, run_id, fence, seq, position, progress
         FROM (
             SELECT DISTINCT ON (generation, slice, table_schema, table_name) *
             FROM _tapline_commits WHERE pipeline = $1 AND NOT published
             ORDER BY generation, slice, table_schema, table_name, fence DESC, seq DESC
         ) AS newest
         ORDER BY generation, slice, seq, table_schema, table_name";
    let rows = client.query_typed(sql, &[text(&kept(pipeline))]).await?;
    rows.iter().map(|row| last_commit(row, pipeline)).collect()
}

fn last_commit(row: &Row, pipeline: &str) -> Result<LastCommit> {
    let run: &str = row.try_get(2)?;
    let position: Option<&str> = row.try_get(5)?;
    let position: Option<Position> = position
        .map(|text| serde_json::from_str(text).map_err(|_| corrupt("position", text)))
        .transpose()?;
    let progress: &str = row.try_get(6)?;
    let progress: SliceProgress =
        serde_json::from_str(progress).map_err(|_| corrupt("progress", progress))?;
    let unsigned = |index: usize| row.try_get(index).map(i64::cast_unsigned);
    Ok(LastCommit {
        key: CommitKey {
            pipeline: pipeline.to_owned(),
            run: Uuid::parse_str(run).map_err(|_| corrupt("run id", run))?,
            generation: unsigned(0)?,
            fence: unsigned(3)?,
        },
        slice: given(row.try_get(1)?),
        seq: unsigned(4)?,
        position,
        progress,
    })
}

fn corrupt(what: &'static str, text: &str) -> Failure {
    Failure::Corrupt {
        what,
        text: text.to_owned(),
    }
}

/// PostgreSQL's integers are signed. Counters do not get that far; a size that did would be shown
/// as the largest there is.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
