//! What the connector takes: its JSON Schemas.

use serde_json::{Value, json};

use crate::division;
use crate::{Description, Example, Failure, Guide};

pub(super) fn description() -> Description {
    Description {
        name: "file",
        title: "Files",
        description: "CSV, JSON Lines and Parquet files, in your own directory or in a bucket of an S3-compatible store.",
        config_schema: config(),
        credentials_schema: credentials(),
        credentials_go_to: &["endpoint"],
        can_be_paced: false,
        source_schema: Some(source()),
        destination_schema: Some(destination()),
        guide: guide(),
    }
}

fn guide() -> Guide {
    Guide {
        example: Example {
            config: json!({"store": "s3", "bucket": "acme-exports", "region": "eu-central-1", "prefix": "trestle"}),
            credentials: json!({"accessKeyId": "AKIA…", "secretAccessKey": "…"}),
            source: Some(json!({"path": "in/orders-*.csv.gz", "delimiter": ";"})),
            destination: Some(json!({"path": "out/orders.jsonl"})),
        },
        notes: &[
            "Fields of CSV are strings; JSON Lines and Parquet keep types.",
            "A destination is read whole at the start, and replaced in one step when the stream ends: nobody sees half of it.",
            "A file that changes while it is read ends the run: its pages would not fit together.",
            "An object of a bucket is read in the version that it had at first, and written on the condition that nobody else \
             has written it since, where the store knows conditions.",
        ],
        limits: &[
            "paths of 1,024 characters, inside the tenant's directory or the bucket's prefix",
            "text files in UTF-8",
            "archives of at most 500 times their size; zstd windows of at most 32 MiB",
            "Parquet without gzip-compressed pages; nested columns are read, and written as JSON; times of the old INT96 kind are read to the millisecond, and a file that has them is not written",
        ],
        failures: &[
            Failure {
                code: "not_found",
                when: "the file, or one that fits the pattern, is not there; nor is the bucket",
            },
            Failure { code: "unauthorized", when: "the store refuses the keys, or they may not do this" },
            Failure {
                code: "forbidden",
                when: "the path leaves the directory: `..`, absolute, or by a link; the store's address is not allowed",
            },
            Failure {
                code: "misconfigured",
                when: "something else than a file is there, a key column is missing, or no certificate of the store is valid",
            },
            Failure {
                code: "malformed",
                when: "the file is of another kind (a ZIP, a PDF, a Word document), not UTF-8, or damaged",
            },
            Failure { code: "rate_limited", when: "the store asks to slow down" },
            Failure { code: "timeout", when: "the store takes too long" },
            Failure { code: "source.malformed", when: "one line can't be read; the others arrive" },
            Failure { code: "unavailable", when: "the disk is full, or the store does not answer" },
            Failure { code: "destination.rejected", when: "a record has no value for a key field" },
        ],
    }
}

fn object(properties: Value, required: Value) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
        "properties": properties, "required": required, "additionalProperties": false,
    })
}

fn config() -> Value {
    let mut schema = object(
        json!({
            "store": {
                "enum": ["local", "s3"], "title": "Store", "default": "local",
                "description": "Where the files are: `local` is your own directory, `s3` a bucket of an S3-compatible store.",
            },
            "bucket": {
                "type": "string", "title": "Bucket", "default": "", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$",
                "description": "S3: the bucket's name.",
            },
            "region": {
                "type": "string", "title": "Region", "default": "", "pattern": "^[a-z0-9-]{1,32}$",
                "description": "S3: the bucket's region, e.g. `eu-central-1`; stores without regions usually take `us-east-1` or `auto`.",
            },
            "endpoint": {
                "type": "string", "title": "Endpoint", "default": "", "pattern": "^https?://", "maxLength": 1024,
                "description": "S3: the address of a store that is not Amazon's, e.g. `https://storage.example.com`.",
            },
            "prefix": {
                "type": "string", "title": "Prefix", "default": "", "maxLength": 512,
                "description": "S3: a directory of the bucket in which all paths are, e.g. `trestle/acme`; nothing outside it is read or written.",
            },
        }),
        json!([]),
    );
    schema["if"] = json!({"properties": {"store": {"const": "s3"}}, "required": ["store"]});
    schema["then"] = json!({"required": ["bucket", "region"]});
    schema["else"] =
        json!({"properties": {"bucket": false, "region": false, "endpoint": false, "prefix": false}});
    schema
}

