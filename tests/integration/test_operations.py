"""The lines of the page on operations: backup and restore, upgrade, and what is rotated."""
import contextlib
import os
import signal
import stat
import threading

import pytest

import program as programs
from certificates import Authority
from http_client import eventually
from page import Page
from program import ROOT, environment, free_port
from service_manager import service_manager
from token_file import token

OPERATIONS = Page(ROOT / "docs" / "operations.md")
LATER = 11  # revisions that come after the backup
PASSWORD = "database-password"
SOON, LATE = 2, 9  # days
DAY_SECONDS = 24 * 3600
ENDS = "waypost_tls_certificate_expiry_timestamp_seconds"


class Machine:
    """One that the page is about: the paths that it names, a service manager, and an instance as the service."""

    def __init__(self, folder, launch, database, maria=None):
        self.folder, self.launch, self.database, self.maria = folder, launch, database, maria
        for name in ("etc", "backups", "tmp", "bin", "home"):
            (folder / name).mkdir()
        self.tokens = folder / "etc" / "tokens"
        self.admin = token(self.tokens, "admin", "admin")
        self.options = ("--tokens", str(self.tokens))
        self.program = launch(*self.options, database=database, threads=1)
        self.address = self.program.addresses[0]
        self.listen = (self.address,)
        (folder / "bin" / "waypost").symlink_to(programs.binary().resolve())
        if maria:
            (folder / "home" / ".my.cnf").write_text(
                f"[client]\nsocket={maria.socket}\nuser=admin\npassword=admin\n")

    def authorization(self):
        return {"Authorization": f"Bearer {self.admin}"}

    def set(self, key, target):
        answer = self.program.client.put(f"/overrides/{key}", {"target_host": target}, **self.authorization())
        assert answer.status in (200, 201), answer.text
        return answer.revision

    def served(self, key):
        """Where it goes; empty: there is no override."""
        answer = self.program.client.get(f"/resolve/{key}?fallback=none", **self.authorization())
        return answer.json()["target_host"]

    def changes(self, since, epoch):
        return self.program.client.get(f"/changes?since={since}&epoch={epoch}", **self.authorization())

    def epoch(self):
        return self.program.client.get("/changes?since=0", **self.authorization()).json()["epoch"]

    def stop(self):
        self.program.stop()

    def start(self):
        self.program = self.launch(*self.options, database=self.database, listen=self.listen, threads=1)

    def restart(self):
        self.stop()
        self.start()

    def reload(self):
        events = ["tokens.read"] + ["tls.read"] * ("--tls-cert" in self.options)
        before = {event: len(self.program.log(event)) for event in events}
        self.program.process.send_signal(signal.SIGHUP)
        eventually(lambda: all(len(self.program.log(event)) > before[event] for event in events), what="the new files")

    def run(self, heading, **words):
        paths = {"/var/lib/waypost": str(self.folder), "/var/backups": str(self.folder / "backups"),
                 "/etc/waypost": str(self.folder / "etc"), "/tmp/check": str(self.folder / "tmp" / "check"),
                 "127.0.0.1:8099": f"127.0.0.1:{free_port()}", **words}
        if self.maria:
            paths["db.example.net/"] = f"127.0.0.1:{self.maria.port}/"
        with service_manager(self.folder / "manager", stop=self.stop, start=self.start, restart=self.restart,
                             reload=self.reload) as manager:
            env = environment(PATH=f"{self.folder / 'bin'}:{manager}:{os.environ['PATH']}",
                              HOME=str(self.folder / "home"), WAYPOST=f"http://{self.address}",
                              WAYPOST_DATABASE=self.database, WAYPOST_LISTEN=self.address,
                              ADMIN_TOKEN=self.admin, TOKEN=self.admin)
            OPERATIONS.run(heading, paths, env, self.folder)


@pytest.fixture
def sqlite(tmp_path, launch):
    return Machine(tmp_path, launch, f"sqlite:{tmp_path}/waypost.db")


@pytest.fixture
def mariadb(tmp_path, launch, own_maria):
    """The page's database and user have fixed names, so the server is not shared."""
    own_maria.sql("DROP DATABASE IF EXISTS waypost; CREATE DATABASE waypost CHARACTER SET utf8mb4; "
                  "GRANT ALL ON waypost.* TO waypost; GRANT ALL ON *.* TO admin WITH GRANT OPTION", "mysql")
    return Machine(tmp_path, launch, own_maria.url("waypost"), own_maria)


@contextlib.contextmanager
def looked_up(machine, key):
    """-> where the key went, again and again until the end"""
    answers, ending = [], threading.Event()

    def look():
        while not ending.is_set():
            answers.append(machine.served(key))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield answers
    finally:
        ending.set()
        looking.join()


