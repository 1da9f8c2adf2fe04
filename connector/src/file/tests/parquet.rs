//! Parquet: what is written reads back, types, what others write, and files that are broken on purpose.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression as Packing, Encoding, LogicalType, Type as PhysicalType, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, Int64Type, Int96};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use super::{connector, directory, open_at, source, values, writes};
use crate::testing::{self, actions, items_of, read_all, records_of};
use crate::{Action, RecordErrorKind, SyncMode, SystemErrorKind, WriteOutcome};

async fn written(root: &Path, options: Value, records: Value) {
    let mut destination = open_at(root, options).await;
    for outcome in destination.write(&writes(records)).await.unwrap() {
        assert!(matches!(outcome, WriteOutcome::Written { .. }), "{outcome:?}");
    }
    destination.finish().await.unwrap();
}

async fn read(root: &TempDir, path: &str) -> Vec<Value> {
    values(&items_of(&connector(), source(root, json!({"path": path}))).await)
}

fn types(path: &Path) -> Vec<(String, PhysicalType, Option<LogicalType>)> {
    let file = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let schema = file.metadata().file_metadata().schema_descr();
    let columns = schema.columns().iter();
    columns
        .map(|column| (column.name().to_owned(), column.physical_type(), column.logical_type_ref().cloned()))
        .collect()
}

/// A file as others write it: a schema, and for each leaf its definition and repetition levels and a way to write.
fn foreign(schema: &str, groups: usize, mut write: impl FnMut(usize, &mut ColumnWriter<'_>)) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    for _ in 0..groups {
        let mut group = file.next_row_group().unwrap();
        let mut index = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            write(index, column.untyped());
            column.close().unwrap();
            index += 1;
        }
        group.close().unwrap();
    }
    file.into_inner().unwrap()
}

#[tokio::test]
async fn what_is_written_reads_back_with_types_that_fit_all_values() {
    let root = tempdir().unwrap();
    let records = json!([
        {"id": 1, "text": "a\u{0}\"", "flag": true, "real": 1.5, "mixed": "x", "tags": ["a", {"b": null}], "none": null, "big": u64::MAX},
        {"id": 2, "text": "\u{fc}", "flag": null, "real": 2, "mixed": 5, "tags": {}, "none": null, "big": 1},
        {"id": 3, "late": "2026-01-02T03:04:05Z"},
    ]);
    written(root.path(), json!({"path": "a.parquet"}), records).await;
    assert_eq!(
        read(&root, "a.parquet").await,
        [
            json!({"id": 1, "text": "a\u{0}\"", "flag": true, "real": 1.5, "mixed": "x", "tags": ["a", {"b": null}], "none": null, "big": u64::MAX, "late": null}),
            json!({"id": 2, "text": "\u{fc}", "flag": null, "real": 2.0, "mixed": 5, "tags": {}, "none": null, "big": 1, "late": null}),
            json!({"id": 3, "text": null, "flag": null, "real": null, "mixed": null, "tags": null, "none": null, "big": null, "late": "2026-01-02T03:04:05Z"}),
        ]
    );
    let string = || Some(LogicalType::String);
    let expected = [
        ("id", PhysicalType::INT64, None),
        ("text", PhysicalType::BYTE_ARRAY, string()),
        ("flag", PhysicalType::BOOLEAN, None),
        ("real", PhysicalType::DOUBLE, None),
        ("mixed", PhysicalType::BYTE_ARRAY, Some(LogicalType::Json)),
        ("tags", PhysicalType::BYTE_ARRAY, Some(LogicalType::Json)),
        ("none", PhysicalType::BYTE_ARRAY, string()),
        ("big", PhysicalType::BYTE_ARRAY, Some(LogicalType::Json)),
        ("late", PhysicalType::BYTE_ARRAY, string()),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(name, physical, logical)| (name.to_owned(), physical, logical)).collect();
    assert_eq!(types(&root.path().join("a.parquet")), expected);
}

