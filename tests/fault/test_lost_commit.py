"""Between the moment a commit is visible and the moment it is on the disk it can be read, and then be lost. Its
revision is given to another change, which an instance that has read the lost one must not take for the same."""
import os
import signal

import pytest

from cluster import BACK_SECONDS, mariadb_cluster
from http_client import eventually
from mariadb import MariaDB

SEEN_SECONDS = 10
# Until the server is started again: what it acknowledges is visible and not on the disk.
FLUSH_LATER = "SET GLOBAL innodb_flush_log_at_trx_commit = 0; SET GLOBAL innodb_flush_log_at_timeout = 2700"


@pytest.fixture
def idle_maria(tmp_path):
    """One that has nothing else to write, which would take the commit to the disk with it."""
    server = MariaDB(tmp_path / "mariadb", durable=True).start()
    yield server
    server.stop()


def seen(instance, key):
    return instance.program.client.get(f"/resolve/{key}.example?fallback=none").json()["target_host"]


def test_an_instance_that_has_seen_a_lost_commit_forgets_it(tmp_path, contract, idle_maria):
    with mariadb_cluster(tmp_path, contract, idle_maria) as cluster:
        one, other = cluster.instances
        one.program.client.set("kept.example", "10.0.0.1")
        idle_maria.sql(FLUSH_LATER)
        one.program.client.set("lost.example", "10.0.0.2")
        eventually(lambda: seen(other, "lost"), SEEN_SECONDS, "the change")
        os.kill(other.pid, signal.SIGSTOP)  # it is late: its next poll sees what comes below at once
        try:
            idle_maria.kill()
            idle_maria.start()
            if cluster.newest() != 1:
                pytest.skip("the server had flushed it all the same")
            eventually(one.is_back, BACK_SECONDS, "the return")
            one.program.client.set("second.example", "10.0.0.3")
            one.program.client.set("third.example", "10.0.0.4")
        finally:
            os.kill(other.pid, signal.SIGCONT)
        eventually(lambda: seen(other, "third"), SEEN_SECONDS, "the newest change")
        assert {key: seen(other, key) for key in ("kept", "lost", "second", "third")} == \
            {"kept": "10.0.0.1", "lost": "", "second": "10.0.0.3", "third": "10.0.0.4"}
