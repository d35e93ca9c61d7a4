//! The broker under test: the real binary on free ports in a directory of its own.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Http, PATIENCE, Wire, eventually};

/// How to start a broker, if not with its defaults.
#[derive(Default)]
pub struct Launch {
    program: Option<PathBuf>,
    config: Option<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Launch {
    /// Another executable than [`binary`] has.
    #[must_use]
    pub fn program(mut self, path: &Path) -> Self {
        self.program = Some(path.to_owned());
        self
    }

    /// Lines of a `rabbitmq.conf`.
    #[must_use]
    pub fn config(mut self, lines: &str) -> Self {
        self.config = Some(lines.to_owned());
        self
    }

    /// One more command-line argument.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the broker and waits until it says that it is ready.
    #[must_use]
    pub fn start(self) -> Broker {
        let scratch = scratch_dir();
        let mut broker = Broker {
            child: None,
            program: self.program,
            data_dir: scratch.join("data"),
            config: self.config.map(|lines| {
                let path = scratch.join("rabbitmq.conf");
                fs::write(&path, lines).unwrap();
                path
            }),
            arguments: self.arguments,
            environment: self.environment,
            scratch,
            amqp: None,
            http: None,
            log: Arc::default(),
        };
        broker.restart();
        broker
    }
}

/// A running broker. Dropping it kills the process and removes its directory.
pub struct Broker {
    child: Option<Child>,
    program: Option<PathBuf>,
    scratch: PathBuf,
    data_dir: PathBuf,
    config: Option<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    amqp: Option<SocketAddr>,
    http: Option<SocketAddr>,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Broker {
    /// A broker with default settings in a fresh directory.
    #[must_use]
    pub fn start() -> Self {
        Launch::default().start()
    }

    /// Starts the process again on the same data directory, with new ports.
    pub fn restart(&mut self) {
        self.spawn();
        self.amqp = Some(self.address("AMQP listening on "));
        self.http = Some(self.address("management listening on http://"));
        self.wait_log("ready");
    }

    /// As [`Self::restart`], with arguments that hold for this start only.
    pub fn restart_with(&mut self, arguments: &[&str]) {
        let usual = self.arguments.clone();
        self.arguments
            .extend(arguments.iter().map(ToString::to_string));
        self.restart();
        self.arguments = usual;
    }

    /// Starts the process and kills it after that time, ready or not.
    pub fn stumble(&mut self, after: Duration) {
        self.spawn();
        thread::sleep(after);
        self.kill();
    }

    fn spawn(&mut self) {
        assert!(self.child.is_none(), "the broker still runs");
        let program = self.program.clone().unwrap_or_else(binary);
        let mut command = Command::new(&program);
        command
            .arg("--data-dir")
            .arg(&self.data_dir)
            .args([
                "--listen",
                "127.0.0.1:0",
                "--management-listen",
                "127.0.0.1:0",
                "--prometheus-listen",
                "127.0.0.1:0",
            ])
            .args(["--log-level", "info"])
            .args(&self.arguments)
            .current_dir(&self.scratch)
            .env("NO_COLOR", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(path) = &self.config {
            command.arg("--config").arg(path);
        }
        let mut child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", program.display()));
        self.log = Arc::default();
        follow(child.stdout.take().unwrap(), &self.log);
        follow(child.stderr.take().unwrap(), &self.log);
        self.child = Some(child);
    }

    /// Writes other lines into the `rabbitmq.conf` that it was started with.
    pub fn rewrite_config(&self, lines: &str) {
        fs::write(self.config.as_ref().unwrap(), lines).unwrap();
    }

    /// The address behind the first line of output that has `before` in it.
    pub fn address_behind(&mut self, before: &str) -> SocketAddr {
        self.address(before)
    }

    /// Every address that AMQP is spoken on.
    #[must_use]
    pub fn listeners(&self) -> Vec<SocketAddr> {
        let log = self.log();
        let named = log.split("AMQP listening on ").skip(1);
        named
            .map(|rest| rest.split_whitespace().next().unwrap().parse().unwrap())
            .collect()
    }

    fn address(&mut self, before: &str) -> SocketAddr {
        let line = self.wait_log(before);
        let rest = line.split_once(before).unwrap().1;
        let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || "[].:".contains(c)));
        rest[..end.unwrap_or(rest.len())]
            .parse()
            .unwrap_or_else(|e| panic!("{line:?}: {e}"))
    }

