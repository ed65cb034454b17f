// SPDX-License-Identifier: BSD-2-Clause
//! The driver: passes the clients' requests to the controller, and sees to its firmware.

use heapless::Vec;
use molt_firmware::Refusal;
use molt_link::{Answer, Broken, Host, Identity, Request, Sensor, Ticket, Timing, WINDOW};
use molt_sensor_queue::{Answer as Reading, SlotId};
use molt_service::{Progress, Service, Transfer as Progressed};

use crate::Error;
use crate::bring_up::{BringUp, Failed, State};
use crate::client::Client;
use crate::failure::{Failure, reason};
use crate::firmware::Firmware;
use crate::line::{CHUNK, Line};
use crate::transfer::{State as Sent, Transfer};

/// Most clients of one driver.
pub const CLIENTS: usize = 8;
/// Most sensors that are read at a time: one place is left for what concerns the firmware.
const READS: usize = WINDOW - 1;
/// How long the driver waits, in milliseconds. A controller that restarts meanwhile still answers in time.
const TIMING: Timing = Timing {
    retry: 100,
    limit: 5_000,
    long: 20_000,
};
/// How often the controller is asked what it runs, in milliseconds; and while it restarts.
const WATCH: u64 = 1_000;
const RESTART: u64 = 10;
/// Rounds of one call, and chunks of one round: bytes that come as fast as they are read must not keep the driver from reading
/// its orders.
const ROUNDS: usize = 8;
const CHUNKS: usize = 16;

/// A read that is under way.
#[derive(Debug)]
struct Read {
    ticket: Ticket,
    client: usize,
    slot: SlotId,
    sensor: u32,
}

/// What concerns the firmware: one request at a time.
#[derive(Clone, Copy, Debug)]
enum Task<'a> {
    /// What has to be done before the driver is ready.
    BringUp(BringUp<'a>),
    /// The transfer of the next generation's firmware.
    Transfer,
    /// The confirmation of the bank that runs.
    Confirm,
    /// Whether the controller still runs what it is to run.
    Watch,
}

/// The driver of one controller. `C` is a clock in milliseconds that never goes back.
#[derive(Debug)]
pub struct Driver<'a, L, C> {
    line: L,
    clock: C,
    host: Host,
    clients: Vec<Client<'a>, CLIENTS>,
    reads: Vec<Read, READS>,
    /// Most reads at a time.
    depth: usize,
    /// The client that is asked first the next time.
    turn: usize,
    taking: bool,
    /// Whether the controller may run no other firmware than this generation's.
    holds: bool,
    task: Option<Task<'a>>,
    /// The task's request under way.
    asked: Option<Ticket>,
    /// When the task may go on.
    due: u64,
    /// When the controller is asked next what it runs.
    watch: u64,
    /// What the controller runs, once it is what it has to run.
    runs: Option<Identity>,
    confirm: bool,
    next: Option<Transfer<'a>>,
    transferred: Progressed,
}

impl<'a, L: Line, C: Fn() -> u64> Driver<'a, L, C> {
    /// A driver without clients, for the generation of this number, which was given `firmware`; empty: none.
    ///
    /// # Errors
    /// [`Failure::Image`].
    pub fn new(
        line: L,
        clock: C,
        generation: u64,
        firmware: &'a [u8],
    ) -> Result<Self, Error<L::Error>> {
        let firmware = match firmware {
            [] => None,
            bytes => Some(Firmware::new(bytes).map_err(Failure::Image)?),
        };
        Ok(Self {
            line,
            clock,
            // Of the generations whose late answers may still come, no two have the same number in 16 bits.
            host: Host::new(generation as u16, TIMING),
            clients: Vec::new(),
            reads: Vec::new(),
            depth: READS,
            turn: 0,
            taking: true,
            holds: firmware.is_some(),
            task: Some(Task::BringUp(BringUp::new(firmware))),
            asked: None,
            due: 0,
            watch: 0,
            runs: None,
            confirm: false,
            next: None,
            transferred: Progressed::Done,
        })
    }

