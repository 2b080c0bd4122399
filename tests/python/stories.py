"""What a control room and its responders go through, step by step."""

import json
import struct
import subprocess
import threading
import time

import grpc
import paho.mqtt.client as mqtt

import service as server
from e2e import check, metres
from muster.v1 import common_pb2 as common
from muster.v1 import device_pb2 as device
from muster.v1 import incident_pb2 as incident
from muster.v1 import responder_pb2 as responder
from phone import REFUSED_FROM

# Trafalgar Square by both of its names.
EASTING, NORTHING = 530_034, 180_381
SQUARE = (51.50741, -0.12772)
STREET, POSTCODE, NOTES = "12 Hidden Passage", "WC2N 5DN", "door code 4711"

BRISTOL = (51.4545, -2.5879)
LEEDS = (53.7960, -1.5476)
YORK = (53.9590, -1.0815)
CARDIFF, EXETER = (51.4816, -3.1791), (50.7260, -3.5275)


def near(place, north_m):
    """A point this many metres north of a place."""
    return place[0] + north_m / 111_195, place[1]


def register_once(world):
    """The same person twice is one person; the same reference for another person is refused."""
    first = world.register("register-once")
    check("a person is registered", first.responder.responder_id.startswith("rsp-") and not first.duplicate, first)
    again = world.register("register-once")
    check("the same again is a duplicate", again.duplicate and again.responder == first.responder, again)
    changed = responder.RegisterResponderRequest(profile=world.profile("register-once", name="B. Person"))
    refused = server.refusal(world.room.responders.RegisterResponder, changed)
    check("other fields are refused", refused and refused[0] == grpc.StatusCode.ALREADY_EXISTS, refused)


def from_report_to_stand_down(world):
    """The whole path: report by easting and northing, coarse alert, accept, exact place, stand-down, watch."""
    person, json_phone = world.person("square-json", *near(SQUARE, 150))
    other = world.register("square-binary").responder.responder_id
    binary_phone = world.phone(world.issue(other, encoding=responder.PAYLOAD_ENCODING_BINARY), binary=True)
    binary_phone.start(*near(SQUARE, -200))
    seen_live = Watcher(world)

    address = common.Address(text=STREET, postcode=POSTCODE, access_notes=NOTES)
    report = world.report(location=world.at_grid(EASTING, NORTHING, accuracy_m=5, address=address))
    answer = world.room.incidents.ReportIncident(report)
    check("the report is durable", answer.durable and not answer.duplicate, answer)

    alert, request, raw = json_phone.next("alert")
    other_alert, _, other_raw = binary_phone.next("alert")
    coarse_alert_is_coarse(alert, request, near(SQUARE, 150))
    asked = world.get(answer.incident_id)
    check("nobody is named before an accept", all(not one.responder_id for one in asked.alerts), asked)

    confirmed = accept(world, json_phone, alert, answer.incident_id, person)
    for payload in (raw, other_raw):
        hides_the_place(payload, (confirmed.latitude_deg, confirmed.longitude_deg))
    decline(world, binary_phone, other_alert, answer.incident_id)
    others_are_out_of_reach(binary_phone, json_phone, alert)
    stand_down(world, json_phone, alert, report, answer)
    nothing_came_through(world, binary_phone)
    repeat(world, report, answer)
    events_are_in_order(world, answer, seen_live)


def coarse_alert_is_coarse(alert, request, own_place):
    """The square, the band and the frame of an alert."""
    check("the alert is live", alert.WhichOneof("purpose") == "live", alert)
    check("the alert names the kind", request.incident_kind == "cardiac_arrest", request)
    check("the alert names the role", request.role == common.ROLE_DIRECT, request)
    centre = (request.cell.latitude_deg, request.cell.longitude_deg)
    check("its square is 250 m wide", request.cell.size_m == 250, request)
    check("the place lies in the square", metres(centre, SQUARE) < 185, metres(centre, SQUARE))
    away, band = metres(centre, own_place), request.distance
    fits = band.from_m - 2 <= away and (band.to_m == 0 or away < band.to_m + 2)
    check("the band holds the distance to the square", fits, (away, band))
    left = alert.expires_at.ToSeconds() - time.time()
    check("the alert expires in about five minutes", 240 < left <= 301, left)
    framed = alert.alert_id.startswith("alt-") and alert.alert_version >= 1 and alert.owner_epoch >= 1
    check("the alert has an id, a version and an epoch", framed, alert)


