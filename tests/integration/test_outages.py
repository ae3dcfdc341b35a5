"""The database goes away in every way that we know of: lookups answer on, writes are refused in time,
nothing is half-done, and what comes back is caught up with.

An outage mostly waits, so all that were chosen play at the same time, each on a stage of its own; a
test then only asks how its outage ended."""
import concurrent.futures
import contextlib
import os
import pathlib
import subprocess

import pytest

import tcp_proxy
from http_client import eventually
from mariadb import MariaDB
from outage import RECOVERY_SECONDS, Ledger, Lookups
from tcp_proxy import TcpProxy

AT_ONCE = 6  # outages
CROWD = 3  # writes at the same time
KEY = "w0.example"  # the first one of a ledger
COMMITS = 3  # that meet the same fate, one after the other
DOWN_SECONDS = 15  # until an outage is noticed
PACKETS_TO_THE_LOCK = 2  # of a write: its begin, its revisions, and this one finds the lock held
CONNECTIONS = 10  # the fewest that a server can be told to take
LONG_COMMENT = "\N{OLD ITALIC LETTER A}" * 1024  # 4 KiB
TABLESPACE = "--innodb-data-file-path=ibdata1:12M:autoextend:max:{mebibytes}M"
DISK_WRITES_MAX = 2000  # until a small disk is full


class Stage:
    """What one outage plays on; all of it is gone afterwards."""

    def __init__(self, shared, launch, mktemp, stack):
        self.shared = shared  # a MariaDB that goes on
        self.launch = launch
        self.mktemp = mktemp
        self.stack = stack

    def server(self, *options, folder=None):
        """A MariaDB of its own."""
        server = MariaDB(folder or self.mktemp("outage-mariadb"), options=options).start()
        self.stack.callback(server.stop)
        return server

    def proxy(self, maria=None):
        return self.stack.enter_context(TcpProxy((maria or self.shared).port))

    def program(self, url, *arguments):
        return self.launch("--stale-after", "1s", *arguments, database=url)

    def behind_proxies(self, count=1):
        """-> a program whose database lies behind proxies, its ledger, the proxies, and a program that
        reaches the database without them."""
        database = self.shared.new_database()
        proxies = [self.proxy() for _ in range(count)]
        program = self.program(self.shared.url(database, hosts=[proxy.host for proxy in proxies]))
        ledger = Ledger(self.shared, database)
        other = self.program(self.shared.url(database))
        assert ledger.write(program).status == 201
        return program, ledger, *proxies, other

    def alone(self, *options):
        """-> a program, its ledger, and the MariaDB that only it uses."""
        maria = self.server(*options)
        database = maria.new_database()
        program = self.program(maria.url(database))
        ledger = Ledger(maria, database)
        assert ledger.write(program).status == 201
        return program, ledger, maria


def look_up(program, ledger):
    key, target = ledger.acknowledged[1]
    return Lookups(program, key, target)


def is_refused(answers):
    for answer in answers:
        assert (answer.status, answer.code) == (503, "store_unavailable"), answer.text


def is_down(program, lookups, word=""):
    """It says so, and why, and goes on."""
    eventually(lambda: program.readiness()["store"] == "down", DOWN_SECONDS, "store down")
    eventually(lambda: word in program.readiness()["detail"], DOWN_SECONDS, word)
    eventually(lambda: lookups.stale >= 1, DOWN_SECONDS, "X-Waypost-Stale")
    ready = program.client.get("/readyz")
    assert ready.status == 200
    assert ready.json()["detail"] and ready.json()["stale_seconds"] >= 1
    is_refused([program.client.get("/overrides"), program.client.get(f"/overrides/{KEY}"),
                program.client.delete(f"/overrides/{KEY}"),
                program.client.patch(f"/overrides/{KEY}", {"target_host": "10.66.66.66"})])


def comes_back(program, ledger, lookups):
    ledger.write_until_done(program)
    eventually(lambda: program.readiness()["store"] == "ok", RECOVERY_SECONDS, "store ok")
    eventually(lambda: lookups.stale == 0, RECOVERY_SECONDS, "the end of X-Waypost-Stale")


def outlast(program, ledger, begin, end, other=None, word=""):
    """`other`: a program that the outage does not touch; what it writes meanwhile is seen afterwards.
    `word`: of the reason."""
    with look_up(program, ledger) as lookups:
        begin()
        is_refused(ledger.write_many(program, CROWD))
        is_down(program, lookups, word)
        is_refused([ledger.write(program)])
        if other is not None:
            ledger.write_until_done(other)
        end()
        comes_back(program, ledger, lookups)
    ledger.check(program, *([other] if other else []))


# --- the server -----------------------------------------------------------------------------------

