//! A client that says exactly the bytes it is told to, for what no library would send.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::world::{Enrolled, PATIENCE, World};

pub const CONNACK: u8 = 0x20;
pub const PUBACK: u8 = 0x40;
pub const SUBACK: u8 = 0x90;
pub const PINGRESP: u8 = 0xd0;
pub const PUBLISH_QOS_1: u8 = 0x32;
pub const PUBLISH_QOS_1_RETAINED: u8 = 0x33;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V3_1_1 = 4,
    V5 = 5,
}

/// MQTT packets over a socket, from either end.
pub struct PacketStream(pub TcpStream);

impl PacketStream {
    /// The next packet; `None` when the other end closed the connection.
    pub async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let kind = self.0.read_u8().await.ok()?;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = self.0.read_u8().await.ok()?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        Some((kind, body))
    }

    /// Writes a packet; `false` when the connection is gone.
    pub async fn write(&mut self, kind: u8, body: &[u8]) -> bool {
        let mut packet = vec![kind];
        let mut length = body.len();
        loop {
            let rest = length / 128;
            let byte = u8::try_from(length % 128).unwrap();
            packet.push(if rest > 0 { byte | 0x80 } else { byte });
            length = rest;
            if rest == 0 {
                break;
            }
        }
        packet.extend(body);
        self.0.write_all(&packet).await.is_ok()
    }
}

pub struct Raw {
    stream: PacketStream,
    version: Version,
}

impl Raw {
    /// Connects, clean, without a will. With MQTT 5 the session outlives the connection.
    pub async fn connect(world: &World, device: &Enrolled, client_id: &str, version: Version) -> Self {
        let stream = PacketStream(TcpStream::connect(world.address).await.unwrap());
        let mut raw = Self { stream, version };
        let mut body = text("MQTT");
        // Username, password, clean; keep alive 60 s.
        body.extend([version as u8, 0b1100_0010, 0, 60]);
        if version == Version::V5 {
            // Session expiry 3600 s.
            body.extend([5, 0x11, 0, 0, 0x0e, 0x10]);
        }
        for field in [client_id, &device.username(), &device.password] {
            body.extend(text(field));
        }
        raw.send(0x10, &body).await;
        let (kind, body) = raw.receive().await.unwrap();
        assert_eq!((kind, body[1]), (CONNACK, 0), "let in");
        raw
    }

    pub async fn publish(&mut self, header: u8, topic: &[u8], payload: &[u8]) {
        let mut body = bytes(topic);
        body.extend([0, 7]);
        body.extend(self.no_properties());
        body.extend(payload);
        self.send(header, &body).await;
    }

    pub async fn subscribe(&mut self, filter: &str) {
        let mut body = vec![0, 8];
        body.extend(self.no_properties());
        body.extend(text(filter));
        body.push(1);
        self.send(0x82, &body).await;
    }

    pub async fn ping(&mut self) {
        self.send(0xc0, &[]).await;
    }

    /// The next packet; `None` when the broker closed the connection.
    pub async fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        timeout(PATIENCE, self.read())
            .await
            .expect("a packet or the end in time")
    }

    /// Waits until the broker closes the connection.
    pub async fn is_thrown_out(&mut self) {
        while self.receive().await.is_some() {}
    }

    async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        self.stream.read().await
    }

    async fn send(&mut self, kind: u8, body: &[u8]) {
        assert!(self.stream.write(kind, body).await, "the connection takes bytes");
    }

    fn no_properties(&self) -> &'static [u8] {
        if self.version == Version::V5 { &[0] } else { &[] }
    }
}

fn text(text: &str) -> Vec<u8> {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes(), bytes].concat()
}
