// SPDX-License-Identifier: BSD-2-Clause
//! What the server is told, after every way in which an update can end.

mod world;

use molt_doorbell::{Reason, Status};
use molt_guest_client::Exit;
use molt_guest_fleet::{Cycle, Trouble};
use world::server::{Fleet, http};
use world::{World, bundle};

fn closed(action: &str, how: &str) -> Vec<(String, String)> {
    vec![(action.to_owned(), how.to_owned())]
}

#[test]
fn an_update_is_fetched_offered_and_reported() {
    let (world, fleet) = (World::default(), Fleet::with(17, &bundle(4, None)));
    fleet.books().wants_attributes = true;
    let cycle = world.agent(&fleet.url, None).cycle().unwrap();
    assert_eq!((cycle.ended, cycle.sleep), (Some(true), Some(30)));
    assert_eq!(world.doorbell.borrow().offered, [bundle(4, None)]);
    assert_eq!(fleet.closed(), closed("17", "success"));
    assert_eq!(
        fleet.last_detail(),
        "disk: committed (generation 2, sequence 4)"
    );
    let books = fleet.books();
    assert_eq!(
        books.attributes.as_ref().unwrap()["data"]["hw_boardname"],
        "molt"
    );
    let first = &books.reports[0].1["status"];
    assert_eq!(first["execution"], "proceeding");
    assert_eq!(
        first["details"][0],
        "disk: fetching disk.suit; sequence 3 is committed"
    );
    drop(books);
    // The file is not needed any more, and the next poll has nothing.
    assert!(world.kept.borrow().bundle.is_empty());
    let cycle = world.agent(&fleet.url, None).cycle().unwrap();
    assert_eq!(cycle.ended, None);
    assert_eq!(world.doorbell.borrow().offered.len(), 1);
}

#[test]
fn every_bad_end_is_a_failure_with_its_reason() {
    for (status, reason) in [
        (Status::RolledBack, Reason::Heartbeat),
        (Status::Refused, Reason::BadSignature),
        (Status::OutOfService, Reason::StopTimeout),
    ] {
        let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
        world.doorbell.borrow_mut().ends = [(status, reason)].into();
        assert_eq!(world.agent(&fleet.url, None).run(), Exit::Refused);
        assert_eq!(fleet.closed(), closed("1", "failure"));
        let detail = fleet.last_detail();
        assert!(
            detail.contains(status.text()) && detail.contains(reason.text()),
            "{detail}"
        );
    }
}

#[test]
fn an_older_bundle_is_a_failure() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(3, None)));
    world.agent(&fleet.url, None).cycle().unwrap();
    assert_eq!(fleet.closed(), closed("1", "failure"));
    assert!(fleet.last_detail().contains(Reason::OldSequence.text()));
    assert!(world.doorbell.borrow().confirmed.is_empty());
}

#[test]
fn what_is_busy_is_offered_again_but_not_for_ever() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    world.doorbell.borrow_mut().refuses = [Reason::Busy, Reason::TooManyOffers].into();
    for _ in 0..2 {
        let cycle = world.agent(&fleet.url, None).cycle().unwrap();
        assert_eq!(
            cycle,
            Cycle {
                put_off: true,
                sleep: Some(30),
                ended: None
            }
        );
        assert!(fleet.closed().is_empty());
    }
    world.agent(&fleet.url, None).cycle().unwrap();
    assert_eq!(fleet.closed(), closed("1", "success"));

    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    world.doorbell.borrow_mut().refuses = [Reason::Busy; 20].into();
    for _ in 0..12 {
        world.agent(&fleet.url, None).cycle().unwrap();
    }
    assert_eq!(world.doorbell.borrow().offered.len(), 8);
    assert_eq!(fleet.closed(), closed("1", "failure"));
}

#[test]
fn a_record_that_counts_more_attempts_than_there_can_be_ends_the_action() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    let record = format!(
        "molt-guest fleet 1\nstate taken\naction 1\nattempts {}\nunsure false\n",
        u32::MAX
    );
    world.kept.borrow_mut().record = record.into_bytes();
    world.doorbell.borrow_mut().refuses = [Reason::Busy].into();
    world.agent(&fleet.url, None).cycle().unwrap();
    assert_eq!(fleet.closed(), closed("1", "failure"));
}

#[test]
fn an_end_that_the_server_does_not_take_is_told_again_and_nothing_is_offered_twice() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    let is_closing =
        |asked: &world::server::Asked| String::from_utf8_lossy(&asked.body).contains("closed");
    fleet.answers(move |asked| is_closing(asked).then(|| http("503 Service Unavailable", "", b"")));
    let lost = world.agent(&fleet.url, None).cycle();
    assert_eq!(lost, Err(Trouble::Status(503)));
    // It takes the report and goes on showing the action.
    fleet.answers(move |asked| is_closing(asked).then(|| http("200 OK", "", b"")));
    for _ in 0..3 {
        world.agent(&fleet.url, None).cycle().unwrap();
    }
    fleet.books().other = None;
    world.agent(&fleet.url, None).cycle().unwrap();
    assert_eq!(fleet.closed(), closed("1", "success"));
    assert_eq!(world.doorbell.borrow().offered.len(), 1);
}

#[test]
fn an_end_is_told_before_the_server_is_asked_for_more() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    fleet.answers(|asked| {
        let closes = String::from_utf8_lossy(&asked.body).contains("closed");
        closes.then(|| http("503 Service Unavailable", "", b""))
    });
    assert!(world.agent(&fleet.url, None).cycle().is_err());
    let mut books = fleet.books();
    (books.other, books.cancel) = (None, Some(2));
    drop(books);
    assert_eq!(
        world.agent(&fleet.url, None).cycle().unwrap().ended,
        Some(true)
    );
    assert_eq!(fleet.closed(), closed("1", "success"));
    let books = fleet.books();
    assert!(
        !books
            .reports
            .iter()
            .any(|(path, _)| path.starts_with("cancel"))
    );
}

