//! Answers to publishes as they go out.

use codec::{Ack, OutBuf, encode_ack, encode_nack};

use crate::channel::confirm::Refused;

/// The answers that are due: acks, and behind them nacks (RabbitMQ's order).
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct Due {
    acks: Answers,
    nacks: Answers,
    accepted: u64,
}

/// Sequence numbers to be answered alike.
#[derive(Default, PartialEq, Eq, Debug)]
struct Answers {
    /// The highest of those to be answered by one method, and how many they are.
    together: Option<(u64, u64)>,
    /// The rest, one by one: `multiple` would cover one that is answered otherwise.
    apart: Vec<u64>,
}

impl Answers {
    /// Answers for `numbers`, which rise; those below `cut` go together.
    fn new(numbers: impl Iterator<Item = u64>, cut: u64) -> Self {
        let mut answers = Self::default();
        for number in numbers {
            if number < cut {
                let n = answers.together.map_or(0, |(_, n)| n);
                answers.together = Some((number, n + 1));
            } else {
                answers.apart.push(number);
            }
        }
        answers
    }

    /// The arguments of the methods.
    fn methods(&self) -> impl Iterator<Item = Ack> + '_ {
        let together = self.together.map(|(tag, n)| ack(tag, n > 1));
        let apart = self.apart.iter().map(|tag| ack(*tag, false));
        together.into_iter().chain(apart)
    }
}

const fn ack(delivery_tag: u64, multiple: bool) -> Ack {
    Ack {
        delivery_tag,
        multiple,
    }
}

impl Due {
    /// All from `before`, exclusive, to `upto` are safe.
    pub(super) fn accepted(before: u64, upto: u64) -> Self {
        let n = upto - before;
        Self {
            acks: Answers {
                together: Some((upto, n)),
                apart: Vec::new(),
            },
            nacks: Answers::default(),
            accepted: n,
        }
    }

    /// The same, but for those that were refused, in ranges that rise.
    pub(super) fn mixed(before: u64, upto: u64, refused: Vec<Refused>) -> Self {
        let count: u64 = refused
            .iter()
            .map(|range| range.last - range.first + 1)
            .sum();
        let first_refused = refused.first().map_or(u64::MAX, |range| range.first);
        let is_refused = |number: &u64| {
            let at = refused.partition_point(|range| range.last < *number);
            refused.get(at).is_some_and(|range| range.first <= *number)
        };
        let acks = Answers::new(
            (before + 1..=upto).filter(|number| !is_refused(number)),
            first_refused,
        );
        let first_accepted = (before + 1..=upto)
            .find(|number| !is_refused(number))
            .unwrap_or(u64::MAX);
        let nacks = Answers::new(
            refused.iter().flat_map(|range| range.first..=range.last),
            first_accepted,
        );
        Self {
            acks,
            nacks,
            accepted: upto - before - count,
        }
    }

    /// Publishes that are confirmed by it.
    pub(crate) const fn accepted_count(&self) -> u64 {
        self.accepted
    }

    /// Writes the methods.
    #[inline]
    pub(crate) fn write(&self, channel: u16, out: &mut OutBuf) {
        for ack in self.acks.methods() {
            encode_ack(out, channel, ack);
        }
        for nack in self.nacks.methods() {
            encode_nack(out, channel, nack);
        }
    }

    /// What it says: acks, and nacks behind them.
    #[cfg(test)]
    pub(super) fn methods(&self) -> (Vec<Ack>, Vec<Ack>) {
        (
            self.acks.methods().collect(),
            self.nacks.methods().collect(),
        )
    }
}
