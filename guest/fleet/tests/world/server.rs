// SPDX-License-Identifier: BSD-2-Clause
//! A server that follows hawkBit's published interface, on a port of this host; and as hostile as a test wants it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub token: Option<String>,
    pub body: Vec<u8>,
}

/// An answer that takes the place of the right one, byte for byte.
type Other = Box<dyn Fn(&Asked) -> Option<Vec<u8>> + Send>;

/// What the server knows.
#[derive(Default)]
pub struct Books {
    /// Actions that are open.
    pub open: Option<u32>,
    /// The open action's cancellation.
    pub cancel: Option<u32>,
    pub bundle: Vec<u8>,
    pub name: String,
    pub wants_attributes: bool,
    pub attributes: Option<Value>,
    /// Reports: the resource, and its document.
    pub reports: Vec<(String, Value)>,
    pub asked: Vec<Asked>,
    pub other: Option<Other>,
}

pub struct Fleet {
    pub url: String,
    books: Arc<Mutex<Books>>,
}

impl Fleet {
    /// Starts one that has an action with this bundle.
    pub fn with(action: u32, bundle: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let books = Books {
            open: Some(action),
            bundle: bundle.to_vec(),
            name: "disk.suit".to_owned(),
            ..Books::default()
        };
        let books = Arc::new(Mutex::new(books));
        let (shared, host) = (books.clone(), url.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                // A client that dies closes its connection.
                if let Some(asked) = read(&stream) {
                    let answer = answer(&mut shared.lock().unwrap(), &host, asked);
                    let _ = (&stream).write_all(&answer);
                }
            }
        });
        Self { url, books }
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// Answers these requests otherwise.
    pub fn answers(&self, other: impl Fn(&Asked) -> Option<Vec<u8>> + Send + 'static) {
        self.books().other = Some(Box::new(other));
    }

    /// How actions were closed: the number, and success or failure.
    pub fn closed(&self) -> Vec<(String, String)> {
        let books = self.books();
        let closed = books.reports.iter().filter(|(path, report)| {
            path.starts_with("deploymentBase") && report["status"]["execution"] == "closed"
        });
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        closed
            .map(|(_, report)| {
                (
                    text(&report["id"]),
                    text(&report["status"]["result"]["finished"]),
                )
            })
            .collect()
    }

    /// The last detail that was reported.
    pub fn last_detail(&self) -> String {
        let books = self.books();
        let (_, report) = books.reports.last().unwrap();
        report["status"]["details"][0].as_str().unwrap().to_owned()
    }
}

/// An answer.
pub fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n").into_bytes();
    bytes.extend(body);
    bytes
}

/// The same in chunks.
pub fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(700) {
        bytes.extend(format!("{:X};x=y\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\nTrailer: 1\r\n\r\n");
    bytes
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let mut lines = lines.iter().filter_map(|line| line.split_once(": "));
        lines
            .find(|(header, _)| *header == name)
            .map(|(_, value)| value.to_owned())
    };
    let length = header("Content-Length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = lines[0].split(' ').map(str::to_owned);
    Some(Asked {
        method: words.next()?,
        path: words.next()?,
        token: header("Authorization"),
        body,
    })
}

fn answer(books: &mut Books, host: &str, asked: Asked) -> Vec<u8> {
    books.asked.push(asked.clone());
    if let Some(bytes) = books.other.as_ref().and_then(|other| other(&asked)) {
        return bytes;
    }
    let Some(path) = asked.path.strip_prefix("/DEFAULT/controller/v1/guest-1") else {
        return http("404 Not Found", "", b"");
    };
    let base = format!("{host}/DEFAULT/controller/v1/guest-1");
    let ok = |document: Value| http("200 OK", "", document.to_string().as_bytes());
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let open = books.open.map(|action| action.to_string());
    let cancel = books.cancel.map(|action| action.to_string());
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", []) => {
            let mut links = json!({});
            if books.wants_attributes {
                links["configData"] = json!({ "href": format!("{base}/configData") });
            }
            if let Some(cancel) = cancel {
                links["cancelAction"] = json!({ "href": format!("{base}/cancelAction/{cancel}") });
            } else if let Some(open) = open {
                links["deploymentBase"] =
                    json!({ "href": format!("{base}/deploymentBase/{open}?c=-12") });
            }
            ok(json!({ "config": { "polling": { "sleep": "00:00:30" } }, "_links": links }))
        }
        ("PUT", ["configData"]) => {
            books.wants_attributes = false;
            books.attributes = serde_json::from_slice(&asked.body).ok();
            http("200 OK", "", b"")
        }
        ("GET", ["deploymentBase", action]) if open.as_deref() == Some(action) => {
            let hash: String = Sha256::digest(&books.bundle)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let artifact = json!({ "filename": books.name, "size": books.bundle.len(), "hashes": { "sha256": hash },
                "_links": { "download-http": { "href": format!("{base}/softwaremodules/7/artifacts/{}", books.name) } } });
            ok(
                json!({ "id": action, "deployment": { "download": "forced", "update": "forced",
                "chunks": [{ "part": "os", "version": "1", "name": "disk", "artifacts": [artifact] }] } }),
            )
        }
        ("GET", ["softwaremodules", "7", "artifacts", _]) => http("200 OK", "", &books.bundle),
        ("GET", ["cancelAction", action]) if cancel.as_deref() == Some(action) => {
            ok(json!({ "id": action, "cancelAction": { "stopId": open } }))
        }
        (
            "POST",
            [
                kind @ ("deploymentBase" | "cancelAction"),
                action,
                "feedback",
            ],
        ) => {
            let current = if *kind == "cancelAction" {
                &cancel
            } else {
                &open
            };
            if current.as_deref() != Some(*action) {
                return http("404 Not Found", "", b"");
            }
            let report: Value = serde_json::from_slice(&asked.body).expect("a report");
            if report["status"]["execution"] == "closed" {
                (books.open, books.cancel) = (None, None);
            }
            books.reports.push((format!("{kind}/{action}"), report));
            http("200 OK", "", b"")
        }
        _ => http("404 Not Found", "", b""),
    }
}
