//! basic.publish with its content: checks, route, run.

use std::borrow::Cow;
use std::sync::Arc;

use broker::{
    ChannelInfo, Exchange, Message, MessageCounts, Pair, PublishedOne, Right, Route, Subject,
};
use bytes::Bytes;
use codec::{
    ContentHeader, FieldTable, Frame, FrameKind, Marks, ReplyCode, Slab, basic_return, decode_frame,
};

use crate::channel::Channel;
use crate::channel::assembly::{Assembled, check_header};
use crate::channel::consume::REPLY_PREFIX;
use crate::channel::properties::{Checked, Publisher};
use crate::client::Client;
use crate::close::{Fault, Violation};
use crate::turn::Turn;

const MANDATORY: u8 = 1;
/// Bit 1 of a publish's flags.
pub(crate) const IMMEDIATE: u8 = 2;

/// A message as it came from the client.
pub(crate) struct Incoming<'a> {
    /// Exchange and routing key, as on the wire.
    pub(crate) names: &'a [u8],
    /// Bit 0 mandatory, bit 1 immediate.
    pub(crate) flags: u8,
    pub(crate) header: ContentHeader<'a>,
    pub(crate) header_frame: &'a [u8],
    pub(crate) body: Body<'a>,
}

/// The body of a message that came in.
pub(crate) enum Body<'a> {
    /// The only body frame as on the wire, or nothing.
    Frame(&'a [u8]),
    /// Put together from several.
    Assembled(Bytes),
}

/// Header and body that follow a basic.publish in the input.
#[derive(Clone, Copy)]
pub(crate) struct Following<'a> {
    pub(crate) header: ContentHeader<'a>,
    pub(crate) header_frame: &'a [u8],
    pub(crate) body_frame: &'a [u8],
}

impl<'a> Following<'a> {
    /// Looks whether all of a message's content is in the input, in one body frame at most.
    /// `None` leaves it to the assembly, which also knows what is wrong with it.
    #[inline]
    pub(crate) fn find(input: &'a [u8], channel: u16, frame_max: u32) -> Option<Self> {
        let Ok(Some(Frame {
            kind: FrameKind::Header,
            channel: of,
            payload,
            wire,
        })) = decode_frame(input, frame_max)
        else {
            return None;
        };
        let header = check_header(payload).ok().filter(|_| of == channel)?;
        if header.body_size == 0 {
            return Some(Self {
                header,
                header_frame: wire,
                body_frame: &[],
            });
        }
        let Ok(Some(body)) = decode_frame(&input[wire.len()..], frame_max) else {
            return None;
        };
        let fits = body.kind == FrameKind::Body && body.channel == channel;
        (fits && body.payload.len() as u64 == header.body_size).then_some(Self {
            header,
            header_frame: wire,
            body_frame: body.wire,
        })
    }

    /// Bytes of input it takes up.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.header_frame.len() + self.body_frame.len()
    }
}

