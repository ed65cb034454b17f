// SPDX-License-Identifier: BSD-2-Clause
//! The run: start, read lines, stop.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::controller::{Controller, StartError};
use crate::limit::Limit;
use crate::machine::{Clock, Machine};
use crate::program::{self, Unfit};

/// Longer lines are cut: a guest may write without ever sending a newline.
const LONGEST_LINE: u64 = 4096;

/// An observer's decision after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Go on.
    Continue,
    /// All was seen that there is to see: stop the machine.
    Stop,
}

/// Reads the console's lines.
pub trait Observer {
    /// One line, without its end, at so much of the host's time after the start.
    fn line(&mut self, at: Duration, line: &str) -> Step;
    /// Whether it types at the console; without that, the machine reads the end of its input at once.
    fn types(&self) -> bool {
        false
    }
    /// The next line to type at the console, without its end. Asked for after each line and in quiet moments.
    fn typed(&mut self) -> Option<String> {
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
    let lines = qemu.lines()?;
    let mut input = qemu.0.stdin.take();
    let mut said_something = false;
    loop {
        while let Some(line) = input.as_ref().and_then(|_| observer.typed()) {
            // If it cannot be written, the machine has ended, which is noticed below.
            let _ = input.as_mut().map(|input| writeln!(input, "{line}"));
        }
        let Some(left) = limit.left() else {
            return Ok(End::TimedOut);
        };
        match lines.recv_timeout(left.min(Duration::from_millis(100))) {
            Ok(line) => {
                said_something = true;
                if observer.line(limit.elapsed(), &line) == Step::Stop {
                    return Ok(End::Stopped);
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

impl Running {
    fn lines(&mut self) -> io::Result<mpsc::Receiver<String>> {
        let output = self
            .0
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("no standard output"))?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(output);
            let mut bytes = Vec::new();
            while let Ok(read) = (&mut reader)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut bytes)
            {
                let text = String::from_utf8_lossy(&bytes);
                if read == 0 || sender.send(text.trim_end().to_owned()).is_err() {
                    break;
                }
                bytes.clear();
            }
        });
        Ok(receiver)
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
