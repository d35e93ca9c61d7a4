//! The PROXY protocol, versions 1 and 2: a load balancer says whose connection it passes on.
//!
//! Exactly the header is read, byte for byte, so that whatever follows (TLS or AMQP) finds its
//! beginning in the socket.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of a version 1 line with its end.
const LINE_BYTES_MAX: usize = 107;

/// Bytes behind the fixed part of a version 2 header: addresses and what load balancers add to
/// them. Those of AWS and HAProxy stay far below.
const TRAILER_BYTES_MAX: usize = 2048;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The two ends of a connection as the client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

/// Reads a header. `None`: the load balancer speaks for itself (a health check), or does not know
/// for whom.
///
/// # Errors
///
/// It is none, or the socket fails.
pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Ends>> {
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == *SIGNATURE {
        version_2(stream).await
    } else if start.starts_with(b"PROXY ") {
        version_1(stream, &start).await
    } else {
        Err(wrong("it does not begin with a PROXY header"))
    }
}

fn wrong(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

async fn version_1<S: AsyncRead + Unpin>(stream: &mut S, start: &[u8]) -> io::Result<Option<Ends>> {
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LINE_BYTES_MAX {
            return Err(wrong("the line of the PROXY header is too long"));
        }
        line.push(stream.read_u8().await?);
    }
    std::str::from_utf8(&line)
        .ok()
        .and_then(|line| of_line(line.strip_suffix("\r\n")?))
        .ok_or_else(|| wrong("the line of the PROXY header makes no sense"))
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 5672`. Outer `None`: it makes no sense.
fn of_line(line: &str) -> Option<Option<Ends>> {
    let mut words = line.split(' ').skip(1);
    let four = match words.next()? {
        "UNKNOWN" => return Some(None),
        "TCP4" => true,
        "TCP6" => false,
        _ => return None,
    };
    let mut ip = || {
        let ip: IpAddr = words.next()?.parse().ok()?;
        (ip.is_ipv4() == four).then_some(ip)
    };
    let (source, destination) = (ip()?, ip()?);
    let mut port = || words.next()?.parse::<u16>().ok();
    let ends = Ends {
        source: SocketAddr::new(source, port()?),
        destination: SocketAddr::new(destination, port()?),
    };
    words.next().is_none().then_some(Some(ends))
}

async fn version_2<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Ends>> {
    let (command, family) = (stream.read_u8().await?, stream.read_u8().await?);
    let length = usize::from(stream.read_u16().await?);
    if length > TRAILER_BYTES_MAX {
        return Err(wrong("the PROXY header is too long"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    match (command, family) {
        (0x20, _) => Ok(None),
        (0x21, 0x11) => ends::<4>(&rest),
        (0x21, 0x21) => ends::<16>(&rest),
        // Sockets of the machine, or no address.
        (0x21, 0x00 | 0x31 | 0x32) => Ok(None),
        (0x21, _) => Err(wrong("the PROXY header is not for TCP")),
        _ => Err(wrong("the PROXY header has an unknown version or command")),
    }
}

/// Two addresses of `N` bytes and two ports. What follows is not for us.
fn ends<const N: usize>(bytes: &[u8]) -> io::Result<Option<Ends>>
where
    IpAddr: From<[u8; N]>,
{
    let taken = || {
        let (source, rest) = bytes.split_first_chunk::<N>()?;
        let (destination, rest) = rest.split_first_chunk::<N>()?;
        let (source_port, rest) = rest.split_first_chunk::<2>()?;
        let (destination_port, _) = rest.split_first_chunk::<2>()?;
        let at = |ip: &[u8; N], port: &[u8; 2]| {
            SocketAddr::new(IpAddr::from(*ip), u16::from_be_bytes(*port))
        };
        Some(Ends {
            source: at(source, source_port),
            destination: at(destination, destination_port),
        })
    };
    taken()
        .map(Some)
        .ok_or_else(|| wrong("the PROXY header ends within an address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of `header`, and that the byte behind it is left alone.
    async fn parsed(header: &[u8]) -> Result<Option<(String, String)>, String> {
        let bytes = [header, b"A"].concat();
        let mut rest = &bytes[..];
        let ends = read(&mut rest).await.map_err(|error| error.to_string())?;
        assert_eq!(rest, b"A");
        Ok(ends.map(|ends| (ends.source.to_string(), ends.destination.to_string())))
    }

    fn some(source: &str, destination: &str) -> Result<Option<(String, String)>, String> {
        Ok(Some((source.to_owned(), destination.to_owned())))
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    #[tokio::test]
    async fn lines_of_version_1_name_both_ends() {
        assert_eq!(
            parsed(b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 5672\r\n").await,
            some("192.0.2.1:56324", "192.0.2.2:5672")
        );
        assert_eq!(
            parsed(b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n").await,
            some("[2001:db8::1]:1", "[::1]:65535")
        );
        assert_eq!(parsed(b"PROXY UNKNOWN\r\n").await, Ok(None));
        assert_eq!(parsed(b"PROXY UNKNOWN ff::1 ff::2 1 2\r\n").await, Ok(None));
    }

    #[tokio::test]
    async fn headers_of_version_2_name_both_ends_and_more() {
        let four = [192, 0, 2, 1, 192, 0, 2, 2, 0xDC, 0x04, 0x16, 0x28];
        assert_eq!(
            parsed(&binary(0x21, 0x11, &four)).await,
            some("192.0.2.1:56324", "192.0.2.2:5672")
        );
        let with_more = [&four[..], &[0x04, 0, 3, 1, 2, 3]].concat();
        assert_eq!(
            parsed(&binary(0x21, 0x11, &with_more)).await,
            some("192.0.2.1:56324", "192.0.2.2:5672")
        );
        let mut six = [0; 36];
        (six[15], six[31], six[33], six[35]) = (1, 2, 3, 4);
        assert_eq!(
            parsed(&binary(0x21, 0x21, &six)).await,
            some("[::1]:3", "[::2]:4")
        );
        assert_eq!(parsed(&binary(0x20, 0x00, &[])).await, Ok(None));
        assert_eq!(parsed(&binary(0x21, 0x31, &[0; 216])).await, Ok(None));
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let long = [&b"PROXY TCP4 "[..], &[b'1'; 200], b"\r\n"].concat();
        let huge = [&SIGNATURE[..], &[0x21, 0x11, 0xFF, 0xFF]].concat();
        for header in [
            &b"AMQP\0\0\x09\x01AMQP"[..],
            b"PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
            b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
            b"PROXY \xff\xff\xff\xff\xff\xff\xff\r\n",
            &long,
            &huge,
            &binary(0x21, 0x11, &[1; 11]),
            &binary(0x21, 0x12, &[1; 12]),
            &binary(0x22, 0x11, &[1; 12]),
            &binary(0x11, 0x11, &[1; 12]),
        ] {
            assert!(parsed(header).await.is_err(), "{header:?}");
        }
        assert!(read(&mut &b"PROX"[..]).await.is_err());
    }
}
