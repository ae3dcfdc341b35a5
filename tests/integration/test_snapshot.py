"""A start while the database is away: from the snapshot file, or not at all, never with a wrong route."""
import concurrent.futures
import ctypes
import os
import pathlib
import random
import time

import pytest

from http_client import eventually

NOWHERE = "mariadb://waypost@127.0.0.1:1/none"  # nothing listens there
AT_ONCE = 4  # programs that start
HARMS = 32  # of each kind, all over a file
ROWS = 50_000  # a file that takes a while to write
KILLS = 6  # of each of AT_ONCE programs
DAY_US = 24 * 3600 * 1_000_000
TRUE_AT = slice(24, 32)  # where a file says when it was true
CHECKSUM_BYTES = 8
CHECKSUM_SEED = 8128


@pytest.fixture
def maria(own_maria):
    if not own_maria.is_alive():
        own_maria.start()
    yield own_maria
    if not own_maria.is_alive():
        own_maria.start()


@pytest.fixture
def url(maria):
    return maria.url(maria.new_database())


def saved(path, program):
    """The file as it is after a clean stop, which writes it a last time."""
    program.stop()
    assert path.stat().st_size > 0
    return path


@pytest.fixture
def snapshot(tmp_path, url, launch):
    path = tmp_path / "snapshot"
    program = launch("--snapshot", str(path), database=url)
    program.client.set("example.org", "10.0.0.5")
    program.client.set("off.example", "10.0.0.6")
    assert program.client.patch("/overrides/off.example", {"enabled": False}).status == 200
    return saved(path, program)


def is_not_ready(program):
    for target in ("/resolve/example.org?fallback=none", "/mx/example.org?fallback=none", "/resolve/other.example"):
        answer = program.client.get(target)
        assert (answer.status, answer.code) == (503, "not_ready"), target
    assert program.client.post("/mx", {"keys": ["example.org"]}).status == 503
    assert program.client.get("/readyz").status == 503


def has_tried(program):
    eventually(lambda: program.log("sync.snapshot"), what="a look at the file")


def test_it_starts_from_the_file_and_catches_up(snapshot, maria, url, launch):
    maria.kill()
    program = launch("--snapshot", str(snapshot), "--stale-after", "1s", database=url)
    client = program.client
    assert client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    assert client.get("/resolve/off.example?fallback=none").json()["source"] == "none"
    assert program.readiness()["store"] == "down"
    assert client.put("/overrides/new.example", {"target_host": "10.0.0.7"}).status == 503
    eventually(lambda: int(client.get("/mx/example.org").headers.get("X-Waypost-Stale", 0)) >= 1, what="stale")
    assert "X-Waypost-Stale" not in client.get("/healthz").headers
    maria.start()
    eventually(lambda: program.readiness()["store"] == "ok", 30, "the database")
    assert client.put("/overrides/new.example", {"target_host": "10.0.0.7"}).status == 201
    assert client.get("/resolve/new.example").json()["target_host"] == "10.0.0.7"
    assert "X-Waypost-Stale" not in client.get("/mx/example.org").headers


def test_what_changed_while_it_was_away_is_seen(snapshot, maria, url, launch):
    other = launch(database=url)
    other.client.set("later.example", "10.0.0.8")
    assert other.client.delete("/overrides/example.org").status == 204
    other.stop()
    maria.kill()
    program = launch("--snapshot", str(snapshot), database=url)
    assert program.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    maria.start()
    eventually(lambda: program.readiness()["store"] == "ok", 30, "the database")
    eventually(lambda: program.client.get("/resolve/later.example?fallback=none").json()["override"], what="a change")
    assert program.client.get("/resolve/example.org?fallback=none").json()["override"] is False


