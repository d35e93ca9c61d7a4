//! What a test expects the broker to say next.

use super::{
    Frame, Id, Method, Properties, Table, Wire, basic, channel, confirm, connection, queue,
};

/// A received message of a consumer.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub consumer_tag: String,
    pub tag: u64,
    pub redelivered: bool,
    pub exchange: String,
    pub key: String,
    pub properties: Properties,
    pub body: Vec<u8>,
}

/// A message fetched by basic.get.
#[derive(Clone, Debug, PartialEq)]
pub struct Got {
    pub tag: u64,
    pub redelivered: bool,
    pub exchange: String,
    pub key: String,
    /// Ready messages left behind.
    pub remaining: u32,
    pub properties: Properties,
    pub body: Vec<u8>,
}

/// A message that came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Returned {
    pub code: u16,
    pub text: String,
    pub exchange: String,
    pub key: String,
    pub properties: Properties,
    pub body: Vec<u8>,
}

/// A close method, of a channel or the connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Close {
    pub code: u16,
    pub text: String,
    /// The method that failed.
    pub failed: Id,
}

impl Wire {
    /// The next method, which must be on `channel`. Heartbeats are skipped.
    #[track_caller]
    pub fn method(&mut self, channel: u16) -> Method {
        match self.frame() {
            (on, Frame::Method(method)) if on == channel => method,
            other => panic!("expected a method on channel {channel}, got {other:?}"),
        }
    }

    /// The next frame that is no heartbeat.
    #[track_caller]
    pub fn frame(&mut self) -> (u16, Frame) {
        loop {
            match self.receive() {
                Some((_, Frame::Heartbeat)) => {}
                Some(other) => return other,
                None => panic!("the broker closed the connection"),
            }
        }
    }

    /// The next method, which must be this one on this channel.
    #[track_caller]
    pub fn expect(&mut self, channel: u16, id: Id) -> Method {
        let method = self.method(channel);
        if method.id != id && (method.id == connection::CLOSE || method.id == channel::CLOSE) {
            panic!("expected {id:?}, got {:?}", close(&method));
        }
        assert_eq!(method.id, id, "{method:?}");
        method
    }

    /// Sends a method and expects its answer.
    #[track_caller]
    pub fn call(&mut self, channel: u16, method: &Method, answer: Id) -> Method {
        self.send(channel, method);
        self.expect(channel, answer)
    }

    /// Declares a queue on channel 1; returns its name, ready messages and consumers.
    #[track_caller]
    pub fn declare(&mut self, name: &str, flags: u8) -> (String, u32, u32) {
        self.declare_with(name, flags, &Table::new())
    }

    /// The same with arguments.
    #[track_caller]
    pub fn declare_with(&mut self, name: &str, flags: u8, args: &Table) -> (String, u32, u32) {
        let ok = self.call(1, &queue::declare(name, flags, args), queue::DECLARE_OK);
        let mut read = ok.read();
        (read.shortstr(), read.long(), read.long())
    }

    /// Ready messages and consumers of a queue, by a passive declare.
    #[track_caller]
    pub fn depth(&mut self, name: &str) -> (u32, u32) {
        let (_, ready, consumers) = self.declare(name, queue::PASSIVE);
        (ready, consumers)
    }

    /// Binds a queue on channel 1.
    #[track_caller]
    pub fn bind(&mut self, queue: &str, exchange: &str, key: &str) {
        self.call(
            1,
            &queue::bind(queue, exchange, key, &Table::new()),
            queue::BIND_OK,
        );
    }

    /// Declares an exchange of its own and removes nothing: names are unique per test.
    #[track_caller]
    pub fn declare_exchange(&mut self, name: &str, kind: &str, flags: u8, arguments: &Table) {
        let declare = super::exchange::declare(name, kind, flags, arguments);
        self.call(1, &declare, super::exchange::DECLARE_OK);
    }

    /// Starts a consumer on channel 1 that acknowledges; returns its tag.
    #[track_caller]
    pub fn consume(&mut self, queue: &str, tag: &str, flags: u8) -> String {
        let consume = basic::consume(queue, tag, flags, &Table::new());
        let ok = self.call(1, &consume, basic::CONSUME_OK);
        ok.read().shortstr()
    }

    /// Turns channel 1 to confirm mode.
    #[track_caller]
    pub fn confirm_select(&mut self) {
        self.call(1, &confirm::select(), confirm::SELECT_OK);
    }

    /// Waits until all messages up to `last` are confirmed by acks on channel 1.
    #[track_caller]
    pub fn await_confirms(&mut self, last: u64) {
        let mut open: std::collections::BTreeSet<u64> = (1..=last).collect();
        while !open.is_empty() {
            let ack = self.expect(1, basic::ACK);
            let mut read = ack.read();
            let (tag, multiple) = (read.longlong(), read.octet() & 1 == 1);
            assert!(
                open.contains(&tag),
                "a confirm of {tag}, which waits for none"
            );
            if multiple {
                open = open.split_off(&(tag + 1));
            } else {
                open.remove(&tag);
            }
        }
    }

    /// Fetches a message on channel 1, none when the queue is empty.
    #[track_caller]
    pub fn get(&mut self, queue: &str, no_ack: bool) -> Option<Got> {
        self.send(1, &basic::get(queue, no_ack));
        let ok = self.method(1);
        if ok.id == basic::GET_EMPTY {
            return None;
        }
        assert_eq!(ok.id, basic::GET_OK, "{ok:?}");
        let mut read = ok.read();
        let (tag, redelivered) = (read.longlong(), read.octet() & 1 == 1);
        let (exchange, key) = (read.shortstr(), read.shortstr());
        let remaining = read.long();
        let (properties, body) = self.content(1);
        Some(Got {
            tag,
            redelivered,
            exchange,
            key,
            remaining,
            properties,
            body,
        })
    }

