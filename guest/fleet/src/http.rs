// SPDX-License-Identifier: BSD-2-Clause
//! One request and its answer by HTTP/1.1 (RFC 9112), over a connection of its own.

use core::fmt::{self, Write};

use heapless::String;

use crate::body::{Body, Framing};
use crate::network::{Connection, Network};
use crate::trouble::Trouble;
use crate::url::{MAX_URL, Url};

/// Most bytes of an answer's status line and headers.
const MAX_HEAD: usize = 8192;
/// Most headers of an answer.
const MAX_HEADERS: usize = 64;
/// Most interim answers (status 1xx) before the answer.
const MAX_INTERIM: usize = 4;

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// What to do.
    pub method: Method,
    /// With what.
    pub url: Url<'r>,
    /// The value of `Authorization`.
    pub token: Option<&'r str>,
    /// A document in JSON.
    pub document: Option<&'r str>,
}

/// An answer, whose body is still to be read.
pub struct Response<C> {
    /// The status code.
    pub status: u16,
    /// The value of `Location`, with a redirection (300 to 399).
    pub location: Option<String<MAX_URL>>,
    /// The body.
    pub body: Body<C>,
}

/// Sends text to a connection in pieces.
struct Sender<'c, C> {
    connection: &'c mut C,
    piece: heapless::Vec<u8, 512>,
    deadline: u64,
    result: Result<(), Trouble>,
}

impl<C: Connection> Sender<'_, C> {
    fn flush(&mut self) -> fmt::Result {
        self.result = self
            .connection
            .send(&self.piece, self.deadline)
            .map_err(Trouble::Lost);
        self.piece.clear();
        self.result.map_err(|_| fmt::Error)
    }
}

impl<C: Connection> Write for Sender<'_, C> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.piece.is_full() {
                self.flush()?;
            }
            let _ = self.piece.push(byte);
        }
        Ok(())
    }
}

/// Sends a request, and reads the answer up to its body. All has to be over by the deadline, the body too.
///
/// # Errors
/// See [`Trouble`]; a status is none.
pub fn send<N: Network>(
    network: &mut N,
    request: &Request<'_>,
    deadline: u64,
) -> Result<Response<N::Connection>, Trouble> {
    let url = request.url;
    let mut connection = network.connect(url.host, url.port, deadline)?;
    let mut sender = Sender {
        connection: &mut connection,
        piece: heapless::Vec::new(),
        deadline,
        result: Ok(()),
    };
    let written = write_request(&mut sender, request).and_then(|()| sender.flush());
    if written.is_err() {
        sender.result?;
    }
    read_head(connection, deadline)
}

fn write_request(to: &mut impl Write, request: &Request<'_>) -> fmt::Result {
    let (method, url) = (request.method, request.url);
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
    };
    write!(
        to,
        "{method} {} HTTP/1.1\r\nHost: {}:{}\r\n",
        url.path, url.host, url.port
    )?;
    to.write_str("Connection: close\r\nUser-Agent: molt-guest\r\n")?;
    to.write_str("Accept: application/hal+json, application/json, application/octet-stream\r\n")?;
    if let Some(token) = request.token {
        write!(to, "Authorization: {token}\r\n")?;
    }
    match request.document {
        Some(document) => write!(
            to,
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{document}",
            document.len()
        ),
        None => to.write_str("\r\n"),
    }
}

fn read_head<C: Connection>(mut connection: C, deadline: u64) -> Result<Response<C>, Trouble> {
    let mut bytes = heapless::Vec::<u8, MAX_HEAD>::new();
    let mut interim = 0;
    loop {
        if let Some((head, length)) = parse(&bytes)? {
            let rest = bytes.get(length..).unwrap_or_default();
            if head.status >= 200 {
                let body = Body::new(connection, rest, head.framing, deadline)?;
                let (status, location) = (head.status, head.location);
                return Ok(Response {
                    status,
                    location,
                    body,
                });
            }
            interim += 1;
            if interim > MAX_INTERIM {
                return Err(Trouble::NotHttp("too many interim answers"));
            }
            bytes = heapless::Vec::from_slice(rest).unwrap_or_default();
            continue;
        }
        let mut piece = [0; 512];
        let room = (bytes.capacity() - bytes.len()).min(piece.len());
        if room == 0 {
            return Err(Trouble::TooLong("its headers"));
        }
        let piece = piece.get_mut(..room).unwrap_or_default();
        match connection.receive(piece, deadline)? {
            0 => return Err(Trouble::CutOff),
            count => {
                let _ = bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
            }
        }
    }
}

struct Head {
    status: u16,
    location: Option<String<MAX_URL>>,
    framing: Framing,
}

/// The head and its length; `None`: it is not whole.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Trouble> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Trouble::TooLong("its headers")),
        Err(_) => return Err(Trouble::NotHttp("its headers are malformed")),
    };
    let status = response.code.unwrap_or(0);
    let mut chunked = false;
    let mut content = None;
    let mut location = None;
    for header in response.headers.iter() {
        let value = core::str::from_utf8(header.value).map(str::trim);
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let digits = value
                .ok()
                .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let number: Option<u64> = digits.and_then(|text| text.parse().ok());
            let number = number.ok_or(Trouble::NotHttp("its Content-Length is no number"))?;
            if content.is_some_and(|before| before != number) {
                return Err(Trouble::NotHttp("it has two different lengths"));
            }
            content = Some(number);
        } else if is("transfer-encoding") {
            if chunked || !value.is_ok_and(|text| text.eq_ignore_ascii_case("chunked")) {
                return Err(Trouble::NotHttp("a Transfer-Encoding other than chunked"));
            }
            chunked = true;
        } else if is("location") && location.is_none() {
            location = value.ok().and_then(|text| String::try_from(text).ok());
        }
    }
    let framing = match (status, chunked, content) {
        // RFC 9112, 6.3: these have no body.
        (0..=199 | 204 | 304, ..) => Framing::Length(0),
        (_, true, Some(_)) => return Err(Trouble::NotHttp("it is chunked and has a length")),
        (_, true, None) => Framing::Chunked,
        (_, false, Some(length)) => Framing::Length(length),
        (_, false, None) => Framing::UntilClosed,
    };
    let head = Head {
        status,
        location,
        framing,
    };
    Ok(Some((head, length)))
}