    /// Where AMQP is spoken.
    #[must_use]
    pub fn amqp(&self) -> SocketAddr {
        self.amqp.unwrap()
    }

    /// The management HTTP API, as guest.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(self.http.unwrap())
    }

    /// Where HTTP is spoken.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.http.unwrap()
    }

    /// A raw connection that went through the handshake as guest on `/`, with channel 1 open.
    #[must_use]
    pub fn open(&self) -> Wire {
        Wire::open(self.amqp())
    }

    /// The directory the broker keeps its data in.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Waits for a line of output that contains `text` and returns it.
    pub fn wait_log(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.log.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let exited = self
                .child
                .as_mut()
                .is_some_and(|c| c.try_wait().unwrap().is_some());
            assert!(
                !exited && Instant::now() < deadline,
                "no line with {text:?} from the broker (exited: {exited}); it said: {lines:#?}"
            );
            lines = self
                .log
                .grown
                .wait_timeout(lines, Duration::from_millis(50))
                .unwrap()
                .0;
        }
    }

    /// Everything the broker has written to its outputs so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lines.lock().unwrap().join("\n")
    }

    /// Ends the process as a power cut would: SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks the process to end (SIGTERM) and waits for it.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_exit()
    }

    /// Sends a signal by its name, without waiting for anything.
    pub fn signal(&self, name: &str) {
        // The shell's own kill: a bare system has no other.
        let line = format!("kill -{name} {}", self.pid());
        let status = Command::new("sh").args(["-c", &line]).status().unwrap();
        assert!(status.success(), "kill -{name}");
    }

    /// Waits until the process has ended by itself.
    pub fn wait_exit(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        eventually("the broker to exit", || child.try_wait().unwrap())
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Resident memory in KiB, from `/proc`.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(30).collect();
            eprintln!("the broker's last lines, newest first: {tail:#?}");
        }
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// One broker for all tests of this process that need nothing special; names keep them apart.
pub fn shared() -> &'static Broker {
    static SHARED: OnceLock<(Broker, Child)> = OnceLock::new();
    let (broker, _) = SHARED.get_or_init(|| {
        let broker = Broker::start();
        // Statics are never dropped: this shell sees its input end with this process, then
        // does what drop would have done.
        let janitor = Command::new("sh")
            .args(["-c", "read _; kill -9 $0; rm -rf \"$1\""])
            .arg(broker.pid().to_string())
            .arg(&broker.scratch)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        (broker, janitor)
    });
    broker
}

/// The broker's executable: `LEVERET_BIN`, or what cargo built beside this test.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = env::var_os("LEVERET_BIN") {
        return path.into();
    }
    let test = env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let path = profile.join("leveret");
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p server` first",
        path.display()
    );
    path
}

/// Runs the broker's executable to its end, for command lines that must not start it.
#[must_use]
pub fn run(args: &[&str]) -> Output {
    let mut child = Command::new(binary())
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the command to exit", || child.try_wait().unwrap());
    child.wait_with_output().unwrap()
}

fn follow(output: impl Read + Send + 'static, log: &Arc<Log>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            log.lines
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(&line).into_owned());
            log.grown.notify_all();
        }
    });
}

/// A fresh directory below the system's temporary one.
#[must_use]
pub fn scratch_dir() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = env::temp_dir().join(format!("leveret-test-{}-{n}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
}
