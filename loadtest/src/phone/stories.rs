//! Stories: given this person, when these messages come, the phone says and writes down this.

use muster_people::answers::AnswerModel;
use muster_proto::v1::{Alert, Body, Confirm, Confirmed, NotNeeded, Probe, StandDown};

use super::*;

const START: Moment = Moment::from_unix_ms(1_700_000_000_000);
const HOME: (f64, f64) = (51.5, -0.1);
/// About 333 m north of home.
const SCENE: (f64, f64) = (51.503, -0.1);

/// A phone, the time, and all it said and wrote down since last asked.
struct Story {
    phone: Phone,
    now: Moment,
    said: Vec<Up>,
    log: Vec<What>,
}

/// Everybody accepts.
fn willing() -> AnswerModel {
    AnswerModel {
        accept_share: 1.0,
        decline_share: 0.0,
        ..AnswerModel::default()
    }
}

/// Nobody says anything.
fn silent() -> AnswerModel {
    AnswerModel {
        accept_share: 0.0,
        decline_share: 0.0,
        ..AnswerModel::default()
    }
}

/// Everybody declines.
fn unwilling() -> AnswerModel {
    AnswerModel {
        accept_share: 0.0,
        decline_share: 1.0,
        ..AnswerModel::default()
    }
}

impl Story {
    fn new(answers: AnswerModel) -> Self {
        Self::enrolled_for(Purpose::Live, answers)
    }

    fn enrolled_for(purpose: Purpose, answers: AnswerModel) -> Self {
        let home = Place::new(HOME.0, HOME.1).expect("a literal in range");
        let settings = PhoneSettings {
            position_interval: Duration::from_secs(30),
            answers,
            utc_offset_hours: 0,
            purpose,
        };
        // The first person who does not wander, so that positions are plain.
        let mut story = (1..)
            .map(|number| Phone::new(Person { seed: 1, number }, home, settings, START))
            .find(|phone| !phone.whereabouts.wanders())
            .map(|phone| Self {
                phone,
                now: START,
                said: vec![],
                log: vec![],
            })
            .expect("most people stay");
        story.phone.handle_ready(story.now);
        story.collect();
        story
    }

    fn collect(&mut self) {
        while let Some(output) = self.phone.poll_output() {
            match output {
                Output::Send(up) | Output::SendOnce(up) => self.said.push(up),
                Output::Log(what) => self.log.push(what),
            }
        }
    }

    fn hears(&mut self, down: Down) {
        self.phone.handle_down(&down, self.now);
        self.collect();
    }

    /// Lets time pass, from deadline to deadline.
    fn waits(&mut self, seconds: u64) {
        let end = self.now.plus(Duration::from_secs(seconds));
        while let Some(deadline) = self.phone.next_deadline().filter(|&deadline| deadline <= end) {
            assert!(deadline >= self.now, "time runs backwards");
            self.now = deadline;
            self.phone.handle_time(deadline);
            self.collect();
            assert!(
                self.phone.next_deadline() != Some(deadline),
                "a deadline was announced and not acted upon"
            );
        }
        self.now = end;
    }

    /// Takes out what was said: receipts and replies as short words, positions left out.
    fn words(&mut self) -> Vec<String> {
        let word = |up: Up| match up.kind.expect("a phone always says something") {
            up::Kind::Receipt(receipt) => Some(format!("{:?} v{}", receipt.stage(), receipt.alert_version)),
            up::Kind::Reply(reply) => Some(format!("{:?}", reply.kind())),
            up::Kind::Hello(_) => Some("Hello".into()),
            up::Kind::Presence(_) => Some("Presence".into()),
            up::Kind::Position(_) => None,
        };
        self.said.drain(..).filter_map(word).collect()
    }

    fn positions(&mut self) -> Vec<Place> {
        let place = |up: Up| match up.kind {
            Some(up::Kind::Position(at)) => Some(Place::new(at.latitude_deg, at.longitude_deg).expect("in range")),
            _ => None,
        };
        self.said.drain(..).filter_map(place).collect()
    }

