//! Accepts connections, as many as the service is built for.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// Connections open at once. A control room has a handful of machines, each with one or two connections; this many idle
/// ones cost a few megabytes. One more is closed at once and counted.
const CONNECTIONS_MAX: usize = 512;
/// Rest after a failed accept, which is a lack of descriptors or memory: trying at once would only spin.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// The connections that come in, without delay for small packets.
pub(crate) fn incoming(listener: TcpListener) -> impl Stream<Item = io::Result<Connection>> {
    at_most(CONNECTIONS_MAX, listener)
}

fn at_most(connections: usize, listener: TcpListener) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(connections));
    stream::unfold((listener, places), |(listener, places)| async {
        let connection = accept(&listener, &places).await;
        Some((Ok(connection), (listener, places)))
    })
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Connection {
    loop {
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            metrics::counter!("muster_grpc_connections_refused_total").increment(1);
            continue;
        };
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        return Connection { socket, _place: place };
    }
}

/// A connection and its place among those allowed.
pub(crate) struct Connection {
    socket: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.socket.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn one_connection_too_many_is_closed_and_a_closed_one_makes_room() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut incoming = pin!(at_most(1, listener));
        let _first = TcpStream::connect(address).await.expect("connected");
        let accepted = incoming.next().await.expect("never ends").expect("accepted");
        let mut second = TcpStream::connect(address).await.expect("connected");
        let mut byte = [0];
        tokio::select! {
            _ = incoming.next() => panic!("a second connection was let in"),
            read = second.read(&mut byte) => assert_eq!(read.expect("closed in order"), 0),
        }
        drop(accepted);
        let _third = TcpStream::connect(address).await.expect("connected");
        assert!(incoming.next().await.expect("never ends").is_ok());
    }
}
