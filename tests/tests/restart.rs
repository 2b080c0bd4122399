//! `kill -9` and a start on the same data: nothing that was acknowledged is lost, nobody who answered is asked again.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Result, ensure};
use muster_proto::v1::{
    AlertState, AttendanceState, Incident, ListIncidentsRequest, ReportIncidentRequest, ReportIncidentResponse,
};
use muster_tests::{
    control_room::{ControlRoom, Enrolled, Point2d, cardiac_arrest},
    phone::{Person, Phone},
    service::{Endpoints, Service},
    wait,
};
use tokio::task::JoinSet;

/// Open incidents at the time of the crash.
const INCIDENTS: usize = 50;

/// People told to go when the service is killed in the rush: some, so that the others are still answering.
const FIRST_TO_GO: usize = 10;

/// Who lives at each place.
const PEOPLE: [Person; 4] = [
    Person::Accepts,
    Person::Declines,
    Person::StaysSilent,
    Person::IsOutOfReach,
];

/// A place with its people, further from every other place than anybody is ever asked to go.
#[derive(Clone)]
struct Neighbourhood {
    number: String,
    place: Point2d,
    report: ReportIncidentRequest,
    people: Vec<Enrolled>,
}

/// The phones of a neighbourhood, in the order of [`PEOPLE`].
type Phones = Vec<Phone>;

impl Neighbourhood {
    /// The `n`-th place, its people enrolled.
    async fn settle(n: u32, mut control_room: ControlRoom) -> Self {
        let number = format!("incident-{n}");
        let place = Point2d {
            latitude_deg: 51.0 + 0.05 * f64::from(n),
            longitude_deg: -1.0,
        };
        let mut people = Vec::new();
        for person in PEOPLE {
            people.push(control_room.enrol(&format!("{n}-{person:?}")).await.unwrap());
        }
        let report = cardiac_arrest(&number, place);
        Self {
            number,
            place,
            report,
            people,
        }
    }

    async fn connect(self, mqtt: String) -> Phones {
        let mut phones = Vec::new();
        for (enrolled, person) in self.people.iter().zip(PEOPLE) {
            phones.push(Phone::connect(&mqtt, enrolled, self.place, person).await.unwrap());
        }
        phones
    }
}

async fn settle(control_room: &ControlRoom) -> Vec<Neighbourhood> {
    let places = (0..INCIDENTS).map(|n| Neighbourhood::settle(u32::try_from(n).unwrap(), control_room.clone()));
    in_order(places).await
}

async fn connect(endpoints: &Endpoints, places: &[Neighbourhood]) -> Vec<Phones> {
    in_order(places.iter().map(|home| home.clone().connect(endpoints.mqtt.clone()))).await
}

/// Runs all at once; results in order.
async fn in_order<T: Send + 'static>(all: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let mut running = JoinSet::new();
    for (n, one) in all.enumerate() {
        running.spawn(async move { (n, one.await) });
    }
    let mut done = running.join_all().await;
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, one)| one).collect()
}

/// A service that asks everybody near, so that all of them can be followed through the restart.
async fn start(data_dir: &Path) -> Service {
    const SOONEST: &str = "[policy]\nname = 'soonest'\nranking = 'soonest'\nalert_count = 7\nwanted = 3\ngoing_min = 0\n\
                           radius_m = 1200\nambulance_margin_s = false\nimprove_by_s = false\n";
    let config = data_dir.with_extension("toml");
    std::fs::write(&config, SOONEST).unwrap();
    let config = config.to_str().unwrap();
    Service::start_with(data_dir, &["--config", config]).await.unwrap()
}

/// Waits until everybody was asked and whoever speaks has been heard.
async fn answered(control_room: &mut ControlRoom, number: &str) -> Result<Incident> {
    use AlertState::{Accepted, BrokerAcked, Declined, Received};
    let expected = BTreeSet::from([Accepted, Declined, Received, BrokerAcked].map(i32::from));
    wait::until("everybody has been asked and heard", async || {
        let incident = control_room.incident(number).await?;
        let states: BTreeSet<i32> = incident.alerts.iter().map(|alert| alert.state).collect();
        Ok((states == expected).then_some(incident))
    })
    .await
}