    /// Fetches and acknowledges all ready messages of a queue, in order.
    #[track_caller]
    pub fn drain(&mut self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while let Some(got) = self.get(queue, true) {
            bodies.push(String::from_utf8(got.body).unwrap());
        }
        bodies
    }

    /// The next thing on `channel` must be a delivery.
    #[track_caller]
    pub fn delivery(&mut self, channel: u16) -> Delivery {
        let deliver = self.expect(channel, basic::DELIVER);
        let mut read = deliver.read();
        let consumer_tag = read.shortstr();
        let (tag, redelivered) = (read.longlong(), read.octet() & 1 == 1);
        let (exchange, key) = (read.shortstr(), read.shortstr());
        let (properties, body) = self.content(channel);
        Delivery {
            consumer_tag,
            tag,
            redelivered,
            exchange,
            key,
            properties,
            body,
        }
    }

    /// The next `n` things on channel 1 must be deliveries; their bodies.
    #[track_caller]
    pub fn bodies(&mut self, n: usize) -> Vec<String> {
        (0..n)
            .map(|_| String::from_utf8(self.delivery(1).body).unwrap())
            .collect()
    }

    /// The next thing on channel 1 must be a returned message.
    #[track_caller]
    pub fn returned(&mut self) -> Returned {
        let returned = self.expect(1, basic::RETURN);
        let mut read = returned.read();
        let (code, text) = (read.short(), read.shortstr());
        let (exchange, key) = (read.shortstr(), read.shortstr());
        let (properties, body) = self.content(1);
        Returned {
            code,
            text,
            exchange,
            key,
            properties,
            body,
        }
    }

    #[track_caller]
    fn content(&mut self, channel: u16) -> (Properties, Vec<u8>) {
        let (on, header) = self.frame();
        let Frame::Header {
            class: 60,
            body_size,
            properties,
        } = header
        else {
            panic!("expected a content header, got {header:?}");
        };
        assert_eq!(on, channel);
        let mut body = Vec::new();
        while u64::try_from(body.len()).unwrap() < body_size {
            let (on, Frame::Body(piece)) = self.frame() else {
                panic!("expected a body of {body_size} bytes");
            };
            assert_eq!(on, channel);
            body.extend(piece);
        }
        (*properties, body)
    }

    /// Proves that nothing is on its way on channel 1: the answer to a harmless method is the
    /// next thing to come. Whatever the broker does by itself has happened when it answers, as
    /// far as it was caused by earlier methods of this connection.
    #[track_caller]
    pub fn expect_silence(&mut self) {
        self.call(1, &channel::flow(true), channel::FLOW_OK);
    }

    /// The broker must close the channel with this code and text (a text that ends in `…` only
    /// has to begin so); the close is answered and the number opened again, which proves that
    /// the connection lives.
    #[track_caller]
    pub fn expect_channel_close(&mut self, channel: u16, code: u16, text: &str) -> Close {
        let (on, frame) = self.frame();
        let Frame::Method(method) = frame else {
            panic!("expected channel.close, got {frame:?}")
        };
        let answer = if on == 0 {
            connection::CLOSE
        } else {
            channel::CLOSE
        };
        assert_eq!(method.id, answer, "expected channel.close");
        let close = close(&method);
        assert_eq!((on, close.code), (channel, code), "{close:?}");
        match text.strip_suffix('…') {
            Some(start) => assert!(close.text.starts_with(start), "{close:?}, not {text:?}"),
            None => assert_eq!(close.text, text),
        }
        self.send(channel, &channel::close_ok());
        self.open_channel(channel);
        close
    }

    /// The broker must close the connection with this code and a text that begins so; the
    /// close is answered and the socket must end.
    #[track_caller]
    pub fn expect_connection_close(&mut self, code: u16, text: &str) -> Close {
        let method = self.method(0);
        assert_eq!(method.id, connection::CLOSE, "{method:?}");
        let close = close(&method);
        assert_eq!(close.code, code, "{close:?}");
        assert!(
            close.text.starts_with(text),
            "{close:?} does not start with {text:?}"
        );
        let _ = self.try_send_bytes(&super::method_frame(0, &connection::close_ok()));
        self.expect_end();
        close
    }

    /// The broker must refuse to go on: with a connection.close of a hard error, or by just
    /// closing the socket, which is all that RabbitMQ does in some states.
    #[track_caller]
    pub fn expect_refusal(&mut self) -> Option<Close> {
        let (on, frame) = self.receive()?;
        let Frame::Method(method) = frame else {
            panic!("expected a refusal, got {frame:?}")
        };
        assert_eq!((on, method.id), (0, connection::CLOSE), "{method:?}");
        let close = close(&method);
        assert!(close.code == 403 || close.code >= 501, "{close:?}");
        let _ = self.try_send_bytes(&super::method_frame(0, &connection::close_ok()));
        self.expect_end();
        Some(close)
    }

    /// The broker must end the connection; frames that were under way are skipped.
    #[track_caller]
    pub fn expect_end(&mut self) {
        while self.receive().is_some() {}
    }
}

fn close(method: &Method) -> Close {
    let mut read = method.read();
    let (code, text) = (read.short(), read.shortstr());
    Close {
        code,
        text,
        failed: (read.short(), read.short()),
    }
}
