// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell's words in the gate pages: requests in `to_update`, answers in `to_client`.
//!
//! Each direction has one writer and is a sequence lock: word 0 is odd while the rest is being written. A reader that
//! meets a write in progress gets `None` and reads again at the notification that follows every write. The words come
//! from another protection domain: a number that its enum does not have reads as `None`.

use core::sync::atomic::{AtomicU64, Ordering, fence};

use crate::{Command, Reason, Status};

/// Index of the mailbox's first word in either gate page.
pub const MAILBOX: usize = 16;
/// Words of a request, the lock included.
pub const REQUEST_WORDS: usize = 6;
/// Words of an answer, the lock included.
pub const ANSWER_WORDS: usize = 12;

/// A command on its way from a VMM to `update`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// One higher than the last request's; the first is 1.
    pub serial: u64,
    /// What to do.
    pub command: Command,
    /// Index of the component in the plan.
    pub component: u32,
    /// Bytes in the staging region.
    pub length: u32,
    /// The handle of the offer (confirm and cancel).
    pub handle: u64,
}

/// What `update` says to a VMM: the newest state of the client's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Answer {
    /// Serial number of the newest request that has been seen.
    pub serial: u64,
    /// Where the transaction stands.
    pub status: Status,
    /// Why it was refused or rolled back.
    pub reason: Reason,
    /// The handle of the offer.
    pub handle: u64,
    /// 0 to 1000.
    pub progress: u32,
    /// Number of the generation that runs.
    pub generation: u64,
    /// Sequence number last committed; of the list of keys, if the status is `KeysExchanged`.
    pub sequence: u64,
    /// With the status `Deferred`: the client that the update waits for.
    pub deferred_by: Deferrer,
}

/// A client that defers an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Deferrer {
    /// Its name, filled with zeros.
    pub name: [u8; 16],
    /// Until when it is waited for at the most, by the counter in us.
    pub until_us: u64,
}

impl Deferrer {
    fn to_words(self) -> [u64; 3] {
        let name = u128::from_le_bytes(self.name);
        [name as u64, (name >> 64) as u64, self.until_us]
    }

    fn from_words([low, high, until_us]: [u64; 3]) -> Self {
        let name = u128::from(high) << 64 | u128::from(low);
        Self {
            name: name.to_le_bytes(),
            until_us,
        }
    }
}

impl Request {
    /// Writes the request into the page `to_update` (all of its words). Does nothing if the page is too short.
    pub fn write(&self, page: &[AtomicU64]) {
        write(
            page,
            [
                self.serial,
                self.command as u64,
                self.component.into(),
                self.length.into(),
                self.handle,
            ],
        );
    }

    /// Reads the request in the page `to_update`; `None` if there is none yet, one is being written, or it is invalid.
    #[must_use]
    pub fn read(page: &[AtomicU64]) -> Option<Self> {
        let [serial, command, component, length, handle] = read(page)?;
        Some(Self {
            serial,
            command: Command::from_u32(u32::try_from(command).ok()?)?,
            component: u32::try_from(component).ok()?,
            length: u32::try_from(length).ok()?,
            handle,
        })
    }
}

impl Answer {
    /// Writes the answer into the page `to_client` (all of its words). Does nothing if the page is too short.
    pub fn write(&self, page: &[AtomicU64]) {
        let [name, rest, until] = self.deferred_by.to_words();
        write(
            page,
            [
                self.serial,
                self.status as u64,
                self.reason as u64,
                self.handle,
                self.progress.into(),
                self.generation,
                self.sequence,
                0,
                name,
                rest,
                until,
            ],
        );
    }

    /// Reads the answer in the page `to_client`; `None` if there is none yet, one is being written, or it is invalid.
    #[must_use]
    pub fn read(page: &[AtomicU64]) -> Option<Self> {
        let [
            serial,
            status,
            reason,
            handle,
            progress,
            generation,
            sequence,
            _,
            name,
            rest,
            until,
        ] = read(page)?;
        Some(Self {
            serial,
            status: Status::from_u32(u32::try_from(status).ok()?)?,
            reason: Reason::from_u32(u32::try_from(reason).ok()?)?,
            handle,
            progress: u32::try_from(progress).ok()?,
            generation,
            sequence,
            deferred_by: Deferrer::from_words([name, rest, until]),
        })
    }
}

