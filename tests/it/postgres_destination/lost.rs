//! A connection that breaks at a commit: whether it was made is asked, and the answer is right.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use tapline_core::{
    Batch, CommitKey, Destination, Disposition, ErrorKind, Receipt, Result, Secret, TableRef,
    Writer,
};
use tapline_dest_postgres::PostgresDestination;

use super::subject::{Place, commit, key};
use crate::clock::clock;
use crate::postgres::{Postgres, runtime};

/// What becomes of the next commit that passes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    /// It does not get to the server.
    Before,
    /// It does, and the answer does not come back.
    After,
}

/// Stands between tapline and the server, and cuts connections.
struct Wire {
    port: u16,
    cut: Arc<Mutex<Option<Cut>>>,
    connections: Arc<AtomicUsize>,
}

/// How a commit is sent: as a simple query.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

impl Wire {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self {
            port: listener.local_addr().unwrap().port(),
            cut: Arc::default(),
            connections: Arc::default(),
        };
        let (cut, connections) = (wire.cut.clone(), wire.connections.clone());
        // It ends with the process.
        thread::spawn(move || {
            for client in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                carry(client.unwrap(), server, cut.clone());
            }
        });
        wire
    }

    fn cut(&self, next: Cut) {
        *self.cut.lock().unwrap() = Some(next);
    }
}

fn carry(mut client: TcpStream, mut server: TcpStream, cut: Arc<Mutex<Option<Cut>>>) {
    let (mut back, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let silent = Arc::new(Mutex::new(false));
    let is_silent = silent.clone();
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(read) = back.read(&mut buffer)
            && read > 0
        {
            if *is_silent.lock().unwrap() {
                // The answer to the commit may be in pieces. The end of the session is the last one.
                continue;
            }
            if to_client.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(read) = client.read(&mut buffer)
            && read > 0
        {
            let sent = &buffer[..read];
            let at = sent.windows(COMMIT.len()).position(|it| it == COMMIT);
            let next = at.and_then(|at| Some((at, cut.lock().unwrap().take()?)));
            match next {
                None => {
                    if server.write_all(sent).is_err() {
                        break;
                    }
                }
                Some((at, Cut::Before)) => {
                    let _ = server.write_all(&sent[..at]);
                    break;
                }
                Some((_, Cut::After)) => {
                    *silent.lock().unwrap() = true;
                    server.write_all(sent).unwrap();
                    // It reads what was sent before it sees that no more comes.
                    server.shutdown(Shutdown::Write).unwrap();
                    let _ = client.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    });
}

fn rows(values: &[i64]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
    RecordBatch::try_from_iter([("id", ids)]).unwrap()
}

async fn write(writer: &mut Box<dyn Writer>, id: i64, seq: u64) -> Result<Receipt> {
    writer
        .write(vec![Batch::insert(rows(&[id]))], commit(seq))
        .await
}

#[test]
fn a_commit_without_an_answer_is_looked_for() {
    let server = Postgres::start();
    for disposition in [Disposition::Append, Disposition::Replace] {
        let place = Place::new(&server);
        let wire = Wire::to(server.port);
        runtime().block_on(check(&place, &wire, disposition));
    }
}

async fn check(place: &Place<'_>, wire: &Wire, disposition: Disposition) {
    let direct = place.address();
    let (from, to) = (place.server.port.to_string(), wire.port.to_string());
    let address = Secret::new(direct.expose().replace(&from, &to));
    let destination = PostgresDestination::open(&address, clock()).unwrap();
    let begin = |generation: u64| {
        let schema = rows(&[]).schema();
        let table = TableRef::public("t");
        let (destination, disposition) = (&destination, disposition.clone());
        let key = CommitKey {
            fence: 1,
            ..key("p", generation)
        };
        async move {
            let begun = destination.begin(&table, schema, disposition, key);
            begun.await.unwrap()
        }
    };
    // Of a table that is appended, another run may have been cut.
    let others: &[&str] = match disposition {
        Disposition::Append => &["9"],
        _ => &[],
    };
    if !others.is_empty() {
        let mut other = begin(9).await;
        let _ = write(&mut other, 9, 1).await.unwrap();
    }
    let mut writer = begin(1).await;
    let _ = write(&mut writer, 1, 1).await.unwrap();

    wire.cut(Cut::After);
    let before = wire.connections.load(Ordering::SeqCst);
    let receipt = write(&mut writer, 2, 2).await.unwrap();
    assert!(receipt.durable && receipt.seq == 2);
    assert_eq!(wire.connections.load(Ordering::SeqCst), before + 1);

    wire.cut(Cut::Before);
    let lost = write(&mut writer, 3, 3).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Destination);
    let said = lost.to_string();
    assert!(
        said.contains("asked again, the page is not there"),
        "{said}"
    );
    // The writer has a new session, and nothing is in the way.
    let _ = write(&mut writer, 3, 3).await.unwrap();

    wire.cut(Cut::Before);
    let said = writer.publish().await.unwrap_err().to_string();
    assert!(said.contains("the new table is not there"), "{said}");
    let writer = begin(1).await;
    wire.cut(Cut::After);
    let ids = [&["1", "2", "3"], others].concat();
    assert_eq!(writer.publish().await.unwrap().rows, ids.len() as u64);
    assert_eq!(place.ask("SELECT id FROM t ORDER BY id").await, ids);
    let left = destination.recover("p").await.unwrap();
    assert_eq!(left.len(), others.len(), "the other run is still open");
    let logged = "SELECT count(*) FROM _tapline_requests";
    let pages = [ids.len().to_string()];
    assert_eq!(place.ask(logged).await, pages, "each page once");
}
