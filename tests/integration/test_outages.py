"""The database goes away in every way that we know of: lookups answer on, writes are refused in time,
nothing is half-done, and what comes back is caught up with.

An outage mostly waits, so all that were chosen play at the same time, each on a stage of its own; a
test then only asks how its outage ended."""
import concurrent.futures
import contextlib
import os
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
RECONNECTS = 4
BACKOFF_SECONDS = 5  # at most, between two tries to connect
GRACE = 2
KNOCKS = 9  # until the pauses are as long as they get
LOOKUPS = 200  # enough for many polls
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


def under_load(stage, begin, end):
    """What is acknowledged around the moment is there after it; the rest is not, or was said to be open."""
    program, ledger, maria = stage.alone()
    with look_up(program, ledger) as lookups:
        with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
            writers = [pool.submit(write_until_refused, program, ledger) for _ in range(CROWD)]
            eventually(lambda: len(ledger.acknowledged) > 20 * CROWD, what="writes")
            begin(maria)
            for writer in writers:
                writer.result()
        is_down(program, lookups)
        end(maria)
        comes_back(program, ledger, lookups)
    ledger.check(program)


def killed_under_load(stage):
    under_load(stage, MariaDB.kill, MariaDB.start)


def stopped_under_load(stage):
    under_load(stage, MariaDB.freeze, MariaDB.thaw)


def write_until_refused(program, ledger):
    while ledger.write(program).status == 201:
        pass


def slammed_door(stage):
    """It knocks again and again, ever more slowly, but never rests for longer than it promises."""
    program, ledger, proxy, other = stage.behind_proxies()
    with look_up(program, ledger) as lookups:
        before = len(proxy.knocks)
        proxy.slam()
        is_down(program, lookups)
        eventually(lambda: len(proxy.knocks) >= before + KNOCKS, KNOCKS * BACKOFF_SECONDS, "knocks")
        knocks = proxy.knocks[before:]
        pauses = [later - earlier for earlier, later in zip(knocks, knocks[1:])]
        assert max(pauses) < BACKOFF_SECONDS + GRACE
        assert sum(pauses) > BACKOFF_SECONDS, "it does not hammer"
        proxy.heal()
        comes_back(program, ledger, lookups)
    ledger.check(program, other)


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
        late = stage.program(program.database)  # what starts meanwhile can read all it needs
        maria.sql("SET GLOBAL read_only = 0")
        comes_back(program, ledger, lookups)
    ledger.check(program, late)


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
        said = program.readiness()
        assert said["store"] == "failing" and "full" in said["detail"]
        assert program.metrics()["waypost_store_writable"] == 0
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


# --- lists of hosts ---------------------------------------------------------------------------------

def goes_on(program, ledger, proxy, lookups):
    """Any host may come first: so it has to find the good one again and again."""
    for _ in range(RECONNECTS):
        proxy.cut()
        ledger.write_until_done(program)
    eventually(lambda: program.readiness()["store"] == "ok", RECOVERY_SECONDS, "store ok")
    eventually(lambda: lookups.stale == 0, RECOVERY_SECONDS, "the end of X-Waypost-Stale")


def with_a_bad_host(stage, spoil):
    database = stage.shared.new_database()
    bad, good = stage.proxy(), stage.proxy()
    spoil(bad)
    program = stage.program(stage.shared.url(database, hosts=[bad.host, good.host]))
    ledger = Ledger(stage.shared, database)
    ledger.write_until_done(program)
    with look_up(program, ledger) as lookups:
        goes_on(program, ledger, good, lookups)
    ledger.check(program)


def dead_host(stage):
    with_a_bad_host(stage, TcpProxy.refuse)


def black_holed_host(stage):
    with_a_bad_host(stage, TcpProxy.hole_at_connect)


def silent_host(stage):
    with_a_bad_host(stage, TcpProxy.hole)


def failover_and_back(stage):
    """The way over one host ends, then the way over the other; each time in another manner."""
    program, ledger, one, two, other = stage.behind_proxies(2)
    with look_up(program, ledger) as lookups:
        for end in (TcpProxy.refuse, TcpProxy.hole):
            for bad in (one, two):
                end(bad)
                ledger.write_until_done(program)
                eventually(lambda: program.readiness()["store"] == "ok" and lookups.stale == 0, RECOVERY_SECONDS, "ok")
                bad.heal()
    ledger.check(program, other)


def no_host_is_left(stage):
    """The time for one answer does not grow with the list."""
    program, ledger, one, two, three, four, other = stage.behind_proxies(4)
    hosts = one, two, three, four

    def begin():
        for host in hosts:
            host.hole()

    def end():
        for host in hosts:
            host.heal()

    outlast(program, ledger, begin, end, other)


def commit_unknown_and_no_host_is_left(stage):
    """Whom to ask what became of it? Nobody answers, and the client is told so in time."""
    program, ledger, one, two, other = stage.behind_proxies(2)

    def all_end(pair, packet):
        one.hole()
        two.hole()
        tcp_proxy.lost_in_a_hole(pair, packet)

    with look_up(program, ledger) as lookups:
        for proxy in (one, two):
            proxy.strike(b"COMMIT", all_end)
        is_refused(ledger.write_many(program, CROWD))
        is_refused(ledger.write_many(program, CROWD))
        assert ledger.unknown
        for proxy in (one, two):
            proxy.heal()
        comes_back(program, ledger, lookups)
    ledger.check(program, other)