def test_restarts_in_the_middle_of_an_outage(tmp_path, maria, url, launch):
    """Each in another manner; none of them makes the file look younger than it is."""
    path = tmp_path / "snapshot"
    arguments = "--snapshot", str(path), "--stale-after", "1s"
    program = launch(*arguments, database=url)
    program.client.set("example.org", "10.0.0.5")
    eventually(lambda: path.exists() and b"example.org" in path.read_bytes(), 30, "the file")
    maria.kill()
    eventually(lambda: program.readiness()["store"] == "down", what="store down")
    program.kill()
    content = path.read_bytes()
    stale = 0
    for stop in ("kill", "stop", "kill"):
        program = launch(*arguments, database=url)
        answer = program.client.get("/resolve/example.org")
        assert answer.json()["target_host"] == "10.0.0.5"
        eventually(lambda: int(program.client.get("/resolve/example.org").headers.get("X-Waypost-Stale", 0)) > stale,
                   what="an older file")
        stale += 1
        getattr(program, stop)()
        assert path.read_bytes() == content
    maria.start()
    program = launch(*arguments, database=url)
    eventually(lambda: program.readiness()["store"] == "ok", 30, "the database")
    assert program.client.set("example.org", "10.0.0.6").status == 200
    program.stop()
    assert path.read_bytes() != content


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "another version", "a folder", "missing"])
def test_a_file_that_is_not_whole_is_not_served(snapshot, maria, url, launch, harm):
    content = snapshot.read_bytes()
    snapshot.unlink()
    if harm == "cut":
        snapshot.write_bytes(content[:-1])
    elif harm == "flipped":
        snapshot.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    elif harm == "empty":
        snapshot.write_bytes(b"")
    elif harm == "another version":
        snapshot.write_bytes(b"WAYSNAP9" + content[8:])
    elif harm == "a folder":
        snapshot.mkdir()
    maria.kill()
    program = launch("--snapshot", str(snapshot), database=url, ready=False)
    has_tried(program)
    is_not_ready(program)


@pytest.mark.parametrize("most", ["0s", "1s"])
def test_a_file_that_is_too_old_is_not_served(snapshot, maria, url, launch, most):
    maria.kill()
    eventually(lambda: pathlib.Path(snapshot).stat().st_mtime + 1.2 < time.time(), what="an old file")
    program = launch("--snapshot", str(snapshot), "--snapshot-max-age", most, database=url, ready=False)
    has_tried(program)
    is_not_ready(program)


def test_without_any_data_lookups_may_go_to_dns(maria, url, launch, scripted):
    scripted.rule("real.example", MX=[("MX", (10, "mx.example"))])
    maria.kill()
    program = launch("--when-empty", "dns", database=url, dns=scripted.address, ready=False)
    client = program.client
    assert client.get("/mx/real.example").json()["records"] == [{"host": "mx.example", "preference": 10}]
    assert client.get("/mx/real.example?fallback=none").json()["source"] == "none"
    assert client.post("/mx", {"keys": ["real.example"]}).json()["results"][0]["source"] == "dns"
    assert client.get("/readyz").status == 503


def test_a_file_that_cannot_be_written_is_said_once_and_harms_nothing(maria, url, launch):
    program = launch("--snapshot", "/nonexistent/folder/snapshot", database=url)
    program.client.set("example.org", "10.0.0.5")
    eventually(lambda: program.log("snapshot.failed"), what="the complaint")
    assert program.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"


# --- every way in which a file can be bad -----------------------------------------------------------

@pytest.fixture(scope="module")
def whole(own_maria, launch_for_module, tmp_path_factory):
    """The octets of a good file."""
    if not own_maria.is_alive():
        own_maria.start()
    path = tmp_path_factory.mktemp("snapshot") / "snapshot"
    program = launch_for_module("--snapshot", str(path), database=own_maria.url(own_maria.new_database()))
    for number in range(10):
        program.client.set(f"k{number}.example", "10.0.0.5")
    return saved(path, program).read_bytes()


def start_from(launch, path, *arguments):
    """A program without a database, which has looked at the file. -> it, and what it said of the file."""
    program = launch("--snapshot", str(path), *arguments, database=NOWHERE, ready=False)
    has_tried(program)
    line, = program.log("sync.snapshot")
    return program, line


def all_are_refused(launch, tmp_path, contents):
    def one(number, content):
        path = tmp_path / f"harmed-{number}"
        path.write_bytes(content)
        program, line = start_from(launch, path)
        assert line["serving"] == "nothing"
        is_not_ready(program)
        program.stop()

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(one, number, content) for number, content in enumerate(contents)]:
            done.result()


