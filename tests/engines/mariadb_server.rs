//! A MariaDB of our own: a fresh server in a folder of its own, on a free port, gone with the test.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running server; it is ended, by its own handle, when the last test lets go of it.
pub(crate) struct Server {
    child: Child,
    port: u16,
    databases: AtomicU32,
    folder: TempDir,
}

/// The server of this run. `None`, said aloud, when MariaDB is not installed.
pub(crate) fn server() -> Option<Arc<Server>> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    if let Some(running) = shared.upgrade() {
        return Some(running);
    }
    let is_installed =
        |program| ["/usr/sbin", "/usr/bin"].iter().any(|dir| Path::new(dir).join(program).exists());
    if !is_installed("mariadbd") || !is_installed("mariadb-install-db") {
        assert!(
            std::env::var_os("VANNA_REQUIRE_ENGINES").is_none(),
            "MariaDB is required, and not installed"
        );
        let note = "LEFT OUT: MariaDB is not installed here, so nothing was tried on it. \
                    Install it (Debian: apt-get install mariadb-server) to run these tests.";
        std::io::Write::write_all(&mut std::io::stderr(), format!("{note}\n").as_bytes()).unwrap();
        return None;
    }
    let server = Arc::new(Server::start());
    *shared = Arc::downgrade(&server);
    Some(server)
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0\n");
        let user: &[&str] = if is_root { &["--user=mysql"] } else { &[] };
        if is_root {
            let given = Command::new("chown").arg("mysql").arg(folder.path()).status().unwrap();
            assert!(given.success());
        }
        let data = format!("--datadir={}", folder.path().join("data").display());
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", &data])
            .args(user)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let owner = folder.path().join("owner.sql");
        let make = "CREATE USER owner@'%' IDENTIFIED BY 'owner';\nGRANT ALL ON *.* TO owner@'%' WITH GRANT OPTION;\n";
        std::fs::write(&owner, make).unwrap();
        certify(folder.path());
        for _attempt in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut start = Command::new("/usr/sbin/mariadbd");
            start.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin", &data]).args(user);
            start.args(["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"]);
            start.arg(format!("--port={port}"));
            start.arg(format!("--socket={}", folder.path().join("socket").display()));
            start.arg(format!("--init-file={}", owner.display()));
            for part in ["cert", "key"] {
                start.arg(format!("--ssl-{part}={}", folder.path().join(format!("{part}.pem")).display()));
            }
            let mut child = start.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if is_up(&mut child, port) {
                return Self { child, port, databases: AtomicU32::new(0), folder };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("MariaDB is installed and does not start")
    }

    /// Connection string of an empty database that nobody else uses, as its owner.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut owner = connect(&self.url("mysql")).await;
        owner.query_drop(format!("CREATE DATABASE {name} COLLATE utf8mb4_general_ci")).await.unwrap();
        self.url(&name)
    }

    /// The file of the authority that its certificate is from.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    fn url(&self, database: &str) -> String {
        format!("mysql://owner:owner@127.0.0.1:{}/{database}", self.port)
    }
}

/// Puts a certificate, its key and its authority into a folder.
fn certify(folder: &Path) {
    let authority = crate::tls::authority();
    let (certificate, key) = crate::tls::certificate(&authority);
    for (name, pem) in [("cert", certificate), ("key", key), ("authority", authority.pem())] {
        std::fs::write(folder.join(format!("{name}.pem")), pem).unwrap();
    }
}

/// Whether the server answers; whoever took the port meanwhile keeps it.
fn is_up(child: &mut Child, port: u16) -> bool {
    let late = Instant::now() + Duration::from_secs(60);
    while Instant::now() < late && child.try_wait().unwrap().is_none() {
        // The first byte of a greeting comes only from a server that is ready, accounts and all.
        if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) {
            let mut first = [0_u8; 5];
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            if std::io::Read::read_exact(&mut stream, &mut first).is_ok() && first[4] == 10 {
                return child.try_wait().unwrap().is_none();
            }
        }
        std::thread::yield_now();
    }
    false
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A plain connection, for changing things.
pub(crate) async fn connect(url: &str) -> Conn {
    let opts = OptsBuilder::from_opts(Opts::from_url(url).unwrap()).prefer_socket(false);
    Conn::new(opts).await.unwrap()
}

/// Statements of one text, each ended by `;` at the end of a line.
pub(crate) async fn batch(conn: &mut Conn, text: &str) {
    for sql in text.split(";\n").map(str::trim).filter(|sql| !sql.is_empty()) {
        conn.query_drop(sql.trim_end_matches(';')).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }
}
