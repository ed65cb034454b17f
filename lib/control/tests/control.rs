// SPDX-License-Identifier: BSD-2-Clause
//! Both sides over one pair of pages.

use std::sync::atomic::AtomicU64;

use molt_control::stage::{Caller, Command, Outcome, Refused, Results, Worker};
use molt_control::{Order, Orders, OrdersWriter, Report, ReportView, Start, State, Transfer};

fn page() -> Vec<AtomicU64> {
    (0..512).map(|_| AtomicU64::new(0)).collect()
}

#[test]
fn a_report_counts_only_for_its_own_generation() {
    let page = page();
    let view = ReportView::new(&page);
    let old = Report::new(&page, 3);
    old.ready();
    assert_eq!(view.state(3), State::Ready);
    assert_eq!(view.state(4), State::Starting);
    view.reset();
    assert_eq!(view.state(3), State::Starting);
    // A generation 0 must not be ready because the page is empty.
    assert_eq!(view.state(0), State::Starting);
    let new = Report::new(&page, 4);
    new.quiesced(9);
    assert_eq!((view.state(4), view.answered()), (State::Quiesced, 9));
    new.failed(5);
    assert_eq!((view.state(4), view.fatal()), (State::Failed, 5));
}

#[test]
fn first_submission_and_completion_are_told_once() {
    let page = page();
    let view = ReportView::new(&page);
    let mut report = Report::new(&page, 0);
    assert!(report.submitted(10) && !report.submitted(11));
    assert!(report.completed(false, 20) && !report.completed(true, 30));
    assert_eq!(
        (
            view.first_submission(),
            view.first_completion(),
            view.last_completion()
        ),
        (10, 20, 30)
    );
    assert_eq!((view.completions(), view.errors()), (2, 1));
}

#[test]
fn orders_and_beats() {
    let page = page();
    let mut writer = OrdersWriter::new(&page);
    let orders = Orders::new(&page);
    writer.start(7, Start::Cold, 0);
    assert_eq!(
        (orders.generation(), orders.start(), orders.order().0),
        (7, Start::Cold, Order::Run)
    );
    let serial = writer.order(Order::Quiesce);
    assert_eq!(orders.order(), (Order::Quiesce, serial));
    let beat = writer.ask_beat();
    assert_eq!(orders.beat(), beat);
}

#[test]
fn a_transfer_is_answered_by_its_serial_number_and_a_new_generation_has_none() {
    let (down, up) = (page(), page());
    let mut writer = OrdersWriter::new(&down);
    let (orders, view) = (Orders::new(&down), ReportView::new(&up));
    writer.start(7, Start::Cold, 4096);
    assert_eq!((orders.firmware(), orders.transfer()), (4096, None));
    let report = Report::new(&up, 7);
    let first = writer.transfer(100);
    assert_eq!(orders.transfer(), Some((first, 100)));
    report.transfer(first, Transfer::Working(500));
    assert_eq!(view.transfer(first), Transfer::Working(500));
    report.transfer(first, Transfer::Done);
    let second = writer.transfer(200);
    assert_ne!(first, second);
    assert_eq!(
        view.transfer(second),
        Transfer::Working(0),
        "the first one's answer is not the second's"
    );
    report.transfer(second, Transfer::Failed(9));
    assert_eq!(view.transfer(second), Transfer::Failed(9));
    assert!(!orders.committed());
    writer.committed();
    assert!(orders.committed());
    writer.start(8, Start::Cold, 0);
    assert_eq!(
        (orders.firmware(), orders.transfer(), orders.committed()),
        (0, None, false)
    );
}

#[test]
fn stage_takes_each_command_once_and_late_answers_are_not_taken_for_new_ones() {
    let (down, up) = (page(), page());
    let mut caller = Caller::new(&down, &up);
    let mut worker = Worker::new(&down, &up);
    assert_eq!(caller.outcome(), None);
    assert_eq!(worker.take(), None);
    let build = Command::Build {
        component: 1,
        slot: 2,
        arena: 1,
        generation: 8,
    };
    let verify = Command::Verify {
        component: 0,
        slot: 1,
        client: 3,
        length: 4096,
        committed: 6,
        keys: 3,
    };
    caller.give(build);
    assert_eq!(worker.take(), Some(build));
    assert_eq!(worker.take(), None);
    assert_eq!(caller.outcome(), Some(Outcome::Working));
    let results = Results {
        sequence: 5,
        keys: true,
        components: 0b10,
        digest: [1, 2, 3, 4],
        length: 6,
        manifest: [8, 9, 10, 11],
        slots: 7,
        firmware_slot: 12,
        firmware_length: 13,
        firmware_digest: [14, 15, 16, 17],
    };
    worker.done(results);
    assert_eq!(caller.outcome(), Some(Outcome::Done(results)));
    caller.give(verify);
    assert_eq!(caller.outcome(), Some(Outcome::Working));
    assert_eq!(worker.take(), Some(verify));
    let refused = Refused {
        manifest: [1, 2, 3, 4],
        bundle: [5, 6, 7, 8],
    };
    worker.failed(18, refused);
    assert_eq!(caller.outcome(), Some(Outcome::Failed(18, refused)));
}
