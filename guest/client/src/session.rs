// SPDX-License-Identifier: BSD-2-Clause
//! The guest's side of the protocol on the port. The other side is the VMM, which a guest has to trust in any case; answers are
//! checked all the same, so that a mistake ends with an error.

use molt_doorbell::port::{
    self, Deferral, Deferrer, Device, Entry, Fault, Handle, Header, Hello, Kind, State, Target,
    Welcome,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The open port.
pub trait Stream {
    /// Reads at least a byte, and waits for it; 0: nobody is there any more.
    ///
    /// # Errors
    /// The system's error number.
    fn read(&mut self, to: &mut [u8]) -> Result<usize, usize>;

    /// Writes at least a byte, and waits until that is possible.
    ///
    /// # Errors
    /// The system's error number.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, usize>;
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The port cannot be read or written: an error number.
    Port(usize),
    /// The port has no other end.
    Closed,
    /// An answer that the protocol does not have.
    Nonsense,
    /// The doorbell speaks an older protocol than this program, or a newer one.
    Version(u32),
    /// The command was not carried out.
    Fault(Fault),
}

impl core::fmt::Display for Trouble {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Port(number) => write!(f, "the port fails with error number {number}"),
            Self::Closed => f.write_str("the port has no other end"),
            Self::Nonsense => f.write_str("the doorbell does not answer as its protocol says"),
            Self::Version(version) => write!(
                f,
                "the doorbell speaks version {version} of its protocol, this program version {}",
                port::VERSION
            ),
            Self::Fault(fault) => f.write_str(fault.text()),
        }
    }
}

/// A session.
pub struct Session<S> {
    stream: S,
    come: heapless::Vec<u8, { port::LONGEST }>,
    longest_bundle: u32,
}

