//! From the first octet to `connection.open-ok`.
//!
//! ```text
//!   Header --AMQP0091 / start--> StartOk --start-ok / tune--> TuneOk --tune-ok--> Open --open / open-ok--> running
//! ```

use std::sync::Arc;
use std::time::Instant;

use broker::{
    Admission, Broker, ClientProperties, ConnectionId, ConnectionInfo, Facts, Live, Outbox,
    Traffic, User,
};
use codec::{
    AMQPClass, FRAME_MIN_SIZE, FieldTable, Frame, FrameKind, OutBuf, PROTOCOL_HEADER,
    ProtocolHeader, connection, decode_frame, decode_method, decode_protocol_header, encode_method,
    get_bool, get_str, get_table,
};
use tracing::info;

use crate::client::{Admitted, Client};
use crate::close::{Fault, Violation};
use crate::peer::Peer;
use crate::sasl::{LoginFault, Mechanism};
use crate::server_properties::server_properties;

/// A connection that is not open yet.
pub(crate) struct Handshake {
    stage: Stage,
    /// When it must be through.
    pub(crate) deadline: Instant,
}

enum Stage {
    Header,
    StartOk,
    TuneOk(Login),
    Open(Login, Tuned),
}

/// Who has logged in, and what the client says of itself.
struct Login {
    user: Arc<User>,
    mechanism: Mechanism,
    client_properties: FieldTable,
}

/// What was negotiated.
#[derive(Clone, Copy)]
struct Tuned {
    channel_max: u16,
    frame_max: u32,
    heartbeat_s: u16,
}

/// Where a handshake happens.
pub(crate) struct Place<'a> {
    pub(crate) broker: &'a Arc<Broker>,
    pub(crate) peer: &'a Peer,
    pub(crate) id: ConnectionId,
    pub(crate) outbox: &'a Arc<Outbox>,
    pub(crate) now: Instant,
}

impl Place<'_> {
    /// What events say of an attempt to log in.
    fn attempt(&self, user: &str, mechanism: Mechanism) -> Facts {
        let peer = self.peer;
        Facts::new()
            .text("name", user)
            .text("auth_mechanism", mechanism.name())
            .text("connection_name", &peer.to_string())
            .text("peer_host", &peer.host)
            .number("peer_port", peer.port.into())
            .flag("ssl", peer.tls.is_some())
            .text("protocol", "AMQP 0-9-1")
    }
}

/// What comes of a piece of input.
pub(crate) enum Progress {
    /// So many bytes were used; 0 if more are needed.
    Used(usize),
    /// The connection is open.
    Opened(usize, Box<Client>),
    /// The connection ends without a word.
    Hangup,
    /// The client closes.
    Closed,
    /// The connection ends with a close of this reason.
    Failed(Fault, (u16, u16)),
    /// The login was refused, and the client doesn't want to be told: RabbitMQ keeps it
    /// waiting before it hangs up, so that guessing passwords takes time.
    Refused,
}

impl Handshake {
    pub(crate) fn new(broker: &Broker, now: Instant) -> Self {
        Self {
            stage: Stage::Header,
            deadline: now + broker.settings().handshake_timeout,
        }
    }

