// SPDX-License-Identifier: BSD-2-Clause
//! The console of a machine that runs here, for others: a Unix socket on which everybody reads its lines and types.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::{fs, thread};

use anyhow::{Context, Result};

/// Those who are connected.
type Streams = Arc<Mutex<Vec<UnixStream>>>;

/// The socket.
pub struct Port {
    path: PathBuf,
    streams: Streams,
    typed: mpsc::Receiver<String>,
}

impl Port {
    /// Makes the socket. One that an earlier run has left there is replaced.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(path: &Path) -> Result<Self> {
        if UnixStream::connect(path).is_err() {
            // There may be none.
            let _ = fs::remove_file(path);
        }
        let listener = UnixListener::bind(path)
            .with_context(|| format!("{}: the socket cannot be made", path.display()))?;
        let streams = Streams::default();
        let (sender, typed) = mpsc::channel();
        let all = streams.clone();
        thread::spawn(move || accept(&listener, &all, &sender));
        Ok(Self {
            path: path.to_owned(),
            streams,
            typed,
        })
    }

    /// Tells everybody a line of the console. Who does not read it is not told any more.
    pub fn say(&mut self, line: &str) {
        if let Ok(mut streams) = self.streams.lock() {
            streams.retain_mut(|stream| writeln!(stream, "{line}").is_ok());
        }
    }

    /// The next line that somebody has typed.
    pub fn typed(&mut self) -> Option<String> {
        self.typed.try_recv().ok()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Nobody is hurt by one that is left.
        let _ = fs::remove_file(&self.path);
    }
}

fn accept(listener: &UnixListener, streams: &Streams, sender: &mpsc::Sender<String>) {
    for stream in listener.incoming().flatten() {
        let Ok(reader) = stream.try_clone() else {
            continue;
        };
        // Somebody who reads nothing must not hold the machine up.
        let _ = stream.set_write_timeout(Some(std::time::Duration::from_millis(100)));
        if let Ok(mut streams) = streams.lock() {
            streams.push(stream);
        }
        let sender = sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
}
