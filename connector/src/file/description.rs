//! What the connector takes: its JSON Schemas.

use serde_json::{Value, json};

use crate::Description;

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
