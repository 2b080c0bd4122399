//! MQTT 5 packets on a bare socket. The client library reserves megabytes for each connection; here thousands share a
//! process, and a recipe needs to see each acknowledgement by itself.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use bytes::BytesMut;
use rumqttc::mqttbytes::{Error, v5::Packet};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Far more than any message between a phone and the service.
const PACKET_BYTES_MAX: u32 = 64 * 1024;

/// Connects; both directions are used apart, so that waiting for one never undoes the other.
pub async fn connect(address: SocketAddr) -> Result<(Incoming, Outgoing)> {
    Ok(split(TcpStream::connect(address).await?))
}

/// Takes a connected socket apart.
pub fn split(stream: TcpStream) -> (Incoming, Outgoing) {
    // Receipts are small and must not wait for company; without the option they are late, not wrong.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let buffer = BytesMut::new();
    (Incoming { read, buffer }, Outgoing { write })
}

/// Packets that come.
pub struct Incoming {
    read: OwnedReadHalf,
    buffer: BytesMut,
}

impl Incoming {
    /// The next packet. Safe to drop half way: what was read is kept.
    pub async fn next(&mut self) -> Result<Packet> {
        loop {
            match Packet::read(&mut self.buffer, Some(PACKET_BYTES_MAX)) {
                Ok(packet) => return Ok(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => return Err(error).context("reading a packet"),
            }
            if self.read.read_buf(&mut self.buffer).await? == 0 {
                bail!("the other side closed the connection");
            }
        }
    }
}

/// Packets that go.
pub struct Outgoing {
    write: OwnedWriteHalf,
}

impl Outgoing {
    /// Sends packets, all in one write.
    pub async fn send(&mut self, packets: &[Packet]) -> Result<()> {
        let mut buffer = BytesMut::new();
        for packet in packets {
            packet.write(&mut buffer, None).context("writing a packet")?;
        }
        self.write.write_all(&buffer).await.context("sending")
    }
}
