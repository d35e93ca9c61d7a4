"""Every operation of the API's own description with values that fit and values that don't.

The description comes from the running broker, so an operation that is new is tried as well. No
answer may be an error of the server, none may take long, and what is answered must have been
described. Half of the values are what the description asks for, the other half anything.
"""

import http.client
import json
import random
import time
import urllib.parse

import pytest

SEED = 20260417
"""The same requests every time; a failure names the request besides."""

ROUNDS = 100
"""Requests to each operation."""

SLOW = 10
"""Seconds after which an answer counts as none."""

TEXTS = [
    "", "a", "amq.topic", "amq.default", "known", "%2F", "%", "+", "..", "~", "*", "(", "[a-",
    "\0", "\n", "é", "😀", "\u202e", "0", "-1", "1", "99999999999999999999", "1e400", "NaN", "true",
    "null", "undefined", "a" * 255, "a" * 256, "é" * 128, "a" * 5000, "#.#.#", "{}", "[]", "'", '"',
    "<b>", "a.b.c", "message_stats.publish_details.rate", ".", "..a", ",", "a,b,a", "x" * 1025,
]
NUMBERS = [0, 1, -1, 2, 100, 501, 65535, 65536, 2**31, 2**53, 2**63, 2**64, -(2**63), 1.5, 1e300]
NAMES = {
    "vhost": "/",
    "user": "guest",
    "exchange": "amq.topic",
    "source": "amq.topic",
    "destination": "known",
    "properties_key": "~",
    "component": "shovel",
    "port": "5672",
    "protocols": "amqp",
    "within": "1",
    "unit": "days",
    "name": "known",
}
SPARED = ("/vhosts/{vhost}", "/permissions/", "/topic-permissions/", "/vhost-limits/", "/user-limits/")
"""Changes of these spare what exists: the rest of the requests would only be refused."""


class Dice(random.Random):
    def anything(self, depth=0):
        """Any JSON."""
        kinds = 7 if depth < 3 else 5
        match self.randrange(kinds):
            case 0:
                return None
            case 1:
                return self.random() < 0.5
            case 2:
                return self.choice(NUMBERS)
            case 3 | 4:
                return self.choice(TEXTS)
            case 5:
                return [self.anything(depth + 1) for _ in range(self.randrange(4))]
            case _:
                return self.table(depth + 1)

    def table(self, depth=0):
        known = ["x-max-length", "x-queue-type", "x-delayed-type", "headers", "max-length", "vhosts"]
        keys = self.sample(TEXTS, 2) + [self.choice(known)]
        return {key: self.anything(depth + 1) for key in keys}

    def fitting(self, schema):
        """What a schema asks for."""
        if "enum" in schema:
            return self.choice(schema["enum"])
        match schema.get("type"):
            case "string":
                return self.choice(TEXTS)
            case "boolean":
                return self.random() < 0.5
            case "integer":
                return self.choice([number for number in NUMBERS if isinstance(number, int)])
            case "object" if "properties" in schema:
                required = schema.get("required", [])
                properties = schema["properties"].items()
                return {
                    name: self.fitting(inner)
                    for name, inner in properties
                    if name in required or self.random() < 0.6
                }
            case "object":
                return self.table() if self.random() < 0.5 else {}
            case _:
                return self.anything()

    def body(self, schema):
        """A body: one that fits, one with a wrong value, any JSON, or no JSON at all."""
        match self.randrange(6):
            case 0:
                return json.dumps(self.anything()).encode()
            case 1:
                return self.choice([b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"a":1}}', b"nil"])
            case 2 | 3:
                fields = self.fitting(schema)
                if isinstance(fields, dict) and fields:
                    fields[self.choice(sorted(fields))] = self.anything()
                return json.dumps(fields).encode()
            case _:
                return json.dumps(self.fitting(schema)).encode()