impl Channel {
    /// A message is complete. RabbitMQ's order of checks: immediate, size, exchange, then the
    /// properties that mean something.
    #[inline]
    pub(crate) fn publish(
        &mut self,
        incoming: Incoming<'_>,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        if incoming.flags & IMMEDIATE != 0 {
            return Err(Violation::Immediate.into());
        }
        if incoming.header.body_size > client.message_bytes_max {
            let max = client.message_bytes_max;
            return Err(Violation::MessageTooLarge {
                size: incoming.header.body_size,
                max,
            }
            .into());
        }
        client.publishes = true;
        client.sizes.count(incoming.header.body_size);
        let generation = client.vhost.generation();
        if let Some(marks) = self.properties.marks(&incoming.header)
            && let Some(route) = client.routes.find(incoming.names, generation)
        {
            if self.tx.is_none() && client.run.accepts(self.number, route) {
                self.counts.publish += 1;
                incoming.push_into(client.run.next(), incoming.header_frame, marks);
                return Ok(());
            }
            let route = Arc::clone(route);
            let checked = Checked {
                frame: Cow::Borrowed(incoming.header_frame),
                marks,
                headers: None,
                further_keys: Vec::new(),
            };
            return self.send(&incoming, &checked, &route, client, turn);
        }
        self.publish_checked(&incoming, client, turn)
    }

    /// The marks of a message with a header like this, if it can be published without a further
    /// look.
    pub(crate) fn knows(&self, header: &ContentHeader<'_>) -> Option<Marks> {
        self.properties.marks(header).filter(|_| self.tx.is_none())
    }

    /// The rest of [`Self::publish`], for a message unlike the one before.
    fn publish_checked(
        &mut self,
        incoming: &Incoming<'_>,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        client.refresh_access();
        let checked = self.check_properties(incoming, client);
        if incoming.is_reply() {
            return self.reply_to_requester(incoming, &checked?, client, turn);
        }
        let generation = client.vhost.generation();
        if let Ok(checked) = &checked
            && checked.further_keys.is_empty()
            && let Some(route) = client.routes.find(incoming.names, generation)
        {
            let route = Arc::clone(route);
            return self.send(incoming, checked, &route, client, turn);
        }
        let (exchange, key) = names(incoming.names)?;
        let checked = match checked {
            Ok(checked) => checked,
            Err(fault) => {
                // An exchange that isn't there is the client's first mistake.
                let access = &client.actor.access;
                client
                    .vhost
                    .route_for(access, exchange, &[key], &FieldTable::default())?;
                return Err(fault);
            }
        };
        let route = resolve(incoming, (exchange, key), &checked, generation, client)?;
        self.send(incoming, &checked, &route, client, turn)
    }

    fn check_properties<'a>(
        &mut self,
        incoming: &Incoming<'a>,
        client: &Client,
    ) -> Result<Checked<'a>, Fault> {
        let publisher = Publisher {
            user: &client.actor.user,
            impersonates: client.actor.access.user().has_tag("impersonator"),
            reply_name: self.replies.as_ref().map(|replies| replies.name.as_str()),
        };
        self.properties
            .check(&incoming.header, incoming.header_frame, &publisher)
    }

    /// Puts a message into the run of its route, the transaction, or the client's face.
    #[inline]
    fn send(
        &mut self,
        incoming: &Incoming<'_>,
        checked: &Checked<'_>,
        route: &Arc<Route>,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        self.counts.publish += 1;
        if let Some(tx) = &mut self.tx {
            let slab = tx.publish(Arc::clone(route), incoming.is_mandatory(), incoming.bytes())?;
            incoming.push_into(slab, &checked.frame, checked.marks);
            return Ok(());
        }
        if route.queues.is_empty() {
            if route.is_intercepted() {
                let message = incoming.message(checked);
                self.intercept(&message, route, incoming.is_mandatory(), client, turn);
                return Ok(());
            }
            route.exchange.count_publish(1, 0);
            self.count_publishes(route, 1, 1, incoming.is_mandatory());
            if let Some(trace) = client.trace() {
                let message = incoming.message(checked);
                trace.published(self.number, &[message], route, &mut turn.wakes);
            }
            let returned = incoming.is_mandatory().then(|| incoming.message(checked));
            self.unroutable(returned.as_ref(), client, turn);
            return Ok(());
        }
        let pair = || pair(&mut self.publishes, &self.info, &route.exchange);
        let run = client.run_for(self.number, route, pair, &mut turn.wakes);
        incoming.push_into(run.next(), &checked.frame, checked.marks);
        Ok(())
    }

    /// Publishes a message on whose way an exchange wants to have it: to delay it, to compare
    /// it with earlier ones, to remember it.
    pub(crate) fn intercept(
        &mut self,
        message: &Message,
        route: &Route,
        mandatory: bool,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> PublishedOne {
        client.publish_run(&mut turn.wakes);
        if let Some(trace) = client.trace() {
            let messages = std::slice::from_ref(message);
            trace.published(self.number, messages, route, &mut turn.wakes);
        }
        let one = client
            .vhost
            .publish_intercepted(route, message, &mut turn.wakes);
        self.count_publishes(route, 1, u64::from(!one.routed), mandatory);
        if !one.routed {
            self.unroutable(mandatory.then_some(message), client, turn);
        }
        client.intercepted(self.number, one);
        one
    }

    /// A message reached no queue, and is to be returned if it was mandatory. That is written
    /// at once, so it precedes the confirm.
    pub(crate) fn unroutable(
        &mut self,
        returned: Option<&Message>,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) {
        if let Some(message) = returned {
            let (code, name) = (ReplyCode::NoRoute.code(), ReplyCode::NoRoute.name());
            basic_return(turn.out, self.number, code, name, message, client.frame_max);
            self.counts.return_unroutable += 1;
        } else {
            self.counts.drop_unroutable += 1;
        }
        client.unroutable(self.number);
    }

    /// Counts publishes for their exchange, `unroutable` of which reached no queue.
    pub(crate) fn count_publishes(
        &mut self,
        route: &Route,
        publish: u64,
        unroutable: u64,
        mandatory: bool,
    ) {
        let (return_unroutable, drop_unroutable) = match mandatory {
            true => (unroutable, 0),
            false => (0, unroutable),
        };
        pair(&mut self.publishes, &self.info, &route.exchange).count(&MessageCounts {
            publish,
            return_unroutable,
            drop_unroutable,
            ..MessageCounts::ZERO
        });
    }

    /// A reply to a direct reply-to request goes straight to the requester's outbox.
    fn reply_to_requester(
        &mut self,
        incoming: &Incoming<'_>,
        checked: &Checked<'_>,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let (exchange, key) = names(incoming.names)?;
        let access = &client.actor.access;
        access.check_exchange(Right::Write, exchange, client.vhost.name())?;
        self.counts.publish += 1;
        let message = incoming.message(checked);
        if client
            .vhost
            .replies()
            .send(key, message.clone(), &mut turn.wakes)
        {
            client.unroutable(self.number);
        } else {
            self.unroutable(incoming.is_mandatory().then_some(&message), client, turn);
        }
        Ok(())
    }

    /// A message that came in several frames is complete.
    pub(crate) fn publish_assembled(
        &mut self,
        assembled: Assembled,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let Assembled {
            begun,
            header,
            body,
        } = assembled;
        let incoming = Incoming {
            names: &begun.names,
            flags: begun.flags,
            header: header.decode()?,
            header_frame: &header.wire,
            body: if body.is_empty() {
                Body::Frame(&[])
            } else {
                Body::Assembled(body)
            },
        };
        self.publish(incoming, client, turn)
    }
}