    fn answers(&self) -> Vec<Answered> {
        let answer = |what: &What| match what {
            What::Answered { answer, .. } => Some(*answer),
            _ => None,
        };
        self.log.iter().filter_map(answer).collect()
    }

    fn last_log(&self) -> &What {
        self.log.last().expect("something was written down")
    }
}

/// A message about alert `id`, valid for ten minutes from the start.
fn down(id: &str, alert_version: u32, kind: plain::Kind) -> Down {
    let body = Body {
        content: Some(body::Content::Plain(Plain { kind: Some(kind) })),
    };
    Down {
        alert_id: id.into(),
        alert_version,
        owner_epoch: 5,
        expires_at: Some(START.plus(Duration::from_secs(600)).to_wire()),
        purpose: Some(down::Purpose::Live(body)),
    }
}

fn alert(id: &str, version: u32) -> Down {
    down(id, version, plain::Kind::Alert(Alert::default()))
}

fn confirmed(id: &str, version: u32) -> Down {
    confirmed_as(id, version, v1::Role::Direct)
}

fn confirmed_as(id: &str, version: u32, role: v1::Role) -> Down {
    let (latitude_deg, longitude_deg) = SCENE;
    let place = Confirmed {
        latitude_deg,
        longitude_deg,
        role: role.into(),
        ..Confirmed::default()
    };
    down(
        id,
        version,
        plain::Kind::Confirm(Confirm {
            outcome: Some(confirm::Outcome::Confirmed(place)),
        }),
    )
}

fn not_needed(id: &str, version: u32) -> Down {
    down(
        id,
        version,
        plain::Kind::Confirm(Confirm {
            outcome: Some(confirm::Outcome::NotNeeded(NotNeeded {})),
        }),
    )
}

fn stand_down(id: &str, version: u32) -> Down {
    down(id, version, plain::Kind::StandDown(StandDown::default()))
}

#[test]
fn a_phone_greets_and_then_reports_where_it_is_about_every_thirty_seconds() {
    let mut story = Story::new(willing());
    assert_eq!(story.words(), ["Hello"]);
    story.waits(3_000);
    let positions = story.positions();
    assert!((85..=125).contains(&positions.len()), "{}", positions.len());
    assert!(
        positions
            .iter()
            .all(|at| (at.latitude_deg(), at.longitude_deg()) == HOME)
    );
}

#[test]
fn a_willing_person_accepts_walks_to_the_patient_and_hands_over() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 1));
    story.waits(60);
    assert_eq!(story.words(), ["Hello", "Received v1", "Shown v1", "Accept"]);

    story.hears(confirmed("a", 2));
    story.waits(2 * 3600);
    let expected = [
        "Received v2",
        "Shown v2",
        "EnRoute",
        "AtScene",
        "WithPatient",
        "Finished",
    ];
    assert_eq!(story.words(), expected);
    assert_eq!(story.answers(), [Answered::Accept]);
    assert_eq!(story.phone.going.as_ref().map(|going| going.stage), None);
}

#[test]
fn someone_on_the_way_reports_often_comes_nearer_and_arrives_within_25_m() {
    let mut story = Story::new(willing());
    let scene = Place::new(SCENE.0, SCENE.1).expect("in range");
    story.hears(alert("a", 1));
    story.waits(60);
    story.hears(confirmed("a", 2));
    let stage = |story: &Story| story.phone.going.as_ref().map(|going| going.stage);
    while stage(&story) != Some(going::Stage::EnRoute) {
        story.waits(1);
    }
    story.said.clear();
    let set_off = story.now;
    while stage(&story) == Some(going::Stage::EnRoute) {
        story.waits(1);
    }
    let here = story.phone.whereabouts.place(story.now).distance_m(scene);
    assert!(here <= 25.0, "{here}");
    let positions = story.positions();
    let per_position_s = story.now.since(set_off).as_secs() as f64 / positions.len() as f64;
    assert!((3.5..7.0).contains(&per_position_s), "{per_position_s}");
    assert!(
        positions
            .windows(2)
            .all(|pair| pair[1].distance_m(scene) < pair[0].distance_m(scene))
    );
}

