// SPDX-License-Identifier: BSD-2-Clause
//! A client of a controller's line, for the host: one request after the other, or an image with several at a time.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use molt_firmware::{Digest, Refusal, parse};
use molt_link::{Answer, Broken, DATA, Host, Identity, Request, Sensor, Ticket, Timing};

/// Data that are refused one after the other because some before them were lost: then it is not the line.
const GAPS: usize = 100;
/// How long one look at the line takes if nothing comes.
const LOOK: Duration = Duration::from_millis(5);

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The line's socket failed.
    #[error("the line to the controller: {0}")]
    Line(#[from] io::Error),
    /// There was no answer.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The controller has refused it.
    #[error("the controller refuses: {0}")]
    Refused(#[from] Refusal),
    /// The answer is to another request, which the link's ends do not let pass.
    #[error("the controller answers {0:?}")]
    Other(Answer),
}

/// What [`Client::transfer`] has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes are in the bank.
    Received(u32),
    /// A sensor was read meanwhile.
    Read(Sensor, i64),
}

/// A host's end of a line.
#[derive(Debug)]
pub struct Client {
    host: Host,
    session: u16,
    timing: Timing,
    stream: UnixStream,
    start: Instant,
}

impl Client {
    /// Connects to a line. `session` is a number that the last clients of this line did not have.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(line: &Path, session: u16, timing: Timing) -> io::Result<Self> {
        let stream = UnixStream::connect(line)?;
        stream.set_read_timeout(Some(LOOK))?;
        Ok(Self {
            host: Host::new(session, timing),
            session,
            timing,
            stream,
            start: Instant::now(),
        })
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// Asks for something and waits for the answer.
    ///
    /// # Errors
    /// There is no answer in time, or it is a refusal.
    pub fn ask(&mut self, request: &Request<'_>) -> Result<Answer, ClientError> {
        let ticket = self.submit(request);
        loop {
            let (found, answer) = self.next()?;
            if Some(found) == ticket {
                return answered(answer);
            }
        }
    }

    /// There is room: there are never more than fit.
    fn submit(&mut self, request: &Request<'_>) -> Option<Ticket> {
        self.host.submit(request, self.now()).ok()
    }

    /// Waits until a request ends.
    fn next(&mut self) -> Result<(Ticket, Result<Answer, Broken>), ClientError> {
        let mut buffer = [0; 1024];
        loop {
            if let Some(ended) = self.host.poll(self.now()) {
                return Ok(ended);
            }
            let count = self.host.transmit(self.now(), &mut buffer);
            if count > 0 {
                self.stream.write_all(&buffer[..count])?;
                continue;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(count) => self.host.receive(&buffer[..count], self.now()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What the controller says of itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn identify(&mut self) -> Result<Identity, ClientError> {
        match self.ask(&Request::Identify)? {
            Answer::Identity(identity) => Ok(identity),
            other => Err(ClientError::Other(other)),
        }
    }

    /// The value of a sensor.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn read(&mut self, sensor: Sensor) -> Result<i64, ClientError> {
        let sensor = sensor.number();
        match self.ask(&Request::Read { sensor })? {
            Answer::Value(value) => Ok(value),
            other => Err(ClientError::Other(other)),
        }
    }

    /// Transfers an image into the bank that does not run, with several data under way, and reads sensors meanwhile. Each step is
    /// reported.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn transfer(&mut self, image: &[u8], report: impl FnMut(Step)) -> Result<(), ClientError> {
        let result = self.send_image(image, report);
        if result.is_err() {
            // What is still under way belongs to it.
            self.session = self.session.wrapping_add(1);
            self.host = Host::new(self.session, self.timing);
        }
        result
    }

    fn send_image(
        &mut self,
        image: &[u8],
        mut report: impl FnMut(Step),
    ) -> Result<(), ClientError> {
        let digest = parse(image).map_or_else(|_| Digest::of(image), |image| image.digest());
        let length = image.len() as u32;
        self.ask(&Request::Begin { length, digest })?;
        let mut sensors = Sensor::ALL.into_iter().cycle();
        let mut reading = None;
        // What is in the bank, what is to be sent next, how many requests with data are under way, and whether one was lost.
        let (mut received, mut next, mut under_way, mut gap) = (0, 0, 0_u32, false);
        let mut gaps = 0;
        while received < length {
            // All goes on from the gap when nothing is under way that comes after it.
            if gap && under_way == 0 {
                (next, gap) = (received, false);
            }
            // One place is the sensors'.
            while !gap && next < length && self.host.room() > usize::from(reading.is_none()) {
                let rest = image.get(next as usize..).unwrap_or_default();
                let bytes = rest.get(..DATA).unwrap_or(rest);
                self.submit(&Request::Data {
                    offset: next,
                    bytes,
                });
                next += bytes.len() as u32;
                under_way += 1;
            }
            if reading.is_none()
                && let Some(sensor) = sensors.next()
            {
                let number = sensor.number();
                let ticket = self.submit(&Request::Read { sensor: number });
                reading = ticket.map(|ticket| (ticket, sensor));
            }
            let (ticket, answer) = self.next()?;
            if let Some((read, sensor)) = reading
                && read == ticket
            {
                reading = None;
                match answered(answer) {
                    Ok(Answer::Value(value)) => report(Step::Read(sensor, value)),
                    // Where only the boot loader runs.
                    Err(ClientError::Refused(Refusal::NoFirmware)) => {}
                    Ok(other) => return Err(ClientError::Other(other)),
                    Err(error) => return Err(error),
                }
                continue;
            }
            under_way -= 1;
            match answered(answer) {
                Ok(Answer::Received(next)) => {
                    if next > received {
                        (received, gaps) = (next, 0);
                    }
                    report(Step::Received(received));
                }
                // What came before these was lost, and is sent again.
                Err(ClientError::Refused(Refusal::Offset)) if gaps < GAPS => {
                    gap = true;
                    gaps += 1;
                }
                Ok(other) => return Err(ClientError::Other(other)),
                Err(error) => return Err(error),
            }
        }
        // What is still under way has been answered by what came after it.
        while reading.is_some() || under_way > 0 {
            let (ticket, _) = self.next()?;
            match reading {
                Some((read, _)) if read == ticket => reading = None,
                _ => under_way -= 1,
            }
        }
        self.ask(&Request::Finish).map(drop)
    }

    /// Has the controller run the image in this bank, and waits until it says that it does so. Returns what it says then.
    ///
    /// # Errors
    /// [`ClientError`]; and the controller may run another bank again: then the trial has failed.
    pub fn activate(&mut self, bank: u8) -> Result<Identity, ClientError> {
        self.ask(&Request::Activate { bank })?;
        self.identify()
    }
}

fn answered(answer: Result<Answer, Broken>) -> Result<Answer, ClientError> {
    match answer? {
        Answer::Refused(refusal) => Err(refusal.into()),
        answer => Ok(answer),
    }
}
