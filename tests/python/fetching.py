"""Two people and two defibrillators: one goes straight to the patient, one fetches, and then the scene is not safe."""

import service as server
from e2e import check, metres
from muster.v1 import common_pb2 as common
from muster.v1 import defibrillator_pb2 as defibrillator
from muster.v1 import device_pb2 as device
from muster.v1 import incident_pb2 as incident
from stories import Watcher, near

NORWICH = (52.6309, 1.2974)
# Nearer first: reference, metres north of the patient, code of the cabinet.
BOXES = [("box-near", 120, "C159X"), ("box-far", 300, "C260Y")]


def a_defibrillator_is_fetched(world):
    """From the import of the list to the day it was not there."""
    boxes = import_boxes(world)
    seen_live = Watcher(world)
    fetcher, runner = crew(world, "first")
    report = world.report(kind=server.FETCHING_KIND, location=world.at(*NORWICH))
    answer = world.room.incidents.ReportIncident(report)
    check("two people are asked", answer.alerts_planned == 2, answer)

    alert = asked_to_fetch(world, fetcher, answer.incident_id)
    _, straight, _ = runner[1].next("alert")
    check("the other one is asked to go straight to the patient", straight.role == common.ROLE_DIRECT, straight)
    told_where(world, fetcher, alert, answer.incident_id, boxes[0])
    go_straight_too(world, runner, answer.incident_id)
    second = a_second_incident_gets_the_other_one(world, boxes)
    not_there(world, fetcher, alert, answer.incident_id, seen_live)
    violence(world, report, answer, [fetcher, runner])
    still = world.get(second)
    check("the other incident goes on", still.state != incident.INCIDENT_STATE_EXHAUSTED, still)
    check("and its defibrillator is on its way", still.alerts[0].defibrillator_id == boxes[1], still)


def import_boxes(world):
    """Imports the list; the ids in its order."""
    request = defibrillator.ImportDefibrillatorsRequest()
    for reference, north_m, code in BOXES:
        profile = request.profiles.add(external_ref=reference, name=f"Library, {reference}", cabinet_code=code)
        profile.location.CopyFrom(world.at(*near(NORWICH, north_m)))
        profile.location.accuracy_m = 4
        profile.location.address.CopyFrom(common.Address(text="left of the lift", access_notes="ring twice"))
        profile.access = defibrillator.DEFIBRILLATOR_ACCESS_PUBLIC
        profile.opening_hours.expression = "24/7"
        profile.opening_hours.country, profile.opening_hours.time_zone = "GB", "Europe/London"
        profile.level, profile.indoor = "-1", True
    rows = world.room.defibrillators.ImportDefibrillators(request).rows
    ids = [row.defibrillator_id for row in rows]
    check("two defibrillators are imported", len(ids) == 2 and all(one.startswith("aed-") for one in ids), rows)
    return ids


def crew(world, name):
    """Somebody near the defibrillators, and somebody a little farther from the patient on the other side."""
    return world.person(f"{name}-fetcher", *near(NORWICH, 60)), world.person(f"{name}-runner", *near(NORWICH, -400))


def alert_of(world, incident_id, alert_id):
    """An alert as the control room sees it."""
    return next(one for one in world.get(incident_id).alerts if one.alert_id == alert_id)


def asked_to_fetch(world, fetcher, incident_id):
    """Asked by name of the task alone."""
    alert, request, raw = fetcher[1].next("alert")
    check("the sooner one is asked to fetch a defibrillator", request.role == common.ROLE_FETCH_AED, request)
    for secret in (b"aed-", BOXES[0][2].encode(), b"Library", b"lift", b"twice"):
        check(f"the alert does not hold {secret.decode()!r}", secret not in raw, raw)
    seen = alert_of(world, incident_id, alert.alert_id)
    check("the control room sees which", seen.role == common.ROLE_FETCH_AED and seen.defibrillator_id, seen)
    return alert


