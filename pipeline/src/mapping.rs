//! Mapping programs: VRL, compiled once and applied to each record. Deliberately absent: any function
//! that reads something besides the record and the clock, and any state between two records.

mod function;
mod program;
mod value;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use connector::Record;
use vrl::compiler::runtime::{Runtime, Terminate};
use vrl::compiler::{ExpressionError, Program, TargetValueRef, TimeZone};
use vrl::diagnostic::DiagnosticMessage;
use vrl::value::{Secrets, Value};

/// Length of a program, in bytes. The longest mappings that we know of stay under 10 KiB.
pub const PROGRAM_BYTES_MAX: usize = 64 * 1024;

/// Expressions that a program may evaluate for one record. A mapping of 100 assignments evaluates
/// about 500; a loop over an order of 1,000 lines with ten expressions each 10,000.
pub const EXPRESSIONS_PER_RECORD_MAX: u32 = 50_000;

/// Time that a program may take for one record. It also bounds what a value that doubles in a loop can
/// grow to: copying is where its time goes.
pub const RECORD_TIME_MAX: Duration = Duration::from_millis(500);

/// Expressions before the clock is looked at. Most records end before, and pay nothing for it.
const EXPRESSIONS_UNTIMED: u32 = 64;

/// Stack of a thread that compiles or runs programs, in bytes. A program can nest a value as deep as
/// it may evaluate expressions, and copying or dropping it then takes a stack frame per level. Only
/// what is touched is ever backed by memory.
pub(crate) const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Length of a message in an error, in characters.
const DETAIL_CHARS_MAX: usize = 400;

/// One reason why a program does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct MappingProblem {
    /// What is wrong, in the compiler's words.
    pub message: String,
    /// Line in the program, from 1.
    pub line: usize,
    /// Column in the line, in characters, from 1.
    pub column: usize,
}

/// Every reason why a program does not compile; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mapping does not compile: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct MappingProblems(pub Vec<MappingProblem>);

/// A record that could not be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct MapError {
    /// For engineers: the function and its position in the program, without values of the record.
    pub detail: String,
}

impl MapError {
    pub(crate) fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into() }
    }
}

/// What a program made of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Mapped {
    /// It goes on.
    Record(Record),
    /// The program said `abort`: it is left out on purpose.
    Skip,
}

/// A compiled program.
#[derive(Debug)]
pub struct Mapping {
    program: Program,
    time_zone: TimeZone,
    source: String,
}

impl Mapping {
    /// Compiles a VRL program of at most [`PROGRAM_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// Everything that the compiler objects to, with positions; also functions that are not on our
    /// list, and programs that nest deeper or address larger arrays than we allow.
    pub fn compile(source: &str) -> Result<Self, MappingProblems> {
        let program = program::compile(source)?;
        // Where a format has no zone, the clock of the machine must not decide.
        let time_zone = TimeZone::parse("UTC").expect("UTC is in the time zone database");
        Ok(Self { program, time_zone, source: source.to_owned() })
    }

    /// Names of the functions that programs may call, sorted.
    pub fn functions() -> &'static [&'static str] {
        function::ALLOWED
    }

    /// Maps one record, on a thread of its own (some 50 µs). The record stays as it was.
    ///
    /// # Errors
    /// A run-time error of the program, a limit it went over, or a value that JSON or VRL can't hold
    /// without changing it. It concerns this record alone.
    pub fn apply(&self, record: &Record) -> Result<Mapped, MapError> {
        thread::scope(|scope| {
            thread::Builder::new()
                .name("mapping-apply".to_owned())
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, || self.apply_here(record))
                .map_err(|error| MapError::new(format!("no thread for mapping: {error}")))?
                .join()
                .unwrap_or_else(|_panic| Err(MapError::new("mapping panicked on this record")))
        })
    }

    /// Maps one record, on a thread whose stack has [`STACK_BYTES`].
    pub(crate) fn apply_here(&self, record: &Record) -> Result<Mapped, MapError> {
        let mut target = value::from_record(record)?;
        let mut metadata = Value::Null;
        let mut secrets = Secrets::default();
        let mut budget = Budget { expressions: 0, started: None };
        // VRL checks little of what its functions compute with; a record that trips one must not take
        // the others of its stream with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut control = || budget.spend();
            Runtime::default().resolve_with_control(
                &mut TargetValueRef { value: &mut target, metadata: &mut metadata, secrets: &mut secrets },
                &self.program,
                &self.time_zone,
                &mut control,
            )
        }));
        match outcome {
            Ok(Ok(_)) => value::into_record(target).map(Mapped::Record),
            Ok(Err(Terminate::Abort(ExpressionError::Abort { .. }))) => Ok(Mapped::Skip),
            Ok(Err(Terminate::Interrupted)) => Err(MapError::new(format!(
                "the program took too long for one record: more than {EXPRESSIONS_PER_RECORD_MAX} expressions \
                 or {} ms",
                RECORD_TIME_MAX.as_millis()
            ))),
            Ok(Err(Terminate::Abort(error) | Terminate::Error(error))) => Err(self.explain(&error)),
            Err(_panic) => Err(MapError::new("a function of the program panicked on this record")),
        }
    }

    /// The message of a run-time error, with its position and without what may be values.
    fn explain(&self, error: &ExpressionError) -> MapError {
        let message = without_values(&error.message());
        let position = error.labels().into_iter().find(|label| label.primary).map(|label| label.span.start());
        MapError::new(match position {
            Some(start) => {
                let (line, column) = program::position(&self.source, start);
                format!("line {line}, column {column}: {message}")
            }
            None => message,
        })
    }
}