/// The state of every open incident as the list tells it.
async fn listed(control_room: &mut ControlRoom) -> Result<BTreeMap<String, i32>> {
    let mut all = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let request = ListIncidentsRequest {
            // Smaller than the number of incidents, so that pages are turned.
            page_size: 20,
            page_token,
            open_only: true,
        };
        let page = control_room.incidents.list_incidents(request).await?.into_inner();
        for incident in page.incidents {
            let number = incident.key.unwrap_or_default().cad_incident_number;
            ensure!(all.insert(number, incident.state).is_none(), "listed twice");
        }
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        page_token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_open_incidents_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let service = start(&data_dir).await;
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let places = settle(&control_room).await;
    let phones = connect(&service.endpoints, &places).await;
    for home in &places {
        control_room.report(&home.report).await.unwrap();
    }
    let mut before = Vec::new();
    for home in &places {
        before.push(answered(&mut control_room, &home.number).await.unwrap());
    }
    let open_before = listed(&mut control_room).await.unwrap();
    assert_eq!(open_before.len(), INCIDENTS);

    service.kill().await.unwrap();
    drop(phones);
    let service = start(&data_dir).await;
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();

    for (home, incident) in places.iter().zip(&before) {
        assert_eq!(&control_room.incident(&home.number).await.unwrap(), incident);
    }
    assert_eq!(listed(&mut control_room).await.unwrap(), open_before);

    let phones = connect(&service.endpoints, &places).await;
    the_unanswered_is_published_again(&before, &phones).await;
    nobody_who_answered_is_asked_again(&mut control_room, &places, &phones).await;
}

/// An alert that is still valid and unanswered comes to the phone again, under the same id. Also where the phone had
/// confirmed receipt: its answer may have been lost in the crash.
async fn the_unanswered_is_published_again(before: &[Incident], phones: &[Phones]) {
    for (incident, at_home) in before.iter().zip(phones) {
        for (phone, state) in [
            (&at_home[2], AlertState::Received),
            (&at_home[3], AlertState::BrokerAcked),
        ] {
            let unanswered = incident.alerts.iter().find(|alert| alert.state() == state).unwrap();
            wait::until("the phone has its unanswered alert again", async || {
                Ok((!phone.asked_for().is_empty()).then_some(()))
            })
            .await
            .unwrap();
            let same = phone.asked_for().iter().all(|id| *id == unanswered.alert_id);
            assert!(same, "the same alert has one id");
        }
    }
}

