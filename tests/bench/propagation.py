"""How long a change that one instance has acknowledged takes until another one answers it.

Two instances share one MariaDB. A change goes through the first at a random moment of the second's poll; from
its complete answer on the second is asked again and again over a connection that stays open."""
import argparse
import contextlib
import os
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from contract import Contract  # noqa: E402
from mariadb import MariaDB  # noqa: E402
from program import ROOT, Waypost  # noqa: E402

CHANGES = 300
POLL_SECONDS = 0.1  # WAY_SYNC_POLL_MS of server/domain/sync.h
P99_MAX_MS = 150
LOST_SECONDS = 10  # after this a change counts as one that never arrives
BASELINE_REQUESTS = 1000
KEY = "example.org"
NO_DNS = "127.0.0.1:1"


def percentile(values, share):
    """The smallest of `values` that is not exceeded by this share of them."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def describe(label, milliseconds):
    print(f"{label:34} p50 {percentile(milliseconds, 50):8.2f} ms   p99 {percentile(milliseconds, 99):8.2f} ms"
          f"   max {max(milliseconds):8.2f} ms")


def timed(call):
    """-> (what it returns, milliseconds)"""
    start = time.perf_counter()
    value = call()
    return value, (time.perf_counter() - start) * 1000


def target_at(client):
    return client.request("GET", f"/resolve/{KEY}?fallback=none", check=False).json()["target_host"]


def propagate(writer, reader, target):
    """One change. -> milliseconds of: the write; from then until it is answered; each question asked meanwhile"""
    answer, write_ms = timed(lambda: writer.request("PUT", f"/overrides/{KEY}", {"target_host": target}, check=False))
    start = time.perf_counter()
    assert answer.status in (200, 201), answer.text
    questions, seen = [], None
    while seen != target:
        assert time.perf_counter() - start < LOST_SECONDS, f"{target} never arrived"
        seen, question_ms = timed(lambda: target_at(reader))
        questions.append(question_ms)
    return write_ms, (time.perf_counter() - start) * 1000, questions


def measure(one, other, changes, rng):
    writer, reader = one.client.held(), other.client.held()
    baseline = [timed(lambda: target_at(reader))[1] for _ in range(BASELINE_REQUESTS)]
    found = []
    for number in range(changes):
        threading.Event().wait(rng.uniform(0, 2 * POLL_SECONDS))  # so that the phase of the poll is random
        found.append(propagate(writer, reader, f"t{number}.target.example"))
    writer.close()
    reader.close()
    return baseline, found


def report(baseline, found):
    """-> whether it is as fast as promised"""
    writes, arrivals, asked = zip(*found)
    questions = [question for some in asked for question in some]
    describe("one /resolve, nothing else going on", baseline)
    describe("the write itself, durable", writes)
    describe(f"until the other answers it, n={len(found)}", arrivals)
    describe(f"one question of those, n={len(questions)}", questions)
    print(f"{len(questions) / len(found):.0f} questions a change; load of the machine {os.getloadavg()[0]:.1f} "
          f"on {os.cpu_count()} processors")
    p99 = percentile(arrivals, 99)
    print(f"propagation: {'ok' if p99 <= P99_MAX_MS else 'TOO SLOW'}, p99 {p99:.1f} ms of {P99_MAX_MS} ms")
    return p99 <= P99_MAX_MS


@contextlib.contextmanager
def pair():
    """Two instances on one database of their own."""
    contract = Contract(ROOT / "openapi.yaml")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as cleanup:
        maria = MariaDB(pathlib.Path(folder) / "mariadb", durable=True).start()
        cleanup.callback(maria.stop)
        url = maria.url(maria.new_database())
        programs = []
        for name in ("one", "other"):
            home = pathlib.Path(folder) / name
            home.mkdir()
            programs.append(Waypost(home, contract, url, NO_DNS, ("--log-lookups", "none")))
            cleanup.callback(programs[-1].stop)
            programs[-1].wait_ready()
        yield programs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changes", type=int, default=CHANGES)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    with pair() as (one, other):
        measured = measure(one, other, options.changes, random.Random(options.seed))
    return 0 if report(*measured) else 1


if __name__ == "__main__":
    sys.exit(main())
