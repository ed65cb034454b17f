// SPDX-License-Identifier: BSD-2-Clause
//! The documents of hawkBit's Direct Device Integration API, as far as they matter here
//! (<https://eclipse.dev/hawkbit/rest-api/ddi/>). Members that are not named here are ignored.

use core::fmt::Write;

use heapless::{String, Vec};
use molt_guest_client::print::Quoted as Text;
use serde::Deserialize;

use crate::trouble::Trouble;

/// Most bytes of a document that a server sends.
pub const MAX_DOCUMENT: usize = 16384;
/// Most bytes of a document that is sent to it.
pub const MAX_REPORT: usize = 4096;
/// Most levels of a document.
const MAX_DEPTH: usize = 32;
/// Most parts of a deployment, and most files of each.
const MAX_CHUNKS: usize = 8;
const MAX_ARTIFACTS: usize = 8;

/// What the server has for this device.
#[derive(Debug, Deserialize)]
pub struct Poll<'d> {
    #[serde(borrow)]
    config: Option<Config<'d>>,
    #[serde(borrow, rename = "_links")]
    links: Option<Links<'d>>,
}

#[derive(Debug, Deserialize)]
struct Config<'d> {
    #[serde(borrow)]
    polling: Option<Polling<'d>>,
}

#[derive(Debug, Deserialize)]
struct Polling<'d> {
    #[serde(borrow)]
    sleep: Option<&'d str>,
}

/// Where it is described.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Links<'d> {
    /// An update.
    #[serde(borrow, rename = "deploymentBase")]
    pub deployment: Option<Link<'d>>,
    /// An update that was taken back.
    #[serde(borrow, rename = "cancelAction")]
    pub cancel: Option<Link<'d>>,
    /// The wish for the device's attributes.
    #[serde(borrow, rename = "configData")]
    pub attributes: Option<Link<'d>>,
    /// An update that somebody has to agree to.
    #[serde(borrow, rename = "confirmationBase")]
    pub confirmation: Option<Link<'d>>,
}

/// A link.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Link<'d> {
    /// Where it leads.
    pub href: &'d str,
}

impl<'d> Poll<'d> {
    /// The links.
    #[must_use]
    pub fn links(&self) -> Links<'d> {
        self.links.unwrap_or_default()
    }

    /// Seconds until the server wants to be asked again, if it says so: `HH:MM:SS`.
    #[must_use]
    pub fn sleep(&self) -> Option<u32> {
        let text = self.config.as_ref()?.polling.as_ref()?.sleep?;
        let mut numbers = text.split(':').map(|number| number.parse::<u32>().ok());
        let (hours, minutes, seconds) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
        minutes.checked_mul(60)?.checked_add(seconds)
    }
}

/// The name of an action: it stands in addresses and in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action(String<32>);

impl Action {
    /// From a text of letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// Another text, or one of more than 32 characters.
    pub fn new(text: &str) -> Result<Self, Trouble> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_name = !text.is_empty() && text.bytes().all(plain);
        let name = is_name.then(|| String::try_from(text).ok()).flatten();
        name.map(Self)
            .ok_or(Trouble::Document("poll", "an action's number"))
    }

    /// From a link that has this word in front of the action.
    ///
    /// # Errors
    /// It has none.
    pub fn of_link(link: &str, word: &str) -> Result<Self, Trouble> {
        let mut parts = link.split(['/', '?']);
        parts.find(|part| *part == word);
        Self::new(parts.next().unwrap_or_default())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is wanted to be taken back.
#[derive(Debug, Deserialize)]
pub struct Cancel<'d> {
    #[serde(borrow, rename = "cancelAction")]
    action: Stop<'d>,
}

#[derive(Debug, Deserialize)]
struct Stop<'d> {
    #[serde(borrow, rename = "stopId")]
    stop: &'d str,
}

impl Cancel<'_> {
    /// The update's action.
    ///
    /// # Errors
    /// It is none.
    pub fn stops(&self) -> Result<Action, Trouble> {
        Action::new(self.action.stop)
    }
}

/// An update.
#[derive(Debug, Deserialize)]
pub struct Deployment<'d> {
    /// Its action.
    #[serde(borrow)]
    pub id: &'d str,
    #[serde(borrow)]
    deployment: Content<'d>,
}

