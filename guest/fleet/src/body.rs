// SPDX-License-Identifier: BSD-2-Clause
//! The body of an answer (RFC 9112, 6 and 7).

use heapless::Vec;

use crate::network::Connection;
use crate::trouble::Trouble;

/// Bytes that are held at once.
const BUFFER: usize = 8192;
/// Most bytes of the line in front of a chunk, and of each line of a trailer.
const MAX_LINE: usize = 256;
/// Most lines of a trailer.
const MAX_TRAILER: usize = 16;

/// How the body's end is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// Pieces, each with its length in front.
    Chunked,
    /// Where the connection ends.
    UntilClosed,
}

#[derive(Clone, Copy)]
enum State {
    /// So many bytes until the end.
    Bytes(u64),
    /// So many bytes until the end of the chunk.
    Chunk(u64),
    /// In front of a chunk.
    Between,
    UntilClosed,
    Over,
}

/// A body that is being read.
pub struct Body<C> {
    connection: C,
    buffer: Vec<u8, BUFFER>,
    /// Bytes of the buffer that were read.
    used: usize,
    state: State,
    deadline: u64,
}

impl<C: Connection> Body<C> {
    /// A body whose first bytes have come with the headers.
    ///
    /// # Errors
    /// They are more than the headers may have been.
    pub fn new(
        connection: C,
        come: &[u8],
        framing: Framing,
        deadline: u64,
    ) -> Result<Self, Trouble> {
        let buffer = Vec::from_slice(come).map_err(|_| Trouble::TooLong("its headers"))?;
        let state = match framing {
            Framing::Length(length) => State::Bytes(length),
            Framing::Chunked => State::Between,
            Framing::UntilClosed => State::UntilClosed,
        };
        Ok(Self {
            connection,
            buffer,
            used: 0,
            state,
            deadline,
        })
    }

    /// Reads at least a byte; 0 at the end.
    ///
    /// # Errors
    /// The connection is lost, or ends before the body does; a chunk is malformed.
    pub fn read(&mut self, to: &mut [u8]) -> Result<usize, Trouble> {
        loop {
            match self.state {
                State::Over | State::Bytes(0) => return Ok(0),
                State::Bytes(left) => {
                    let count = self.some(to, left)?;
                    self.state = State::Bytes(left - count as u64);
                    return Ok(count);
                }
                State::UntilClosed => {
                    return match self.some(to, u64::MAX) {
                        Err(Trouble::CutOff) => Ok(0),
                        result => result,
                    };
                }
                State::Between => self.begin_chunk()?,
                State::Chunk(0) => {
                    if !self.line()?.is_empty() {
                        return Err(Trouble::NotHttp("a chunk is longer than it says"));
                    }
                    self.state = State::Between;
                }
                State::Chunk(left) => {
                    let count = self.some(to, left)?;
                    self.state = State::Chunk(left - count as u64);
                    return Ok(count);
                }
            }
        }
    }

    /// Reads all of it, if it is no longer than this.
    ///
    /// # Errors
    /// Those of [`Self::read`]; it is longer.
    pub fn whole<const N: usize>(&mut self, what: &'static str) -> Result<Vec<u8, N>, Trouble> {
        let mut bytes = Vec::new();
        let mut piece = [0; 512];
        loop {
            let count = self.read(&mut piece)?;
            if count == 0 {
                return Ok(bytes);
            }
            let kept = bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
            kept.map_err(|_| Trouble::TooLong(what))?;
        }
    }

    fn begin_chunk(&mut self) -> Result<(), Trouble> {
        let line = self.line()?;
        // Behind a semicolon stand extensions, which nobody uses.
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = digits.trim_ascii();
        let number = core::str::from_utf8(digits).ok();
        let number = number.filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = number.and_then(|text| u64::from_str_radix(text, 16).ok());
        let length = number.ok_or(Trouble::NotHttp("the length of a chunk is no number"))?;
        self.state = State::Chunk(length);
        if length == 0 {
            for _ in 0..MAX_TRAILER {
                if self.line()?.is_empty() {
                    self.state = State::Over;
                    return Ok(());
                }
            }
            return Err(Trouble::TooLong("its trailer"));
        }
        Ok(())
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<Vec<u8, MAX_LINE>, Trouble> {
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            self.some(&mut byte, 1)?;
            match byte {
                [b'\n'] => {
                    if line.last() == Some(&b'\r') {
                        line.pop();
                    }
                    return Ok(line);
                }
                [byte] => (line.push(byte)).map_err(|_| Trouble::TooLong("the line of a chunk"))?,
            }
        }
    }

    /// At least a byte, and at most so many.
    fn some(&mut self, to: &mut [u8], most: u64) -> Result<usize, Trouble> {
        if self.used == self.buffer.len() {
            let _ = self.buffer.resize_default(BUFFER);
            let received = self.connection.receive(&mut self.buffer, self.deadline);
            self.buffer.truncate(*received.as_ref().unwrap_or(&0));
            self.used = 0;
            if received? == 0 {
                return Err(Trouble::CutOff);
            }
        }
        let come = self.buffer.get(self.used..).unwrap_or_default();
        let count = come
            .len()
            .min(to.len())
            .min(usize::try_from(most).unwrap_or(usize::MAX));
        for (place, byte) in to.iter_mut().zip(come.iter().take(count)) {
            *place = *byte;
        }
        self.used += count;
        Ok(count)
    }
}