/// What one record may still cost.
struct Budget {
    expressions: u32,
    started: Option<Instant>,
}

impl Budget {
    fn spend(&mut self) -> ControlFlow<()> {
        self.expressions += 1;
        if self.expressions > EXPRESSIONS_PER_RECORD_MAX {
            return ControlFlow::Break(());
        }
        if self.expressions > EXPRESSIONS_UNTIMED {
            let started = *self.started.get_or_insert_with(Instant::now);
            if started.elapsed() > RECORD_TIME_MAX {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

/// A message of a VRL function without what it quotes: engineers read it, and they may not read
/// records. Functions quote values in `"…"`, and the name of a function in front of a position, which
/// stays. Words that hold digits go too, except positions.
fn without_values(message: &str) -> String {
    let (kept, rest) =
        match message.strip_prefix("function call error for ").and_then(|tail| tail.split_once("): ")) {
            Some((function, rest)) => (format!("{function}): "), rest),
            None => (String::new(), message),
        };
    let mut masked = kept;
    let mut in_quotes = false;
    let mut escaped = false;
    let mut word = String::new();
    for character in rest.chars().take(DETAIL_CHARS_MAX) {
        if in_quotes {
            in_quotes = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        if character == '"' || character.is_whitespace() {
            push_word(&mut masked, &mut word);
            if character == '"' {
                in_quotes = true;
                masked.push('…');
            } else {
                masked.push(character);
            }
        } else {
            word.push(character);
        }
    }
    push_word(&mut masked, &mut word);
    masked
}

fn push_word(text: &mut String, word: &mut String) {
    if word.chars().any(|character| character.is_ascii_digit()) {
        text.push('…');
    } else {
        text.push_str(word);
    }
    word.clear();
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value as Json, json};

    use super::{Mapped, Mapping, PROGRAM_BYTES_MAX, without_values};

    fn map(program: &str, record: Json) -> Result<Json, String> {
        let mapping = Mapping::compile(program).unwrap();
        match mapping.apply(&record.as_object().unwrap().clone().into()) {
            Ok(Mapped::Record(record)) => Ok(Json::from(record)),
            Ok(Mapped::Skip) => Ok(Json::Null),
            Err(error) => Err(error.detail),
        }
    }

    #[test]
    fn assigns_converts_and_deletes() {
        let mapped = map(
            ".email = downcase(string!(.email)); .amount = to_float!(.amount); del(.internal_note)",
            json!({"email": "Ada@Example.COM", "amount": "12.50", "internal_note": "x", "lines": [{"n": 1}, null]}),
        );
        assert_eq!(
            mapped,
            Ok(json!({"email": "ada@example.com", "amount": 12.5, "lines": [{"n": 1}, null]}))
        );
    }

    #[test]
    fn abort_skips_the_record() {
        assert_eq!(map("if .test == true { abort }", json!({"test": true})), Ok(Json::Null));
        assert_eq!(map("if .test == true { abort }", json!({"test": false})), Ok(json!({"test": false})));
    }

    #[test]
    fn a_run_time_error_says_where_and_keeps_the_value_to_itself() {
        let detail =
            map(".a = 1\n.amount = to_float!(.amount)", json!({"amount": "secret 4711"})).unwrap_err();
        assert!(detail.starts_with("line 2, column 11: \"to_float\" at (17:35): "), "{detail}");
        assert!(!detail.contains("secret") && !detail.contains("4711"), "{detail}");
        assert_eq!(
            without_values(r#"Invalid integer "a \" b": digit 12x at"#),
            "Invalid integer …: digit … at"
        );
    }

    #[test]
    fn numbers_are_kept_or_refused_never_changed() {
        let exact = json!({"float": 0.1, "max": i64::MAX, "min": i64::MIN, "small": 5e-324});
        assert_eq!(map(".", exact.clone()), Ok(exact));
        assert!(map(".", json!({"id": i64::MAX as u64 + 1})).unwrap_err().contains("/id"));
        assert!(map(".x = .x * 10.0 ?? 0", json!({"x": f64::MAX})).unwrap_err().contains("/x"));
    }

    #[test]
    fn the_result_must_be_an_object() {
        assert!(map(". = [1]", json!({"a": 1})).unwrap_err().contains("array"));
        assert!(map(".t = r'a'", json!({})).unwrap_err().contains("/t"));
    }

    #[test]
    fn timestamps_become_rfc_3339() {
        let mapped =
            map(r#".at = parse_timestamp!(.at, "%d.%m.%Y %H:%M")"#, json!({"at": "01.02.2026 03:04"}));
        assert_eq!(mapped, Ok(json!({"at": "2026-02-01T03:04:00Z"})));
    }

    #[test]
    fn problems_have_positions() {
        let problems = Mapping::compile(".a = 1\n.b = to_int(.x)\n.c = nonsense(.y)").unwrap_err().0;
        let positions: Vec<_> = problems.iter().map(|problem| (problem.line, problem.column)).collect();
        assert!(positions.contains(&(3, 6)), "{problems:?}");
        assert!(problems.iter().all(|problem| !problem.message.is_empty()));
        let syntax = Mapping::compile(".a = = 1").unwrap_err().0;
        assert_eq!((syntax[0].line, syntax[0].column), (1, 6), "{syntax:?}");
    }

    #[test]
    fn functions_with_effects_or_without_bounds_are_unknown() {
        let calls = [
            "get_env_var!(\"HOME\")",
            "get_hostname!()",
            "get_timezone_name!()",
            "dns_lookup!(\"example.com\")",
            "reverse_dns!(\"127.0.0.1\")",
            "http_request!(\"http://127.0.0.1\")",
            "log(\"x\")",
            "parse_groks!(\"x\", patterns: [\"%{a}\"], alias_sources: [\"/etc/passwd\"])",
            "parse_grok!(\"x\", \"%{a}\")",
            "parse_etld!(\"a.b\")",
            "parse_proto!(\"x\", \"/etc/passwd\", \"m\")",
            "encode_proto!({}, \"/etc/passwd\", \"m\")",
            "validate_json_schema!(\"{}\", \"/etc/passwd\")",
            "get_secret(\"x\")",
            "get_enrichment_table_record!(\"t\", {})",
            "exec(\"ls\")",
            "decode_gzip!(\"x\")",
            "decode_zlib!(\"x\")",
            "decode_zstd!(\"x\")",
            "decode_snappy!(\"x\")",
            "decode_lz4!(\"x\")",
            "encode_zstd(\"x\", 22)",
            "set!({}, [1000000000], 1)",
            "unflatten({})",
            "format_number(1.0, scale: 9999999999)",
        ];
        for call in calls {
            let problems = Mapping::compile(&format!(".x = {call}")).unwrap_err().0;
            assert!(
                problems.iter().any(|problem| problem.message.contains("undefined function")),
                "{call}: {problems:?}"
            );
        }
    }

    #[test]
    fn every_allowed_function_exists_and_the_list_is_sorted() {
        let known: Vec<_> = vrl::stdlib::all().iter().map(|function| function.identifier()).collect();
        for name in Mapping::functions() {
            assert!(known.contains(name), "{name} is no function of VRL");
        }
        assert!(Mapping::functions().is_sorted());
    }

    #[test]
    fn a_program_is_bounded_in_size_depth_and_array_length() {
        assert!(Mapping::compile(&" ".repeat(PROGRAM_BYTES_MAX + 1)).is_err());
        for deep in [
            format!(".a = {}1{}", "(".repeat(30_000), ")".repeat(30_000)),
            format!(".a = {}1{}", "[".repeat(30_000), "]".repeat(30_000)),
            format!(".a = {}true", "!".repeat(60_000)),
            format!(".a = 1{}", "+1".repeat(30_000)),
            format!(".a{} = 1", ".b".repeat(30_000)),
            format!(".a{} = 1", ".b".repeat(100)),
            (0..1_001).map(|field| format!(".f{field} = 1\n")).collect(),
            format!("x = \"\"\n.a = \"{}\"", "{{x}}".repeat(10_000)),
            ".a[1000000000] = 1".to_owned(),
            ".a[-1000000000] = 1".to_owned(),
        ] {
            assert!(Mapping::compile(&deep).is_err(), "{}", &deep[..20]);
        }
    }

    #[test]
    fn a_program_that_runs_away_fails_its_record() {
        let spin = "n = 0\nfor_each(range!(0, 99999)) -> |_i, _v| { for_each(range!(0, 99999)) -> |_i, _v| { n = n + 1 } }";
        assert!(map(spin, json!({})).unwrap_err().contains("too long"));
        let nest = "x = []\nfor_each(range!(0, 99999)) -> |_i, _v| { x = [x] }\n.x = x";
        assert!(map(nest, json!({})).is_err());
        let double = "x = []\nfor_each(range!(0, 99999)) -> |_i, _v| { x = [x, x] }\n.x = x";
        assert!(map(double, json!({})).unwrap_err().contains("too long"));
        let shallow = "x = []\nfor_each(range!(0, 200)) -> |_i, _v| { x = [x] }\n.x = x";
        assert!(map(shallow, json!({})).unwrap_err().contains("nested"));
    }
}
