//! One arm for each fact, both ways; what is long about a fact stands in the file of its subject.

use dispatch_core::record::Record;
use muster_proto::journal::v1::{self as stored, record::Fact};

use super::{
    InvalidRecord, Word, aed, answer,
    call_out::{from_shift_number, shift_number},
    decision,
    fields::{id, key, position, tenant},
    incident, person, scene,
    words::word,
};

pub fn fact(record: &Record) -> Fact {
    match record {
        Record::Started { epoch } => Fact::Started(stored::Started { epoch: *epoch }),
        Record::ResponderPut(profile) => Fact::ResponderPut(person::profile(profile)),
        Record::DevicePut(device) => Fact::DevicePut(person::device(*device)),
        Record::DeviceRevoked(device) => Fact::DeviceRevoked(stored::DeviceRevoked {
            device: device.as_bytes().to_vec(),
        }),
        Record::TrunkPut { trunk, tenant } => Fact::TrunkPut(stored::TrunkPut {
            trunk: trunk.as_bytes().to_vec(),
            tenant: tenant.as_str().to_owned(),
        }),
        Record::TrunkRevoked(trunk) => Fact::TrunkRevoked(stored::TrunkRevoked {
            trunk: trunk.as_bytes().to_vec(),
        }),
        Record::AedPut(aed) => Fact::AedPut(aed::aed(aed)),
        Record::AedRemoved(aed) => Fact::AedRemoved(stored::AedRemoved {
            aed: aed.as_bytes().to_vec(),
        }),
        Record::IncidentReported(reported) => Fact::IncidentReported(incident::reported(reported)),
        Record::IncidentEnded {
            incident,
            key: ended,
            revision,
            sent_at,
            cause,
        } => Fact::IncidentEnded(stored::IncidentEnded {
            incident: incident.as_bytes().to_vec(),
            key: Some(key(ended)),
            revision: *revision,
            sent_at_ms: sent_at.unix_ms(),
            cause: cause.to_stored(),
        }),
        Record::PolicyAdopted(policy) => Fact::PolicyAdopted(decision::adopted(policy)),
        Record::AlertReassigned { alert, role, version } => {
            Fact::AlertReassigned(scene::reassigned(*alert, *role, *version))
        }
        Record::AttendanceStalled { alert } => Fact::AttendanceStalled(stored::AttendanceStalled {
            alert: alert.as_bytes().to_vec(),
        }),
        Record::Decided(decided) => Fact::Decided(decision::decided(decided)),
        Record::RequestAnswered {
            tenant,
            request,
            answer,
        } => Fact::RequestAnswered(answer::answered(tenant, request, answer)),
        Record::IncidentStateChanged { incident, state } => Fact::IncidentStateChanged(stored::IncidentStateChanged {
            incident: incident.as_bytes().to_vec(),
            state: state.to_stored(),
        }),
        Record::IncidentForgotten { incident } => Fact::IncidentForgotten(stored::IncidentForgotten {
            incident: incident.as_bytes().to_vec(),
        }),
        Record::CouldNotAlert { incident } => Fact::CouldNotAlert(stored::CouldNotAlert {
            incident: incident.as_bytes().to_vec(),
        }),
        Record::MessageProgress {
            alert,
            version,
            device,
            stage,
        } => Fact::MessageProgress(stored::MessageProgress {
            alert: alert.as_bytes().to_vec(),
            alert_version: *version,
            device: device.as_bytes().to_vec(),
            stage: stage.to_stored(),
        }),
        Record::MessageResent { alert, version } => Fact::MessageResent(stored::MessageResent {
            alert: alert.as_bytes().to_vec(),
            alert_version: *version,
        }),
        Record::MessageUnheard { alert, version } => Fact::MessageUnheard(stored::MessageUnheard {
            alert: alert.as_bytes().to_vec(),
            alert_version: *version,
        }),
        Record::MessageLapsed { alert, version } => Fact::MessageLapsed(stored::MessageLapsed {
            alert: alert.as_bytes().to_vec(),
            alert_version: *version,
        }),
        Record::AlertLapsed { alert } => Fact::AlertLapsed(stored::AlertLapsed {
            alert: alert.as_bytes().to_vec(),
        }),
        Record::AlertAccepted {
            alert,
            attendance,
            shift,
            version,
        } => Fact::AlertAccepted(stored::AlertAccepted {
            alert: alert.as_bytes().to_vec(),
            attendance: attendance.to_stored(),
            shift: shift_number(*shift),
            alert_version: *version,
        }),
        Record::AlertDeclined { alert, reason } => Fact::AlertDeclined(stored::AlertDeclined {
            alert: alert.as_bytes().to_vec(),
            reason: reason.to_stored(),
        }),
        Record::AlertExpired { alert } => Fact::AlertExpired(stored::AlertExpired {
            alert: alert.as_bytes().to_vec(),
        }),
        Record::AlertUndeliverable { alert } => Fact::AlertUndeliverable(stored::AlertUndeliverable {
            alert: alert.as_bytes().to_vec(),
        }),
        Record::AlertWithdrawn { alert, reason, version } => Fact::AlertWithdrawn(stored::AlertWithdrawn {
            alert: alert.as_bytes().to_vec(),
            reason: reason.to_stored(),
            alert_version: *version,
        }),
        Record::AttendanceChanged { alert, attendance } => Fact::AttendanceChanged(stored::AttendanceChanged {
            alert: alert.as_bytes().to_vec(),
            attendance: attendance.to_stored(),
        }),
        Record::AttendanceStoodDown { alert, reason, version } => {
            Fact::AttendanceStoodDown(stored::AttendanceStoodDown {
                alert: alert.as_bytes().to_vec(),
                reason: reason.to_stored(),
                alert_version: *version,
            })
        }
        Record::AlertRelocated {
            alert,
            cell,
            band,
            version,
        } => Fact::AlertRelocated(stored::AlertRelocated {
            alert: alert.as_bytes().to_vec(),
            cell_centre: Some(position(cell.centre)),
            band: Some(decision::band(*band)),
            alert_version: *version,
        }),
        Record::HelpNeeded { alert } => Fact::HelpNeeded(stored::HelpNeeded {
            alert: alert.as_bytes().to_vec(),
        }),
    }
}