def test_a_bit_that_is_flipped_anywhere_is_seen(whole, launch, tmp_path):
    places = {round(step * (len(whole) - 1) / (HARMS - 1)) for step in range(HARMS)}
    all_are_refused(launch, tmp_path, [
        whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1:] for place in sorted(places)])


def test_a_file_that_was_cut_or_has_grown_is_seen(whole, launch, tmp_path):
    lengths = {round(step * (len(whole) - 1) / (HARMS - 1)) for step in range(HARMS)}
    all_are_refused(launch, tmp_path, [whole[:length] for length in sorted(lengths)] + [
        whole + b"\0", whole + whole, bytes(len(whole)), b"\xff" * len(whole)])


def make_pipe(path):
    os.mkfifo(path)


def make_loop(path):
    path.symlink_to(path)


def make_impossible(path):
    path.parent.joinpath("file").write_bytes(b"")
    path.symlink_to(path.parent / "file" / "snapshot")


def make_secret(path):
    path.write_bytes(b"")
    path.chmod(0)


@pytest.mark.parametrize("make", [make_pipe, make_loop, make_impossible, make_secret, pathlib.Path.mkdir])
@pytest.mark.parametrize("when_empty", ["fail", "dns"])
def test_what_cannot_be_read_is_not_served(launch, scripted, tmp_path, make, when_empty):
    scripted.rule("real.example", MX=[("MX", (10, "mx.example"))])
    path = tmp_path / "snapshot"
    make(path)
    program = launch("--snapshot", str(path), "--when-empty", when_empty, database=NOWHERE, dns=scripted.address,
                     ready=False)
    has_tried(program)
    assert program.client.get("/readyz").status == 503
    if when_empty == "fail":
        is_not_ready(program)
    else:
        assert program.client.get("/mx/real.example").json()["records"] == [{"host": "mx.example", "preference": 10}]
        assert program.client.get("/resolve/k1.example?fallback=none").json()["source"] == "none"


def test_a_folder_in_its_place_harms_nothing_while_the_database_is_there(url, launch, tmp_path):
    path = tmp_path / "snapshot"
    path.mkdir()
    program = launch("--snapshot", str(path), database=url)
    eventually(lambda: program.log("snapshot.failed"), what="the complaint")
    program.client.set("example.org", "10.0.0.5")
    assert program.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    program.stop()
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"


@pytest.mark.parametrize("when_empty", ["fail", "dns"])
def test_when_the_database_returns_its_data_are_served(maria, url, launch, tmp_path, when_empty):
    """With a harmed file, or none, there is nothing until then; whatever the setting."""
    other = launch(database=url)
    other.client.set("example.org", "10.0.0.5")
    other.stop()
    path = tmp_path / "snapshot"
    path.write_bytes(b"WAYSNAP1 and then nothing of use")
    maria.kill()
    program = launch("--snapshot", str(path), "--when-empty", when_empty, database=url, ready=False)
    has_tried(program)
    asked = program.client.get("/resolve/example.org?fallback=none")
    assert asked.status == 503 if when_empty == "fail" else asked.json()["source"] == "none"
    maria.start()
    program.wait_ready(30)
    assert program.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    assert program.client.set("example.org", "10.0.0.6").status == 200
    program.stop()
    again, line = start_from(launch, path)
    assert line["serving"] == "file"
    assert again.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.6"


# --- age --------------------------------------------------------------------------------------------

