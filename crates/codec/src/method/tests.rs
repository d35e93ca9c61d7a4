use bytes::Buf;
use proptest::prelude::*;

use super::*;
use crate::testing::{short_string, table};
use crate::{
    FieldTable, LongString, ShortString, access, basic, channel, confirm, connection, decode_frame,
    exchange, queue, tx,
};

/// What the fields of a method are filled with.
#[derive(Clone, Debug)]
struct Fill {
    a: ShortString,
    b: ShortString,
    c: ShortString,
    table: FieldTable,
    bytes: LongString,
    number: u64,
    flags: [bool; 5],
}

fn fill() -> impl Strategy<Value = Fill> {
    let bytes = prop::collection::vec(any::<u8>(), 0..50).prop_map(LongString::from);
    let strings = (short_string(), short_string(), short_string());
    (strings, table(), bytes, any::<u64>(), any::<[bool; 5]>()).prop_map(
        |((a, b, c), table, bytes, number, flags)| Fill {
            a,
            b,
            c,
            table,
            bytes,
            number,
            flags,
        },
    )
}

fn content_methods(fill: Fill) -> Vec<AMQPClass> {
    use basic::*;
    let Fill {
        a,
        b,
        c,
        table,
        number: n,
        flags: [f, g, h, i, _],
        ..
    } = fill;
    let consume = Consume {
        queue: a.clone(),
        consumer_tag: b.clone(),
        no_local: f,
        no_ack: g,
        exclusive: h,
        nowait: i,
        arguments: table,
    };
    let deliver = Deliver {
        consumer_tag: a.clone(),
        delivery_tag: n,
        redelivered: f,
        exchange: b.clone(),
        routing_key: c.clone(),
    };
    let get_ok = GetOk {
        delivery_tag: n,
        redelivered: f,
        exchange: a.clone(),
        routing_key: b.clone(),
        message_count: n as u32,
    };
    let publish = Publish {
        exchange: a.clone(),
        routing_key: b.clone(),
        mandatory: f,
        immediate: g,
    };
    let returned = Return {
        reply_code: n as u16,
        reply_text: a.clone(),
        exchange: b.clone(),
        routing_key: c,
    };
    [
        AMQPMethod::Consume(consume),
        AMQPMethod::Publish(publish),
        AMQPMethod::Return(returned),
        AMQPMethod::Deliver(deliver),
        AMQPMethod::GetOk(get_ok),
    ]
    .map(AMQPClass::Basic)
    .into()
}

fn basic_methods(fill: Fill) -> Vec<AMQPClass> {
    use basic::*;
    let Fill {
        a,
        b,
        number: n,
        flags: [f, g, ..],
        ..
    } = fill;
    [
        AMQPMethod::Qos(Qos {
            prefetch_count: n as u16,
            global: f,
        }),
        AMQPMethod::QosOk(QosOk {}),
        AMQPMethod::ConsumeOk(ConsumeOk {
            consumer_tag: a.clone(),
        }),
        AMQPMethod::Cancel(Cancel {
            consumer_tag: a.clone(),
            nowait: f,
        }),
        AMQPMethod::CancelOk(CancelOk { consumer_tag: b }),
        AMQPMethod::Get(Get {
            queue: a,
            no_ack: f,
        }),
        AMQPMethod::GetEmpty(GetEmpty {}),
        AMQPMethod::Ack(Ack {
            delivery_tag: n,
            multiple: f,
        }),
        AMQPMethod::Reject(Reject {
            delivery_tag: n,
            requeue: f,
        }),
        AMQPMethod::RecoverAsync(RecoverAsync { requeue: f }),
        AMQPMethod::Recover(Recover { requeue: f }),
        AMQPMethod::RecoverOk(RecoverOk {}),
        AMQPMethod::Nack(Nack {
            delivery_tag: n,
            multiple: f,
            requeue: g,
        }),
    ]
    .map(AMQPClass::Basic)
    .into()
}

