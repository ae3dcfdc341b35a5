"""A program follows the changes: page by page, waiting, through any instance."""
import concurrent.futures
import resource
import signal
import socket
import struct
import threading

import pytest

from http_client import connect, eventually, read_answer

WAIT_MAX = 60  # seconds; longer than the client's own patience, so whoever is not woken fails
WAITERS_MAX = 768  # WAY_WAITERS_LONG_MAX
ROUND = 128  # waiting readers that are started together


def feed(client, since, **params):
    query = "".join(f"&{name}={value}" for name, value in params.items())
    answer = client.get(f"/changes?since={since}{query}")
    assert answer.status == 200, answer.text
    return answer.json()


def now(client):
    """The revision that the data is at."""
    return client.get("/overrides").revision


def gone(client, since, **params):
    query = "".join(f"&{name}={value}" for name, value in params.items())
    answer = client.get(f"/changes?since={since}{query}")
    assert (answer.status, answer.code) == (410, "gone"), answer.text
    return answer.json()["detail"]


def follow(state, page):
    """What a reader makes of a page."""
    for change in page["changes"]:
        assert change["op"] in ("put", "delete"), change
        if change["op"] == "put":
            assert change["override"]["lookup_key"] == change["lookup_key"]
            assert change["override"]["revision"] == change["revision"]
            state[change["lookup_key"]] = change["override"]
        else:
            assert change["override"] is None
            del state[change["lookup_key"]]
    return page["revision"]


def feed_calls(program):
    """How often the feed was read from the database."""
    return sum(value for name, value in program.metrics().items()
               if name.startswith("waypost_store_call_seconds_count") and 'call="feed"' in name)


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(max_workers=16) as executor:
        yield executor


# --- pages ----------------------------------------------------------------------------------------

def test_changes_come_in_their_order_with_the_override_after_each(client):
    since = now(client)
    first = client.set("example.org", "10.0.0.5", comment='für "alle" \\ 日本').json()
    second = client.patch("/overrides/example.org", {"enabled": False}).json()
    client.delete("/overrides/example.org")
    page = feed(client, since)
    assert page["changes"] == [
        {"revision": since + 1, "op": "put", "lookup_key": "example.org", "override": first},
        {"revision": since + 2, "op": "put", "lookup_key": "example.org", "override": second},
        {"revision": since + 3, "op": "delete", "lookup_key": "example.org", "override": None}]
    assert page["revision"] == since + 3
    assert feed(client, since + 2)["changes"] == page["changes"][2:]


def test_nothing_new_is_an_empty_page(client):
    since = now(client)
    page = feed(client, since)
    assert (page["changes"], page["revision"]) == ([], since)


def test_what_changes_nothing_is_no_change(client):
    client.set("example.org", "10.0.0.5")
    since = now(client)
    client.set("example.org", "10.0.0.5")
    assert client.delete("/overrides/absent.example").status == 404
    assert feed(client, since)["changes"] == []


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 1000])
def test_pages_hold_every_change_once(client, limit):
    since = now(client)
    for number in range(11):
        client.set(f"k{number}.example", "10.0.0.5")
    seen, at = [], since
    while page := feed(client, at, limit=limit):
        if not page["changes"]:
            break
        assert len(page["changes"]) <= limit
        assert page["revision"] == page["changes"][-1]["revision"]
        seen += page["changes"]
        at = page["revision"]
    assert [change["lookup_key"] for change in seen] == [f"k{number}.example" for number in range(11)]
    assert at == since + 11


def test_the_default_page_has_100_changes(client):
    since = now(client)
    held = client.held()
    for number in range(101):
        held.set("example.org", f"10.0.0.{number}")
    held.close()
    assert len(feed(client, since)["changes"]) == 100


