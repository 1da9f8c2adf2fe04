//! Redis as it is run in production: with a password and TLS, as a Cluster of three nodes, and as a master with a replica
//! that a Sentinel watches. Deliberately absent: a single plain server, which is in `redis`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::process::{Process, find_program, free_port};
use super::wait::until;
use super::watchdog;

const PASSWORD: &str = "a-long-password";
/// Longest wait until all servers agree.
const START_LIMIT: Duration = Duration::from_secs(60);
/// A Cluster's nodes talk at this much above their port (redis.conf, `cluster-port`).
const BUS_OFFSET: u16 = 10_000;

/// Some servers that are one Redis.
pub struct RedisSet {
    directory: PathBuf,
    servers: Vec<Process>,
    ports: Vec<u16>,
    url: String,
}

impl RedisSet {
    /// One server that speaks nothing but TLS, and asks for a password. Its authority is in [`Self::authority`].
    pub async fn tls() -> Self {
        let directory = watchdog::directory("redis-tls");
        write_certificates(&directory);
        let port = free_port();
        let mut set = Self::new(directory, format!("rediss://:{PASSWORD}@127.0.0.1:{port}/0"));
        set.start(
            port,
            &[
                "--port 0 --tls-port {port} --tls-cert-file server.pem --tls-key-file server.key",
                "--tls-ca-cert-file authority.pem --tls-auth-clients no --requirepass {password}",
            ],
        );
        set.wait_for("PONG", &["--tls", "--cacert", "authority.pem", "-a", PASSWORD, "ping"]).await;
        set
    }

    /// Three masters that share the slots, and ask for a password.
    pub async fn cluster() -> Self {
        let ports: Vec<u16> = (0..3).map(|_node| cluster_port()).collect();
        let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let url = format!("redis-cluster://:{PASSWORD}@{}", hosts.join(","));
        let mut set = Self::new(watchdog::directory("redis-cluster"), url);
        for port in ports {
            set.start(
                port,
                &[
                    "--port {port} --cluster-enabled yes --cluster-config-file nodes-{port}.conf",
                    "--cluster-node-timeout 2000 --requirepass {password} --masterauth {password}",
                ],
            );
        }
        set.wait_for("PONG", &["-a", PASSWORD, "ping"]).await;
        let mut arguments = vec!["--cluster", "create"];
        arguments.extend(hosts.iter().map(String::as_str));
        arguments.extend(["--cluster-replicas", "0", "--cluster-yes", "-a", PASSWORD]);
        until("the nodes make a Cluster", START_LIMIT, async || {
            let made = set.cli(0, &arguments);
            let text = String::from_utf8_lossy(&made.stdout).into_owned();
            if text.contains("All 16384 slots covered") { Ok(()) } else { Err(text) }
        })
        .await;
        set.wait_for("cluster_state:ok", &["-a", PASSWORD, "cluster", "info"]).await;
        set
    }

    /// A master, its replica, and a Sentinel that makes the replica the master a second after the master is gone.
    pub async fn sentinel() -> Self {
        let directory = watchdog::directory("redis-sentinel");
        let (master, replica, sentinel) = (free_port(), free_port(), free_port());
        let url = format!("redis-sentinel://:{PASSWORD}@127.0.0.1:{sentinel}/0?master=main");
        let mut set = Self::new(directory, url);
        let common = "--port {port} --requirepass {password} --masterauth {password}";
        set.start(master, &[common]);
        set.start(
            replica,
            &[common, &format!("--replicaof 127.0.0.1 {master}"), "--repl-diskless-sync-delay 0"],
        );
        set.wait_for(
            "master_link_status:up",
            &["-p", &replica.to_string(), "-a", PASSWORD, "info", "replication"],
        )
        .await;
        let configuration = format!(
            "port {sentinel}\nsentinel monitor main 127.0.0.1 {master} 1\nsentinel auth-pass main {PASSWORD}\n\
             sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n"
        );
        let file = set.directory.join("sentinel.conf");
        std::fs::write(&file, configuration).unwrap();
        set.launch(sentinel, &["sentinel.conf", "--sentinel"]);
        // It knows of the replica once it has asked the master.
        let port = sentinel.to_string();
        set.wait_for(&replica.to_string(), &["-p", &port, "sentinel", "replicas", "main"]).await;
        set
    }

    fn new(directory: PathBuf, url: String) -> Self {
        Self { directory, servers: Vec::new(), ports: Vec::new(), url }
    }

    /// Where the program under test connects.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// File of the authority that signed the certificate of [`Self::tls`].
    pub fn authority(&self) -> PathBuf {
        self.directory.join("authority.pem")
    }

    /// Ends one of the servers as a crash does, in the order in which they were started.
    pub fn kill(&mut self, server: usize) {
        self.servers.remove(server);
        self.ports.remove(server);
    }

    fn start(&mut self, port: u16, options: &[&str]) {
        let options = options.join(" ").replace("{port}", &port.to_string()).replace("{password}", PASSWORD);
        let options = format!("{options} --bind 127.0.0.1 --appendonly no");
        let mut arguments: Vec<&str> = options.split(' ').collect();
        arguments.extend(["--save", ""]);
        self.launch(port, &arguments);
    }

    fn launch(&mut self, port: u16, arguments: &[&str]) {
        let mut command = Command::new(program("redis-server"));
        command.current_dir(&self.directory).args(arguments);
        let log = self.directory.join(format!("{port}.log"));
        self.servers.push(Process::start("redis-server", &mut command, &log, "KILL"));
        self.ports.push(port);
    }

    /// Asks each server until it answers with this text.
    async fn wait_for(&self, text: &str, arguments: &[&str]) {
        let servers = if arguments.contains(&"-p") { 1 } else { self.ports.len() };
        for server in 0..servers {
            until(&format!("redis-cli answers {text}"), START_LIMIT, async || {
                let answer = self.cli(server, arguments);
                let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
                if answer.contains(text) { Ok(()) } else { Err(answer) }
            })
            .await;
        }
    }

    fn cli(&self, server: usize, arguments: &[&str]) -> Output {
        let mut command = Command::new(program("redis-cli"));
        command.current_dir(&self.directory).args([
            "-p",
            &self.ports[server].to_string(),
            "--no-auth-warning",
        ]);
        command.args(arguments).output().expect("redis-cli starts")
    }
}

fn program(name: &str) -> PathBuf {
    find_program(name, &[]).unwrap_or_else(|| panic!("`{name}` is not installed: `make test` installs it"))
}

fn cluster_port() -> u16 {
    std::iter::repeat_with(free_port).find(|port| *port < u16::MAX - BUS_OFFSET).expect("there is always one")
}

/// An authority, and a certificate of 127.0.0.1 that it signed.
fn write_certificates(directory: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    // Of one name with what it signs it would be taken for its own issuer.
    authority.distinguished_name.push(DnType::CommonName, "The tests' authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    for (name, text) in [
        ("authority.pem", authority.pem()),
        ("server.pem", server.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        std::fs::write(directory.join(name), text).unwrap();
    }
}
