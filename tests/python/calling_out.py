"""A flood: people with a boat are called to a muster point for shifts, and one of them is needed by a patient meanwhile."""

import time

import grpc

import service as server
from e2e import check, metres
from muster.v1 import common_pb2 as common
from muster.v1 import device_pb2 as device
from muster.v1 import incident_pb2 as incident
from muster.v1 import responder_pb2 as responder
from stories import Watcher, near

ELY = (52.3995, 0.2624)
HALL = "Town Hall, side door"
HOUR = 3600


def people_take_shifts(world):
    """From the call to the muster point, with a shift that fills up and a revision that drops one."""
    crew = [boatman(world, f"boat-{n}", 200 * n) for n in range(1, 5)]
    walker, _ = world.person("no-boat", *near(ELY, 100))
    far, _ = boatman(world, "boat-far", 9_000)
    never = uncalled(world)
    check("whoever signed up and was never called is listed", {walker, far, crew[0][0]} <= never, never)
    seen_live = Watcher(world)

    now = int(time.time())
    shifts = [shift(1, now + HOUR, 1), shift(2, now + 9 * HOUR, 2)]
    report = flood(world, shifts)
    answer = world.room.incidents.ReportIncident(report)
    check("everybody with a boat in the area is asked", answer.alerts_planned == 4, answer)
    alerts = [asked(phone, [1, 2]) for _, phone in crew]
    standing = world.get(answer.incident_id)
    check("three are wanted", standing.wanted == 3 and taken(standing) == {1: 0, 2: 0}, standing)

    confirmed = take(crew[0], alerts[0], [2, 1], 1, shifts[0])
    away = metres((confirmed.latitude_deg, confirmed.longitude_deg), ELY)
    check("who takes a shift is told the muster point", away < 1 and confirmed.address.text == HALL, confirmed)
    crew[1][1].reply(alerts[1], device.REPLY_KIND_ACCEPT, shifts=[1])
    _, told, _ = crew[1][1].next("confirm")
    check("a shift that is full wants nobody", told.WhichOneof("outcome") == "not_needed", told)
    take(crew[2], alerts[2], [], 2, shifts[1])
    standing = world.get(answer.incident_id)
    check("the control room sees how they fill", taken(standing) == {1: 1, 2: 1}, standing)
    mine = next(one for one in standing.alerts if one.responder_id == crew[2][0])
    check("and who has which", (mine.shift, mine.role) == (2, common.ROLE_SHIFT), mine)
    the_watch_tells_the_shift(world, seen_live, answer.incident_id, crew[2][0])
    a_patient_comes_first(world, crew[2])
    a_shift_is_dropped(world, report, answer.incident_id, shifts[1:], list(zip(crew, alerts)))
    never = uncalled(world)
    left = {walker, far} <= never and not never & {person for person, _ in crew}
    check("who was called is listed no more", left, never)
    called = world.room.responders.GetResponder(responder.GetResponderRequest(responder_id=crew[0][0])).responder
    check("and says how often", called.times_called == 1 and called.HasField("last_called_at"), called)


def what_is_no_call_out_is_refused(world):
    """Each fault by its name, and nothing half done."""
    now = int(time.time())
    wrong = flood(world, [shift(1, now + HOUR, 1), shift(1, now + HOUR, 0)])
    wrong.location.CopyFrom(world.at(*ELY))
    wrong.call_out.area.add(latitude_deg=51.0, longitude_deg=180.5)
    wrong.call_out.skill = "a boat"
    refused = server.refusal(world.room.incidents.ReportIncident, wrong)
    check("a call-out that makes no sense is refused", refused and refused[0] == grpc.StatusCode.INVALID_ARGUMENT, refused)
    for field in ("location", "call_out.area[4]", "call_out.skill"):
        check(f"naming {field}", field in str(refused), refused)
    first = world.report(location=world.at(*ELY))
    world.room.incidents.ReportIncident(first)
    second = flood(world, [shift(1, now + HOUR, 1)])
    second.key.CopyFrom(first.key)
    second.revision = 2
    refused = server.refusal(world.room.incidents.ReportIncident, second)
    check("an incident does not become one", refused and refused[0] == grpc.StatusCode.FAILED_PRECONDITION, refused)


def boatman(world, reference, north_m):
    """Somebody with a boat and a connected phone."""
    person = world.register(reference, skills=["boat", "cpr"]).responder.responder_id
    binary = north_m % 400 == 0
    encoding = responder.PAYLOAD_ENCODING_BINARY if binary else responder.PAYLOAD_ENCODING_JSON
    phone = world.phone(world.issue(person, encoding=encoding), binary)
    phone.start(*near(ELY, north_m))
    return person, phone


