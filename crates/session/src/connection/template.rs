//! A publish like the one before: recognised by its bytes, without being taken apart.
//!
//! Most publishers send the same exchange, key, properties and even body size for a long
//! time, so that all but the body is the same bytes again. One comparison then stands for
//! decoding three frames, looking the route up and checking the properties.

use std::sync::Arc;

use broker::{Route, SizeCounts};
use codec::{FRAME_END, Frame, Marks};

use crate::channel::publish::Following;
use crate::client::Client;
use crate::connection::running::Running;
use crate::connection::slots::Slot;
use crate::limits::TEMPLATE_BYTES_MAX;

/// Bytes of a frame before its payload.
const FRAME_HEAD: usize = 7;

/// Where the names begin in a basic.publish frame: behind the frame's head, the method's ids
/// and a reserved field.
const NAMES_AT: usize = FRAME_HEAD + 6;

/// The last publish that was checked, as long as the same would be found again.
#[derive(Default)]
pub(super) struct Template {
    /// Apart, since many connections publish nothing.
    known: Option<Box<Known>>,
    /// The header of the last publish that wasn't recognised, with its body's size. Two in a row
    /// of one make it worth the while; with a message id in it, it never is.
    last_header: Vec<u8>,
}

struct Known {
    /// Method frame, header frame, and the body frame's head.
    bytes: Vec<u8>,
    channel: u16,
    names_len: usize,
    header_at: usize,
    body_at: usize,
    body_len: usize,
    size: u64,
    /// Where messages of that size are counted.
    size_place: usize,
    marks: Marks,
    generation: u64,
    route: Arc<Route>,
}

impl Template {
    /// Remembers a publish that has just joined the open run.
    pub(super) fn learn(
        &mut self,
        names: &[u8],
        method: &Frame<'_>,
        content: &Following<'_>,
        marks: Option<Marks>,
        client: &mut Client,
    ) {
        let header_at = method.wire.len();
        let body_at = header_at + content.header_frame.len();
        if body_at > TEMPLATE_BYTES_MAX {
            return;
        }
        if *self.last_header != *content.header_frame {
            self.last_header.clear();
            self.last_header.extend_from_slice(content.header_frame);
            return;
        }
        let Some(marks) = marks else {
            return;
        };
        let generation = client.vhost.generation();
        let Some(route) = client.routes.find(names, generation).map(Arc::clone) else {
            return;
        };
        let body_head = content.body_frame.get(..FRAME_HEAD).unwrap_or_default();
        self.known = Some(Box::new(Known {
            bytes: [method.wire, content.header_frame, body_head].concat(),
            channel: method.channel,
            names_len: names.len(),
            header_at,
            body_at,
            body_len: content.body_frame.len(),
            size: content.header.body_size,
            size_place: SizeCounts::place(content.header.body_size),
            marks,
            generation,
            route,
        }));
    }
}

impl Running {
    /// Takes a publish off the input if it is the last one again and joins its run; says how
    /// many bytes it was. A run ends with every other method, so while it is open nothing
    /// that was checked can have changed but the topology.
    #[inline]
    pub(super) fn repeat(&mut self, input: &[u8]) -> Option<usize> {
        let known = self.template.known.as_ref()?;
        let len = known.body_at + known.body_len;
        if !input.starts_with(&known.bytes)
            || input.len() < len
            || (known.body_len > 0 && input[len - 1] != FRAME_END)
            || known.generation != self.client.vhost.generation()
            || !self.client.run.accepts(known.channel, &known.route)
        {
            return None;
        }
        let Some(Slot::Open(channel)) = self.channels.get_mut(known.channel) else {
            return None;
        };
        if !channel.takes_methods() {
            return None;
        }
        channel.counts.publish += 1;
        self.client.sizes.count_at(known.size_place, known.size);
        let names = &input[NAMES_AT..NAMES_AT + known.names_len];
        let (header, body) = (
            &input[known.header_at..known.body_at],
            &input[known.body_at..len],
        );
        self.client
            .run
            .next()
            .push(names, header, body, known.marks);
        Some(len)
    }
}
