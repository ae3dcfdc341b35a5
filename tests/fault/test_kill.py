"""Writers at work, kill -9 at a random moment, a restart: cycle after cycle on one database. Everything that was
acknowledged is there, nothing that was refused, nothing that nobody wrote; all instances answer what is stored."""
import collections
import random
import threading
import time

import pytest

from cluster import BACK_SECONDS, mariadb_cluster, sqlite_cluster
from history import Broken, Fate, Write, check_log, check_replay, explain_owned, explain_shared, replay
from http_client import eventually
from writers import SHARED, Writer, note, owned_keys

WRITERS = 6
ANSWERS_BEFORE = 40  # acknowledged in a cycle before somebody is killed, so that a slow machine tests something too
LATEST_KILL_SECONDS = 0.8  # after these answers
ANSWERS_AFTER = 100  # after the return
SAY_EVERY = 50  # cycles
TWO_VICTIMS_SHARE = 0.2


def marker(instance):
    """A key that only the checks write, through this instance."""
    return f"check-{instance.name.lower()}.example"


class Kills:
    """The cycles on one cluster, and what is known of its database from one to the next."""

    def __init__(self, cluster, rng):
        self.cluster = cluster
        self.rng = rng
        self.revision = cluster.newest()
        self.table = {}
        self.last = {}  # key -> revision of its row, by the log
        self.fates = collections.Counter()
        self.killed = collections.Counter()
        self.name = "before the first cycle"

    def cycle(self, number):
        victims = self.rng.sample(self.cluster.victims, self._count())
        self.name = f"cycle {number}, kill -9 of {' and '.join(victim.name for victim in victims)}"
        stop = threading.Event()
        writers = [Writer(writer, self.cluster.instances, random.Random(self.rng.random()), f"c{number}", stop,
                          self.table) for writer in range(WRITERS)]
        for writer in writers:
            writer.thread.start()
        try:
            self._disturb(victims, writers)
        finally:
            stop.set()
            for writer in writers:
                writer.thread.join()
        for writer in writers:
            if writer.failure is not None:
                raise writer.failure
        self.check([write for writer in writers for write in writer.writes] + self._markers(number))
        self.killed[" and ".join(sorted(victim.name for victim in victims))] += 1

    def _count(self):
        return 2 if len(self.cluster.victims) > 1 and self.rng.random() < TWO_VICTIMS_SHARE else 1

    def _disturb(self, victims, writers):
        moment = self.rng.uniform(0, LATEST_KILL_SECONDS)
        self._await_answers(writers, ANSWERS_BEFORE)
        threading.Event().wait(moment)  # the moment is random; nothing is waited for
        self.cluster.kill(victims)
        for victim in self.rng.sample(victims, len(victims)):
            victim.start()
        self.cluster.await_return()
        self._await_answers(writers, ANSWERS_AFTER)

    def _await_answers(self, writers, count):
        """Until so many more writes were acknowledged."""
        def acknowledged():
            assert not any(writer.failure for writer in writers), "a writer has failed"
            return sum(write.fate in (Fate.STORED, Fate.DELETED) for writer in writers for write in list(writer.writes))

        enough = acknowledged() + count
        eventually(lambda: acknowledged() >= enough, BACK_SECONDS, f"{count} acknowledged writes")

    def _markers(self, number):
        """A write through each instance: it stands behind all others that the instance may still have at work."""
        return [self._mark(instance, number) for instance in self.cluster.instances]

    def _mark(self, instance, number):
        write = Write("PUT", marker(instance), {"target_host": f"c{number}.target.example"}, note=f"via {instance.name}")

        def is_stored():
            note(write, instance.program.client.put(f"/overrides/{write.key}", write.fields))
            return write.fate is Fate.STORED

        eventually(is_stored, BACK_SECONDS, f"a write through {instance.name}")
        return write

    def check(self, writes):
        """Nobody writes now."""
        newest = self.cluster.newest()
        lines = self.cluster.log_behind(self.revision)
        check_log(self.revision, newest, lines)
        size = self.cluster.log_size()
        if size != (newest, newest, newest):
            raise Broken(f"the newest revision is {newest}; lines, different revisions and highest of the log: {size}")
        replay(self.last, lines)
        table = self.cluster.table()
        check_replay(self.last, table)
        self._explain(writes, lines, table)
        for instance in self.cluster.instances:
            self._check_instance(instance, newest, table)
        self.fates.update(write.fate for write in writes)
        self.revision, self.table = newest, table

    def keys(self):
        return [*SHARED, *(key for writer in range(WRITERS) for key in owned_keys(writer)),
                *map(marker, self.cluster.instances)]

    def _explain(self, writes, lines, table):
        by_key, entries = collections.defaultdict(list), collections.defaultdict(list)
        for write in writes:
            by_key[write.key].append(write)
        for line in lines:
            entries[line.key].append(line)
        strange = {*table, *entries} - {*self.keys()}
        if strange:
            raise Broken(f"keys that nobody writes: {sorted(strange)}")
        for key in self.keys():
            explain = explain_shared if key in SHARED else explain_owned
            explain(key, self.table.get(key), by_key[key], entries[key], table.get(key))

    def _check_instance(self, instance, newest, table):
        """It answers what is stored, for every key."""
        client = instance.program.client.held()
        eventually(lambda: client.get("/healthz").revision == newest, BACK_SECONDS,
                   f"revision {newest} at {instance.name}")
        for key in self.keys():
            answer = client.get(f"/resolve/{key}?fallback=none")
            body = answer.json()
            row = table.get(key)
            expected = (row.target, row.revision) if row and row.enabled else ("", None)
            if (answer.revision, body["target_host"], body.get("revision")) != (newest, *expected):
                raise Broken(f"{instance.name} answers {body} as of {answer.revision} for {key}; "
                             f"the database has {row and tuple(row)} as of {newest}")
        client.close()


def run(cluster, seed, cycles, say, store):
    say(f"\n{store}: {cycles} cycles, FAULT_SEED={seed}")
    kills = Kills(cluster, random.Random(f"{store} {seed}"))
    begun = time.monotonic()
    for number in range(1, cycles + 1):
        try:
            kills.cycle(number)
        except BaseException as error:
            logs = "\n".join(f"--- the end of {instance.name}'s log\n{instance.last_words()}"
                             for instance in cluster.instances)
            raise Broken(f"{store}, FAULT_SEED={seed}, {kills.name}: {error}\n{logs}") from error
        if number % SAY_EVERY == 0 or number == cycles:
            say(summary(kills, store, number, time.monotonic() - begun))


def summary(kills, store, number, seconds):
    fates = {fate: kills.fates[fate] for fate in Fate}
    killed = ", ".join(f"{name} {count}" for name, count in sorted(kills.killed.items()))
    return (f"{store}: {number} cycles in {seconds:.0f} s, killed: {killed}; "
            f"writes: {fates[Fate.STORED] + fates[Fate.DELETED]} acknowledged, {fates[Fate.UNKNOWN]} without an answer, "
            f"{fates[Fate.JUDGED]} judged, {fates[Fate.REFUSED]} refused; revision {kills.revision}; 0 lost, 0 phantoms")


def test_sqlite_loses_nothing(tmp_path, contract, seed, cycles, say):
    with sqlite_cluster(tmp_path, contract) as cluster:
        run(cluster, seed, cycles, say, "sqlite")


def test_mariadb_loses_nothing(tmp_path, contract, durable_maria, seed, cycles, say):
    with mariadb_cluster(tmp_path, contract, durable_maria) as cluster:
        run(cluster, seed, cycles, say, "mariadb")