fn connection_methods(fill: Fill) -> Vec<AMQPClass> {
    use connection::*;
    let Fill {
        a,
        b,
        table,
        bytes,
        number: n,
        ..
    } = fill;
    let start = Start {
        version_major: n as u8,
        version_minor: 9,
        server_properties: table.clone(),
        mechanisms: bytes.clone(),
        locales: bytes.clone(),
    };
    let start_ok = StartOk {
        client_properties: table,
        mechanism: a.clone(),
        response: bytes.clone(),
        locale: b.clone(),
    };
    let (channel_max, frame_max, heartbeat) = (n as u16, n as u32, (n >> 3) as u16);
    let close = Close {
        reply_code: n as u16,
        reply_text: a.clone(),
        class_id: 60,
        method_id: heartbeat,
    };
    [
        AMQPMethod::Start(start),
        AMQPMethod::StartOk(start_ok),
        AMQPMethod::Secure(Secure {
            challenge: bytes.clone(),
        }),
        AMQPMethod::SecureOk(SecureOk {
            response: bytes.clone(),
        }),
        AMQPMethod::Tune(Tune {
            channel_max,
            frame_max,
            heartbeat,
        }),
        AMQPMethod::TuneOk(TuneOk {
            channel_max,
            frame_max,
            heartbeat,
        }),
        AMQPMethod::Open(Open {
            virtual_host: a.clone(),
        }),
        AMQPMethod::OpenOk(OpenOk {}),
        AMQPMethod::Close(close),
        AMQPMethod::CloseOk(CloseOk {}),
        AMQPMethod::Blocked(Blocked { reason: a }),
        AMQPMethod::Unblocked(Unblocked {}),
        AMQPMethod::UpdateSecret(UpdateSecret {
            new_secret: bytes,
            reason: b,
        }),
        AMQPMethod::UpdateSecretOk(UpdateSecretOk {}),
    ]
    .map(AMQPClass::Connection)
    .into()
}

fn channel_methods(fill: Fill) -> Vec<AMQPClass> {
    use channel::*;
    let Fill {
        a,
        number: n,
        flags: [active, exclusive, passive, write, read],
        ..
    } = fill;
    let close = Close {
        reply_code: n as u16,
        reply_text: a.clone(),
        class_id: 1,
        method_id: n as u16,
    };
    let mut methods: Vec<_> = [
        AMQPMethod::Open(Open {}),
        AMQPMethod::OpenOk(OpenOk {}),
        AMQPMethod::Flow(Flow { active }),
        AMQPMethod::FlowOk(FlowOk { active }),
        AMQPMethod::Close(close),
        AMQPMethod::CloseOk(CloseOk {}),
    ]
    .map(AMQPClass::Channel)
    .into();
    let request = access::Request {
        realm: a,
        exclusive,
        passive,
        active,
        write,
        read,
    };
    methods.push(AMQPClass::Access(access::AMQPMethod::Request(request)));
    methods.push(AMQPClass::Access(access::AMQPMethod::RequestOk(
        access::RequestOk {},
    )));
    let select = confirm::Select { nowait: active };
    methods.push(AMQPClass::Confirm(confirm::AMQPMethod::Select(select)));
    methods.push(AMQPClass::Confirm(confirm::AMQPMethod::SelectOk(
        confirm::SelectOk {},
    )));
    methods.extend(
        [
            tx::AMQPMethod::Select(tx::Select {}),
            tx::AMQPMethod::SelectOk(tx::SelectOk {}),
            tx::AMQPMethod::Commit(tx::Commit {}),
            tx::AMQPMethod::CommitOk(tx::CommitOk {}),
            tx::AMQPMethod::Rollback(tx::Rollback {}),
            tx::AMQPMethod::RollbackOk(tx::RollbackOk {}),
        ]
        .map(AMQPClass::Tx),
    );
    methods
}

