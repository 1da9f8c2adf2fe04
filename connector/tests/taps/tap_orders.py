#!/usr/bin/env python3
"""A Singer tap of numbered orders, which does what its config says: it is a program as others are, and no part of ours."""

import json
import os
import socket
import sys
import time


def said(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def read(name):
    path = said(name)
    if path is None:
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(message):
    sys.stdout.write(message if isinstance(message, str) else json.dumps(message))
    sys.stdout.write("\n")
    sys.stdout.flush()


def fail(words):
    sys.stderr.write(words + "\n")
    sys.exit(1)


config = read("--config")
token, fault = config.get("token"), config.get("fault")
if token is None:
    fail("CRITICAL Config is missing required keys: ['token']")
if "wrong" in token:
    fail(f"requests.HTTPError: 401 Client Error: you sent {token}")
if "port" in config:
    with socket.create_connection(("127.0.0.1", config["port"])) as connection:
        connection.settimeout(0.2)
        connection.recv(1)

if "--discover" in sys.argv:
    fields = {"id": {"type": "integer"}, "name": {"type": "string"}}
    inner = [{"breadcrumb": ["properties", name], "metadata": {"inclusion": "available"}} for name in fields]
    streams = [
        {
            "tap_stream_id": name,
            "stream": name,
            "key_properties": ["id"],
            "schema": {"type": "object", "properties": fields},
            "metadata": [{"breadcrumb": [], "metadata": {"inclusion": "available"}}] + inner,
        }
        for name in ["orders", "people"]
    ]
    json.dump({"streams": streams}, sys.stdout, indent=2)
    sys.exit(0)

catalog = read("--catalog")
for stream in catalog["streams"]:
    selected = {tuple(part["breadcrumb"]): part["metadata"].get("selected") for part in stream["metadata"]}
    if not all(selected.values()):
        continue
    name = stream["tap_stream_id"]
    write({"type": "SCHEMA", "stream": name, "schema": stream["schema"], "key_properties": ["id"]})
    if fault == "words":
        write("INFO reading orders")
    if fault == "too many":
        fail(f"HTTPError: 429 Client Error: slow down; you sent {token}")
    if fault == "broken":
        fail(f"HTTPError: 503 Server Error; you sent {token}")
    state = read("--state") or {"bookmarks": {name: {"id": 0}}}
    for number in range(state["bookmarks"][name]["id"] + 1, config["orders"] + 1):
        if number == config.get("stop_at") and not os.path.exists(config["gate"]):
            open(config["stuck"], "w", encoding="utf-8").close()
            while not os.path.exists(config["gate"]):
                time.sleep(0.01)
        order = {"id": number, "name": f"order {number}"}
        write({"type": "RECORD", "stream": name, "record": number if number == config.get("odd") else order})
        write({"type": "STATE", "value": {"bookmarks": {name: {"id": number}}}})