def told_where(world, fetcher, alert, incident_id, box):
    """An accept brings all there is to know about it."""
    person, phone = fetcher
    phone.reply(alert.alert_id, device.REPLY_KIND_ACCEPT)
    _, confirm, _ = phone.next("confirm")
    told = confirm.confirmed
    check("the confirmation says to fetch", told.role == common.ROLE_FETCH_AED, told)
    check("the nearer defibrillator", told.defibrillator.defibrillator_id == box, told)
    away = metres((told.defibrillator.latitude_deg, told.defibrillator.longitude_deg), near(NORWICH, BOXES[0][1]))
    check("with its place", away < 1 and told.defibrillator.accuracy_m == 4, (away, told))
    check("and the code of its cabinet", told.defibrillator.cabinet_code == BOXES[0][2], told)
    words = (told.defibrillator.address.text, told.defibrillator.address.access_notes, told.defibrillator.level)
    check("and where to look", words == ("left of the lift", "ring twice", "-1") and told.defibrillator.indoor, told)
    check("and its opening hours", told.defibrillator.opening_hours == "24/7", told)
    away = metres((told.latitude_deg, told.longitude_deg), NORWICH)
    check("and the place of the patient", away < 1, away)
    seen = alert_of(world, incident_id, alert.alert_id)
    check("the control room sees who fetches it", (seen.responder_id, seen.defibrillator_id) == (person, box), seen)


def go_straight_too(world, runner, incident_id):
    """The other one says yes, too, and hears of no defibrillator."""
    person, phone = runner
    mine = next(one for one in world.get(incident_id).alerts if one.role == common.ROLE_DIRECT)
    phone.reply(mine.alert_id, device.REPLY_KIND_ACCEPT)
    _, confirm, _ = phone.next("confirm")
    told = confirm.confirmed
    nothing = told.role == common.ROLE_DIRECT and not told.HasField("defibrillator")
    check("who goes straight is told of no defibrillator", nothing, told)
    check("the control room knows who", alert_of(world, incident_id, mine.alert_id).responder_id == person)


def a_second_incident_gets_the_other_one(world, boxes):
    """What one person fetches is not there for another."""
    fetcher, runner = crew(world, "second")
    report = world.report(kind=server.FETCHING_KIND, location=world.at(*NORWICH))
    answer = world.room.incidents.ReportIncident(report)
    alert = asked_to_fetch(world, fetcher, answer.incident_id)
    runner[1].next("alert")
    fetcher[1].reply(alert.alert_id, device.REPLY_KIND_ACCEPT)
    _, confirm, _ = fetcher[1].next("confirm")
    other = confirm.confirmed.defibrillator
    check("one in use is not offered again", (other.defibrillator_id, other.cabinet_code) == (boxes[1], "C260Y"), other)
    return answer.incident_id


def not_there(world, fetcher, alert, incident_id, seen_live):
    """The cabinet is empty: straight to the patient."""
    person, phone = fetcher
    phone.reply(alert.alert_id, device.REPLY_KIND_AED_NOT_THERE)
    message, confirm, raw = phone.next("confirm")
    told = confirm.confirmed
    check("who finds an empty cabinet is sent straight on", told.role == common.ROLE_DIRECT, told)
    check("with no defibrillator", not told.HasField("defibrillator") and BOXES[0][2].encode() not in raw, raw)
    newer = message.alert_id == alert.alert_id and message.alert_version > alert.alert_version + 1
    check("in a newer version of the same alert", newer, message)
    seen = alert_of(world, incident_id, alert.alert_id)
    check("the control room sees it", (seen.role, seen.defibrillator_id) == (common.ROLE_DIRECT, ""), seen)

    def reassigned():
        events = [one for one in seen_live.of(incident_id) if one.WhichOneof("event") == "alert_reassigned"]
        return events and events[0].alert_reassigned

    event = world.until("the watch tells it", reassigned)
    as_seen = (event.alert_id, event.responder_id, event.role, event.defibrillator_id)
    check("with who and what", as_seen == (alert.alert_id, person, common.ROLE_DIRECT, ""), event)


def violence(world, report, answer, people):
    """The caller says more: nobody is left in harm's way."""
    revision = incident.ReportIncidentRequest()
    revision.CopyFrom(report)
    revision.request_id, revision.revision = f"{report.request_id}-2", 2
    revision.sent_at.GetCurrentTime()
    revision.hazards.append("violence")
    told = world.room.incidents.ReportIncident(revision)
    warned = [warning.code for warning in told.warnings]
    check("violence is answered with a warning", incident.WARNING_CODE_SCENE_EXCLUDED in warned, told)
    check("and asks nobody", told.alerts_planned == 0, told)
    for _, phone in people:
        _, called_off, raw = phone.next("stand_down")
        why = called_off.reason == common.STAND_DOWN_REASON_SCENE_EXCLUDED
        check("everybody on the way is called off for the scene", why, called_off)
        check("without a word about the place", b"latitude" not in raw and b"aed-" not in raw, raw)

    def all_off():
        return all(one.attendance == incident.ATTENDANCE_STATE_STOOD_DOWN for one in world.get(answer.incident_id).alerts)

    world.until("the control room sees that nobody goes", all_off)