#[derive(Debug, Deserialize)]
struct Content<'d> {
    #[serde(borrow)]
    download: Option<&'d str>,
    #[serde(borrow)]
    update: Option<&'d str>,
    #[serde(borrow, rename = "maintenanceWindow")]
    window: Option<&'d str>,
    #[serde(borrow)]
    chunks: Vec<Chunk<'d>, MAX_CHUNKS>,
}

#[derive(Debug, Deserialize)]
struct Chunk<'d> {
    #[serde(borrow)]
    artifacts: Vec<Artifact<'d>, MAX_ARTIFACTS>,
}

/// A file.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Artifact<'d> {
    /// Its name.
    #[serde(borrow)]
    pub filename: &'d str,
    /// Its bytes.
    pub size: Option<u64>,
    /// Its digests.
    #[serde(borrow)]
    pub hashes: Option<Hashes<'d>>,
    #[serde(borrow, rename = "_links")]
    links: Downloads<'d>,
}

/// Digests in hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Hashes<'d> {
    /// SHA-256.
    #[serde(borrow)]
    pub sha256: Option<&'d str>,
    /// SHA-1.
    #[serde(borrow)]
    pub sha1: Option<&'d str>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Downloads<'d> {
    #[serde(borrow, rename = "download-http")]
    http: Option<Link<'d>>,
    #[serde(borrow)]
    download: Option<Link<'d>>,
}

impl<'d> Artifact<'d> {
    /// Where it is: hawkBit has a link of its own for downloads without TLS.
    #[must_use]
    pub fn link(&self) -> Option<&'d str> {
        self.links
            .http
            .or(self.links.download)
            .map(|link| link.href)
    }
}

impl<'d> Deployment<'d> {
    /// Whether it may be carried out now: the server can put either half off, and there can be a window for maintenance.
    #[must_use]
    pub fn is_wanted_now(&self) -> bool {
        let content = &self.deployment;
        let skips = [content.download, content.update].contains(&Some("skip"));
        !skips && content.window != Some("unavailable")
    }

    /// The file with the bundle: the only one whose name ends in `.suit` or `.swu`.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn bundle(&self) -> Result<Artifact<'d>, Trouble> {
        let files = self
            .deployment
            .chunks
            .iter()
            .flat_map(|chunk| &chunk.artifacts);
        let ends = |file: &&Artifact<'_>| {
            file.filename.ends_with(".suit") || file.filename.ends_with(".swu")
        };
        let mut bundles = files.filter(ends);
        match (bundles.next(), bundles.next()) {
            (Some(bundle), None) => Ok(*bundle),
            (None, _) => Err(Trouble::NoBundle(
                "the deployment has no file whose name ends in .suit or .swu",
            )),
            _ => Err(Trouble::NoBundle(
                "the deployment has more than one file whose name ends in .suit or .swu; a deployment updates one driver",
            )),
        }
    }
}

/// Reads a document. `scratch`, which is as long, has its texts.
///
/// # Errors
/// It is no JSON, has too many levels or parts, or not what it should have.
pub fn read<'d, T: Deserialize<'d>>(
    what: &'static str,
    bytes: &[u8],
    scratch: &'d mut [u8],
) -> Result<T, Trouble> {
    let length = simplify(bytes, scratch).map_err(|text| Trouble::Document(what, text))?;
    let bytes = scratch.get(..length).unwrap_or_default();
    let read = serde_json_core::from_slice(bytes);
    let (document, _) = read
        .map_err(|_| Trouble::Document(what, "it is no JSON, has too many parts, or lacks some"))?;
    Ok(document)
}