def asked(dice, path, method, item, operation):
    """The address and the body of one request."""
    spared = method != "get" and path.startswith(SPARED)
    for parameter in item["parameters"]:
        name = parameter["name"]
        known = "nothing" if spared else NAMES.get(name, "nothing")
        value = known if dice.random() < 0.7 else dice.choice(TEXTS)
        path = path.replace("{" + name + "}", urllib.parse.quote(value, safe=""))
    query = []
    for parameter in operation.get("parameters", []):
        if parameter["required"] or dice.random() < 0.3:
            fits = dice.random() < 0.5
            value = dice.fitting(parameter["schema"]) if fits else dice.choice(TEXTS)
            query.append((parameter["name"], str(value).lower() if fits else value))
    if query:
        path += "?" + urllib.parse.urlencode(query, errors="replace")
    body = None
    if "requestBody" in operation:
        body = dice.body(operation["requestBody"]["content"]["application/json"]["schema"])
    return "/api" + path, body


def send(port, method, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SLOW)
    headers = {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q=", "Content-Type": "application/json"}
    try:
        connection.request(method.upper(), path, body, headers)
        answer = connection.getresponse()
        kind = answer.getheader("Content-Type") or ""
        # A stream of events goes on until somebody has heard enough.
        body = b"" if kind.startswith("text/event-stream") else answer.read()
        return answer.status, kind, body
    finally:
        connection.close()


@pytest.fixture(scope="module")
def description(broker):
    return broker.api("GET", "/openapi.json")


def operations(description):
    for path, item in description["paths"].items():
        for method in ("get", "put", "post", "delete"):
            if method in item:
                yield path, method, item, item[method]


def test_no_request_is_answered_with_a_server_error(broker, description):
    dice = Dice(SEED)
    # Not in the order of the document: what one operation leaves behind the others find.
    tries = [operation for operation in operations(description) for _ in range(ROUNDS)]
    dice.shuffle(tries)
    broker.api("PUT", "/queues/%2F/known", {"durable": True})
    wrong, fine, slowest, begun = [], 0, 0, time.monotonic()
    for path, method, item, operation in tries:
        address, body = asked(dice, path, method, item, operation)
        started = time.monotonic()
        status, kind, answer = send(broker.http_port, method, address, body)
        slowest = max(slowest, time.monotonic() - started)
        fine += status < 300
        described = str(status) in operation["responses"]
        # An empty name can make the address of another operation, which has other methods.
        if not described and not (status == 405 and "//" in f"{address}/"):
            wrong.append(f"{method} {address} {body!r}: {status} {answer[:300]!r}")
        if answer:
            assert kind.startswith("application/json"), f"{method} {address}: {kind} {answer[:300]!r}"
            json.loads(answer)
    assert not wrong, f"{len(wrong)} of {len(tries)}:\n" + "\n".join(wrong[:20])
    print(
        f"{len(tries)} requests, {fine} of them fine, in {time.monotonic() - begun:.1f} s, "
        f"the slowest {slowest:.2f} s"
    )
    # Were most of them refused, little would have been tried.
    assert len(tries) > 1000 and fine > len(tries) / 5
    # It is still there, and still does what it is for.
    assert broker.api("GET", "/whoami")["name"] == "guest"
    broker.api("PUT", "/queues/%2F/after", {"durable": True})
    assert broker.api("GET", "/queues/%2F/after")["name"] == "after"
    assert not [line for line in broker.lines if "panicked" in line]


def durable(definitions):
    """What a restart has to leave, by kind."""
    for kind in ("vhosts", "users", "permissions", "policies", "queues", "exchanges"):
        named = [item for item in definitions[kind] if item.get("durable", True)]
        yield kind, sorted(json.dumps(item, sort_keys=True) for item in named)


def test_what_was_made_up_outlives_a_restart(broker):
    """Whatever the requests before left in the store, it can be read again."""
    before = dict(durable(broker.api("GET", "/definitions")))
    broker.restart()
    after = dict(durable(broker.api("GET", "/definitions")))
    assert after == before
