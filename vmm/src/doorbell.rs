// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell device: shows the registers of `molt-doorbell` to the guest and uses its mailbox.

use alloc::rc::Rc;

use molt_doorbell::{Answer, Command, Reason, Status, regs};

use crate::bus::{Device, World};
use crate::deferral::Deferral;
use crate::mailbox::Mailbox;
use crate::syndrome::Width;

/// The doorbell of one guest.
pub struct Doorbell<'a> {
    mailbox: Rc<Mailbox<'a>>,
    staging: (u64, u64),
    deferral: Option<Deferral<'a>>,
    /// What DEFER reads as.
    deferred: u32,
    component: u32,
    length: u32,
    handle: u64,
    /// Serial number of the newest command that was given here.
    serial: u64,
    /// What the registers show.
    shown: Answer,
    /// The components of which an update waited for the guest at the last look, one bit each.
    waiting: u32,
    /// INTERRUPT_STATUS.
    interrupt: u32,
}

impl<'a> Doorbell<'a> {
    /// A doorbell over the mailbox. `staging`: guest-physical address and size of the staging region.
    #[must_use]
    pub fn new(mailbox: Rc<Mailbox<'a>>, staging: (u64, u64)) -> Self {
        Self {
            mailbox,
            staging,
            deferral: None,
            deferred: 0,
            component: 0,
            length: 0,
            handle: 0,
            serial: 0,
            shown: Answer::default(),
            waiting: 0,
            interrupt: 0,
        }
    }

    /// With the guest's deferrals.
    #[must_use]
    pub fn deferring(self, deferral: Deferral<'a>) -> Self {
        Self {
            deferral: Some(deferral),
            ..self
        }
    }

    /// Looks for an answer of `update`. Returns whether `update` is to be notified of a command that was given meanwhile.
    fn refresh(&mut self) -> bool {
        let Some(answer) = self.mailbox.answer() else {
            return false;
        };
        self.show(answer);
        self.mailbox.look()
    }

    /// Looks whether an update has begun to wait for the guest.
    fn look_at_waiting(&mut self) {
        let waiting = self.deferral.as_ref().map_or(0, Deferral::waiting);
        if waiting & !core::mem::replace(&mut self.waiting, waiting) != 0 {
            self.interrupt |= regs::WAITED_FOR;
        }
    }

    fn show(&mut self, answer: Answer) {
        // An answer to an earlier request does not concern the offer that was made since.
        if answer.serial < self.serial {
            return;
        }
        if (answer.status, answer.reason) != (self.shown.status, self.shown.reason) {
            self.interrupt |= regs::CHANGED;
        }
        if answer.handle != self.shown.handle {
            self.handle = answer.handle;
        }
        self.shown = answer;
    }

    fn register(&self, offset: u64, width: Width) -> u64 {
        if width != Width::Word {
            return 0;
        }
        u64::from(match offset {
            regs::MAGIC => regs::MAGIC_VALUE,
            regs::VERSION => regs::VERSION_VALUE,
            regs::STATUS => self.shown.status as u32,
            regs::REASON => self.shown.reason as u32,
            regs::COMPONENT => self.component,
            regs::LENGTH => self.length,
            regs::HANDLE_LOW => self.handle as u32,
            regs::HANDLE_HIGH => (self.handle >> 32) as u32,
            regs::INTERRUPT_STATUS => self.interrupt,
            regs::STAGING_LOW => self.staging.0 as u32,
            regs::STAGING_HIGH => (self.staging.0 >> 32) as u32,
            regs::STAGING_SIZE => u32::try_from(self.staging.1).unwrap_or(u32::MAX),
            regs::PROGRESS => self.shown.progress,
            regs::GENERATION => self.mailbox.generation(self.component) as u32,
            regs::SEQUENCE => self.shown.sequence as u32,
            regs::DEFER => self.deferred,
            regs::DEFER_LIMIT => {
                let deferral = self.deferral.as_ref();
                deferral.map_or(0, |deferral| deferral.most_ms(self.component))
            }
            regs::DEFERRED => {
                let deferral = self.deferral.as_ref();
                deferral
                    .is_some_and(|deferral| deferral.waits(self.component))
                    .into()
            }
            _ => 0,
        })
    }

