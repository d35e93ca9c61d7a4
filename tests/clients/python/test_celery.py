"""Celery: a worker with results, retries, ETA, late acknowledgements and priorities."""

import os
import subprocess
import sys
import time

import pytest
from conftest import PATIENCE, eventually

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(scope="module")
def app(broker):
    os.environ["BROKER_URL"] = broker.url
    import celery_app

    yield celery_app
    celery_app.app.close()


class Worker:
    """A Celery worker as a process of its own."""

    def __init__(self, broker):
        command = [sys.executable, "-m", "celery", "-A", "celery_app", "worker"]
        options = ["--pool=solo", "-Q", "jobs,ranked", "--loglevel=INFO", "--without-mingle"]
        self.process = subprocess.Popen(
            [*command, *options],
            cwd=HERE,
            env={**os.environ, "BROKER_URL": broker.url, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()


@pytest.fixture(scope="module")
def worker(broker, app):
    # Waits in the queue until there is a worker, which then takes the highest first.
    app.waiting = [app.ranked.apply_async((n,), queue="ranked", priority=n) for n in [1, 9, 0, 5, 7]]
    worker = Worker(broker)
    yield worker
    worker.close()


def test_tasks_that_wait_are_run_by_priority(worker, app):
    done = [result.get(timeout=PATIENCE) for result in app.waiting]
    order = [priority for priority, _ in sorted(done, key=lambda one: one[1])]
    assert order == [9, 7, 5, 1, 0]


def test_results_come_back(worker, app):
    results = [app.add.delay(n, n) for n in range(50)]
    assert [result.get(timeout=PATIENCE) for result in results] == [2 * n for n in range(50)]


def test_a_task_is_retried_with_growing_delays(worker, app):
    began = time.monotonic()
    assert app.stubborn.delay(2).get(timeout=PATIENCE) == 2
    assert time.monotonic() - began >= 0.6


def test_a_task_with_an_eta_is_not_run_before(worker, app):
    asked = time.time()
    results = [app.at.apply_async(countdown=seconds) for seconds in (1.0, 0.5, 0)]
    ran = [result.get(timeout=PATIENCE) - asked for result in results]
    assert ran[0] >= 1.0 and ran[1] >= 0.5
    assert ran[1] < ran[0]


def test_a_task_of_a_lost_worker_is_run_again_by_another(broker, app, worker, tmp_path):
    result = app.deadly.delay(str(tmp_path / "marker"))
    eventually("the worker's end", lambda: worker.process.poll() is not None)
    second = Worker(broker)
    try:
        assert result.get(timeout=PATIENCE) is True
    finally:
        second.close()