def follow(replica, primary):
    """From now on it copies what the other one takes."""
    (file, position, *_), = primary.sql("SHOW MASTER STATUS")
    replica.sql(f"CHANGE MASTER TO master_host = '127.0.0.1', master_port = {primary.port}, master_user = 'admin',"
                f" master_password = 'admin', master_log_file = '{file}', master_log_pos = {position}; START SLAVE")


class Replicated:
    """Two MariaDBs: what one takes, the other one copies, and takes no changes itself."""

    def __init__(self, stage):
        self.primary = stage.server("--log-bin=binlog", "--server-id=1")
        self.replica = stage.server("--log-bin=binlog", "--server-id=2", "--read-only=1")
        follow(self.replica, self.primary)
        self.database = self.primary.new_database()
        self.ledger = Ledger(self.primary, self.database)
        self.program = stage.program(self.primary.url(
            self.database, hosts=[f"127.0.0.1:{server.port}" for server in (self.replica, self.primary)]))
        self.ledger.write_until_done(self.program)

    def wait_for_copy(self):
        def newest(server):
            return server.sql("SELECT n FROM override_state", self.database)

        eventually(lambda: newest(self.replica) == newest(self.primary), what="a copy")

    def promote(self):
        self.replica.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0")
        self.ledger.maria = self.replica


def read_only_host(stage):
    """It comes first in every other try, and writes go to the one that takes them."""
    pair = Replicated(stage)
    program, ledger = pair.program, pair.ledger
    with look_up(program, ledger) as lookups:
        for _ in range(RECONNECTS):
            pair.primary.sql("KILL USER waypost")
            pair.replica.sql("KILL USER waypost")
            assert ledger.write(program).status == 201
        eventually(lambda: program.readiness()["store"] == "ok" and lookups.stale == 0, what="ok")
    ledger.check(program)


def primary_dies(stage):
    """Its replica answers reads, and takes writes when it is promoted."""
    pair = Replicated(stage)
    program, ledger = pair.program, pair.ledger
    with look_up(program, ledger) as lookups:
        pair.wait_for_copy()
        pair.primary.kill()
        eventually(lambda: program.client.get("/overrides").status == 200, RECOVERY_SECONDS, "reads")
        is_refused(ledger.write_many(program, CROWD))
        assert "read-only" in ledger.write(program).json()["detail"]
        pair.promote()
        comes_back(program, ledger, lookups)
    ledger.check(program)


def switch_places(pair):
    program, ledger = pair.program, pair.ledger
    pair.primary.sql("SET GLOBAL read_only = 1")
    is_refused([ledger.write(program)])
    pair.wait_for_copy()
    pair.promote()


def primary_and_replica_change_places(stage):
    """As an operator does it who loses nothing."""
    pair = Replicated(stage)
    with look_up(pair.program, pair.ledger) as lookups:
        switch_places(pair)
        follow(pair.primary, pair.replica)
        comes_back(pair.program, pair.ledger, lookups)
    pair.ledger.check(pair.program)


def old_primary_is_left_behind(stage):
    """It still answers, and hears of nothing any more: it is not the one to follow."""
    pair = Replicated(stage)
    other = stage.program(pair.replica.url(pair.database))
    with look_up(pair.program, pair.ledger) as lookups:
        switch_places(pair)
        comes_back(pair.program, pair.ledger, lookups)
        pair.ledger.write_until_done(other)
    pair.ledger.check(pair.program, other)


def replica_lags(stage):
    """What was acknowledged and served goes on being served, although the replica that is left has not
    heard of it."""
    pair = Replicated(stage)
    program, ledger = pair.program, pair.ledger
    pair.wait_for_copy()
    pair.replica.sql("STOP SLAVE")
    assert ledger.write(program).status == 201
    key, target = ledger.acknowledged[2]
    with Lookups(program, key, target) as lookups:
        pair.primary.kill()
        eventually(lambda: "behind" in program.readiness().get("detail", ""), RECOVERY_SECONDS, "the replica's lag")
        assert program.readiness()["store"] == "down"
        eventually(lambda: len(lookups.seconds) > LOOKUPS, RECOVERY_SECONDS, "lookups")


OUTAGES = {outage.__name__: outage for outage in (
    # Those that take longest come first.
    old_primary_is_left_behind, failover_and_back, no_host_is_left, commit_unknown_and_no_host_is_left,
    black_hole_inside_a_write, slammed_door, black_hole_while_idle, stopped, stopped_under_load,
    commit_done_in_a_hole, commit_in_a_hole,
    killed, killed_under_load, out_of_connections, password_changed, user_dropped, read_only, read_only_is_said,
    tablespace_full, disk_full, cut_and_refused, black_hole_at_connect, silent_at_connect,
    commit_done_and_answer_lost, commit_sent_and_cut, commit_lost, commit_lost_and_forgotten, commit_late,
    commits_of_a_crowd, dead_host, black_holed_host, silent_host, read_only_host, primary_dies,
    primary_and_replica_change_places, replica_lags,
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


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage(endings, outage):
    endings[outage].result()
