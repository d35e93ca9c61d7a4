"""Starts the broker for the client suites: one per test module, on free ports."""

import base64
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import pytest

PATIENCE = 20
"""Seconds to wait for anything before a test fails."""

DEADLOCK = 60
"""Seconds after which a hanging test is ended with all stacks shown."""


def eventually(what, probe):
    """Asks `probe` until it answers something true, and returns that."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {PATIENCE} s for {what}"
        time.sleep(0.02)


class Broker:
    """The real binary in a directory of its own."""

    def __init__(self, config=None):
        self.scratch = tempfile.mkdtemp(prefix="leveret-clients-")
        self.config = []
        if config:
            path = os.path.join(self.scratch, "rabbitmq.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(config)
            self.config = ["--config", path]
        self.process = None
        self.port = 0
        self.http_port = 0
        self.start()

    def start(self):
        """Starts the process; on the ports it had before, when there were any."""
        self.lines = []
        self.process = subprocess.Popen(
            [
                os.environ["LEVERET_BIN"],
                *("--data-dir", os.path.join(self.scratch, "data")),
                *("--listen", f"127.0.0.1:{self.port}"),
                *("--management-listen", f"127.0.0.1:{self.http_port}"),
                *("--prometheus-listen", "127.0.0.1:0"),
                *self.config,
            ],
            cwd=self.scratch,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._follow, args=(self.process,), daemon=True).start()
        eventually("ready", lambda: self._said(r"\bready\b"))
        self.port = int(self._said(r"AMQP listening on \S+?:(\d+)").group(1))
        self.http_port = int(self._said(r"management listening on http://\S+?:(\d+)").group(1))
        self.metrics_port = int(self._said(r"metrics at http://\S+?:(\d+)/").group(1))
        secure = self._said(r"AMQP with TLS listening on \S+?:(\d+)")
        self.tls_port = int(secure.group(1)) if secure else None

    def _follow(self, process):
        for line in process.stdout:
            self.lines.append(line.rstrip())

    def _said(self, pattern):
        text = "\n".join(self.lines)
        assert self.process.poll() is None, f"the broker ended:\n{text}"
        return re.search(pattern, text)

    @property
    def url(self):
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def kill(self):
        """As a power cut would."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """An orderly end; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def api(self, method, path, body=None):
        """A request to the management API; returns the decoded answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        secret = base64.b64encode(b"guest:guest").decode()
        request.add_header("Authorization", f"Basic {secret}")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def close_connection(self, name):
        """Closes the connection whose client gave it this name, as an operator would."""

        def named():
            found = [c for c in self.api("GET", "/connections") if c.get("user_provided_name") == name]
            return found and found[0]

        connection = eventually(f"connection {name}", named)
        self.api("DELETE", "/connections/" + urllib.parse.quote(connection["name"], safe=""))


@pytest.fixture(scope="module")
def broker():
    broker = Broker()
    yield broker
    broker.close()


_numbers = itertools.count(1)


@pytest.fixture
def name(request):
    """A name that no other test uses."""
    return f"{request.node.name}-{next(_numbers)}"


@pytest.fixture(autouse=True)
def no_deadlock():
    """Ends a test that hangs instead of hanging the run."""

    def cry(signum, frame):
        raise TimeoutError(f"no end after {DEADLOCK} s")

    before = signal.signal(signal.SIGALRM, cry)
    signal.alarm(DEADLOCK)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
