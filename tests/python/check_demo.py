"""Checks the summary that `muster demo --output json` printed: its keys, and that no alert is unaccounted for."""

import json
import sys

COUNTS = (
    "incidents",
    "alerts_published",
    "alerts_received",
    "accepted",
    "declined",
    "no_answer",
    "stand_downs",
    "unaccounted_alerts",
)
DURATIONS = ("report_ack_ms", "report_to_phone_ms")


def problems(summary):
    for key in COUNTS:
        if not isinstance(summary.get(key), int):
            yield f"{key} is {summary.get(key)!r}, not a count"
    for key in DURATIONS:
        for part in ("p50", "p99", "max"):
            if not isinstance((summary.get(key) or {}).get(part), (int, float)):
                yield f"{key}.{part} is missing"
    if not summary.get("incidents"):
        yield "no incident was replayed"
    if summary.get("unaccounted_alerts") != 0:
        yield f"{summary.get('unaccounted_alerts')} alerts are unaccounted for"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        summary = json.load(file)
    print(json.dumps(summary, indent=2))
    found = list(problems(summary))
    for problem in found:
        print(f"the demo's summary: {problem}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
