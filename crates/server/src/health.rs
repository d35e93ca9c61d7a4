//! `leveret health`: whether the broker that runs with these settings speaks AMQP. For health
//! checks of containers; needs no login.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::config::{Config, Listen, Sources};

/// Longest wait for each step.
const STEP_TIME_MAX: Duration = Duration::from_secs(3);

/// The beginning of a method frame on channel 0.
const START_FRAME: [u8; 3] = [1, 0, 0];

/// Says whether it does. Exit code 0 if so.
pub(crate) fn run(sources: &Sources) -> ExitCode {
    let asked = match sources.load() {
        Ok(config) => ask(&config),
        Err(problems) => Err(problems
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()),
    };
    match asked {
        Ok(address) => {
            // Nobody who does not read it misses it.
            let _ = writeln!(io::stdout(), "AMQP is spoken at {address}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("leveret: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn ask(config: &Config) -> Result<SocketAddr, String> {
    let plain = config.amqp.first().map(|(_, listen)| (*listen, true));
    let secure = config.amqps.first().map(|(_, listen)| (*listen, false));
    let (listen, speaks) = plain.or(secure).ok_or("there is no AMQP listener")?;
    let address = reachable(listen);
    let asked = if speaks {
        greet(address, config.proxy_protocol)
    } else {
        // Without a certificate of its own this can only see that somebody is there.
        TcpStream::connect_timeout(&address, STEP_TIME_MAX).map(drop)
    };
    asked.map_err(|error| format!("no AMQP at {address}: {error}"))?;
    Ok(address)
}

/// A listener on every interface is on this one.
fn reachable(listen: Listen) -> SocketAddr {
    let ip = match listen.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn greet(address: SocketAddr, proxied: bool) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, STEP_TIME_MAX)?;
    stream.set_read_timeout(Some(STEP_TIME_MAX))?;
    if proxied {
        stream.write_all(b"PROXY UNKNOWN\r\n")?;
    }
    stream.write_all(&codec::PROTOCOL_HEADER)?;
    let mut answer = START_FRAME;
    stream.read_exact(&mut answer)?;
    if answer == START_FRAME {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it answers something else",
        ))
    }
}
