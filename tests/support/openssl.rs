//! Certificates and servers made with the `openssl` command.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory that is removed with this value.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Directory {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let number = LAST.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("cbsvc-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Runs a command in the directory. Arguments are separated by spaces.
    pub fn openssl(&self, arguments: &str) {
        let output = command(&self.0, arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {error}");
    }

    /// Makes an authority, `ca.pem` and `ca.key`.
    pub fn make_authority(&self) {
        self.openssl(&format!(
            "req -x509 {NEW_KEY} -keyout ca.key -out ca.pem -days 2 -subj /CN=Authority"
        ));
    }

    /// Makes a certificate of the authority and its key, with these lines of extensions.
    pub fn make_certificate(&self, name: &str, extensions: &str) {
        self.openssl(&format!(
            "req {NEW_KEY} -keyout {name}.key -out {name}.csr -subj /CN=localhost"
        ));
        self.write(
            &format!("{name}.ext"),
            format!("basicConstraints=CA:FALSE\n{extensions}"),
        );
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile {name}.ext"
        ));
    }

    /// Starts a server with a certificate of the directory.
    pub fn start_server(&self, name: &str, arguments: &str) -> TlsServer {
        let arguments = format!("s_server -accept 127.0.0.1:0 -cert {name}.pem -key {name}.key -www -naccept 100 {arguments}");
        let mut process = command(&self.0, &arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let accepting = lines
            .map_while(Result::ok)
            .find(|line| line.starts_with("ACCEPT"));
        let port = accepting
            .expect("openssl listens")
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        TlsServer { process, port }
    }
}

const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

fn command(directory: &Path, arguments: &str) -> Command {
    let mut command = Command::new("openssl");
    command
        .args(arguments.split_whitespace())
        .current_dir(directory);
    command
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server that ends with this value.
pub struct TlsServer {
    process: Child,
    pub port: u16,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