fn exchange_methods(fill: Fill) -> Vec<AMQPClass> {
    use exchange::*;
    let Fill {
        a,
        b,
        c,
        table,
        flags: [f, durable, auto_delete, internal, nowait],
        ..
    } = fill;
    let declare = Declare {
        exchange: a.clone(),
        kind: b.clone(),
        passive: f,
        durable,
        auto_delete,
        internal,
        nowait,
        arguments: table.clone(),
    };
    let bind = Bind {
        destination: a.clone(),
        source: b.clone(),
        routing_key: c.clone(),
        nowait,
        arguments: table.clone(),
    };
    let unbind = Unbind {
        destination: a.clone(),
        source: b,
        routing_key: c,
        nowait,
        arguments: table,
    };
    [
        AMQPMethod::Declare(declare),
        AMQPMethod::DeclareOk(DeclareOk {}),
        AMQPMethod::Delete(Delete {
            exchange: a,
            if_unused: f,
            nowait,
        }),
        AMQPMethod::DeleteOk(DeleteOk {}),
        AMQPMethod::Bind(bind),
        AMQPMethod::BindOk(BindOk {}),
        AMQPMethod::Unbind(unbind),
        AMQPMethod::UnbindOk(UnbindOk {}),
    ]
    .map(AMQPClass::Exchange)
    .into()
}

fn queue_methods(fill: Fill) -> Vec<AMQPClass> {
    use queue::*;
    let Fill {
        a,
        b,
        c,
        table,
        number: n,
        flags: [f, durable, exclusive, g, nowait],
        ..
    } = fill;
    let message_count = n as u32;
    let declare = Declare {
        queue: a.clone(),
        passive: f,
        durable,
        exclusive,
        auto_delete: g,
        nowait,
        arguments: table.clone(),
    };
    let bind = Bind {
        queue: a.clone(),
        exchange: b.clone(),
        routing_key: c.clone(),
        nowait,
        arguments: table.clone(),
    };
    let unbind = Unbind {
        queue: a.clone(),
        exchange: b.clone(),
        routing_key: c,
        arguments: table,
    };
    [
        AMQPMethod::Declare(declare),
        AMQPMethod::DeclareOk(DeclareOk {
            queue: b,
            message_count,
            consumer_count: 3,
        }),
        AMQPMethod::Bind(bind),
        AMQPMethod::BindOk(BindOk {}),
        AMQPMethod::Purge(Purge {
            queue: a.clone(),
            nowait,
        }),
        AMQPMethod::PurgeOk(PurgeOk { message_count }),
        AMQPMethod::Delete(Delete {
            queue: a,
            if_unused: f,
            if_empty: g,
            nowait,
        }),
        AMQPMethod::DeleteOk(DeleteOk { message_count }),
        AMQPMethod::Unbind(unbind),
        AMQPMethod::UnbindOk(UnbindOk {}),
    ]
    .map(AMQPClass::Queue)
    .into()
}

fn every_method(fill: &Fill) -> Vec<AMQPClass> {
    let mut methods = basic_methods(fill.clone());
    methods.extend(content_methods(fill.clone()));
    methods.extend(connection_methods(fill.clone()));
    methods.extend(channel_methods(fill.clone()));
    methods.extend(exchange_methods(fill.clone()));
    methods.extend(queue_methods(fill.clone()));
    methods
}

fn payload(method: &AMQPClass) -> Vec<u8> {
    let mut out = OutBuf::new();
    encode_method(5, method, &mut out);
    let frame = decode_frame(out.chunk(), 0).unwrap().unwrap();
    assert_eq!((frame.channel, frame.wire.len()), (5, out.len()));
    frame.payload.to_vec()
}