def shift(number, starts_at, wanted):
    """Eight hours."""
    one = incident.Shift(number=number, wanted=wanted)
    one.starts_at.FromSeconds(starts_at)
    one.ends_at.FromSeconds(starts_at + 8 * HOUR)
    return one


def flood(world, shifts):
    """The report, for a square of some 2 km about the muster point."""
    muster_point = world.at(*ELY)
    muster_point.address.CopyFrom(common.Address(text=HALL))
    call_out = incident.CallOut(muster_point=muster_point, skill="boat", shifts=shifts, wake=True)
    for north, east in ((-0.01, -0.02), (-0.01, 0.02), (0.01, 0.02), (0.01, -0.02)):
        call_out.area.add(latitude_deg=ELY[0] + north, longitude_deg=ELY[1] + east)
    return world.report(kind="flood", call_out=call_out)


def asked(phone, numbers):
    """The request: what for and when, and not where. The alert's id."""
    alert, request, raw = phone.next("alert")
    check("the request is for a shift", request.role == common.ROLE_SHIFT and request.incident_kind == "flood", request)
    offered = [one.number for one in request.call_out.shifts]
    check("with the skill and the shifts", (request.call_out.skill, offered) == ("boat", numbers), request)
    check("and not the muster point", HALL.encode() not in raw, raw)
    return alert.alert_id


def take(member, alert_id, numbers, wanted, expected):
    """Accepts and gets a shift."""
    _, phone = member
    phone.reply(alert_id, device.REPLY_KIND_ACCEPT, shifts=numbers)
    _, told, _ = phone.next("confirm")
    got = told.confirmed.shift
    same = (got.number, got.starts_at, got.ends_at) == (wanted, expected.starts_at, expected.ends_at)
    check(f"an accept of {numbers or 'any'} takes shift {wanted}", same, told)
    return told.confirmed


def taken(standing):
    """How many have each shift."""
    return {one.shift.number: one.taken for one in standing.shifts}


def uncalled(world):
    """Everybody who was never asked."""
    found, token = set(), ""
    while True:
        request = responder.ListRespondersRequest(never_called=True, page_size=7, page_token=token)
        page = world.room.responders.ListResponders(request)
        found |= {one.responder_id for one in page.responders}
        token = page.next_page_token
        if not token:
            return found


def the_watch_tells_the_shift(world, seen_live, incident_id, person):
    """Whoever watches need not ask again."""

    def confirmed():
        changes = [one.attendance_changed for one in seen_live.of(incident_id) if one.HasField("attendance_changed")]
        return [one.shift for one in changes if one.responder_id == person]

    check("the watch tells the shift", world.until("the watch tells who comes", confirmed) == [2])


def a_patient_comes_first(world, member):
    """A shift tomorrow keeps nobody from a patient today."""
    _, phone = member
    report = world.report(location=world.at(*near(ELY, 620)))
    world.room.incidents.ReportIncident(report)
    alert, request, _ = phone.next("alert")
    check("who has a shift later is asked to a patient", request.role == common.ROLE_DIRECT, request)
    phone.reply(alert.alert_id, device.REPLY_KIND_DECLINE)


def a_shift_is_dropped(world, report, incident_id, shifts, crew):
    """The first shift is not needed after all."""
    revision = incident.ReportIncidentRequest()
    revision.CopyFrom(report)
    revision.request_id, revision.revision = f"{report.request_id}-2", 2
    revision.sent_at.GetCurrentTime()
    del revision.call_out.shifts[:]
    revision.call_out.shifts.extend(shifts)
    world.room.incidents.ReportIncident(revision)
    called_off = about(*crew[0], "stand_down")
    check("who had it is called off", called_off.reason == common.STAND_DOWN_REASON_CANCELLED, called_off)
    told = about(*crew[2], "confirm")
    check("who has the other one is told anew", told.confirmed.shift.number == 2, told)
    offered = about(*crew[3], "alert").call_out.shifts
    check("and the fourth may still come", [one.number for one in offered] == [2], offered)
    check("the control room sees one shift", taken(world.get(incident_id)) == {2: 1}, world.get(incident_id))


def about(member, alert_id, kind):
    """The next message about an alert, passing over those about others, as of the patient's."""
    _, phone = member
    while True:
        message, raw = phone.messages.get(timeout=server.PATIENCE_S)
        if message.alert_id == alert_id:
            phone.messages.queue.appendleft((message, raw))
            return phone.next(kind)[1]
