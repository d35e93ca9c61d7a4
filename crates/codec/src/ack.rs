//! basic.ack and basic.nack without amq-protocol's structs: one comes back for every delivery or
//! publish, so they are read and written by position.

use crate::OutBuf;
use crate::frame::{FRAME_END, METHOD, frame_head};

/// basic.ack (60, 80); as a confirm the tag is the publish's sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ack {
    /// Which delivery; 0 with `multiple` means all so far.
    pub delivery_tag: u64,
    /// All up to and including the tag.
    pub multiple: bool,
}

const ACK_ID: [u8; 4] = [0, 60, 0, 80];
const NACK_ID: [u8; 4] = [0, 60, 0, 120];

/// Reads a method payload that is exactly a basic.ack; `None` for anything else, which then goes to
/// [`crate::decode_method`].
#[inline]
pub fn decode_ack(payload: &[u8]) -> Option<Ack> {
    let payload: &[u8; 13] = payload.try_into().ok()?;
    let (id, rest) = payload.split_first_chunk::<4>()?;
    let (tag, rest) = rest.split_first_chunk::<8>()?;
    (*id == ACK_ID).then(|| Ack {
        delivery_tag: u64::from_be_bytes(*tag),
        multiple: rest[0] & 1 != 0,
    })
}

/// Writes a basic.ack frame.
#[inline]
pub fn encode_ack(out: &mut OutBuf, channel: u16, ack: Ack) {
    settle(out, channel, ACK_ID, ack);
}

/// Writes a basic.nack frame with requeue unset: what a publisher gets for a message that was
/// refused.
#[inline]
pub fn encode_nack(out: &mut OutBuf, channel: u16, ack: Ack) {
    settle(out, channel, NACK_ID, ack);
}

#[inline]
fn settle(out: &mut OutBuf, channel: u16, id: [u8; 4], ack: Ack) {
    let mut frame = [0; 21];
    frame[..7].copy_from_slice(&frame_head(METHOD, channel, 13));
    frame[7..11].copy_from_slice(&id);
    frame[11..19].copy_from_slice(&ack.delivery_tag.to_be_bytes());
    frame[19] = u8::from(ack.multiple);
    frame[20] = FRAME_END;
    out.put_slice(&frame);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AMQPClass, basic, decode_frame, decode_method};
    use bytes::Buf;

    #[test]
    fn written_acks_read_back_both_ways() {
        for ack in [
            Ack {
                delivery_tag: 1,
                multiple: false,
            },
            Ack {
                delivery_tag: u64::MAX,
                multiple: true,
            },
        ] {
            let mut out = OutBuf::new();
            encode_ack(&mut out, 7, ack);
            let frame = decode_frame(out.chunk(), 0).unwrap().unwrap();
            assert_eq!(frame.channel, 7);
            assert_eq!(decode_ack(frame.payload), Some(ack));
            let expected = basic::Ack {
                delivery_tag: ack.delivery_tag,
                multiple: ack.multiple,
            };
            let expected = AMQPClass::Basic(basic::AMQPMethod::Ack(expected));
            assert_eq!(decode_method(frame.payload), Ok(expected));
        }
    }

    #[test]
    fn a_nack_does_not_ask_for_requeue() {
        let mut out = OutBuf::new();
        encode_nack(
            &mut out,
            1,
            Ack {
                delivery_tag: 9,
                multiple: true,
            },
        );
        let frame = decode_frame(out.chunk(), 0).unwrap().unwrap();
        let expected = basic::Nack {
            delivery_tag: 9,
            multiple: true,
            requeue: false,
        };
        let expected = AMQPClass::Basic(basic::AMQPMethod::Nack(expected));
        assert_eq!(decode_method(frame.payload), Ok(expected));
        assert_eq!(decode_ack(frame.payload), None);
    }

    #[test]
    fn another_length_is_not_an_ack() {
        let payload = [0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
        assert_eq!(decode_ack(&payload), None);
        assert!(decode_ack(&payload[..13]).is_some());
        assert_eq!(decode_ack(&payload[..12]), None);
        assert_eq!(decode_ack(&[]), None);
    }
}
