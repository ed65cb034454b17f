// SPDX-License-Identifier: BSD-2-Clause
//! Against goosebit, another's server for hawkBit's interface: what it has in its books after an update, a rollback, and a second
//! try. Without Python and goosebit, which is installed in a folder below `target` where it can be had, there is nothing to test.
//!
//! goosebit takes SWUpdate images only, so the bundle is in one.

mod world;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use molt_doorbell::{Reason, Status};
use serde_json::Value;
use world::{World, bundle};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/python/goosebit_server.py"
);
const PACKAGE: &str = "goosebit==0.2.12";

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// A Python that has it.
fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("goosebit");
    let own = folder.join("bin/python");
    let has = || {
        let version = "import importlib.metadata as m; assert m.version('goosebit') == '0.2.12'";
        succeeds(Command::new(&own).args(["-c", version]))
    };
    let made = has()
        || succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            && succeeds(Command::new(&own).args(["-m", "pip", "install", PACKAGE]))
            && has();
    made.then_some(own)
}

/// The server, until it is dropped.
struct Goosebit {
    python: PathBuf,
    url: String,
    process: Child,
    folder: tempfile::TempDir,
}

impl Drop for Goosebit {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Goosebit {
    fn start(python: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(&python);
        command
            .args([SCRIPT, "serve"])
            .arg(folder.path())
            .arg(address.port().to_string());
        let process = command
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            python,
            url: format!("http://{address}"),
            process,
            folder,
        };
        // A Python that starts on a busy machine takes its time.
        for _ in 0..1200 {
            if TcpStream::connect(address).is_ok() {
                return server;
            }
            if server.process.try_wait().unwrap().is_some() {
                break;
            }
            sleep(Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(server.folder.path().join("log"));
        panic!("goosebit does not start: {}", log.unwrap_or_default());
    }

    fn does(&self, words: &[&str]) -> String {
        let (what, rest) = words.split_first().unwrap();
        let mut command = Command::new(&self.python);
        let output = command
            .args([SCRIPT, what, &self.url])
            .args(rest)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn file(&self, bytes: &[u8]) -> String {
        let path = self.folder.path().join("disk.suit");
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn upload(&self, bytes: &[u8], version: &str) {
        let file = self.file(bytes);
        self.does(&["upload", &file, version]);
    }

    fn books(&self) -> Value {
        serde_json::from_str(&self.does(&["show", "guest-1"])).unwrap()
    }
}

/// Success and failure of the rollout with this name.
fn counts(books: &Value, name: &str) -> (i64, i64) {
    let rollouts = books["rollouts"].as_array().unwrap();
    let rollout = rollouts
        .iter()
        .find(|rollout| rollout["name"] == name)
        .unwrap();
    let count = |name: &str| rollout[name].as_i64().unwrap();
    (count("success_count"), count("failure_count"))
}

#[test]
fn goosebit_has_success_and_rollback_in_its_books() {
    let Some(python) = python() else {
        println!("skipped: no Python 3.11 or newer with {PACKAGE}, and it cannot be installed");
        return;
    };
    let (goosebit, world) = (Goosebit::start(python), World::default());
    let poll = || {
        let mut agent = world.agent(&goosebit.url, None);
        agent.server.attributes[1] = Some("hw_revision=1");
        agent
            .cycle()
            .unwrap_or_else(|trouble| panic!("{trouble}: {}", world.lines()))
    };
    // The device makes itself known; there is nothing for it yet.
    assert_eq!(poll().ended, None);
    let books = goosebit.books();
    assert_eq!(books["device"]["last_state"], "Registered");
    assert_eq!(books["device"]["hardware"]["model"], "molt");
    // A bundle by itself is nothing that it takes.
    let file = goosebit.file(&bundle(4, None));
    assert_eq!(goosebit.does(&["refuses", &file]), "422");

    goosebit.upload(&bundle(4, None), "4.0.0");
    assert_eq!(poll().ended, Some(true));
    assert_eq!(world.doorbell.borrow().offered, [bundle(4, None)]);
    let books = goosebit.books();
    assert_eq!(books["device"]["last_state"], "Finished");
    assert_eq!(books["device"]["sw_version"], "4.0.0");
    assert_eq!(counts(&books, "4.0.0"), (1, 0));
    assert!(
        books["log"]["log"]
            .as_str()
            .unwrap()
            .contains("disk: committed (generation 2, sequence 4)")
    );
    assert_eq!(poll().ended, None);

    goosebit.upload(&bundle(5, None), "5.0.0");
    world.doorbell.borrow_mut().ends = [(Status::RolledBack, Reason::Heartbeat)].into();
    assert_eq!(poll().ended, Some(false));
    let books = goosebit.books();
    assert_eq!(books["device"]["last_state"], "Error");
    assert_eq!(books["device"]["sw_version"], "4.0.0");
    assert_eq!(counts(&books, "5.0.0"), (0, 1));
    assert!(
        books["log"]["log"]
            .as_str()
            .unwrap()
            .contains(Reason::Heartbeat.text())
    );
    assert_eq!(poll().ended, None);

    // Somebody wants it again. goosebit gives it the same number; it was gone meanwhile, so it is another action.
    goosebit.does(&["force", "guest-1"]);
    assert_eq!(poll().ended, Some(true));
    let books = goosebit.books();
    assert_eq!(books["device"]["last_state"], "Finished");
    assert_eq!(counts(&books, "5.0.0"), (1, 1));
    assert_eq!(world.doorbell.borrow().sequence, 5);
}
