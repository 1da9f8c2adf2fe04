//! Checks of JSON that callers hand in and that is stored as it is. Deliberately absent: what it means; the
//! schemas of connectors say that.

use serde_json::Value;

use crate::error::{Problem, ProblemCode};

/// Levels of arrays and objects inside each other. What is stored is read back by a parser that stops at 128
/// levels (serde_json), and streams stand a few levels inside their row.
const DEPTH_MAX: usize = 64;
/// NUL characters that are told of; thousands of them say nothing more.
const NULS_TOLD_MAX: usize = 20;

/// What keeps a value from being stored: its size, its depth, NUL characters. Each at its path below `path`.
pub(crate) fn problems(path: &[String], value: &Value, bytes_max: usize) -> Vec<Problem> {
    let mut nuls = Vec::new();
    // Not by recursion: the depth is what is not known yet.
    let mut open = vec![(path.to_vec(), value)];
    while let Some((here, value)) = open.pop() {
        if here.len() > path.len() + DEPTH_MAX {
            return vec![Problem::invalid(
                path,
                format!("must not be nested deeper than {DEPTH_MAX} levels"),
            )];
        }
        let below = |name: String| here.iter().cloned().chain([name]).collect::<Vec<_>>();
        match value {
            Value::String(text) if text.contains('\0') => nuls.push(nul(&here)),
            Value::Array(items) => {
                open.extend(items.iter().enumerate().map(|(index, item)| (below(index.to_string()), item)));
            }
            Value::Object(fields) => {
                if fields.keys().any(|name| name.contains('\0')) {
                    nuls.push(nul(&here));
                }
                open.extend(fields.iter().map(|(name, value)| (below(name.clone()), value)));
            }
            _ => {}
        }
    }
    if value.to_string().len() > bytes_max {
        let message = format!("must have at most {} KiB as JSON", bytes_max / 1024);
        return vec![Problem::new(ProblemCode::TooLong, path, message)];
    }
    nuls.sort_by(|one, other| one.path.cmp(&other.path));
    nuls.truncate(NULS_TOLD_MAX);
    nuls
}

/// Problems that a connector's schema found, below `path`: `REQUIRED` for what is missing, `INVALID` for the rest.
pub(crate) fn by_schema(path: &[String], value: &Value, found: Vec<connector::Problem>) -> Vec<Problem> {
    found
        .into_iter()
        .map(|problem| {
            let there = problem.path.iter().try_fold(value, |value, name| match value {
                Value::Object(fields) => fields.get(name),
                Value::Array(items) => items.get(name.parse::<usize>().ok()?),
                _ => None,
            });
            let code = if there.is_some() { ProblemCode::Invalid } else { ProblemCode::Required };
            Problem::new(code, path.iter().cloned().chain(problem.path), problem.message)
        })
        .collect()
}

fn nul(path: &[String]) -> Problem {
    Problem::invalid(path, "must not contain the NUL character")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DEPTH_MAX, problems};
    use crate::error::ProblemCode;

    #[test]
    fn what_a_database_would_refuse_is_refused_with_its_path() {
        let path = ["config".to_owned()];
        assert_eq!(problems(&path, &json!({"a": [1, "x"], "b": null}), 100), []);
        let found = problems(&path, &json!({"a": [1, "x\0"], "b": {"c\0": 1}}), 100);
        let paths: Vec<String> = found.iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(paths, ["config.a.1", "config.b"]);
        let found = problems(&path, &json!({"a": "x".repeat(100)}), 100);
        assert_eq!((found[0].code, found[0].path.len()), (ProblemCode::TooLong, 1));
        let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(problems(&path, &deep(DEPTH_MAX), 1_000), []);
        assert_eq!(problems(&path, &deep(DEPTH_MAX + 1), 1_000).len(), 1);
        assert_eq!(problems(&path, &Value::Null, 4), []);
    }
}
