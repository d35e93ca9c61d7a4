"""pika over TLS, with and without a certificate of its own."""

import ssl
import subprocess

import pika
import pytest
from conftest import Broker


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A broker with TLS, and the directory of its certificates and those of its clients."""
    where = tmp_path_factory.mktemp("tls")
    key = ("-newkey", "rsa:2048", "-nodes", "-days", "30")
    authority = ("-x509", "-subj", "/CN=authority", "-keyout", where / "ca.key", "-out", where / "ca.pem")
    openssl("req", *key, *authority)
    names = where / "names"
    names.write_text("subjectAltName=DNS:localhost\n")
    for name in ("server", "alice"):
        request = ("-subj", f"/CN={name}/O=Tests", "-keyout", where / f"{name}.key", "-out", where / "request")
        openssl("req", *key, *request)
        signer = ("-CA", where / "ca.pem", "-CAkey", where / "ca.key", "-CAcreateserial", "-extfile", names)
        openssl("x509", "-req", "-days", "30", "-in", where / "request", *signer, "-out", where / f"{name}.pem")
    broker = Broker(
        f"""
        listeners.ssl.default = 127.0.0.1:0
        ssl_options.cacertfile = {where}/ca.pem
        ssl_options.certfile = {where}/server.pem
        ssl_options.keyfile = {where}/server.key
        ssl_options.verify = verify_peer
        ssl_options.fail_if_no_peer_cert = false
        ssl_cert_login_from = common_name
        default_user = alice
        default_pass = secret
        """
    )
    yield broker, where
    broker.close()


def connect(secure, credentials, certificate=None):
    broker, where = secure
    context = ssl.create_default_context(cafile=where / "ca.pem")
    if certificate:
        context.load_cert_chain(where / f"{certificate}.pem", where / f"{certificate}.key")
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            "localhost",
            broker.tls_port,
            credentials=credentials,
            ssl_options=pika.SSLOptions(context, "localhost"),
        )
    )


def talk(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    queue = channel.queue_declare("", exclusive=True).method.queue
    for n in range(50):
        channel.basic_publish("", queue, bytes([n]) * 50_000)
    for n in range(50):
        _, _, body = channel.basic_get(queue, auto_ack=True)
        assert body == bytes([n]) * 50_000
    connection.close()


def test_a_password_over_tls(secure):
    talk(connect(secure, pika.PlainCredentials("alice", "secret")))


def test_a_certificate_instead_of_a_password(secure):
    talk(connect(secure, pika.credentials.ExternalCredentials(), "alice"))


def test_a_certificate_of_nobody(secure):
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        connect(secure, pika.credentials.ExternalCredentials(), "server")
