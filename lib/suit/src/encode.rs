// SPDX-License-Identifier: BSD-2-Clause
//! Makes envelopes: for each component the templates "compatibility check", "integrated payload" and "trusted invocation" of
//! draft-ietf-suit-manifest-37 (7.1, 7.5, 7.2), in deterministic encoding (RFC 8949, 4.2).
//!
//! Everything except the payloads is built in buffers of fixed size; functions return `None` if it does not fit.

use heapless::Vec;
use minicbor::Encoder;
use sha2::{Digest, Sha256};

use crate::Algorithm;
use crate::command::{self as code, parameter};
use crate::cose::{Sink, protected, to_be_signed};
use crate::manifest::COMPONENTS;

/// Bytes of a manifest at most.
pub const MANIFEST: usize = 2048;
/// Bytes of a sequence in it.
const SEQUENCE: usize = 1024;
/// Reporting policy: record success and failure, with system information.
const REPORT_ALL: u8 = 15;
/// Reporting policy: record failure.
const REPORT_FAILURE: u8 = 2;

/// A component and its payload.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its identifier.
    pub identifier: &'a [&'a [u8]],
    /// The vendor identifier.
    pub vendor: [u8; 16],
    /// The class identifier.
    pub class: [u8; 16],
    /// The device identifier.
    pub device: [u8; 16],
    /// Key of the integrated payload.
    pub uri: &'a str,
    /// SHA-256 of the payload.
    pub digest: [u8; 32],
    /// Bytes of the payload.
    pub size: u64,
}