#[test]
fn an_action_that_comes_again_after_it_was_gone_is_another_one() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    world.doorbell.borrow_mut().ends = [(Status::RolledBack, Reason::Heartbeat)].into();
    for _ in 0..2 {
        world.agent(&fleet.url, None).cycle().unwrap();
    }
    fleet.books().open = Some(1);
    world.agent(&fleet.url, None).cycle().unwrap();
    let ends: Vec<_> = fleet.closed().into_iter().map(|(_, end)| end).collect();
    assert_eq!(ends, ["failure", "success"]);
}

#[test]
fn a_cancellation_before_the_offer_is_agreed_to() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    fleet.books().cancel = Some(2);
    let cycle = world.agent(&fleet.url, None).cycle().unwrap();
    assert_eq!(cycle.ended, None);
    assert!(world.doorbell.borrow().offered.is_empty());
    let books = fleet.books();
    let (path, report) = books.reports.last().unwrap();
    assert_eq!(path, "cancelAction/2");
    assert_eq!(report["status"]["execution"], "closed");
    assert_eq!(report["status"]["result"]["finished"], "success");
}

#[test]
fn an_action_that_is_taken_back_while_it_is_fetched_is_not_offered() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    let fetched = std::sync::atomic::AtomicBool::new(false);
    fleet.answers(move |asked| {
        let order = std::sync::atomic::Ordering::Relaxed;
        if asked.path.contains("artifacts") {
            fetched.store(true, order);
        }
        let polls = asked.path.ends_with("guest-1") && asked.method == "GET";
        (polls && fetched.load(order)).then(|| http("200 OK", "", b"{}"))
    });
    let cycle = world.agent(&fleet.url, None).cycle().unwrap();
    assert_eq!(cycle.ended, None);
    assert!(world.doorbell.borrow().offered.is_empty());
    assert!(fleet.closed().is_empty());
}

#[test]
fn a_cancellation_after_the_end_is_rejected() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    world.agent(&fleet.url, None).cycle().unwrap();
    let mut books = fleet.books();
    (books.open, books.cancel) = (Some(1), Some(2));
    drop(books);
    world.agent(&fleet.url, None).cycle().unwrap();
    let books = fleet.books();
    let (path, report) = books.reports.last().unwrap();
    assert_eq!(
        (path.as_str(), &report["status"]["execution"]),
        ("cancelAction/2", &"rejected".into())
    );
    assert_eq!(world.doorbell.borrow().sequence, 4);
}

#[test]
fn an_update_that_the_server_puts_off_waits() {
    for word in [
        "\"download\":\"skip\"",
        "\"update\":\"skip\"",
        "\"maintenanceWindow\":\"unavailable\"",
    ] {
        let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
        let text = format!("{{\"id\":\"1\",\"deployment\":{{{word},\"chunks\":[]}}}}");
        fleet.answers(move |asked| {
            let is = asked.path.ends_with("deploymentBase/1");
            is.then(|| http("200 OK", "", text.as_bytes()))
        });
        world.agent(&fleet.url, None).cycle().unwrap();
        assert!(fleet.closed().is_empty() && world.doorbell.borrow().offered.is_empty());
    }
}

#[test]
fn the_token_goes_to_the_server_and_nowhere_else() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    let other = Fleet::with(9, &bundle(4, None));
    other.answers(|_| Some(http("200 OK", "", &bundle(4, None))));
    let location = format!("Location: {}/elsewhere\r\n", other.url);
    fleet.answers(move |asked| {
        asked
            .path
            .contains("artifacts")
            .then(|| http("302 Found", &location, b""))
    });
    world
        .agent(&fleet.url, Some("TargetToken secret"))
        .cycle()
        .unwrap();
    assert_eq!(fleet.closed(), closed("1", "success"));
    let tokens = |fleet: &Fleet| {
        fleet
            .books()
            .asked
            .iter()
            .map(|asked| asked.token.clone())
            .collect::<Vec<_>>()
    };
    assert!(
        tokens(&fleet)
            .iter()
            .all(|token| token.as_deref() == Some("TargetToken secret"))
    );
    assert_eq!(tokens(&other), [None]);
}

#[test]
fn a_device_that_this_guest_may_not_update_is_a_failure_without_an_offer() {
    let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, None)));
    let mut agent = world.agent(&fleet.url, None);
    agent.device = Some("network");
    agent.cycle().unwrap();
    assert_eq!(fleet.closed(), closed("1", "failure"));
    assert!(fleet.last_detail().contains("no device 'network'"));
}

#[test]
fn a_part_for_the_guest_is_stored_before_the_confirm_and_kept_or_put_back() {
    let step = molt_guest_part::Step::File {
        path: "/etc/molt/a",
        mode: 0o644,
        contents: b"x",
    };
    let mut part = Vec::new();
    molt_guest_part::encode(&[step], &mut part).unwrap();
    for (end, after) in [
        (Status::Committed, "keep /etc/molt/a"),
        (Status::RolledBack, "back /etc/molt/a"),
    ] {
        let (world, fleet) = (World::default(), Fleet::with(1, &bundle(4, Some(&part))));
        world.doorbell.borrow_mut().ends = [(end, Reason::None)].into();
        world.agent(&fleet.url, None).cycle().unwrap();
        assert_eq!(world.kept.borrow().stored, ["put /etc/molt/a", after]);
    }
}