def test_a_page_is_never_cut_inside_a_revision(database, launch):
    """The log is given a second and a third row for its first revision."""
    program = launch(database=database.url)
    program.client.set("a.example", "10.0.0.5")
    program.client.set("b.example", "10.0.0.5")
    program.stop()
    for seq in (1, 2):
        database.execute("INSERT INTO override_change (revision, seq, tx, place, op, lookup_key, at) "
                         f"SELECT 1, {seq}, X'0123456789abcdef0123456789abcdef', {seq}, 'D', 'z{seq}.example', at "
                         "FROM override_change WHERE revision = 1 AND seq = 0")
    client = launch(database=database.url).client
    for limit in (1, 2, 3):
        page = feed(client, 0, limit=limit)
        assert [change["lookup_key"] for change in page["changes"]] == ["a.example", "z1.example", "z2.example"]
        assert page["revision"] == 1
    assert len(feed(client, 0, limit=4)["changes"]) == 4
    assert [change["revision"] for change in feed(client, 1, limit=1)["changes"]] == [2]


def test_answers_are_not_kept(client):
    assert client.get("/changes?since=0").headers["Cache-Control"] == "no-store"
    head = client.head("/changes?since=0")
    assert (head.status, head.headers["Cache-Control"]) == (200, "no-store")


def test_the_epoch_names_the_data(client):
    since = now(client)
    epoch = feed(client, since)["epoch"]
    assert feed(client, since, epoch=epoch)["epoch"] == epoch
    assert feed(client, since, epoch=epoch.upper())["epoch"] == epoch
    assert "epoch" in gone(client, since, epoch="0" * 32)


def test_a_revision_ahead_of_the_data_is_gone(client):
    since = now(client)
    assert "ahead" in gone(client, since + 1)
    assert "ahead" in gone(client, (1 << 63) - 1)
    assert "ahead" in gone(client, since + 1, wait=WAIT_MAX)  # at once


def test_what_is_pruned_is_gone(database, launch):
    program = launch(database=database.url)
    for number in range(5):
        program.client.set("example.org", f"10.0.0.{number}")
    program.stop()
    database.execute("UPDATE override_state SET low = 3")
    client = launch(database=database.url).client
    for since in (0, 2):
        assert "3" in gone(client, since)
    assert [change["revision"] for change in feed(client, 3)["changes"]] == [4, 5]
    assert feed(client, 5)["changes"] == []


@pytest.mark.parametrize("query, field", [
    ("", "since"), ("limit=5", "since"), ("since=", "since"), ("since=-1", "since"), ("since=1.5", "since"),
    ("since=x", "since"), ("since=9223372036854775808", "since"), ("since=1&since=1", "since"), ("since", "since"),
    ("since=0&limit=0", "limit"), ("since=0&limit=1001", "limit"), ("since=0&limit=", "limit"),
    ("since=0&wait=61", "wait"), ("since=0&wait=-1", "wait"), ("since=0&wait=0.5", "wait"), ("since=0&wait=", "wait"),
    ("since=0&epoch=", "epoch"), ("since=0&epoch=" + "0" * 31, "epoch"), ("since=0&epoch=" + "0" * 33, "epoch"),
    ("since=0&epoch=" + "g" * 32, "epoch"), ("since=0&cursor=00", "cursor"), ("since=0&Wait=1", "Wait"),
])
def test_parameters_that_break_a_rule_are_named(client, query, field):
    answer = client.get(f"/changes?{query}")
    assert (answer.status, answer.code) == (422, "invalid"), answer.text
    assert answer.fields() == [field]


# --- waiting --------------------------------------------------------------------------------------

def waiting(program, pool, since, wait=WAIT_MAX, **params):
    """A reader that waits: its first look at the database is over."""
    before = feed_calls(program)
    future = pool.submit(feed, program.client, since, wait=wait, **params)
    eventually(lambda: feed_calls(program) > before or future.done(), what="the first look")
    return future


def test_a_change_wakes_whoever_waits(service, pool):
    client = service.client
    since = now(client)
    readers = [waiting(service, pool, since) for _ in range(5)]
    row = client.set("example.org", "10.0.0.5").json()
    for reader in readers:
        page = reader.result()
        assert [change["override"] for change in page["changes"]] == [row]
        assert page["revision"] == since + 1