def hides_the_place(raw, place):
    """No byte of the address or the exact place is in an alert, in either encoding."""
    # Eight characters of a coordinate name a metre or two; the square's centre shares fewer.
    digits = [str(coordinate)[:8] for coordinate in place]
    for text in (STREET, POSTCODE, NOTES, str(EASTING), str(NORTHING), *digits):
        check(f"the alert does not hold {text!r}", text.encode() not in raw, raw)
    for coordinate in place:
        check("the alert does not hold an exact coordinate", struct.pack("<d", coordinate) not in raw, raw)


def accept(world, phone, alert, incident_id, person):
    """Says yes, and learns the exact place."""
    phone.reply(alert.alert_id, device.REPLY_KIND_ACCEPT)
    message, confirm, _ = phone.next("confirm")
    check("the accept is confirmed", confirm.WhichOneof("outcome") == "confirmed", confirm)
    check("it is about the same alert, as a newer version", message.alert_version > alert.alert_version, message)
    confirmed = confirm.confirmed
    off = metres((confirmed.latitude_deg, confirmed.longitude_deg), SQUARE)
    check("the exact place follows from easting and northing", off < 10, off)
    shown = (confirmed.address.text, confirmed.address.postcode, confirmed.address.access_notes)
    check("the address follows", shown == (STREET, POSTCODE, NOTES) and confirmed.accuracy_m == 5, confirmed)

    phone.reply(alert.alert_id, device.REPLY_KIND_EN_ROUTE)

    def on_the_way():
        found = [one for one in world.get(incident_id).alerts if one.alert_id == alert.alert_id]
        return found[0].responder_id == person and found[0].attendance == incident.ATTENDANCE_STATE_EN_ROUTE

    world.until("the control room sees who is on the way", on_the_way)
    return confirmed


def decline(world, phone, alert, incident_id):
    """Says no."""
    phone.reply(alert.alert_id, device.REPLY_KIND_DECLINE, decline_reason=common.DECLINE_REASON_BUSY)

    def declined():
        return any(
            one.alert_id == alert.alert_id and one.state == incident.ALERT_STATE_DECLINED
            for one in world.get(incident_id).alerts
        )

    world.until("the control room sees the decline", declined)


def others_are_out_of_reach(phone, victim, alert):
    """A phone touches its own two topics and nothing else."""
    filters = [victim.down_topic, victim.up_topic, "muster/v1/+/d/+/down", "#", "$share/all/#", "$SYS/#", "owntracks/#"]
    for topic in filters:
        code = phone.subscribe(topic)
        shown = topic.replace(victim.down_topic, "another's down topic").replace(victim.up_topic, "another's up topic")
        check(f"a subscription to {shown} is refused: SUBACK {code:#04x}", code >= REFUSED_FROM, code)
    forged = device.Reply(alert_id=alert.alert_id, kind=device.REPLY_KIND_CANNOT_CONTINUE)
    code = phone.publish_as_another(victim.up_topic, reply=forged)
    check(f"a publish on another's topic is refused: PUBACK {code:#04x}", code >= REFUSED_FROM, code)
    # On its own topic it may say what it likes, but not about another's alert.
    phone.reply(alert.alert_id, device.REPLY_KIND_CANNOT_CONTINUE)


