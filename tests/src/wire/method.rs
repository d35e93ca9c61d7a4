//! Methods as class, id and argument bytes, with one constructor per method the tests send.

use super::{
    reader::Reader,
    value::{Table, longstr},
};

/// Class and method id.
pub type Id = (u16, u16);

/// A method: what it is and its arguments as on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Method {
    /// Class and method id.
    pub id: Id,
    /// The argument bytes.
    pub args: Vec<u8>,
}

impl Method {
    /// A method without arguments yet.
    #[must_use]
    pub fn new(id: Id) -> Self {
        Self {
            id,
            args: Vec::new(),
        }
    }

    /// Reads the arguments.
    #[must_use]
    pub fn read(&self) -> Reader<'_> {
        Reader::new(&self.args)
    }

    /// Appends an octet, or a group of bits.
    #[must_use]
    pub fn octet(mut self, value: u8) -> Self {
        self.args.push(value);
        self
    }

    /// Appends 16 bits.
    #[must_use]
    pub fn short(mut self, value: u16) -> Self {
        self.args.extend(value.to_be_bytes());
        self
    }

    /// Appends 32 bits.
    #[must_use]
    pub fn long(mut self, value: u32) -> Self {
        self.args.extend(value.to_be_bytes());
        self
    }

    /// Appends 64 bits.
    #[must_use]
    pub fn longlong(mut self, value: u64) -> Self {
        self.args.extend(value.to_be_bytes());
        self
    }

    /// Appends a short string.
    #[must_use]
    pub fn shortstr(self, value: &str) -> Self {
        self.shortstr_bytes(value.as_bytes())
    }

    /// Appends a short string that need not be UTF-8.
    #[must_use]
    pub fn shortstr_bytes(mut self, value: &[u8]) -> Self {
        self.args.push(u8::try_from(value.len()).unwrap());
        self.args.extend_from_slice(value);
        self
    }

    /// Appends a long string.
    #[must_use]
    pub fn longstr(mut self, value: &[u8]) -> Self {
        self.args.extend(longstr(value));
        self
    }

    /// Appends a table.
    #[must_use]
    pub fn table(self, table: &Table) -> Self {
        self.longstr(&table.0)
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        let mut out = self.id.0.to_be_bytes().to_vec();
        out.extend(self.id.1.to_be_bytes());
        out.extend_from_slice(&self.args);
        out
    }
}

/// Class connection.
pub mod connection {
    use super::{Id, Method, Table};

    pub const START: Id = (10, 10);
    pub const START_OK: Id = (10, 11);
    pub const SECURE_OK: Id = (10, 21);
    pub const TUNE: Id = (10, 30);
    pub const TUNE_OK: Id = (10, 31);
    pub const OPEN: Id = (10, 40);
    pub const OPEN_OK: Id = (10, 41);
    pub const CLOSE: Id = (10, 50);
    pub const CLOSE_OK: Id = (10, 51);
    pub const BLOCKED: Id = (10, 60);
    pub const UNBLOCKED: Id = (10, 61);
    pub const UPDATE_SECRET: Id = (10, 70);
    pub const UPDATE_SECRET_OK: Id = (10, 71);

    #[must_use]
    pub fn start_ok(properties: &Table, mechanism: &str, response: &[u8]) -> Method {
        let method = Method::new(START_OK).table(properties).shortstr(mechanism);
        method.longstr(response).shortstr("en_US")
    }

    #[must_use]
    pub fn tune_ok(channel_max: u16, frame_max: u32, heartbeat: u16) -> Method {
        Method::new(TUNE_OK)
            .short(channel_max)
            .long(frame_max)
            .short(heartbeat)
    }

    #[must_use]
    pub fn open(vhost: &str) -> Method {
        Method::new(OPEN).shortstr(vhost).shortstr("").octet(0)
    }

    #[must_use]
    pub fn close() -> Method {
        Method::new(CLOSE)
            .short(200)
            .shortstr("bye")
            .short(0)
            .short(0)
    }

    #[must_use]
    pub fn close_ok() -> Method {
        Method::new(CLOSE_OK)
    }

    #[must_use]
    pub fn update_secret(secret: &str) -> Method {
        Method::new(UPDATE_SECRET)
            .longstr(secret.as_bytes())
            .shortstr("rotation")
    }
}

/// Class channel.
pub mod channel {
    use super::{Id, Method};

    pub const OPEN: Id = (20, 10);
    pub const OPEN_OK: Id = (20, 11);
    pub const FLOW: Id = (20, 20);
    pub const FLOW_OK: Id = (20, 21);
    pub const CLOSE: Id = (20, 40);
    pub const CLOSE_OK: Id = (20, 41);