#[test]
fn a_duplicate_alert_is_acknowledged_again_and_answered_once() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 1));
    story.hears(alert("a", 1));
    story.waits(60);
    assert_eq!(
        story.words(),
        ["Hello", "Received v1", "Received v1", "Shown v1", "Accept"]
    );
    // Published again after the answer: the answer may have been lost, so it is said again.
    story.hears(alert("a", 1));
    assert!(matches!(story.last_log(), What::Received { duplicate: true, .. }));
    story.waits(60);
    assert_eq!(story.words(), ["Received v1", "Shown v1", "Accept"]);
    assert_eq!(story.answers(), [Answered::Accept]);
}

#[test]
fn an_expired_alert_is_neither_shown_nor_answered_nor_acknowledged() {
    let mut story = Story::new(willing());
    story.waits(600);
    story.hears(alert("a", 1));
    let reason = IgnoreReason::Expired;
    assert_eq!(
        story.last_log(),
        &What::Ignored {
            alert_id: "a".into(),
            alert_version: 1,
            reason
        }
    );
    story.waits(60);
    assert_eq!(story.words(), ["Hello"]);
}

#[test]
fn an_alert_that_expires_before_the_person_looks_is_not_answered() {
    let slow = AnswerModel {
        answer_median: Duration::from_secs(3_000),
        answer_sigma: 0.0,
        ..willing()
    };
    let mut story = Story::new(slow);
    story.hears(alert("a", 1));
    story.waits(3_600);
    assert_eq!(story.words(), ["Hello", "Received v1", "Shown v1"]);
    assert!(story.answers().is_empty());
}

#[test]
fn a_lower_epoch_or_version_changes_nothing() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 2));
    story.words();
    story.hears(Down {
        owner_epoch: 4,
        ..stand_down("a", 3)
    });
    assert!(matches!(
        story.last_log(),
        What::Ignored {
            reason: IgnoreReason::OldEpoch,
            ..
        }
    ));
    story.hears(stand_down("a", 1));
    assert!(matches!(
        story.last_log(),
        What::Ignored {
            reason: IgnoreReason::OldVersion,
            ..
        }
    ));
    story.waits(60);
    assert_eq!(story.words(), ["Shown v2", "Accept"]);
}

#[test]
fn a_higher_epoch_takes_over_even_by_a_duplicate() {
    let mut story = Story::new(silent());
    story.hears(alert("a", 1));
    story.hears(Down {
        owner_epoch: 6,
        ..alert("a", 1)
    });
    story.hears(stand_down("a", 2));
    assert!(matches!(
        story.last_log(),
        What::Ignored {
            reason: IgnoreReason::OldEpoch,
            ..
        }
    ));
}

#[test]
fn a_stand_down_stops_the_person_where_they_are_and_clears_the_place() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 1));
    story.waits(60);
    story.hears(confirmed("a", 2));
    while !story.phone.whereabouts.is_on_the_way() {
        story.waits(1);
    }
    story.waits(30);
    let here = story.phone.whereabouts.place(story.now);
    story.words();
    assert!(format!("{:?}", story.phone).contains("51.503"));
    story.hears(stand_down("a", 3));
    assert!(story.phone.going.is_none(), "the place is still known");
    assert!(
        !format!("{:?}", story.phone).contains("51.503"),
        "the place is still somewhere"
    );
    story.waits(2 * 3600);
    assert_eq!(story.words(), ["Received v3", "Shown v3"]);
    assert_eq!(story.phone.whereabouts.place(story.now), here);
}

