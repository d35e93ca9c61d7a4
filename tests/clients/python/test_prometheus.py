"""The metrics, read by Prometheus' own parser of the text format."""

import urllib.request

import pika
import pytest
from conftest import PATIENCE, eventually
from prometheus_client.parser import text_string_to_metric_families


@pytest.fixture(scope="module")
def scrape(broker):
    channel = pika.BlockingConnection(pika.URLParameters(broker.url)).channel()
    # A name with what a label has to escape.
    queue = 'a "quoted\\ queue'
    channel.queue_declare(queue, durable=True)
    channel.basic_publish("", queue, b"x" * 5000)

    def read(path):
        address = f"http://127.0.0.1:{broker.metrics_port}{path}"
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            assert answer.headers["content-type"].startswith("text/plain")
            families = list(text_string_to_metric_families(answer.read().decode()))
        names = [family.name for family in families]
        assert len(names) == len(set(names)), "a family comes twice"
        samples = [(s.name, tuple(sorted(s.labels.items()))) for f in families for s in f.samples]
        assert len(samples) == len(set(samples)), "a sample comes twice"
        return {s.name: [t for f in families for t in f.samples if t.name == s.name] for f in families for s in f.samples}

    read.queue = queue
    return read


def test_totals(scrape):
    read = eventually("the message", lambda: (m := scrape("/metrics"))["rabbitmq_queue_messages_ready"][0].value and m)
    assert read["rabbitmq_connections"][0].value == 1
    assert read["rabbitmq_identity_info"][0].labels["rabbitmq_node"]
    assert any(s.value for s in read["rabbitmq_global_messages_received_total"])


def test_objects_have_labels_of_their_own(scrape):
    for path in ("/metrics/per-object", "/metrics/detailed?family=queue_coarse_metrics"):
        read = scrape(path)
        ready = [s for samples in read.values() for s in samples if s.name.endswith("queue_messages_ready")]
        assert scrape.queue in [s.labels.get("queue") for s in ready], path