#[tokio::test]
async fn types_that_the_options_say_hold_and_what_does_not_fit_fails_alone() {
    let root = tempdir().unwrap();
    let columns = json!({
        "at": "timestamp", "local": "localTimestamp", "day": "date", "price": "decimal(12,2)", "uid": "uuid",
        "raw": "binary", "count": "int64", "code": "string",
    });
    let options = json!({"path": "a.parquet", "columns": columns});
    let good = json!({
        "id": "1", "at": "2026-01-02T05:04:05.5+02:00", "local": "2026-01-02T03:04:05", "day": "2026-01-02", "price": "12.50",
        "uid": "67E55044-10B1-426F-9247-BB680E5FE0C8", "raw": "AP8Q", "count": "7", "code": 5,
    });
    let mut destination = open_at(root.path(), options.clone()).await;
    let batch = writes(json!([good, {"id": "2", "day": "02.01.2026", "price": "1.005"}]));
    let outcomes = destination.write(&batch).await.unwrap();
    let WriteOutcome::Failed(error) = &outcomes[1] else { unreachable!("it does not fit: {outcomes:?}") };
    assert_eq!(error.kind, RecordErrorKind::Rejected);
    let fields: Vec<_> =
        error.field_errors.iter().map(|error| (error.path.as_str(), error.rule.as_str())).collect();
    assert_eq!(fields, [("/day", "type"), ("/price", "type")]);
    destination.finish().await.unwrap();
    let expected = json!({
        "id": "1", "at": "2026-01-02T03:04:05.500Z", "local": "2026-01-02T03:04:05", "day": "2026-01-02", "price": 12.5,
        "uid": "67e55044-10b1-426f-9247-bb680e5fe0c8", "raw": "AP8Q", "count": 7, "code": "5",
    });
    assert_eq!(read(&root, "a.parquet").await, [expected]);
    let before = types(&root.path().join("a.parquet"));
    // The same again is unchanged, and types stay without being said.
    let mut destination = open_at(root.path(), json!({"path": "a.parquet"})).await;
    let again = destination.write(&writes(json!([good, {"id": "3", "day": "2026-02-01"}]))).await.unwrap();
    assert_eq!(actions(&again), [Action::Unchanged, Action::Created]);
    destination.finish().await.unwrap();
    assert_eq!(types(&root.path().join("a.parquet")), before);
    // Until something does not fit: then the column takes what holds all.
    written(root.path(), json!({"path": "a.parquet"}), json!([{"id": "4", "day": "tomorrow"}])).await;
    let after = types(&root.path().join("a.parquet"));
    let day = after.iter().find(|(name, ..)| name == "day").unwrap();
    assert_eq!((day.1, day.2.clone()), (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)));
    assert_eq!(read(&root, "a.parquet").await[2]["day"], "tomorrow");
}

#[tokio::test]
async fn whole_numbers_in_a_column_of_doubles_are_unchanged() {
    let root = tempdir().unwrap();
    let records = json!([{"id": 1, "x": 2}, {"id": 2, "x": 2.5}]);
    written(root.path(), json!({"path": "a.parquet"}), records.clone()).await;
    let mut destination = open_at(root.path(), json!({"path": "a.parquet"})).await;
    let outcomes = destination.write(&writes(records)).await.unwrap();
    assert_eq!(actions(&outcomes), [Action::Unchanged, Action::Unchanged]);
}

