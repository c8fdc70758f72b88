//! A server on a raw socket: it can say what no HTTP library would let it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is sent back.
pub(crate) struct Reply {
    bytes: Vec<u8>,
    /// Sent again and again after `bytes`, until nobody listens any more.
    forever: Option<Vec<u8>>,
}

impl Reply {
    /// These bytes, and then the end of the connection.
    pub(crate) fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self {
            bytes: bytes.as_ref().to_vec(),
            forever: None,
        }
    }

    /// A proper answer with further `headers`, each ended by a line break.
    pub(crate) fn new(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n"
        );
        Self::raw([head.as_bytes(), body].concat())
    }

    /// A proper answer with a JSON body.
    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::new("200 OK", "content-type: application/json\r\n", body)
    }

    /// A page of records.
    pub(crate) fn items(items: impl AsRef<str>) -> Self {
        Self::ok(format!("{{\"items\":[{}]}}", items.as_ref()))
    }

    /// Goes on with `part` for ever.
    pub(crate) fn and_forever(self, part: impl AsRef<[u8]>) -> Self {
        Self {
            forever: Some(part.as_ref().to_vec()),
            ..self
        }
    }

    fn send(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&self.bytes)?;
        while let Some(part) = &self.forever {
            stream.write_all(part)?;
        }
        Ok(())
    }
}

type Script = Arc<dyn Fn(usize) -> Reply + Send + Sync>;

struct State {
    script: Mutex<Script>,
    /// The requests since the last turn: heads and bodies.
    heads: Mutex<Vec<String>>,
}

/// A server that answers each request as its script says.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

impl Server {
    /// Answers request number `n` (from 0) with `script(n)`.
    pub(crate) fn start(script: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Mutex::new(Arc::new(script)),
            heads: Mutex::default(),
        });
        let served = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = served.clone();
                // Whoever hangs up in mid answer has had enough, which is what is tested.
                thread::spawn(move || serve(stream?, &state));
            }
        });
        Self { address, state }
    }

    /// From now on answers with `script`, and counts requests anew.
    pub(crate) fn turn(&self, script: impl Fn(usize) -> Reply + Send + Sync + 'static) {
        *self.state.script.lock().unwrap() = Arc::new(script);
        self.state.heads.lock().unwrap().clear();
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Request line, headers and body of every request since the last turn.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, state: &State) -> io::Result<()> {
    let head = head(&mut stream)?;
    let number = {
        let mut heads = state.heads.lock().unwrap();
        heads.push(head);
        heads.len() - 1
    };
    let script = state.script.lock().unwrap().clone();
    script(number).send(&mut stream)
}

/// Reads up to the empty line, and a body whose length is told.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let mut lines = text.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    Ok(String::from_utf8([head, body].concat()).unwrap())
}

/// A listener to which nobody may ever connect.
pub(crate) struct Silent(TcpListener);

impl Silent {
    /// Listens at a free port of `ip`.
    pub(crate) fn at(ip: &str) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// Whether nobody has connected, not even to hang up again.
    pub(crate) fn is_silent(&self) -> bool {
        let error = self.0.accept().err();
        error.is_some_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}
