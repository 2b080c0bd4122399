#!/usr/bin/env python3
"""Makes files for `muster replay` from published ones.

    prepare.py london INCIDENTS.csv.gz OUT_DIR [--all]
    prepare.py trafford CASUALTIES.csv.gz LSOA_POPULATION.csv.gz DEFIBRILLATORS.csv OUT_DIR

README.md beside this script names the originals and their licence. Needs nothing but the standard library.
"""

import argparse
import csv
import gzip
import math
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

# The special services that are medical calls.
MEDICAL = {"Medical Incident - Co-responder", "Medical Incident"}

# Dwellings, and with --all every place, are the centre of a 100 m cell: at most half its diagonal off, 70.7 m.
CELL_ACCURACY_M = 71

# Fire service of the incidents that lie outside Greater London.
OVER_THE_BORDER = "OverTheBorder"

# Both originals give the time on British clocks, without a zone.
BRITISH = ZoneInfo("Europe/London")

# The defibrillators' publisher warns that positions may be those of the postcode.
AED_ACCURACY_M = 100


def rows_of(path):
    """Yields the rows of a CSV file, compressed or not."""
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def utc(local):
    """`2017-01-31 14:05:00` on British clocks as `2017-01-31T14:05:00Z`; of the hour that comes twice, the first."""
    moment = datetime.strptime(local, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BRITISH)
    return moment.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(path, rows):
    """Writes rows with a header and says how many there were."""
    rows = list(rows)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{path}: {len(rows)} rows")


def london(incidents, everything):
    """Fire brigade incidents as emergencies: the medical ones, or all of them for their places and times."""
    for row in rows_of(incidents):
        medical = row["special_service_type"] in MEDICAL
        if row["frs"] == OVER_THE_BORDER or not (medical or everything):
            continue
        exact = row["easting_m"] and row["northing_m"]
        yield {
            "time": utc(row["timestamp_of_call"]),
            "easting": row["easting_m"] if exact else row["easting_rounded"],
            "northing": row["northing_m"] if exact else row["northing_rounded"],
            "accuracy_m": 0 if exact else CELL_ACCURACY_M,
        }


def collisions(casualties):
    """Road collisions in Trafford, one row each, for their places and times."""
    seen = set()
    for row in rows_of(casualties):
        if row["area_name"] == "Trafford" and row["AREFNO"] not in seen:
            seen.add(row["AREFNO"])
            yield {
                "time": utc(f"{row['date']} {row['output_time']}"),
                "lat": f"{float(row['lat']):.6f}",
                "lon": f"{float(row['lon']):.6f}",
            }


def areas(population, area_km2=106.0):
    """Residents of Trafford's small areas. Their extent is not in the file, so that all have the same radius: a circle of
    an equal part of the borough, whose area is 106 km2."""
    rows = [row for row in rows_of(population) if row["sex"] == "Persons"]
    radius_m = round(math.sqrt(area_km2 * 1e6 / len(rows) / math.pi))
    for row in rows:
        yield {
            "lat": row["inside_lat"],
            "lon": row["inside_lon"],
            "residents": row["all_ages"],
            "radius_m": radius_m,
        }


def defibrillators(file):
    """Defibrillators by a number of our own; nothing is known of their opening hours."""
    for number, row in enumerate(rows_of(file), start=1):
        yield {
            "id": number,
            "lat": row["Latitude"],
            "lon": row["Longitude"],
            "accuracy_m": AED_ACCURACY_M,
            "name": row["Location"],
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    places = parser.add_subparsers(dest="place", required=True)
    of_london = places.add_parser("london")
    of_london.add_argument("incidents", type=Path)
    of_london.add_argument("out", type=Path)
    of_london.add_argument("--all", action="store_true", help="every incident, not only the medical ones")
    of_trafford = places.add_parser("trafford")
    for name in ("casualties", "population", "defibrillators", "out"):
        of_trafford.add_argument(name, type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.place == "london":
        name = "london-all.csv" if given.all else "london-medical.csv"
        write(given.out / name, sorted(london(given.incidents, given.all), key=lambda row: row["time"]))
        return
    write(given.out / "trafford-collisions.csv", sorted(collisions(given.casualties), key=lambda row: row["time"]))
    write(given.out / "trafford-population.csv", areas(given.population))
    write(given.out / "trafford-aeds.csv", defibrillators(given.defibrillators))


if __name__ == "__main__":
    main()
