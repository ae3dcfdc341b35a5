"""How an instance follows the change log of a real MariaDB when the log is not as it should be: each
fault of the log is made with SQL or with a copy of the server's files, as it happens in the field."""
import os
import shutil
import signal

import pytest

from database import MariaDatabase
from http_client import eventually
from mariadb import MariaDB

OLD = "TIMESTAMP'2026-01-02 03:04:05'"


@pytest.fixture
def data(maria):
    return MariaDatabase(maria)


def seen(program, key):
    answer = program.client.get(f"/resolve/{key}?fallback=none").json()
    return answer["target_host"] or None


def loads(program):
    return len(program.log("sync.loaded"))


def change(key, target, revision, tx):
    """SQL: the row and its line in the log, as another instance writes them."""
    return (f"REPLACE INTO dns_overrides (lookup_key, target_host, revision, created_at, updated_at) "
            f"VALUES ('{key}', '{target}', {revision}, {OLD}, {OLD});"
            f"INSERT INTO override_change (revision, seq, tx, place, op, lookup_key, at) "
            f"VALUES ({revision}, 0, UNHEX(REPEAT('{tx:02x}', 16)), 0, 'U', '{key}', {OLD});")


def test_a_hole_is_waited_for_and_nothing_behind_it_is_shown(data, launch):
    """As when InnoDB shows a commit before an earlier one."""
    program = launch(database=data.url)
    program.client.set("first.example", "10.0.0.1")
    before = loads(program)
    data.execute("BEGIN; UPDATE override_state SET n = 3;" + change("third.example", "10.0.0.3", 3, 3) + "COMMIT")
    assert seen(program, "third.example") is None
    data.execute(change("second.example", "10.0.0.2", 2, 2))
    eventually(lambda: program.readiness()["revision"] == 3, 10, "the third revision")
    assert (seen(program, "second.example"), seen(program, "third.example")) == ("10.0.0.2", "10.0.0.3")
    assert loads(program) == before, "a hole that fills needs no load"


def test_a_hole_that_stays_leads_to_a_load_and_then_to_following_again(data, launch):
    program = launch(database=data.url)
    program.client.set("first.example", "10.0.0.1")
    before = loads(program)
    data.execute("BEGIN; UPDATE override_state SET n = 3;" + change("third.example", "10.0.0.3", 3, 3) + "COMMIT")
    eventually(lambda: seen(program, "third.example") == "10.0.0.3", 20, "the load")
    assert seen(program, "first.example") == "10.0.0.1"
    assert loads(program) == before + 1
    assert program.readiness()["revision"] == 3
    data.execute("BEGIN; UPDATE override_state SET n = 4;" + change("fourth.example", "10.0.0.4", 4, 4) + "COMMIT")
    eventually(lambda: seen(program, "fourth.example") == "10.0.0.4", 10, "the next change")
    program.client.set("fifth.example", "10.0.0.5")
    eventually(lambda: program.readiness()["revision"] == 5, 10, "our own change")
    assert loads(program) == before + 1, "the hole is known now"


def test_a_revision_that_was_given_out_again_leads_to_a_load(data, launch):
    """As when a server comes back from a crash without its last commit, and makes another one."""
    program = launch(database=data.url)
    program.client.set("kept.example", "10.0.0.1")
    program.client.set("lost.example", "10.0.0.2")
    eventually(lambda: program.readiness()["revision"] == 2, 10, "the second revision")
    before = loads(program)
    data.execute("BEGIN; DELETE FROM override_change WHERE revision = 2;"
                 "DELETE FROM dns_overrides WHERE lookup_key = 'lost.example';"
                 + change("other.example", "10.0.0.9", 2, 9) + "COMMIT")
    eventually(lambda: seen(program, "other.example") == "10.0.0.9", 10, "what the database holds")
    assert seen(program, "lost.example") is None
    assert seen(program, "kept.example") == "10.0.0.1"
    assert loads(program) == before + 1


def test_a_revision_that_was_given_out_again_is_found_behind_later_ones(data, launch):
    program = launch(database=data.url)
    program.client.set("lost.example", "10.0.0.2")
    data.execute("BEGIN; UPDATE override_state SET n = 3; DELETE FROM override_change;"
                 "DELETE FROM dns_overrides WHERE lookup_key = 'lost.example';"
                 + change("one.example", "10.0.1.1", 1, 11) + change("two.example", "10.0.1.2", 2, 12)
                 + change("three.example", "10.0.1.3", 3, 13) + "COMMIT")
    eventually(lambda: seen(program, "three.example") == "10.0.1.3", 10, "what the database holds")
    assert (seen(program, "lost.example"), seen(program, "one.example")) == (None, "10.0.1.1")


