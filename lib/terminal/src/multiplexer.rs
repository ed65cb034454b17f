// SPDX-License-Identifier: BSD-2-Clause
//! All consoles, and the one that is attached: the end of `serial`.

use core::fmt::{self, Write};

use heapless::Vec;
use molt_trace::lines::{self, Lines};
use molt_trace::ring::{Reader, Writer};

use crate::name::Name;
use crate::switch::{Key, Switch};
use crate::{SHOWN, SPEAKER};

/// How long what is typed waits for a guest that takes nothing, in ns. Then it is dropped.
pub const PATIENCE_NS: u64 = 1_000_000_000;
/// How long after some bytes were dropped the next ones may be, in ns, so that dropping takes little of the processor.
pub const PAUSE_NS: u64 = 1_000_000;

/// A console as it is made.
pub struct Source<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// What the guest prints.
    pub output: Reader<'a>,
    /// What is typed for it; `None`: it cannot be attached.
    pub input: Option<Writer<'a>>,
}

struct Console<'a> {
    name: Name<'a>,
    output: Lines<'a>,
    input: Option<Writer<'a>>,
    /// Bytes that were typed for it and dropped, and not told yet.
    dropped: u64,
}

/// Whether more of what is typed can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// A byte can.
    Open,
    /// The console that is attached has no room. If its guest reads, its VMM notifies; if not, ask again at that time (ns).
    Closed(u64),
    /// It has had no room for too long: what is taken now is dropped. After some bytes wait for [`PAUSE_NS`].
    Spilling,
}

/// What became of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// It is done with.
    Taken,
    /// It was put into the ring of this console, whose VMM is to be notified.
    Put(usize),
    /// No console is attached: it is for the operator.
    Unattached(u8),
}

/// The consoles.
pub struct Multiplexer<'a, const N: usize> {
    consoles: Vec<Console<'a>, N>,
    attached: Option<usize>,
    switch: Switch,
    /// What was printed last has not ended its line.
    in_line: bool,
    /// Since when the console that is attached has had no room, in ns.
    full_since: Option<u64>,
}

impl<'a, const N: usize> Multiplexer<'a, N> {
    /// Consoles of these sources, the first `N`; none is attached.
    pub fn new(sources: impl Iterator<Item = Source<'a>>) -> Self {
        let consoles = sources.take(N).map(|source| Console {
            output: Lines::new(
                lines::Source {
                    name: source.name.guest,
                    guest: true,
                    traces: false,
                },
                source.output,
            ),
            name: source.name,
            input: source.input,
            dropped: 0,
        });
        Self {
            consoles: consoles.collect(),
            attached: None,
            switch: Switch::default(),
            in_line: false,
            full_since: None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.consoles.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.consoles.is_empty()
    }

    /// Whether any of them can be attached.
    pub fn can_attach(&self) -> bool {
        self.consoles.iter().any(|console| console.input.is_some())
    }

    /// Whether no console is attached.
    pub fn is_unattached(&self) -> bool {
        self.attached.is_none()
    }

    /// Tells how consoles are attached, and which there are.
    pub fn list(&mut self, out: &mut impl FnMut(&[u8])) {
        self.end_line(out);
        let mut out = Out(out);
        // Writing does not fail.
        let _ = write!(out, "{SPEAKER}: {SHOWN}");
        let there = self
            .consoles
            .iter()
            .filter(|console| console.input.is_some());
        for (n, console) in there.enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            let _ = write!(out, "{comma}{}", console.name);
        }
        let _ = out.write_str("\r\n");
    }

    /// Prints the next line of a protection domain. Returns `false` if there is none.
    pub fn next_line(&mut self, lines: &mut Lines<'_>, out: &mut impl FnMut(&[u8])) -> bool {
        let mut in_line = core::mem::take(&mut self.in_line);
        let some = lines.next_line(|piece| {
            if core::mem::take(&mut in_line) {
                out(b"\r\n");
            }
            out(piece);
        });
        self.in_line = in_line;
        some
    }

    /// Prints something of console `n`: all that there is if it is attached, otherwise the next line. Returns whether there was
    /// something, and whether its VMM is to be notified.
    pub fn print(&mut self, n: usize, out: &mut impl FnMut(&[u8])) -> (bool, bool) {
        let mut in_line = self.in_line;
        let Some(console) = self.consoles.get_mut(n) else {
            return (false, false);
        };
        let some = if self.attached == Some(n) {
            console.output.pass(|piece| {
                in_line = piece.last() != Some(&b'\n');
                out(piece);
            })
        } else {
            console.output.next_line(|piece| {
                if core::mem::take(&mut in_line) {
                    out(b"\r\n");
                }
                out(piece);
            })
        };
        self.in_line = in_line;
        (some, console.output.reader().is_awaited())
    }