    #[must_use]
    pub fn open() -> Method {
        Method::new(OPEN).shortstr("")
    }

    #[must_use]
    pub fn flow(active: bool) -> Method {
        Method::new(FLOW).octet(u8::from(active))
    }

    #[must_use]
    pub fn close() -> Method {
        Method::new(CLOSE)
            .short(200)
            .shortstr("done")
            .short(0)
            .short(0)
    }

    #[must_use]
    pub fn close_ok() -> Method {
        Method::new(CLOSE_OK)
    }
}

/// Class access (obsolete, still answered).
pub mod access {
    use super::{Id, Method};

    pub const REQUEST: Id = (30, 10);
    pub const REQUEST_OK: Id = (30, 11);

    #[must_use]
    pub fn request() -> Method {
        Method::new(REQUEST).shortstr("/data").octet(0b11111)
    }
}

/// Class exchange.
pub mod exchange {
    use super::{Id, Method, Table};

    pub const DECLARE: Id = (40, 10);
    pub const DECLARE_OK: Id = (40, 11);
    pub const DELETE: Id = (40, 20);
    pub const DELETE_OK: Id = (40, 21);
    pub const BIND: Id = (40, 30);
    pub const BIND_OK: Id = (40, 31);
    pub const UNBIND: Id = (40, 40);
    pub const UNBIND_OK: Id = (40, 51);

    pub const PASSIVE: u8 = 1;
    pub const DURABLE: u8 = 2;
    pub const AUTO_DELETE: u8 = 4;
    pub const INTERNAL: u8 = 8;
    pub const NOWAIT: u8 = 16;

    #[must_use]
    pub fn declare(name: &str, kind: &str, flags: u8, arguments: &Table) -> Method {
        let method = Method::new(DECLARE).short(0).shortstr(name).shortstr(kind);
        method.octet(flags).table(arguments)
    }

    /// `flags`: 1 if-unused, 2 nowait.
    #[must_use]
    pub fn delete(name: &str, flags: u8) -> Method {
        Method::new(DELETE).short(0).shortstr(name).octet(flags)
    }

    #[must_use]
    pub fn bind(destination: &str, source: &str, key: &str, arguments: &Table) -> Method {
        link(BIND, destination, source, key, arguments)
    }

    #[must_use]
    pub fn unbind(destination: &str, source: &str, key: &str, arguments: &Table) -> Method {
        link(UNBIND, destination, source, key, arguments)
    }

    fn link(id: Id, destination: &str, source: &str, key: &str, arguments: &Table) -> Method {
        let method = Method::new(id)
            .short(0)
            .shortstr(destination)
            .shortstr(source);
        method.shortstr(key).octet(0).table(arguments)
    }
}

/// Class queue.
pub mod queue {
    use super::{Id, Method, Table};

    pub const DECLARE: Id = (50, 10);
    pub const DECLARE_OK: Id = (50, 11);
    pub const BIND: Id = (50, 20);
    pub const BIND_OK: Id = (50, 21);
    pub const PURGE: Id = (50, 30);
    pub const PURGE_OK: Id = (50, 31);
    pub const DELETE: Id = (50, 40);
    pub const DELETE_OK: Id = (50, 41);
    pub const UNBIND: Id = (50, 50);
    pub const UNBIND_OK: Id = (50, 51);

    pub const PASSIVE: u8 = 1;
    pub const DURABLE: u8 = 2;
    pub const EXCLUSIVE: u8 = 4;
    pub const AUTO_DELETE: u8 = 8;
    pub const NOWAIT: u8 = 16;

    pub const IF_UNUSED: u8 = 1;
    pub const IF_EMPTY: u8 = 2;

    #[must_use]
    pub fn declare(name: &str, flags: u8, arguments: &Table) -> Method {
        Method::new(DECLARE)
            .short(0)
            .shortstr(name)
            .octet(flags)
            .table(arguments)
    }

    #[must_use]
    pub fn bind(queue: &str, exchange: &str, key: &str, arguments: &Table) -> Method {
        let method = Method::new(BIND)
            .short(0)
            .shortstr(queue)
            .shortstr(exchange);
        method.shortstr(key).octet(0).table(arguments)
    }

    #[must_use]
    pub fn unbind(queue: &str, exchange: &str, key: &str, arguments: &Table) -> Method {
        let method = Method::new(UNBIND)
            .short(0)
            .shortstr(queue)
            .shortstr(exchange);
        method.shortstr(key).table(arguments)
    }

    #[must_use]
    pub fn purge(name: &str) -> Method {
        Method::new(PURGE).short(0).shortstr(name).octet(0)
    }

