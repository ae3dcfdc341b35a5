"""The database dies, hangs, comes back; the program is killed. No mail stops, nothing acknowledged is lost."""
import resource
import signal
import threading
import time

import pytest

from http_client import connect, eventually, parse, read_all

WRITE_SECONDS = 10  # within this a write is refused when the database does not answer
GRACE = 2


@pytest.fixture
def program(own_maria, launch, scripted):
    scripted.rule("real.example", MX=[("MX", (10, "mx.example"))])
    if not own_maria.is_alive():
        own_maria.start()
    program = launch(database=own_maria.url(own_maria.new_database()), dns=scripted.address)
    program.client.set("example.org", "10.0.0.5")
    yield program
    own_maria.thaw() if own_maria.is_alive() else own_maria.start()


def lookups_go_on(client):
    start = time.monotonic()
    assert client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    assert client.get("/mx/example.org?fallback=none").json()["override"] is True
    assert client.get("/mx/real.example").json()["records"] == [{"host": "mx.example", "preference": 10}]
    assert client.post("/mx", {"keys": ["example.org", "real.example"]}).status == 200
    assert client.get("/healthz").status == 200
    assert client.get("/readyz").status == 200
    assert client.get("/metrics").status == 200
    assert time.monotonic() - start < 1.5, "a dead database slowed lookups down"


REQUESTS = [
    ("PUT", "/overrides/new.example", {"target_host": "10.0.0.6"}),
    ("PATCH", "/overrides/example.org", {"target_host": "10.0.0.6"}),
    ("POST", "/overrides", {"lookup_key": "new.example", "target_host": "10.0.0.6"}),
    ("DELETE", "/overrides/example.org", None),
    ("POST", "/overrides/example.org/revert", {"revision": 0}),
    ("POST", "/history/1/revert", None),
    ("POST", "/reload", None),
    ("GET", "/overrides", None),
    ("GET", "/overrides/example.org", None),
    ("GET", "/overrides/example.org/history", None),
    ("GET", "/history", None),
    ("GET", "/changes?since=0", None),
    ("GET", "/changes?since=0&wait=60", None),
]


def all_are_refused(client):
    """All at once, each within the promised time, while lookups go on."""
    answers = {}

    def one(number):
        start = time.monotonic()
        answer = client.request(*REQUESTS[number])
        answers[number] = answer, time.monotonic() - start

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(REQUESTS))]
    for thread in threads:
        thread.start()
    lookups_go_on(client)
    for thread in threads:
        thread.join()
    assert len(answers) == len(REQUESTS)
    for number, (answer, seconds) in answers.items():
        assert (answer.status, answer.code) == (503, "store_unavailable"), REQUESTS[number]
        assert int(answer.headers["Retry-After"]) >= 1
        assert seconds < WRITE_SECONDS + GRACE, REQUESTS[number]
    lookups_go_on(client)


def comes_back(program):
    client = program.client
    eventually(lambda: client.put("/overrides/back.example", {"target_host": "10.0.0.7"}).status in (200, 201), 30,
               "a write")
    eventually(lambda: program.readiness()["store"] == "ok", 15, "store ok")
    rows = {row["lookup_key"]: row["target_host"] for row in client.get("/overrides").json()["overrides"]}
    assert client.get("/resolve/back.example").json()["target_host"] == "10.0.0.7"
    return rows


def test_mariadb_is_killed_and_comes_back(program, own_maria):
    own_maria.kill()
    all_are_refused(program.client)
    eventually(lambda: program.readiness()["store"] == "down", what="store down")
    assert program.readiness()["detail"]
    own_maria.start()
    rows = comes_back(program)
    assert rows == {"example.org": "10.0.0.5", "back.example": "10.0.0.7"}, "nothing that was refused may be done"


def test_mariadb_hangs_and_comes_back(program, own_maria):
    """A frozen database may have taken a statement before it froze; what it answers for must be whole."""
    own_maria.freeze()
    all_are_refused(program.client)
    eventually(lambda: program.readiness()["store"] == "down", 15, "store down")
    assert program.readiness()["stale_seconds"] >= 1
    own_maria.thaw()
    rows = comes_back(program)
    client = program.client
    for key, target in rows.items():
        served = client.get(f"/resolve/{key}?fallback=none").json()["target_host"]
        assert served == target, "what is served is what is stored"
    listed = client.get("/overrides").json()
    assert len({row["revision"] for row in listed["overrides"]}) == len(listed["overrides"])


def test_a_write_that_was_refused_while_mariadb_hung_is_not_done_later(program, own_maria):
    own_maria.freeze()
    answer = program.client.put("/overrides/example.org", {"target_host": "10.66.66.66"})
    assert answer.status == 503
    own_maria.thaw()
    rows = comes_back(program)
    assert rows["example.org"] == "10.0.0.5"
    assert program.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"