fn credentials() -> Value {
    let secret = |title: &str, description: &str| {
        json!({
            "type": "string", "title": title, "description": description, "default": "",
            "minLength": 1, "maxLength": 4096,
        })
    };
    object(
        json!({
            "accessKeyId": secret("Access key", "S3: the id of the access key."),
            "secretAccessKey": secret("Secret", "S3: the access key's secret."),
            "sessionToken": secret("Session token", "S3: the token of a key that lasts for a session only."),
        }),
        json!([]),
    )
}

fn path(description: &str) -> Value {
    json!({
        "type": "string", "title": "Path", "description": description, "default": "",
        "minLength": 1, "maxLength": 1024,
    })
}

fn format() -> Value {
    json!({
        "enum": ["csv", "jsonl", "parquet"], "title": "Format", "default": "csv",
        "description": "CSV, JSON Lines (one object a line) or Parquet. Without it the file name decides: `.jsonl` and \
                        `.ndjson` are JSON Lines, `.parquet` is Parquet, all else is CSV.",
    })
}

fn compression() -> Value {
    json!({
        "enum": ["none", "gzip", "zstd"], "title": "Compression", "default": "none",
        "description": "How the file is packed. Without it the file name decides: `.gz` is gzip, `.zst` is zstd. \
                        Parquet files are packed inside.",
    })
}

fn delimiter() -> Value {
    json!({
        "type": "string", "title": "Delimiter", "default": ",", "pattern": "^[\\t -!#-~]$",
        "description": "CSV: the character between fields, e.g. `;`.",
    })
}

fn source() -> Value {
    object(
        json!({
            "path": path(
                "The file to read, e.g. `in/orders.csv`, or a pattern of several, e.g. `in/orders-*.csv`: `*` and `?` \
                 stand for what has no `/`, `**` for directories, `[a-z]` for one character, `{a,b}` for either. \
                 Several are read in the order of their names.",
            ),
            "format": format(),
            "compression": compression(),
            "delimiter": delimiter(),
            "header": {
                "type": "boolean", "title": "Header", "default": true,
                "description": "CSV: the first row names the columns. Without it they are `column1`, `column2`, …",
            },
            "nullValues": {
                "type": "array", "items": {"type": "string"}, "maxItems": 100, "title": "Null values",
                "default": [""], "description": "CSV: texts that stand for null.",
            },
            "allowEmpty": {
                "type": "boolean", "title": "May be missing", "default": false,
                "description": "Whether it is no error when there is no such file.",
            },
            "slices": division::asked_schema(
                "Into how many parts the files of a pattern are divided that several workers read at once, in FULL mode.",
            ),
        }),
        json!(["path"]),
    )
}

fn destination() -> Value {
    object(
        json!({
            "path": path(
                "The file to write, e.g. `out/orders.csv`. A record replaces the one with the same key; the file is \
                 replaced in one step when the run ends.",
            ),
            "format": format(),
            "compression": compression(),
            "delimiter": delimiter(),
            "keyFields": {
                "type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 32,
                "title": "Key fields", "default": [],
                "description": "Fields of the written record that identify it, when the mapping \
                                renames the stream's key fields.",
            },
            "columns": {
                "type": "object", "title": "Column types", "default": {}, "maxProperties": 2000,
                "additionalProperties": {
                    "type": "string",
                    "pattern": "^(boolean|int64|double|string|json|timestamp|localTimestamp|date|uuid|binary|decimal\\(([1-9]|[12][0-9]|3[0-8]),([0-9]|[12][0-9]|3[0-8])\\))$",
                },
                "description": "Parquet: types of columns by name: `boolean`, `int64`, `double`, `string`, `json`, \
                                `timestamp`, `localTimestamp`, `date`, `uuid`, `binary` (Base64 in records), \
                                `decimal(12,2)`. A record that does not fit fails. Other columns get the narrowest \
                                type that holds all their values; what is neither is JSON text.",
            },
        }),
        json!(["path"]),
    )
}
