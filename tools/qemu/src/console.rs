// SPDX-License-Identifier: BSD-2-Clause
//! The run: start, read what is printed, stop.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::controller::{Controller, StartError};
use crate::limit::Limit;
use crate::machine::{Clock, Machine};
use crate::program::{self, Unfit};

/// Longer lines are cut: a guest may write without ever sending a newline.
const LONGEST_LINE: usize = 4096;

/// An observer's decision after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Go on.
    Continue,
    /// All was seen that there is to see: stop the machine.
    Stop,
}

/// Reads the console.
pub trait Observer {
    /// What was printed, as it comes, in pieces of any size. The lines follow.
    fn printed(&mut self, _bytes: &[u8]) {}
    /// The beginning of a line that has not ended yet, each time that some of it has come: a prompt.
    fn unfinished(&mut self, _text: &str) {}
    /// One line, without its end, at so much of the host's time after the start.
    fn line(&mut self, at: Duration, line: &str) -> Step;
    /// Whether it types at the console; without that, the machine reads the end of its input at once.
    fn types(&self) -> bool {
        false
    }
    /// What is typed next at the console. Asked for after each piece and in quiet moments.
    fn typed(&mut self) -> Option<Vec<u8>> {
        None
    }
    /// A moment without lines, at least ten times a second while it is quiet.
    fn quiet(&mut self, _at: Duration) -> Step {
        Step::Continue
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The observer had seen enough.
    Stopped,
    /// QEMU ended by itself.
    Exited {
        /// Its exit code, where it has one.
        code: Option<i32>,
    },
    /// The limit passed first, without the time in which the machine waited for a processor of the host.
    TimedOut,
}

/// Why a run could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// QEMU did not start, or cannot run the board.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The controller did not start.
    #[error("the controller: {0}")]
    Controller(#[from] StartError),
    /// QEMU refused its arguments or failed early.
    #[error("QEMU ended before the machine said anything: {0}")]
    Refused(String),
    /// Its output could not be read.
    #[error("the console cannot be read: {0}")]
    Console(#[from] io::Error),
}

/// Boots the machine and passes its console to the observer, until the machine or the observer ends.
pub fn run(machine: &Machine, observer: &mut dyn Observer) -> Result<End, RunError> {
    program::fit(machine.arch, &machine.board)?;
    if machine.clock != Clock::Host && machine.cores > 1 {
        return Err(Unfit::Cores(machine.cores).into());
    }
    if machine.clock != Clock::Host && !machine.board.counts_instructions {
        return Err(Unfit::Clock.into());
    }
    let program = program::program(machine.arch);
    // It runs until the machine has ended.
    let controller = machine.controller.as_ref().map(Controller::start);
    let controller = controller.transpose()?;
    let arguments = match &controller {
        Some(controller) => machine.with_line(&controller.line()).arguments(),
        None => machine.arguments(),
    };
    watch(&program, arguments, machine.limit, observer)
}

/// Runs a program that boots a machine and prints its console, and passes that to the observer, until the program or the
/// observer ends, or `limit` has passed.
///
/// # Errors
/// [`RunError`].
pub fn watch(
    program: &OsStr,
    arguments: Vec<OsString>,
    limit: Duration,
    observer: &mut dyn Observer,
) -> Result<End, RunError> {
    let child = supervised(program)
        .args(arguments)
        .stdin(if observer.types() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| program::absent(program, error))?;
    let limit = Limit::new(limit, child.id());
    let mut qemu = Running(child);
    let pieces = qemu.pieces()?;
    let input = qemu.input();
    let wait = match observer.types() {
        // A person sees what is typed when it comes back.
        true => Duration::from_millis(10),
        false => Duration::from_millis(100),
    };
    let mut lines = Lines::default();
    let mut said_something = false;
    loop {
        while let Some(bytes) = input.as_ref().and_then(|_| observer.typed()) {
            // If it cannot be written, the machine has ended, which is noticed below.
            let _ = input.as_ref().map(|input| input.send(bytes));
        }
        let Some(left) = limit.left() else {
            return Ok(End::TimedOut);
        };
        match pieces.recv_timeout(left.min(wait)) {
            Ok(piece) => {
                said_something |= !piece.is_empty();
                observer.printed(&piece);
                // An empty piece is the end.
                lines.add(&piece);
                while let Some(line) = lines.next(piece.is_empty()) {
                    if observer.line(limit.elapsed(), &line) == Step::Stop {
                        return Ok(End::Stopped);
                    }
                }
                if let Some(text) = lines.unfinished() {
                    observer.unfinished(&text);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                if observer.quiet(limit.elapsed()) == Step::Stop {
                    return Ok(End::Stopped);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let code = qemu.0.wait()?.code();
                if !said_something && code != Some(0) {
                    // `setpriv`, or a shell, reports a missing program in this way.
                    if code == Some(127) {
                        let error = io::ErrorKind::NotFound.into();
                        return Err(program::absent(program, error).into());
                    }
                    return Err(RunError::Refused(qemu.complaint()));
                }
                return Ok(End::Exited { code });
            }
        }
    }
}

/// A command that ends with this process, even if this process is killed, or ended with Ctrl-C without destructors being run.
/// A QEMU that keeps running would hold the disk's image. util-linux's `setpriv` asks the kernel for this (prctl(2),
/// PR_SET_PDEATHSIG) and then becomes the program. If it is not installed, the program is run without it.
pub(crate) fn supervised(program: &OsStr) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    match command.arg("true").output() {
        Ok(output) if output.status.success() => {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        _ => Command::new(program),
    }
}

/// QEMU, killed when dropped: no run leaves one behind.
struct Running(Child);

/// What was printed, in lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn add(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
    }

    /// The next whole line, without its end; at the `end`, what is left.
    fn next(&mut self, end: bool) -> Option<String> {
        let found = self
            .0
            .iter()
            .take(LONGEST_LINE)
            .position(|byte| *byte == b'\n');
        let count = match found {
            Some(at) => at + 1,
            None if self.0.len() >= LONGEST_LINE => LONGEST_LINE,
            None if end && !self.0.is_empty() => self.0.len(),
            None => return None,
        };
        let line: Vec<u8> = self.0.drain(..count).collect();
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn unfinished(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| String::from_utf8_lossy(&self.0).into_owned())
    }
}

impl Running {
    /// What it prints, as it comes; at its end, an empty piece.
    fn pieces(&mut self) -> io::Result<mpsc::Receiver<Vec<u8>>> {
        let mut output = self
            .0
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("no standard output"))?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut room = vec![0; 0x4000];
            loop {
                let count = output.read(&mut room).unwrap_or(0);
                let piece = room.get(..count).unwrap_or_default().to_vec();
                if sender.send(piece).is_err() || count == 0 {
                    break;
                }
            }
        });
        Ok(receiver)
    }

    /// Its input, if it has any. A machine that reads slowly does not hold up who types.
    fn input(&mut self) -> Option<mpsc::Sender<Vec<u8>>> {
        let mut input = self.0.stdin.take()?;
        let (sender, receiver) = mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            for bytes in receiver {
                if input.write_all(&bytes).is_err() {
                    break;
                }
            }
        });
        Some(sender)
    }

    fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut stream) = self.0.stderr.take() {
            // An error here only shortens the message.
            let _ = stream.read_to_string(&mut text);
        }
        text.trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;
    use std::time::Instant;

    #[test]
    fn pieces_become_lines_and_an_unfinished_one_is_seen() {
        let mut lines = Lines::default();
        lines.add(b"one\r\n\ntw");
        assert_eq!(lines.next(false).as_deref(), Some("one"));
        assert_eq!(lines.next(false).as_deref(), Some(""));
        assert_eq!(
            (lines.next(false), lines.unfinished().as_deref()),
            (None, Some("tw"))
        );
        lines.add(b"o\nthe end");
        assert_eq!(lines.next(true).as_deref(), Some("two"));
        assert_eq!(lines.next(true).as_deref(), Some("the end"));
        assert_eq!((lines.next(true), lines.unfinished()), (None, None));
        lines.add(&[b'x'; LONGEST_LINE + 1]);
        assert_eq!(lines.next(false).map(|line| line.len()), Some(LONGEST_LINE));
        assert_eq!(lines.next(false), None);
    }

    /// What a run starts, as a program of its own that is then killed: the child must not outlive it.
    #[test]
    fn what_is_started_ends_with_who_started_it() {
        if Command::new("setpriv").arg("--version").output().is_err() {
            return;
        }
        let folder = std::env::temp_dir().join(format!("molt-qemu-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("pid");
        // The parent is a shell, which `kill -9` ends at once; it starts the command as a run does.
        let command = supervised("sleep".as_ref());
        let mut line = String::new();
        for word in std::iter::once(command.get_program()).chain(command.get_args()) {
            line.push_str(&format!("{} ", word.to_str().unwrap()));
        }
        let script = format!("{line} 60 & echo $! > {}; wait", file.display());
        let mut parent = Command::new("sh").args(["-c", &script]).spawn().unwrap();
        let pid = loop {
            match fs::read_to_string(&file) {
                Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
                _ => thread::sleep(Duration::from_millis(20)),
            }
        };
        let process = Path::new("/proc").join(&pid).join("comm");
        let is = |name: &str| fs::read_to_string(&process).is_ok_and(|comm| comm.trim() == name);
        while !is("sleep") {
            thread::sleep(Duration::from_millis(20));
        }
        parent.kill().unwrap();
        parent.wait().unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        while is("sleep") && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        let left = is("sleep");
        fs::remove_dir_all(&folder).unwrap();
        assert!(!left, "process {pid} outlives who started it");
    }
}
