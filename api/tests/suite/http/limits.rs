//! Documents that ask for too much are refused at once, with a reason.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{Answer, Server, answer};

/// Far above the few milliseconds that a refusal takes in a release build, far below what a bomb would take.
const AT_ONCE: Duration = Duration::from_millis(500);

async fn refused_at_once(server: &Server, query: &str) -> Answer {
    let start = Instant::now();
    let answer = server.query_as("good", query).await;
    let duration = start.elapsed();
    assert!(duration < AT_ONCE, "{duration:?}");
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(!answer.body.as_object().unwrap().contains_key("data"));
    answer
}

/// Fragments that each spread the next one twice.
fn doubling(levels: u32) -> String {
    let mut query = "{ thing { ...F0 } }".to_owned();
    for level in 0..levels {
        let next = level + 1;
        write!(query, " fragment F{level} on Thing {{ ...F{next} ...F{next} }}").unwrap();
    }
    write!(query, " fragment F{levels} on Thing {{ id }}").unwrap();
    query
}

#[tokio::test]
async fn fragment_bombs() {
    let server = Server::start().await;
    for (levels, limit, maximum) in
        [(10, "selections", 1000), (22, "selections", 1000), (30, "depth", 30), (150, "depth", 30)]
    {
        let answer = refused_at_once(&server, &doubling(levels)).await;
        assert_eq!(answer.code(), "LIMIT_EXCEEDED", "{levels}: {}", answer.body);
        assert_eq!(answer.body["errors"][0]["extensions"]["limit"], limit);
        assert_eq!(answer.body["errors"][0]["extensions"]["maximum"], maximum);
    }
    assert_eq!(
        refused_at_once(&server, &doubling(250)).await.body["errors"][0]["extensions"]["limit"],
        "fragments"
    );
    // Unused, so only the walk over fragments meets it.
    let unused = doubling(30).replacen("{ thing { ...F0 } }", "{ hello }", 1);
    assert_eq!(refused_at_once(&server, &unused).await.code(), "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn circular_fragments() {
    let server = Server::start().await;
    for query in [
        "{ thing { ...A } } fragment A on Thing { ...A }",
        "{ thing { ...A } } fragment A on Thing { child { ...B } } fragment B on Thing { child { ...A } }",
        "{ hello } fragment A on Thing { ...B } fragment B on Thing { ...A }",
    ] {
        let answer = refused_at_once(&server, query).await;
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
        assert!(answer.message().contains("contains itself"), "{}", answer.message());
    }
}

#[tokio::test]
async fn floods() {
    let server = Server::start().await;
    let repeat = |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<String>();
    for (limit, query) in [
        ("aliases", format!("{{ {} }}", repeat(1000, &|index| format!("a{index}: __typename ")))),
        ("aliases", format!("{{ {} }}", repeat(200, &|index| format!("a{index}: hello ")))),
        ("selections", format!("{{ {} }}", "hello ".repeat(1001))),
        ("directives", format!("{{ hello {} }}", "@include(if: true) ".repeat(51))),
        ("directives", format!("{{ __typename {} }}", "@nonsense ".repeat(51))),
        ("directives", format!("query A {} {{ hello }}", "@nonsense ".repeat(51))),
        ("documentTokens", format!("{{ {} }}", "@a ".repeat(3000))),
        ("documentTokens", format!("{{ echo(text: [{}]) }}", "1 ".repeat(6000))),
        ("documentBytes", "garbage ".repeat(8200)),
        ("documentBytes", format!("{{ echo(text: \"{}\") }}", "x".repeat(70_000))),
        ("operations", repeat(51, &|index| format!("query Q{index} {{ hello }} "))),
        ("depth", format!("{{ thing {} id {} }}", "{ child ".repeat(15) + "{", "}".repeat(16))),
        ("documentNesting", "{ a ".repeat(10_000)),
        ("documentNesting", format!("{{ echo(text: {} }}", "[".repeat(50_000))),
        ("documentNesting", format!("query A($a: {}Int{}) {{ hello }}", "[".repeat(5000), "]".repeat(5000))),
        ("documentNesting", format!("{{ echo(text: {}1{}) }}", "{a: ".repeat(200), "}".repeat(200))),
    ] {
        let answer = refused_at_once(&server, &query).await;
        assert_eq!(answer.code(), "LIMIT_EXCEEDED", "{limit}: {}", answer.body);
        assert_eq!(answer.body["errors"][0]["extensions"]["limit"], limit, "{}", answer.body);
    }
    let unknown =
        refused_at_once(&server, &format!("{{ {} }}", repeat(990, &|index| format!("x{index} ")))).await;
    assert_eq!(unknown.code(), "GRAPHQL_VALIDATION_FAILED");
    let errors = unknown.body["errors"].as_array().unwrap();
    assert_eq!(errors.last().unwrap()["message"], "There are 940 more errors.");
    let aliases =
        refused_at_once(&server, &format!("{{ {} }}", repeat(200, &|index| format!("a{index}: hello "))))
            .await;
    assert_eq!(
        aliases.message(),
        "The query has 200 aliases (with its fragments expanded); at most 100 are allowed."
    );
}

#[tokio::test]
async fn the_largest_bodies() {
    let server = Server::start().await;
    let garbage = refused_at_once(&server, &"(}{§ ".repeat(40_000)).await;
    assert_eq!(garbage.body["errors"][0]["extensions"]["limit"], "documentBytes");
    let nested = format!("{{\"query\":\"{{ hello }}\",\"variables\":{{\"a\":{}", "[".repeat(200_000));
    let start = Instant::now();
    let refused = answer(server.post_text(nested)).await;
    assert!(start.elapsed() < AT_ONCE);
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "BAD_REQUEST"));
}