def killed(stage):
    program, ledger, maria = stage.alone()
    outlast(program, ledger, maria.kill, maria.start)


def stopped(stage):
    program, ledger, maria = stage.alone()
    outlast(program, ledger, maria.freeze, maria.thaw)


def killed_under_load(stage):
    """What is acknowledged around the crash is there after it; the rest is not, or was said to be open."""
    program, ledger, maria = stage.alone()
    with look_up(program, ledger) as lookups:
        with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
            writers = [pool.submit(write_until_refused, program, ledger) for _ in range(CROWD)]
            eventually(lambda: len(ledger.acknowledged) > 20 * CROWD, what="writes")
            maria.kill()
            for writer in writers:
                writer.result()
        is_down(program, lookups)
        maria.start()
        comes_back(program, ledger, lookups)
    ledger.check(program)


def write_until_refused(program, ledger):
    while ledger.write(program).status == 201:
        pass


# --- a server that is there and refuses ------------------------------------------------------------

def out_of_connections(stage):
    """Others have taken them all."""
    maria = stage.server(f"--max-connections={CONNECTIONS}")
    database = maria.new_database()
    proxy = stage.proxy(maria)
    program = stage.program(maria.url(database, hosts=[proxy.host]))
    ledger = Ledger(maria, database)
    assert ledger.write(program).status == 201
    with contextlib.ExitStack() as others:
        def take_one():
            session = others.enter_context(maria.session("waypost", "waypost"))
            with contextlib.suppress(AssertionError, BrokenPipeError):
                session.run("DO 0;")
                return True

        def begin():
            proxy.refuse()
            for _ in range(CONNECTIONS):
                eventually(take_one, what="a connection")
            proxy.heal()

        outlast(program, ledger, begin, others.close, word="Too many connections")


def with_a_user_of_its_own(stage, name, refuse, welcome):
    """What an operator does to the account; its connections end as well."""
    database = stage.shared.new_database()
    stage.shared.sql(CREATE_USER.format(name=name, database=database))
    program = stage.program(stage.shared.url(database, user=name, password="right"))
    ledger = Ledger(stage.shared, database)
    assert ledger.write(program).status == 201
    other = stage.program(stage.shared.url(database))
    sql = stage.shared.sql
    outlast(program, ledger, lambda: sql(f"{refuse}; KILL USER {name}"),
            lambda: sql(welcome.format(name=name, database=database)), other, "Access denied")


CREATE_USER = "CREATE USER {name} IDENTIFIED BY 'right'; GRANT ALL ON {database}.* TO {name}"


def password_changed(stage):
    with_a_user_of_its_own(stage, "forgetful", "ALTER USER forgetful IDENTIFIED BY 'other'",
                           "ALTER USER {name} IDENTIFIED BY 'right'")


def user_dropped(stage):
    with_a_user_of_its_own(stage, "fired", "DROP USER fired", CREATE_USER)


def reads_go_on(program, lookups):
    """A database that takes no changes can still be read, and what it says is not stale."""
    assert program.client.get("/readyz").status == 200
    assert program.client.get("/overrides").status == 200
    assert program.client.get(f"/overrides/{KEY}").status == 200
    eventually(lambda: program.readiness()["stale_seconds"] == 0 and lookups.stale == 0, what="fresh data")


def read_only(stage):
    program, ledger, maria = stage.alone()
    with look_up(program, ledger) as lookups:
        maria.sql("SET GLOBAL read_only = 1")
        is_refused(ledger.write_many(program, CROWD))
        assert any("read-only" in ledger.write(program).json()["detail"] for _ in range(CROWD))
        reads_go_on(program, lookups)
        maria.sql("SET GLOBAL read_only = 0")
        comes_back(program, ledger, lookups)
    ledger.check(program)


def read_only_is_said(stage):
    program, ledger, maria = stage.alone()
    maria.sql("SET GLOBAL read_only = 1")
    is_refused([ledger.write(program)])
    eventually(lambda: program.readiness()["store"] == "read_only", what="store read_only")
    assert "read-only" in program.readiness()["detail"]
    maria.sql("SET GLOBAL read_only = 0")
    eventually(lambda: program.readiness()["store"] == "ok", RECOVERY_SECONDS, "store ok")


def fill(program, ledger):
    """Writes until the disk is full. -> the answer that says so."""
    for _ in range(DISK_WRITES_MAX):
        answer = ledger.write(program, LONG_COMMENT)
        if answer.status == 503:
            return answer
    raise AssertionError("no write met the end of the disk")


def outlast_a_full_disk(program, ledger, make_room):
    with look_up(program, ledger) as lookups:
        answer = fill(program, ledger)
        assert "full" in answer.json()["detail"]
        reads_go_on(program, lookups)
        make_room()
        comes_back(program, ledger, lookups)
        assert ledger.write(program, LONG_COMMENT).status == 201
    ledger.check(program)