def test_sigterm_while_mariadb_hangs(program, own_maria):
    own_maria.freeze()
    waiting = threading.Thread(target=lambda: _try(program.client, "PUT", "/overrides/a.example",
                                                   {"target_host": "10.0.0.6"}))
    waiting.start()
    lookups_go_on(program.client)
    program.stop(signal.SIGTERM)
    waiting.join()


def _try(client, *request):
    """The answer, or None if the connection ended without one."""
    try:
        return client.request(*request, check=False)
    except OSError:
        return None
    except Exception as error:
        if type(error).__module__ == "http.client":
            return None
        raise


def test_many_lookups_while_mariadb_is_killed_never_fail(program, own_maria):
    stop = threading.Event()
    failures, done = [], []

    def look():
        held = program.client.held()
        while not stop.is_set():
            answer = held.get("/resolve/example.org")
            done.append(1)
            if answer.status != 200 or answer.json()["target_host"] != "10.0.0.5":
                failures.append(answer)
        held.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        own_maria.kill()
        eventually(lambda: program.readiness()["store"] == "down", what="store down")
        own_maria.start()
        eventually(lambda: program.readiness()["store"] == "ok", 30, "store ok")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(done) > 100 and not failures, failures[:3]


def test_changes_of_another_instance_arrive(own_maria, launch):
    url = own_maria.url(own_maria.new_database())
    one, other = launch(database=url), launch(database=url)
    for number in range(20):
        one.client.set(f"k{number}.example", "10.0.0.5")
    one.client.patch("/overrides/k3.example", {"enabled": False})
    one.client.delete("/overrides/k4.example")
    revision = one.client.get("/overrides").revision
    eventually(lambda: other.client.get("/healthz").revision == revision, what="the same revision")
    for number in range(20):
        expected = "" if number in (3, 4) else "10.0.0.5"
        assert other.client.get(f"/resolve/k{number}.example?fallback=none").json()["target_host"] == expected


def test_a_table_that_vanishes_is_an_outage_and_no_answer(own_maria, launch):
    database = own_maria.new_database()
    program = launch(database=own_maria.url(database))
    program.client.set("example.org", "10.0.0.5")
    own_maria.sql(f"DROP DATABASE {database}")
    answer = program.client.put("/overrides/example.org", {"target_host": "10.0.0.6"})
    assert answer.status == 503
    assert program.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"


# --- kill -9 --------------------------------------------------------------------------------------

class Writers:
    """Clients that write as fast as they can, and remember what was acknowledged."""

    def __init__(self, client, count=8):
        self.client = client
        self.acknowledged = [{} for _ in range(count)]  # key -> (target or None, revision)
        self.unknown = [{} for _ in range(count)]  # key -> target of the one request without an answer
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(count)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def count(self):
        return sum(map(len, self.acknowledged))

    def join(self):
        for thread in self.threads:
            thread.join()

    def write(self, number):
        turn = 0
        held = self.client.held()
        while True:
            key = f"w{number}-{turn % 40}.example"
            target = f"10.{number}.{turn // 250}.{turn % 250}"
            answer = _try(held, "PUT", f"/overrides/{key}", {"target_host": target})
            if answer is None:
                self.unknown[number][key] = target
                return
            assert answer.status in (200, 201), answer.text
            self.acknowledged[number][key] = target, answer.json()["revision"]
            turn += 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("store", ["sqlite", "mariadb"])
def test_kill_9_loses_no_acknowledged_write(tmp_path, launch, request, store, seed):
    if store == "mariadb":
        maria = request.getfixturevalue("maria")
        database = maria.url(maria.new_database())
    else:
        database = f"sqlite:{tmp_path}/waypost.db"
    program = launch(database=database)
    writers = Writers(program.client).start()
    eventually(lambda: writers.count() >= 40 + 60 * seed, 30, "writes")
    program.kill()
    writers.join()

    again = launch(database=database)
    rows = {row["lookup_key"]: row for row in again.client.get("/overrides?limit=1000").json()["overrides"]}
    highest = max(row["revision"] for row in rows.values())
    for number in range(len(writers.threads)):
        for key, (target, revision) in writers.acknowledged[number].items():
            row = rows[key]
            if row["revision"] == revision:
                assert row["target_host"] == target
            else:  # only the one write that was in the air when it was killed may have come after
                assert row["revision"] > revision
                assert row["target_host"] == writers.unknown[number].get(key)
            assert again.client.get(f"/resolve/{key}?fallback=none").json()["target_host"] == row["target_host"]
    assert len({row["revision"] for row in rows.values()}) == len(rows), "a revision was given twice"
    assert again.client.set("after.example", "10.0.0.5").json()["revision"] == highest + 1


