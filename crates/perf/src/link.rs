//! One connection with one channel.

use std::io;

use codec::{
    AMQPClass, AMQPValue, FieldTable, Frame, FrameKind, LongString, OutBuf, PROTOCOL_HEADER,
    ShortString, channel, connection, decode_frame, decode_method, encode_method,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::failure::Failure;
use crate::letter::bytes_of;
use crate::options::Options;
use crate::tls;
use crate::uri::Uri;

/// The one channel of a connection.
const CHANNEL: u16 = 1;

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;

/// What the broker said, as whole frames.
pub(crate) struct Reader {
    half: Box<dyn AsyncRead + Send + Unpin>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    frame_max: u32,
}

/// What goes to the broker.
pub(crate) struct Writer {
    half: Box<dyn AsyncWrite + Send + Unpin>,
    /// Written with the next [`Writer::flush`].
    pub(crate) out: Vec<u8>,
}

/// A connection with an open channel.
pub(crate) struct Link {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    /// Negotiated, in bytes; 0 is any.
    pub(crate) frame_max: u32,
}

impl Reader {
    /// Reads once.
    pub(crate) async fn fill(&mut self) -> io::Result<()> {
        self.make_room();
        match self.half.read(&mut self.buffer[self.end..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                self.end += n;
                Ok(())
            }
        }
    }

    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.start > 0 && self.buffer.len() - self.end < READ_BYTES / 4 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            // A frame larger than the buffer, within what was negotiated.
            self.buffer.resize(self.buffer.len() + READ_BYTES, 0);
        }
    }

    /// Looks at every whole frame that is here.
    pub(crate) fn frames(
        &mut self,
        mut each: impl FnMut(Frame<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while let Some(frame) = decode_frame(&self.buffer[self.start..self.end], self.frame_max)? {
            self.start += frame.wire.len();
            each(frame)?;
        }
        Ok(())
    }

    /// Waits for the next method.
    pub(crate) async fn method(&mut self) -> Result<AMQPClass, Failure> {
        loop {
            let frame = decode_frame(&self.buffer[self.start..self.end], self.frame_max)?;
            let Some(frame) = frame else {
                self.fill().await?;
                continue;
            };
            self.start += frame.wire.len();
            if frame.kind == FrameKind::Method {
                return unless_closed(decode_method(frame.payload)?);
            }
        }
    }
}

/// A method, unless it ends everything.
pub(crate) fn unless_closed(method: AMQPClass) -> Result<AMQPClass, Failure> {
    let (what, code, text) = match method {
        AMQPClass::Connection(connection::AMQPMethod::Close(close)) => {
            ("connection", close.reply_code, close.reply_text)
        }
        AMQPClass::Channel(channel::AMQPMethod::Close(close)) => {
            ("channel", close.reply_code, close.reply_text)
        }
        other => return Ok(other),
    };
    let text = text.to_string();
    Err(Failure::Closed { what, code, text })
}

impl Writer {
    /// Puts a method behind what is to be written.
    pub(crate) fn put(&mut self, channel: u16, method: &AMQPClass) {
        let mut out = OutBuf::new();
        encode_method(channel, method, &mut out);
        self.out.extend(bytes_of(&mut out));
    }

    /// Writes bytes as they are, with nothing before them.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.half.write_all(bytes).await?;
        self.half.flush().await
    }

    /// Writes everything that has been put.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.half.write_all(&self.out).await?;
        self.out.clear();
        self.half.flush().await
    }
}

impl Link {
    /// Connects, logs in and opens a channel.
    pub(crate) async fn open(uri: &Uri, options: &Options) -> Result<Self, Failure> {
        let stream = TcpStream::connect((uri.host.as_str(), uri.port)).await?;
        stream.set_nodelay(true)?;
        let mut link = if uri.tls {
            let name = ServerName::try_from(uri.host.clone())
                .map_err(|error| Failure::Tls(error.to_string()))?;
            let stream = tls::connector(options)?.connect(name, stream).await?;
            let (reader, writer) = tokio::io::split(stream);
            Self::over(Box::new(reader), Box::new(writer))
        } else {
            let (reader, writer) = stream.into_split();
            Self::over(Box::new(reader), Box::new(writer))
        };
        link.log_in(uri).await?;
        Ok(link)
    }

