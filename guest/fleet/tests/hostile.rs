// SPDX-License-Identifier: BSD-2-Clause
//! A server that is broken, or an attacker's: nothing is offered, and what is wrong is said.

mod world;

use molt_guest_client::Exit;
use molt_guest_fleet::{Lost, Trouble};
use world::server::{Asked, Fleet, chunked, http};
use world::{World, bundle};

const NAME: &str = "artifacts";

/// An agent with a server that answers some requests otherwise.
fn with(is: impl Fn(&Asked) -> bool + Send + 'static, bytes: Vec<u8>) -> (World, Fleet) {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    fleet.answers(move |asked| is(asked).then(|| bytes.clone()));
    (world, fleet)
}

fn is_poll(asked: &Asked) -> bool {
    asked.path.ends_with("guest-1")
}

fn is_file(asked: &Asked) -> bool {
    asked.path.contains(NAME)
}

#[test]
fn polls_that_are_no_answers_end_with_an_error_and_nothing_else() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(100));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(10);
    let huge = http("200 OK", "", &vec![b' '; 100_000]);
    let deep = [vec![b'['; 8000], vec![b']'; 8000]].concat();
    for (bytes, word) in [
        (b"".to_vec(), "cut off"),
        (b"garbage\r\n\r\n".to_vec(), "no HTTP"),
        (b"HTTP/1.1 200 OK\r\n".to_vec(), "cut off"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}".to_vec(),
            "cut off",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}".to_vec(),
            "no number",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
            "two different",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"
                .to_vec(),
            "chunked and",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}".to_vec(),
            "other than chunked",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{}".to_vec(),
            "length of a chunk",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n".to_vec(),
            "longer than it says",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n".to_vec(),
            "cut off",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_vec(),
            "length of a chunk",
        ),
        (long.into_bytes(), "too long"),
        (many.into_bytes(), "too long"),
        (interim.into_bytes(), "interim"),
        (huge, "too long"),
        (http("200 OK", "", b"<html>"), "'poll' cannot be understood"),
        (http("200 OK", "", &deep), "cannot be understood"),
        (
            http("401 Unauthorized", "", b""),
            "does not accept the token",
        ),
        (
            http("302 Found", "Location: http://127.0.0.1:1/\r\n", b""),
            "status 302",
        ),
        (
            http(
                "200 OK",
                "",
                br#"{"_links":{"deploymentBase":{"href":"http://h/deploymentBase/../x"}}}"#,
            ),
            "action's number",
        ),
    ] {
        let (world, fleet) = with(is_poll, bytes);
        assert_eq!(world.agent(&fleet.url, None).run(), Exit::Server, "{word}");
        assert!(world.lines().contains(word), "{word}: {}", world.lines());
        assert!(world.doorbell.borrow().offered.is_empty());
        assert_eq!(fleet.books().asked.len(), 1);
    }
}

#[test]
fn files_that_are_not_what_was_announced_are_not_offered() {
    let right = bundle(4, None);
    let mut wrong = right.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let longer = [right.as_slice(), b"x"].concat();
    let (loops, tls) = (
        "Location: /artifacts/again\r\n",
        "Location: https://h/x\r\n",
    );
    for (bytes, word) in [
        (http("200 OK", "", &wrong), "SHA-256 is not the one"),
        (http("200 OK", "", &right[1..]), "bytes came"),
        (http("200 OK", "", &longer), "bytes came"),
        (
            http("200 OK", "", &vec![0; 0x1_0001]),
            "longer than the 65536 bytes",
        ),
        (http("302 Found", loops, b""), "redirects more than 4 times"),
        (http("302 Found", tls, b""), "TLS is left to a proxy"),
        (
            http("302 Found", "Location: ftp://h/x\r\n", b""),
            "no http address",
        ),
        (http("302 Found", "", b""), "status 302"),
        (http("404 Not Found", "", b""), "status 404"),
    ] {
        let (world, fleet) = with(is_file, bytes);
        world.agent(&fleet.url, None).cycle().unwrap();
        assert!(world.doorbell.borrow().offered.is_empty(), "{word}");
        let detail = fleet.last_detail();
        assert!(
            detail.starts_with("the bundle was not offered") && detail.contains(word),
            "{word}: {detail}"
        );
        assert_eq!(fleet.closed().len(), 1);
    }
}