/// Tables inside each other, `depth` of them, as a queue.declare.
fn nested_declare(depth: usize) -> Vec<u8> {
    let mut table = Vec::new();
    for _ in 1..depth {
        let mut outer = vec![1, b'k', b'F'];
        outer.extend((table.len() as u32).to_be_bytes());
        outer.append(&mut table);
        table = outer;
    }
    let mut bytes = vec![0, 50, 0, 10, 0, 0, 1, b'q', 0];
    bytes.extend((table.len() as u32).to_be_bytes());
    bytes.extend(table);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_method_reads_back(fill in fill()) {
        for method in every_method(&fill) {
            let bytes = payload(&method);
            let id = method_id(&method);
            prop_assert_eq!(&bytes[..4], &[0, id.0 as u8, 0, id.1 as u8]);
            prop_assert_eq!(decode_method(&bytes), Ok(method));
        }
    }

    #[test]
    fn a_method_cut_or_with_bytes_behind_is_malformed(fill in fill(), at in any::<prop::sample::Index>()) {
        for method in every_method(&fill) {
            let mut bytes = payload(&method);
            let cut = at.index(bytes.len());
            prop_assert!(decode_method(&bytes[..cut]).is_err(), "{:?} cut at {}", method, cut);
            bytes.push(0);
            let (class, id) = method_id(&method);
            let error = MethodError::Malformed { class, method: id, reason: TRAILING };
            prop_assert_eq!(decode_method(&bytes), Err(error));
        }
    }
}

proptest! {
    #[test]
    fn any_arguments_are_a_method_or_an_error(
        id in prop::sample::select(vec![
            [0u8, 10, 0, 11], [0, 40, 0, 10], [0, 40, 0, 30], [0, 50, 0, 10], [0, 50, 0, 50], [0, 60, 0, 20],
            [0, 60, 0, 40], [0, 60, 0, 10], [0, 20, 0, 40], [0, 10, 0, 40],
        ]),
        arguments in prop::collection::vec(prop_oneof![Just(0u8), 0u8..12, any::<u8>()], 0..80),
    ) {
        let mut bytes = id.to_vec();
        bytes.extend(arguments);
        let _ = decode_method(&bytes);
        let _ = decode_method(&bytes[4..]);
    }
}

#[test]
fn unknown_ids_are_told_from_malformed_ones() {
    let check = |bytes: &[u8], class, method| {
        assert_eq!(
            decode_method(bytes),
            Err(MethodError::Unknown { class, method })
        );
    };
    check(&[0, 60, 0, 99], 60, 99);
    check(&[0, 99, 0, 10], 99, 10);
    check(&[1, 60, 0, 10], 316, 10);
    let error = MethodError::Malformed {
        class: 0,
        method: 0,
        reason: TRUNCATED,
    };
    assert_eq!(decode_method(&[0, 60, 0]), Err(error));
}

#[test]
fn a_name_that_is_not_utf8_is_named_as_the_reason() {
    let error = MethodError::Malformed {
        class: 60,
        method: 70,
        reason: BAD_UTF8,
    };
    assert_eq!(decode_method(&[0, 60, 0, 70, 0, 0, 1, 0xff, 0]), Err(error));
}

#[test]
fn the_deepest_table_decodes_on_a_small_stack() {
    let decode = |depth| move || decode_method(&nested_declare(depth)).map(drop);
    let on_small_stack = |depth| {
        let thread = std::thread::Builder::new().stack_size(1024 * 1024);
        thread.spawn(decode(depth)).unwrap().join().unwrap()
    };
    assert_eq!(on_small_stack(crate::TABLE_DEPTH_MAX), Ok(()));
    let error = MethodError::Malformed {
        class: 50,
        method: 10,
        reason: "field table nested too deep",
    };
    assert_eq!(on_small_stack(crate::TABLE_DEPTH_MAX + 1), Err(error));
    assert_eq!(on_small_stack(10_000), Err(error));
}

#[test]
fn prefetch_size_is_read_beside_the_struct() {
    let qos = [0, 60, 0, 10, 0, 0, 1, 0, 0, 5, 0];
    assert!(decode_method(&qos).is_ok());
    assert_eq!(prefetch_size(&qos), Some(256));
    assert_eq!(prefetch_size(&[0, 60, 0, 11, 0, 0, 0, 0]), None);
    assert_eq!(prefetch_size(&qos[..7]), None);
}
