//! Documents and variables made to cost more than they say.

use std::fmt::Write;

use serde_json::json;

use super::{Attack, all_are_refused, program};

const LIMIT: &str = "LIMIT_EXCEEDED";
const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";
const UNPARSABLE: &str = "GRAPHQL_PARSE_FAILED";

fn repeated(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        write!(text, "{} ", part(index)).expect("writing to a String");
        text
    })
}

/// Fragments that each spread the next one twice: 2^levels fields.
fn doubling(levels: usize) -> String {
    let fragments = repeated(levels, |level| {
        format!("fragment f{level} on Query {{ ...f{} ...f{} }}", level + 1, level + 1)
    });
    format!("{{ ...f0 }} {fragments} fragment f{levels} on Query {{ __typename }}")
}

fn floods() -> Vec<Attack> {
    let sign_ins = repeated(50, |index| {
        format!(
            "a{index}: signIn(input: {{email: \"admin@example.com\", password: \"{index}\"}}) {{ accessToken }}"
        )
    });
    let refused = |name: &str, document: &str| Attack::document(name, document, 400, LIMIT);
    vec![
        refused("aliases", &format!("{{ {} }}", repeated(1_000, |index| format!("a{index}: __typename")))),
        refused(
            "aliases behind a fragment",
            &format!(
                "{{ ...A ...A }} fragment A on Query {{ {} }}",
                repeated(60, |index| format!("a{index}: __typename"))
            ),
        ),
        refused("passwords by alias", &format!("mutation {{ {sign_ins} }}")),
        refused("fields", &format!("{{ {} }}", "__typename ".repeat(2_000))),
        refused("directives", &format!("{{ __typename {} }}", "@skip(if: false) ".repeat(500))),
        refused("unknown directives", &format!("{{ __typename {} }}", "@a ".repeat(2_000))),
        refused("directives on variables", &format!("query($a: Int {}) {{ __typename }}", "@a ".repeat(500))),
        refused("a fragment bomb of 2^25", &doubling(25)),
        refused("a fragment bomb of 2^150", &doubling(150)),
        refused("a bomb that is not used", &doubling(25).replacen("{ ...f0 }", "{ __typename }", 1)),
        refused(
            "fragments",
            &format!(
                "{{ __typename }} {}",
                repeated(300, |index| format!("fragment f{index} on Query {{ __typename }}"))
            ),
        ),
        refused("operations", &repeated(100, |index| format!("query q{index} {{ __typename }}"))),
        refused(
            "fields inside fields",
            &format!("{{ {} {} }}", "runs { edges { node { integration { id ".repeat(5), "}".repeat(20)),
        ),
        refused("brackets", &"{ a ".repeat(10_000)),
        refused(
            "lists inside lists",
            &format!("{{ run(id: {}1{}) {{ id }} }}", "[".repeat(20_000), "]".repeat(20_000)),
        ),
        refused(
            "a type of lists",
            &format!("query($a: {}ID{}) {{ __typename }}", "[".repeat(5_000), "]".repeat(5_000)),
        ),
        refused(
            "objects inside objects",
            &format!(
                "{{ runs(filter: {}1{}) {{ edges {{ cursor }} }} }}",
                "{a: ".repeat(2_000),
                "}".repeat(2_000)
            ),
        ),
        refused(
            "pages inside pages",
            "{ tenants(first: 100) { edges { node { integrations(first: 100) { edges { node { runs(first: 100) { edges { node { id } } } } } } } } } }",
        ),
        refused("tokens", &"a ".repeat(30_000)),
        refused("more comments than a document may have", &"#\n".repeat(30_000)),
        refused("bytes", &format!("{{ __typename }} #{}", "x".repeat(200_000))),
        refused("a huge text", &format!("{{ run(id: \"{}\") {{ id }} }}", "x".repeat(200_000))),
        refused(
            "introspection in circles",
            "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }",
        ),
        refused(
            "introspection many times",
            &format!("{{ {} }}", repeated(30, |index| format!("a{index}: __schema {{ types {{ name }} }}"))),
        ),
    ]
}

