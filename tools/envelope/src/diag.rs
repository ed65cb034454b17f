// SPDX-License-Identifier: BSD-2-Clause
//! CBOR diagnostic notation (RFC 8949, 8; RFC 8610, appendix G): byte strings that hold CBOR are shown as such.

use std::fmt::Write;

use minicbor::Decoder;
use minicbor::data::Type;

/// A byte string longer than this is shown with an ellipsis in its middle.
const LONG: usize = 256;
const DEPTH: usize = 32;

/// The notation of `bytes`; if they are no CBOR, their hexadecimal form.
#[must_use]
pub fn diagnostic(bytes: &[u8]) -> String {
    whole(bytes, 0).unwrap_or_else(|| hexadecimal(bytes))
}

/// One item that is all of `bytes`.
fn whole(bytes: &[u8], depth: usize) -> Option<String> {
    let mut out = String::new();
    let mut decoder = Decoder::new(bytes);
    item(&mut decoder, depth, &mut out)?;
    (decoder.position() == bytes.len()).then_some(out)
}

fn item(d: &mut Decoder<'_>, depth: usize, out: &mut String) -> Option<()> {
    if depth > DEPTH {
        return None;
    }
    match d.datatype().ok()? {
        Type::Array => {
            let count = d.array().ok()??;
            list(out, depth, '[', ']', count, |out| item(d, depth + 1, out))?;
        }
        Type::Map => {
            let count = d.map().ok()??;
            list(out, depth, '{', '}', count, |out| {
                item(d, depth + 1, out)?;
                out.push_str(": ");
                item(d, depth + 1, out)
            })?;
        }
        Type::Tag => {
            write!(out, "{}(", d.tag().ok()?.as_u64()).ok()?;
            item(d, depth, out)?;
            out.push(')');
        }
        Type::Bytes => {
            let bytes = d.bytes().ok()?;
            match embedded(bytes, depth) {
                Some(text) => write!(out, "<< {text} >>").ok()?,
                None => out.push_str(&hexadecimal(bytes)),
            }
        }
        Type::String => write!(out, "{:?}", d.str().ok()?).ok()?,
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => write!(out, "{}", d.int().ok()?).ok()?,
        Type::Bool => write!(out, "{}", d.bool().ok()?).ok()?,
        Type::Null => {
            d.null().ok()?;
            out.push_str("null");
        }
        _ => {
            // Floats, simple values, indefinite lengths: SUIT does not use them, but they are shown.
            let start = d.position();
            d.skip().ok()?;
            let bytes = d.input().get(start..d.position())?;
            write!(out, "{}", minicbor::display(bytes)).ok()?;
        }
    }
    Some(())
}

/// CBOR in a byte string. A digest or a name can look like a number by chance: only a container or a tag counts.
fn embedded(bytes: &[u8], depth: usize) -> Option<String> {
    let container = matches!(bytes.first()? >> 5, 4..=6);
    if container && bytes.len() > 1 {
        whole(bytes, depth)
    } else {
        None
    }
}

fn list(
    out: &mut String,
    depth: usize,
    open: char,
    close: char,
    count: u64,
    mut one: impl FnMut(&mut String) -> Option<()>,
) -> Option<()> {
    out.push(open);
    for index in 0..count {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        one(out)?;
    }
    if count > 0 {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    }
    out.push(close);
    Some(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    // An ellipsis stands for what is left out (draft-ietf-cbor-edn-literals, 5.2).
    match (bytes.get(..32), bytes.get(bytes.len().saturating_sub(32)..)) {
        (Some(first), Some(last)) if bytes.len() > LONG => {
            format!(
                "h'{}' ... h'{}' / {} bytes /",
                hex(first),
                hex(last),
                bytes.len()
            )
        }
        _ => format!("h'{}'", hex(bytes)),
    }
}