/// A manifest for these components. `text` is the digest of a severed suit-text, with its byte string's head.
#[must_use]
pub fn manifest(
    sequence: u64,
    parts: &[Part<'_>],
    text: Option<[u8; 32]>,
) -> Option<Vec<u8, MANIFEST>> {
    let several = parts.len() > 1;
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    e.map(6 + u64::from(text.is_some())).ok()?;
    e.u8(1).ok()?.u8(1).ok()?;
    e.u8(2).ok()?.u64(sequence).ok()?;
    e.u8(3).ok()?.bytes(&common(parts)?).ok()?;
    let check = |e: &mut Sequence<'_>, _: &Part<'_>| condition(e, code::IMAGE_MATCH);
    e.u8(7).ok()?.bytes(&each(parts, several, 2, check)?).ok()?;
    let invoke = |e: &mut Sequence<'_>, _: &Part<'_>| {
        e.i64(code::INVOKE).ok()?.u8(REPORT_FAILURE).ok()?;
        Some(())
    };
    e.u8(9)
        .ok()?
        .bytes(&each(parts, several, 2, invoke)?)
        .ok()?;
    e.u8(20)
        .ok()?
        .bytes(&each(parts, several, 6, install)?)
        .ok()?;
    if let Some(digest) = text {
        e.u8(23)
            .ok()?
            .array(2)
            .ok()?
            .i8(-16)
            .ok()?
            .bytes(&digest)
            .ok()?;
    }
    Some(out)
}

/// The same manifest under another sequence number.
#[must_use]
pub fn renumbered(manifest: &[u8], sequence: u64) -> Option<Vec<u8, MANIFEST>> {
    let mut d = minicbor::Decoder::new(manifest);
    let members = d.map().ok()??;
    // In deterministic encoding version and sequence number come first.
    let [1, 1, 2] = [d.u64().ok()?, d.u64().ok()?, d.u64().ok()?] else {
        return None;
    };
    d.u64().ok()?;
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    e.map(members)
        .ok()?
        .u8(1)
        .ok()?
        .u8(1)
        .ok()?
        .u8(2)
        .ok()?
        .u64(sequence)
        .ok()?;
    out.extend_from_slice(manifest.get(d.position()..)?).ok()?;
    Some(out)
}

type Sequence<'a> = Encoder<Sink<'a, SEQUENCE>>;

fn common(parts: &[Part<'_>]) -> Option<Vec<u8, SEQUENCE>> {
    if parts.len() > COMPONENTS {
        return None;
    }
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    e.map(2).ok()?.u8(2).ok()?.array(parts.len() as u64).ok()?;
    for part in parts {
        e.array(part.identifier.len() as u64).ok()?;
        for name in part.identifier {
            e.bytes(name).ok()?;
        }
    }
    let shared = each(parts, parts.len() > 1, 8, identity)?;
    e.u8(4).ok()?.bytes(&shared).ok()?;
    Some(out)
}

/// A sequence that does the same for each part; it has `items` elements for one part.
fn each(
    parts: &[Part<'_>],
    several: bool,
    items: u64,
    mut write: impl FnMut(&mut Sequence<'_>, &Part<'_>) -> Option<()>,
) -> Option<Vec<u8, SEQUENCE>> {
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    let each = items + if several { 2 } else { 0 };
    e.array(each * parts.len() as u64).ok()?;
    for (index, part) in parts.iter().enumerate() {
        if several {
            e.i64(code::SET_COMPONENT_INDEX)
                .ok()?
                .u64(index as u64)
                .ok()?;
        }
        write(&mut e, part)?;
    }
    Some(out)
}

/// Checks the device before the class: the class identifier depends on the device too, and the refusal's reason should be
/// the more precise one.
fn identity(e: &mut Sequence<'_>, part: &Part<'_>) -> Option<()> {
    let digest = suit_digest(&part.digest)?;
    e.i64(code::OVERRIDE_PARAMETERS).ok()?.map(5).ok()?;
    e.i64(parameter::VENDOR_IDENTIFIER)
        .ok()?
        .bytes(&part.vendor)
        .ok()?;
    e.i64(parameter::CLASS_IDENTIFIER)
        .ok()?
        .bytes(&part.class)
        .ok()?;
    e.i64(parameter::IMAGE_DIGEST).ok()?.bytes(&digest).ok()?;
    e.i64(parameter::IMAGE_SIZE).ok()?.u64(part.size).ok()?;
    e.i64(parameter::DEVICE_IDENTIFIER)
        .ok()?
        .bytes(&part.device)
        .ok()?;
    condition(e, code::VENDOR_IDENTIFIER)?;
    condition(e, code::DEVICE_IDENTIFIER)?;
    condition(e, code::CLASS_IDENTIFIER)
}

fn install(e: &mut Sequence<'_>, part: &Part<'_>) -> Option<()> {
    e.i64(code::OVERRIDE_PARAMETERS).ok()?.map(1).ok()?;
    e.i64(parameter::URI).ok()?.str(part.uri).ok()?;
    e.i64(code::FETCH).ok()?.u8(REPORT_FAILURE).ok()?;
    condition(e, code::IMAGE_MATCH)
}

fn condition(e: &mut Sequence<'_>, number: i64) -> Option<()> {
    e.i64(number).ok()?.u8(REPORT_ALL).ok()?;
    Some(())
}

/// A SUIT_Digest of SHA-256.
fn suit_digest(digest: &[u8; 32]) -> Option<Vec<u8, 40>> {
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    e.array(2).ok()?.i8(-16).ok()?.bytes(digest).ok()?;
    Some(out)
}

/// The SUIT_Digest of a manifest: what is signed.
#[must_use]
pub fn digest(manifest: &[u8]) -> Option<Vec<u8, 40>> {
    suit_digest(&wrapped(manifest)?)
}

/// SHA-256 of a byte string with its head, which is also what the digest of a severed member covers.
#[must_use]
pub fn wrapped(bytes: &[u8]) -> Option<[u8; 32]> {
    let mut head: Vec<u8, 9> = Vec::new();
    Encoder::new(Sink(&mut head))
        .bytes_len(bytes.len() as u64)
        .ok()?;
    Some(
        Sha256::new()
            .chain_update(&head)
            .chain_update(bytes)
            .finalize()
            .into(),
    )
}

/// A COSE_Sign1 over the digest of a manifest. `sign` signs the bytes that it is given.
#[must_use]
pub fn sign1(
    algorithm: Algorithm,
    digest: &[u8],
    sign: impl FnOnce(&[u8]) -> [u8; 64],
) -> Option<Vec<u8, 128>> {
    let protected = protected(algorithm);
    let signature = sign(&to_be_signed(&protected, digest)?);
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    e.tag(minicbor::data::Tag::new(18)).ok()?.array(4).ok()?;
    e.bytes(&protected)
        .ok()?
        .map(0)
        .ok()?
        .null()
        .ok()?
        .bytes(&signature)
        .ok()?;
    Some(out)
}

/// The beginning of the envelope, with its authentication wrapper. `members`: how many members the envelope has, the wrapper
/// included.
#[must_use]
pub fn begin(members: u64, digest: &[u8], blocks: &[&[u8]], tagged: bool) -> Option<Vec<u8, 1024>> {
    let mut wrapper: Vec<u8, 1000> = Vec::new();
    let mut e = Encoder::new(Sink(&mut wrapper));
    e.array(1 + blocks.len() as u64).ok()?.bytes(digest).ok()?;
    for block in blocks {
        e.bytes(block).ok()?;
    }
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    if tagged {
        e.tag(minicbor::data::Tag::new(107)).ok()?;
    }
    e.map(members).ok()?.u8(2).ok()?.bytes(&wrapper).ok()?;
    Some(out)
}

/// A member's key and the head of its byte string; the bytes follow.
#[must_use]
pub fn member(key: u8, length: usize) -> Option<Vec<u8, 16>> {
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    e.u8(key).ok()?.bytes_len(length as u64).ok()?;
    Some(out)
}

/// An integrated payload's key and the head of its byte string; the bytes follow.
#[must_use]
pub fn payload(key: &str, length: usize) -> Option<Vec<u8, 80>> {
    let mut out = Vec::new();
    let mut e = Encoder::new(Sink(&mut out));
    e.str(key).ok()?.bytes_len(length as u64).ok()?;
    Some(out)
}
