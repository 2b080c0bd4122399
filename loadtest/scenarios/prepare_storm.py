#!/usr/bin/env python3
"""Makes storm-doris.csv from the London Fire Brigade's incident records: every incident of 23 February 2017 from 08:00 on.

    python3 prepare_storm.py lfb_incidents_2017_01_03.csv.gz storm-doris.csv
"""

import csv
import gzip
import sys
from datetime import datetime

BEGIN = datetime(2017, 2, 23, 8)
END = datetime(2017, 2, 24)

rows = []
with gzip.open(sys.argv[1], "rt", newline="") as original:
    for row in csv.DictReader(original):
        called = datetime.fromisoformat(row["timestamp_of_call"])
        if BEGIN <= called < END:
            # The centre of the 100 m square: the exact point is not published for dwellings.
            rows.append(((called - BEGIN).seconds, row["easting_rounded"], row["northing_rounded"]))

with open(sys.argv[2], "w", newline="") as derived:
    writer = csv.writer(derived, lineterminator="\n")
    writer.writerow(["after_s", "easting_m", "northing_m"])
    writer.writerows(sorted(rows))
