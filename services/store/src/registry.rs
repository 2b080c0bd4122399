//! Writes the register: people, devices, trunks, defibrillators, addresses.

use dispatch_core::responder::QuietHours;
use muster_engine::registry::{
    Address, AedRow, DeviceAccess, DeviceKind, Encoding, RegistryChange, ResponderRow, TrunkAccess,
};
use rusqlite::{Connection, params};

use crate::{digest::seal, mapping::Word as _, rows::signed};

pub fn write(connection: &Connection, change: &RegistryChange) -> rusqlite::Result<()> {
    match change {
        RegistryChange::PutResponder(row) => put_responder(connection, row),
        RegistryChange::PutDevice(access) => put_device(connection, access),
        RegistryChange::RevokeDevice(device) => connection
            .prepare_cached("DELETE FROM device WHERE device = ?")?
            .execute([device.as_bytes()])
            .map(drop),
        RegistryChange::PutTrunk(access) => put_trunk(connection, access),
        RegistryChange::RevokeTrunk(trunk) => connection
            .prepare_cached("DELETE FROM trunk WHERE trunk = ?")?
            .execute([trunk.as_bytes()])
            .map(drop),
        RegistryChange::PutAed(row) => put_aed(connection, row),
        RegistryChange::RemoveAed(aed) => connection
            .prepare_cached("DELETE FROM aed WHERE aed = ?")?
            .execute([aed.as_bytes()])
            .map(drop),
        RegistryChange::PutAddress { incident, address } => put_address(connection, incident.as_bytes(), address),
    }
}

fn put_responder(connection: &Connection, row: &ResponderRow) -> rusqlite::Result<()> {
    let profile = &row.profile;
    let quiet = profile.quiet_hours.map(QuietHours::minutes);
    // Not an upsert with REPLACE: the number stays with the person.
    connection
        .prepare_cached(
            "INSERT INTO responder (responder, tenant, number, external_ref, name, skills, credential_valid_until_ms,
                                    travel_mode, on_duty, suspended, quiet_from_minute, quiet_to_minute)
             VALUES (?1, ?2, (SELECT coalesce(max(number), 0) + 1 FROM responder WHERE tenant = ?2),
                     ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (responder) DO UPDATE SET
                 external_ref = excluded.external_ref,
                 name = excluded.name,
                 skills = excluded.skills,
                 credential_valid_until_ms = excluded.credential_valid_until_ms,
                 travel_mode = excluded.travel_mode,
                 on_duty = excluded.on_duty,
                 suspended = excluded.suspended,
                 quiet_from_minute = excluded.quiet_from_minute,
                 quiet_to_minute = excluded.quiet_to_minute",
        )?
        .execute(params![
            profile.responder.as_bytes(),
            profile.tenant.as_str(),
            row.external_ref,
            row.name,
            profile.skills.as_str(),
            profile.credential_valid_until.unix_ms(),
            profile.travel_mode.to_stored(),
            profile.on_duty,
            profile.suspended,
            quiet.map(|(from, _)| from),
            quiet.map(|(_, to)| to),
        ])?;
    seal(connection, "responder", "responder", profile.responder.as_bytes())
}

fn put_device(connection: &Connection, access: &DeviceAccess) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO device (device, responder, tenant, purpose, alertable, kind, encoding, topic_id, secret_hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (device) DO UPDATE SET
                 responder = excluded.responder,
                 tenant = excluded.tenant,
                 purpose = excluded.purpose,
                 alertable = excluded.alertable,
                 kind = excluded.kind,
                 encoding = excluded.encoding,
                 topic_id = excluded.topic_id,
                 secret_hash = excluded.secret_hash",
        )?
        .execute(params![
            access.device.device.as_bytes(),
            access.device.responder.as_bytes(),
            access.tenant.as_str(),
            access.device.purpose.to_stored(),
            access.device.alertable,
            kind(access.kind),
            encoding(access.encoding),
            access.topic_id,
            access.secret_hash,
        ])?;
    seal(connection, "device", "device", access.device.device.as_bytes())
}

fn put_trunk(connection: &Connection, access: &TrunkAccess) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO trunk (trunk, tenant, external_ref_prefix, topic_id, secret_hash)
             VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            access.trunk.as_bytes(),
            access.tenant.as_str(),
            access.external_ref_prefix,
            access.topic_id,
            access.secret_hash,
        ])?;
    seal(connection, "trunk", "trunk", access.trunk.as_bytes())
}

fn put_aed(connection: &Connection, row: &AedRow) -> rusqlite::Result<()> {
    let (aed, address, hours) = (&row.aed, &row.address, row.hours.as_ref());
    let (latitude_e7, longitude_e7) = aed.position.to_e7();
    // Not an upsert with REPLACE: the number stays with it.
    connection
        .prepare_cached(
            "INSERT INTO aed (aed, tenant, external_ref, name, latitude_e7, longitude_e7, accuracy_mm, address, uprn,
                              postcode, floor, access_notes, cabinet_code, access, opening_hours, country, time_zone,
                              indoor, level, state, confirmed_at_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (aed) DO UPDATE SET
                 name = excluded.name,
                 latitude_e7 = excluded.latitude_e7,
                 longitude_e7 = excluded.longitude_e7,
                 accuracy_mm = excluded.accuracy_mm,
                 address = excluded.address,
                 uprn = excluded.uprn,
                 postcode = excluded.postcode,
                 floor = excluded.floor,
                 access_notes = excluded.access_notes,
                 cabinet_code = excluded.cabinet_code,
                 access = excluded.access,
                 opening_hours = excluded.opening_hours,
                 country = excluded.country,
                 time_zone = excluded.time_zone,
                 indoor = excluded.indoor,
                 level = excluded.level,
                 state = excluded.state,
                 confirmed_at_ms = excluded.confirmed_at_ms",
        )?
        .execute(params![
            aed.aed.as_bytes(),
            aed.tenant.as_str(),
            row.external_ref,
            row.name,
            latitude_e7,
            longitude_e7,
            signed(aed.accuracy.mm()),
            address.text,
            address.uprn,
            address.postcode,
            address.floor,
            address.access_notes,
            row.cabinet_code,
            aed.access.to_stored(),
            hours.map_or("", |hours| hours.expression()),
            hours.map_or("", |hours| hours.locality().country()),
            hours.map_or("", |hours| hours.locality().time_zone()),
            aed.indoor,
            aed.level.as_ref().map_or("", |level| level.as_str()),
            aed.state.to_stored(),
            aed.confirmed_at.map(|at| at.unix_ms()),
        ])?;
    seal(connection, "aed", "aed", aed.aed.as_bytes())
}

fn put_address(connection: &Connection, incident: &[u8; 16], address: &Address) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO address (incident, text, uprn, postcode, floor, access_notes)
             VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            incident,
            address.text,
            address.uprn,
            address.postcode,
            address.floor,
            address.access_notes,
        ])?;
    seal(connection, "address", "incident", incident)
}

fn kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Muster => "muster",
        DeviceKind::OwnTracks => "owntracks",
    }
}

fn encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Json => "json",
        Encoding::Binary => "binary",
    }
}