def test_a_change_that_is_there_already_is_not_waited_for(client):
    since = now(client)
    client.set("example.org", "10.0.0.5")
    assert len(feed(client, since, wait=WAIT_MAX)["changes"]) == 1


def test_the_wait_ends_with_an_empty_page(client):
    since = now(client)
    page = feed(client, since, wait=1)
    assert (page["changes"], page["revision"]) == ([], since)


def test_head_waits_as_get_does(client):
    since = now(client)
    assert client.head(f"/changes?since={since}&wait=1").status == 200


def test_a_change_through_another_instance_wakes_whoever_waits(maria, launch, pool):
    url = maria.url(maria.new_database())
    one, other = launch(database=url), launch(database=url)
    reader = waiting(other, pool, 0)
    row = one.client.set("example.org", "10.0.0.5").json()
    assert [change["override"] for change in reader.result()["changes"]] == [row]


def test_a_reload_wakes_whoever_waits(service, pool):
    since = now(service.client)
    epoch = feed(service.client, since)["epoch"]
    unnamed = waiting(service, pool, since)
    before = feed_calls(service)
    named = pool.submit(service.client.get, f"/changes?since={since}&epoch={epoch}&wait={WAIT_MAX}")
    eventually(lambda: feed_calls(service) > before, what="the first look")
    service.client.request("POST", "/reload")
    assert [change["op"] for change in unnamed.result()["changes"]] == ["reload"]
    assert (named.result().status, named.result().code) == (410, "gone")


def test_waiting_readers_do_not_keep_a_stopping_service(launch, pool):
    program = launch()
    reader = pool.submit(program.client.get, f"/changes?since=0&wait={WAIT_MAX}")
    eventually(lambda: feed_calls(program) > 0, what="the first look")
    program.stop(signal.SIGTERM)
    assert reader.result().status == 200, "not 503, which comes when the time for requests under way is over"
    assert reader.result().json()["changes"] == []


def waiting_now(program):
    return program.metrics()["waypost_http_waiting"]


