//! What every store must do, whatever it is made of. Each function is given a new, empty store.

use dispatch_core::{
    aeds::{AedSearch, AedState, Locality, OpeningHours},
    attendance::Attendance,
    command::Answer,
    ids::Reference,
    incident::{EndCause, IncidentState},
    input::{DeliveryStage, RequestId},
    position::Metres,
    record::Record,
    responder::{Purpose, QuietHours},
    state::State,
};
use muster_engine::{
    ports::{Journal, JournalNews, JournalReader},
    registry::RegistryChange,
};

use crate::scenes::*;

/// Watermarks only grow, and what they cover can be read.
pub async fn acknowledges_in_order(mut journal: impl Journal, reader: impl JournalReader) {
    let mut pen = Pen::default();
    let key = key("london", "1");
    journal.submit(pen.commit([reported(&key, 1, true)])).unwrap();
    for _ in 0..300 {
        let lapse = || Record::CouldNotAlert { incident: key.id() };
        journal.submit(pen.commit([lapse(), lapse()])).unwrap();
    }
    let told = until(&mut journal, pen.last).await;
    assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
    let read = reader.incident_entries(&key.tenant, key.id()).unwrap();
    let sequences: Vec<_> = read.iter().map(|read| read.entry.sequence).collect();
    assert_eq!(sequences, (1..=pen.last).collect::<Vec<_>>());
}