    /// Whether a byte can be taken at this time.
    pub fn intake(&mut self, now_ns: u64, out: &mut impl FnMut(&[u8])) -> Intake {
        let full = match self.input() {
            Some(input) => input.is_full(),
            None => false,
        };
        if !full {
            self.full_since = None;
            self.tell_dropped(out);
            return Intake::Open;
        }
        let since = *self.full_since.get_or_insert(now_ns);
        let end = since.saturating_add(PATIENCE_NS);
        match now_ns < end {
            true => Intake::Closed(end),
            false => Intake::Spilling,
        }
    }

    /// The next byte that was typed. If the console that is attached has no room, it is dropped.
    pub fn typed(&mut self, byte: u8, out: &mut impl FnMut(&[u8])) -> Typed {
        match self.switch.key(byte) {
            Key::Nothing => Typed::Taken,
            Key::Choice => {
                self.choose(out);
                Typed::Taken
            }
            Key::Data(byte) => {
                let Some(n) = self.attached else {
                    return Typed::Unattached(byte);
                };
                let Some(console) = self.consoles.get_mut(n) else {
                    return Typed::Taken;
                };
                let put = console.input.as_mut().map_or(0, |input| input.put(&[byte]));
                if put == 1 {
                    return Typed::Put(n);
                }
                console.dropped = console.dropped.saturating_add(1);
                if console.dropped == 1 {
                    let name = console.name;
                    self.say(
                        format_args!("{name} does not read: what is typed is dropped"),
                        out,
                    );
                }
                Typed::Taken
            }
        }
    }

    fn input(&mut self) -> Option<&mut Writer<'a>> {
        self.consoles.get_mut(self.attached?)?.input.as_mut()
    }

    fn choose(&mut self, out: &mut impl FnMut(&[u8])) {
        let word = self.switch.word();
        let number = core::str::from_utf8(word)
            .ok()
            .and_then(|text| text.parse::<usize>().ok());
        let mut there =
            (self.consoles.iter().enumerate()).filter(|(_, console)| console.input.is_some());
        let found = match number {
            // As the list counts them.
            Some(number) => number.checked_sub(1).and_then(|n| there.nth(n)),
            None => there.find(|(_, console)| console.name.is(word)),
        };
        let chosen = match (word.is_empty(), found) {
            (true, _) => None,
            (false, Some((n, _))) => Some(n),
            (false, None) => {
                if word != b"?" {
                    self.say(format_args!("no such console"), out);
                }
                return self.list(out);
            }
        };
        if chosen == self.attached {
            return;
        }
        self.tell_dropped(out);
        self.full_since = None;
        for (n, console) in self.consoles.iter().enumerate() {
            console.output.reader().set_eager(Some(n) == chosen);
        }
        self.attached = chosen;
        match chosen
            .and_then(|n| self.consoles.get(n))
            .map(|console| console.name)
        {
            Some(name) => self.say(format_args!("{name} is attached"), out),
            None => self.say(format_args!("no console is attached"), out),
        }
    }

    /// Tells how many bytes the console that is attached has missed.
    fn tell_dropped(&mut self, out: &mut impl FnMut(&[u8])) {
        let console = self.attached.and_then(|n| self.consoles.get_mut(n));
        let Some(console) = console.filter(|console| console.dropped > 0) else {
            return;
        };
        let (name, dropped) = (console.name, core::mem::take(&mut console.dropped));
        self.say(format_args!("{dropped} bytes for {name} were dropped"), out);
    }

    fn say(&mut self, text: fmt::Arguments<'_>, out: &mut impl FnMut(&[u8])) {
        self.end_line(out);
        let _ = write!(Out(out), "{SPEAKER}: {text}\r\n");
    }

    fn end_line(&mut self, out: &mut impl FnMut(&[u8])) {
        if core::mem::take(&mut self.in_line) {
            out(b"\r\n");
        }
    }
}

/// Takes text in pieces.
struct Out<'o, O>(&'o mut O);

impl<O: FnMut(&[u8])> fmt::Write for Out<'_, O> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        (self.0)(text.as_bytes());
        Ok(())
    }
}