    fn over(
        reader: Box<dyn AsyncRead + Send + Unpin>,
        writer: Box<dyn AsyncWrite + Send + Unpin>,
    ) -> Self {
        Self {
            reader: Reader {
                half: reader,
                buffer: vec![0; READ_BYTES],
                start: 0,
                end: 0,
                frame_max: 0,
            },
            writer: Writer {
                half: writer,
                out: Vec::new(),
            },
            frame_max: 0,
        }
    }

    async fn log_in(&mut self, uri: &Uri) -> Result<(), Failure> {
        self.writer.out.extend(PROTOCOL_HEADER);
        self.writer.flush().await?;
        let AMQPClass::Connection(connection::AMQPMethod::Start(_)) = self.reader.method().await?
        else {
            return Err(Failure::Unexpected("connection.start"));
        };
        let start_ok = connection::StartOk {
            client_properties: client_properties(),
            mechanism: ShortString::from("PLAIN"),
            response: LongString::from(format!("\0{}\0{}", uri.user, uri.password)),
            locale: ShortString::from("en_US"),
        };
        self.say(0, connection::AMQPMethod::StartOk(start_ok))
            .await?;
        let AMQPClass::Connection(connection::AMQPMethod::Tune(tune)) =
            self.reader.method().await?
        else {
            return Err(Failure::Unexpected("connection.tune"));
        };
        self.frame_max = tune.frame_max;
        self.reader.frame_max = tune.frame_max;
        let tune_ok = connection::TuneOk {
            channel_max: tune.channel_max,
            frame_max: tune.frame_max,
            // Traffic is the sign of life here.
            heartbeat: 0,
        };
        self.writer.put(
            0,
            &AMQPClass::Connection(connection::AMQPMethod::TuneOk(tune_ok)),
        );
        let open = connection::Open {
            virtual_host: ShortString::from(uri.vhost.as_str()),
        };
        self.say(0, connection::AMQPMethod::Open(open)).await?;
        let AMQPClass::Connection(connection::AMQPMethod::OpenOk(_)) = self.reader.method().await?
        else {
            return Err(Failure::Unexpected("connection.open-ok"));
        };
        let open = AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {}));
        self.writer.put(CHANNEL, &open);
        self.writer.flush().await?;
        match self.reader.method().await? {
            AMQPClass::Channel(channel::AMQPMethod::OpenOk(_)) => Ok(()),
            _ => Err(Failure::Unexpected("channel.open-ok")),
        }
    }

    async fn say(&mut self, number: u16, method: connection::AMQPMethod) -> Result<(), Failure> {
        self.writer.put(number, &AMQPClass::Connection(method));
        Ok(self.writer.flush().await?)
    }

    /// Asks something on the channel; gives the answer.
    pub(crate) async fn ask(&mut self, method: &AMQPClass) -> Result<AMQPClass, Failure> {
        self.writer.put(CHANNEL, method);
        self.writer.flush().await?;
        self.reader.method().await
    }

    /// Says goodbye and waits for the answer.
    pub(crate) async fn close(mut self) -> Result<(), Failure> {
        let close = connection::Close {
            reply_code: 200,
            reply_text: ShortString::from("Goodbye"),
            class_id: 0,
            method_id: 0,
        };
        self.say(0, connection::AMQPMethod::Close(close)).await?;
        loop {
            if let AMQPClass::Connection(connection::AMQPMethod::CloseOk(_)) =
                self.reader.method().await?
            {
                return Ok(());
            }
        }
    }
}

fn client_properties() -> FieldTable {
    let mut capabilities = FieldTable::default();
    for name in [
        "authentication_failure_close",
        "basic.nack",
        "connection.blocked",
        "consumer_cancel_notify",
    ] {
        capabilities.insert(name.into(), AMQPValue::Boolean(true));
    }
    let mut properties = FieldTable::default();
    let text = |text: &str| AMQPValue::LongString(LongString::from(text));
    properties.insert("product".into(), text("leveret perf"));
    properties.insert("version".into(), text(env!("CARGO_PKG_VERSION")));
    properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    properties
}
