"""?min_revision=N: an answer that is not older than what the client has seen, from whichever instance it asks."""
import contextlib
import signal
import threading
import time

import pytest

from http_client import connect, eventually, parse, read_all

WAIT_SECONDS = 2  # documented: a revision is waited for as long
GENEROUS = 15  # a machine that is busy with other things
WAITERS_MAX = 1024  # documented: requests that wait at a time
FAR = 2**63 - 1

# Each asks about one key and says where it is to be sent.
DOORS = {
    "resolve by path": lambda key: (f"/resolve/{key}?fallback=none", "resolve"),
    "resolve by query": lambda key: (f"/resolve?fallback=none&key={key}", "resolve"),
    "mx by path": lambda key: (f"/mx/{key}?fallback=none", "mx"),
    "mx by query": lambda key: (f"/mx?fallback=none&domain={key}", "mx"),
    "the row": lambda key: (f"/overrides/{key}?", "row"),
}
LOOKUPS = [door for door in DOORS if door != "the row"]


def ask(program, door, key, revision, method="GET"):
    target, _ = DOORS[door](key)
    return program.client.request(method, f"{target}&min_revision={revision}".replace("?&", "?"))


def target_of(door, answer):
    """The target that a door's answer names; None without an override."""
    if answer.status == 404:
        return None
    assert answer.status == 200, answer.text
    kind, found = DOORS[door]("")[1], answer.json()
    if kind == "mx":
        return found["records"][0]["host"] if found["override"] else None
    return found["target_host"] or None


def assert_behind(answer):
    assert (answer.status, answer.code) == (503, "behind"), answer.text
    assert answer.headers["Retry-After"] == "1"


def in_threads(tasks):
    """Runs all at once. -> their results, in order; the first failure is raised."""
    results, failures = [None] * len(tasks), []

    def one(number):
        try:
            results[number] = tasks[number]()
        except BaseException as error:  # pytest's own failures are no Exception
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def timed(function):
    start = time.monotonic()
    return function(), time.monotonic() - start


@pytest.fixture
def pair(maria, launch):
    url = maria.url(maria.new_database())
    return launch(database=url), launch(database=url)


# --- one writes, the other is asked ---------------------------------------------------------------

@pytest.mark.parametrize("door", DOORS)
def test_what_was_written_through_one_is_read_through_the_other(pair, door):
    one, other = pair
    for number in range(25):
        revision = one.client.set("example.org", f"10.0.0.{number}").json()["revision"]
        answer = ask(other, door, "example.org", revision)
        assert target_of(door, answer) == f"10.0.0.{number}"
        assert answer.revision >= revision


@pytest.mark.parametrize("door", DOORS)
def test_what_was_deleted_through_one_is_gone_at_the_other(pair, door):
    one, other = pair
    for number in range(10):
        created = one.client.set("example.org", "10.0.0.5").json()["revision"]
        assert target_of(door, ask(other, door, "example.org", created)) == "10.0.0.5"
        deleted = one.client.delete("/overrides/example.org")
        assert deleted.revision == created + 1
        assert target_of(door, ask(other, door, "example.org", deleted.revision)) is None


@pytest.mark.parametrize("door", LOOKUPS)
def test_a_write_tells_its_own_revision_though_others_have_written_before(pair, door):
    """The one does not know yet what the other has written, so it cannot show that it is as far."""
    one, other = pair
    for number in range(10):
        one.client.set("example.org", "10.0.0.5")
        before = other.client.set("other.example", f"10.0.1.{number}").revision
        deleted = one.client.delete("/overrides/example.org")
        assert deleted.revision > before
        assert target_of(door, ask(other, door, "example.org", deleted.revision)) is None
        before = other.client.set("other.example", f"10.0.2.{number}").revision
        assert one.client.set("example.org", f"10.0.0.{number}").revision > before


def test_writers_through_both_read_their_own_writes_at_the_other(pair):
    def go_to_and_fro(number):
        for turn in range(20):
            writer, reader = pair[turn % 2], pair[(turn + 1) % 2]
            target = f"10.{number}.0.{turn}"
            door = list(DOORS)[(turn + number) % len(DOORS)]
            revision = writer.client.set(f"k{number}.example", target).json()["revision"]
            answer = ask(reader, door, f"k{number}.example", revision)
            assert target_of(door, answer) == target, door

    in_threads([lambda number=number: go_to_and_fro(number) for number in range(4)])


