//! Sockets: reused, encrypted if the URL says so, and never to a hidden address.

use tapline_core::Retry;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::server::{Reply, Server};
use crate::setup::{Setup, get};

#[tokio::test]
async fn twenty_requests_need_one_connection() {
    let server = Server::start(|_, _| Reply::ok("{}")).await;
    let client = Setup::new(server.origin()).client();
    for _ in 0..20 {
        let transport = client.transport(std::sync::Arc::new(tapline_core::NoHooks));
        transport.send(get(server.url("/"))).await.unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (20, 1));
}

#[tokio::test]
async fn localhost_may_be_loopback() {
    let server = Server::start(|_, _| Reply::ok("{}")).await;
    let origin = format!("http://localhost:{}", server.port);
    let transport = Setup::new(&origin).transport();
    transport.send(get(&origin)).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn https_is_never_plain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    let answered = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let plain = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        socket.write_all(plain).await.unwrap();
    });
    let transport = Setup::new(&origin).transport();
    let error = transport.send(get(&origin)).await.unwrap_err();
    assert_eq!(error.message(), "no secure connection");
    assert_eq!(error.retry(), Retry::Never);
    answered.await.unwrap();
}