    /// Writes a register. Returns whether `update` is to be notified.
    fn set_register(&mut self, offset: u64, width: Width, value: u64) -> bool {
        if width != Width::Word {
            return false;
        }
        let word = value & 0xffff_ffff;
        match offset {
            regs::COMPONENT => self.component = word as u32,
            regs::LENGTH => self.length = word as u32,
            regs::HANDLE_LOW => self.handle = self.handle & !0xffff_ffff | word,
            regs::HANDLE_HIGH => self.handle = self.handle & 0xffff_ffff | word << 32,
            regs::INTERRUPT_STATUS => self.interrupt &= !(word as u32),
            regs::COMMAND => return self.command(word as u32),
            _ => {}
        }
        false
    }

    fn command(&mut self, command: u32) -> bool {
        let Some(command) = Command::from_u32(command) else {
            self.shown.reason = Reason::UnknownCommand;
            self.interrupt |= regs::CHANGED;
            return false;
        };
        // Until `update` has answered, the guest must not take the result of the earlier offer for this one's.
        if command == Command::Offer && self.shown.status.is_final() {
            (self.shown.status, self.shown.reason) = (Status::Idle, Reason::None);
        }
        let (component, length, handle) = (self.component, self.length, self.handle);
        let notify = self.mailbox.send(command, component, length, handle);
        self.serial = self.mailbox.serial();
        notify
    }
}

