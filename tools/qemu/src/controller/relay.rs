// SPDX-License-Identifier: BSD-2-Clause
//! The line: carries bytes between the two ends, each of which may be there or not. What is sent to an end that is not there is
//! lost.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::garble::Errors;
use super::process::Power;
use super::{Controller, HOST, OFF, OWN};

/// An end that may be connected.
type End = Arc<Mutex<Option<Arc<UnixStream>>>>;

/// What is done with the bytes of one direction.
struct Way {
    from: End,
    to: End,
    errors: Option<Mutex<Errors>>,
    /// The cuts that are left, the last first, and the bytes that have passed.
    cuts: Mutex<(Vec<u64>, u64)>,
    power: Power,
}

/// Starts threads that end when both ends have gone and the sockets are removed, or with the process.
pub(super) fn start(controller: &Controller, folder: &Path, power: &Power) -> io::Result<()> {
    let (host, own) = (End::default(), End::default());
    let way = |from: &End, to: &End, direction, mut cuts: Vec<u64>| Way {
        from: from.clone(),
        to: to.clone(),
        errors: (controller.garble).map(|garble| Mutex::new(Errors::new(garble, direction))),
        cuts: {
            cuts.reverse();
            Mutex::new((cuts, 0))
        },
        power: power.clone(),
    };
    let there = way(&host, &own, 0, controller.cuts.clone());
    let back = way(&own, &host, 1, Vec::new());
    for (name, way) in [(HOST, there), (OWN, back)] {
        let listener = UnixListener::bind(folder.join(name))?;
        thread::spawn(move || serve(&listener, &way));
    }
    Ok(())
}

/// Takes one connection after the other.
fn serve(listener: &UnixListener, way: &Way) {
    for stream in listener.incoming() {
        let Ok(stream) = stream.map(Arc::new) else {
            return;
        };
        *held(&way.from) = Some(stream.clone());
        way.carry(&stream);
        *held(&way.from) = None;
    }
}

fn held<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Way {
    /// Until the connection ends.
    fn carry(&self, mut stream: &UnixStream) {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let bytes = &mut buffer[..count];
            if let Some(errors) = &self.errors {
                held(errors).garble(bytes);
            }
            let cut = self.until_cut(bytes.len());
            let (first, rest) = bytes.split_at(cut.unwrap_or(bytes.len()));
            self.send(first);
            if cut.is_some() {
                self.power.off();
                thread::sleep(OFF);
                // If it does not start, the line stays silent, which the host reports.
                let _ = self.power.on();
            }
            self.send(rest);
        }
    }

    /// The number of these bytes after which the power goes.
    fn until_cut(&self, count: usize) -> Option<usize> {
        let (cuts, passed) = &mut *held(&self.cuts);
        let before = *passed;
        *passed += count as u64;
        let at = *cuts.last().filter(|at| **at <= *passed)?;
        cuts.pop();
        Some(at.saturating_sub(before) as usize)
    }

    fn send(&self, bytes: &[u8]) {
        let to = held(&self.to).clone();
        if let Some(mut to) = to.as_deref() {
            // It may have gone.
            let _ = to.write_all(bytes);
        }
    }
}
