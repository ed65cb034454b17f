// SPDX-License-Identifier: BSD-2-Clause
//! Fetches a file, and checks that it is the one that was announced. That says nothing about who made it: who announces it also
//! delivers it.

use core::fmt::Write;

use heapless::String;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::ddi::{Artifact, Hashes};
use crate::http::{self, Method, Request};
use crate::network::Network;
use crate::store::Store;
use crate::trouble::Trouble;
use crate::url::{BadUrl, MAX_URL, Url};

/// Most redirections.
const MAX_REDIRECTIONS: usize = 4;
/// Milliseconds that a file may take.
const TIME: u64 = 15 * 60 * 1000;

/// Fetches a file of at most `limit` bytes into the store. The token goes to no other server than `server`.
///
/// # Errors
/// See [`Trouble`].
pub fn fetch<N: Network>(
    network: &mut N,
    store: &mut impl Store,
    server: Url<'_>,
    token: Option<&str>,
    artifact: &Artifact<'_>,
    limit: u64,
) -> Result<(), Trouble> {
    const WHAT: &str = "the bundle";
    let bad = |error| Trouble::Url(WHAT, error);
    let link = artifact.link().ok_or(bad(BadUrl::Malformed))?;
    if artifact.size.is_some_and(|size| size > limit) {
        return Err(Trouble::OverLimit(limit));
    }
    let mut address = String::<MAX_URL>::try_from(link).map_err(|_| bad(BadUrl::Malformed))?;
    let deadline = network.now().saturating_add(TIME);
    for redirections in 0..=MAX_REDIRECTIONS {
        let url = match Url::parse(&address) {
            // A server behind a proxy believes that it is asked by https; a path belongs to the server.
            Err(BadUrl::Tls) if redirections == 0 => server.at_same_server(&address),
            Err(BadUrl::Malformed) if address.starts_with('/') => server.at_same_server(&address),
            result => result,
        };
        let url = url.map_err(bad)?;
        let request = Request {
            method: Method::Get,
            url,
            token: token.filter(|_| url.is_same_server(server)),
            document: None,
        };
        let mut response = http::send(network, &request, deadline)?;
        match (response.status, response.location) {
            (200, _) => {
                store.begin().map_err(Trouble::Store)?;
                let hashes = artifact.hashes.unwrap_or_default();
                let mut check = Check::new(limit);
                let mut piece = [0; 4096];
                loop {
                    let count = response.body.read(&mut piece)?;
                    if count == 0 {
                        return check.end(artifact.size, &hashes);
                    }
                    let piece = piece.get(..count).unwrap_or_default();
                    check.add(piece)?;
                    store.append(piece).map_err(Trouble::Store)?;
                }
            }
            (301 | 302 | 303 | 307 | 308, Some(location)) => address = location,
            (status, _) => return Err(Trouble::Status(status)),
        }
    }
    Err(Trouble::Redirections(MAX_REDIRECTIONS))
}

/// What has come so far.
struct Check {
    length: u64,
    limit: u64,
    sha256: Sha256,
    sha1: Sha1,
}

impl Check {
    fn new(limit: u64) -> Self {
        Self {
            length: 0,
            limit,
            sha256: Sha256::new(),
            sha1: Sha1::new(),
        }
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), Trouble> {
        self.length = self.length.saturating_add(piece.len() as u64);
        if self.length > self.limit {
            return Err(Trouble::OverLimit(self.limit));
        }
        self.sha256.update(piece);
        self.sha1.update(piece);
        Ok(())
    }

    fn end(self, size: Option<u64>, hashes: &Hashes<'_>) -> Result<(), Trouble> {
        if let Some(size) = size.filter(|size| *size != self.length) {
            return Err(Trouble::Length(self.length, size));
        }
        let (sha256, sha1) = (self.sha256.finalize(), self.sha1.finalize());
        let checks = [
            ("SHA-256", hashes.sha256, sha256.as_slice()),
            ("SHA-1", hashes.sha1, sha1.as_slice()),
        ];
        for (name, announced, digest) in checks {
            if announced.is_some_and(|text| !is_hex(text, digest)) {
                return Err(Trouble::Digest(name));
            }
        }
        Ok(())
    }
}

fn is_hex(text: &str, digest: &[u8]) -> bool {
    let mut own = String::<64>::new();
    let written = digest.iter().try_for_each(|byte| write!(own, "{byte:02x}"));
    written.is_ok() && own.eq_ignore_ascii_case(text)
}