/// Copies a document, with characters that need no escape in place of their escapes (`\/`, `\u0026`), so that its texts can be used
/// as they stand there. Other escapes stay. The parser calls itself for each level, so there may not be many.
fn simplify(bytes: &[u8], to: &mut [u8]) -> Result<usize, &'static str> {
    let (mut depth, mut in_text, mut length) = (0_usize, false, 0);
    let mut rest = bytes;
    while let Some((&byte, behind)) = rest.split_first() {
        let (mut piece, mut count) = ([byte, 0], 1);
        rest = behind;
        match byte {
            b'\\' if in_text => {
                let (character, used) = escaped(behind).ok_or("an escape is cut off")?;
                (piece, count) = character
                    .map_or(([byte, behind.first().copied().unwrap_or(0)], 2), |it| {
                        ([it, 0], 1)
                    });
                rest = behind.get(used..).unwrap_or_default();
            }
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err("it has too many levels");
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        let place = to.get_mut(length..length + count).ok_or("it is too long")?;
        place.copy_from_slice(piece.get(..count).unwrap_or_default());
        length += count;
    }
    Ok(length)
}

/// What stands behind a backslash: the character, if it needs no escape, and how many bytes are used up.
fn escaped(behind: &[u8]) -> Option<(Option<u8>, usize)> {
    match behind {
        [b'/', ..] => Some((Some(b'/'), 1)),
        [b'u', digits @ ..] => {
            let number = digits
                .get(..4)
                .and_then(|digits| core::str::from_utf8(digits).ok());
            let number = number.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
            Some(
                number
                    .filter(plain)
                    .map_or((None, 1), |byte| (Some(byte), 5)),
            )
        }
        [_, ..] => Some((None, 1)),
        [] => None,
    }
}

/// What the server is told about an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It is under way.
    Proceeding,
    /// It has ended well.
    Success,
    /// It has not.
    Failure,
    /// What was asked for is not done (of a cancellation).
    Rejected,
}

/// A report about an action.
///
/// # Errors
/// The texts are too long.
pub fn feedback(
    action: &Action,
    execution: Execution,
    details: &[&str],
) -> Result<String<MAX_REPORT>, Trouble> {
    let (execution, finished) = match execution {
        Execution::Proceeding => ("proceeding", "none"),
        Execution::Success => ("closed", "success"),
        Execution::Failure => ("closed", "failure"),
        Execution::Rejected => ("rejected", "none"),
    };
    let mut text = String::new();
    let write = |text: &mut String<MAX_REPORT>| {
        write!(
            text,
            "{{\"id\":{},\"status\":{{\"execution\":\"{execution}\",\"result\":{{\"finished\":\"{finished}\"}},\"details\":[",
            Text(action.as_str())
        )?;
        for (index, detail) in details.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(text, "{comma}{}", Text(detail))?;
        }
        text.write_str("]}}")
    };
    write(&mut text).map_err(|_| Trouble::TooLong("the report"))?;
    Ok(text)
}

