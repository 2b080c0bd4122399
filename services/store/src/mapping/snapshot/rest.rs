//! Tombstones, answers, clocks and the counts of the delivery ledger.

use dispatch_core::{
    alert::MessageKind,
    cad_clock::CadClock,
    ids::{AedId, Reference, ResponderId, TenantId},
    ledger::MessageOutcome,
    record::Record,
    state::{ALERTS_KEPT, History, KeptAnswer, Standing, Tombstone},
    time::Timestamp,
};
use muster_proto::journal::v1 as stored;

use super::{
    super::{
        InvalidRecord, Word, answer,
        fields::{id, reference, required, tenant, wrong},
        words::word,
    },
    alert::{from_kind, kind},
};

pub fn history((responder, history): &(ResponderId, History)) -> stored::History {
    stored::History {
        responder: responder.as_bytes().to_vec(),
        accepted: history.accepted,
        refused: history.refused,
        alerted_at_ms: history.alerted_at.iter().map(|at| at.unix_ms()).collect(),
        helped_until_ms: history.helped_until.map(Timestamp::unix_ms),
    }
}

pub fn from_history(history: stored::History) -> Result<(ResponderId, History), InvalidRecord> {
    if history.alerted_at_ms.len() > ALERTS_KEPT {
        let found = history.alerted_at_ms.len();
        return Err(wrong("History.alerted_at_ms", found, "at most 32 moments"));
    }
    let alerted_at = history.alerted_at_ms.into_iter().map(Timestamp::from_unix_ms);
    Ok((
        id("History.responder", &history.responder)?,
        History {
            accepted: history.accepted,
            refused: history.refused,
            alerted_at: alerted_at.collect(),
            helped_until: history.helped_until_ms.map(Timestamp::from_unix_ms),
        },
    ))
}

pub fn aed_away(&(aed, since): &(AedId, Timestamp)) -> stored::AedAway {
    stored::AedAway {
        aed: aed.as_bytes().to_vec(),
        since_ms: since.unix_ms(),
    }
}

pub fn from_aed_away(away: stored::AedAway) -> Result<(AedId, Timestamp), InvalidRecord> {
    Ok((id("AedAway.aed", &away.aed)?, Timestamp::from_unix_ms(away.since_ms)))
}

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
