// SPDX-License-Identifier: BSD-2-Clause
//! The bundle in what was fetched: the file itself, or the member of an SWUpdate image (`.swu`) whose name ends in `.suit`.
//!
//! Such an image is a cpio archive of the format `newc` or `crc` (SWUpdate's documentation, "SWU"; cpio(5)). Servers that were made
//! for SWUpdate deliver nothing else. Its `sw-description` is not read, and its signature neither: the bundle has its own.

use crate::trouble::Trouble;

/// A header: the magic, and 13 numbers of 8 hexadecimal digits.
const HEADER: usize = 110;
/// Where its size and the length of its name stand.
const SIZE: usize = 54;
const NAME: usize = 94;
/// The name behind the last member.
const LAST: &[u8] = b"TRAILER!!!";

/// Finds the bundle.
///
/// # Errors
/// The archive is malformed, or has not one bundle.
pub fn bundle(bytes: &[u8]) -> Result<&[u8], Trouble> {
    if !is_archive(bytes) {
        return Ok(bytes);
    }
    let malformed = Trouble::NoBundle("the SWUpdate image is no well-formed cpio archive");
    let (mut rest, mut found) = (bytes, None);
    loop {
        let (name, content, behind) = member(rest).ok_or(malformed)?;
        if name == LAST {
            return found.ok_or(Trouble::NoBundle(
                "the SWUpdate image has no file whose name ends in .suit",
            ));
        }
        if name.ends_with(b".suit") && found.replace(content).is_some() {
            return Err(Trouble::NoBundle(
                "the SWUpdate image has more than one file whose name ends in .suit",
            ));
        }
        rest = behind;
    }
}

/// Whether it begins as such an archive; no bundle does, which is a map or an array in CBOR.
fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"070701") || bytes.starts_with(b"070702")
}

/// Name, content, and what is behind them.
fn member(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let header = bytes.get(..HEADER).filter(|header| is_archive(header))?;
    let length = number(header, NAME)?;
    let name = bytes.get(HEADER..HEADER.checked_add(length)?)?;
    let name = name.strip_suffix(b"\0")?;
    let start = aligned(HEADER.checked_add(length)?)?;
    let end = start.checked_add(number(header, SIZE)?)?;
    let content = bytes.get(start..end)?;
    // Behind the last member there may be less.
    let behind = bytes.get(aligned(end)?..).unwrap_or_default();
    Some((name, content, behind))
}

fn number(header: &[u8], at: usize) -> Option<usize> {
    let digits = core::str::from_utf8(header.get(at..at + 8)?).ok()?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain
        .then(|| usize::from_str_radix(digits, 16).ok())
        .flatten()
}

/// Contents and headers begin at multiples of four.
fn aligned(offset: usize) -> Option<usize> {
    offset.checked_next_multiple_of(4)
}

#[cfg(test)]
mod tests {

    use std::format;
    use std::vec::Vec;

    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, content) in members.iter().chain([&("TRAILER!!!", &b""[..])]) {
            let mut numbers = [0; 13];
            (numbers[6], numbers[11]) = (content.len(), name.len() + 1);
            bytes.extend(b"070702");
            numbers
                .iter()
                .for_each(|number| bytes.extend(format!("{number:08x}").bytes()));
            bytes.extend(name.bytes().chain([0]));
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(*content);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn a_bundle_is_itself_or_in_an_image() {
        assert_eq!(bundle(b"\xd8\x6b"), Ok(&b"\xd8\x6b"[..]));
        let image = archive(&[
            ("sw-description", b"software"),
            ("disk.suit", b"\xd8\x6b\xa2"),
        ]);
        assert_eq!(bundle(&image), Ok(&b"\xd8\x6b\xa2"[..]));
    }

    #[test]
    fn images_without_one_bundle_are_refused() {
        let none = archive(&[("sw-description", b"software")]);
        let two = archive(&[("a.suit", b"1"), ("b.suit", b"2")]);
        for (image, word) in [(none, "no file"), (two, "more than one")] {
            let text = format!("{}", bundle(&image).unwrap_err());
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn no_image_reaches_out_of_its_bytes() {
        let whole = archive(&[("sw-description", b"software"), ("disk.suit", b"bundle")]);
        let trailer = whole.len() - HEADER - LAST.len() - 2;
        for end in 6..trailer {
            assert!(bundle(&whole[..end]).is_err(), "{end}");
        }
        for at in [SIZE, NAME] {
            for digits in [b"ffffffff", b"+0000001", b"        ", b"7fffffff"] {
                let mut image = whole.clone();
                image[at..at + 8].copy_from_slice(digits);
                assert!(bundle(&image).is_err());
            }
        }
        assert!(bundle(&[b'0'; 200]).is_ok());
    }
}