    /// Adds a client; before the first request.
    ///
    /// # Errors
    /// [`molt_service::Error::Clients`].
    pub fn attach(&mut self, client: Client<'a>) -> Result<(), Error<L::Error>> {
        (self.clients.push(client)).map_err(|_| molt_service::Error::Clients)
    }

    /// Sets how many sensors are read at a time: at least 1, and at most 3, which is what the line has room for.
    pub fn set_depth(&mut self, depth: usize) {
        self.depth = depth.clamp(1, READS);
    }

    /// Takes what has come and passes on what is asked for, once. Returns whether there was more than is taken at once, and
    /// whether more waits to be sent than there is room for.
    fn round(&mut self, progress: &mut Progress) -> Result<(bool, bool), Error<L::Error>> {
        let more = self.receive(progress)?;
        self.go_on();
        self.read_sensors(progress);
        let full = self.send()?;
        Ok((more, full))
    }

    /// Takes the bytes that have come, and what they answer. Returns whether there may be more.
    fn receive(&mut self, progress: &mut Progress) -> Result<bool, Error<L::Error>> {
        let mut chunk = [0; CHUNK];
        let mut more = true;
        for _ in 0..CHUNKS {
            let Some(len) = self.line.receive(&mut chunk).map_err(Failure::Line)? else {
                more = false;
                break;
            };
            let bytes = chunk.get(..len).unwrap_or_default();
            self.host.receive(bytes, (self.clock)());
        }
        while let Some((ticket, answer)) = self.host.poll((self.clock)()) {
            self.answered(ticket, answer, progress)?;
        }
        Ok(more)
    }

    fn send(&mut self) -> Result<bool, Error<L::Error>> {
        let mut chunk = [0; CHUNK];
        loop {
            let room = self.line.room().map_err(Failure::Line)?;
            let to = chunk.get_mut(..room.min(CHUNK)).unwrap_or_default();
            if to.is_empty() {
                return Ok(true);
            }
            let len = self.host.transmit((self.clock)(), to);
            if len == 0 {
                self.line.tell();
                return Ok(false);
            }
            let bytes = to.get(..len).unwrap_or_default();
            self.line.send(bytes).map_err(Failure::Line)?;
            self.line.tell();
        }
    }

    /// Asks for one sensor for each client in turn, as long as there is room.
    fn read_sensors(&mut self, progress: &mut Progress) {
        let mut idle = 0;
        while self.takes() && idle < self.clients.len() && self.reads.len() < self.depth {
            let client = self.turn;
            self.turn = (client + 1) % self.clients.len();
            match self.clients.get_mut(client).and_then(Client::next) {
                Some((slot, sensor)) => {
                    idle = 0;
                    progress.submitted += 1;
                    self.read(client, slot, sensor, progress);
                }
                None => idle += 1,
            }
        }
    }

    fn takes(&self) -> bool {
        self.taking && self.runs.is_some()
    }

    fn read(&mut self, client: usize, slot: SlotId, sensor: u32, progress: &mut Progress) {
        let Ok(number) = u8::try_from(sensor) else {
            // No controller has so many.
            self.complete(client, slot, Reading::Absent, progress);
            return;
        };
        let asked = Request::Read { sensor: number };
        // There is room for it: a task and the other reads are all that is under way.
        let Ok(ticket) = self.host.submit(&asked, (self.clock)()) else {
            self.complete(client, slot, Reading::Faulty, progress);
            return;
        };
        let read = Read {
            ticket,
            client,
            slot,
            sensor,
        };
        // There is room: the caller has looked.
        let _ = self.reads.push(read);
    }