def aged(whole, age_us):
    """The same file, as if it had been true so long ago."""
    content = bytearray(whole[:-CHECKSUM_BYTES])
    content[TRUE_AT] = (time.time_ns() // 1000 - age_us).to_bytes(8, "little")
    xxhash = ctypes.CDLL("libxxhash.so.0").XXH3_64bits_withSeed
    xxhash.restype = ctypes.c_uint64
    checksum = xxhash(bytes(content), ctypes.c_size_t(len(content)), ctypes.c_uint64(CHECKSUM_SEED))
    return bytes(content) + checksum.to_bytes(CHECKSUM_BYTES, "little")


AGES = [
    ("7d is the default", [], 7 * DAY_US - 600_000_000, "file"),
    ("older than the default", [], 7 * DAY_US + 1_000_000, "nothing"),
    ("as old as is allowed", ["--snapshot-max-age", "2d"], 2 * DAY_US - 600_000_000, "file"),
    ("a little older", ["--snapshot-max-age", "2d"], 2 * DAY_US + 1_000_000, "nothing"),
    ("the clock was set back", [], -3600_000_000, "file"),
    ("0: never", ["--snapshot-max-age", "0s"], 1_000, "nothing"),
    ("0: never, although the clock was set back", ["--snapshot-max-age", "0s"], -3600_000_000, "nothing"),
]


@pytest.mark.parametrize("label, arguments, age_us, serving", AGES)
def test_age(whole, launch, tmp_path, label, arguments, age_us, serving):
    path = tmp_path / "snapshot"
    path.write_bytes(aged(whole, age_us))
    program, line = start_from(launch, path, *arguments)
    assert line["serving"] == serving, label
    if serving == "nothing":
        is_not_ready(program)
        return
    answer = program.client.get("/resolve/k1.example")
    assert answer.json()["target_host"] == "10.0.0.5"
    if age_us > 0:
        seconds = age_us // 1_000_000
        assert seconds <= int(answer.headers["X-Waypost-Stale"]) < seconds + 600
        assert program.readiness()["stale_seconds"] >= seconds


# --- kill -9 while it is written --------------------------------------------------------------------

def written(path):
    """When it was last written, and how much is there; (0, 0) without a file."""
    try:
        info = path.stat()
    except FileNotFoundError:
        return 0, 0
    return info.st_mtime_ns, info.st_size


def kill_while_writing(program, path, size):
    """Kills it when more than `size` of the new file is there, or when that was put in place. -> whether
    it was in the middle of it."""
    beside = pathlib.Path(f"{path}.new")
    old, left_over = written(path)[0], written(beside)[0]  # by the kill before

    def is_there():
        time_ns, bytes_there = written(beside)
        return (time_ns != left_over and bytes_there > size) or written(path)[0] != old

    deadline = time.monotonic() + 30
    while not is_there() and time.monotonic() < deadline:
        pass  # a moment's rest would miss it
    program.kill()
    return written(path)[0] == old


def is_old_or_new(program, line, key, history):
    """What is served is at least what was true at the revision that the file names."""
    served = program.client.get(f"/resolve/{key}?fallback=none").json()["target_host"]
    revision = int(line["revision"])
    due = max((known for known, _ in history if known <= revision), default=0)
    assert served in [target for known, target in history if known >= due] or due == 0


def test_kill_9_while_it_is_written_leaves_a_whole_file(maria, launch, tmp_path):
    """Again and again, each time with other data: what is there is the old file or the new one."""
    database = maria.new_database()
    url = maria.url(database)
    launch(database=url).stop()
    maria.sql("INSERT INTO dns_overrides (lookup_key, target_host, revision, created_at, updated_at) SELECT"
              f" CONCAT('k', seq, '.example'), 'mx.example', 1, NOW(6), NOW(6) FROM seq_1_to_{ROWS};"
              "UPDATE override_state SET n = 1, low = 1", database)
    cut_short = []

    def kill_again_and_again(number):
        path, key, history = tmp_path / f"snapshot-{number}", f"round{number}.example", []
        dice = random.Random(number)
        for turn in range(KILLS):
            program = launch("--snapshot", str(path), database=url)
            target = f"10.0.{number}.{turn + 1}"
            history.append((program.client.set(key, target).json()["revision"], target))
            cut_short.append(kill_while_writing(program, path, dice.randrange(written(path)[1] or 1)))
            if not path.exists():
                continue
            again, line = start_from(launch, path)
            assert line["serving"] == "file" and int(line["overrides"]) >= ROWS
            assert again.client.get(f"/resolve/k{ROWS}.example").json()["target_host"] == "mx.example"
            is_old_or_new(again, line, key, history)
            again.kill()

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(kill_again_and_again, number) for number in range(AT_ONCE)]:
            done.result()
    assert any(cut_short), "no kill met a file that was being written"
