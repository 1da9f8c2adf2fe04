//! MariaDB or MySQL in a temporary directory, from the installed binaries, for the tests of a program. It offers TLS,
//! with a certificate of its own for [`HOST`].

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Of the user [`USER`].
pub const PASSWORD: &str = "it's \"secret\"";
/// May do everything, from 127.0.0.1.
pub const USER: &str = "trestle";
/// The name in the certificate.
pub const HOST: &str = "db.test";
/// How long it may take until it listens, on a machine that does other things too.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A server; stopped when the last test lets go of it.
pub struct Server {
    _dir: tempfile::TempDir,
    process: Child,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// Who signed its certificate, in PEM.
    pub ca: String,
}

impl Server {
    /// The one of this program.
    pub fn shared() -> Arc<Self> {
        static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start());
        *shared = Arc::downgrade(&server);
        server
    }

    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let is_root =
            fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let user = if is_root { vec!["--user=root"] } else { Vec::new() };
        let data_option = format!("--datadir={}", data.display());
        let program = match program(&["mariadbd"]) {
            Some(mariadbd) => {
                let install =
                    program(&["mariadb-install-db"]).expect("mariadb-install-db comes with mariadbd");
                run(Command::new(install)
                    .args(["--no-defaults", "--skip-test-db", &data_option])
                    .args(&user));
                mariadbd
            }
            None => {
                let mysqld =
                    program(&["mysqld"]).expect("these tests need mariadbd or mysqld; make test installs it");
                run(Command::new(&mysqld)
                    .args(["--no-defaults", "--initialize-insecure", &data_option])
                    .args(&user));
                mysqld
            }
        };
        let init = dir.path().join("init.sql");
        let password = PASSWORD.replace('\'', "''");
        fs::write(
            &init,
            format!(
                "CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{password}';\n\
                 GRANT ALL ON *.* TO {USER}@'127.0.0.1' WITH GRANT OPTION;\n"
            ),
        )
        .unwrap();
        let ca = certificates(dir.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = dir.path().join("log");
        let file = |option: &str, name: &str| format!("--{option}={}", dir.path().join(name).display());
        let process = Command::new(program)
            .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", &data_option])
            .args([
                "--innodb-buffer-pool-size=32M",
                "--innodb-flush-log-at-trx-commit=0",
                &format!("--port={port}"),
            ])
            .args([file("socket", "socket"), file("pid-file", "pid"), file("init-file", "init.sql")])
            .args([file("ssl-ca", "ca.pem"), file("ssl-cert", "cert.pem"), file("ssl-key", "key.pem")])
            .args(&user)
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self { _dir: dir, process, port, ca };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.process.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > START_LIMIT {
                panic!(
                    "the server did not start ({ended:?}): {}",
                    fs::read_to_string(&log).unwrap_or_default()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Writes `ca.pem`, `cert.pem` and `key.pem`, and answers with the first.
fn certificates(dir: &Path) -> String {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![HOST.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let ca = authority.pem();
    for (name, text) in [("ca.pem", &ca), ("cert.pem", &certificate.pem()), ("key.pem", &key.serialize_pem())]
    {
        fs::write(dir.join(name), text).unwrap();
    }
    ca
}

/// The first of these programs that is installed, also where only administrators look.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let all = directories.flat_map(|directory| names.iter().map(move |name| directory.join(name)));
    all.into_iter().find(|path| path.is_file())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
