"""A control room and phones that none of us wrote, made only of grpcio and paho-mqtt, against the real binary.

python e2e.py [--without-owntracks] PATH/TO/muster
"""

import argparse
import contextlib
import math
import pathlib
import signal
import sys
import tempfile
import time

import service as server

CHECKS = 0
# A number for each incident, so that no two share a key.
NUMBERS = iter(range(1, 1000))


def check(what, holds, seen=""):
    """Prints what is checked; ends the run if it does not hold."""
    global CHECKS
    CHECKS += 1
    print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)
    if not holds:
        raise AssertionError(f"{what}; seen: {seen!r}")


def metres(a, b):
    """Distance between two points, close enough for points in one city."""
    north = math.radians(b[0] - a[0]) * 6_371_000
    east = math.radians(b[1] - a[1]) * 6_371_000 * math.cos(math.radians(a[0]))
    return math.hypot(north, east)


class World:
    """The service under test with its control room, and short ways to say usual things."""

    def __init__(self, service, stack):
        from muster.v1 import common_pb2, incident_pb2, responder_pb2

        self.service, self.stack = service, stack
        self.common, self.incident, self.responder = common_pb2, incident_pb2, responder_pb2
        self.room = server.ControlRoom(service.endpoints)

    def profile(self, reference, **changes):
        fields = {"external_ref": reference, "name": "A. Person", "skills": ["cpr"], "on_duty": True, **changes}
        profile = self.responder.ResponderProfile(travel_mode=self.common.TRAVEL_MODE_FOOT, **fields)
        # A fixed moment, so that a repetition has the same fields.
        profile.credential_valid_until.FromJsonString("2100-01-01T00:00:00Z")
        return profile

    def register(self, reference, **changes):
        request = self.responder.RegisterResponderRequest(profile=self.profile(reference, **changes))
        return self.room.responders.RegisterResponder(request)

    def issue(self, responder_id, **fields):
        if "exercise" not in fields:
            fields["live"] = self.common.Live()
        request = self.responder.IssueCredentialRequest(responder_id=responder_id, **fields)
        return self.room.responders.IssueCredential(request)

    def phone(self, credential, binary=False):
        from phone import Phone

        phone = Phone(self.service.mqtt(), credential, binary)
        self.stack.callback(phone.close)
        return phone

    def person(self, reference, latitude, longitude, age_s=0.0):
        """Registers a person with a connected phone: the person's id and the phone."""
        responder_id = self.register(reference).responder.responder_id
        phone = self.phone(self.issue(responder_id))
        phone.start(latitude, longitude, age_s)
        return responder_id, phone

    def report(self, **fields):
        """A first report, of a new incident unless a key is given."""
        number = next(NUMBERS)
        fields.setdefault("request_id", f"report-{number}")
        fields.setdefault("key", self.key(f"e2e-{number}"))
        fields.setdefault("kind", "cardiac_arrest")
        if "exercise" not in fields:
            fields["live"] = self.common.Live()
        request = self.incident.ReportIncidentRequest(revision=1, **fields)
        request.sent_at.GetCurrentTime()
        return request

    def key(self, number):
        return self.incident.IncidentKey(
            cad_system="e2e-cad", cad_incident_number=number, call_date=time.strftime("%Y-%m-%d")
        )

    def at(self, latitude, longitude):
        point = self.common.Wgs84(latitude_deg=latitude, longitude_deg=longitude)
        return self.common.Location(wgs84=point)

    def at_grid(self, easting, northing, **fields):
        point = self.common.BritishNationalGrid(easting_m=easting, northing_m=northing)
        return self.common.Location(british_national_grid=point, **fields)

    def get(self, incident_id):
        request = self.incident.GetIncidentRequest(incident_id=incident_id)
        return self.room.incidents.GetIncident(request).incident

    def until(self, what, look):
        """Looks until there is something to see."""
        deadline = time.monotonic() + server.PATIENCE_S
        while time.monotonic() < deadline:
            seen = look()
            if seen:
                check(what, True)
                return seen
            time.sleep(0.05)
        check(what, False)

    def watch(self, incident_id, after, until):
        """Events of an incident after a sequence number, up to the first for which `until` holds."""
        request = self.incident.WatchIncidentsRequest(after_sequence=after, incident_id=incident_id)
        stream = self.room.incidents.WatchIncidents(request, timeout=server.PATIENCE_S)
        events = []
        for event in stream:
            events.append(event)
            if until(event):
                stream.cancel()
                return events
        return events


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--without-owntracks", action="store_true", help="leave out what needs mosquitto_pub")
    arguments.add_argument("binary", type=pathlib.Path)
    chosen = arguments.parse_args()
    # When time is up, the service must not be left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="muster-e2e-")))
        stubs = folder / "stubs"
        stubs.mkdir()
        server.generate_stubs(stubs)
        service = stack.enter_context(server.Service(str(chosen.binary.resolve()), folder))
        world = World(service, stack)

        import calling_out
        import fetching
        import stories

        stories.register_once(world)
        stories.from_report_to_stand_down(world)
        stories.refuse_what_makes_no_sense(world)
        stories.drill(world)
        stories.a_trunk_moves_a_responder(world)
        fetching.a_defibrillator_is_fetched(world)
        calling_out.people_take_shifts(world)
        calling_out.what_is_no_call_out_is_refused(world)
        if not chosen.without_owntracks:
            stories.owntracks_moves_a_responder(world)
    print(f"{CHECKS} checks, all well")


if __name__ == "__main__":
    # The stories import this module for its checks; one copy of it, so that they are counted together.
    sys.modules["e2e"] = sys.modules["__main__"]
    main()
