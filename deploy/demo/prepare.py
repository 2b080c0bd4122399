#!/usr/bin/env python3
"""Makes the two demo files from the published originals.

    prepare.py INCIDENTS.csv.gz POPULATION.csv.gz OUT_DIR

INCIDENTS is the London Fire Brigade incident extract, POPULATION the LSOA 2011 attribute table with points and areas;
README.md beside this script names both. Coordinates stay on the British National Grid, as published: the program
converts them by OSTN15. Needs nothing but the standard library.
"""

import csv
import gzip
import math
import sys
from pathlib import Path

# The special services that are medical calls; everything else is left out.
MEDICAL = {"Medical Incident - Co-responder", "Medical Incident"}

# The brigade publishes dwellings only as the centre of their 100 m grid cell: the true place is at most half the
# cell's diagonal away, 50 m x sqrt(2) = 70.7 m.
CELL_ACCURACY_M = 71

# Borough column of the incidents that lie outside Greater London.
OVER_THE_BORDER = "OverTheBorder"


def rows_of(path):
    """Yields the rows of a gzipped CSV file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def call_of(row):
    """One call: the exact point where it is published, else the centre of the cell."""
    exact = row["easting_m"] and row["northing_m"]
    return {
        "incident_number": row["incident_number"],
        "called_at": row["timestamp_of_call"],
        "easting_m": row["easting_m"] if exact else row["easting_rounded"],
        "northing_m": row["northing_m"] if exact else row["northing_rounded"],
        "accuracy_m": 0 if exact else CELL_ACCURACY_M,
        "property_category": row["property_category"],
        "postcode_district": row["postcode_district"],
    }


def area_of(row):
    """One census area: a point inside it, and the radius of a circle of the same size."""
    return {
        "easting_m": round(float(row["inside_easting"])),
        "northing_m": round(float(row["inside_northing"])),
        "residents": row["USUALRES"],
        "radius_m": round(math.sqrt(float(row["area_m2"]) / math.pi)),
    }


def write(path, rows):
    """Writes rows with a header and says how many there were."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{path.name}: {len(rows)} rows")


def main():
    """Reads both originals and writes both files."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    incidents, population, out_dir = map(Path, sys.argv[1:])
    calls = [
        call_of(row)
        for row in rows_of(incidents)
        if row["special_service_type"] in MEDICAL and row["borough_name"] != OVER_THE_BORDER
    ]
    calls.sort(key=lambda call: (call["called_at"], call["incident_number"]))
    write(out_dir / "london-medical-calls.csv", calls)
    write(out_dir / "london-population.csv", [area_of(row) for row in rows_of(population)])


if __name__ == "__main__":
    main()