def test_a_log_that_was_pruned_past_us_leads_to_a_load(data, launch):
    program = launch(database=data.url)
    program.client.set("kept.example", "10.0.0.1")
    os.kill(program.process.pid, signal.SIGSTOP)
    try:
        data.execute("BEGIN; UPDATE override_state SET n = 5, low = 4;" + change("new.example", "10.0.0.5", 5, 5)
                     + "COMMIT")
    finally:
        os.kill(program.process.pid, signal.SIGCONT)
    eventually(lambda: seen(program, "new.example") == "10.0.0.5", 10, "the load")
    assert program.readiness()["revision"] == 5


def test_a_new_epoch_leads_to_a_load(data, launch):
    """Rows changed by SQL are seen when the epoch changes, at the same revision."""
    program = launch(database=data.url)
    program.client.set("kept.example", "10.0.0.1")
    data.execute(f"INSERT INTO dns_overrides (lookup_key, target_host, revision, created_at, updated_at) "
                 f"VALUES ('by-hand.example', '10.0.0.7', 1, {OLD}, {OLD})")
    data.execute("UPDATE override_state SET epoch = UNHEX(REPEAT('ab', 16))")
    eventually(lambda: seen(program, "by-hand.example") == "10.0.0.7", 10, "the load")


def test_an_operation_that_nobody_knows_leads_to_one_load(data, launch):
    """A bulk change writes one line that says: load all."""
    program = launch(database=data.url)
    program.client.set("kept.example", "10.0.0.1")
    before = loads(program)
    data.execute(f"BEGIN; UPDATE override_state SET n = 2;"
                 f"INSERT INTO dns_overrides (lookup_key, target_host, revision, created_at, updated_at) "
                 f"VALUES ('bulk.example', '10.0.0.8', 2, {OLD}, {OLD});"
                 f"INSERT INTO override_change (revision, seq, tx, place, op, lookup_key, at) "
                 f"VALUES (2, 0, UNHEX(REPEAT('22', 16)), 0, 'R', '', {OLD}); COMMIT")
    eventually(lambda: seen(program, "bulk.example") == "10.0.0.8", 10, "the load")
    program.client.set("next.example", "10.0.0.9")
    eventually(lambda: program.readiness()["revision"] == 3, 10, "the next revision")
    assert loads(program) == before + 1, "the line is done with"


@pytest.fixture
def restorable(tmp_path_factory):
    """A MariaDB whose files a test may copy and put back."""
    server = MariaDB(tmp_path_factory.mktemp("restored") / "server").start()
    yield server
    server.stop()


def restore(server, copy):
    server.kill()
    shutil.rmtree(server.folder)
    shutil.copytree(copy, server.folder, symlinks=True)
    server.start()


def test_a_restored_backup_is_what_everybody_answers(restorable, launch, tmp_path):
    url = restorable.url(restorable.new_database())
    program, sleeper = launch(database=url), launch(database=url)
    program.client.set("kept.example", "10.0.0.1")
    restorable.stop()
    copy = tmp_path / "copy"
    shutil.copytree(restorable.folder, copy, symlinks=True)
    restorable.start()
    eventually(lambda: program.client.put("/overrides/lost.example", {"target_host": "10.0.0.2"}).status == 201, 30,
               "a change")
    program.client.set("lost.example", "10.0.0.3")
    newest = program.readiness()["revision"]
    eventually(lambda: sleeper.readiness()["revision"] == newest, 30, "the other instance")
    os.kill(sleeper.process.pid, signal.SIGSTOP)
    try:
        restore(restorable, copy)
        eventually(lambda: seen(program, "lost.example") is None, 30, "the backup")
        assert seen(program, "kept.example") == "10.0.0.1"
        for number in range(newest - program.readiness()["revision"]):
            answer = program.client.put("/overrides/again.example", {"target_host": f"10.1.0.{number}"})
            assert answer.status in (200, 201)
            assert seen(program, "again.example") == f"10.1.0.{number}"
        assert program.readiness()["revision"] == newest, "the revisions are given out again"
    finally:
        os.kill(sleeper.process.pid, signal.SIGCONT)
    eventually(lambda: seen(sleeper, "again.example") == seen(program, "again.example"), 30, "the other instance")
    assert seen(sleeper, "lost.example") is None
