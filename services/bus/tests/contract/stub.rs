//! A broker that is told what to hold back: its protocol is real, its promises are not.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use muster_proto::v1;
use prost::Message as _;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    raw::{CONNACK, PINGRESP, PUBACK, PacketStream, SUBACK},
    world::PATIENCE,
};

/// What the broker does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Acknowledges everything and delivers nothing.
    Lies,
    /// Answers pings and subscriptions, and acknowledges no message.
    Hesitates,
    /// Answers nothing at all.
    Silent,
    /// Closes the connection.
    Gone,
}

pub struct Stub {
    pub address: SocketAddr,
    pub manner: watch::Sender<Manner>,
    taken: watch::Receiver<Vec<u32>>,
    listener: JoinHandle<()>,
}

impl Stub {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (manner, followed) = watch::channel(Manner::Lies);
        let (tell, taken) = watch::channel(Vec::new());
        let listener = tokio::spawn(async move {
            let tell = Arc::new(Mutex::new(tell));
            let mut known = false;
            while let Ok((stream, _)) = listener.accept().await {
                let (manner, tell) = (followed.clone(), Arc::clone(&tell));
                tokio::spawn(serve(stream, known, manner, tell));
                known = true;
            }
        });
        Self {
            address,
            manner,
            taken,
            listener,
        }
    }

    /// Waits until the alert versions it has taken are these, on all connections together.
    pub async fn has_taken(&mut self, versions: &[u32]) {
        let wait = timeout(PATIENCE, self.taken.wait_for(|taken| taken == versions)).await;
        let seen = wait.map(|taken| taken.unwrap().clone());
        assert!(seen.is_ok(), "took {:?}, not {versions:?}", *self.taken.borrow());
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn serve(
    stream: TcpStream,
    known: bool,
    mut manner: watch::Receiver<Manner>,
    taken: Arc<Mutex<watch::Sender<Vec<u32>>>>,
) {
    let mut client = PacketStream(stream);
    loop {
        let packet = tokio::select! {
            packet = client.read() => packet,
            _ = manner.wait_for(|manner| *manner == Manner::Gone) => return,
        };
        let Some((kind, body)) = packet else { return };
        if kind & 0xf0 == 0x30 {
            taken.lock().unwrap().send_modify(|taken| taken.push(version(&body)));
        }
        let answer = answer(kind, &body, known, *manner.borrow());
        if let Some((kind, answer)) = answer {
            client.write(kind, &answer).await;
        }
    }
}

fn answer(kind: u8, body: &[u8], known: bool, manner: Manner) -> Option<(u8, Vec<u8>)> {
    if manner == Manner::Silent {
        return None;
    }
    match kind & 0xf0 {
        0x10 => Some((CONNACK, vec![u8::from(known), 0, 0])),
        // Two filters granted with QoS 1.
        0x80 => Some((SUBACK, vec![body[0], body[1], 0, 1, 1, 1])),
        0xc0 => Some((PINGRESP, Vec::new())),
        0x30 if manner == Manner::Lies => {
            let id = 2 + topic_length(body);
            Some((PUBACK, body[id..id + 2].to_vec()))
        }
        _ => None,
    }
}

fn topic_length(body: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([body[0], body[1]]))
}

/// The alert version in a publication with properties shorter than 128 bytes, written as protobuf.
fn version(body: &[u8]) -> u32 {
    let properties = 4 + topic_length(body);
    let payload = properties + 1 + usize::from(body[properties]);
    v1::Down::decode(&body[payload..]).unwrap().alert_version
}
