//! The eight bytes a client sends first (spec 4.2.2).

use nom::{IResult, Parser, bytes::streaming::tag, combinator::map, number::streaming::be_u8};

/// The header of AMQP 0-9-1; also what a server answers to any other before it hangs up.
pub const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\0\0\x09\x01";

/// What a client asked to speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolHeader {
    /// AMQP 0-9-1.
    Amqp091,
    /// AMQP 0-9 as some old clients announce it; RabbitMQ takes it for 0-9-1.
    Amqp090,
    /// Anything else: another AMQP, TLS, HTTP, noise.
    Other,
}

/// Reads the protocol header: 8 bytes of `input` are consumed when one of the AMQP forms is
/// returned. `None` while the bytes so far could still become one; something that cannot is
/// [`ProtocolHeader::Other`] as soon as that is evident.
pub fn decode_protocol_header(input: &[u8]) -> Option<ProtocolHeader> {
    match protocol_header(input) {
        Ok((_, header)) => Some(header),
        Err(nom::Err::Incomplete(_)) => None,
        Err(_) => Some(ProtocolHeader::Other),
    }
}

fn protocol_header(input: &[u8]) -> IResult<&[u8], ProtocolHeader, ()> {
    let version = (be_u8, be_u8, be_u8, be_u8);
    map((tag(&b"AMQP"[..]), version), |(_, version)| match version {
        (0, 0, 9, 1) => ProtocolHeader::Amqp091,
        // Both forms of the 0-9 header are in use; RabbitMQ takes either.
        (0, 0, 9, 0) | (1, 1, 0, 9) => ProtocolHeader::Amqp090,
        _ => ProtocolHeader::Other,
    })
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart() {
        let check = |bytes: &[u8], expected| assert_eq!(decode_protocol_header(bytes), expected);
        check(&PROTOCOL_HEADER, Some(ProtocolHeader::Amqp091));
        check(b"AMQP\0\0\x09\0", Some(ProtocolHeader::Amqp090));
        check(b"AMQP\x01\x01\x08\0", Some(ProtocolHeader::Other));
        check(b"AMQP\0\x01\0\0", Some(ProtocolHeader::Other));
        check(b"AMQP\x03\x01\0\0", Some(ProtocolHeader::Other));
    }

    #[test]
    fn a_prefix_waits_and_noise_does_not() {
        for cut in 0..8 {
            assert_eq!(
                decode_protocol_header(&PROTOCOL_HEADER[..cut]),
                None,
                "{cut}"
            );
        }
        for noise in [&b"G"[..], b"AMQX", b"\x16\x03\x01", b"\x01\0\0\0\0\0\0"] {
            assert_eq!(decode_protocol_header(noise), Some(ProtocolHeader::Other));
        }
    }
}