pub fn from_fact(fact: Fact) -> Result<Record, InvalidRecord> {
    Ok(match fact {
        Fact::Started(it) => Record::Started { epoch: it.epoch },
        Fact::ResponderPut(it) => Record::ResponderPut(person::from_profile(it)?),
        Fact::DevicePut(it) => Record::DevicePut(person::from_device(it)?),
        Fact::DeviceRevoked(it) => Record::DeviceRevoked(id("DeviceRevoked.device", &it.device)?),
        Fact::TrunkPut(it) => Record::TrunkPut {
            trunk: id("TrunkPut.trunk", &it.trunk)?,
            tenant: tenant("TrunkPut.tenant", &it.tenant)?,
        },
        Fact::TrunkRevoked(it) => Record::TrunkRevoked(id("TrunkRevoked.trunk", &it.trunk)?),
        Fact::AedPut(it) => Record::AedPut(aed::from_aed(it)?),
        Fact::AedRemoved(it) => Record::AedRemoved(id("AedRemoved.aed", &it.aed)?),
        Fact::IncidentReported(it) => Record::IncidentReported(incident::from_reported(it)?),
        Fact::IncidentEnded(it) => incident::from_ended(it)?,
        Fact::AlertRelocated(it) => decision::from_relocated(it)?,
        Fact::PolicyAdopted(it) => Record::PolicyAdopted(Box::new(decision::from_adopted(&it)?)),
        Fact::AlertReassigned(it) => Record::AlertReassigned {
            alert: id("AlertReassigned.alert", &it.alert)?,
            role: scene::from_role("AlertReassigned.role", it.role, &it.aed)?,
            version: it.alert_version,
        },
        Fact::AttendanceStalled(it) => Record::AttendanceStalled {
            alert: id("AttendanceStalled.alert", &it.alert)?,
        },
        Fact::Decided(it) => Record::Decided(decision::from_decided(it)?),
        Fact::RequestAnswered(it) => answer::from_answered(it)?,
        Fact::IncidentStateChanged(it) => Record::IncidentStateChanged {
            incident: id("IncidentStateChanged.incident", &it.incident)?,
            state: word("IncidentStateChanged.state", it.state)?,
        },
        Fact::IncidentForgotten(it) => Record::IncidentForgotten {
            incident: id("IncidentForgotten.incident", &it.incident)?,
        },
        Fact::CouldNotAlert(it) => Record::CouldNotAlert {
            incident: id("CouldNotAlert.incident", &it.incident)?,
        },
        Fact::MessageProgress(it) => Record::MessageProgress {
            alert: id("MessageProgress.alert", &it.alert)?,
            version: it.alert_version,
            device: id("MessageProgress.device", &it.device)?,
            stage: word("MessageProgress.stage", it.stage)?,
        },
        Fact::MessageResent(it) => Record::MessageResent {
            alert: id("MessageResent.alert", &it.alert)?,
            version: it.alert_version,
        },
        Fact::MessageUnheard(it) => Record::MessageUnheard {
            alert: id("MessageUnheard.alert", &it.alert)?,
            version: it.alert_version,
        },
        Fact::MessageLapsed(it) => Record::MessageLapsed {
            alert: id("MessageLapsed.alert", &it.alert)?,
            version: it.alert_version,
        },
        Fact::AlertLapsed(it) => Record::AlertLapsed {
            alert: id("AlertLapsed.alert", &it.alert)?,
        },
        Fact::AlertAccepted(it) => Record::AlertAccepted {
            alert: id("AlertAccepted.alert", &it.alert)?,
            attendance: word("AlertAccepted.attendance", it.attendance)?,
            shift: from_shift_number("AlertAccepted.shift", it.shift)?,
            version: it.alert_version,
        },
        Fact::AlertDeclined(it) => Record::AlertDeclined {
            alert: id("AlertDeclined.alert", &it.alert)?,
            reason: word("AlertDeclined.reason", it.reason)?,
        },
        Fact::AlertExpired(it) => Record::AlertExpired {
            alert: id("AlertExpired.alert", &it.alert)?,
        },
        Fact::AlertUndeliverable(it) => Record::AlertUndeliverable {
            alert: id("AlertUndeliverable.alert", &it.alert)?,
        },
        Fact::AlertWithdrawn(it) => Record::AlertWithdrawn {
            alert: id("AlertWithdrawn.alert", &it.alert)?,
            reason: word("AlertWithdrawn.reason", it.reason)?,
            version: it.alert_version,
        },
        Fact::AttendanceChanged(it) => Record::AttendanceChanged {
            alert: id("AttendanceChanged.alert", &it.alert)?,
            attendance: word("AttendanceChanged.attendance", it.attendance)?,
        },
        Fact::AttendanceStoodDown(it) => Record::AttendanceStoodDown {
            alert: id("AttendanceStoodDown.alert", &it.alert)?,
            reason: word("AttendanceStoodDown.reason", it.reason)?,
            version: it.alert_version,
        },
        Fact::HelpNeeded(it) => Record::HelpNeeded {
            alert: id("HelpNeeded.alert", &it.alert)?,
        },
    })
}
