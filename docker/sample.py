"""Publishes a message a second, each confirmed, or prints and acknowledges them."""

import itertools
import sys
import time

import pika

QUEUE = "sample"


def publish(channel):
    channel.confirm_delivery()
    persistent = pika.BasicProperties(delivery_mode=2)
    for n in itertools.count(1):
        channel.basic_publish("", QUEUE, f"message {n}".encode(), persistent, mandatory=True)
        print(f"published {n}", flush=True)
        time.sleep(1)


def consume(channel):
    channel.basic_qos(prefetch_count=10)
    for method, _, body in channel.consume(QUEUE):
        print(f"received {body.decode()}", flush=True)
        channel.basic_ack(method.delivery_tag)


def main(role, host):
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 5672
    connection = pika.BlockingConnection(pika.ConnectionParameters(host, port))
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True)
    {"publish": publish, "consume": consume}[role](channel)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
