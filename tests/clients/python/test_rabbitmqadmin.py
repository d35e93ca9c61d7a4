"""rabbitmqadmin, the script that RabbitMQ's own image and Debian's package ship (3.x)."""

import importlib.util
import json
import subprocess
import sys

import pytest

SCRIPT = importlib.util.find_spec("rabbitmqadmin").submodule_search_locations[0]
SCRIPT += "/upstream/rabbitmqadmin_original.py"


@pytest.fixture
def admin(broker, tmp_path):
    def run(*words):
        command = [sys.executable, "-W", "ignore", SCRIPT, "-P", str(broker.http_port), *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


def listed(admin, what, *columns):
    return json.loads(admin("-f", "raw_json", "list", what, *columns))


def test_an_overview_and_the_node_are_shown(admin):
    assert "rabbitmq_version" in admin("show", "overview")
    assert listed(admin, "nodes", "name", "type")[0]["type"] == "disc"


def test_a_message_goes_in_and_out(admin, name):
    admin("declare", "queue", f"name={name}", "durable=true", 'arguments={"x-max-length": 5}')
    assert "routed" not in admin("publish", f"routing_key={name}", "payload=hello")
    admin("publish", f"routing_key={name}", "payload=again", 'properties={"delivery_mode": 2}')
    got = json.loads(admin("-f", "raw_json", "get", f"queue={name}", "count=2"))
    assert [message["payload"] for message in got] == ["hello", "again"]
    gone = admin("-f", "raw_json", "get", f"queue={name}", "ackmode=ack_requeue_false")
    assert json.loads(gone)[0]["redelivered"] is True
    assert [q["messages"] for q in listed(admin, "queues", "name", "messages") if q["name"] == name] == [1]
    admin("purge", "queue", f"name={name}")
    admin("delete", "queue", f"name={name}")
    assert name not in admin("list", "queues")


def test_exchanges_and_bindings_come_and_go(admin, name):
    admin("declare", "exchange", f"name={name}", "type=topic")
    admin("declare", "queue", f"name={name}", "durable=true")
    admin("declare", "binding", f"source={name}", f"destination={name}", "routing_key=a.#")
    (binding,) = [b for b in listed(admin, "bindings") if b["source"] == name]
    key = f"properties_key={binding['properties_key']}"
    ends = (f"source={name}", f"destination={name}", "destination_type=queue")
    admin("delete", "binding", *ends, key)
    assert not [b for b in listed(admin, "bindings") if b["source"] == name]
    admin("delete", "exchange", f"name={name}")
    admin("delete", "queue", f"name={name}")


def test_users_virtual_hosts_and_what_they_may(admin, name):
    admin("declare", "vhost", f"name={name}")
    admin("declare", "user", f"name={name}", "password=secret", "tags=management")
    everything = ("configure=.*", "write=.*", "read=.*")
    admin("declare", "permission", f"vhost={name}", f"user={name}", *everything)
    assert {"vhost": name, "user": name} in listed(admin, "permissions", "vhost", "user")
    admin("declare", "vhost_limit", f"vhost={name}", "name=max-queues", "value=3")
    assert {"vhost": name, "value": {"max-queues": 3}} in listed(admin, "vhost_limits")
    login = ("-u", name, "-p", "secret", "-V", name)
    admin(*login, "declare", "queue", "name=q", "durable=true")
    assert "q" in admin(*login, "list", "queues", "name")
    admin("delete", "vhost_limit", f"vhost={name}", "name=max-queues")
    admin("delete", "permission", f"vhost={name}", f"user={name}")
    admin("delete", "user", f"name={name}")
    admin("delete", "vhost", f"name={name}")
    assert name not in admin("list", "vhosts") + admin("list", "users")


def test_policies_and_parameters(admin, name):
    definition = 'definition={"max-length": 5}'
    admin("declare", "policy", f"name={name}", "pattern=^x", definition, "apply-to=queues")
    assert name in admin("list", "policies")
    admin("delete", "policy", f"name={name}")
    admin("declare", "operator_policy", f"name={name}", "pattern=^x", definition, "apply-to=queues")
    assert name in admin("list", "operator_policies")
    admin("delete", "operator_policy", f"name={name}")
    assert "No items" in admin("list", "policies")


def test_definitions_are_exported_and_imported(admin, name, tmp_path):
    admin("declare", "queue", f"name={name}", "durable=true")
    admin("export", str(tmp_path / "definitions.json"))
    admin("delete", "queue", f"name={name}")
    admin("import", str(tmp_path / "definitions.json"))
    assert name in admin("list", "queues")
    admin("delete", "queue", f"name={name}")


def test_connections_are_listed_and_closed(admin, broker):
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    connection.channel().basic_qos(prefetch_count=3)
    assert listed(admin, "channels", "prefetch_count")[0]["prefetch_count"] == 3
    (name,) = [c["name"] for c in listed(admin, "connections", "name")]
    admin("close", "connection", f"name={name}")
    with pytest.raises(pika.exceptions.AMQPError):
        for _ in range(100):
            connection.process_data_events(0.1)


@pytest.mark.parametrize("form", ["table", "long", "tsv", "kvp", "bash", "pretty_json"])
def test_every_form_of_output(admin, form):
    assert "amq.topic" in admin("-f", form, "list", "exchanges", "name")


def test_a_deeper_list_takes_every_nested_field(admin):
    assert "object_totals.queues" in admin("-f", "long", "show", "overview")
    admin("-d", "5", "-f", "long", "list", "nodes")