def tablespace_full(stage):
    """The server may not make its one file any larger, until an operator allows it."""
    program, ledger, maria = stage.alone(TABLESPACE.format(mebibytes=14), "--innodb-file-per-table=0")
    maria.sql("CREATE TABLE ballast (content LONGBLOB)")
    with pytest.raises(AssertionError, match="is full"):
        for _ in range(DISK_WRITES_MAX):
            maria.sql("INSERT INTO ballast VALUES (REPEAT('x', 250000))")

    def make_room():
        maria.stop()
        maria.options[0] = TABLESPACE.format(mebibytes=64)
        maria.start()

    outlast_a_full_disk(program, ledger, make_room)


def disk_full(stage):
    """A file system without a free byte. Not everybody may mount one."""
    folder = stage.mktemp("disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], capture_output=True,
                      check=False).returncode != 0:
        pytest.skip("mounting is not allowed here; tablespace_full shows the same")
    stage.stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
    maria = stage.server(folder=folder / "maria")
    database = maria.new_database()
    program = stage.program(maria.url(database))
    ledger = Ledger(maria, database)
    assert ledger.write(program).status == 201
    ballast = folder / "ballast"
    with open(ballast, "wb") as file:
        free = os.statvfs(folder)
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize)
    outlast_a_full_disk(program, ledger, ballast.unlink)


# --- the network ------------------------------------------------------------------------------------

def cut_and_refused(stage):
    program, ledger, proxy, other = stage.behind_proxies()
    outlast(program, ledger, proxy.refuse, proxy.heal, other)


def black_hole_while_idle(stage):
    program, ledger, proxy, other = stage.behind_proxies()
    outlast(program, ledger, proxy.hole, proxy.heal, other)


def black_hole_at_connect(stage):
    """Not even a connection comes about."""
    program, ledger, proxy, other = stage.behind_proxies()

    def begin():
        proxy.hole_at_connect()
        proxy.cut()

    outlast(program, ledger, begin, proxy.heal, other)


def silent_at_connect(stage):
    """Something accepts connections, and says nothing."""
    program, ledger, proxy, other = stage.behind_proxies()

    def begin():
        proxy.hole()
        proxy.cut()

    outlast(program, ledger, begin, proxy.heal, other)


def black_hole_inside_a_write(stage):
    """The server holds the rows that every write needs for a client of which nothing comes any more;
    others must not have to wait for that one until it comes back."""
    program, ledger, proxy, other = stage.behind_proxies()

    def begin():
        proxy.strike(b"START TRANSACTION", tcp_proxy.lost_in_a_hole, after=PACKETS_TO_THE_LOCK)

    outlast(program, ledger, begin, proxy.heal, other)


# --- a COMMIT of which nobody knows what became -------------------------------------------------------

def answer_is_settled(program, ledger, proxy, fate, **more):
    """-> whether the write in hand was acknowledged. The ledger holds it to what it says."""
    proxy.strike(b"COMMIT", fate, **more)
    answer = ledger.write(program)
    assert proxy.struck.is_set()
    return answer.status == 201


def settled(program):
    return [line["committed"] for line in program.log("writer.settled")]


def commit_done_and_answer_lost(stage):
    """The change log of the reconnected database says that it happened: so says the answer."""
    program, ledger, proxy, other = stage.behind_proxies()
    with look_up(program, ledger) as lookups:
        for turn in range(COMMITS):
            assert answer_is_settled(program, ledger, proxy, tcp_proxy.done_and_cut)
            assert settled(program) == ["yes"] * (turn + 1)
        comes_back(program, ledger, lookups)
    ledger.check(program, other)


def commit_sent_and_cut(stage):
    """It may be under way while we ask."""
    program, ledger, proxy, other = stage.behind_proxies()
    with look_up(program, ledger) as lookups:
        for _ in range(COMMITS):
            assert answer_is_settled(program, ledger, proxy, tcp_proxy.sent_and_cut)
        comes_back(program, ledger, lookups)
    assert len(settled(program)) == COMMITS
    ledger.check(program, other)


def commit_lost(stage):
    """It never arrived: the same transaction is done again, once."""
    program, ledger, proxy, other = stage.behind_proxies()
    with look_up(program, ledger) as lookups:
        for turn in range(COMMITS):
            assert answer_is_settled(program, ledger, proxy, tcp_proxy.lost_and_cut)
            assert settled(program) == ["no"] * (turn + 1)
        comes_back(program, ledger, lookups)
    ledger.check(program, other)


