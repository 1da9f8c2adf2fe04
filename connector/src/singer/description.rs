//! What the connector takes: its JSON Schemas, and what people should know of taps.

use serde_json::{Value, json};

use crate::{Description, Example, Failure, Guide};

/// With the names of the taps that may be run.
pub(super) fn description(taps: &[&str]) -> Description {
    Description {
        name: "singer",
        title: "Singer tap",
        description: "Reads by a Singer tap, a program of others: there are some hundreds, for as many systems. Only taps that the operator has allowed.",
        config_schema: config(taps),
        credentials_schema: json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "config": {
                    "type": "object", "maxProperties": 100,
                    "description": "The secret part of the tap's config, laid over the other part.",
                },
            },
        }),
        // Any of it may name a host.
        credentials_go_to: &["tap", "config"],
        can_be_paced: false,
        source_schema: Some(json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["stream"],
            "properties": {
                "stream": {
                    "type": "string", "minLength": 1, "maxLength": 500,
                    "description": "The tap's stream, by its `tap_stream_id` or its name. A test of the system names them.",
                },
                "replicationMethod": {
                    "enum": ["FULL_TABLE", "INCREMENTAL", "LOG_BASED"],
                    "description": "How the tap reads the stream. By the stream's mode when absent: `FULL_TABLE` for FULL, `INCREMENTAL` by the cursor field for INCREMENTAL.",
                },
            },
        })),
        destination_schema: None,
        guide: guide(),
    }
}

fn config(taps: &[&str]) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["tap"],
        "properties": {
            "tap": {
                "type": "string", "enum": taps,
                "description": "Name of the tap, of those that the operator has allowed (`TRESTLE_SINGER_TAPS`).",
            },
            "config": {
                "type": "object", "maxProperties": 100,
                "description": "The tap's config, as its own documentation describes it, without what is secret.",
            },
            "selection": {
                "enum": ["catalog", "properties", "none"], "default": "catalog",
                "description": "How the tap is told which stream to read: `--catalog`, `--properties` as some older taps have it, or not at all where it can't list its streams.",
            },
        },
    })
}

fn guide() -> Guide {
    Guide {
        example: Example {
            config: json!({"tap": "tap-postgres", "config": {"host": "db.example.com", "database": "shop", "user": "reader"}}),
            credentials: json!({"config": {"password": "…"}}),
            source: Some(json!({"stream": "public-orders"})),
            ..Example::default()
        },
        notes: &[
            "The tap is asked for its catalog (`--discover`) each time that a stream is opened. The one stream is selected with all its fields; what a tap sends of other streams is left out, with a warning in the log.",
            "**Where it goes on** is the tap's last STATE, which is stored with the records before it, and handed to the next INCREMENTAL run. A tap that is started again in the middle of a run gives once more what came behind its last STATE.",
            "So a record may come twice in a run: the later one counts, and is `updated` or `unchanged`. Two records of one key are no failure, as they are with other sources in FULL mode.",
            "A cursor can be reset to the beginning, not to a value; backfills and `overlap` are not possible, because only the tap understands its STATE. Many taps take a `start_date` in their config.",
            "A config that the tap rewrites, as many do with a renewed token, is read back: what was secret, and what is new, becomes the system's credentials unless somebody has changed them meanwhile. Credentials that are a reference to a secret store can't be written back.",
            "Numbers are exact: one that a 64-bit integer or a float would change is text in the record. A number with an exponent is a float.",
            "BATCH messages are refused; ACTIVATE_VERSION deletes nothing.",
        ],
        limits: &[
            "a line of 16 MiB, a STATE of 1 MiB, a catalog of 64 MiB",
            "100 GiB of output in a run, and 24 h until the tap is started again at its last STATE",
            "5 min for the list of streams",
            "memory by `TRESTLE_SINGER_MEMORY_MIB` for all processes of a tap together, of which there are 128 at most, and files of 1 GiB",
        ],
        failures: &[
            Failure {
                code: "misconfigured",
                when: "the tap is not allowed, does not take the config, gives nothing of the stream, or takes more memory than it may; there is an overlap, a range, or a value to begin at",
            },
            Failure {
                code: "unauthorized",
                when: "the tap speaks of a refused sign-in, 401 or 403 before it ends",
            },
            Failure {
                code: "not_found",
                when: "the tap has no such stream, or speaks of 404 or a file that is not there",
            },
            Failure { code: "rate_limited", when: "the tap speaks of 429 or a rate limit before it ends" },
            Failure {
                code: "unavailable",
                when: "the tap ends with an error that says none of these, or is killed from outside",
            },
            Failure { code: "timeout", when: "the tap speaks of a time-out, or takes longer than it may" },
            Failure {
                code: "malformed",
                when: "a line is too long, or is no message of Singer, or there is no end of them; or one record can't be read, and the others arrive",
            },
        ],
    }
}
