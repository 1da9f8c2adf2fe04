"""Writes orders as Singer messages: `FILE COUNT`."""

import csv
import itertools
import json
import sys

with open(sys.argv[1], newline="") as file:
    rows = csv.DictReader(file)
    properties = {name: {"type": ["string", "null"]} for name in rows.fieldnames}
    schema = {"type": "object", "properties": properties}
    out = sys.stdout
    out.write(json.dumps({"type": "SCHEMA", "stream": "orders", "schema": schema, "key_properties": ["id"]}) + "\n")
    for row in itertools.islice(rows, int(sys.argv[2])):
        out.write(json.dumps({"type": "RECORD", "stream": "orders", "record": row}) + "\n")
