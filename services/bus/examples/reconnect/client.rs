//! As much of MQTT 5 as a phone needs, in a few hundred bytes a session: a client library reserves megabytes.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How an attempt to connect ended.
pub enum Entry {
    /// Let in, with its old session or a new one.
    In { stream: TcpStream, resumed: bool },
    /// Server busy.
    Busy,
    /// Closed, or refused in another way.
    Closed,
}

/// Who a phone is.
pub struct Identity {
    pub client_id: String,
    pub password: String,
    pub down: String,
}

/// Connects and keeps the session for an hour.
pub async fn enter(broker: SocketAddr, identity: &Identity) -> Entry {
    match try_enter(broker, identity).await {
        Ok(entry) => entry,
        Err(_) => Entry::Closed,
    }
}

async fn try_enter(broker: SocketAddr, identity: &Identity) -> io::Result<Entry> {
    let mut stream = TcpStream::connect(broker).await?;
    stream.set_nodelay(true)?;
    let mut body = text("MQTT");
    // Version 5; username and password, session kept; keep alive 60 s; session expiry 3600 s.
    body.extend([5, 0b1100_0000, 0, 60, 5, 0x11, 0, 0, 0x0e, 0x10]);
    for field in [&identity.client_id, &identity.client_id, &identity.password] {
        body.extend(text(field));
    }
    write(&mut stream, 0x10, &body).await?;
    let (_, answer) = read(&mut stream).await?;
    Ok(match (answer.first(), answer.get(1)) {
        (Some(present), Some(0)) => Entry::In {
            stream,
            resumed: present & 1 == 1,
        },
        (_, Some(0x89)) => Entry::Busy,
        _ => Entry::Closed,
    })
}

/// Subscribes to the down topic with QoS 1; the answer comes as a packet.
pub async fn subscribe(stream: &mut TcpStream, identity: &Identity) -> io::Result<()> {
    let mut body = vec![0, 1, 0];
    body.extend(text(&identity.down));
    body.push(1);
    write(stream, 0x82, &body).await
}

/// The payload of a QoS 1 publication, after acknowledging it.
pub async fn acknowledge(stream: &mut TcpStream, body: &[u8]) -> io::Result<Vec<u8>> {
    let id = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
    let properties = id + 2;
    write(stream, 0x40, &body[id..properties]).await?;
    // Our broker's properties stay under 128 bytes, so their length is one byte.
    let payload = properties + 1 + usize::from(body[properties]);
    Ok(body[payload..].to_vec())
}

pub async fn ping(stream: &mut TcpStream) -> io::Result<()> {
    write(stream, 0xc0, &[]).await
}

/// The next packet. Not cancel-safe once the first byte was read.
pub async fn read(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = stream.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((kind, body))
}

async fn write(stream: &mut TcpStream, kind: u8, body: &[u8]) -> io::Result<()> {
    let mut packet = vec![kind];
    let mut length = body.len();
    while length > 127 {
        packet.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    packet.push(length as u8);
    packet.extend(body);
    stream.write_all(&packet).await
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}