def test_sigterm_under_load_answers_what_it_took(launch, tmp_path):
    """Every write that was answered is there after the restart; the program stops in time with exit code 0."""
    database = f"sqlite:{tmp_path}/waypost.db"
    program = launch(database=database)
    writers = Writers(program.client).start()
    eventually(lambda: writers.count() >= 200, 30, "writes")
    program.process.send_signal(signal.SIGTERM)
    writers.join()
    program.stop()
    rows = {row["lookup_key"]: row["revision"]
            for row in launch(database=database).client.get("/overrides?limit=1000").json()["overrides"]}
    for acknowledged in writers.acknowledged:
        for key, (_, revision) in acknowledged.items():
            assert rows[key] >= revision


def test_sigterm_between_pipelined_requests(launch):
    """What was answered is whole; the connection then ends."""
    program = launch()
    one = b"GET /resolve/192.0.2.1 HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(program.addresses[0]) as stream:
        stream.sendall(one * 200)
        program.process.send_signal(signal.SIGTERM)
        received = read_all(stream)
    answers = parse(received, ["GET"] * 200)
    assert answers and all(answer.status in (200, 503) for answer in answers)


def test_a_full_disk_refuses_writes_only(launch):
    """A limit on file sizes stands in for the full disk."""
    program = launch(ignores_file_limit=True)
    client = program.client
    client.set("example.org", "10.0.0.5")
    size = max(path.stat().st_size for path in program.folder.glob("waypost.db*"))
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    refused = []
    for number in range(400):
        answer = client.put(f"/overrides/k{number}.example", {"target_host": "10.0.0.6", "comment": "x" * 1000})
        if answer.status == 503:
            refused.append(f"k{number}.example")
            break
    assert refused, "no write met the limit"
    assert answer.code == "store_unavailable"
    assert client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    assert client.get(f"/resolve/{refused[0]}?fallback=none").json()["override"] is False
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    eventually(lambda: client.put("/overrides/back.example", {"target_host": "10.0.0.7"}).status in (200, 201),
               what="a write")
    rows = [row["lookup_key"] for row in client.get("/overrides?limit=1000").json()["overrides"]]
    assert refused[0] not in rows


# --- what a database does on an ordinary day ------------------------------------------------------

def kill_connections(maria):
    ids = maria.sql("SELECT id FROM information_schema.processlist WHERE user = 'waypost'")
    for (number,) in ids:
        maria.sql(f"KILL {number}")
    return len(ids)


def test_connections_that_were_closed_while_idle_are_not_noticed(program, own_maria):
    """As wait_timeout does at night."""
    client = program.client
    for turn in range(3):
        assert kill_connections(own_maria) >= 1
        assert client.put("/overrides/example.org", {"target_host": f"10.0.0.{turn + 10}"}).status == 200
        assert kill_connections(own_maria) >= 1
        answer = client.get("/overrides")
        assert answer.status == 200, answer.text
        answer = client.get("/overrides/example.org")
        assert answer.status == 200, answer.text
        assert answer.json()["target_host"] == f"10.0.0.{turn + 10}"


def test_a_read_only_database_refuses_writes_only(program, own_maria):
    client = program.client
    own_maria.sql("SET GLOBAL read_only = 1")
    try:
        answer = client.put("/overrides/example.org", {"target_host": "10.0.0.6"})
        assert (answer.status, answer.code) == (503, "store_unavailable")
        lookups_go_on(client)
        assert client.get("/overrides/example.org").json()["target_host"] == "10.0.0.5"
    finally:
        own_maria.sql("SET GLOBAL read_only = 0")
    assert comes_back(program)["example.org"] == "10.0.0.5"


def test_a_table_that_is_locked_by_somebody_is_an_outage_of_writes(program, own_maria):
    """An operator's session holds the rows that every write needs; it ends with 503 in time, undone."""
    client = program.client
    database = program.database.rpartition("/")[2]
    with own_maria.session(database) as session:
        session.run("BEGIN; SELECT n FROM override_state FOR UPDATE; SELECT lookup_key FROM dns_overrides FOR UPDATE;")
        start = time.monotonic()
        answer = client.put("/overrides/example.org", {"target_host": "10.66.66.66"})
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert time.monotonic() - start < WRITE_SECONDS + GRACE
        lookups_go_on(client)
        assert client.get("/overrides/example.org").json()["target_host"] == "10.0.0.5"
    assert comes_back(program)["example.org"] == "10.0.0.5"


def test_an_sqlite_file_that_is_taken_away_takes_no_change_with_it(launch, tmp_path):
    path = tmp_path / "waypost.db"
    program = launch(database=f"sqlite:{path}")
    program.client.set("example.org", "10.0.0.5")
    path.rename(tmp_path / "elsewhere.db")
    answer = program.client.put("/overrides/example.org", {"target_host": "10.0.0.6"})
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert str(path) in answer.json()["detail"]
    path.write_bytes((tmp_path / "elsewhere.db").read_bytes())
    assert program.client.put("/overrides/example.org", {"target_host": "10.0.0.6"}).status == 503
    assert program.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
