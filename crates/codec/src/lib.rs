//! Bytes to frames and back: the AMQP 0-9-1 wire format, and the form in which a message is kept.
//!
//! Pure: no I/O, no clock, no broker words. Input is a `&[u8]` and everything hot is decoded as
//! borrowed views of it; output goes to an [`OutBuf`]. Methods off the hot path use amq-protocol's
//! structs, which leave for the other crates through here only.
//!
//! Nothing here panics on any input, and nothing allocates more than a small multiple of it.

mod ack;
mod amqp;
mod content;
mod content_header;
mod deliver;
mod frame;
mod marks;
mod method;
mod notes;
mod outbuf;
mod pack;
mod parse;
mod properties;
mod protocol_header;
mod publish;
mod reply_code;
mod slab;
mod table;
mod table_get;
#[cfg(test)]
mod testing;

pub use ack::{Ack, decode_ack, encode_ack, encode_nack};
pub use amqp::*;
pub use content::{CONTENT_INLINE_MAX, Content, ContentError};
pub use content_header::{ContentHeader, decode_content_header};
pub use deliver::{DeliverHead, GetOkHead, basic_return, deliver, deliver_pack, get_ok};
pub use frame::{
    FRAME_END, FRAME_MIN_SIZE, FRAME_OVERHEAD, FRAME_PAYLOAD_MAX, Frame, FrameError, FrameKind,
    HEARTBEAT_FRAME, decode_frame,
};
pub use marks::Marks;
pub use method::{MethodError, decode_method, encode_method, method_id, prefetch_size};
pub use notes::{KeptNotes, Notes};
pub use outbuf::{OUTPUT_HARD_MAX, OUTPUT_IDLE_MAX, OUTPUT_SHARE_MIN, OUTPUT_SOFT_MAX, OutBuf};
pub use pack::{Contents, Pack};
pub use properties::{
    Expiration, Properties, Rewrite, encode_basic_properties, property, rewrite_properties,
    to_basic_properties,
};
pub use protocol_header::{PROTOCOL_HEADER, ProtocolHeader, decode_protocol_header};
pub use publish::{Publish, decode_publish, publish_names};
pub use reply_code::{ReplyCode, Scope};
pub use slab::{SLAB_MAX, Slab};
pub use table::{
    TABLE_DEPTH_MAX, TableError, decode_table, encode_table, find_raw, validate_table,
};
pub use table_get::{as_int, as_str, get_array, get_bool, get_int, get_str, get_table};
