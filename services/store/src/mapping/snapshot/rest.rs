//! Tombstones, answers, clocks and the counts of the delivery ledger.

use dispatch_core::{
    alert::MessageKind,
    cad_clock::CadClock,
    ids::{Reference, TenantId},
    ledger::MessageOutcome,
    record::Record,
    state::{KeptAnswer, Standing, Tombstone},
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::{
    super::{
        InvalidRecord, Word, answer,
        fields::{id, reference, required, tenant},
        words::word,
    },
    alert::{from_kind, kind},
};

pub fn tombstone(tombstone: &Tombstone) -> stored::Tombstone {
    stored::Tombstone {
        incident: tombstone.incident.as_bytes().to_vec(),
        forgotten_at_ms: tombstone.forgotten_at.unix_ms(),
        revision: tombstone.standing.revision,
        state: tombstone.standing.state.to_stored(),
    }
}

pub fn from_tombstone(tombstone: stored::Tombstone) -> Result<Tombstone, InvalidRecord> {
    Ok(Tombstone {
        incident: id("Tombstone.incident", &tombstone.incident)?,
        forgotten_at: Timestamp::from_unix_ms(tombstone.forgotten_at_ms),
        standing: Standing {
            revision: tombstone.revision,
            state: word("Tombstone.state", tombstone.state)?,
        },
    })
}

pub fn kept(kept: &KeptAnswer) -> stored::KeptAnswer {
    stored::KeptAnswer {
        at_ms: kept.at.unix_ms(),
        answered: Some(answer::answered(&kept.tenant, &kept.request, &kept.answer)),
    }
}

pub fn from_kept(kept: stored::KeptAnswer) -> Result<KeptAnswer, InvalidRecord> {
    let answered = answer::from_answered(required("KeptAnswer.answered", kept.answered)?)?;
    let Record::RequestAnswered {
        tenant,
        request,
        answer,
    } = answered
    else {
        unreachable!("a stored answer is read as a record of that kind");
    };
    Ok(KeptAnswer {
        at: Timestamp::from_unix_ms(kept.at_ms),
        tenant,
        request,
        answer,
    })
}

pub fn clock((tenant, system, clock): &(TenantId, Reference, CadClock)) -> stored::CadClock {
    let hours = clock.least_by_hour();
    stored::CadClock {
        tenant: tenant.as_str().to_owned(),
        cad_system: system.as_str().to_owned(),
        hours: hours
            .map(|(hour, least_ms)| stored::ClockHour { hour, least_ms })
            .collect(),
    }
}

pub fn from_clock(clock: stored::CadClock) -> Result<(TenantId, Reference, CadClock), InvalidRecord> {
    let hours = clock.hours.iter().map(|hour| (hour.hour, hour.least_ms));
    Ok((
        tenant("CadClock.tenant", &clock.tenant)?,
        reference("CadClock.cad_system", &clock.cad_system)?,
        CadClock::known(hours),
    ))
}

pub fn planned(&(of, count): &(MessageKind, u64)) -> stored::MessagesPlanned {
    stored::MessagesPlanned {
        kind: Some(kind(of)),
        count,
    }
}

pub fn from_planned(planned: stored::MessagesPlanned) -> Result<(MessageKind, u64), InvalidRecord> {
    let kind = from_kind(&required("MessagesPlanned.kind", planned.kind)?)?;
    Ok((kind, planned.count))
}

pub fn settled(&(of, outcome, count): &(MessageKind, MessageOutcome, u64)) -> stored::MessagesSettled {
    stored::MessagesSettled {
        kind: Some(kind(of)),
        outcome: outcome.to_stored(),
        count,
    }
}

pub fn from_settled(settled: stored::MessagesSettled) -> Result<(MessageKind, MessageOutcome, u64), InvalidRecord> {
    let kind = from_kind(&required("MessagesSettled.kind", settled.kind)?)?;
    let outcome = word("MessagesSettled.outcome", settled.outcome)?;
    Ok((kind, outcome, settled.count))
}