#[tokio::test]
async fn what_is_just_within_the_limits_is_answered() {
    let server = Server::start().await;
    let aliases: String = (0..100).map(|index| format!("a{index}: hello ")).collect();
    assert_eq!(server.query(&format!("{{ {aliases} }}")).await.status, 200);
    assert_eq!(server.query(&format!("{{ {} }}", "hello ".repeat(1000))).await.status, 200);
    let deepest = format!("{{ thing {} id {} }}", "{ child ".repeat(13) + "{", "}".repeat(14));
    assert_eq!(server.query(&deepest).await.status, 200);
    let doubled = server.query(&doubling(8)).await;
    assert_eq!(doubled.body, json!({ "data": { "thing": { "id": 1 } } }));
}

#[tokio::test]
async fn cost_grows_with_page_sizes() {
    let server = Server::start().await;
    let nested = |arguments: &str| {
        format!(
            "{{ things{arguments} {{ edges {{ node {{ things{arguments} {{ edges {{ node {{ things{arguments} {{ edges {{ node {{ id }} }} }} }} }} }} }} }} }} }}"
        )
    };
    for arguments in ["(first: 100)", "(last: 100)", "(first: 1000000)", "(first: 1, last: 90)", ""] {
        let answer = refused_at_once(&server, &nested(arguments)).await;
        assert_eq!(answer.body["errors"][0]["extensions"]["limit"], "cost", "{arguments}: {}", answer.body);
    }
    for arguments in ["(first: 10)", "(first: 0)", "(first: -1)"] {
        assert_eq!(server.query(&nested(arguments)).await.status, 200, "{arguments}");
    }
    let wide =
        server.query("{ things(first: 1000000) { edges { node { id } } pageInfo { hasNextPage } } }").await;
    assert_eq!(wide.status, 200, "page sizes are for resolvers to refuse");
    let by_variable = format!("query A($n: Int = 100) {}", nested("(first: $n)"));
    assert_eq!(refused_at_once(&server, &by_variable).await.body["errors"][0]["extensions"]["limit"], "cost");
    let small = answer(server.post(&json!({ "query": by_variable, "variables": { "n": 5 } }))).await;
    assert_eq!(
        small.body["data"]["things"]["edges"][0]["node"]["things"]["edges"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn introspection_is_for_those_who_may() {
    let server = Server::start().await;
    let standard = include_str!("introspection.graphql");
    let whole = server.query_as("good", standard).await;
    assert_eq!(whole.status, 200, "{}", whole.body["errors"]);
    assert_eq!(whole.body["data"]["__schema"]["queryType"]["name"], "Query");
    for query in [
        standard,
        "{ __schema { types { name } } }",
        "{ hello ...F } fragment F on Query { __type(name: \"Query\") { name } }",
    ] {
        let refused = server.query(query).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (403, "FORBIDDEN"), "{query}");
    }
    assert_eq!(server.query("{ __typename }").await.body, json!({ "data": { "__typename": "Query" } }));
    let circles = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    let refused = refused_at_once(&server, circles).await;
    assert_eq!(refused.body["errors"][0]["extensions"]["limit"], "introspection");
}
