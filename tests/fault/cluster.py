"""The processes that are killed: a database and the instances on it, each of which can be started again."""
import contextlib
import os
import pathlib
import signal
import sqlite3

from history import Entry, Row
from http_client import eventually
from program import Waypost

BACK_SECONDS = 60  # for everything to be as it was; the service itself tries again every 5 s at the latest
LAST_WORDS = 3000  # characters of a log that a failure shows

SQL_STATE = "SELECT n, low FROM override_state"
SQL_LOG = "SELECT revision, seq, op, lookup_key FROM override_change WHERE revision > {} ORDER BY revision, seq"
SQL_LOG_SIZE = "SELECT COUNT(*), COUNT(DISTINCT revision), COALESCE(MAX(revision), 0) FROM override_change"
SQL_TABLE = "SELECT lookup_key, target_host, comment, enabled, revision FROM dns_overrides"


class Instance:
    """A waypost that may be dead. `address` is None then."""

    def __init__(self, name, folder, contract, database_url):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.contract = contract
        self.database_url = database_url
        self.program = None
        self.address = None

    @property
    def pid(self):
        return self.program.process.pid

    def start(self):
        """Returns when it listens, which does not need the database."""
        self.program = Waypost(self.folder, self.contract, self.database_url, "127.0.0.1:1",
                               ("--log-lookups", "none"))
        self.address = self.program.addresses[0]

    def is_back(self):
        code = self.program.process.poll()
        assert code is None, f"{self.name} has ended by itself with {code}:\n{self.last_words()}"
        return self.program.readiness().get("store") == "ok" and self.program.is_ready()

    def last_words(self):
        """The end of its log."""
        lines = self.program.stderr_path.read_text().splitlines()
        return "\n".join(line for line in lines if "event=override." not in line)[-LAST_WORDS:]

    def expect_death(self):
        """Nobody may talk to its port any more: it can be given to another program at once."""
        self.address = None

    def await_death(self):
        self.program.process.wait()
        self.program.ended = True

    def stop(self):
        self.address = None
        if self.program is not None:
            self.program.stop()


class Server:
    """The MariaDB server as one of the victims."""

    name = "mariadbd"

    def __init__(self, maria):
        self.maria = maria

    @property
    def pid(self):
        return self.maria.pid

    def start(self):
        self.maria.start()

    def expect_death(self):
        """Its port is not one that the kernel gives to others."""

    def await_death(self):
        eventually(lambda: not self.maria.is_alive(), what="the end of mariadbd")


class Cluster:
    """Instances on one database. `query(sql)` -> rows of the database."""

    def __init__(self, instances, query, server=None):
        self.instances = instances
        self.query = query
        self.victims = [*instances, *([server] if server else [])]

    def start(self):
        for instance in self.instances:
            instance.start()
        self.await_return()

    def kill(self, victims):
        """kill -9 of all of them at once; returns when they are gone."""
        for victim in victims:
            victim.expect_death()
            os.kill(victim.pid, signal.SIGKILL)
        for victim in victims:
            victim.await_death()

    def await_return(self):
        """Until every instance is ready and in touch with the database."""
        for instance in self.instances:
            eventually(instance.is_back, BACK_SECONDS, f"readiness of {instance.name}")

    def stop(self):
        complaints = []
        for instance in self.instances:
            try:
                instance.stop()
            except AssertionError as error:
                complaints.append(f"{instance.name}: {error}")
        assert not complaints, "\n".join(complaints)

    # what is stored

    def newest(self):
        (row,) = self.query(SQL_STATE)
        assert int(row[1]) == 0, "nothing prunes the log here"
        return int(row[0])

    def log_behind(self, revision):
        return [Entry(int(number), int(seq), op, key)
                for number, seq, op, key in self.query(SQL_LOG.format(revision))]

    def log_size(self):
        """-> lines, different revisions, the highest"""
        (row,) = self.query(SQL_LOG_SIZE)
        return tuple(map(int, row))

    def table(self):
        return {key: Row(target, comment, bool(int(enabled)), int(revision))
                for key, target, comment, enabled, revision in self.query(SQL_TABLE)}


@contextlib.contextmanager
def sqlite_cluster(folder, contract):
    path = folder / "waypost.db"

    def query(sql):
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as database:
            return database.execute(sql).fetchall()

    cluster = Cluster([Instance("A", folder / "a", contract, f"sqlite:{path}")], query)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@contextlib.contextmanager
def mariadb_cluster(folder, contract, maria):
    name = maria.new_database()
    url = maria.url(name)
    cluster = Cluster([Instance(letter, folder / letter.lower(), contract, url) for letter in "AB"],
                      lambda sql: maria.sql(sql, name), Server(maria))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
