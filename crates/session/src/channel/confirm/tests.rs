use codec::Ack;
use proptest::prelude::*;

use super::*;

fn one(delivery_tag: u64) -> Ack {
    Ack {
        delivery_tag,
        multiple: false,
    }
}

fn upto(delivery_tag: u64) -> Ack {
    Ack {
        delivery_tag,
        multiple: true,
    }
}

/// What goes out: acks, nacks.
fn due(tracker: &mut ConfirmTracker) -> (Vec<Ack>, Vec<Ack>) {
    tracker
        .due()
        .map_or_else(Default::default, |due| due.methods())
}

fn acks(tracker: &mut ConfirmTracker) -> Vec<Ack> {
    let (acks, nacks) = due(tracker);
    assert_eq!(nacks, []);
    acks
}

#[test]
fn transient_publishes_are_confirmed_together_at_once() {
    let mut tracker = ConfirmTracker::default();
    tracker.published(1, None, &[]);
    assert_eq!(acks(&mut tracker), [one(1)]);
    assert_eq!(tracker.due(), None);
    tracker.published(2, None, &[]);
    tracker.published(3, None, &[]);
    assert_eq!(acks(&mut tracker), [upto(6)]);
    assert_eq!(tracker.unconfirmed(), 0);
}

#[test]
fn persistent_publishes_wait_for_their_ticket_and_hold_back_later_ones() {
    let mut tracker = ConfirmTracker::default();
    tracker.published(2, Some(Ticket(7)), &[]);
    tracker.published(1, None, &[]);
    tracker.published(1, Some(Ticket(9)), &[]);
    assert_eq!((tracker.due(), tracker.awaits()), (None, Some(Ticket(7))));
    tracker.committed(Ticket(6));
    assert_eq!(tracker.due(), None);
    tracker.committed(Ticket(8));
    assert_eq!(acks(&mut tracker), [upto(3)]);
    assert_eq!(tracker.awaits(), Some(Ticket(9)));
    tracker.committed(Ticket(9));
    assert_eq!(acks(&mut tracker), [one(4)]);
    assert_eq!(tracker.awaits(), None);
}

#[test]
fn groups_of_one_ticket_are_one_group() {
    let mut tracker = ConfirmTracker::default();
    for _ in 0..10 {
        tracker.published(1, Some(Ticket(3)), &[]);
    }
    assert_eq!((tracker.waiting(), tracker.unconfirmed()), (1, 10));
    tracker.committed(Ticket(3));
    assert_eq!(acks(&mut tracker), [upto(10)]);
}

#[test]
fn refused_publishes_are_nacked_together() {
    let mut tracker = ConfirmTracker::default();
    tracker.published(3, None, &[0, 1, 2]);
    assert_eq!(due(&mut tracker), (vec![], vec![upto(3)]));
    tracker.published(1, None, &[0]);
    assert_eq!(due(&mut tracker), (vec![], vec![one(4)]));
}

#[test]
fn a_multiple_ack_ends_below_the_first_refused_publish() {
    let mut tracker = ConfirmTracker::default();
    tracker.published(8, None, &[3, 4, 6]);
    let sent = tracker.due().unwrap();
    assert_eq!(sent.accepted_count(), 5);
    let expected = (vec![upto(3), one(6), one(8)], vec![one(4), one(5), one(7)]);
    assert_eq!(sent.methods(), expected);
}

#[test]
fn a_refusal_waits_for_what_was_published_before_it() {
    let mut tracker = ConfirmTracker::default();
    tracker.published(2, Some(Ticket(5)), &[]);
    tracker.published(2, None, &[1]);
    tracker.published(1, Some(Ticket(6)), &[0]);
    assert_eq!(tracker.due(), None);
    tracker.committed(Ticket(5));
    assert_eq!(due(&mut tracker), (vec![upto(3)], vec![one(4)]));
    tracker.committed(Ticket(6));
    assert_eq!(due(&mut tracker), (vec![], vec![one(5)]));
    assert_eq!(tracker.unconfirmed(), 0);
}

/// One step: publishes with a ticket some way ahead or none, or a commit.
#[derive(Clone, Debug)]
enum Step {
    Publish {
        n: u64,
        ahead: Option<u64>,
        refused: Vec<bool>,
    },
    Commit(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1u64..20, proptest::option::of(0u64..5), proptest::collection::vec(any::<bool>(), 20))
            .prop_map(|(n, ahead, refused)| Step::Publish { n, ahead, refused }),
        1 => (0u64..4).prop_map(Step::Commit),
    ]
}

/// What one publish got, by a client's own bookkeeping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    None,
    Acked,
    Nacked,
}

fn hear(answers: &mut [Answer], said: &[Ack], answer: Answer) {
    for ack in said {
        let last = usize::try_from(ack.delivery_tag).unwrap();
        assert_eq!(answers[last - 1], Answer::None, "answered twice");
        let first = if ack.multiple { 1 } else { last };
        for known in &mut answers[first - 1..last] {
            if *known == Answer::None {
                *known = answer;
            }
        }
    }
}

proptest! {
    /// A client that believes every word of it knows the truth about each publish, no sooner
    /// than it is true, and all of it once everything is committed.
    #[test]
    fn every_publish_gets_the_answer_it_should(steps in proptest::collection::vec(step(), 1..60)) {
        let mut tracker = ConfirmTracker::default();
        // Of each publish: the ticket it waits for, whether it was refused.
        let mut truth: Vec<(u64, bool)> = Vec::new();
        let mut answers = Vec::new();
        let (mut committed, mut highest) = (0, 0);
        let end = Step::Commit(100);
        for step in steps.iter().chain([&end]) {
            match step {
                Step::Publish { n, ahead, refused } => {
                    let ticket = ahead.map(|ahead| committed + 1 + ahead);
                    highest = ticket.map_or(highest, |ticket| ticket.max(highest));
                    let refused = &refused[..usize::try_from(*n).unwrap()];
                    let places: Vec<u32> =
                        (0u32..).zip(refused).filter(|(_, r)| **r).map(|(at, _)| at).collect();
                    tracker.published(*n, ticket.map(Ticket), &places);
                    truth.extend(refused.iter().map(|r| (ticket.unwrap_or(0), *r)));
                    answers.resize(truth.len(), Answer::None);
                }
                Step::Commit(more) => {
                    committed = (committed + more).min(highest);
                    tracker.committed(Ticket(committed));
                }
            }
            let (acks, nacks) = due(&mut tracker);
            hear(&mut answers, &acks, Answer::Acked);
            hear(&mut answers, &nacks, Answer::Nacked);
            for ((ticket, refused), answer) in truth.iter().zip(&answers) {
                let right = match answer {
                    Answer::None => true,
                    Answer::Acked => !refused && *ticket <= committed,
                    Answer::Nacked => *refused,
                };
                prop_assert!(right, "{answer:?} for ({ticket}, {refused}) at {committed}");
            }
        }
        prop_assert!(!answers.contains(&Answer::None), "{answers:?}");
        prop_assert_eq!(tracker.unconfirmed(), 0);
    }
}