/// The device's attributes.
///
/// # Errors
/// The texts are too long.
pub fn attributes<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<String<MAX_REPORT>, Trouble> {
    let mut text = String::new();
    let write = |text: &mut String<MAX_REPORT>| {
        text.write_str("{\"mode\":\"merge\",\"data\":{")?;
        for (index, (name, value)) in pairs.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(text, "{comma}{}:{}", Text(name), Text(value))?;
        }
        text.write_str("}}")
    };
    write(&mut text).map_err(|_| Trouble::TooLong("the attributes"))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    fn scratch() -> [u8; MAX_DOCUMENT] {
        [0; MAX_DOCUMENT]
    }

    #[test]
    fn a_poll_as_hawkbit_answers_it() {
        let text = br#"{"config":{"polling":{"sleep":"12:00:01"}},"_links":{
            "deploymentBase":{"href":"https:\/\/host\/T\/controller\/v1\/C\/deploymentBase\/3?c\u003d-2129030598","title":"\u00fc \"a\" \\"},
            "configData":{"href":"https://host/T/controller/v1/C/configData"},"other":{"a":[1,{"b":null}]}}}"#;
        let mut scratch = scratch();
        let poll: Poll<'_> = read("poll", text, &mut scratch).unwrap();
        assert_eq!(poll.sleep(), Some(43201));
        let links = poll.links();
        let link = links.deployment.unwrap().href;
        assert_eq!(
            link,
            "https://host/T/controller/v1/C/deploymentBase/3?c=-2129030598"
        );
        assert_eq!(
            Action::of_link(link, "deploymentBase").unwrap().as_str(),
            "3"
        );
        assert!(links.attributes.is_some() && links.cancel.is_none());
    }

    #[test]
    fn a_poll_with_nothing() {
        let mut scratch = scratch();
        let poll: Poll<'_> = read("poll", b"{}", &mut scratch).unwrap();
        assert_eq!(poll.sleep(), None);
        assert!(poll.links().deployment.is_none());
    }

    #[test]
    fn a_deployment_as_hawkbit_answers_it() {
        let text = br#"{"id":"8","deployment":{"download":"forced","update":"forced","chunks":[
            {"part":"os","version":"1","name":"n","artifacts":[{"filename":"readme.txt","hashes":{"sha1":"0"},"size":1,"_links":{}}]},
            {"part":"bApp","version":"2","name":"m","metadata":[{"key":"k","value":"v"}],"artifacts":[
            {"filename":"disk.suit","hashes":{"sha1":"a","md5":"b","sha256":"c"},"size":3,"_links":{
            "download":{"href":"https://h/x"},"download-http":{"href":"http://h/x"},"md5sum":{"href":"https://h/x.MD5SUM"}}}]}]},
            "actionHistory":{"status":"RUNNING","messages":["m"]}}"#;
        let mut scratch = scratch();
        let deployment: Deployment<'_> = read("deployment", text, &mut scratch).unwrap();
        assert!(deployment.is_wanted_now());
        let bundle = deployment.bundle().unwrap();
        assert_eq!((bundle.filename, bundle.size), ("disk.suit", Some(3)));
        assert_eq!(bundle.link(), Some("http://h/x"));
        assert_eq!(bundle.hashes.unwrap().sha256, Some("c"));
    }

    #[test]
    fn what_no_server_should_send_is_an_error() {
        let deep = [b"{\"a\":".as_slice(), &[b'['; 9000], &[b']'; 9000], b"}"].concat();
        for text in [
            b"".as_slice(),
            b"{",
            b"[]",
            b"<html>",
            b"{}x",
            b"{\"_links\":{\"deploymentBase\":3}}",
            b"{\"_links\":{\"deploymentBase\":{}}}",
            &deep,
        ] {
            let mut scratch = scratch();
            let read: Result<Poll<'_>, _> = read("poll", text, &mut scratch);
            assert!(
                matches!(read, Err(Trouble::Document("poll", _))),
                "{read:?}"
            );
        }
        let many = r#"{"artifacts":[]},"#.repeat(9);
        let text = format!(
            r#"{{"id":"8","deployment":{{"chunks":[{}]}}}}"#,
            many.trim_end_matches(',')
        );
        let mut scratch = scratch();
        let read: Result<Deployment<'_>, _> = read("deployment", text.as_bytes(), &mut scratch);
        assert!(read.is_err());
    }

    #[test]
    fn levels_are_counted_outside_of_texts() {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            format!(r#"{{"ignored":{open}"[[[\"[[["{close}}}"#)
        };
        for (levels, is_read) in [(MAX_DEPTH, true), (MAX_DEPTH + 1, false)] {
            let (text, mut scratch) = (nested(levels), scratch());
            let read: Result<Poll<'_>, _> = read("poll", text.as_bytes(), &mut scratch);
            assert_eq!(read.is_ok(), is_read, "{levels}: {read:?}");
        }
    }

    #[test]
    fn an_action_cannot_lead_elsewhere() {
        for link in [
            "/deploymentBase/",
            "/deploymentBase/..",
            "/x/3",
            "/deploymentBase/a b",
            "/deploymentBase/%2e",
        ] {
            assert!(Action::of_link(link, "deploymentBase").is_err(), "{link}");
        }
        assert!(Action::new(&"1".repeat(33)).is_err());
    }

    #[test]
    fn reports_are_json() {
        let action = Action::new("17").unwrap();
        let text = feedback(&action, Execution::Failure, &["a \"b\"\n", "c"]).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["status"]["execution"], "closed");
        assert_eq!(value["status"]["result"]["finished"], "failure");
        assert_eq!(value["status"]["details"][0], "a \"b\"\n");
        let text = attributes([("a", "1"), ("b\\", "2")]).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["data"]["b\\"], "2");
    }
}
