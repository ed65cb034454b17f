// SPDX-License-Identifier: BSD-2-Clause
//! Several processors. They are started by PSCI, and send each other software-generated interrupts (SGIs) of several numbers, each of
//! which is counted by number, sender and receiver. The same SGI is sent to the same processor only when it has taken the last one, so
//! none may be lost, and each has to show its sender. Each processor's own timer wakes it when it waits for nothing else.
//!
//! Afterwards two of them go on with that, while the first one does the guest's work.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};

use crate::console::say;
use crate::interrupts::{Gic, Taken};
use crate::processor;

/// Most processors.
const MOST: usize = 4;
/// SGIs that are used: the last is sent to all others at once.
const SGIS: usize = 4;
const BROADCAST: usize = SGIS - 1;
/// How often each is sent.
const COUNT: u32 = 300;
/// The processors that go on, and for ever.
const GOING_ON: [usize; 2] = [1, 2];
const FOR_EVER: u32 = u32::MAX;
/// The virtual timer's interrupt, and its period.
const TIMER: u32 = 27;
const PERIOD_MS: u64 = 1;
/// Without anything new for so long, something is lost.
const PATIENCE_NS: u64 = 60_000_000_000;

/// By sender, receiver and number.
type Counts = [[[AtomicU32; SGIS]; MOST]; MOST];

static SENT: Counts = [const { [const { [const { AtomicU32::new(0) }; SGIS] }; MOST] }; MOST];
static TAKEN: Counts = [const { [const { [const { AtomicU32::new(0) }; SGIS] }; MOST] }; MOST];
/// How often each was started, and had its timer's interrupt.
static STARTS: [AtomicU32; MOST] = [const { AtomicU32::new(0) }; MOST];
static BEATS: [AtomicU32; MOST] = [const { AtomicU32::new(0) }; MOST];
/// The first thing that was wrong, by processor: an interrupt as it was acknowledged, plus one.
static WRONG: [AtomicU64; MOST] = [const { AtomicU64::new(0) }; MOST];
static STOP: AtomicBool = AtomicBool::new(false);
/// The interrupt controller's addresses and the number of processors, for those that are started.
static SHARED: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// Starts the others and exchanges interrupts with them. Returns when each has had all.
pub fn begin(gic: &Gic, count: usize) {
    let count = count.min(MOST);
    let (distributor, cpu) = gic.addresses();
    for (place, value) in SHARED.iter().zip([distributor, cpu, count]) {
        place.store(value as u64, SeqCst);
    }
    let entry = processor::secondary_entry();
    check("CPU_ON of the caller", processor::turn_on(0, entry, 0), -4);
    check(
        "CPU_ON of nobody",
        processor::turn_on(count as u64, entry, 0),
        -2,
    );
    check("CPU_ON at no memory", processor::turn_on(1, 0x1000, 0), -9);
    for other in 1..count as u64 {
        check("AFFINITY_INFO before", processor::affinity_info(other), 1);
        check("CPU_ON", processor::turn_on(other, entry, other), 0);
        check("CPU_ON again", processor::turn_on(other, entry, other), -4);
        check("AFFINITY_INFO", processor::affinity_info(other), 0);
    }
    gic.enable(TIMER);
    processor::set_timer(PERIOD_MS);
    let mut last = (0, processor::ticks());
    while !done(count) {
        exchange(gic, 0, count, COUNT);
        let total = total();
        if total != last.0 {
            last = (total, processor::ticks());
        } else if processor::nanoseconds(processor::ticks() - last.1) > PATIENCE_NS {
            say!("error: SGIs are lost: {total} were taken");
            break;
        }
    }
    processor::stop_timer();
    while let Some(taken) = gic.take() {
        gic.end(taken.raw);
    }
    restart(count - 1, entry);
    for (number, beats) in BEATS.iter().enumerate().take(count) {
        if beats.load(SeqCst) == 0 {
            say!("error: processor {number} had no timer interrupt");
        }
    }
    say!("the processors took {} SGIs", total());
    say!("processors {count}");
}

/// The last processor has turned itself off; it is started once more.
fn restart(number: usize, entry: u64) {
    let is_off = || processor::affinity_info(number as u64) == 1;
    wait("turns itself off", is_off);
    let starts = || STARTS[number].load(SeqCst);
    let before = starts();
    check(
        "CPU_ON anew",
        processor::turn_on(number as u64, entry, number as u64),
        0,
    );
    wait("starts anew", || starts() == before + 1 && is_off());
}