fn write<const N: usize>(page: &[AtomicU64], body: [u64; N]) {
    let Some((lock, words)) = split(page, N) else {
        return;
    };
    let version = lock.load(Ordering::Relaxed) & !1;
    lock.store(version.wrapping_add(1), Ordering::Relaxed);
    fence(Ordering::Release);
    for (word, value) in words.iter().zip(body) {
        word.store(value, Ordering::Relaxed);
    }
    lock.store(version.wrapping_add(2), Ordering::Release);
}

fn read<const N: usize>(page: &[AtomicU64]) -> Option<[u64; N]> {
    let (lock, words) = split(page, N)?;
    undisturbed(lock, || {
        let mut body = [0; N];
        for (value, word) in body.iter_mut().zip(words) {
            *value = word.load(Ordering::Relaxed);
        }
        body
    })
}

/// The result of `read`; `None` if the page was written meanwhile.
fn undisturbed<T>(lock: &AtomicU64, read: impl FnOnce() -> T) -> Option<T> {
    let version = lock.load(Ordering::Acquire);
    if version == 0 || version & 1 == 1 {
        return None;
    }
    let body = read();
    fence(Ordering::Acquire);
    (lock.load(Ordering::Relaxed) == version).then_some(body)
}

fn split(page: &[AtomicU64], body: usize) -> Option<(&AtomicU64, &[AtomicU64])> {
    page.get(MAILBOX..MAILBOX + 1 + body)?.split_first()
}

const _: () = assert!(REQUEST_WORDS == 6 && ANSWER_WORDS == 12);

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> [AtomicU64; 512] {
        [const { AtomicU64::new(0) }; 512]
    }

    #[test]
    fn an_empty_page_holds_nothing() {
        assert_eq!(Request::read(&page()), None);
        assert_eq!(Answer::read(&page()), None);
        assert_eq!(Answer::read(&page()[..20]), None);
    }

    #[test]
    fn what_is_written_is_read() {
        let page = page();
        let request = Request {
            serial: 7,
            command: Command::Confirm,
            component: 1,
            length: 4096,
            handle: u64::MAX,
        };
        request.write(&page);
        assert_eq!(Request::read(&page), Some(request));
        for status in Status::ALL {
            for reason in Reason::ALL {
                let answer = Answer {
                    serial: 7,
                    status,
                    reason: *reason,
                    handle: 3,
                    progress: 1000,
                    generation: 9,
                    sequence: 12,
                    deferred_by: Deferrer {
                        name: *b"a name of sixteen".first_chunk().expect("it is longer"),
                        until_us: 1 << 40,
                    },
                };
                answer.write(&page);
                assert_eq!(Answer::read(&page), Some(answer));
            }
        }
    }

    #[test]
    fn a_write_in_progress_or_nonsense_reads_as_nothing() {
        let page = page();
        let request = Request {
            serial: 1,
            command: Command::Offer,
            component: 0,
            length: 1,
            handle: 0,
        };
        request.write(&page);
        page[MAILBOX].fetch_add(1, Ordering::Relaxed);
        assert_eq!(Request::read(&page), None);
        page[MAILBOX].fetch_add(1, Ordering::Relaxed);
        assert_eq!(Request::read(&page), Some(request));
        page[MAILBOX + 2].store(9, Ordering::Relaxed);
        assert_eq!(Request::read(&page), None);
        page[MAILBOX + 2].store(1 << 32 | 1, Ordering::Relaxed);
        assert_eq!(Request::read(&page), None);
    }

    #[test]
    fn a_write_between_two_words_of_a_read_is_noticed() {
        let page = page();
        let request = |length| Request {
            serial: 1,
            command: Command::Offer,
            component: 0,
            length,
            handle: length.into(),
        };
        request(1).write(&page);
        let words = [MAILBOX + 4, MAILBOX + 5];
        let [length, handle] = words.map(|index| &page[index]);
        let torn = undisturbed(&page[MAILBOX], || {
            let length = length.load(Ordering::Relaxed);
            request(2).write(&page);
            (length, handle.load(Ordering::Relaxed))
        });
        assert_eq!(
            torn, None,
            "the length of one request and the handle of another"
        );
        assert_eq!(Request::read(&page), Some(request(2)));
    }
}
