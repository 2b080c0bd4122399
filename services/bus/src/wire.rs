//! The payloads by themselves, without a broker: what a phone would read, and what its bytes mean. For those who carry
//! messages by other means, such as the simulated world.

use dispatch_core::{input::Input, time::Timestamp};
use muster_engine::{ports::Outbound, registry::DeviceAccess};

use crate::{down, up};

/// A message to a phone as bytes.
#[derive(Debug, PartialEq)]
pub struct Payload {
    /// A `muster.v1.Down` in the device's encoding.
    pub bytes: Vec<u8>,
    /// What is left of its life in seconds, at least 1; the broker drops it after that.
    pub expiry_s: u32,
}

/// Writes a message; `None` when its life is over.
pub fn write(outbound: &Outbound, now: Timestamp) -> Option<Payload> {
    down::letter(outbound, now).map(|letter| Payload {
        bytes: letter.payload,
        expiry_s: letter.expiry_s,
    })
}

/// Reads what a device published on its up topic; `None` when there is nothing to act upon, which is counted.
pub fn read(access: &DeviceAccess, payload: &[u8], now: Timestamp) -> Option<Input> {
    let read = up::parse(access.encoding, payload).and_then(|said| up::input(access.device.device, said, now));
    read.unwrap_or_else(|refusal| {
        refusal.count();
        None
    })
}
