"""Measures what docs/galera.md says, on three nodes on this machine:

    /usr/bin/python3 -B tests/galera/measure.py conflicts
    /usr/bin/python3 -B tests/galera/measure.py faults [default]

conflicts: six clients write through three instances, all to one node or each instance to another.
faults: what the same clients notice when the node that all write to is stopped, killed, or hangs; with
"default", under Galera's own time limits instead of the shorter ones that docs/galera.md shows."""
import argparse
import contextlib
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from contract import Contract  # noqa: E402
from galera import TIMING, Galera  # noqa: E402
from http_client import eventually  # noqa: E402
from program import ROOT, Waypost  # noqa: E402
from writers import Writers  # noqa: E402

NO_DNS = "127.0.0.1:1"
SECONDS = 10
ONE = [(0, 1, 2)] * 3
SPREAD = [(0, 1, 2), (1, 2, 0), (2, 0, 1)]


@contextlib.contextmanager
def programs(cluster, orders):
    database = cluster.new_database()
    contract = Contract(ROOT / "openapi.yaml")
    started = []
    try:
        for order in orders:
            folder = tempfile.mkdtemp(dir=cluster.folder)
            started.append(Waypost(folder, contract, cluster.url(database, order), NO_DNS).wait_ready(60))
        yield database, started
    finally:
        for program in started:
            program.kill()


def conflicts_so_far(cluster):
    return sum(int(node.status()[name]) for node in cluster.nodes
               for name in ("wsrep_local_cert_failures", "wsrep_local_bf_aborts"))


def measure_conflicts(cluster):
    for words, orders in (("all to one node", ONE), ("each to another node", SPREAD)):
        with programs(cluster, orders) as (database, started):
            before, since = conflicts_so_far(cluster), time.monotonic()
            with Writers([program.client for program in started]) as writers:
                eventually(lambda: time.monotonic() - since > SECONDS, 2 * SECONDS)
            seconds = time.monotonic() - since
            conflicts = conflicts_so_far(cluster) - before
            commits = int(cluster.nodes[0].newest_sql("SELECT COUNT(DISTINCT tx) FROM override_change",
                                                      database)[0][0])
            refused = sum(len(outcomes.refused | outcomes.unknown) for outcomes in writers.all())
            print(f"{words}: {sum(writers.counts()) / seconds:.0f} writes/s, {conflicts} conflicts in {commits} "
                  f"commits ({conflicts / commits:.2f} each), {refused} writes refused, the slowest answer took "
                  f"{max(outcomes.slowest for outcomes in writers.all()):.2f} s", flush=True)


def measure_faults(cluster):
    node = cluster.nodes[0]
    for words, fault in (("stopped", node.stop), ("killed with -9", node.kill), ("frozen", node.freeze)):
        with programs(cluster, ONE) as (_, started), Writers([program.client for program in started]) as writers:
            eventually(lambda: min(writers.counts()) > SECONDS, what="the first writes")
            fault()
            since = writers.counts()
            eventually(lambda: writers.all_have_gone_on(since, SECONDS), 60, "more writes")
            writers.stop()
            every = writers.all()
            begun = time.monotonic()
            cluster.mend()
            print(f"{words}: no write acknowledged for {max(outcomes.silence for outcomes in every):.1f} s, "
                  f"{sum(len(outcomes.refused) for outcomes in every)} refused, "
                  f"{sum(len(outcomes.unknown) for outcomes in every)} with an unknown outcome, the slowest answer "
                  f"took {max(outcomes.slowest for outcomes in every):.1f} s; back in the cluster after "
                  f"{time.monotonic() - begun:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["conflicts", "faults"])
    parser.add_argument("timing", nargs="?", choices=["default"])
    chosen = parser.parse_args()
    os.environ.setdefault("WAYPOST_BINARY", "build/release/waypost")
    cluster = Galera({} if chosen.timing else TIMING)
    try:
        cluster.start()
        (measure_conflicts if chosen.what == "conflicts" else measure_faults)(cluster)
    finally:
        cluster.remove()


if __name__ == "__main__":
    main()