def commit_lost_and_forgotten(stage):
    """The server keeps the transaction open. As long as it might still be committed, nobody may say
    that it was not."""
    program, ledger, proxy, other = stage.behind_proxies()
    with look_up(program, ledger) as lookups:
        answer_is_settled(program, ledger, proxy, tcp_proxy.lost_and_forgotten)
        assert "no" not in settled(program) or not is_open(stage, ledger)
        proxy.heal()
        comes_back(program, ledger, lookups)
    ledger.check(program, other)


def is_open(stage, ledger):
    """A transaction that has changed something, of the ledger's database."""
    return int(stage.shared.sql(
        "SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist ON id ="
        f" trx_mysql_thread_id WHERE trx_rows_modified > 0 AND db = '{ledger.database}'")[0][0])


def commit_done_in_a_hole(stage):
    """It happened, and nothing comes back until long after the answer."""
    program, ledger, proxy, other = stage.behind_proxies()
    with look_up(program, ledger) as lookups:
        assert not answer_is_settled(program, ledger, proxy, tcp_proxy.done_in_a_hole)
        assert ledger.unknown, "it is stored, and nobody could ask"
        is_down(program, lookups)
        proxy.heal()
        comes_back(program, ledger, lookups)
    assert not set(ledger.unknown) - set(stored(ledger))
    ledger.check(program, other)


def commit_in_a_hole(stage):
    """Neither the COMMIT nor the end of its connection arrives before the server has lost its
    patience; what the hole gives back afterwards does no harm."""
    program, ledger, proxy, other = stage.behind_proxies()
    with look_up(program, ledger) as lookups:
        assert not answer_is_settled(program, ledger, proxy, tcp_proxy.lost_in_a_hole)
        assert ledger.unknown
        ledger.write_until_done(other)
        proxy.heal()
        comes_back(program, ledger, lookups)
    ledger.check(program, other)


def commit_late(stage):
    """It arrives while we ask what became of it: having looked once is not enough."""
    program, ledger, proxy, other = stage.behind_proxies()
    with look_up(program, ledger) as lookups:
        is_done = answer_is_settled(program, ledger, proxy, tcp_proxy.lost_until_asked, question=b"UPDATE override_state")
        assert is_done or settled(program) != ["yes"]
        comes_back(program, ledger, lookups)
    ledger.check(program, other)


def stored(ledger):
    return [key for key, in ledger.maria.sql("SELECT lookup_key FROM dns_overrides", ledger.database)]


def commits_of_a_crowd(stage):
    """Batches, whose every COMMIT meets something else, beside another instance that writes as well."""
    program, ledger, proxy, other = stage.behind_proxies()
    fates = (tcp_proxy.done_and_cut, tcp_proxy.lost_and_cut, tcp_proxy.sent_and_cut)
    with look_up(program, ledger) as lookups, concurrent.futures.ThreadPoolExecutor(1) as pool:
        for turn in range(COMMITS * len(fates)):
            proxy.strike(b"COMMIT", fates[turn % len(fates)])
            beside = pool.submit(ledger.write_many, other, CROWD)
            assert all(answer.status == 201 for answer in ledger.write_many(program, CROWD))
            assert all(answer.status == 201 for answer in beside.result())
            assert proxy.struck.is_set()
        comes_back(program, ledger, lookups)
    assert not ledger.refused and not ledger.unknown
    ledger.check(program, other)


OUTAGES = {outage.__name__: outage for outage in (
    out_of_connections, password_changed, user_dropped, read_only, read_only_is_said, tablespace_full, disk_full,
    killed, stopped, killed_under_load, cut_and_refused, black_hole_while_idle, black_hole_at_connect,
    silent_at_connect, black_hole_inside_a_write, commit_done_and_answer_lost, commit_sent_and_cut,
    commit_lost, commit_lost_and_forgotten, commit_done_in_a_hole, commit_in_a_hole, commit_late,
    commits_of_a_crowd,
)}


@pytest.fixture(scope="module")
def endings(request, maria, launch_for_module, tmp_path_factory):
    chosen = [item.callspec.params["outage"] for item in request.session.items
              if item.module is request.module and "outage" in getattr(item, "fixturenames", ())]

    def play(outage):
        with contextlib.ExitStack() as stack:
            OUTAGES[outage](Stage(maria, launch_for_module, tmp_path_factory.mktemp, stack))

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield {outage: pool.submit(play, outage) for outage in chosen}


KNOWN = {
    "read_only_is_said": "/readyz tells of a schema that is read-only, and not yet of a server",
}


@pytest.mark.parametrize("outage", [
    pytest.param(outage, marks=[pytest.mark.xfail(strict=True, reason=KNOWN[outage])] if outage in KNOWN else [])
    for outage in OUTAGES])
def test_an_outage(endings, outage):
    endings[outage].result()