@pytest.mark.parametrize("door", DOORS)
def test_who_waits_is_answered_from_what_came(pair, door):
    """The write is made while the other side waits for it already."""
    one, other = pair
    revision = one.client.set("example.org", "10.0.0.5").json()["revision"]
    for number in range(3):
        revision += 1
        answers = []
        waiting = threading.Thread(
            target=lambda: answers.append(ask(other, door, "example.org", revision)))
        waiting.start()
        assert one.client.set("example.org", f"10.0.1.{number}").json()["revision"] == revision
        waiting.join()
        assert target_of(door, answers[0]) == f"10.0.1.{number}"


# --- what cannot be had ---------------------------------------------------------------------------

def test_a_revision_of_the_future_is_refused_when_the_time_is_over(pair):
    one, other = pair
    revision = one.client.set("example.org", "10.0.0.5").json()["revision"]
    asked = [(door, wanted) for door in DOORS for wanted in (revision + 1, FAR)]
    results = in_threads([lambda door=door, wanted=wanted: timed(
        lambda: ask(other, door, "example.org", wanted)) for door, wanted in asked])
    for answer, seconds in results:
        assert_behind(answer)
        assert WAIT_SECONDS <= seconds < GENEROUS
    head, seconds = timed(lambda: ask(other, "mx by path", "example.org", FAR, method="HEAD"))
    assert (head.status, head.headers["Retry-After"], head.body) == (503, "1", b"")
    assert seconds >= WAIT_SECONDS


@pytest.mark.parametrize("door", DOORS)
def test_what_is_reached_is_answered(database, launch, door):
    program = launch(database=database.url)
    for number in range(3):
        revision = program.client.set("example.org", f"10.0.0.{number}").json()["revision"]
        for wanted in (revision, revision - 1, 0, f"000{revision}"):
            assert target_of(door, ask(program, door, "example.org", wanted)) == f"10.0.0.{number}"
    assert target_of(door, ask(program, door, "other.example", revision)) is None


def test_a_single_instance_waits_for_its_own_next_write(database, launch):
    program = launch(database=database.url)
    revision = program.client.set("example.org", "10.0.0.5").json()["revision"]
    answers = []
    waiting = [threading.Thread(target=lambda door=door: answers.append(
        (door, ask(program, door, "example.org", revision + 1)))) for door in DOORS]
    for thread in waiting:
        thread.start()
    program.client.set("example.org", "10.0.0.6")
    for thread in waiting:
        thread.join()
    assert [target_of(door, answer) for door, answer in answers] == ["10.0.0.6"] * len(DOORS)
    assert_behind(ask(program, "the row", "example.org", revision + 2))


BAD = ["", "-1", "%2B1", "+1", "1.0", "0x1", "1e3", "latest", "%201", "1%00", "9223372036854775808",
       "18446744073709551616", "9" * 300]


@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_revision_is_refused(service, door):
    for value in BAD:
        answer = ask(service, door, "example.org", value)
        assert (answer.status, answer.fields()) == (422, ["min_revision"]), value
    twice = ask(service, door, "example.org", "0&min_revision=0")
    assert (twice.status, twice.fields()) == (422, ["min_revision"])
    # Nobody has to wait to hear that the key is none.
    assert ask(service, door, "not%20a%20name", FAR).status == 422


@pytest.mark.parametrize("method, target, body", [
    ("GET", "/overrides", None), ("PUT", "/overrides/example.org", {"target_host": "10.0.0.5"}),
    ("DELETE", "/overrides/example.org", None), ("POST", "/mx", {"keys": ["example.org"]}),
    ("POST", "/resolve", {"keys": ["example.org"]}), ("GET", "/healthz", None)])
def test_other_operations_do_not_know_it(client, method, target, body):
    answer = client.request(method, f"{target}?min_revision=0", body)
    assert (answer.status, answer.fields()) == (422, ["min_revision"])


# --- outages --------------------------------------------------------------------------------------

