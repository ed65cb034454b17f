// SPDX-License-Identifier: BSD-2-Clause
//! The consoles of two guests at one port: who gets what is typed, and how what is printed looks.

use std::sync::atomic::AtomicU64;

use molt_terminal::{
    ESCAPE, Intake, Kind, Multiplexer, Name, PATIENCE_NS, Source, Terminal, Typed,
};
use molt_trace::lines::{self, Lines};
use molt_trace::ring::{Reader, Writer};
use proptest::prelude::*;

fn words(bytes: usize) -> &'static [AtomicU64] {
    let words = (0..8 + bytes / 8).map(|_| AtomicU64::new(0));
    words.collect::<Vec<_>>().leak()
}

struct Port {
    consoles: Multiplexer<'static, 4>,
    /// The VMMs' ends.
    ends: Vec<Terminal<'static>>,
    out: Vec<u8>,
    now: u64,
    /// What was typed and is for nobody's console.
    unattached: Vec<u8>,
}

const NAMES: [Name; 3] = [
    Name {
        guest: "linux",
        kind: Kind::Uart,
    },
    Name {
        guest: "linux",
        kind: Kind::Virtio,
    },
    Name {
        guest: "bare",
        kind: Kind::Uart,
    },
];

/// Three consoles whose rings have so many bytes, and one that nobody can type at.
fn port(bytes: usize) -> Port {
    let mut ends = Vec::new();
    let mut sources = Vec::new();
    for name in NAMES {
        let (output, input) = (words(bytes), words(bytes));
        ends.push(Terminal::new(output, input));
        sources.push(Source {
            name,
            output: Reader::new(output),
            input: Some(Writer::new(input)),
        });
    }
    sources.push(Source {
        name: Name {
            guest: "mute",
            kind: Kind::Uart,
        },
        output: Reader::new(words(bytes)),
        input: None,
    });
    Port {
        consoles: Multiplexer::new(sources.into_iter()),
        ends,
        out: Vec::new(),
        now: 0,
        unattached: Vec::new(),
    }
}

impl Port {
    /// Types as far as it is taken, and returns how far.
    fn types(&mut self, bytes: &[u8]) -> usize {
        let Self {
            consoles,
            out,
            now,
            unattached,
            ..
        } = self;
        let mut show = |piece: &[u8]| out.extend_from_slice(piece);
        for (n, byte) in bytes.iter().enumerate() {
            if let Intake::Closed(_) = consoles.intake(*now, &mut show) {
                return n;
            }
            if let Typed::Unattached(byte) = consoles.typed(*byte, &mut show) {
                unattached.push(byte);
            }
        }
        bytes.len()
    }

    fn attaches(&mut self, word: &str) {
        let mut bytes = vec![ESCAPE];
        bytes.extend(word.bytes());
        bytes.push(b'\r');
        self.types(&bytes);
    }

    fn prints(&mut self) {
        let Self { consoles, out, .. } = self;
        let mut show = |piece: &[u8]| out.extend_from_slice(piece);
        for n in 0..consoles.len() {
            while consoles.print(n, &mut show).0 {}
        }
    }

    fn shown(&mut self) -> String {
        self.prints();
        String::from_utf8(std::mem::take(&mut self.out)).unwrap()
    }

    fn reads(&mut self, n: usize) -> Vec<u8> {
        let mut room = [0; 4096];
        let (count, _) = self.ends[n].read(&mut room);
        room[..count].to_vec()
    }
}

#[test]
fn what_is_typed_goes_to_the_console_that_is_attached() {
    let mut port = port(64);
    port.types(b"list\n");
    assert_eq!(port.unattached, b"list\n");
    for (n, word) in ["linux", "linux/hvc0", "3"].into_iter().enumerate() {
        port.attaches(word);
        port.types(b"a\x1c\x1cb");
        assert_eq!(
            port.shown(),
            format!("serial: {} is attached\r\n", NAMES[n])
        );
        let got = [0, 1, 2].map(|n| port.reads(n));
        let mut expected = [vec![], vec![], vec![]];
        expected[n] = b"a\x1cb".to_vec();
        assert_eq!(got, expected);
    }
    port.attaches("");
    port.types(b"ok\n");
    assert_eq!(port.shown(), "serial: no console is attached\r\n");
    assert_eq!(port.unattached, b"list\nok\n");
}

#[test]
fn a_word_that_is_no_console_changes_nothing() {
    let mut port = port(64);
    port.attaches("bare");
    port.shown();
    let list = "serial: Ctrl-\\ NAME Enter attaches a guest's console, Ctrl-\\ Enter none: linux, linux/hvc0, bare\r\n";
    for word in [
        "lin",
        "linux/",
        "0",
        "4",
        "mute",
        "bare/hvc0",
        "\u{0}",
        "99999999999999999999999",
    ] {
        port.attaches(word);
        assert_eq!(
            port.shown(),
            format!("serial: no such console\r\n{list}"),
            "{word}"
        );
    }
    port.attaches("?");
    assert_eq!(port.shown(), list);
    port.types(b"x");
    assert_eq!(port.reads(2), b"x");
}