impl Device for Doorbell<'_> {
    fn size(&self) -> u64 {
        regs::SIZE
    }

    fn read(&mut self, offset: u64, width: Width) -> u64 {
        self.register(offset, width)
    }

    fn write(&mut self, offset: u64, width: Width, value: u64, world: &mut World<'_>) {
        let defers = offset == regs::DEFER && width == Width::Word;
        let notify = match &self.deferral {
            Some(deferral) if defers => {
                let (ms, now) = (value as u32, world.platform.now());
                let done = deferral.defer(self.component, ms, now);
                self.deferred = done.map_or(0, |_| ms);
                done == Ok(true)
            }
            _ => self.set_register(offset, width, value),
        };
        if notify {
            world.platform.notify_update();
        }
    }

    fn interrupt(&self) -> bool {
        self.interrupt != 0
    }

    fn poll(&mut self, world: &mut World<'_>) {
        if self.refresh() {
            world.platform.notify_update();
        }
        self.look_at_waiting();
    }

    /// The state of the transaction stays to be seen: a confirmed offer goes on.
    fn reset(&mut self, world: &mut World<'_>) {
        (self.component, self.length, self.handle) = (0, 0, 0);
        self.deferred = 0;
        self.interrupt = 0;
        let deferred = self.deferral.as_ref().is_some_and(Deferral::reset);
        if self.mailbox.reset() | deferred {
            world.platform.notify_update();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicU64;
    use molt_doorbell::Request;

    fn bell<'a>(
        to_client: &'a [AtomicU64],
        to_update: &'a [AtomicU64],
        staging: (u64, u64),
    ) -> Doorbell<'a> {
        Doorbell::new(Rc::new(Mailbox::new(to_client, to_update)), staging)
    }

    fn write(bell: &mut Doorbell<'_>, register: u64, value: u64) -> bool {
        bell.set_register(register, Width::Word, value)
    }

    #[test]
    fn an_offer_its_answer_and_the_confirm() {
        let (to_client, to_update) = (
            [const { AtomicU64::new(0) }; 512],
            [const { AtomicU64::new(0) }; 512],
        );
        let mut bell = self::bell(&to_client, &to_update, (0x1_6000_0000, 0x20_0000));
        assert_eq!(bell.register(regs::MAGIC, Width::Word), 0x544c_4f4d);
        assert_eq!(bell.register(regs::STAGING_HIGH, Width::Word), 1);
        write(&mut bell, regs::LENGTH, 4096);
        assert!(write(&mut bell, regs::COMMAND, 1));
        let offer = Request {
            serial: 1,
            command: Command::Offer,
            component: 0,
            length: 4096,
            handle: 0,
        };
        assert_eq!(Request::read(&to_update), Some(offer));

        let handle = 0x1234_5678_9abc_def0;
        let answer = Answer {
            serial: 1,
            status: Status::Offered,
            handle,
            ..Answer::default()
        };
        answer.write(&to_client);
        bell.refresh();
        assert_eq!(bell.interrupt, regs::CHANGED);
        assert_eq!(bell.register(regs::STATUS, Width::Word), 1);
        let (low, high) = (
            bell.register(regs::HANDLE_LOW, Width::Word),
            bell.register(regs::HANDLE_HIGH, Width::Word),
        );
        assert_eq!(high << 32 | low, handle);
        write(&mut bell, regs::INTERRUPT_STATUS, 1);
        assert_eq!(bell.interrupt, 0);

        write(&mut bell, regs::HANDLE_LOW, 7);
        Answer {
            progress: 500,
            ..answer
        }
        .write(&to_client);
        bell.refresh();
        assert_eq!(bell.interrupt, 0, "progress alone does not interrupt");
        write(&mut bell, regs::COMMAND, 2);
        let sent = Request::read(&to_update).map(|request| request.handle);
        assert_eq!(
            sent,
            Some(handle & !0xffff_ffff | 7),
            "the handle is the guest's own, right or wrong"
        );
    }

    #[test]
    fn commands_that_nobody_waits_for_wake_update_once() {
        let (to_client, to_update) = (
            [const { AtomicU64::new(0) }; 512],
            [const { AtomicU64::new(0) }; 512],
        );
        let mut bell = self::bell(&to_client, &to_update, (0, 0));
        assert!(write(&mut bell, regs::COMMAND, 1));
        assert!(!(0..1000).any(|_| write(&mut bell, regs::COMMAND, 1)));
        assert!(!bell.refresh(), "nothing was answered");
        let answer = |serial| Answer {
            serial,
            status: Status::Refused,
            ..Answer::default()
        };
        answer(1).write(&to_client);
        assert!(bell.refresh(), "the newest one is not answered yet");
        assert_eq!(Request::read(&to_update).map(|r| r.serial), Some(1001));
        assert!(!bell.refresh() && !write(&mut bell, regs::COMMAND, 3));
        // `update` saw the newest one when it looked.
        answer(1002).write(&to_client);
        assert!(!bell.refresh());
        assert!(write(&mut bell, regs::COMMAND, 1));
    }

    #[test]
    fn an_answer_from_before_the_offer_is_not_shown() {
        let (to_client, to_update) = (
            [const { AtomicU64::new(0) }; 512],
            [const { AtomicU64::new(0) }; 512],
        );
        let mut bell = self::bell(&to_client, &to_update, (0, 0));
        write(&mut bell, regs::COMMAND, 1);
        let committed = Answer {
            serial: 1,
            status: Status::Committed,
            ..Answer::default()
        };
        committed.write(&to_client);
        bell.refresh();
        assert_eq!(bell.register(regs::STATUS, Width::Word), 16);
        write(&mut bell, regs::COMMAND, 1);
        bell.refresh();
        assert_eq!(bell.register(regs::STATUS, Width::Word), 0);
    }

    #[test]
    fn a_guest_is_interrupted_once_when_an_update_begins_to_wait_for_it() {
        let pages = [(); 2].map(|()| [const { AtomicU64::new(0) }; 512]);
        let [to_client, to_update] = &pages;
        let warden = molt_gate::Warden::new(to_client, to_update);
        let deferral = Deferral::new((to_client, to_update), [(0, 1000), (3, 1000)], |t| t);
        let mut bell = self::bell(to_client, to_update, (0, 0)).deferring(deferral);
        warden.wait_for(3, 9);
        bell.look_at_waiting();
        assert_eq!(bell.register(regs::INTERRUPT_STATUS, Width::Word), 2);
        write(&mut bell, regs::INTERRUPT_STATUS, regs::CHANGED.into());
        assert!(bell.interrupt(), "the other bit was cleared");
        write(&mut bell, regs::INTERRUPT_STATUS, regs::WAITED_FOR.into());
        bell.look_at_waiting();
        assert!(!bell.interrupt(), "it was told");
        warden.wait_for(0, 9);
        bell.look_at_waiting();
        assert!(bell.interrupt(), "another one");
        write(&mut bell, regs::INTERRUPT_STATUS, 3);
        warden.wait_for(3, 0);
        bell.look_at_waiting();
        assert!(!bell.interrupt(), "one goes on");
        warden.wait_for(3, 9);
        bell.look_at_waiting();
        assert!(bell.interrupt(), "the next one waits");
    }
}
