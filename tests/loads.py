"""The loads that `tests/bench` and `tests/costs` put on a broker. Most are `leveret perf`'s; what it does not offer is
done here, over sockets and nothing else: remote calls, connections that come and go, and a queue that is filled and then
drained. What the broker does for them is of interest, not how fast this is."""

import json
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

METHOD, HEADER, BODY, END = 1, 2, 3, 0xCE

START, START_OK, TUNE, TUNE_OK = (10, 10), (10, 11), (10, 30), (10, 31)
OPEN, OPEN_OK, CLOSE, CLOSE_OK = (10, 40), (10, 41), (10, 50), (10, 51)
CHANNEL_OPEN, CHANNEL_OPEN_OK = (20, 10), (20, 11)
DECLARE, DECLARE_OK, DELETE, DELETE_OK = (50, 10), (50, 11), (50, 40), (50, 41)
QOS, QOS_OK, CONSUME, CONSUME_OK = (60, 10), (60, 11), (60, 20), (60, 21)
PUBLISH, DELIVER, ACK = (60, 40), (60, 60), (60, 80)
SELECT, SELECT_OK = (85, 10), (85, 11)

DURABLE, EXCLUSIVE, AUTO_DELETE = 2, 4, 8
NO_ACK = 2
REPLIES = "amq.rabbitmq.reply-to"

# Of a stored message: 1,024 bytes, persistent, confirmed in windows, acknowledged in hundreds.
STORED_BYTES, WINDOW, BATCH = 1024, 1000, 100


def frame(kind, channel, payload):
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes([END])


def method(name, arguments=b"", channel=1):
    return frame(METHOD, channel, struct.pack(">HH", *name) + arguments)


def short(text):
    return bytes([len(text)]) + text.encode()


def publish(key, properties, body):
    """To the default exchange; `properties` are flags and values."""
    head = struct.pack(">HHQ", 60, 0, len(body)) + properties
    return (
        method(PUBLISH, b"\0\0" + short("") + short(key) + b"\0")
        + frame(HEADER, 1, head) + frame(BODY, 1, body)
    )


def with_reply_to(queue):
    return struct.pack(">H", 0x0200) + short(queue)


NO_PROPERTIES = struct.pack(">H", 0)
PERSISTENT = struct.pack(">HB", 0x1000, 2)


class Client:
    """A connection with channel 1 open, which blocks."""

    def __init__(self, uri):
        at = urllib.parse.urlsplit(uri)
        self.socket = socket.create_connection((at.hostname, at.port or 5672))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.read = bytearray()
        user, password = at.username or "guest", at.password or "guest"
        login = f"\0{user}\0{password}".encode()
        login = struct.pack(">I", len(login)) + login
        self.send(b"AMQP\0\0\x09\x01")
        self.expect(START)
        self.send(method(START_OK, struct.pack(">I", 0) + short("PLAIN") + login + short("en_US"), 0))
        channels, frame_max, _ = struct.unpack(">HIH", self.expect(TUNE)[:8])
        self.send(method(TUNE_OK, struct.pack(">HIH", channels, frame_max, 0), 0))
        vhost = urllib.parse.unquote(at.path[1:]) or "/"
        self.call(OPEN, short(vhost) + b"\0\0", OPEN_OK, channel=0)
        self.call(CHANNEL_OPEN, short(""), CHANNEL_OPEN_OK)

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        """Whatever comes next, behind what has been read."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the broker has closed the connection")
        self.read += data

    def take(self):
        """The next frame: kind and payload."""
        while True:
            if len(self.read) >= 7:
                kind, _, size = struct.unpack_from(">BHI", self.read)
                if len(self.read) >= size + 8:
                    payload = bytes(self.read[7:7 + size])
                    del self.read[:size + 8]
                    return kind, payload
            self.more()

    def expect(self, name):
        """The arguments of the next method, which is `name`."""
        kind, payload = self.take()
        found = struct.unpack_from(">HH", payload)
        if kind != METHOD or found != name:
            raise ConnectionError(f"{found} came in place of {name}: {payload!r}")
        return payload[4:]

    def call(self, name, arguments, answer, channel=1):
        self.send(method(name, arguments, channel))
        return self.expect(answer)

    def declare(self, queue, flags):
        """The queue's name."""
        arguments = b"\0\0" + short(queue) + bytes([flags]) + struct.pack(">I", 0)
        answer = self.call(DECLARE, arguments, DECLARE_OK)
        return answer[1:1 + answer[0]].decode()

    def consume(self, queue, flags):
        arguments = b"\0\0" + short(queue) + short("") + bytes([flags]) + struct.pack(">I", 0)
        self.call(CONSUME, arguments, CONSUME_OK)

    def delivery(self):
        """Tag, header and body of a message whose body has one frame."""
        tag_at = self.expect(DELIVER)
        tag = struct.unpack_from(">Q", tag_at, 1 + tag_at[0])[0]
        return tag, self.take()[1], self.take()[1]

    def length_of(self, frames):
        """Bytes of the next frames, which stay where they are."""
        at = 0
        for _ in range(frames):
            while len(self.read) < at + 7:
                self.more()
            at += struct.unpack_from(">BHI", self.read, at)[2] + 8
        return at

    def close(self):
        arguments = struct.pack(">H", 200) + short("") + struct.pack(">HH", 0, 0)
        self.call(CLOSE, arguments, CLOSE_OK, channel=0)
        self.socket.close()