    /// `flags`: [`IF_UNUSED`], [`IF_EMPTY`], 4 nowait.
    #[must_use]
    pub fn delete(name: &str, flags: u8) -> Method {
        Method::new(DELETE).short(0).shortstr(name).octet(flags)
    }
}

/// Class basic.
pub mod basic {
    use super::{Id, Method, Table};

    pub const QOS: Id = (60, 10);
    pub const QOS_OK: Id = (60, 11);
    pub const CONSUME: Id = (60, 20);
    pub const CONSUME_OK: Id = (60, 21);
    pub const CANCEL: Id = (60, 30);
    pub const CANCEL_OK: Id = (60, 31);
    pub const PUBLISH: Id = (60, 40);
    pub const RETURN: Id = (60, 50);
    pub const DELIVER: Id = (60, 60);
    pub const GET: Id = (60, 70);
    pub const GET_OK: Id = (60, 71);
    pub const GET_EMPTY: Id = (60, 72);
    pub const ACK: Id = (60, 80);
    pub const REJECT: Id = (60, 90);
    pub const RECOVER_ASYNC: Id = (60, 100);
    pub const RECOVER: Id = (60, 110);
    pub const RECOVER_OK: Id = (60, 111);
    pub const NACK: Id = (60, 120);

    pub const NO_ACK: u8 = 2;
    pub const EXCLUSIVE: u8 = 4;
    pub const NOWAIT: u8 = 8;

    pub const MANDATORY: u8 = 1;
    pub const IMMEDIATE: u8 = 2;

    pub const MULTIPLE: u8 = 1;
    pub const REQUEUE: u8 = 2;

    #[must_use]
    pub fn qos(prefetch: u16, global: bool) -> Method {
        Method::new(QOS)
            .long(0)
            .short(prefetch)
            .octet(u8::from(global))
    }

    #[must_use]
    pub fn consume(queue: &str, tag: &str, flags: u8, arguments: &Table) -> Method {
        let method = Method::new(CONSUME).short(0).shortstr(queue).shortstr(tag);
        method.octet(flags).table(arguments)
    }

    #[must_use]
    pub fn cancel(tag: &str) -> Method {
        Method::new(CANCEL).shortstr(tag).octet(0)
    }

    #[must_use]
    pub fn publish(exchange: &str, key: &str, flags: u8) -> Method {
        Method::new(PUBLISH)
            .short(0)
            .shortstr(exchange)
            .shortstr(key)
            .octet(flags)
    }

    #[must_use]
    pub fn get(queue: &str, no_ack: bool) -> Method {
        Method::new(GET)
            .short(0)
            .shortstr(queue)
            .octet(u8::from(no_ack))
    }

    /// `flags`: [`MULTIPLE`].
    #[must_use]
    pub fn ack(tag: u64, flags: u8) -> Method {
        Method::new(ACK).longlong(tag).octet(flags)
    }

    /// `flags`: [`MULTIPLE`], [`REQUEUE`].
    #[must_use]
    pub fn nack(tag: u64, flags: u8) -> Method {
        Method::new(NACK).longlong(tag).octet(flags)
    }

    #[must_use]
    pub fn reject(tag: u64, requeue: bool) -> Method {
        Method::new(REJECT).longlong(tag).octet(u8::from(requeue))
    }

    #[must_use]
    pub fn recover(requeue: bool) -> Method {
        Method::new(RECOVER).octet(u8::from(requeue))
    }

    #[must_use]
    pub fn recover_async(requeue: bool) -> Method {
        Method::new(RECOVER_ASYNC).octet(u8::from(requeue))
    }
}

/// Class confirm.
pub mod confirm {
    use super::{Id, Method};

    pub const SELECT: Id = (85, 10);
    pub const SELECT_OK: Id = (85, 11);

    #[must_use]
    pub fn select() -> Method {
        Method::new(SELECT).octet(0)
    }
}

/// Class tx.
pub mod tx {
    use super::{Id, Method};

    pub const SELECT: Id = (90, 10);
    pub const SELECT_OK: Id = (90, 11);
    pub const COMMIT: Id = (90, 20);
    pub const COMMIT_OK: Id = (90, 21);
    pub const ROLLBACK: Id = (90, 30);
    pub const ROLLBACK_OK: Id = (90, 31);

    #[must_use]
    pub fn select() -> Method {
        Method::new(SELECT)
    }

    #[must_use]
    pub fn commit() -> Method {
        Method::new(COMMIT)
    }

    #[must_use]
    pub fn rollback() -> Method {
        Method::new(ROLLBACK)
    }
}
