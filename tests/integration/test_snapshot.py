"""A start while the database is away: from the snapshot file, or not at all, never with a wrong route."""
import pathlib
import time

import pytest

from http_client import eventually


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