    fn complete(&mut self, client: usize, slot: SlotId, answer: Reading, progress: &mut Progress) {
        if let Some(client) = self.clients.get_mut(client) {
            // The slot comes from this client's own queue.
            let completed = client.queue().complete(slot, answer);
            progress.completed += u32::from(completed.is_ok());
            progress.errors += u32::from(answer == Reading::Faulty);
        }
    }

    /// A request has ended.
    fn answered(
        &mut self,
        ticket: Ticket,
        answer: Result<Answer, Broken>,
        progress: &mut Progress,
    ) -> Result<(), Error<L::Error>> {
        if self.asked == Some(ticket) {
            self.asked = None;
            return self.task_answered(answer);
        }
        let Some(place) = self.reads.iter().position(|read| read.ticket == ticket) else {
            return Ok(());
        };
        // Before the request is taken out: what ends the generation leaves it owed.
        let sensor = self.reads.get(place).map_or(0, |read| read.sensor);
        let reading = self.reading(sensor, answer)?;
        let read = self.reads.remove(place);
        self.complete(read.client, read.slot, reading, progress);
        Ok(())
    }

    /// What a client is told.
    fn reading(
        &self,
        sensor: u32,
        answer: Result<Answer, Broken>,
    ) -> Result<Reading, Error<L::Error>> {
        let known = u8::try_from(sensor).ok().and_then(Sensor::from_number);
        match answer {
            Ok(Answer::Value(value)) => {
                let number = u32::try_from(value).ok();
                let number = number.filter(|_| known.is_none_or(|known| known.can_be(value)));
                let number = number.ok_or(Failure::Nonsense(sensor))?;
                let other = |identity: &Identity| {
                    known.is_some_and(|known| known.show(value, identity.version) != value)
                };
                if self.holds && self.runs.as_ref().is_some_and(other) {
                    return Err(Failure::Changed.into());
                }
                Ok(Reading::Value(number))
            }
            Ok(Answer::Refused(Refusal::Sensor)) if known.is_none() => Ok(Reading::Absent),
            Ok(Answer::Refused(_)) | Err(Broken::Silent) => Ok(Reading::Faulty),
            Ok(_) => Err(Failure::Answer.into()),
        }
    }

    /// Asks for what the task needs next, or for what the next task does.
    fn go_on(&mut self) {
        let now = (self.clock)();
        if self.asked.is_some() || self.due > now {
            return;
        }
        let Some(task) = self.task.or_else(|| self.next_task(now)) else {
            return;
        };
        let digest = self.runs.map(|runs| runs.digest).unwrap_or_default();
        let request = match (&task, &self.next) {
            (Task::BringUp(bring_up), _) => bring_up.request(),
            (Task::Transfer, Some(transfer)) => transfer.request(),
            (Task::Transfer, None) => return,
            (Task::Confirm, _) => Request::Confirm { digest },
            (Task::Watch, _) => Request::Identify,
        };
        self.asked = self.host.submit(&request, now).ok();
        self.task = Some(task);
    }