def stand_down(world, phone, alert, report, answer):
    """The control room calls everybody off."""
    request = incident.StandDownIncidentRequest(
        request_id=f"{report.request_id}-down", key=report.key, revision=2, cause=incident.STAND_DOWN_CAUSE_CANCELLED
    )
    request.sent_at.GetCurrentTime()
    ending = world.room.incidents.StandDownIncident(request).ending
    check("the stand-down is durable", ending.durable and ending.incident_id == answer.incident_id, ending)
    ended = ending.state == incident.INCIDENT_STATE_STOOD_DOWN and ending.attendances_stood_down == 1
    check("the one on the way is called off, so no forged abort got through", ended, ending)
    message, called_off, _ = phone.next("stand_down")
    check("the phone is told", message.alert_id == alert.alert_id, message)
    check("it is told why", called_off.reason == common.STAND_DOWN_REASON_CANCELLED, called_off)


def nothing_came_through(world, phone):
    """The next message to the phone that listened in is an alert of its own."""
    world.room.incidents.ReportIncident(world.report(location=world.at_grid(EASTING, NORTHING)))
    message, _, _ = phone.next("alert")
    phone.reply(message.alert_id, device.REPLY_KIND_DECLINE)
    check("no message of another arrived", phone.foreign == [], phone.foreign)


def repeat(world, report, answer):
    """A retry gets the same answer; another request under the same id does not."""
    again = world.room.incidents.ReportIncident(report)
    check("the same request again is a duplicate", again.duplicate, again)
    again.duplicate = False
    check("and gets the same answer", again == answer, (again, answer))
    other = incident.ReportIncidentRequest()
    other.CopyFrom(report)
    other.kind = "choking"
    refused = server.refusal(world.room.incidents.ReportIncident, other)
    check("the same id with other fields is refused", refused and refused[0] == grpc.StatusCode.ALREADY_EXISTS, refused)


class Watcher:
    """Follows everything from now on, in a thread."""

    def __init__(self, world):
        self.events = []
        self.stream = world.room.incidents.WatchIncidents(incident.WatchIncidentsRequest())
        world.stack.callback(self.stream.cancel)
        # The answer's head means that the watch stands.
        self.stream.initial_metadata()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        try:
            for event in self.stream:
                self.events.append(event)
        except grpc.RpcError:
            pass

    def of(self, incident_id):
        """Events of one incident so far."""
        return [event for event in self.events if event.incident_id == incident_id]


def label(event):
    """An event in a word."""
    kind = event.WhichOneof("event")
    changed = getattr(event, kind)
    if kind == "alert_changed":
        return incident.AlertState.Name(changed.state)
    if kind == "attendance_changed":
        return incident.AttendanceState.Name(changed.state)
    if kind == "state_changed":
        return incident.IncidentState.Name(changed.state)
    return kind


def events_are_in_order(world, answer, seen_live):
    """The watch tells the story in order, and goes on from any point."""

    def ended(event):
        return label(event) == "INCIDENT_STATE_STOOD_DOWN"

    events = world.watch(answer.incident_id, 0, ended)
    told = [label(event) for event in events]
    print(f"       the watch told: {', '.join(told)}")
    sequences = [event.sequence for event in events]
    check("sequence numbers never fall", sequences == sorted(sequences), sequences)
    check("the report comes first", told[0] == "reported" and sequences[0] <= answer.sequence, (sequences, told))
    story = [
        "reported",
        "alerts_planned",
        "ALERT_STATE_RECEIVED",
        "ALERT_STATE_ACCEPTED",
        "ATTENDANCE_STATE_CONFIRMED",
        "ATTENDANCE_STATE_EN_ROUTE",
        "INCIDENT_STATE_STOOD_DOWN",
    ]
    rest = iter(told)
    check("the story is told in order", all(step in rest for step in story), told)
    for seen in range(1, len(events)):
        rest = events[seen:]
        resumed = world.watch(answer.incident_id, sequences[seen - 1], ended)
        # Where several events came of one record, some are told again rather than lost.
        check(f"a watch resumes after event {seen} and loses none", resumed[-len(rest) :] == rest, resumed)
    world.until(
        "a watch from the start saw the same", lambda: seen_live.of(answer.incident_id)[: len(events)] == events
    )