def test_readers_that_leave_are_forgotten(launch):
    """At once, not when their time is over; the sanitizers' builds tell when their memory is not."""
    program = launch()
    streams = []
    for _ in range(20):
        stream = connect(program.addresses[0])
        stream.sendall(f"GET /changes?since=0&wait={WAIT_MAX} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        streams.append(stream)
    eventually(lambda: waiting_now(program) == 20, what="waiting")
    for stream in streams[:10]:
        stream.close()
    for stream in streams[10:]:  # with a reset
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    eventually(lambda: waiting_now(program) == 0, what="their end")
    assert feed_calls(program) == 20, "nobody looks again for them"
    assert program.client.set("example.org", "10.0.0.5").status == 201
    assert len(feed(program.client, 0)["changes"]) == 1


def test_a_reader_that_closes_its_side_is_answered_at_once(service):
    """As nc -N does. The page says that there is nothing yet, and from where to go on."""
    since = now(service.client)
    with connect(service.addresses[0]) as stream:
        stream.sendall(f"GET /changes?since={since}&wait={WAIT_MAX} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        eventually(lambda: waiting_now(service) == 1, what="waiting")
        stream.shutdown(socket.SHUT_WR)
        answer = read_answer(stream)
    service.client.check("GET", f"/changes?since={since}&wait={WAIT_MAX}", answer)
    assert answer.status == 200
    assert answer.json()["changes"] == []
    assert answer.json()["revision"] == since


@pytest.fixture
def many_files():
    """A limit on open files that lets one process hold all the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * WAITERS_MAX
    if hard < wanted:
        pytest.skip("the system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_more_than_a_number_may_wait(launch, many_files):
    program = launch()
    streams = []
    try:
        for _ in range(WAITERS_MAX // ROUND):
            for _ in range(ROUND):
                streams.append(connect(program.addresses[0]))
                streams[-1].sendall(f"GET /changes?since=0&wait={WAIT_MAX} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            eventually(lambda: feed_calls(program) >= len(streams), what="the first looks")
        answer = eventually(lambda: is_busy(program.client.get("/changes?since=0&wait=1")), what="busy")
        assert int(answer.headers["Retry-After"]) >= 1
        assert feed(program.client, 0)["changes"] == [], "who does not wait is answered"
        program.client.set("example.org", "10.0.0.5")
        woken = [read_answer(stream) for stream in streams]
    finally:
        for stream in streams:
            stream.close()
    # So many at once are more than the database's queue holds: some are told to come again.
    assert {answer.status for answer in woken} <= {200, 503}
    assert [len(answer.json()["changes"]) for answer in woken if answer.status == 200].count(1) > WAITERS_MAX // 2


def is_busy(answer):
    return answer if answer.status == 503 and answer.code == "busy" else None


# --- following ------------------------------------------------------------------------------------

def write_many(client, seed, turns, failed):
    held = client.held()
    try:
        for turn in range(turns):
            key = f"/overrides/k{(seed * 7 + turn * 3) % 10}.example"
            if (turn + seed) % 4 == 3:
                assert held.delete(key).status in (204, 404)
            else:
                answer = held.put(key, {"target_host": f"10.{seed}.0.{turn}", "comment": f"{seed} \u00fc {turn}"})
                assert answer.status in (200, 201), answer.text
    except AssertionError as error:
        failed.append(error)
    finally:
        held.close()


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_a_reader_of_the_feed_ends_with_the_table(client, limit):
    """Four writers at once; the reader waits for each page, and has then what the list has."""
    since, state, failed, revisions = now(client), {}, [], []
    writers = [threading.Thread(target=write_many, args=(client, seed, 40, failed)) for seed in range(4)]
    for writer in writers:
        writer.start()
    at, is_over = since, False
    while not is_over:
        is_last = not any(writer.is_alive() for writer in writers)
        page = feed(client, at, limit=limit, wait=0 if is_last else 1)
        revisions += [change["revision"] for change in page["changes"]]
        at = follow(state, page)
        is_over = is_last and not page["changes"]
    assert not failed
    assert revisions == list(range(since + 1, at + 1)), "every revision once, in order"
    rows = client.get("/overrides?limit=1000").json()["overrides"]
    assert state == {row["lookup_key"]: row for row in rows}


def test_a_reader_of_another_instance_ends_with_the_table(maria, launch):
    url = maria.url(maria.new_database())
    programs = [launch(database=url), launch(database=url)]
    state, failed = {}, []
    writers = [threading.Thread(target=write_many, args=(programs[seed % 2].client, seed, 40, failed))
               for seed in range(4)]
    for writer in writers:
        writer.start()
    at, turn, is_over = 0, 0, False
    while not is_over:
        is_last = not any(writer.is_alive() for writer in writers)
        page = feed(programs[turn % 2].client, at, limit=9, wait=0 if is_last else 1)
        at = follow(state, page)
        is_over = is_last and not page["changes"]
        turn += 1
    assert not failed
    rows = programs[0].client.get("/overrides?limit=1000").json()["overrides"]
    assert state == {row["lookup_key"]: row for row in rows}


def test_an_outage_is_said_at_the_end_of_the_wait(own_maria, launch, pool):
    if not own_maria.is_alive():
        own_maria.start()
    program = launch(database=own_maria.url(own_maria.new_database()))
    before = feed_calls(program)
    reader = pool.submit(program.client.get, "/changes?since=0&wait=2")
    eventually(lambda: feed_calls(program) > before, what="the first look")
    own_maria.kill()
    assert (reader.result().status, reader.result().code) == (503, "store_unavailable")
    own_maria.start()
    eventually(lambda: program.client.get("/changes?since=0").status == 200, 30, "the feed")