/// Stops those that went on, and checks that they have lost nothing.
pub fn end() {
    STOP.store(true, SeqCst);
    let off = |n: &usize| processor::affinity_info(*n as u64) == 1;
    wait("stops", || GOING_ON.iter().all(off));
    for (number, wrong) in WRONG.iter().enumerate() {
        let wrong = wrong.load(SeqCst);
        if wrong != 0 {
            say!(
                "error: processor {number} took {:#x}, which nobody has sent",
                wrong - 1
            );
        }
    }
    let [a, b] = GOING_ON;
    for sgi in 0..BROADCAST {
        let (sent, taken) = (SENT[a][b][sgi].load(SeqCst), TAKEN[a][b][sgi].load(SeqCst));
        if sent < taken || sent > taken + 1 || taken <= COUNT {
            say!("error: of SGI {sgi} {sent} were sent and {taken} taken");
        }
    }
    say!("processors are done after {} SGIs", total());
}

/// Where another processor begins.
#[unsafe(no_mangle)]
extern "C" fn processor_main(number: usize) -> ! {
    let [distributor, cpu, count] = SHARED.each_ref().map(|place| place.load(SeqCst) as usize);
    let number = number.min(MOST - 1);
    if processor::number() != number as u64 {
        WRONG[number].store(1 << 32 | processor::number(), SeqCst);
    }
    let first = STARTS[number].fetch_add(1, SeqCst) == 0;
    let gic = Gic::join(distributor, cpu);
    gic.enable(TIMER);
    processor::set_timer(PERIOD_MS);
    while first && !done(count) {
        exchange(&gic, number, count, COUNT);
    }
    let goes_on = GOING_ON.contains(&number) && count == MOST;
    while goes_on && !STOP.load(SeqCst) {
        exchange(&gic, number, count, FOR_EVER);
    }
    processor::stop_timer();
    while let Some(taken) = gic.take() {
        gic.end(taken.raw);
    }
    processor::turn_off()
}

/// Takes what is there, sends what the receivers are free for, and waits if there was nothing.
fn exchange(gic: &Gic, me: usize, count: usize, limit: u32) {
    let mut some = false;
    while let Some(taken) = gic.take() {
        some = true;
        take(me, taken);
        gic.end(taken.raw);
    }
    let receivers = |n: &usize| limit != FOR_EVER || (GOING_ON.contains(n) && *n != me);
    let free = |to: usize, sgi: usize| {
        let sent = SENT[me][to][sgi].load(SeqCst);
        sent < limit && sent == TAKEN[me][to][sgi].load(SeqCst)
    };
    let ways = (0..BROADCAST).flat_map(|sgi| (0..count).map(move |to| (sgi, to)));
    for (sgi, to) in ways.filter(|(_, to)| receivers(to)) {
        if free(to, sgi) {
            some = true;
            SENT[me][to][sgi].fetch_add(1, SeqCst);
            gic.send_to(1 << to, sgi as u32);
        }
    }
    let others = (0..count).filter(|n| *n != me);
    if limit != FOR_EVER && others.clone().all(|to| free(to, BROADCAST)) {
        some = true;
        others.for_each(|to| {
            SENT[me][to][BROADCAST].fetch_add(1, SeqCst);
        });
        gic.send_to_others(BROADCAST as u32);
    }
    if !some {
        processor::wait_for_interrupt();
    }
}

fn take(me: usize, taken: Taken) {
    let (id, source) = (taken.interrupt as usize, taken.source as usize);
    if taken.interrupt == TIMER {
        BEATS[me].fetch_add(1, SeqCst);
        processor::set_timer(PERIOD_MS);
        return;
    }
    let sent = SENT.get(source).and_then(|all| all[me].get(id));
    let count = TAKEN.get(source).and_then(|all| all[me].get(id));
    let known = match (sent, count) {
        (Some(sent), Some(count)) => count.fetch_add(1, SeqCst) < sent.load(SeqCst),
        _ => false,
    };
    if !known {
        let wrong = u64::from(taken.raw) + 1;
        let _ = WRONG[me].compare_exchange(0, wrong, SeqCst, SeqCst);
    }
}

/// Whether each has taken each SGI of each so often.
fn done(count: usize) -> bool {
    let mut pairs = (0..count).flat_map(|from| (0..count).map(move |to| (from, to)));
    pairs.all(|(from, to)| {
        let used = if from == to { BROADCAST } else { SGIS };
        let counts = TAKEN[from][to].iter().take(used);
        counts.map(|taken| taken.load(SeqCst)).all(|n| n >= COUNT)
    })
}

fn total() -> u64 {
    let all = TAKEN.iter().flatten().flatten();
    all.map(|taken| u64::from(taken.load(SeqCst))).sum()
}

fn wait(what: &str, is: impl Fn() -> bool) {
    let begin = processor::ticks();
    while !is() {
        if processor::nanoseconds(processor::ticks() - begin) > PATIENCE_NS {
            say!("error: a processor never {what}");
            return;
        }
    }
}

fn check(what: &str, is: i64, expected: i64) {
    if is != expected {
        say!("error: {what} returned {is}, not {expected}");
    }
}