/// What counts the publishes to an exchange. Mostly it is the last one again.
fn pair(
    last: &mut Option<Arc<Pair<Exchange>>>,
    info: &ChannelInfo,
    exchange: &Arc<Exchange>,
) -> Arc<Pair<Exchange>> {
    match last {
        Some(pair) if pair.is_with(exchange) => Arc::clone(pair),
        _ => Arc::clone(last.insert(info.publishes.with(exchange))),
    }
}

impl Incoming<'_> {
    const fn is_mandatory(&self) -> bool {
        self.flags & MANDATORY != 0
    }

    /// Whether it goes to the default exchange with the key of somebody who waits for a reply.
    fn is_reply(&self) -> bool {
        matches!(self.names, [0, _, key @ ..] if key.starts_with(REPLY_PREFIX.as_bytes()))
    }

    fn bytes(&self) -> usize {
        let body = match &self.body {
            Body::Frame(frame) => frame.len(),
            Body::Assembled(body) => body.len(),
        };
        self.names.len() + self.header_frame.len() + body
    }

    #[inline]
    fn push_into(&self, slab: &mut Slab, header_frame: &[u8], marks: Marks) {
        match &self.body {
            Body::Frame(body) => slab.push(self.names, header_frame, body, marks),
            Body::Assembled(body) => {
                slab.push_large(self.names, header_frame, body.clone(), marks);
            }
        }
    }

    /// It alone, as a message.
    fn message(&self, checked: &Checked<'_>) -> Message {
        let mut slab = Slab::new();
        self.push_into(&mut slab, &checked.frame, checked.marks);
        let mut one = Vec::with_capacity(1);
        slab.drain_into(&mut one);
        // What was pushed is what comes out.
        one.swap_remove(0)
    }
}

/// The two names of a publish.
fn names(names: &[u8]) -> Result<(&str, &str), Fault> {
    let exchange_len = names.first().map_or(0, |len| usize::from(*len));
    let exchange = names.get(1..=exchange_len).unwrap_or_default();
    let key = names.get(exchange_len + 2..).unwrap_or_default();
    match (std::str::from_utf8(exchange), std::str::from_utf8(key)) {
        (Ok(exchange), Ok(key)) => Ok((exchange, key)),
        _ => Err(codec::ContentError::BadUtf8.into()),
    }
}

/// Asks the virtual host for a route that this client may use, and remembers it if it depends on the names only.
fn resolve(
    incoming: &Incoming<'_>,
    (exchange, key): (&str, &str),
    checked: &Checked<'_>,
    generation: u64,
    client: &mut Client,
) -> Result<Arc<Route>, Fault> {
    let headers = match checked.headers {
        Some(bytes) => codec::decode_table(bytes).map_err(codec::ContentError::from)?,
        None => FieldTable::default(),
    };
    let properties = incoming.header.properties()?;
    let subject = Subject {
        headers: &headers,
        message_id: properties.message_id,
        correlation_id: properties.correlation_id,
        timestamp: properties.timestamp,
    };
    let further = checked.further_keys.iter().map(String::as_str);
    let keys: Vec<&str> = std::iter::once(key).chain(further).collect();
    // After `generation` was read: a change of permissions moves it on last, so that a route
    // found under the new one is allowed under the new permissions.
    client.refresh_access();
    let access = &client.actor.access;
    let route = Arc::new(client.vhost.route_for(access, exchange, &keys, subject)?);
    if route.cacheable && checked.further_keys.is_empty() {
        client
            .routes
            .insert(incoming.names, generation, Arc::clone(&route));
    }
    Ok(route)
}