def refuse_what_makes_no_sense(world):
    """Refusals name the field."""
    nan = float("nan")
    wrong = {
        "british_national_grid": world.report(location=world.at_grid(800_000, NORTHING + 800_000)),
        "easting_m": world.report(location=world.at_grid(nan, NORTHING)),
        "latitude_deg": world.report(location=world.at(nan, 0.0)),
        "location": world.report(location=common.Location()),
        "cad_system": world.report(key=incident.IncidentKey(cad_incident_number="1", call_date="2026-01-01")),
        "request_id": world.report(request_id=" "),
    }
    for field, request in wrong.items():
        refused = server.refusal(world.room.incidents.ReportIncident, request)
        check(f"a report with a wrong {field} is refused", refused is not None, request)
        code, text, fields = refused
        check("  as INVALID_ARGUMENT", code == grpc.StatusCode.INVALID_ARGUMENT, refused)
        check(f"  with the field named: {', '.join(fields)}", any(field in named for named in fields), refused)
        check("  with words for people", bool(text), refused)


def drill(world):
    """An exercise reaches nobody who has only a live phone, and those with an exercise device in its own branch."""
    person, live_phone = world.person("drill", *near(BRISTOL, 100))
    exercise = common.Exercise(name="Bristol drill")
    report = world.report(location=world.at(*BRISTOL), exercise=exercise)
    answer = world.room.incidents.ReportIncident(report)
    warned = [warning.code for warning in answer.warnings]
    check("a drill with only live phones near asks nobody", answer.alerts_planned == 0, answer)
    check("and says so", incident.WARNING_CODE_NOBODY_TO_ASK in warned, answer)

    world.room.incidents.ReportIncident(world.report(location=world.at(*BRISTOL)))
    message, _, _ = live_phone.next("alert")
    check("the live phone's first message is the real call", message.WhichOneof("purpose") == "live", message)
    live_phone.reply(message.alert_id, device.REPLY_KIND_DECLINE)

    exercise_phone = world.phone(world.issue(person, exercise=exercise))
    exercise_phone.start(*near(BRISTOL, 100))
    message, _, _ = exercise_phone.next("alert")
    check("an exercise device gets the drill", message.WhichOneof("purpose") == "exercise", message)


def owntracks_moves_a_responder(world):
    """A position told by the OwnTracks app counts, and that app's habits do no harm."""
    # Told a minute ago, so that the app's whole seconds are newer.
    person, phone = world.person("owntracks", *near(LEEDS, 100), age_s=60)
    app = world.issue(person, kind=responder.DEVICE_KIND_OWNTRACKS)
    ask(world, phone, LEEDS, "an incident where the phone was asks the person")

    location = {"_type": "location", "lat": YORK[0], "lon": YORK[1], "acc": 12, "tst": int(time.time()), "tid": "mp"}
    topic = f"owntracks/{app.device_id}/phone"
    mosquitto(world, app, "mosquitto_pub", "-r", "-t", topic, "-m", json.dumps(location))
    ask(world, phone, YORK, "an incident where OwnTracks is asks the person")
    answer = world.room.incidents.ReportIncident(world.report(location=world.at(*LEEDS)))
    check("an incident at the old place does not", answer.alerts_planned == 0, answer)

    listened = mosquitto(world, app, "mosquitto_sub", "-v", "-W", "2", "-t", "owntracks/+/+", expect=None)
    check("mosquitto_sub on all of OwnTracks is denied", "denied" in listened.stderr, listened)
    check("nothing was retained for it", listened.stdout == "", listened)
    refused_but_not_dropped(world, app, topic, location)