/// A call of `news` that is given up loses nothing.
pub async fn waiting_may_be_given_up(mut journal: impl Journal, _: impl JournalReader) {
    let mut pen = Pen::default();
    for _ in 0..50 {
        journal.submit(pen.commit([Record::Started { epoch: 1 }])).unwrap();
        let told = in_time(async {
            loop {
                // Polled once, then dropped.
                tokio::select! {
                    biased;
                    told = journal.news() => break told,
                    () = std::future::ready(()) => {}
                }
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(told.await.unwrap(), JournalNews::Durable(pen.last));
    }
}

/// An incident's story holds every record about it and about its alerts, and nothing else.
pub async fn tells_an_incidents_story(mut journal: impl Journal, reader: impl JournalReader) {
    let mut pen = Pen::default();
    let (ours, other) = (key("london", "1"), key("london", "2"));
    let (incident, asked) = (ours.id(), alert(ours.id(), 7));
    let request = RequestId {
        id: Reference::new("r1").unwrap(),
        fingerprint: [3; 32],
    };
    let story = [
        reported(&ours, 1, true),
        decided(incident, &[7, 8]),
        Record::MessageProgress {
            alert: asked,
            version: 1,
            device: device(1),
            stage: DeliveryStage::Published,
        },
        Record::CouldNotAlert { incident },
        Record::AlertAccepted {
            shift: None,
            alert: asked,
            attendance: Attendance::Confirmed,
            version: 2,
        },
        Record::AlertLapsed {
            alert: alert(incident, 8),
        },
        became(&ours, IncidentState::Covered),
        ended(&ours, 2, EndCause::Closed),
    ];
    let elsewhere = [
        Record::Started { epoch: 1 },
        Record::ResponderPut(person("london", 7, "").profile),
        reported(&other, 1, true),
        decided(other.id(), &[9]),
        Record::AlertLapsed {
            alert: alert(other.id(), 9),
        },
        Record::RequestAnswered {
            tenant: ours.tenant.clone(),
            request,
            answer: Answer::PurposeChanged { was: Purpose::Live },
        },
        Record::DeviceRevoked(device(1)),
        became(&other, IncidentState::Exhausted),
    ];
    let mut written = Vec::new();
    for (mine, theirs) in story.into_iter().zip(elsewhere) {
        let commit = pen.commit([mine, theirs]);
        written.push(commit.entries[0].clone());
        journal.submit(commit).unwrap();
    }
    until(&mut journal, pen.last).await;

    let read = reader.incident_entries(&ours.tenant, incident).unwrap();
    assert!(read.iter().all(|read| read.incident == incident && read.key == ours));
    assert_eq!(read.into_iter().map(|read| read.entry).collect::<Vec<_>>(), written);
    let watched = reader.entries_after(&ours.tenant, 0, Some(incident), 100).unwrap();
    assert_eq!(watched.into_iter().map(|read| read.entry).collect::<Vec<_>>(), written);
    let both = reader.entries_after(&ours.tenant, 0, None, 100).unwrap();
    assert_eq!(both.len(), written.len() + 4);
}

/// A control room sees nothing of another's.
pub async fn tenants_see_their_own(mut journal: impl Journal, reader: impl JournalReader) {
    let mut pen = Pen::default();
    let (london, leeds) = (key("london", "1"), key("leeds", "1"));
    pen.write(&mut journal, [reported(&london, 1, true), reported(&leeds, 1, true)])
        .await;
    let people = [person("london", 1, "A"), person("leeds", 2, "B")].map(RegistryChange::PutResponder);
    pen.register(&mut journal, people.to_vec()).await;

    let (tenant, other) = (&london.tenant, &leeds);
    assert_eq!(reader.incident_entries(tenant, other.id()).unwrap(), []);
    assert_eq!(reader.entries_after(tenant, 0, Some(other.id()), 10).unwrap(), []);
    let listed = reader.incidents_before(tenant, u64::MAX, false, 10).unwrap();
    assert_eq!(listed.iter().map(|row| &row.key).collect::<Vec<_>>(), [&london]);
    let watched = reader.entries_after(tenant, 0, None, 10).unwrap();
    assert_eq!(watched.iter().map(|read| &read.key).collect::<Vec<_>>(), [&london]);
    assert_eq!(reader.responder(tenant, responder(2)).unwrap(), None);
    let people = reader.responders_after(&other.tenant, 0, false, 10).unwrap();
    assert_eq!(
        people,
        [(1, person("leeds", 2, "B"))],
        "numbers count within the tenant"
    );
}

/// Lists can be read page by page.
pub async fn lists_come_in_pages(mut journal: impl Journal, reader: impl JournalReader) {
    let mut pen = Pen::default();
    let keys: Vec<_> = (0..5).map(|number| key("london", &number.to_string())).collect();
    for key in &keys {
        pen.write(&mut journal, [reported(key, 1, true)]).await;
    }
    pen.write(&mut journal, [ended(&keys[3], 2, EndCause::Cancelled)]).await;
    let tenant = &keys[0].tenant;

    let mut seen = Vec::new();
    let mut before = u64::MAX;
    for length in [2, 2, 1, 0] {
        let page = reader.incidents_before(tenant, before, false, 2).unwrap();
        assert_eq!(page.len(), length);
        before = page.last().map_or(before, |row| row.first_sequence);
        seen.extend(page.into_iter().map(|row| row.key));
    }
    assert!(seen.iter().eq(keys.iter().rev()));
    let open = reader.incidents_before(tenant, 5, true, 10).unwrap();
    assert!(open.iter().map(|row| &row.key).eq(keys[..3].iter().rev()));

    let page = reader.entries_after(tenant, 2, None, 3).unwrap();
    assert_eq!(
        page.iter().map(|read| read.entry.sequence).collect::<Vec<_>>(),
        [3, 4, 5]
    );
    assert_eq!(reader.entries_after(tenant, pen.last, None, 3).unwrap(), []);
}

/// The register: people keep their number, devices come in order of enrolment and go when revoked.
pub async fn keeps_the_register(mut journal: impl Journal, reader: impl JournalReader) {
    let mut pen = Pen::default();
    let enrolled: Vec<_> = [9, 3, 5].map(|number| access("london", number, 1)).to_vec();
    let mut changes: Vec<_> = [4, 1, 2]
        .map(|number| RegistryChange::PutResponder(person("london", number, "A")))
        .into();
    changes.extend(enrolled.iter().cloned().map(RegistryChange::PutDevice));
    pen.register(&mut journal, changes).await;
    let mut changed = person("london", 1, "B");
    changed.profile.suspended = true;
    changed.profile.skills = [].into();
    changed.profile.quiet_hours = QuietHours::new(22 * 60, 7 * 60);
    let changes = vec![
        RegistryChange::PutResponder(changed.clone()),
        RegistryChange::RevokeDevice(device(3)),
    ];
    pen.register(&mut journal, changes).await;

    let tenant = tenant("london");
    assert_eq!(reader.responder(&tenant, responder(1)).unwrap(), Some(changed.clone()));
    let all = reader.responders_after(&tenant, 0, false, 10).unwrap();
    assert_eq!(
        all,
        [
            (1, person("london", 4, "A")),
            (2, changed.clone()),
            (3, person("london", 2, "A"))
        ]
    );
    assert_eq!(reader.responders_after(&tenant, 1, false, 1).unwrap(), [(2, changed)]);
    assert_eq!(
        reader.devices(responder(1)).unwrap(),
        [enrolled[0].clone(), enrolled[2].clone()]
    );
    // Quiet hours that begin at midnight are not none, and none takes them away.
    for hours in [QuietHours::new(0, 6 * 60), None] {
        let mut row = person("london", 1, "B");
        row.profile.quiet_hours = hours;
        pen.register(&mut journal, vec![RegistryChange::PutResponder(row.clone())])
            .await;
        assert_eq!(reader.responder(&tenant, responder(1)).unwrap(), Some(row));
    }
}

/// Whoever was never asked can be found; drills do not count.
pub async fn knows_who_was_never_called(mut journal: impl Journal, reader: impl JournalReader) {
    let mut pen = Pen::default();
    let people = [1, 2, 3, 4].map(|number| RegistryChange::PutResponder(person("london", number, "A")));
    pen.register(&mut journal, people.into()).await;
    let (live, drill) = (key("london", "1"), key("london", "2"));
    let mut exercise = reported(&drill, 1, true);
    if let Record::IncidentReported(report) = &mut exercise {
        report.purpose = Purpose::Exercise;
    }
    let records = [
        reported(&live, 1, true),
        exercise,
        decided(live.id(), &[3]),
        decided(drill.id(), &[2]),
    ];
    pen.write(&mut journal, records).await;
    let tenant = &live.tenant;
    let never = |after, limit| {
        let rows = reader.responders_after(tenant, after, true, limit).unwrap();
        rows.into_iter().map(|(number, _)| number).collect::<Vec<_>>()
    };
    assert_eq!(
        (never(0, 10), never(0, 2), never(2, 10)),
        (vec![1, 2, 4], vec![1, 2], vec![4])
    );
    assert_eq!(reader.responders_after(tenant, 0, false, 10).unwrap().len(), 4);
    assert_eq!(reader.calls(responder(2)).unwrap(), None);

    pen.write(&mut journal, [reported(&live, 2, true), decided(live.id(), &[3, 4])])
        .await;
    let calls = reader.calls(responder(3)).unwrap().unwrap();
    assert_eq!(calls.times, 2);
    assert!(calls.last_at > reader.incidents_before(tenant, u64::MAX, false, 1).unwrap()[0].received_at);
    assert_eq!(never(0, 10), [1, 2]);
}

/// The register: defibrillators keep their number when they change, and are gone when they are struck off.
pub async fn keeps_the_defibrillators(mut journal: impl Journal, reader: impl JournalReader) {
    let mut pen = Pen::default();
    let mut rows = vec![aed("london", 3, 0.0), aed("london", 1, 10.0), aed("london", 2, 20.0)];
    let changes = rows.iter().cloned().chain([aed("leeds", 1, 0.0)]);
    pen.register(&mut journal, changes.map(put_aed).collect()).await;
    let uk = Locality::new("GB", "Europe/London").unwrap();
    rows[1].hours = OpeningHours::new("when the caretaker is in", uk);
    rows[1].aed.opening = None;
    rows[1].aed.state = AedState::Available;
    (rows[1].aed.indoor, rows[1].aed.level, rows[1].aed.confirmed_at) = (None, None, None);
    let gone = rows.remove(0).aed.aed;
    let changes = vec![put_aed(rows[0].clone()), RegistryChange::RemoveAed(gone)];
    pen.register(&mut journal, changes).await;

    let (london, leeds) = (tenant("london"), tenant("leeds"));
    assert_eq!(reader.aed(&london, rows[0].aed.aed).unwrap(), Some(rows[0].clone()));
    assert_eq!(reader.aed(&london, gone).unwrap(), None);
    assert_eq!(reader.aed(&leeds, rows[0].aed.aed).unwrap(), None, "another's");
    let listed = reader.aeds_after(&london, 0, 10).unwrap();
    assert!(listed.is_sorted_by_key(|(number, _)| *number));
    assert!(listed.iter().map(|(_, row)| row).eq(&rows));
    let page = reader.aeds_after(&london, listed[0].0, 1).unwrap();
    assert_eq!(page, [(listed[1].0, rows[1].clone())]);
    pen.register(&mut journal, vec![put_aed(aed("london", 3, 0.0))]).await;
    let listed = reader.aeds_after(&london, listed[1].0, 10).unwrap();
    assert_eq!(listed[0].1, aed("london", 3, 0.0), "registered again, it comes last");
}

/// The nearest defibrillators are those of the tenant, nearest first, by exact distance.
pub async fn finds_the_nearest_defibrillators(mut journal: impl Journal, reader: impl JournalReader) {
    let mut pen = Pen::default();
    let mut changes: Vec<_> = (1..=60)
        .map(|number| aed("london", number, f64::from(number) * -97.0 + 3_000.0))
        .collect();
    // As far north, and farther: the band of latitudes holds it, the circle does not.
    let mut aside = aed("london", 99, 0.0);
    aside.aed.position = dispatch_core::position::Position::from_degrees(51.5, -0.2).unwrap();
    changes.extend([aside, aed("leeds", 1, 0.0)]);
    pen.register(&mut journal, changes.iter().cloned().map(put_aed).collect())
        .await;
    let london = tenant("london");
    for (radius, limit) in [(0, 9), (500, 100), (500, 3), (2_000, 100), (100_000, 1_000)] {
        let search = AedSearch {
            tenant: &london,
            place: place().position,
            radius: Metres::new(radius),
            limit,
        };
        let mut wanted: Vec<_> = changes
            .iter()
            .filter(|row| row.aed.tenant == london)
            .map(|row| (search.place.distance_to(row.aed.position), row.clone()))
            .filter(|(distance, _)| *distance <= search.radius)
            .collect();
        wanted.sort_by_key(|(distance, row)| (*distance, row.aed.aed));
        wanted.truncate(limit);
        assert_eq!(reader.aeds_near(search).unwrap(), wanted, "{radius} m");
    }
}

/// A listed incident is what the core makes of the same records.
pub async fn lists_what_the_core_knows(mut journal: impl Journal, reader: impl JournalReader) {
    let mut pen = Pen::default();
    let mut state = State::default();
    let [late, tombstone, looping] = ["1", "2", "3"].map(|number| key("london", number));
    let records = [
        reported(&late, 1, false),
        reported(&looping, 1, true),
        ended(&tombstone, 4, EndCause::CrewOnScene),
        reported(&late, 3, true),
        became(&looping, IncidentState::Covered),
        reported(&looping, 2, true),
        reported(&late, 4, false),
        became(&late, IncidentState::Exhausted),
        became(&looping, IncidentState::Searching),
        ended(&looping, 7, EndCause::Cancelled),
        ended(&looping, 8, EndCause::Closed),
        // The core forgot it, even its tombstone, and was told of it again.
        Record::IncidentForgotten { incident: looping.id() },
        reported(&looping, 9, false),
        reported(&looping, 10, true),
    ];
    for record in records {
        let commit = pen.commit([record]);
        state.retell(&commit.entries[0]);
        journal.submit(commit).unwrap();
        until(&mut journal, pen.last).await;
        let listed = reader.incidents_before(&late.tenant, u64::MAX, false, 10).unwrap();
        assert_eq!(listed.len(), state.incidents().count());
        for row in listed {
            let known = state.incident(row.incident).unwrap();
            let kind = known.reported.as_ref().map(|reported| reported.kind.clone());
            assert_eq!(row.key, known.key);
            assert_eq!(
                (row.revision, row.kind, row.state, row.received_at),
                (known.revision, kind, known.state, known.received_at)
            );
        }
    }
}