def test_before_there_is_any_data(launch):
    program = launch(database="mariadb://nobody@127.0.0.1:1/none", ready=False)
    answer, seconds = timed(lambda: ask(program, "mx by path", "example.org", 1))
    assert_behind(answer)
    assert seconds >= WAIT_SECONDS
    for revision in (0, "00"):
        answer = ask(program, "mx by path", "example.org", revision)
        assert (answer.status, answer.code) == (503, "not_ready")


def test_while_mariadb_hangs_what_is_reached_is_answered(own_maria, launch):
    program = launch(database=own_maria.url(own_maria.new_database()))
    revision = program.client.set("example.org", "10.0.0.5").json()["revision"]
    own_maria.freeze()
    try:
        for door in LOOKUPS:
            assert target_of(door, ask(program, door, "example.org", revision)) == "10.0.0.5"
        results = in_threads([lambda door=door: timed(
            lambda: ask(program, door, "example.org", revision + 1)) for door in DOORS])
        for answer, seconds in results:
            assert_behind(answer)
            assert WAIT_SECONDS <= seconds < GENEROUS
        answer = ask(program, "the row", "example.org", revision)
        assert (answer.status, answer.code) == (503, "store_unavailable")
    finally:
        own_maria.thaw()
    eventually(lambda: program.readiness()["store"] == "ok", 30, "store ok")
    revision = program.client.set("example.org", "10.0.0.6").json()["revision"]
    for door in DOORS:
        assert target_of(door, ask(program, door, "example.org", revision)) == "10.0.0.6"


# --- many, and those who do not stay --------------------------------------------------------------

def request_of(program, revision, door="mx by path"):
    target, _ = DOORS[door]("example.org")
    target = f"{target}&min_revision={revision}".replace("?&", "?")
    return f"GET {target} HTTP/1.1\r\nHost: {program.client.address}\r\nConnection: close\r\n\r\n".encode()


@contextlib.contextmanager
def waiting(program, revision, count):
    """As many connections, on each of which a request has been sent."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(connect(program.client.address)) for _ in range(count)]
        for stream in streams:
            stream.sendall(request_of(program, revision))
        yield streams


def answers_of(streams):
    """Those that came, as (status, code)."""
    received = [read_all(stream) for stream in streams]
    answers = [parse(data, ["GET"])[0] for data in received if data]
    return [(answer.status, answer.code if answer.status != 200 else None) for answer in answers]


def test_there_is_room_for_so_many(launch):
    program = launch()
    revision = program.client.set("example.org", "10.0.0.5").json()["revision"]
    more = 200

    def some_were_too_many():
        with waiting(program, FAR, WAITERS_MAX + more) as streams:
            assert target_of("mx by path", ask(program, "mx by path", "example.org", revision)) == "10.0.0.5"
            found = answers_of(streams)
        assert len(found) == WAITERS_MAX + more
        assert set(found) <= {(503, "behind"), (503, "busy")}
        # Not more than the rest; fewer if the first had left when the last came.
        assert found.count((503, "busy")) <= more
        return (503, "busy") in found

    eventually(some_were_too_many, 60, "a refusal")
    with waiting(program, revision + 1, WAITERS_MAX // 2) as streams:
        program.client.set("example.org", "10.0.0.6")
        assert answers_of(streams) == [(200, None)] * (WAITERS_MAX // 2), "there is room again"


@pytest.mark.parametrize("door", ["mx by path", "the row"])
def test_clients_that_leave_while_they_wait(launch, door):
    program = launch()
    revision = program.client.set("example.org", "10.0.0.5").json()["revision"]
    for number in range(100):
        with connect(program.client.address) as stream:
            stream.sendall(request_of(program, revision + 1 + number % 2, door))
    program.client.set("example.org", "10.0.0.6")
    assert target_of(door, ask(program, door, "example.org", revision + 1)) == "10.0.0.6"
    assert_behind(ask(program, door, "example.org", revision + 2))  # and the others' time is over
    assert program.client.get("/healthz").status == 200


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_while_requests_wait(launch, signal_number):
    program = launch()
    revision = program.client.set("example.org", "10.0.0.5").json()["revision"]
    with waiting(program, revision + 1, 50) as streams:
        program.client.get("/healthz")
        program.stop(signal_number)
        found = answers_of(streams)
    assert found, "some had been read"
    assert set(found) <= {(503, "behind"), (503, "not_ready")}