#[tokio::test]
async fn reading_resumes_after_every_page_in_every_row_group() {
    let content = foreign(
        "message m { required int64 id; optional binary name (STRING); }",
        3,
        |_, writer| match writer {
            ColumnWriter::Int64ColumnWriter(writer) => {
                writer.write_batch(&[1, 2, 3, 4, 5, 6, 7], None, None).unwrap();
            }
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let names: Vec<ByteArray> = ["a", "b", "c"].map(ByteArray::from).to_vec();
                writer.write_batch(&names, Some(&[1, 0, 1, 0, 0, 1, 0]), None).unwrap();
            }
            _ => unreachable!("the schema has two columns"),
        },
    );
    let root = directory("a.parquet", content);
    fs::copy(root.path().join("a.parquet"), root.path().join("b.parquet")).unwrap();
    for path in ["a.parquet", "*.parquet"] {
        for size in [1, 4, 7, 100] {
            let mut open = source(&root, json!({"path": path}));
            open.page_records_max = size;
            testing::resumes_everywhere(&connector(), open.clone()).await;
            open.stream.mode = SyncMode::Incremental;
            open.stream.cursor_field = Some("id".to_owned());
            open.since = Some(json!({"value": 3}));
            testing::resumes_everywhere(&connector(), open).await;
        }
    }
    let mut open = source(&root, json!({"path": "a.parquet"}));
    open.page_records_max = 9;
    let mut source = crate::Connector::open_source(&connector(), open).await.unwrap();
    let checkpoint = source.next_page().await.unwrap().unwrap().checkpoint;
    assert_eq!((&checkpoint["rowGroup"], &checkpoint["row"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn nested_columns_and_logical_types_become_json() {
    let content = foreign(
        "message m {
            required int64 id;
            required group point { required double x; optional float y; }
            optional group tags (LIST) { repeated group list { optional binary element (STRING); } }
            optional group sizes (MAP) { repeated group key_value { required binary key (STRING); optional int32 value; } }
            repeated int32 plain;
            required int64 nanos (TIMESTAMP(NANOS,true));
            required int64 local (TIMESTAMP(MILLIS,false));
            required int32 at (TIME(MILLIS,true));
            required int32 day (DATE);
            required int64 price (DECIMAL(18,4));
            required fixed_len_byte_array(16) huge (DECIMAL(38,2));
            required fixed_len_byte_array(16) uid (UUID);
            required binary raw;
            required binary doc (JSON);
            required int64 count (INTEGER(64,false));
            required int96 old;
        }",
        1,
        |index, writer| match (index, writer) {
            (0 , ColumnWriter::Int64ColumnWriter(writer)) => { writer.write_batch(&[1, 2], None, None).unwrap(); }
            (1, ColumnWriter::DoubleColumnWriter(writer)) => { writer.write_batch(&[0.5, f64::NAN], None, None).unwrap(); }
            (2, ColumnWriter::FloatColumnWriter(writer)) => { writer.write_batch(&[0.1], Some(&[1, 0]), None).unwrap(); }
            // ["a", null, "b"] and null.
            (3, ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let values: Vec<ByteArray> = ["a", "b"].map(ByteArray::from).to_vec();
                writer.write_batch(&values, Some(&[3, 2, 3, 0]), Some(&[0, 1, 1, 0])).unwrap();
            }
            // {"s": 1, "m": null} and {}.
            (4, ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let values: Vec<ByteArray> = ["s", "m"].map(ByteArray::from).to_vec();
                writer.write_batch(&values, Some(&[2, 2, 1]), Some(&[0, 1, 0])).unwrap();
            }
            (5, ColumnWriter::Int32ColumnWriter(writer)) => { writer.write_batch(&[1], Some(&[3, 2, 1]), Some(&[0, 1, 0])).unwrap(); }
            // [7, 8] and [].
            (6, ColumnWriter::Int32ColumnWriter(writer)) => { writer.write_batch(&[7, 8], Some(&[1, 1, 0]), Some(&[0, 1, 0])).unwrap(); }
            (7, ColumnWriter::Int64ColumnWriter(writer)) => { writer.write_batch(&[1_767_323_045_000_000_001, 0], None, None).unwrap(); }
            (8, ColumnWriter::Int64ColumnWriter(writer)) => { writer.write_batch(&[1_767_323_045_123, 0], None, None).unwrap(); }
            (9, ColumnWriter::Int32ColumnWriter(writer)) => { writer.write_batch(&[3_600_000, 1], None, None).unwrap(); }
            (10, ColumnWriter::Int32ColumnWriter(writer)) => { writer.write_batch(&[20_455, -1], None, None).unwrap(); }
            (11, ColumnWriter::Int64ColumnWriter(writer)) => { writer.write_batch(&[123_456, -5], None, None).unwrap(); }
            (12, ColumnWriter::FixedLenByteArrayColumnWriter(writer)) => {
                let values = [i128::MAX / 2, -100].map(|number| FixedLenByteArray::from(number.to_be_bytes().to_vec()));
                writer.write_batch(&values, None, None).unwrap();
            }
            (13, ColumnWriter::FixedLenByteArrayColumnWriter(writer)) => {
                let values = [1_u8, 2].map(|byte| FixedLenByteArray::from(vec![byte; 16]));
                writer.write_batch(&values, None, None).unwrap();
            }
            (14, ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(&[ByteArray::from(vec![0, 255, 16]), ByteArray::from(vec![])], None, None).unwrap();
            }
            (15, ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(&[ByteArray::from("{\"a\": [1]}"), ByteArray::from("nonsense")], None, None).unwrap();
            }
            (16, ColumnWriter::Int64ColumnWriter(writer)) => { writer.write_batch(&[-1, 1], None, None).unwrap(); }
            (17, ColumnWriter::Int96ColumnWriter(writer)) => {
                let mut old = Int96::new();
                // 2026-01-02 is Julian day 2,461,043.
                old.set_data(1_000_000_000, 0, 2_461_043);
                writer.write_batch(&[old, old], None, None).unwrap();
            }
            (index, _) => unreachable!("column {index}"),
        },
    );
    let root = directory("a.parquet", content);
    let items = items_of(&connector(), source(&root, json!({"path": "a.parquet"}))).await;
    let expected = json!({
        "id": 1, "point": {"x": 0.5, "y": 0.1}, "tags": ["a", null, "b"], "sizes": {"s": 1, "m": null}, "plain": [7, 8],
        "nanos": "2026-01-02T03:04:05.000000001Z", "local": "2026-01-02T03:04:05.123", "at": "01:00:00", "day": "2026-01-02",
        "price": 12.3456, "huge": "850705917302346158658436518579420528.63", "uid": "01010101-0101-0101-0101-010101010101",
        "raw": "AP8Q", "doc": {"a": [1]}, "count": u64::MAX, "old": "2026-01-02T00:00:01Z",
    });
    assert_eq!(Value::from(records_of(&items)[0].clone()), expected);
    assert_eq!(
        testing::malformed_of(&items),
        [("row group 1, row 2", "`doc` it is not valid JSON (column 2)")],
        "what can't be read fails alone"
    );
    // Writing it again would flatten it.
    let error = crate::Connector::open_destination(
        &connector(),
        super::destination(root.path(), json!({"path": "a.parquet"})),
    )
    .await
    .err()
    .unwrap();
    assert_eq!(error.kind, SystemErrorKind::Misconfigured);
    assert!(error.hint.unwrap().contains("column `point` of a type that can't be written again"));
}

#[tokio::test]
async fn what_is_no_parquet_or_lacks_the_key_is_refused() {
    let good = {
        let root = tempdir().unwrap();
        written(root.path(), json!({"path": "a.parquet"}), json!([{"id": 1}])).await;
        fs::read(root.path().join("a.parquet")).unwrap()
    };
    let mut long = good.clone();
    let length = long.len();
    long[length - 8..length - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    for (content, expected) in [
        (b"id,name\n1,a\n2,b\n".to_vec(), "the file is not a Parquet file"),
        (Vec::new(), "the file is not a Parquet file"),
        (good[..good.len() - 5].to_vec(), "the Parquet file ends too early"),
        (long, "the Parquet file says that it has more columns and row groups than it can"),
    ] {
        let root = directory("a.parquet", content);
        let error = read_all(&connector(), source(&root, json!({"path": "a.parquet"}))).await.unwrap_err();
        assert_eq!((error.kind, error.hint.as_deref()), (SystemErrorKind::Malformed, Some(expected)));
    }
    let root = directory("a.parquet", &good);
    let mut open = source(&root, json!({"path": "a.parquet"}));
    open.stream.key_fields = vec!["code".to_owned()];
    let error = read_all(&connector(), open).await.unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("the file has no column `code`; it has `id`"));
    let open = source(&root, json!({"path": "a.parquet", "compression": "gzip"}));
    assert_eq!(read_all(&connector(), open).await.unwrap_err().kind, SystemErrorKind::Misconfigured);
}

/// Every byte of a small file is broken in turn: what comes is records or an error that is the file's, and never a panic.
#[tokio::test]
async fn a_broken_byte_anywhere_is_an_error_of_the_file_or_none() {
    let root = tempdir().unwrap();
    let records: Vec<Value> =
        (0..50).map(|id| json!({"id": id, "name": format!("n{}", id % 7), "tags": [id]})).collect();
    written(root.path(), json!({"path": "a.parquet"}), Value::Array(records)).await;
    let good = fs::read(root.path().join("a.parquet")).unwrap();
    for at in 0..good.len() {
        for flip in [0xFF, 0x01] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            fs::write(root.path().join("b.parquet"), &bad).unwrap();
            match read_all(&connector(), source(&root, json!({"path": "b.parquet"}))).await {
                Ok((items, _)) => assert!(items.len() <= 50, "byte {at}: {} records", items.len()),
                Err(error) => assert_eq!(error.kind, SystemErrorKind::Malformed, "byte {at}: {error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_would_take_too_much_memory_is_not_unpacked() {
    let zeros = vec![ByteArray::from(vec![0_u8; 70 * 1024 * 1024])];
    let content = {
        let schema =
            Arc::new(parse_message_type("message m { required int64 id; required binary raw; }").unwrap());
        let zstd = Packing::ZSTD(ZstdLevel::default());
        let properties =
            WriterProperties::builder().set_compression(zstd).set_dictionary_enabled(false).build();
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
        let mut group = file.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[1], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&zeros, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        file.into_inner().unwrap()
    };
    assert!(content.len() < 100_000);
    let root = directory("a.parquet", content);
    let error = read_all(&connector(), source(&root, json!({"path": "a.parquet"}))).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Malformed);
    assert_eq!(
        error.hint.as_deref(),
        Some("the Parquet file can't be read: a page of it needs more memory than 64 MiB")
    );
}

#[tokio::test]
async fn lengths_that_are_packed_are_read_and_counted_first() {
    for (encoding, compression, version) in [
        (Encoding::DELTA_LENGTH_BYTE_ARRAY, Packing::UNCOMPRESSED, WriterVersion::PARQUET_1_0),
        (Encoding::DELTA_BYTE_ARRAY, Packing::SNAPPY, WriterVersion::PARQUET_1_0),
        (Encoding::DELTA_LENGTH_BYTE_ARRAY, Packing::SNAPPY, WriterVersion::PARQUET_2_0),
        (Encoding::DELTA_BYTE_ARRAY, Packing::ZSTD(ZstdLevel::default()), WriterVersion::PARQUET_2_0),
    ] {
        let schema = "message m { required int64 id; optional binary name (STRING);
                      optional group tags (LIST) { repeated group list { required binary element (STRING); } } }";
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::PLAIN)
            .set_column_encoding(ColumnPath::from("name"), encoding)
            .set_column_encoding(
                ColumnPath::from(vec!["tags".into(), "list".into(), "element".into()]),
                encoding,
            )
            .set_compression(compression)
            .set_writer_version(version)
            .build();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
        let mut group = file.next_row_group().unwrap();
        let ids: Vec<i64> = (0..1000).collect();
        let texts = |prefix: &str| -> Vec<ByteArray> {
            (0..1000).step_by(2).map(|id| ByteArray::from(format!("{prefix} {id}").into_bytes())).collect()
        };
        let levels = |present: i16, absent: i16| -> Vec<i16> {
            (0..1000).map(|id| if id % 2 == 0 { present } else { absent }).collect()
        };
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&ids, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts("name"), Some(&levels(1, 0)), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<ByteArrayType>()
            .write_batch(&texts("tag"), Some(&levels(2, 0)), Some(&[0; 1000]))
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
        let root = directory("a.parquet", file.into_inner().unwrap());
        let records = read(&root, "a.parquet").await;
        assert_eq!(records.len(), 1000);
        assert_eq!(records[998], json!({"id": 998, "name": "name 998", "tags": ["tag 998"]}), "{encoding}");
        assert_eq!(records[999], json!({"id": 999, "name": null, "tags": null}), "{encoding}");
    }
}

/// What would make the reader ask for gigabytes, or go down until its stack ends, is found before it is asked.
#[tokio::test]
async fn a_footer_that_lies_is_not_believed() {
    let file = |footer: &[u8]| {
        let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
        [b"PAR1", footer, &length, b"PAR1"].concat()
    };
    // A schema of one element that says it has 2^31 - 1 children.
    let children = b"\x15\x02\x19\x1C\x48\x01m\x15\xFE\xFF\xFF\xFF\x0F\x00\x16\x00\x19\x0C\x00";
    // Groups within groups, a hundred thousand deep.
    let mut deep = b"\x15\x02\x19\xFC\xA0\x8D\x06".to_vec();
    (0..100_000).for_each(|_| deep.extend(b"\x48\x01m\x15\x02\x00"));
    deep.extend(b"\x16\x00\x19\x0C\x00");
    // Millions of row groups, each a byte.
    let mut many = b"\x15\x02\x19\x1C\x48\x01m\x00\x16\x00\x19\xFC\x80\x92\xF4\x01".to_vec();
    many.resize(many.len() + 4_000_000, 0);
    for footer in [&children[..], &deep, &many] {
        let root = directory("a.parquet", file(footer));
        let error = read_all(&connector(), source(&root, json!({"path": "a.parquet"}))).await.unwrap_err();
        assert_eq!(error.kind, SystemErrorKind::Malformed);
        assert!(error.hint.unwrap().starts_with("the Parquet file can't be read: "));
    }
}