impl<S: Stream> Session<S> {
    /// Begins a session on a port that has just been opened.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn begin(stream: S) -> Result<Self, Trouble> {
        let mut session = Self {
            stream,
            come: heapless::Vec::new(),
            longest_bundle: 0,
        };
        let hello = Hello {
            magic: port::MAGIC.into(),
            version: port::VERSION.into(),
        };
        session.send(Kind::Hello, hello.as_bytes(), &[])?;
        let welcome: Welcome = session.one(Kind::Hello)?;
        let version = welcome.version.get();
        if welcome.magic.get() != port::MAGIC {
            return Err(Trouble::Nonsense);
        }
        if version != port::VERSION {
            return Err(Trouble::Version(version));
        }
        session.longest_bundle = welcome.longest_bundle.get();
        Ok(session)
    }

    /// Most bytes of a bundle; a longer one is refused.
    pub const fn longest_bundle(&self) -> u32 {
        self.longest_bundle
    }

    /// The guest's devices.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn devices(&mut self) -> Result<heapless::Vec<Device, { port::DEVICES }>, Trouble> {
        self.send(Kind::Devices, &[], &[])?;
        self.list(Kind::Devices)
    }

    /// Offers a bundle.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn offer(&mut self, component: u32, bundle: &[u8]) -> Result<State, Trouble> {
        let target = Target {
            component: component.into(),
        };
        self.send(Kind::Offer, target.as_bytes(), bundle)?;
        self.one(Kind::Offer)
    }

    /// Confirms an offer, or takes it back.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn decide(&mut self, kind: Kind, component: u32, handle: u64) -> Result<State, Trouble> {
        let body = Handle {
            component: component.into(),
            handle: handle.into(),
        };
        self.send(kind, body.as_bytes(), &[])?;
        self.one(kind)
    }

    /// Has a component's failed images forgotten.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn forgive(&mut self, component: u32) -> Result<State, Trouble> {
        let target = Target {
            component: component.into(),
        };
        self.send(Kind::Forgive, target.as_bytes(), &[])?;
        self.one(Kind::Forgive)
    }

    /// Defers updates of a component for so many ms; 0: not any more. Returns for how long an update waits at the most, in ms.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn defer(&mut self, component: u32, ms: u32) -> Result<u32, Trouble> {
        let body = Deferral {
            component: component.into(),
            ms: ms.into(),
        };
        self.send(Kind::Defer, body.as_bytes(), &[])?;
        let answer: Deferral = self.one(Kind::Defer)?;
        Ok(answer.ms.get())
    }

    /// Whom the update waits for.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn deferrer(&mut self) -> Result<Deferrer, Trouble> {
        self.send(Kind::Deferrer, &[], &[])?;
        self.one(Kind::Deferrer)
    }

    /// The state.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn state(&mut self) -> Result<State, Trouble> {
        self.send(Kind::State, &[], &[])?;
        self.one(Kind::State)
    }

    /// Waits for another state than the last one.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn news(&mut self) -> Result<State, Trouble> {
        self.send(Kind::Next, &[], &[])?;
        self.one(Kind::Next)
    }

    /// The log, the oldest entry first.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn log(&mut self) -> Result<heapless::Vec<Entry, { port::ENTRIES }>, Trouble> {
        self.send(Kind::Log, &[], &[])?;
        self.list(Kind::Log)
    }

    fn send(&mut self, kind: Kind, body: &[u8], bundle: &[u8]) -> Result<(), Trouble> {
        // A bundle that is longer than any is cut: it is refused in any case.
        let most = u32::MAX as usize - body.len();
        let bundle = bundle.get(..most).unwrap_or(bundle);
        let header = Header::command(kind, (body.len() + bundle.len()) as u32);
        for part in [header.as_bytes(), body, bundle] {
            let mut rest = part;
            while !rest.is_empty() {
                let count = self.stream.write(rest).map_err(Trouble::Port)?;
                if count == 0 {
                    return Err(Trouble::Closed);
                }
                rest = rest.get(count..).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// Waits for the answer to a command, whose body it hands to `read`.
    fn answer<T>(
        &mut self,
        kind: Kind,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, Trouble> {
        loop {
            if let Some((header, body, rest)) = port::frame(&self.come) {
                let number = header.kind.get();
                let answer = if number == kind as u32 | port::ANSWER {
                    read(body).ok_or(Trouble::Nonsense)
                } else {
                    Err(fault(number, body))
                };
                // One answer to each command: nothing stands behind it.
                let alone = rest.is_empty();
                self.come.clear();
                return if alone {
                    answer
                } else {
                    Err(Trouble::Nonsense)
                };
            }
            let mut bytes = [0; 256];
            match self.stream.read(&mut bytes).map_err(Trouble::Port)? {
                0 => return Err(Trouble::Closed),
                count => {
                    let come = bytes.get(..count).unwrap_or_default();
                    let kept = self.come.extend_from_slice(come);
                    kept.map_err(|_| Trouble::Nonsense)?;
                }
            }
        }
    }

    fn one<T: FromBytes>(&mut self, kind: Kind) -> Result<T, Trouble> {
        self.answer(kind, |body| T::read_from_bytes(body).ok())
    }

    fn list<T, const N: usize>(&mut self, kind: Kind) -> Result<heapless::Vec<T, N>, Trouble>
    where
        T: FromBytes + Immutable + KnownLayout + Clone,
    {
        self.answer(kind, |body| {
            let all = body.chunks(size_of::<T>());
            let mut list = heapless::Vec::new();
            for one in all {
                list.push(T::read_from_bytes(one).ok()?).ok()?;
            }
            Some(list)
        })
    }
}

fn fault(number: u32, body: &[u8]) -> Trouble {
    if number != port::ERROR {
        return Trouble::Nonsense;
    }
    let error = port::Error::read_from_bytes(body).ok();
    let fault = error.and_then(|error| Fault::from_u32(error.fault.get()));
    fault.map_or(Trouble::Nonsense, Trouble::Fault)
}