fn invalid() -> Vec<Attack> {
    let long = "x".repeat(50);
    let refused = |name: &str, document: &str| Attack::document(name, document, 400, INVALID);
    vec![
        refused("a fragment of itself", "{ ...A } fragment A on Query { ...A }"),
        refused(
            "fragments in a circle",
            "{ ...A } fragment A on Query { viewer { ...B } } fragment B on Viewer { role ...C } fragment C on Viewer { ...B }",
        ),
        refused(
            "a circle that is not used",
            "{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }",
        ),
        refused(
            "names to compare with all others",
            &format!("{{ {} }}", repeated(900, |index| format!("{long}{index}"))),
        ),
        refused(
            "arguments to compare with all others",
            &format!(
                "{{ runs({}) {{ edges {{ cursor }} }} }}",
                repeated(900, |index| format!("{long}{index}: 1"))
            ),
        ),
        refused(
            "variables that nobody uses",
            &format!("query({}) {{ __typename }}", repeated(1_200, |index| format!("$a{index}: Int"))),
        ),
        refused(
            "variables that nobody defined",
            &format!("{{ {} }}", repeated(90, |index| format!("a{index}: run(id: $a{index}) {{ id }}"))),
        ),
        refused(
            "fields that conflict",
            &format!("{{ {} }}", repeated(300, |index| format!("run(id: \"{index}\") {{ id }}"))),
        ),
        refused(
            "types that are not there",
            &format!("{{ {} }}", repeated(400, |index| format!("... on T{index} {{ a }}"))),
        ),
        refused(
            "a field twice in an object",
            "{ runs(filter: {status: [FAILED], status: []}) { edges { cursor } } }",
        ),
        refused("values of no type", &format!("{{ run(id: [{}]) {{ id }} }}", "{a: 1} ".repeat(700))),
    ]
}

fn unparsable() -> Vec<Attack> {
    let refused = |name: &str, document: &str| Attack::document(name, document, 400, UNPARSABLE);
    vec![
        refused("a text without end", &format!("{{ run(id: \"{}", "\\\\".repeat(30_000))),
        refused("escapes", &format!("{{ run(id: \"{}\") {{ id }} }} }}", "\\u0000".repeat(10_000))),
        refused("a block text without end", &format!("{{ run(id: \"\"\"{}", " \n".repeat(30_000))),
        refused("comments", &format!("{} {{", "#\n".repeat(4_900))),
        refused(
            "a number without end",
            &format!("{{ runs(first: {}.) {{ edges {{ cursor }} }} }}", "9".repeat(60_000)),
        ),
        refused("half a document", "{ viewer { role "),
        refused("control characters", "{ viewer { \u{1}\u{7f}\u{202e} } }"),
        refused("a name twice", "query A { __typename } query A { __typename }"),
    ]
}

fn bodies() -> Vec<Attack> {
    let refused = |name: &str, body: String, code| Attack::body(name, body, 400, code);
    let bad = "BAD_REQUEST";
    let nested = |levels: usize| {
        format!(
            r#"{{"query":"{{ __typename }}","variables":{{"a":{}{}}}}}"#,
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    vec![
        refused("variables inside variables", nested(100), LIMIT),
        refused("variables without end", nested(100_000), bad),
        refused("a key twice", r#"{"query":"{ __typename }","query":"mutation { signOut { userErrors { code } } }"}"#.to_owned(), bad),
        refused("a key twice, written differently", r#"{"query":"{ __typename }","qu\u0065ry":"{ __typename }"}"#.to_owned(), bad),
        refused("a variable twice", r#"{"query":"query($a: ID!) { run(id: $a) { id } }","variables":{"a":"1","a":"2"}}"#.to_owned(), bad),
        refused("a hundred thousand keys", format!(r#"{{"query":"{{ __typename }}",{}"x":1}}"#, repeated(15_000, |index| format!(r#""k{index}":1,"#))), bad),
        refused("a batch", format!("[{}{{}}]", r#"{"query":"{ __typename }"},"#.repeat(1_000)), bad),
        refused("a number beyond all", r#"{"query":"query($n: Int) { runs(first: $n) { edges { cursor } } }","variables":{"n":1e999}}"#.to_owned(), bad),
        refused("half a surrogate", r#"{"query":"{ run(id: \"\ud800\") { id } }"}"#.to_owned(), bad),
        refused("an operation that is not there", json!({"query": "{ __typename }", "operationName": "x\n2026-11-25T00:00:00Z ERROR forged\u{1b}[31m"}).to_string(), bad),
        refused("a hash of another document", json!({"query": "{ __typename }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0".repeat(64)}}}).to_string(), bad),
        refused("a hash that nobody knows", json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0".repeat(64)}}}).to_string(), "PERSISTED_QUERY_NOT_FOUND"),
        refused("a subscription", json!({"query": "subscription { runChanged { id } }"}).to_string(), bad),
    ]
}

#[tokio::test]
async fn documents_that_explode_are_refused_before_they_do() {
    let trestle = program().await;
    let admin = trestle.admin().await;
    let attacks: Vec<Attack> = [floods(), invalid(), unparsable(), bodies()].into_iter().flatten().collect();
    all_are_refused(&trestle, &admin, &attacks).await;
    // Nobody is locked out by passwords that were never looked at.
    trestle.admin().await;
}
