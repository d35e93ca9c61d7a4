//! Messages on their way out: basic.deliver, basic.get-ok, basic.return, each with its content.

use crate::OutBuf;
use crate::content::Content;
use crate::frame::{
    BODY, FRAME_END, FRAME_HEAD, FRAME_OVERHEAD, FRAME_PAYLOAD_MAX, METHOD, frame_head,
};
use crate::pack::{Pack, View};

/// What a basic.deliver says beside the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeliverHead<'a> {
    /// The consumer's channel.
    pub channel: u16,
    /// The consumer's tag, at most 255 bytes, without the length before it.
    pub consumer_tag: &'a [u8],
    /// The channel's number for this delivery.
    pub delivery_tag: u64,
    /// It was, or may have been, delivered before.
    pub redelivered: bool,
}

/// What a basic.get-ok says beside the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetOkHead {
    /// The channel that asked.
    pub channel: u16,
    /// The channel's number for this delivery.
    pub delivery_tag: u64,
    /// It was, or may have been, delivered before.
    pub redelivered: bool,
    /// Messages left ready in the queue.
    pub message_count: u32,
}

const DELIVER_ID: [u8; 4] = [0, 60, 0, 60];
const GET_OK_ID: [u8; 4] = [0, 60, 0, 71];
const RETURN_ID: [u8; 4] = [0, 60, 0, 50];

/// Longest short string.
const SHORT_MAX: usize = 255;

/// Writes a basic.deliver (60, 60) with its content. `frame_max` is the receiver's, 0 for none.
///
/// With a body of one frame this is a short prefix, one copy of the message as it is kept, and two
/// channel numbers patched into the copy.
#[inline]
pub fn deliver(out: &mut OutBuf, head: DeliverHead<'_>, content: &Content, frame_max: u32) {
    deliver_view(out, head, content.view(), frame_max);
}

/// Writes a basic.deliver for each of a pack's messages, numbered from `head.delivery_tag` on.
#[inline]
pub fn deliver_pack(out: &mut OutBuf, head: DeliverHead<'_>, pack: &Pack, frame_max: u32) {
    let mut head = head;
    for view in pack.views() {
        deliver_view(out, head, view, frame_max);
        head.delivery_tag += 1;
    }
}

#[inline(always)]
fn deliver_view(out: &mut OutBuf, head: DeliverHead<'_>, view: View<'_>, frame_max: u32) {
    let tag = &head.consumer_tag[..head.consumer_tag.len().min(SHORT_MAX)];
    let size = 4 + 1 + tag.len() + 9 + view.names_len;
    let tail = out.tail_mut();
    tail.reserve(FRAME_HEAD + size + view.bytes.len());
    let [k, c1, c0, s3, s2, s1, s0] = frame_head(METHOD, head.channel, size as u32);
    let [i0, i1, i2, i3] = DELIVER_ID;
    tail.extend_from_slice(&[k, c1, c0, s3, s2, s1, s0, i0, i1, i2, i3, tag.len() as u8]);
    tail.extend_from_slice(tag);
    let [t7, t6, t5, t4, t3, t2, t1, t0] = head.delivery_tag.to_be_bytes();
    tail.extend_from_slice(&[t7, t6, t5, t4, t3, t2, t1, t0, head.redelivered.into()]);
    put_content(out, head.channel, view, 0, frame_max);
}

/// Writes a basic.get-ok (60, 71) with its content.
pub fn get_ok(out: &mut OutBuf, head: GetOkHead, content: &Content, frame_max: u32) {
    let names_len = content.names_len();
    let size = 4 + 9 + names_len + 4;
    out.put_slice(&frame_head(METHOD, head.channel, size as u32));
    out.put_slice(&GET_OK_ID);
    out.put_u64(head.delivery_tag);
    out.put_u8(head.redelivered.into());
    out.put_slice(&content.bytes()[..names_len]);
    out.put_u32(head.message_count);
    put_content(out, head.channel, content.view(), names_len, frame_max);
}

/// Writes a basic.return (60, 50) with its content. The text is cut at 255 bytes.
pub fn basic_return(
    out: &mut OutBuf,
    channel: u16,
    reply_code: u16,
    reply_text: &str,
    content: &Content,
    frame_max: u32,
) {
    let text = &reply_text[..reply_text.floor_char_boundary(SHORT_MAX)];
    let size = 4 + 2 + 1 + text.len() + content.names_len();
    out.put_slice(&frame_head(METHOD, channel, size as u32));
    out.put_slice(&RETURN_ID);
    out.put_u16(reply_code);
    out.put_u8(text.len() as u8);
    out.put_slice(text.as_bytes());
    put_content(out, channel, content.view(), 0, frame_max);
}

/// Copies the message's bytes from offset `from` on, and its body in whatever frames it needs.
#[inline(always)]
fn put_content(out: &mut OutBuf, channel: u16, view: View<'_>, from: usize, frame_max: u32) {
    let header_at = view.names_len + 1 - from;
    let body_at = view.header_end - from;
    let whole =
        view.body.is_none() && (view.body_frame_len() <= frame_max as usize || frame_max == 0);
    let end = if whole {
        view.bytes.len()
    } else {
        view.header_end
    };
    let tail = out.tail_mut();
    let start = tail.len();
    tail.extend_from_slice(&view.bytes[from..end]);
    let copy = &mut tail[start..];
    patch_channel(copy, header_at, channel);
    if !whole {
        return put_body(out, channel, view, frame_max);
    }
    if body_at < copy.len() {
        patch_channel(copy, body_at, channel);
    }
}

/// Sets the channel of the frame that begins at `at`.
#[inline]
fn patch_channel(bytes: &mut [u8], at: usize, channel: u16) {
    if let Some(place) = bytes.get_mut(at + 1..at + 3) {
        place.copy_from_slice(&channel.to_be_bytes());
    }
}

/// A body that is kept apart, or has to be split for a receiver with smaller frames.
#[cold]
fn put_body(out: &mut OutBuf, channel: u16, view: View<'_>, frame_max: u32) {
    let piece_max = match frame_max {
        0 => FRAME_PAYLOAD_MAX as usize,
        max => (max as usize).saturating_sub(FRAME_OVERHEAD).max(1),
    };
    let body = view
        .body
        .map_or_else(|| view.inline_body(), |body| &body[..]);
    for start in (0..body.len()).step_by(piece_max) {
        let end = body.len().min(start + piece_max);
        out.put_slice(&frame_head(BODY, channel, (end - start) as u32));
        match view.body {
            Some(body) => out.put_shared(body.slice(start..end)),
            None => out.put_slice(&body[start..end]),
        }
        out.put_u8(FRAME_END);
    }
}

#[cfg(test)]
mod tests;
