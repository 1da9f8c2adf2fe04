//! AWS Secrets Manager and S3 as moto's server speaks them (<https://docs.getmoto.org>), a program of its own that
//! `scripts/install-test-servers` installs. It keeps all in memory and checks no signature.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::client::http;
use super::process::{Process, free_port};
use super::wait::until;
use super::watchdog;

/// How long it may take until it answers: Python reads many files first.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Where its secrets are.
pub const REGION: &str = "eu-central-1";

/// A server that is the caller's alone; ends when dropped.
pub struct Moto {
    url: String,
    _process: Process,
}

impl Moto {
    /// Starts it.
    pub async fn start() -> Self {
        let directory = watchdog::directory("moto");
        let port = free_port();
        let mut command = Command::new(program());
        command.current_dir(&directory).args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let process = Process::start("moto", &mut command, &directory.join("server.log"), "KILL");
        let url = format!("http://127.0.0.1:{port}");
        until("moto's server answers", START_LIMIT, async || {
            match http().get(format!("{url}/moto-api/data.json")).send().await {
                Ok(response) if response.status().is_success() => Ok(()),
                other => Err(format!("{other:?}; its log:\n{}", process.log_tail())),
            }
        })
        .await;
        Self { url, _process: process }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes a secret.
    pub async fn create(&self, name: &str, value: &Value) {
        self.call("CreateSecret", json!({"Name": name, "SecretString": value.to_string()})).await;
    }

    /// Stores a new version of a secret.
    pub async fn put(&self, name: &str, value: &Value) {
        self.call("PutSecretValue", json!({"SecretId": name, "SecretString": value.to_string()})).await;
    }

    /// Deletes a secret at once.
    pub async fn delete(&self, name: &str) {
        self.call("DeleteSecret", json!({"SecretId": name, "ForceDeleteWithoutRecovery": true})).await;
    }

    /// Makes a bucket.
    pub async fn make_bucket(&self, name: &str) {
        let region = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        self.object(Method::PUT, name, region.into_bytes()).await;
    }

    /// Puts an object into a bucket: `bucket/in/orders.csv`.
    pub async fn put_object(&self, path: &str, content: Vec<u8>) {
        self.object(Method::PUT, path, content).await;
    }

    /// What an object holds.
    pub async fn object_bytes(&self, path: &str) -> Vec<u8> {
        self.object(Method::GET, path, Vec::new()).await
    }

    async fn object(&self, method: Method, path: &str, content: Vec<u8>) -> Vec<u8> {
        // Who asks at all may; who does not say who he is sees what is public.
        let credential =
            format!("Credential=test/20260101/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0");
        let request = http()
            .request(method, format!("{}/{path}", self.url))
            .header("authorization", format!("AWS4-HMAC-SHA256 {credential}"))
            .body(content);
        let response = request.send().await.expect("moto answers");
        let status = response.status();
        let bytes = response.bytes().await.expect("the whole reply");
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        bytes.to_vec()
    }

    async fn call(&self, operation: &str, body: Value) {
        let credential = format!("test/20260101/{REGION}/secretsmanager/aws4_request");
        let response = http()
            .post(&self.url)
            .header("x-amz-target", format!("secretsmanager.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"),
            )
            .body(body.to_string())
            .send()
            .await
            .expect("moto answers");
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        assert!(status.is_success(), "{operation}: {status} {text}");
    }
}

fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this program");
    let target = test.ancestors().nth(3).map(Path::to_owned).expect("target/debug/deps/it-…");
    let program = target.join("tools/moto/bin/moto_server");
    assert!(
        program.is_file(),
        "{} is missing: `make test` installs it, or scripts/install-test-servers alone",
        program.display()
    );
    program
}
