// SPDX-License-Identifier: BSD-2-Clause
//! Prints an envelope for a person.

use std::fmt::Write;

use minicbor::Decoder;
use minicbor::data::Type;
use molt_bundle::GUEST_PAYLOAD;
use molt_guest_part::{Part, Step};
use molt_suit::{Envelope, Identifier, Manifest, Refusal, Section, names, scan};
use sha2::{Digest, Sha256};

/// A few lines about an envelope. Nothing in them was authenticated.
///
/// # Errors
/// When it is no envelope.
pub fn describe(bytes: &[u8]) -> Result<String, Refusal> {
    let envelope = Envelope::parse(bytes)?;
    let manifest = Manifest::parse(&envelope)?;
    let mut out = String::new();
    // Writing to a string does not fail.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<16} {value}");
    };
    line("sequence", manifest.sequence.to_string());
    for identifier in &manifest.components {
        line("component", path(identifier));
    }
    if let Section::Here(text) = manifest.text {
        for (name, value) in texts(text) {
            line(name, value);
        }
    }
    if let Some(uri) = manifest.reference_uri {
        line("reference", uri.to_owned());
    }
    let right = |refusal: Result<(), Refusal>| match refusal {
        Ok(()) => "right".to_owned(),
        Err(refusal) => refusal.to_string(),
    };
    line("digest", right(envelope.check_digest()));
    for block in &envelope.blocks {
        line("signature", signature(block));
    }
    if envelope.blocks.is_empty() {
        line("signature", "none".to_owned());
    }
    for (member, section) in [
        ("payload-fetch", manifest.payload_fetch),
        ("install", manifest.install),
        ("validate", manifest.validate),
        ("load", manifest.load),
        ("invoke", manifest.invoke),
        ("text", manifest.text),
    ] {
        if section == Section::Severed {
            line("severed", member.to_owned());
        }
    }
    for (key, payload) in &envelope.payloads {
        let digest = Sha256::digest(payload);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        line(
            "payload",
            format!("{key}: {} bytes, SHA-256 {digest}", payload.len()),
        );
    }
    if let Some(part) = envelope.payload(GUEST_PAYLOAD) {
        for step in guest_steps(part) {
            line("guest stores", step);
        }
    }
    if let Err(refusal) = scan(&envelope, &manifest) {
        line("cannot be run", refusal.to_string());
    }
    Ok(out)
}

/// What the guest's part has it do, a line each.
fn guest_steps(part: &[u8]) -> Vec<String> {
    match Part::decode(part) {
        Ok(part) => part.steps.iter().map(Step::to_string).collect(),
        Err(malformed) => vec![format!("what molt-guest does not store: {malformed}")],
    }
}

/// A component identifier as a path; a part that is no word in hexadecimal.
fn path(identifier: &Identifier<'_>) -> String {
    let part = |part: &&[u8]| match std::str::from_utf8(part) {
        Ok(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => {
            text.to_owned()
        }
        _ => part.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    identifier.iter().map(part).collect::<Vec<_>>().join("/")
}

fn signature(block: &[u8]) -> String {
    let mut d = Decoder::new(block);
    let mut read = || -> Option<String> {
        let kind = match d.tag().ok()?.as_u64() {
            17 => "COSE_Mac0",
            18 => "COSE_Sign1",
            97 => "COSE_Mac",
            98 => "COSE_Sign",
            _ => return None,
        };
        d.array().ok()?;
        let mut header = Decoder::new(d.bytes().ok()?);
        for _ in 0..header.map().ok()?? {
            if header.i64().ok()? == 1 {
                let number = header.i64().ok()?;
                let name = names::algorithm(number).unwrap_or("?");
                return Some(format!("{kind}, {name} ({number})"));
            }
            header.skip().ok()?;
        }
        Some(kind.to_owned())
    };
    read().unwrap_or_else(|| "not understood".to_owned())
}

/// suit-text (8.4.4) of all languages, as far as it is text.
fn texts(bytes: &[u8]) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut d = Decoder::new(bytes);
    let _ = languages(&mut d, &mut found);
    found
}

fn languages(d: &mut Decoder<'_>, found: &mut Vec<(&'static str, String)>) -> Option<()> {
    for _ in 0..d.map().ok()?? {
        d.str().ok()?;
        for _ in 0..d.map().ok()?? {
            if d.datatype().ok()? == Type::Array {
                d.skip().ok()?;
                for _ in 0..d.map().ok()?? {
                    text(
                        d,
                        found,
                        &[
                            "",
                            "vendor",
                            "model",
                            "vendor domain",
                            "model info",
                            "about",
                            "version",
                        ],
                    )?;
                }
            } else {
                text(d, found, &["", "about", "update"])?;
            }
        }
    }
    Some(())
}

fn text(
    d: &mut Decoder<'_>,
    found: &mut Vec<(&'static str, String)>,
    names: &[&'static str],
) -> Option<()> {
    let key = d.i64().ok()?;
    if d.datatype().ok()? != Type::String {
        return d.skip().ok();
    }
    // One line, and nothing that a terminal would take for a command.
    let value = d.str().ok()?.escape_debug().to_string();
    let name = usize::try_from(key).ok().and_then(|key| names.get(key));
    if let Some(name) = name.filter(|name| !name.is_empty() && !value.is_empty()) {
        found.push((name, value));
    }
    Some(())
}
