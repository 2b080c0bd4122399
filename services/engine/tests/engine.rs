//! The owner with memory twins for the world: nothing leaves before it is durable, and the lanes keep their promises.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use dispatch_core::{
    aeds::{Access, AedState},
    alert::Role,
    attendance::AbortReason,
    command::{Answer, DownBody},
    ids::{AedId, AlertId, CallDate, DeviceId, IncidentKey, Reference, TenantId},
    incident::IncidentKind,
    input::{Input, Place, Reply, Report, RequestId},
    policy::{Policy, PolicyBook, RoleKind},
    position::{Fix, Metres, Position},
    record::{Entry, Record},
    responder::{Purpose, Skill, TravelMode},
    roads::{Passage, RoadGraph, RoadParts, StretchPart},
    time::Timestamp,
};
use muster_engine::{
    alarms::AlarmBoard,
    engine::Engine,
    inlet::{CRITICAL_LANE, Inlet},
    memory::{MemoryBus, MemoryClock, MemoryEntropy, MemoryJournal, MemoryJournalView},
    ports::{JournalError, Outbound},
    registry::{Address, AedRow, DeviceKind, Directory, Encoding},
    requests::{
        AedRegistration, EngineHandle, Enrolment, IssuedDevice, OnConflict, Refused, Registration, RegistrationOutcome,
        RegistryRefusal,
    },
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
const SOON: Duration = Duration::from_secs(5);

struct Shell {
    clock: Arc<MemoryClock>,
    engine: EngineHandle,
    inlet: Inlet,
    journal: MemoryJournalView,
    phones: mpsc::UnboundedReceiver<Outbound>,
    bus: Arc<MemoryBus>,
    stop: watch::Sender<bool>,
    owner: JoinHandle<Result<(), JournalError>>,
}

fn start() -> Shell {
    start_after(&[])
}

/// Starts on a journal that holds these records.
fn start_after(entries: &[Entry]) -> Shell {
    start_with(PolicyBook::default(), |engine| {
        entries.iter().for_each(|entry| engine.recover(entry));
    })
}

/// Starts an engine that `prepare` has seen first.
fn start_with(policies: PolicyBook, prepare: impl FnOnce(&mut Engine)) -> Shell {
    let clock = Arc::new(MemoryClock::default());
    clock.set(NOW);
    let mut engine = Engine::new(
        policies,
        Arc::new(Directory::default()),
        Arc::clone(&clock) as _,
        Arc::new(MemoryEntropy::default()),
        AlarmBoard::default(),
    );
    prepare(&mut engine);
    let (handle, inlet) = (engine.handle(), engine.inlet());
    let (journal, view) = MemoryJournal::new();
    let (bus, phones) = MemoryBus::new();
    let stop = watch::Sender::new(false);
    let owner = tokio::spawn(engine.run(journal, Arc::clone(&bus) as _, stop.subscribe()));
    Shell {
        clock,
        engine: handle,
        inlet,
        journal: view,
        phones,
        bus,
        stop,
        owner,
    }
}

fn tenant() -> TenantId {
    TenantId::new("london").unwrap()
}

fn registration(name: &str) -> Registration {
    Registration {
        tenant: tenant(),
        external_ref: name.to_owned(),
        name: name.to_owned(),
        skills: [Skill::new("cpr").unwrap()].into(),
        credential_valid_until: NOW + Duration::from_secs(86_400),
        travel_mode: TravelMode::Foot,
        on_duty: true,
        quiet_hours: None,
    }
}

fn position() -> Position {
    Position::from_degrees(51.5, -0.12).unwrap()
}

fn report(request: &str) -> Report {
    Report {
        call_out: None,
        request: RequestId {
            id: Reference::new(request).unwrap(),
            fingerprint: [0; 32],
        },
        key: IncidentKey {
            tenant: tenant(),
            cad_system: Reference::new("cad").unwrap(),
            cad_incident_number: Reference::new("1").unwrap(),
            call_date: CallDate::parse("2026-09-21").unwrap(),
        },
        revision: 1,
        sent_at: NOW,
        kind: IncidentKind::new("cardiac_arrest").unwrap(),
        purpose: Purpose::Live,
        place: Some(Place {
            position: position(),
            accuracy: Metres::new(0),
        }),
        call_connected_at: None,
        scene: Default::default(),
        ambulance_at: None,
        alert_although_late: false,
    }
}

fn address() -> Option<Address> {
    Some(Address {
        text: "1 Trafalgar Square".to_owned(),
        ..Address::default()
    })
}

impl Shell {
    /// Registers one person with one connected phone near the place.
    async fn enrol(&mut self) -> IssuedDevice {
        let registered = self
            .engine
            .register(vec![registration("ann")], OnConflict::Refuse)
            .await
            .unwrap();
        let (row, outcome) = registered[0].clone().unwrap();
        assert_eq!(outcome, RegistrationOutcome::Created);
        let enrolment = Enrolment {
            tenant: tenant(),
            responder: row.profile.responder,
            kind: DeviceKind::Muster,
            encoding: Encoding::Json,
            purpose: Purpose::Live,
        };
        let issued = self.engine.issue(enrolment).await.unwrap().unwrap();
        let device = issued.access.device.device;
        let fix = Fix {
            position: position(),
            accuracy: Metres::new(5),
            taken_at: NOW,
        };
        self.inlet.send(Input::Fix { device, fix }).await.unwrap();
        // Positions come last: wait for it, or the phone is asked where it is.
        timeout(SOON, self.engine.located().wait_for(|&known| known == 1))
            .await
            .unwrap()
            .unwrap();
        self.inlet.send(Input::DeviceOnline { device }).await.unwrap();
        self.engine.ping().await.unwrap();
        issued
    }

    async fn next_message(&mut self) -> Outbound {
        timeout(SOON, self.phones.recv()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn nothing_leaves_before_it_is_durable() {
    let mut shell = start();
    shell.journal.allow(3);
    shell.enrol().await;
    let engine = shell.engine.clone();
    let waiting = tokio::spawn(async move { engine.report(report("r1"), address()).await });
    // The commit has been handed over, and the owner goes on working ...
    while shell.journal.commits().len() < 4 {
        tokio::task::yield_now().await;
    }
    shell.engine.ping().await.unwrap();
    // ... but neither the answer nor the alert has left.
    assert!(!waiting.is_finished());
    assert!(shell.phones.try_recv().is_err());
    assert_eq!(*shell.engine.durable().borrow(), 3);
    // A retry of the same request waits too.
    let engine = shell.engine.clone();
    let retry = tokio::spawn(async move { engine.report(report("r1"), address()).await });
    shell.engine.ping().await.unwrap();
    assert!(!retry.is_finished());

    shell.journal.allow(1);
    let Answer::Reported(answer) = timeout(SOON, waiting).await.unwrap().unwrap().unwrap().answer else {
        panic!()
    };
    assert_eq!((answer.alerts_planned, answer.duplicate), (1, false));
    let Answer::Reported(again) = timeout(SOON, retry).await.unwrap().unwrap().unwrap().answer else {
        panic!()
    };
    assert!(again.duplicate);
    assert!(matches!(
        shell.next_message().await.message.body,
        DownBody::Alert { .. }
    ));
}

#[tokio::test]
async fn only_a_confirmation_carries_the_address() {
    let mut shell = start();
    shell.journal.allow(1_000);
    let device = shell.enrol().await.access.device.device;
    shell.engine.report(report("r1"), address()).await.unwrap();
    let alert = shell.next_message().await;
    assert_eq!(alert.address, None);
    let (alert, _) = alert.message.about.unwrap();
    shell
        .inlet
        .send(Input::Reply {
            device,
            alert,
            reply: Reply::Accept,
        })
        .await
        .unwrap();
    let confirmation = shell.next_message().await;
    assert!(matches!(confirmation.message.body, DownBody::Confirmed { .. }));
    assert_eq!(confirmation.address, address());
}

/// A defibrillator 100 m north of the place, to be fetched by whoever is asked.
fn defibrillator() -> AedRegistration {
    AedRegistration {
        tenant: tenant(),
        external_ref: "box/7".to_owned(),
        name: "Library".to_owned(),
        place: Place {
            position: Position::from_degrees(51.5009, -0.12).unwrap(),
            accuracy: Metres::new(5),
        },
        address: Address::default(),
        cabinet_code: "C159X".to_owned(),
        access: Access::Public,
        hours: None,
        indoor: None,
        level: None,
        state: AedState::Available,
        confirmed_at: None,
    }
}

/// Everybody fetches a defibrillator.
fn fetchers() -> PolicyBook {
    let policy = Policy {
        roles: vec![RoleKind::FetchAed],
        ..Policy::soonest()
    };
    PolicyBook::new(policy).unwrap()
}

impl Shell {
    /// Somebody accepts, asked to fetch the defibrillator.
    async fn accepts_to_fetch(&mut self) -> (Input, AlertId) {
        let rows = vec![defibrillator()];
        self.engine.register_aeds(rows, OnConflict::Refuse).await.unwrap();
        let device = self.enrol().await.access.device.device;
        self.engine.report(report("r1"), address()).await.unwrap();
        let ask = self.next_message().await;
        assert!(
            matches!(
                ask.message.body,
                DownBody::Alert {
                    role: Role::FetchAed(_),
                    ..
                }
            ),
            "{ask:?}"
        );
        assert_eq!(ask.aed, None, "before an accept nobody learns which");
        let (alert, _) = ask.message.about.unwrap();
        let accept = Input::Reply {
            device,
            alert,
            reply: Reply::Accept,
        };
        (accept, alert)
    }

    /// The next message, which tells somebody to go: what to do, and by which defibrillator.
    async fn next_confirmation(&mut self) -> (Role, Option<AedRow>) {
        let message = self.next_message().await;
        let DownBody::Confirmed { role, .. } = message.message.body else {
            panic!("{message:?}")
        };
        (role, message.aed.map(|row| *row))
    }
}

#[tokio::test]
async fn a_confirmation_carries_the_defibrillator_until_it_is_not_there() {
    let mut shell = start_with(fetchers(), |_| {});
    shell.journal.allow(1_000);
    let (accept, alert) = shell.accepts_to_fetch().await;
    let Input::Reply { device, .. } = accept else { panic!() };
    shell.inlet.send(accept).await.unwrap();
    let (role, aed) = shell.next_confirmation().await;
    let aed = aed.expect("it is in the register");
    assert_eq!(role, Role::FetchAed(aed.aed.aed));
    assert_eq!((aed.cabinet_code.as_str(), aed.name.as_str()), ("C159X", "Library"));
    let reply = Reply::Abort(AbortReason::AedNotThere);
    shell.inlet.send(Input::Reply { device, alert, reply }).await.unwrap();
    assert_eq!(shell.next_confirmation().await, (Role::Direct, None));
}

#[tokio::test]
async fn a_defibrillator_struck_off_meanwhile_does_not_hold_up_the_confirmation() {
    let mut shell = start_with(fetchers(), |_| {});
    shell.journal.allow(5);
    let (accept, _) = shell.accepts_to_fetch().await;
    // Neither commit becomes durable before the other has been made.
    let aed = AedId::derive(&tenant(), "box/7");
    shell.inlet.send(accept).await.unwrap();
    let engine = shell.engine.clone();
    let removing = tokio::spawn(async move { engine.remove_aed(tenant(), aed).await });
    while shell.journal.commits().len() < 7 {
        tokio::task::yield_now().await;
    }
    shell.journal.allow(1_000);
    removing.await.unwrap().unwrap().unwrap();
    assert_eq!(shell.next_confirmation().await, (Role::FetchAed(aed), None));
    assert_eq!(shell.next_confirmation().await, (Role::Direct, None));
}

#[tokio::test]
async fn a_decision_names_the_streets_it_went_by() {
    let junction = |longitude| Position::from_degrees(51.5, longitude).unwrap();
    let street = RoadGraph::new(RoadParts {
        digest: [7; 32],
        junctions: vec![junction(-0.13), junction(-0.11)],
        stretches: vec![StretchPart {
            from: 0,
            to: 1,
            passage: Passage::ALL,
            bends: 0,
        }],
        bends: Vec::new(),
    });
    let street = Arc::new(street.unwrap());
    let mut shell = start_with(PolicyBook::default(), |engine| engine.load_streets(street));
    shell.journal.allow(1_000);
    shell.enrol().await;
    shell.engine.report(report("r1"), None).await.unwrap();
    let commits = shell.journal.commits();
    let decided = commits.iter().flat_map(|commit| &commit.entries).find_map(|entry| {
        let Record::Decided(decision) = &entry.record else {
            return None;
        };
        Some(decision)
    });
    let decision = decided.unwrap();
    assert_eq!(decision.roads, Some([7; 32]));
    assert_eq!(decision.candidates[0].way, Some(Metres::new(0)));
}

#[tokio::test]
async fn the_register_changes_in_the_same_commit_as_the_record() {
    let mut shell = start();
    shell.journal.allow(1_000);
    shell.enrol().await;
    let commits = shell.journal.commits();
    assert_eq!(
        commits.iter().map(|commit| commit.registry.len()).collect::<Vec<_>>(),
        [0, 1, 1]
    );
    assert!(commits.iter().all(|commit| commit.entries.len() == 1));
    // Saying the same again changes nothing; saying something else under the same reference is refused.
    let again = shell
        .engine
        .register(vec![registration("ann")], OnConflict::Refuse)
        .await
        .unwrap();
    assert_eq!(again[0].as_ref().unwrap().1, RegistrationOutcome::Unchanged);
    let other = Registration {
        on_duty: false,
        ..registration("ann")
    };
    let refused = shell.engine.register(vec![other], OnConflict::Refuse).await.unwrap();
    assert_eq!(refused[0], Err(RegistryRefusal::AlreadyRegistered));
    assert_eq!(shell.journal.commits().len(), 3);
}

#[tokio::test]
async fn a_revoked_device_is_told_nothing_and_its_session_closed() {
    let mut shell = start();
    shell.journal.allow(1_000);
    let device = shell.enrol().await.access.device.device;
    let foreign = TenantId::new("leeds").unwrap();
    assert_eq!(
        shell.engine.revoke(foreign, device).await.unwrap(),
        Err(RegistryRefusal::NoSuchDevice)
    );
    shell.engine.revoke(tenant(), device).await.unwrap().unwrap();
    assert_eq!(shell.bus.closed(), [device]);
    shell.engine.report(report("r1"), None).await.unwrap();
    assert!(shell.phones.try_recv().is_err());
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight() {
    let shell = start();
    let engine = shell.engine.clone();
    let waiting = tokio::spawn(async move { engine.register(vec![registration("ann")], OnConflict::Refuse).await });
    while shell.journal.commits().len() < 2 {
        tokio::task::yield_now().await;
    }
    shell.stop.send_replace(true);
    shell.journal.allow(1_000);
    timeout(SOON, shell.owner).await.unwrap().unwrap().unwrap();
    assert!(waiting.await.unwrap().unwrap()[0].is_ok());
    shell.engine.ping().await.unwrap_err();
}

#[tokio::test]
async fn a_phone_is_acknowledged_only_once_its_answer_is_durable() {
    let mut shell = start();
    shell.journal.allow(4);
    let device = shell.enrol().await.access.device.device;
    shell.engine.report(report("r1"), None).await.unwrap();
    let (alert, _) = shell.next_message().await.message.about.unwrap();
    let inlet = shell.inlet.clone();
    let reply = Input::Reply {
        device,
        alert,
        reply: Reply::Accept,
    };
    let waiting = tokio::spawn(async move { inlet.send_durably(reply).await });
    while shell.journal.commits().len() < 5 {
        tokio::task::yield_now().await;
    }
    shell.engine.ping().await.unwrap();
    assert!(!waiting.is_finished());
    shell.journal.allow(1);
    timeout(SOON, waiting).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn waits_keep_their_length_when_the_clock_was_set_back_between_two_starts() {
    let hour = Duration::from_secs(3_600);
    let mut shell = start_after(&[Entry {
        sequence: 1,
        at: NOW + hour,
        record: Record::Started { epoch: 1 },
    }]);
    shell.journal.allow(1_000);
    shell.enrol().await;
    shell.engine.report(report("r1"), None).await.unwrap();
    let first = shell.next_message().await;
    // Two seconds on, the alert is due again; not two seconds and an hour.
    shell.clock.set(NOW + Duration::from_secs(2));
    shell.engine.ping().await.unwrap();
    assert_eq!(shell.next_message().await.message.about, first.message.about);
}

#[tokio::test]
async fn a_report_that_finds_no_place_is_refused_soon() {
    // Nobody takes anything from the lanes.
    let engine = Engine::new(
        PolicyBook::default(),
        Arc::new(Directory::default()),
        Arc::new(MemoryClock::default()),
        Arc::new(MemoryEntropy::default()),
        AlarmBoard::default(),
    );
    let (handle, inlet) = (engine.handle(), engine.inlet());
    for _ in 0..CRITICAL_LANE {
        let accept = Input::Reply {
            device: DeviceId::from_bytes([1; 16]),
            alert: AlertId::from_bytes([2; 16]),
            reply: Reply::Accept,
        };
        inlet.send(accept).await.unwrap();
    }
    let refused = timeout(SOON, handle.report(report("one-more"), None)).await.unwrap();
    assert_eq!(refused, Err(Refused::Overloaded));
}

#[tokio::test]
async fn a_slow_store_does_not_make_the_owner_look_dead() {
    let shell = start();
    // More than the owner lets into flight: it takes nothing more from its lanes.
    for number in 0..600 {
        let engine = shell.engine.clone();
        let name = format!("p{number}");
        tokio::spawn(async move { engine.register(vec![registration(&name)], OnConflict::Refuse).await });
    }
    while shell.journal.commits().len() < 512 {
        tokio::task::yield_now().await;
    }
    let engine = shell.engine.clone();
    let stuck = tokio::spawn(async move { engine.ping().await });
    timeout(SOON, shell.engine.pulse()).await.unwrap().unwrap();
    assert!(!stuck.is_finished());
}
