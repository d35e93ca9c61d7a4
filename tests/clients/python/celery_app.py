"""The tasks of test_celery.py, run by a worker of its own."""

import os
import time

from celery import Celery
from kombu import Queue

app = Celery("leveret", broker=os.environ["BROKER_URL"], backend="rpc://")
app.conf.update(
    broker_connection_retry_on_startup=True,
    result_expires=60,
    task_default_queue="jobs",
    task_queues=[Queue("jobs"), Queue("ranked", queue_arguments={"x-max-priority": 9})],
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
)


@app.task
def add(x, y):
    return x + y


@app.task
def at():
    """When it was run, in seconds of the epoch."""
    return time.time()


@app.task
def ranked(priority):
    """When it was run, in nanoseconds of a clock that only rises."""
    return priority, time.monotonic_ns()


@app.task(bind=True, max_retries=5)
def stubborn(self, failures):
    if self.request.retries < failures:
        raise self.retry(countdown=0.2 * 2**self.request.retries)
    return self.request.retries


@app.task(bind=True, acks_late=True)
def deadly(self, marker):
    """Takes its worker down the first time."""
    if not os.path.exists(marker):
        open(marker, "w").close()
        os._exit(1)
    return bool(self.request.delivery_info.get("redelivered"))
