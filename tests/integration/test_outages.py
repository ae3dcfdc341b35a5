"""The database goes away in every way that we know of: lookups answer on, writes are refused in time,
nothing is half-done, and what comes back is caught up with.

An outage mostly waits, so all that were chosen play at the same time, each on a stage of its own; a
test then only asks how its outage ended."""
import concurrent.futures
import contextlib
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
DOWN_SECONDS = 15  # until an outage is noticed
PACKETS_TO_THE_LOCK = 2  # of a write: its begin, its revisions, and this one finds the lock held
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


def is_down(program, lookups):
    """It says so, and goes on."""
    eventually(lambda: program.readiness()["store"] == "down", DOWN_SECONDS, "store down")
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


def outlast(program, ledger, begin, end, other=None):
    """`other`: a program that the outage does not touch; what it writes meanwhile is seen afterwards."""
    with look_up(program, ledger) as lookups:
        begin()
        is_refused(ledger.write_many(program, CROWD))
        is_down(program, lookups)
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


OUTAGES = {outage.__name__: outage for outage in (
    killed, stopped, killed_under_load, cut_and_refused, black_hole_while_idle, black_hole_at_connect,
    silent_at_connect, black_hole_inside_a_write,
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
