//! The same conversation in one write, in odd pieces, and step by step: the broker must say
//! the same, however its input is cut.

use std::{collections::BTreeSet, time::Duration};

use tests::{
    Wire, shared,
    wire::{
        Frame, Method, Properties, Table, basic, channel, confirm, connection, exchange, message,
        method_frame, queue,
    },
};

/// Numbers that look random but are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One step: its bytes, and how many messages it publishes.
struct Step {
    bytes: Vec<u8>,
    publishes: u64,
}

fn step(method: &Method) -> Step {
    Step {
        bytes: method_frame(1, method),
        publishes: 0,
    }
}

/// A script of steps, none of which can fail, whatever happened before: tags are settled all
/// together, and queues are never missing when they are named.
fn script(prefix: &str, dice: &mut Dice) -> Vec<Step> {
    let none = Table::new();
    let names = [format!("{prefix}-a"), format!("{prefix}-b")];
    let x = format!("{prefix}-x");
    let mut steps: Vec<Step> = Vec::new();
    let flags = exchange::AUTO_DELETE;
    for name in &names {
        steps.push(step(&queue::declare(name, queue::EXCLUSIVE, &none)));
    }
    steps.push(step(&exchange::declare(&x, "topic", flags, &none)));
    steps.push(step(&queue::bind(&names[0], &x, "keep.#", &none)));
    let mut confirming = false;
    let mut number = 0;
    for _ in 0..20 + dice.roll(60) {
        let name = &names[usize::try_from(dice.roll(2)).unwrap()];
        steps.push(match dice.roll(20) {
            0..8 => {
                number += 1;
                let (to, key) = match dice.roll(5) {
                    0 => (x.as_str(), "keep.it"),
                    1 => (x.as_str(), "sometimes"),
                    2 => ("", "nowhere"),
                    _ => ("", name.as_str()),
                };
                let flags = if dice.roll(2) == 0 {
                    basic::MANDATORY
                } else {
                    0
                };
                let properties = match dice.roll(3) {
                    0 => Properties::persistent(),
                    1 => Properties::headers(Table::new().strs("CC", &[name])),
                    _ => Properties::new(),
                };
                let size = [1, 1, 1, 1, 200, 9000][usize::try_from(dice.roll(6)).unwrap()];
                let body = format!("{number}:{}", "x".repeat(size));
                let publish = basic::publish(to, key, flags);
                let bytes = message(1, &publish, &properties, body.as_bytes(), 8192);
                Step {
                    bytes,
                    publishes: u64::from(confirming),
                }
            }
            8..11 => step(&basic::get(name, dice.roll(2) == 0)),
            11 => step(&basic::ack(0, basic::MULTIPLE)),
            12 => step(&basic::nack(0, basic::MULTIPLE | basic::REQUEUE)),
            13 => step(&basic::recover(true)),
            14 => step(&queue::declare(name, queue::PASSIVE, &none)),
            15 => step(&queue::bind(name, &x, "sometimes", &none)),
            16 => step(&queue::unbind(name, &x, "sometimes", &none)),
            17 => step(&queue::purge(name)),
            18 if !confirming => {
                confirming = true;
                step(&confirm::select())
            }
            _ => step(&channel::flow(true)),
        });
    }
    steps.push(step(&queue::declare(&names[0], queue::PASSIVE, &none)));
    steps.push(step(&queue::declare(&names[1], queue::PASSIVE, &none)));
    steps
}

/// What the broker said, but for confirms, whose time and grouping are its own affair.
#[derive(PartialEq, Debug, Default)]
struct Transcript {
    frames: Vec<Frame>,
    confirmed: BTreeSet<u64>,
}

impl Transcript {
    /// Reads until everything that was sent has been answered, which the last answer shows.
    fn read_to(&mut self, w: &mut Wire, last: &Method, publishes: u64) {
        let mut answered = false;
        while !answered || u64::try_from(self.confirmed.len()).unwrap() < publishes {
            let (on, frame) = w.frame();
            assert_eq!(on, 1, "{frame:?}");
            match frame {
                Frame::Method(m) if m.id == basic::ACK => {
                    let tag = m.read().longlong();
                    let from = if m.args[8] & 1 == 1 {
                        self.confirmed.last().copied().unwrap_or(0) + 1
                    } else {
                        tag
                    };
                    assert!(
                        tag <= publishes,
                        "a confirm of {tag} after {publishes} publishes"
                    );
                    self.confirmed.extend(from..=tag);
                }
                Frame::Method(m) if m == *last => answered = true,
                Frame::Method(m) if m.id == channel::CLOSE => panic!("{:?}", m.read()),
                other => self.frames.push(other),
            }
        }
    }
}

/// Plays a script with the bytes cut by `cut`, which says how many to send at once.
fn play(prefix: &str, seed: u64, mut cut: impl FnMut(usize) -> usize) -> Transcript {
    let mut w = Wire::open_tuned(shared().amqp(), 8192, 0);
    let steps = script(prefix, &mut Dice(seed));
    let publishes = steps.iter().map(|step| step.publishes).sum();
    // An answer that nothing else in the script has.
    let mut bytes: Vec<u8> = steps.into_iter().flat_map(|step| step.bytes).collect();
    bytes.extend(method_frame(1, &basic::cancel("the end")));
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (now, later) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
        w.send_bytes(now);
        rest = later;
    }
    let mut transcript = Transcript::default();
    let last = Method::new(basic::CANCEL_OK).shortstr("the end");
    transcript.read_to(&mut w, &last, publishes);
    assert!(
        !w.has_news(Duration::from_millis(1)),
        "seed {seed}: more than was asked for"
    );
    // The names are free again once this is answered.
    w.call(0, &connection::close(), connection::CLOSE_OK);
    transcript
}

/// Plays a script step by step: each is answered before the next is sent.
fn play_slowly(prefix: &str, seed: u64) -> Transcript {
    let mut w = Wire::open_tuned(shared().amqp(), 8192, 0);
    let mut transcript = Transcript::default();
    let mut publishes = 0;
    for (n, step) in script(prefix, &mut Dice(seed)).into_iter().enumerate() {
        publishes += step.publishes;
        w.send_bytes(&step.bytes);
        let tag = format!("step {n}");
        w.send(1, &basic::cancel(&tag));
        let last = Method::new(basic::CANCEL_OK).shortstr(&tag);
        transcript.read_to(&mut w, &last, publishes);
    }
    w.call(0, &connection::close(), connection::CLOSE_OK);
    transcript
}

#[test]
fn however_input_is_cut_the_broker_says_the_same() {
    for seed in 1..=100u64 {
        let prefix = format!("pl-{seed}");
        let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let slowly = play_slowly(&prefix, seed);
        let at_once = play(&prefix, seed, |rest| rest);
        assert_eq!(at_once, slowly, "{prefix} in one write");
        let mut dice = Dice(seed);
        let odd = play(&prefix, seed, |_| {
            usize::try_from(1 + dice.roll(700)).unwrap()
        });
        assert_eq!(odd, slowly, "{prefix} in odd pieces");
    }
}