#[test]
fn a_prompt_comes_at_once_and_other_lines_stay_whole() {
    let mut port = port(64);
    port.ends[0].write(b"boot\r\nlogin: ");
    port.ends[2].write(b"half");
    assert_eq!(
        port.shown(),
        "linux: boot\n",
        "a line that is not ended waits"
    );
    port.attaches("linux");
    assert_eq!(port.shown(), "serial: linux is attached\r\nlogin: ");
    let (_, tell) = port.ends[0].write(b"\x1b[6n");
    assert!(tell, "at once");
    port.ends[2].write(b" a line\x1b[2J\n");
    assert_eq!(port.shown(), "\x1b[6n\r\nbare: half a line [2J\n");
    // A domain's line does not begin behind a prompt either.
    port.ends[0].write(b"# ");
    port.prints();
    let ring = words(64);
    let mut update = Lines::new(
        lines::Source {
            name: "update",
            guest: false,
            traces: true,
        },
        Reader::new(ring),
    );
    assert!(Writer::new(ring).line("molt: 1 fine"));
    let Port { consoles, out, .. } = &mut port;
    assert!(consoles.next_line(&mut update, &mut |piece: &[u8]| {
        out.extend_from_slice(piece)
    }));
    assert_eq!(port.shown(), "# \r\nmolt: 1 fine\n");
    port.attaches("bare");
    let (_, tell) = port.ends[0].write(b"waits");
    assert!(!tell, "nobody looks");
    port.ends[0].write(b" for its end\n");
    assert_eq!(
        port.shown(),
        "serial: bare is attached\r\nlinux: waits for its end\n"
    );
}

#[test]
fn a_guest_that_does_not_read_keeps_nobody_from_another_one() {
    let mut port = port(64);
    port.attaches("bare");
    port.shown();
    assert_eq!(port.types(&[b'x'; 100]), 64, "what fits");
    port.now = PATIENCE_NS - 1;
    assert_eq!(port.types(b"x"), 0, "it is waited for");
    assert_eq!(port.shown(), "");
    port.now = PATIENCE_NS;
    assert_eq!(port.types(&[b'x'; 36]), 36, "and then not any more");
    assert_eq!(
        port.shown(),
        "serial: bare does not read: what is typed is dropped\r\n"
    );
    port.attaches("linux");
    assert_eq!(
        port.shown(),
        "serial: 36 bytes for bare were dropped\r\nserial: linux is attached\r\n"
    );
    port.types(b"ls\r");
    assert_eq!(port.reads(0), b"ls\r");
    assert_eq!(port.reads(2), [b'x'; 64], "what fitted is there still");
}

#[test]
fn a_guest_that_reads_slowly_gets_everything() {
    let mut port = port(64);
    port.attaches("linux/hvc0");
    let all: Vec<u8> = (0..5000).map(|n| b'a' + (n % 26) as u8).collect();
    let (mut sent, mut got) = (0, Vec::new());
    while got.len() < all.len() {
        sent += port.types(&all[sent..]);
        // Almost as long as it may take.
        port.now += PATIENCE_NS - 1;
        let (count, tell) = {
            let mut room = [0; 7];
            let (count, tell) = port.ends[1].read(&mut room);
            got.extend_from_slice(&room[..count]);
            (count, tell)
        };
        assert!(
            count > 0 && (tell || sent == all.len()),
            "serial is told of room"
        );
    }
    assert_eq!(got, all);
    assert_eq!(port.shown(), "serial: linux/hvc0 is attached\r\n");
}

proptest! {
    /// Whatever is typed and printed: no console gets a byte that was typed for another one, and nothing that another guest prints
    /// can begin a line with a name that is not its own.
    #[test]
    fn any_bytes(
        steps in prop::collection::vec(
            (0..4_usize, prop::collection::vec(prop_oneof![
                3 => any::<u8>(),
                1 => Just(ESCAPE),
                1 => prop::sample::select(b"\r\n123?linux/hvc0".to_vec()),
            ], 0..30)),
            0..60,
        ),
    ) {
        let mut port = port(64);
        for (who, bytes) in steps {
            match who {
                3 => {
                    port.types(&bytes);
                    port.now += PATIENCE_NS / 3;
                }
                who => {
                    port.ends[who].write(&bytes);
                    let attached = !port.consoles.is_unattached();
                    port.prints();
                    let out = std::mem::take(&mut port.out);
                    if !attached {
                        let text = String::from_utf8(out).expect("unattached guests print text");
                        for line in text.split_terminator(['\n']).map(str::trim_end) {
                            let known = ["linux: ", "linux:", "bare: ", "bare:", "serial: "];
                            prop_assert!(line.is_empty() || known.iter().any(|name| line.starts_with(name)), "{line:?}");
                        }
                        prop_assert!(!text.contains('\x1b'));
                    }
                }
            }
            port.out.clear();
        }
    }
}