    /// RabbitMQ's name of the state.
    const fn state(&self) -> &'static str {
        match self.stage {
            Stage::Header | Stage::StartOk => "starting",
            Stage::TuneOk(_) => "tuning",
            Stage::Open(..) => "opening",
        }
    }

    fn frame_max(&self) -> u32 {
        match &self.stage {
            Stage::Open(_, tuned) => tuned.frame_max,
            _ => FRAME_MIN_SIZE,
        }
    }

    /// Takes the header or one frame.
    pub(crate) fn receive(
        &mut self,
        input: &[u8],
        place: &Place<'_>,
        out: &mut OutBuf,
    ) -> Progress {
        if matches!(self.stage, Stage::Header) {
            return self.receive_header(input, place, out);
        }
        let frame = match decode_frame(input, self.frame_max()) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Progress::Used(0),
            Err(error) => return Progress::Failed(error.into(), (0, 0)),
        };
        let used = frame.wire.len();
        match self.receive_frame(&frame, place, out) {
            Ok(Progress::Used(_)) => Progress::Used(used),
            Ok(Progress::Opened(_, client)) => Progress::Opened(used, client),
            Ok(other) => other,
            Err(fault) => Progress::Failed(fault, ids(frame.payload)),
        }
    }

    fn receive_header(&mut self, input: &[u8], place: &Place<'_>, out: &mut OutBuf) -> Progress {
        match decode_protocol_header(input) {
            None => Progress::Used(0),
            Some(ProtocolHeader::Amqp091 | ProtocolHeader::Amqp090) => {
                let start = connection::Start {
                    version_major: 0,
                    version_minor: 9,
                    server_properties: server_properties(place.broker),
                    mechanisms: Mechanism::offered(place.broker, place.peer).into(),
                    locales: "en_US".into(),
                };
                send(connection::AMQPMethod::Start(start), out);
                self.stage = Stage::StartOk;
                Progress::Used(PROTOCOL_HEADER.len())
            }
            Some(ProtocolHeader::Other) => {
                let first = String::from_utf8_lossy(&input[..input.len().min(8)]).into_owned();
                info!(peer = %place.peer, ?first, "refused: not an AMQP 0-9-1 protocol header");
                out.put_slice(&PROTOCOL_HEADER);
                Progress::Hangup
            }
        }
    }

    fn receive_frame(
        &mut self,
        frame: &Frame<'_>,
        place: &Place<'_>,
        out: &mut OutBuf,
    ) -> Result<Progress, Fault> {
        match frame.kind {
            FrameKind::Heartbeat if frame.channel == 0 && frame.payload.is_empty() => {
                return Ok(Progress::Used(0));
            }
            _ if frame.channel != 0 => return Err(Violation::NotOpenYet.into()),
            FrameKind::Heartbeat => return Err(Violation::HeartbeatWithPayload.into()),
            FrameKind::Header | FrameKind::Body => {
                return Err(Violation::ContentOnConnection.into());
            }
            FrameKind::Method => {}
        }
        let wrong_state = Violation::WrongState(self.state());
        let AMQPClass::Connection(method) = decode_method(frame.payload)? else {
            return Err(wrong_state.into());
        };
        use connection::AMQPMethod as M;
        match (std::mem::replace(&mut self.stage, Stage::StartOk), method) {
            (Stage::StartOk, M::StartOk(m)) => self.start_ok(m, place, out),
            (Stage::TuneOk(login), M::TuneOk(m)) => {
                self.stage = Stage::Open(login, tune_ok(&m, place.broker)?);
                Ok(Progress::Used(0))
            }
            (Stage::Open(login, tuned), M::Open(m)) => {
                open(m.virtual_host.as_str(), login, tuned, place, out)
            }
            (_, M::Close(_)) => {
                send(M::CloseOk(connection::CloseOk {}), out);
                Ok(Progress::Closed)
            }
            _ => Err(wrong_state.into()),
        }
    }

    fn start_ok(
        &mut self,
        m: connection::StartOk,
        place: &Place<'_>,
        out: &mut OutBuf,
    ) -> Result<Progress, Fault> {
        let mechanism = Mechanism::find(m.mechanism.as_str(), place.broker, place.peer)?;
        let from = (place.peer, place.now);
        let user = match mechanism.login(m.response.as_bytes(), place.broker, from) {
            Ok(user) => user,
            Err(LoginFault::Malformed(violation)) => return Err(violation.into()),
            Err(LoginFault::Refused { user, reason }) => {
                let facts = || {
                    place
                        .attempt(&user, mechanism)
                        .text("error", &reason.to_string())
                };
                place
                    .broker
                    .events()
                    .emit("user.authentication.failure", facts);
                let user = broker::printable(&user);
                info!(peer = %place.peer, %user, mechanism = mechanism.name(), %reason, "login refused");
                if !has_capability(&m.client_properties, "authentication_failure_close") {
                    return Ok(Progress::Refused);
                }
                let mechanism = mechanism.name().to_owned();
                return Err(Violation::LoginRefused { mechanism }.into());
            }
        };
        let facts = || place.attempt(&user.name, mechanism);
        place
            .broker
            .events()
            .emit("user.authentication.success", facts);
        let settings = place.broker.settings();
        let tune = connection::Tune {
            channel_max: settings.channel_max,
            frame_max: settings.frame_max,
            heartbeat: settings.heartbeat_s,
        };
        send(connection::AMQPMethod::Tune(tune), out);
        self.stage = Stage::TuneOk(Login {
            user,
            mechanism,
            client_properties: m.client_properties,
        });
        Ok(Progress::Used(0))
    }
}