    fn next_task(&self, now: u64) -> Option<Task<'a>> {
        match &self.next {
            _ if self.confirm => Some(Task::Confirm),
            Some(_) => Some(Task::Transfer),
            None => (self.watch <= now).then_some(Task::Watch),
        }
    }

    /// The task's request has ended.
    fn task_answered(&mut self, answer: Result<Answer, Broken>) -> Result<(), Error<L::Error>> {
        let now = (self.clock)();
        match self.task.take() {
            Some(Task::BringUp(mut bring_up)) => {
                let state = bring_up.answered(answer).map_err(|failed| match failed {
                    Failed::Refused(refusal) => Failure::Refused(refusal),
                    Failed::WentBack => Failure::WentBack,
                    Failed::Answer => Failure::Answer,
                })?;
                self.task = Some(Task::BringUp(bring_up));
                match state {
                    State::Further => {}
                    State::Later => self.due = now.saturating_add(RESTART),
                    State::Done(identity) => {
                        self.runs = Some(identity);
                        self.task = None;
                        self.watch = now.saturating_add(WATCH);
                    }
                }
            }
            Some(Task::Transfer) => self.sent(answer),
            // Without an answer it is asked again. A controller that refuses goes back at its next reset, which is noticed then.
            Some(Task::Confirm) => self.confirm = answer == Err(Broken::Silent),
            Some(Task::Watch) => {
                self.watch = now.saturating_add(WATCH);
                if let Ok(Answer::Identity(identity)) = answer {
                    return self.look(identity);
                }
            }
            None => {}
        }
        Ok(())
    }

    /// The controller says what it runs.
    fn look(&mut self, identity: Identity) -> Result<(), Error<L::Error>> {
        let same = |runs: &Identity| identity.running.is_some() && identity.digest == runs.digest;
        if self.holds && !self.runs.as_ref().is_some_and(same) {
            return Err(Failure::Changed.into());
        }
        self.runs = Some(identity);
        Ok(())
    }

    /// A request of the transfer has ended.
    fn sent(&mut self, answer: Result<Answer, Broken>) {
        // From its end on the image may not be there any more.
        let Some(mut transfer) = self.next.take() else {
            return;
        };
        self.transferred = match transfer.answered(answer) {
            Ok(Sent::Whole) => Progressed::Done,
            Err(stopped) => Progressed::Failed(stopped.reason()),
            Ok(state) => {
                self.next = Some(transfer);
                if state == Sent::Later {
                    self.due = (self.clock)().saturating_add(RESTART);
                }
                Progressed::Working(transfer.per_mille())
            }
        };
    }

    /// Collects the clients that are to be notified.
    fn waiting(&mut self, progress: &mut Progress) {
        if progress.completed == 0 {
            return;
        }
        for (n, client) in self.clients.iter_mut().enumerate() {
            progress.notify |= u32::from(client.queue().must_notify()) << n;
        }
    }
}

impl<L: Line, C: Fn() -> u64> Service for Driver<'static, L, C> {
    type Error = Error<L::Error>;

    fn ready(&mut self) -> Result<bool, Self::Error> {
        if self.runs.is_none() {
            // The first question is asked here: nobody calls before there is an answer.
            self.round(&mut Progress::default())?;
        }
        Ok(self.runs.is_some())
    }

    fn in_flight(&self) -> usize {
        self.reads.len()
    }

    fn set_taking(&mut self, taking: bool) {
        self.taking = taking;
    }

    fn pump(&mut self) -> Result<Progress, Self::Error> {
        let mut progress = Progress {
            more: true,
            ..Progress::default()
        };
        for _ in 0..ROUNDS {
            self.line.disarm();
            let (more, full) = self.round(&mut progress)?;
            // There is no interrupt for what came between the last look and this call.
            if !self.line.arm(full) && !more {
                progress.more = false;
                break;
            }
        }
        self.waiting(&mut progress);
        Ok(progress)
    }

    fn interrupt(&mut self) -> Result<Progress, Self::Error> {
        self.line.interrupt().map_err(Failure::Line)?;
        let mut progress = Progress::default();
        self.receive(&mut progress)?;
        self.waiting(&mut progress);
        Ok(progress)
    }

    fn transfer(&mut self, firmware: &'static [u8]) {
        // What is still answered to an earlier one is nobody's.
        self.task = self.task.filter(|task| !matches!(task, Task::Transfer));
        (self.next, self.transferred) = match Firmware::new(firmware) {
            Ok(firmware) => (Some(Transfer::new(firmware)), Progressed::Working(0)),
            Err(refusal) => {
                let reason = reason::IMAGE | u16::from(refusal.code());
                (None, Progressed::Failed(reason))
            }
        };
    }

    fn transferred(&self) -> Progressed {
        self.transferred
    }

    fn committed(&mut self) {
        self.confirm = self.holds;
    }
}