#[test]
fn a_person_with_the_patient_stays_though_the_place_is_cleared() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 1));
    story.waits(60);
    story.hears(confirmed("a", 2));
    while story
        .phone
        .going
        .as_ref()
        .is_none_or(|going| going.stage != going::Stage::WithPatient)
    {
        story.waits(1);
    }
    story.words();
    let late = START.plus(Duration::from_secs(7_200)).to_wire();
    story.hears(Down {
        expires_at: Some(late),
        ..stand_down("a", 3)
    });
    assert_eq!(story.phone.going.as_ref().and_then(|going| going.target), None);
    story.waits(2 * 3600);
    assert_eq!(story.words(), ["Received v3", "Shown v3", "Finished"]);
}

#[test]
fn a_stand_down_or_not_needed_before_the_answer_prevents_it() {
    for over in [stand_down("a", 2), not_needed("a", 2)] {
        let mut story = Story::new(willing());
        story.hears(alert("a", 1));
        story.hears(over);
        story.waits(120);
        assert!(story.answers().is_empty());
        assert_eq!(story.words(), ["Hello", "Received v1", "Received v2", "Shown v2"]);
    }
}

#[test]
fn a_silent_person_sees_the_alert_and_says_nothing() {
    let mut story = Story::new(silent());
    story.hears(alert("a", 1));
    story.waits(600);
    assert_eq!(story.words(), ["Hello", "Received v1", "Shown v1"]);
    assert!(story.answers().is_empty());
}

#[test]
fn an_unwilling_person_declines_with_a_reason() {
    let mut story = Story::new(unwilling());
    story.hears(alert("a", 1));
    story.waits(120);
    assert_eq!(story.answers(), [Answered::Decline]);
    let reason = story.said.iter().find_map(|up| match &up.kind {
        Some(up::Kind::Reply(reply)) => Some(reply.decline_reason()),
        _ => None,
    });
    assert!(
        reason.is_some_and(|reason| reason != v1::DeclineReason::Unspecified),
        "{reason:?}"
    );
}

#[test]
fn someone_already_going_declines_the_next_alert() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 1));
    story.waits(60);
    story.hears(alert("b", 1));
    story.waits(60);
    assert_eq!(story.answers(), [Answered::Accept, Answered::Decline]);
}

#[test]
fn a_corrected_place_turns_the_person_round() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 1));
    story.waits(60);
    story.hears(confirmed("a", 2));
    while !story.phone.whereabouts.is_on_the_way() {
        story.waits(1);
    }
    let elsewhere = Confirmed {
        latitude_deg: 51.497,
        longitude_deg: -0.1,
        ..Confirmed::default()
    };
    let outcome = Some(confirm::Outcome::Confirmed(elsewhere));
    story.hears(down("a", 3, plain::Kind::Confirm(Confirm { outcome })));
    while story
        .phone
        .going
        .as_ref()
        .is_some_and(|going| going.stage == going::Stage::EnRoute)
    {
        story.waits(1);
    }
    let target = Place::new(51.497, -0.1).expect("in range");
    assert!(story.phone.whereabouts.place(story.now).distance_m(target) <= 25.0);
}

#[test]
fn who_need_not_fetch_a_defibrillator_any_more_goes_on_and_arrives_once() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 1));
    story.waits(60);
    story.hears(confirmed_as("a", 2, v1::Role::FetchAed));
    while !story.phone.whereabouts.is_on_the_way() {
        story.waits(1);
    }
    let accepts = story.answers().len();
    story.hears(confirmed_as("a", 3, v1::Role::Direct));
    story.waits(3_600);
    assert_eq!(story.answers().len(), accepts, "an accept is said once");
    let words = story.words();
    let said = |word: &str| words.iter().filter(|said| *said == word).count();
    for word in [
        "Received v2",
        "Received v3",
        "EnRoute",
        "AtScene",
        "WithPatient",
        "Finished",
    ] {
        assert_eq!(said(word), 1, "{word} in {words:?}");
    }
    let told = |what: &What| {
        matches!(
            what,
            What::Received {
                kind: MessageKind::Confirmed,
                duplicate: false,
                ..
            }
        )
    };
    assert_eq!(
        story.log.iter().filter(|what| told(what)).count(),
        2,
        "two versions, neither a duplicate"
    );
}