def a_trunk_moves_a_responder(world):
    """A partner's gateway tells where its people are, over one connection; it can do nothing else."""
    person, phone = world.person("partner-1", *near(CARDIFF, 100), age_s=60)
    stranger, _ = world.person("other-1", *near(CARDIFF, 100), age_s=60)
    request = world.responder.IssueTrunkCredentialRequest(external_ref_prefix="partner-")
    trunk = world.room.responders.IssueTrunkCredential(request)

    codes = []
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=f"{trunk.trunk_id}-gateway", protocol=mqtt.MQTTv5
    )
    client.username_pw_set(trunk.trunk_id, trunk.password)
    client.on_publish = lambda _c, _u, _m, code, _p: codes.append(code.value)
    client.on_subscribe = lambda _c, _u, _m, given, _p: codes.extend(code.value for code in given)
    client.connect(*world.service.mqtt())
    client.loop_start()
    message = device.TrunkUp()
    message.sent_at.GetCurrentTime()
    for responder_id in (person, stranger):
        one = message.positions.add(responder=bytes.fromhex(responder_id.removeprefix("rsp-")))
        one.position.MergeFrom(device.Position(latitude_deg=EXETER[0], longitude_deg=EXETER[1], accuracy_m=12))
        one.position.taken_at.GetCurrentTime()
    client.publish(trunk.up_topic, message.SerializeToString(), qos=1)
    world.until("the trunk's message is acknowledged", lambda: codes == [0])
    report = world.room.incidents.ReportIncident(world.report(location=world.at(*EXETER)))
    phone.next("alert")
    check("an incident where the trunk says asks its person, not the other", report.alerts_planned == 1, report)

    client.subscribe(phone.down_topic)
    world.until("it may not listen to a phone's topic", lambda: codes[1:] == [0x87])
    client.publish(phone.up_topic, b"", qos=1)
    world.until("nor speak on it", lambda: codes[2:] == [0x87])
    client.disconnect()
    client.loop_stop()


def ask(world, phone, place, what):
    """Reports an incident, sees the alert arrive, and declines it."""
    report = world.room.incidents.ReportIncident(world.report(location=world.at(*place)))
    message, _, _ = phone.next("alert")
    planned = [alert.alert_id for alert in world.get(report.incident_id).alerts]
    check(what, message.alert_id in planned, (message, planned))
    phone.reply(message.alert_id, device.REPLY_KIND_DECLINE)


def mosquitto(world, app, program, *arguments, expect=0):
    """Runs one of Mosquitto's clients with the app's credential, as MQTT 3.1.1."""
    host, port = world.service.mqtt()
    access = ["-h", host, "-p", str(port), "-u", app.device_id, "-P", app.password]
    ended = subprocess.run(
        [program, "-V", "311", *access, *arguments],
        capture_output=True,
        text=True,
        timeout=server.PATIENCE_S,
        check=False,
    )
    if expect is not None:
        check(f"{program} ends with {expect}", ended.returncode == expect, ended)
    return ended


def refused_but_not_dropped(world, app, topic, location):
    """The app subscribes to everybody as it always does, is refused, and its session goes on."""
    codes, arrived, lost = [], [], []
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, client_id=f"{app.device_id}-app", protocol=mqtt.MQTTv311, clean_session=True
    )
    client.username_pw_set(app.device_id, app.password)
    client.on_subscribe = lambda _c, _u, _m, given, _p: codes.extend(code.value for code in given)
    client.on_message = lambda _c, _u, message: arrived.append(message.topic)
    client.on_connect = lambda c, _u, _f, _r, _p: c.subscribe([("owntracks/+/+", 1), ("owntracks/#", 1)])
    client.on_disconnect = lambda *_: lost.append(True)
    client.connect(*world.service.mqtt())
    client.loop_start()
    world.until("its wildcard subscriptions are answered", lambda: len(codes) == 2)
    check("with a refusal each: SUBACK 0x80", codes == [0x80, 0x80], codes)
    sent = client.publish(topic, json.dumps({**location, "tst": int(time.time())}), qos=1, retain=True)
    sent.wait_for_publish(server.PATIENCE_S)
    check("its session goes on: the next position is acknowledged", sent.is_published() and not lost, lost)
    check("nothing came back to it", arrived == [], arrived)
    client.disconnect()
    client.loop_stop()