#[test]
fn a_file_that_is_announced_as_too_long_is_not_even_fetched() {
    let (world, fleet) = (World::default(), Fleet::with(1, &vec![0; 0x1_0001]));
    world.agent(&fleet.url, None).cycle().unwrap();
    assert!(fleet.last_detail().contains("longer than the 65536 bytes"));
    assert!(!fleet.books().asked.iter().any(is_file));
}

#[test]
fn a_file_that_is_cut_off_is_fetched_again_later() {
    let whole = http("200 OK", "", &bundle(4, None));
    for bytes in [whole[..whole.len() - 3].to_vec(), http("503 Busy", "", b"")] {
        let (world, fleet) = with(is_file, bytes);
        let trouble = world.agent(&fleet.url, None).cycle().unwrap_err();
        assert!(trouble.is_passing());
        assert!(world.doorbell.borrow().offered.is_empty() && fleet.closed().is_empty());
        fleet.books().other = None;
        world.agent(&fleet.url, None).cycle().unwrap();
        assert_eq!(fleet.closed().len(), 1);
        assert_eq!(world.doorbell.borrow().offered, [bundle(4, None)]);
    }
}

#[test]
fn a_file_may_come_in_chunks_or_until_the_connection_ends() {
    let bundle = bundle(4, None);
    let closed = [b"HTTP/1.0 200 OK\r\n\r\n", bundle.as_slice()].concat();
    for bytes in [chunked(&bundle), closed] {
        let (world, fleet) = with(is_file, bytes);
        world.agent(&fleet.url, None).cycle().unwrap();
        assert_eq!(
            world.doorbell.borrow().offered,
            std::slice::from_ref(&bundle)
        );
        assert_eq!(fleet.closed()[0].1, "success");
    }
}

#[test]
fn deployments_without_one_bundle_are_failures() {
    let file = |name: &str| format!(r#"{{"filename":"{name}","_links":{{}}}}"#);
    for (files, word) in [
        (String::new(), "no file whose name"),
        (file("disk.bin"), "no file whose name"),
        (
            [file("a.suit"), file("b.suit")].join(","),
            "more than one file",
        ),
        (file("a.suit"), "no http address"),
    ] {
        let text = format!(r#"{{"id":"1","deployment":{{"chunks":[{{"artifacts":[{files}]}}]}}}}"#);
        let (world, fleet) = with(
            |asked| asked.path.ends_with("deploymentBase/1"),
            http("200 OK", "", text.as_bytes()),
        );
        world.agent(&fleet.url, None).cycle().unwrap();
        assert!(
            fleet.last_detail().contains(word),
            "{}",
            fleet.last_detail()
        );
        assert!(world.doorbell.borrow().offered.is_empty());
    }
}

#[test]
fn another_actions_deployment_is_not_taken() {
    let text = br#"{"id":"2","deployment":{"chunks":[]}}"#;
    let (world, fleet) = with(
        |asked| asked.path.ends_with("deploymentBase/1"),
        http("200 OK", "", text),
    );
    assert!(world.agent(&fleet.url, None).cycle().is_err());
    assert!(world.doorbell.borrow().offered.is_empty() && fleet.closed().is_empty());
}

#[test]
fn a_server_that_is_away_is_an_error_that_passes() {
    let world = World::default();
    let trouble = world.agent("http://127.0.0.1:1", None).cycle().unwrap_err();
    assert!(
        matches!(trouble, Trouble::Lost(Lost::Number(_))),
        "{trouble:?}"
    );
    assert!(trouble.is_passing());
}

#[test]
fn a_record_that_this_program_did_not_write_is_an_error() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    world.kept.borrow_mut().record = b"something".to_vec();
    assert_eq!(world.agent(&fleet.url, None).cycle(), Err(Trouble::Record));
    assert!(fleet.books().asked.is_empty());
}
