//! Values are looked up in other tables, records by their key, and rows are counted.

use serde_json::{Value, json};

use super::{database, destination};
use crate::{Gone, Place, RecordKey, SystemErrorKind};

#[tokio::test]
async fn values_are_looked_up_by_the_affinity_of_other_tables_and_records_by_their_key() {
    let directory = database(
        "CREATE TABLE t (id PRIMARY KEY); INSERT INTO t VALUES (1), ('2'), ('x'); \
         CREATE TABLE c (id INTEGER PRIMARY KEY, code TEXT, free); \
         INSERT INTO c VALUES (1, 'de', 5), (2, 'at', '5'), (3, 'at', NULL); CREATE VIEW codes AS SELECT code FROM c",
    )
    .await;
    let mut destination = destination(&directory, json!({"table": "t"})).await.unwrap();
    let place = |table: &str, columns: &[&str]| Place {
        table: table.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    };
    for (place, values, expected) in [
        (
            place("C", &["id"]),
            vec![json!(1), json!("2"), json!("x"), json!(u64::MAX), json!(9), json!(1)],
            vec![true, true, false, false, false, true],
        ),
        (place("codes", &["code"]), vec![json!("at"), json!("AT")], vec![true, false]),
        // A column without a type keeps both apart.
        (place("c", &["free"]), vec![json!(5), json!("5"), json!(6)], vec![true, true, false]),
    ] {
        let values: Vec<Vec<Value>> = values.into_iter().map(|value| vec![value]).collect();
        assert_eq!(destination.find(&place, &values).await.unwrap(), expected, "{place:?}");
    }
    let many: Vec<Vec<Value>> = (0..1_200).map(|id| vec![json!(id), json!("at")]).collect();
    let found = destination.find(&place("c", &["id", "code"]), &many).await.unwrap();
    let there: Vec<usize> = (0..1_200).filter(|at| found[*at]).collect();
    assert_eq!(there, [2, 3]);

    let gone = |id: &str| Gone { key: RecordKey::stored(id, 1).unwrap(), destination_key: None };
    let renamed = Gone { destination_key: Some("x".to_owned()), ..gone("a") };
    let held = destination.holds(&[gone("1"), gone("2"), gone("3"), renamed]).await.unwrap();
    assert_eq!(
        held,
        Some(vec![true, true, false, true]),
        "of a single key it is not known whether it was a number"
    );
    assert_eq!(destination.row_count().await.unwrap(), Some(3));
    let error = destination.find(&place("none", &["id"]), &[]).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::NotFound);
    let error = destination.find(&place("c", &["none"]), &[]).await.unwrap_err();
    assert_eq!(error.kind, SystemErrorKind::Misconfigured);
}