def backed_up(machine, section):
    """Two overrides, and then the backup."""
    machine.set("example.org", "10.0.0.5")
    machine.set("example.net", "10.0.0.5")
    machine.run(section)
    return machine


def change_much(machine):
    """What a restore takes back. -> the epoch"""
    for number in range(LATER):
        machine.set("example.org", f"10.0.1.{number}")
    machine.set("new.example", "10.0.0.9")
    return machine.epoch()


def is_restored(machine, epoch):
    eventually(lambda: machine.served("example.org") == "10.0.0.5", what="what the backup holds")
    assert machine.served("new.example") == ""
    assert machine.changes(2, epoch).status == 410, "a reader of the feed must read anew"
    assert machine.set("example.org", "10.0.0.6") == 4, "two changes, a reload, and this one"
    assert machine.served("example.org") == "10.0.0.6"


def test_backup_and_restore_of_sqlite(sqlite):
    backed_up(sqlite, "SQLite, while it runs")
    sqlite.run("Does a backup of SQLite work?")
    epoch = change_much(sqlite)
    sqlite.run("SQLite, from the backup")
    is_restored(sqlite, epoch)


def test_backup_and_restore_of_mariadb(mariadb):
    backed_up(mariadb, "MariaDB, while it runs")
    mariadb.run("Does a backup of MariaDB work?")
    epoch = change_much(mariadb)
    with looked_up(mariadb, "example.net") as answers:
        mariadb.run("MariaDB, from the backup")
    assert set(answers) == {"10.0.0.5"}, "it was so before and after"
    is_restored(mariadb, epoch)


def test_an_upgrade_beside_an_older_version(mariadb, launch):
    """Of two versions there is one here: what the later one adds to the schema is made by hand."""
    older = launch(*mariadb.options, database=mariadb.database)
    mariadb.set("example.org", "10.0.0.5")
    mariadb.maria.sql("ALTER TABLE dns_overrides ADD COLUMN later INT NOT NULL DEFAULT 0; "
                      "INSERT INTO schema_migration (version, name, sha256, is_expand, done_at) "
                      "SELECT 9999, '9999_later', sha256, 1, done_at FROM schema_migration WHERE version = 1", "waypost")
    mariadb.run("Upgrade")
    for program in (older, mariadb.program):
        assert program.readiness()["store"] == "ok"
    headers = mariadb.authorization()
    revision = older.client.put("/overrides/example.org", {"target_host": "10.0.0.6"}, **headers).revision
    answer = mariadb.program.client.get(f"/resolve/example.org?min_revision={revision}", **headers)
    assert answer.json()["target_host"] == "10.0.0.6"


def test_a_token_is_replaced_while_both_are_good(sqlite):
    sqlite.run("Tokens")
    names = [line.split()[0] for line in sqlite.tokens.read_text().splitlines()]
    assert names == ["admin", "relay-2026"]
    sqlite.set("example.org", "10.0.0.5")
    assert sqlite.program.log("tokens.read")[-1]["count"] == "2"


def test_a_certificate_is_replaced(tmp_path, sqlite):
    authority = Authority(tmp_path, "authority")
    served = authority.server(days=SOON).put(tmp_path / "etc")
    (tmp_path / "new").mkdir()
    authority.server(days=LATE).put(tmp_path / "new")
    sqlite.stop()
    sqlite.listen = (f"{sqlite.address}?tls=off", "127.0.0.1:0")
    sqlite.options += tuple(served.options)
    sqlite.start()
    before = sqlite.program.metrics(**sqlite.authorization())[ENDS]
    sqlite.run("Certificates")
    after = sqlite.program.metrics(**sqlite.authorization())[ENDS]
    assert round((after - before) / DAY_SECONDS) == LATE - SOON


def test_the_password_of_the_database_is_replaced(tmp_path, launch, own_maria, mariadb):
    mariadb.stop()
    password = tmp_path / "etc" / PASSWORD
    password.write_text("waypost\n")
    password.chmod(stat.S_IRUSR | stat.S_IWUSR)
    mariadb.database = f"mariadb://waypost@127.0.0.1:{own_maria.port}/waypost"
    mariadb.options += ("--database-password-file", str(password))
    mariadb.start()
    mariadb.set("example.org", "10.0.0.5")
    try:
        mariadb.run("The database's password")
        assert password.read_text() == "new-secret\n"
        assert mariadb.set("example.org", "10.0.0.6") == 2
        assert mariadb.served("example.org") == "10.0.0.6"
    finally:
        own_maria.sql("ALTER USER waypost IDENTIFIED BY 'waypost'", "mysql")
