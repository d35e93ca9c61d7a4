//! A connection for large numbers: frames are looked at where they were read.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use tests::{
    Broker, Wire,
    wire::{Id, Method, basic, method_frame},
};

/// Methods under way at once.
const PIPELINE: usize = 500;

/// An open connection with channel 1.
pub(crate) struct Link {
    stream: TcpStream,
    inbound: Vec<u8>,
    /// Where in `inbound` the next frame begins.
    at: usize,
    /// Where it ends.
    end: usize,
}

/// A frame: its type and payload.
type Frame<'a> = (u8, &'a [u8]);

impl Link {
    pub(crate) fn open(broker: &Broker) -> Self {
        Self {
            stream: Wire::open(broker.amqp()).into_stream(),
            inbound: vec![0; 512 * 1024],
            at: 0,
            end: 0,
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next frame.
    pub(crate) fn receive(&mut self) -> Frame<'_> {
        loop {
            let waiting = &self.inbound[self.at..self.end];
            if let Some(size) = waiting.get(3..7) {
                let size = u32::from_be_bytes(size.try_into().unwrap()) as usize;
                if waiting.len() >= size + 8 {
                    let begin = self.at;
                    self.at += size + 8;
                    return (
                        self.inbound[begin],
                        &self.inbound[begin + 7..begin + 7 + size],
                    );
                }
            }
            self.inbound.copy_within(self.at..self.end, 0);
            (self.at, self.end) = (0, self.end - self.at);
            let read = self.stream.read(&mut self.inbound[self.end..]).unwrap();
            assert!(read > 0, "the broker closed the connection");
            self.end += read;
        }
    }

    /// The next method, if it is this one.
    pub(crate) fn expect(&mut self, id: Id) -> &[u8] {
        let (kind, payload) = self.receive();
        assert_eq!((kind, method_id(payload)), (1, id));
        &payload[4..]
    }

    /// Waits for an answer, whatever comes before it.
    pub(crate) fn call_past(&mut self, method: &Method, answer: Id) {
        self.send(&method_frame(1, method));
        loop {
            let (kind, payload) = self.receive();
            if kind == 1 && method_id(payload) == answer {
                return;
            }
        }
    }

    /// Calls every method, many at once, and waits for the answers.
    pub(crate) fn call(&mut self, methods: impl Iterator<Item = Method>, answer: Id) {
        let mut bytes = Vec::new();
        let mut open = 0;
        for method in methods {
            bytes.extend(method_frame(1, &method));
            open += 1;
            if open == PIPELINE {
                self.send(&bytes);
                bytes.clear();
                while open > 0 {
                    self.expect(answer);
                    open -= 1;
                }
            }
        }
        self.send(&bytes);
        for _ in 0..open {
            self.expect(answer);
        }
    }

    /// Waits for confirms up to `tag`; says what is confirmed.
    pub(crate) fn confirmed(&mut self, tag: u64) -> u64 {
        loop {
            let ack = self.expect(basic::ACK);
            let upto = u64::from_be_bytes(ack[..8].try_into().unwrap());
            if upto >= tag {
                return upto;
            }
        }
    }

    /// Waits for the next delivery; its tag.
    pub(crate) fn delivery(&mut self) -> u64 {
        loop {
            let (kind, payload) = self.receive();
            if kind == 1 {
                assert_eq!(method_id(payload), basic::DELIVER);
                let tag = &payload[5 + usize::from(payload[4])..];
                return u64::from_be_bytes(tag[..8].try_into().unwrap());
            }
        }
    }
}

fn method_id(payload: &[u8]) -> Id {
    let short = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
    (short(0), short(2))
}
