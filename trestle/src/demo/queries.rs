//! What GraphiQL opens with in the demonstration: the walk through the product, a step a tab.

use api::http::{GraphiqlOptions, SignIn, Tab};

use super::tenants::People;

const WHAT_FAILED: &str = "\
query WhatFailed {
  viewer { role audience tenant { name } }
  failures(first: 10, filter: { status: [OPEN] }) {
    edges { node {
      id businessReference code summary suggestedAction responsibleParty retryable
      fieldErrors { path rule message }
      httpStatus technicalDetail record
      redactions { field reason }
      viewerCanRetry viewerCanEdit
      integration { name }
    } }
    pageInfo { hasNextPage endCursor }
  }
}";

const RUNS: &str = "\
query Runs {
  runs(first: 10) {
    edges { node {
      id status trigger triggeredBy queuedAt durationMs
      integration { name source { name } destination { name } }
      counts { read created updated unchanged skipped failed unaccounted }
      failures(first: 3) { edges { node { businessReference summary } } }
      events(first: 50) { edges { node { at type component message } } }
    } }
  }
}";

const EDIT_AND_RETRY: &str = "\
# Take the id and the record of a failure from the tab WhatFailed, as a tenant's admin or member.
mutation EditAndRetry($failureId: ID!, $record: JSON!) {
  editAndRetryFailure(input: { failureId: $failureId, record: $record }) {
    retry { id status total resolved failed remaining }
    userErrors { code field message }
  }
}";

const RETRY: &str = "\
mutation RetryWhatIsOpen {
  retryFailures(input: { filter: { code: [\"destination.rejected\", \"record.schema_violation\"] } }) {
    retry { id status total resolved failed remaining }
    userErrors { code field message }
  }
}";

const START: &str = "\
mutation StartRun($integrationId: ID!) {
  startRun(input: { integrationId: $integrationId, idempotencyKey: \"one click\" }) {
    run { id status }
    userErrors { code field message }
  }
}";

const WATCH: &str = "\
subscription Watch {
  runChanged { id status counts { read created updated unchanged failed } integration { name } }
}";

/// The tabs, and one button a person.
pub fn graphiql(people: &People) -> GraphiqlOptions {
    let tab = |title: &str, query: &str, variables: Option<&str>| Tab {
        title: title.to_owned(),
        query: query.to_owned(),
        variables: variables.map(str::to_owned),
        headers: None,
    };
    GraphiqlOptions {
        tabs: vec![
            tab(
                "What did not arrive, in the words of whoever looks. Sign in first, then as someone else.",
                WHAT_FAILED,
                None,
            ),
            tab("Runs with counts that balance, their failures and events", RUNS, None),
            tab(
                "Mend a record and send it again",
                EDIT_AND_RETRY,
                Some("{ \"failureId\": \"\", \"record\": {} }"),
            ),
            tab("Retry everything that is open, of one tenant", RETRY, None),
            tab("Start a run: pressed twice, it starts once", START, Some("{ \"integrationId\": \"\" }")),
            tab("Watch runs live", WATCH, None),
        ],
        sign_ins: people
            .users
            .iter()
            .map(|person| SignIn {
                title: person.title.clone(),
                email: person.email.clone(),
                password: person.password.clone(),
            })
            .collect(),
    }
}