def rpc(uri, seconds, clients):
    """Round trips by direct reply: each client sends the next call when it has the answer."""
    server = Client(uri)
    queue = server.declare("", EXCLUSIVE)
    server.consume(queue, NO_ACK)

    def answer():
        # Until the connection is gone.
        try:
            while True:
                _, header, body = server.delivery()
                # The only property is the reply-to, behind sizes and flags.
                server.send(publish(header[15:].decode(), NO_PROPERTIES, body))
        except OSError:
            pass

    def ask(number):
        client = Client(uri)
        client.consume(REPLIES, NO_ACK)
        call = publish(queue, with_reply_to(REPLIES), b"sixteen bytes...")
        while True:
            client.send(call)
            client.delivery()
            trips[number] += 1
            if time.monotonic() >= deadline:
                break
        client.close()

    trips = [0] * clients
    deadline = time.monotonic() + seconds
    answering = threading.Thread(target=answer, daemon=True)
    asking = [threading.Thread(target=ask, args=(n,)) for n in range(clients)]
    for thread in [answering, *asking]:
        thread.start()
    for thread in asking:
        thread.join()
    server.socket.shutdown(socket.SHUT_RDWR)
    answering.join()
    return sum(trips)


def churn(uri, seconds):
    """Connections, each with a channel and an exclusive queue, one after the other."""
    deadline, cycles = time.monotonic() + seconds, 0
    while True:
        client = Client(uri)
        client.declare("", EXCLUSIVE)
        client.close()
        cycles += 1
        if time.monotonic() >= deadline:
            return cycles


def fill(uri, messages, queue="bench-backlog"):
    """Publishes so many stored messages, and waits until all are confirmed."""
    client = Client(uri)
    client.declare(queue, DURABLE)
    client.call(SELECT, b"\0", SELECT_OK)
    batch = publish(queue, PERSISTENT, bytes(STORED_BYTES)) * BATCH
    sent, confirmed, ahead = 0, 0, set()
    while confirmed < messages:
        while sent < messages and sent - confirmed <= WINDOW - BATCH:
            client.send(batch)
            sent += BATCH
        tag, multiple = struct.unpack(">QB", client.expect(ACK))
        if multiple:
            confirmed = max(confirmed, tag)
        else:
            ahead.add(tag)
        while confirmed + 1 in ahead:
            confirmed += 1
            ahead.discard(confirmed)
    client.close()
    return messages


def drain(uri, messages, queue="bench-backlog"):
    """Consumes and acknowledges so many messages, and deletes the queue."""
    client = Client(uri)
    client.call(QOS, struct.pack(">IHB", 0, WINDOW, 0), QOS_OK)
    client.consume(queue, 0)
    # Only the tag changes from one to the next, so the first one's length tells how many have come.
    size = client.length_of(frames=3)
    came, acked = len(client.read), 0
    while acked < messages:
        while acked + BATCH <= came // size:
            acked += BATCH
            client.send(method(ACK, struct.pack(">QB", acked, 1)))
        client.read.clear()
        if acked < messages:
            client.more()
            came += len(client.read)
    client.call(DELETE, b"\0\0" + short(queue) + b"\0", DELETE_OK)
    client.close()
    return messages


class Perf:
    """`leveret perf` with these options; what is counted is messages that are delivered."""

    def __init__(self, options):
        self.options = options.split()

    def run(self, binary, uri, seconds):
        """Messages, seconds, and the median latency in µs. In no seconds: all that belongs to it, for one message."""
        limits = ["-z", str(seconds)] if seconds else ["-C", "1", "-D", "1", "-z", "3"]
        load = [binary, "perf", "--uri", uri, "--json", *self.options, *limits]
        done = subprocess.run(load, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit("the load has failed")
        result = json.loads(done.stdout)
        latency = (result["latency_us"] or {}).get("p50", 0)
        return result["received"] or 1, result["seconds"], latency


class Raw:
    """A function of this file, which says how many of what it does it has done."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def run(self, _binary, uri, seconds):
        began = time.monotonic()
        done = self.function(uri, seconds, *self.arguments)
        return done, time.monotonic() - began, 0


CONFIRMED = "-f persistent -c 1000 -q 1000 -A 100"

# Each runs for as long as it is told.
SCENARIOS = {
    "transient-16": Perf("-a -s 16"),
    "transient-1k": Perf("-a -s 1024"),
    "transient-64k": Perf("-a -s 65536"),
    "four-queues": Perf("-a -s 16 -x 4 -y 4 --queues 4"),
    "one-hot-queue": Perf("-a -s 16 -x 4 -y 4"),
    "confirmed-16": Perf(f"{CONFIRMED} -s 16"),
    "confirmed-1k": Perf(f"{CONFIRMED} -s 1024"),
    "acked-each": Perf("-s 16 -q 1000 -A 1"),
    "fanout-10": Perf("-a -s 16 -e bench-fanout -t fanout -y 10 --queues 10"),
    "topic-1000": Perf("-a -s 16 -e bench-topic -t topic --queues 1000 -y 1"),
    "paced-5000": Perf("-a -s 16 -r 5000"),
    # Per round trip.
    "rpc-1": Raw(rpc, 1),
    "rpc-8": Raw(rpc, 8),
    # Per connection.
    "churn": Raw(churn),
}

# A queue of stored messages in two parts, the second of which needs the first. These are told how many messages.
BACKLOG = {"fill": Raw(fill), "drain": Raw(drain)}