#[test]
fn a_place_that_is_none_cannot_be_gone_to() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 1));
    story.waits(60);
    story.words();
    let nowhere = Confirmed {
        latitude_deg: f64::NAN,
        ..Confirmed::default()
    };
    let outcome = Some(confirm::Outcome::Confirmed(nowhere));
    story.hears(down("a", 2, plain::Kind::Confirm(Confirm { outcome })));
    assert_eq!(story.words(), ["Received v2", "CannotContinue"]);
}

#[test]
fn a_probe_is_answered_with_a_position() {
    let mut story = Story::new(willing());
    story.said.clear();
    story.hears(down("", 0, plain::Kind::Probe(Probe {})));
    assert_eq!(story.positions().len(), 1);
}

#[test]
fn a_phone_for_drills_answers_drills_and_nothing_else() {
    let mut story = Story::enrolled_for(Purpose::Exercise, unwilling());
    story.hears(alert("a", 1));
    assert!(matches!(
        story.last_log(),
        What::Ignored {
            reason: IgnoreReason::OtherPurpose,
            ..
        }
    ));
    let mut drill = alert("b", 1);
    drill.purpose = match drill.purpose.take() {
        Some(down::Purpose::Live(body)) => Some(down::Purpose::Exercise(body)),
        other => other,
    };
    story.hears(drill);
    story.waits(60);
    assert_eq!(story.words(), ["Hello", "Received v1", "Shown v1", "Decline"]);
}

#[test]
fn a_drill_and_an_empty_message_are_ignored_by_name() {
    let mut story = Story::new(willing());
    let mut drill = alert("a", 1);
    drill.purpose = match drill.purpose.take() {
        Some(down::Purpose::Live(body)) => Some(down::Purpose::Exercise(body)),
        other => other,
    };
    story.hears(drill);
    assert!(matches!(
        story.last_log(),
        What::Ignored {
            reason: IgnoreReason::OtherPurpose,
            ..
        }
    ));
    story.hears(Down {
        purpose: None,
        ..alert("a", 1)
    });
    assert!(matches!(
        story.last_log(),
        What::Ignored {
            reason: IgnoreReason::NothingKnown,
            ..
        }
    ));
    story.waits(60);
    assert_eq!(story.words(), ["Hello"]);
}

#[test]
fn after_a_reconnect_the_phone_repeats_where_it_stands() {
    let mut story = Story::new(willing());
    story.hears(alert("a", 1));
    story.phone.handle_lost();
    // The person answers although the phone has no network.
    story.waits(60);
    assert_eq!(story.answers(), [Answered::Accept]);
    story.said.clear();
    story.phone.handle_ready(story.now);
    story.collect();
    assert_eq!(story.words(), ["Hello", "Received v1", "Shown v1", "Accept"]);
    // What is over is not brought up again.
    story.hears(stand_down("a", 2));
    story.words();
    story.waits(600);
    story.phone.handle_lost();
    story.phone.handle_ready(story.now);
    story.collect();
    assert_eq!(story.words(), ["Shown v2", "Hello"]);
}

#[test]
fn an_offline_phone_reports_no_positions() {
    let mut story = Story::new(willing());
    story.phone.handle_lost();
    story.said.clear();
    story.waits(600);
    assert!(story.said.is_empty());
}

#[test]
fn a_phone_remembers_a_bounded_number_of_alerts() {
    let mut story = Story::new(silent());
    for number in 0..200 {
        story.hears(alert(&format!("a{number}"), 1));
    }
    assert_eq!(story.phone.alerts.len(), ALERTS_REMEMBERED_MAX);
    assert!(story.phone.alerts.contains_key("a199"));
}

#[test]
fn the_same_seed_and_messages_give_the_same_phone() {
    let run = || {
        let mut story = Story::new(AnswerModel::default());
        for number in 0..20 {
            story.hears(alert(&format!("a{number}"), 1));
            story.waits(20);
        }
        (story.said, story.log)
    };
    assert_eq!(run(), run());
}
