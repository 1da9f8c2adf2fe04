//! A caller of the API, who makes what a measurement needs. Deliberately absent: types generated from the schema.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// Longer than any answer may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// Longer than any run may take.
const RUN_LIMIT: Duration = Duration::from_secs(900);

/// A caller who is signed in.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    /// A caller who has a token; the address is that of the API.
    pub fn with_token(url: &str, token: &str) -> anyhow::Result<Self> {
        // An error means that it was done before.
        rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_LIMIT).build()?;
        Ok(Self { http, url: url.to_owned(), token: token.to_owned() })
    }

    /// Signs in.
    pub async fn sign_in(url: &str, email: &str, password: &str) -> anyhow::Result<Self> {
        let mut client = Self::with_token(&format!("{url}/graphql"), "")?;
        let input = json!({"email": email, "password": password});
        let payload = client.mutate("signIn", input, "accessToken").await?;
        client.token = text(&payload["accessToken"]).to_owned();
        Ok(client)
    }

    /// Sends an operation and gives its data.
    pub async fn query(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let mut request = self.http.post(&self.url).json(&json!({"query": query, "variables": variables}));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        let response = request.send().await.context("calling the API")?;
        let status = response.status();
        let body = response.bytes().await.context("calling the API")?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        ensure!(status.is_success() && body["errors"].is_null(), "{query}: {status} {body:#}");
        Ok(body["data"].clone())
    }

    /// Calls the mutation `name` and gives its payload, of which `selection` is taken.
    pub async fn mutate(&self, name: &str, input: Value, selection: &str) -> anyhow::Result<Value> {
        let (first, rest) = name.split_at(1);
        let query = format!(
            "mutation($input: {}{rest}Input!) {{ {name}(input: $input) {{ {selection} userErrors {{ code field message }} }} }}",
            first.to_uppercase()
        );
        let payload = self.query(&query, json!({"input": input})).await?[name].clone();
        ensure!(
            payload["userErrors"].as_array().is_none_or(Vec::is_empty),
            "{name} is refused: {:#}",
            payload["userErrors"]
        );
        Ok(payload)
    }

    /// Makes a tenant and gives its id.
    pub async fn tenant(&self, slug: &str) -> anyhow::Result<String> {
        let input = json!({"slug": slug, "name": slug});
        Ok(text(&self.mutate("createTenant", input, "tenant { id }").await?["tenant"]["id"]).to_owned())
    }

    /// Makes a system and gives its id.
    pub async fn system(
        &self,
        tenant: &str,
        connector: &str,
        config: Value,
        credentials: Option<Value>,
    ) -> anyhow::Result<String> {
        // A tenant may have two databases.
        let name = match config["database"].as_str() {
            Some(database) => format!("{connector} {database}"),
            None => connector.to_owned(),
        };
        let mut input = json!({"tenantId": tenant, "name": name, "connector": connector, "config": config});
        if let Some(credentials) = credentials {
            input["credentials"] = credentials;
        }
        Ok(text(&self.mutate("createSystem", input, "system { id }").await?["system"]["id"]).to_owned())
    }

    /// Makes an integration of one stream and gives its id.
    pub async fn integration(
        &self,
        tenant: &str,
        source: &str,
        destination: &str,
        stream: Value,
    ) -> anyhow::Result<String> {
        let input = json!({
            "tenantId": tenant, "name": stream["name"], "sourceId": source, "destinationId": destination,
            "streams": [stream],
        });
        let payload = self.mutate("createIntegration", input, "integration { id }").await?;
        Ok(text(&payload["integration"]["id"]).to_owned())
    }

    /// Starts a run and gives its id.
    pub async fn start_run(&self, integration: &str) -> anyhow::Result<String> {
        let payload = self.mutate("startRun", json!({"integrationId": integration}), "run { id }").await?;
        Ok(text(&payload["run"]["id"]).to_owned())
    }

    /// Starts a run of each of these integrations of one tenant by one call.
    pub async fn start_runs(&self, integrations: &[String]) -> anyhow::Result<()> {
        let input = json!({"integrationIds": integrations});
        self.mutate("startRuns", input, "runs { id }").await.map(drop)
    }

    /// A run: `status queuedAt startedAt finishedAt counts`.
    pub async fn run(&self, run: &str) -> anyhow::Result<Value> {
        let query = "query($id: ID!) { run(id: $id) { status queuedAt startedAt finishedAt
            counts { read created updated unchanged skipped failed } failure { code summary } } }";
        Ok(self.query(query, json!({"id": run})).await?["run"].clone())
    }

    /// Waits until a run has succeeded, and gives it.
    pub async fn succeeded(&self, run: &str, poll: Duration) -> anyhow::Result<Value> {
        let ended = self.finished(run, poll).await?;
        ensure!(ended["status"] == "SUCCEEDED", "the run did not succeed: {ended:#}");
        Ok(ended)
    }

    /// Waits until an integration is held.
    pub async fn held(&self, integration: &str, poll: Duration) -> anyhow::Result<()> {
        let query = "query($id: ID!) { integration(id: $id) { status } }";
        let waiting = async {
            while self.query(query, json!({"id": integration})).await?["integration"]["status"] != "HELD" {
                tokio::time::sleep(poll).await;
            }
            Ok(())
        };
        tokio::time::timeout(RUN_LIMIT, waiting).await.context("the integration is not held")?
    }

    /// Waits until a run has ended, however it did.
    pub async fn finished(&self, run: &str, poll: Duration) -> anyhow::Result<Value> {
        let waiting = async {
            loop {
                let now = self.run(run).await?;
                match now["status"].as_str() {
                    Some("QUEUED" | "RUNNING") => tokio::time::sleep(poll).await,
                    _ => return Ok(now),
                }
            }
        };
        tokio::time::timeout(RUN_LIMIT, waiting).await.context("the run does not end")?
    }
}

/// A time of a run, in milliseconds since 1970.
pub fn milliseconds(time: &Value) -> anyhow::Result<i64> {
    let time =
        chrono::DateTime::parse_from_rfc3339(text(time)).with_context(|| format!("the time {time}"))?;
    Ok(time.timestamp_millis())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
