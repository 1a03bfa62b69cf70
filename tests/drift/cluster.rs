//! A PostgreSQL of our own: a fresh cluster in a folder of its own, on a free port, gone with the test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// A running cluster; it is stopped when the last test lets go of it.
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
}

/// The cluster of this run. `None`, said aloud, when PostgreSQL is not installed.
pub(crate) fn cluster() -> Option<Arc<Cluster>> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    if let Some(running) = shared.upgrade() {
        return Some(running);
    }
    let Some(programs) = programs() else {
        let note = "LEFT OUT: PostgreSQL is not installed here, so nothing was tried on it. \
                    Install it (Debian: apt-get install postgresql) to run these tests.";
        std::io::Write::write_all(&mut std::io::stderr(), format!("{note}\n").as_bytes()).unwrap();
        return None;
    };
    let cluster = Arc::new(Cluster::start(programs));
    *shared = Arc::downgrade(&cluster);
    Some(cluster)
}

/// The newest server's folder of programs.
fn programs() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let found = installed.filter_map(|entry| Some(entry.ok()?.path()));
    let newest = found.filter(|path| path.join("bin/initdb").exists()).max_by_key(version)?;
    Some(newest.join("bin"))
}

impl Cluster {
    fn start(programs: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            // The server refuses to run as root.
            done(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let data = folder.path().join("data");
        let init =
            ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "--locale=C.UTF-8"];
        done(as_server(&programs.join("initdb")).args(init).arg("--pgdata").arg(&data));
        for _attempt in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let options = format!(
                "-p {port} -k {} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=40",
                folder.path().display()
            );
            let mut start = as_server(&programs.join("pg_ctl"));
            start.args(["start", "--wait", "--silent", "-o", &options, "-D"]).arg(&data);
            // Whoever took the port meanwhile keeps it.
            let log = folder.path().join("log");
            if start.arg("-l").arg(&log).status().unwrap().success() {
                return Self { folder, programs, port, databases: AtomicU32::new(0) };
            }
        }
        panic!("PostgreSQL is installed and does not start")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Connection string of an empty database that nobody else uses.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let client = self.connect("postgres").await;
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        self.dsn(&name)
    }

    fn dsn(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    async fn connect(&self, database: &str) -> Client {
        connect(&self.dsn(database)).await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = as_server(&self.programs.join("pg_ctl"));
        let _ = stop.args(["stop", "--wait", "--silent", "-m", "immediate", "-D"]).arg(self.data()).status();
    }
}

/// A plain connection, for changing things.
pub(crate) async fn connect(dsn: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(dsn, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn as_server(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program).current_dir("/");
    command
}

fn is_root() -> bool {
    let Output { stdout, .. } = Command::new("id").arg("-u").output().unwrap();
    stdout.starts_with(b"0\n")
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
