//! No bytes from a client make a session panic, loop or hold memory.

use codec::AMQPClass;
use proptest::prelude::*;

use crate::tests::talk::{Home, Talk, frame, persistent, publish};
use crate::tests::{
    ack, bind, cancel, close_channel, confirm_select, consume, declare, declare_queue,
    delete_queue, get, open_channel, qos, start_consumer,
};

/// Something that a client might say.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let number = 1..3u16;
    let of = |method: fn() -> AMQPClass| (1..3u16).prop_map(move |n| frame(n, &method()));
    prop_oneof![
        of(open_channel),
        of(close_channel),
        of(crate::tests::channel_close_ok),
        of(|| declare_queue(declare("q"))),
        of(|| {
            let mut durable = declare("d");
            durable.durable = true;
            declare_queue(durable)
        }),
        of(|| delete_queue("q")),
        of(|| delete_queue("d")),
        of(|| bind("q", "amq.fanout", "")),
        of(|| start_consumer(consume("q", "c", false))),
        of(|| start_consumer(consume("d", "n", true))),
        of(|| cancel("c")),
        of(|| qos(2, true)),
        of(|| get("d", false)),
        of(confirm_select),
        (number.clone(), 0..9u64, any::<bool>()).prop_map(|(n, tag, m)| frame(n, &ack(tag, m))),
        (number.clone(), 0..40_000usize, any::<bool>()).prop_map(|(n, len, m)| publish(
            n,
            "",
            "d",
            m,
            &persistent(),
            &vec![1; len]
        )),
        (number, any::<bool>()).prop_map(|(n, m)| publish(
            n,
            "amq.fanout",
            "",
            m,
            &persistent(),
            b"x"
        )),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_end_in_a_close(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let home = Home::new();
        for mut talk in [Talk::connect(&home), Talk::join(&home)] {
            talk.bytes(&bytes);
            talk.raw();
            talk.wait(std::time::Duration::from_secs(400));
            prop_assert!(talk.connection.is_finished());
        }
    }

    #[test]
    fn frames_in_any_order_and_cut_anywhere_leave_nothing_behind(
        said in prop::collection::vec(said(), 0..40),
        cut in 1..5000usize,
    ) {
        let home = Home::new();
        let mut talk = Talk::join(&home);
        for piece in said.concat().chunks(cut) {
            talk.bytes(piece);
            if cut % 3 == 0 {
                while talk.try_next().is_some() {}
            }
        }
        while talk.try_next().is_some() {}
        drop(talk);
        let vhost = home.broker.vhost("/").unwrap();
        for queue in vhost.queues() {
            let counts = queue.counts();
            prop_assert_eq!((counts.unacked, counts.consumers), (0, 0));
        }
        prop_assert!(home.broker.registry().is_empty());
    }
}