/// Messages to a phone keep their order, so one that is sure to come shows that nothing came before it: a stand-down to
/// those who go, an alert for a new incident to those who declined.
async fn nobody_who_answered_is_asked_again(
    control_room: &mut ControlRoom,
    places: &[Neighbourhood],
    phones: &[Phones],
) {
    for home in places {
        let ending = control_room.close(&home.number).await.unwrap();
        assert_eq!(ending.alerts_withdrawn, 2, "{}", home.number);
        assert_eq!(ending.attendances_stood_down, 1, "{}", home.number);
    }
    for (home, at_home) in places.iter().zip(phones) {
        let number = format!("{}-next", home.number);
        control_room.report(&cardiac_arrest(&number, home.place)).await.unwrap();
        wait::until("the marker reaches those who answered", async || {
            let arrived = at_home[0].stood_down_from().len() == 1 && !at_home[1].asked_for().is_empty();
            Ok(arrived.then_some(()))
        })
        .await
        .unwrap();
        let next = control_room.incident(&number).await.unwrap();
        let new: BTreeSet<&String> = next.alerts.iter().map(|alert| &alert.alert_id).collect();
        for answered in &at_home[..2] {
            assert!(
                answered.asked_for().iter().all(|id| new.contains(id)),
                "asked twice for {}",
                home.number
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_in_the_rush_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let service = start(&data_dir).await;
    let control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    let places = settle(&control_room).await;
    let phones = connect(&service.endpoints, &places).await;

    let acknowledged = report_all_and_kill(service, &control_room, &places, &phones).await;
    let told_to_go: Vec<(String, String)> = places
        .iter()
        .zip(&phones)
        .flat_map(|(home, at_home)| {
            let confirmed = at_home[0].confirmed_for().into_iter();
            confirmed.map(|id| (home.number.clone(), id))
        })
        .collect();
    drop(phones);

    let service = start(&data_dir).await;
    let mut control_room = ControlRoom::connect(&service.endpoints).await.unwrap();
    for (number, answer) in &acknowledged {
        let incident = control_room.incident(number).await.unwrap();
        assert_eq!(incident.incident_id, answer.incident_id);
        let planned = usize::try_from(answer.alerts_planned).unwrap();
        assert!(incident.alerts.len() >= planned, "{number} lost alerts");
    }
    for (number, alert_id) in &told_to_go {
        let incident = control_room.incident(number).await.unwrap();
        let alert = incident.alerts.iter().find(|alert| &alert.alert_id == alert_id);
        let attendance = alert.unwrap().attendance();
        assert_eq!(attendance, AttendanceState::Confirmed, "{number} forgot who is going");
    }
    everything_can_be_reported_again(&mut control_room, &places, &acknowledged).await;
    let phones = connect(&service.endpoints, &places).await;
    everybody_is_asked_once(&mut control_room, &places, &phones).await;
}

/// Reports all incidents at once and kills the service when the first people have been told to go: reports, alerts and
/// answers are then anywhere between a socket and the disk. Returns the reports that were answered.
async fn report_all_and_kill(
    service: Service,
    control_room: &ControlRoom,
    places: &[Neighbourhood],
    phones: &[Phones],
) -> BTreeMap<String, ReportIncidentResponse> {
    let mut reports = JoinSet::new();
    for home in places {
        let (mut control_room, home) = (control_room.clone(), home.clone());
        reports.spawn(async move { (home.number, control_room.report(&home.report).await) });
    }
    wait::until("some people have been told to go", async || {
        let told = phones.iter().filter(|at_home| !at_home[0].confirmed_for().is_empty());
        Ok((told.count() >= FIRST_TO_GO).then_some(()))
    })
    .await
    .unwrap();
    service.kill().await.unwrap();
    let mut acknowledged = BTreeMap::new();
    while let Some(ended) = reports.join_next().await {
        if let (number, Ok(answer)) = ended.unwrap() {
            acknowledged.insert(number, answer);
        }
    }
    acknowledged
}

/// A control room that got no answer tries again with the same request, and everything goes on as if nothing had been.
async fn everything_can_be_reported_again(
    control_room: &mut ControlRoom,
    places: &[Neighbourhood],
    acknowledged: &BTreeMap<String, ReportIncidentResponse>,
) {
    for home in places {
        let again = control_room.report(&home.report).await.unwrap();
        assert!(again.durable);
        if let Some(first) = acknowledged.get(&home.number) {
            assert!(again.duplicate, "{} is known", home.number);
            assert_eq!(
                (again.sequence, again.alerts_planned),
                (first.sequence, first.alerts_planned)
            );
        }
    }
}

async fn everybody_is_asked_once(control_room: &mut ControlRoom, places: &[Neighbourhood], phones: &[Phones]) {
    for (home, at_home) in places.iter().zip(phones) {
        let incident = answered(control_room, &home.number).await.unwrap();
        assert_eq!(incident.alerts.len(), PEOPLE.len(), "{}", home.number);
        let asked: BTreeSet<String> = at_home.iter().flat_map(Phone::asked_for).collect();
        let planned: BTreeSet<String> = incident.alerts.iter().map(|alert| alert.alert_id.clone()).collect();
        assert!(
            asked.is_subset(&planned),
            "a phone was asked under an id nobody planned"
        );
    }
}