/// 0 means no limit, which a client may only choose where there is none.
fn tune_ok(m: &connection::TuneOk, broker: &Broker) -> Result<Tuned, Violation> {
    let settings = broker.settings();
    let fields = [
        (
            "channel_max",
            m.channel_max.into(),
            settings.channel_max.into(),
            1,
        ),
        ("frame_max", m.frame_max, settings.frame_max, FRAME_MIN_SIZE),
    ];
    for (field, value, max, min) in fields {
        if max != 0 && (value == 0 || value > max) {
            return Err(Violation::TuneTooHigh { field, value, max });
        }
        if value != 0 && value < min {
            return Err(Violation::TuneTooLow { field, value, min });
        }
    }
    Ok(Tuned {
        channel_max: m.channel_max,
        frame_max: m.frame_max,
        heartbeat_s: m.heartbeat,
    })
}

fn open(
    name: &str,
    login: Login,
    tuned: Tuned,
    place: &Place<'_>,
    out: &mut OutBuf,
) -> Result<Progress, Fault> {
    let Place { broker, peer, .. } = place;
    let Login {
        user,
        mechanism,
        client_properties,
    } = login;
    // Before the look: what changes after it will be seen.
    let access_generation = broker.users().generation();
    let cancel_notify = has_capability(&client_properties, "consumer_cancel_notify");
    let blocked_notify = has_capability(&client_properties, "connection.blocked");
    let info = ConnectionInfo {
        id: place.id,
        name: peer.to_string().into(),
        user: Arc::clone(&user.name),
        vhost: name.into(),
        host: peer.local_host.clone(),
        port: peer.local_port,
        peer_host: peer.host.clone(),
        peer_port: peer.port,
        auth_mechanism: mechanism.name(),
        user_provided_name: get_str(&client_properties, "connection_name").map(str::to_owned),
        client_properties: ClientProperties::from(&client_properties),
        channel_max: tuned.channel_max,
        frame_max: tuned.frame_max,
        heartbeat_s: tuned.heartbeat_s,
        connected_at_ms: broker.wall_clock_ms(place.now),
        tls: peer.tls.clone(),
        outbox: Arc::clone(place.outbox),
        traffic: Traffic::default(),
        live: Live::default(),
    };
    let Admission {
        vhost,
        info,
        access,
    } = broker.admit(info)?;
    send(connection::AMQPMethod::OpenOk(connection::OpenOk {}), out);
    let admitted = Admitted {
        broker: Arc::clone(broker),
        vhost,
        access,
        access_generation,
        info,
        cancel_notify,
        blocked_notify,
    };
    Ok(Progress::Opened(0, Box::new(Client::new(admitted))))
}

fn has_capability(client_properties: &FieldTable, name: &str) -> bool {
    get_table(client_properties, "capabilities").and_then(|table| get_bool(table, name))
        == Some(true)
}

pub(crate) fn send(method: connection::AMQPMethod, out: &mut OutBuf) {
    encode_method(0, &AMQPClass::Connection(method), out);
}

/// Class and method id at the front of a method's payload, for the close that names them.
pub(crate) fn ids(payload: &[u8]) -> (u16, u16) {
    match payload.first_chunk() {
        Some(&[c1, c0, m1, m0]) => (u16::from_be_bytes([c1, c0]), u16::from_be_bytes([m1, m0])),
        None => (0, 0),
    }
}

/// `connection.update-secret-ok`: passwords don't expire, so there is nothing to do.
pub(crate) fn update_secret_ok(out: &mut OutBuf) {
    send(
        connection::AMQPMethod::UpdateSecretOk(connection::UpdateSecretOk {}),
        out,
    );
}
