"""Every way in which DNS can answer, or not."""
import threading
import time

import pytest

import dns_wire
from http_client import connect, eventually, read_answer

DEADLINE = 1  # --dns-timeout of most of these programs
GRACE = 1.5  # what a busy machine may add

A = [("A", "192.0.2.1")]
AAAA = [("AAAA", "2001:db8::1")]
MX = [("MX", (10, "mx.example"))]
BOTH = ["192.0.2.1", "2001:db8::1"]


@pytest.fixture
def asked(launch, scripted):
    """A client of a program with one loop that asks the scripted server."""
    client = launch("--dns-timeout", f"{DEADLINE}s", dns=scripted.address, threads=1).client
    client.dns = scripted
    return client


def outcome(answer):
    if answer.status == 200:
        body = answer.json()
        return sorted(body["addresses"]) if "addresses" in body else body["records"]
    return answer.status, answer.code


NXDOMAIN = 404, "nxdomain"
NO_ADDRESS = 404, "no_address"
NO_MAIL_HOST = 404, "no_mail_host"
FAILURE = 502, "dns_failure"
TIMEOUT = 504, "dns_timeout"


@pytest.mark.parametrize("a, aaaa, expected", [
    (A, AAAA, BOTH), (A, "nodata", ["192.0.2.1"]), ("nodata", AAAA, ["2001:db8::1"]),
    # One family fails and the other has addresses: those are answered.
    (A, "servfail", ["192.0.2.1"]), ("servfail", AAAA, ["2001:db8::1"]), (A, "refused", ["192.0.2.1"]),
    (A, "broken", ["192.0.2.1"]), (A, "silence", ["192.0.2.1"]), ("silence", AAAA, ["2001:db8::1"]),
    ("nxdomain", AAAA, ["2001:db8::1"]),
    # "None" only when both said so.
    ("nxdomain", "nxdomain", NXDOMAIN), ("nodata", "nodata", NO_ADDRESS), ("nodata", "nxdomain", NO_ADDRESS),
    ("nodata", "servfail", FAILURE), ("servfail", "nodata", FAILURE), ("servfail", "servfail", FAILURE),
    ("refused", "refused", FAILURE), ("nxdomain", "servfail", FAILURE), ("nxdomain", "refused", FAILURE),
    ("broken", "broken", FAILURE), ("nodata", "broken", FAILURE),
    ("silence", "silence", TIMEOUT), ("nodata", "silence", TIMEOUT), ("silence", "nxdomain", TIMEOUT),
    ("garbage", "garbage", TIMEOUT),
])
def test_resolve(asked, a, aaaa, expected):
    asked.dns.rule("name.example", A=a, AAAA=aaaa)
    start = time.monotonic()
    assert outcome(asked.get("/resolve/name.example")) == expected
    assert time.monotonic() - start < DEADLINE + GRACE


IMPLICIT = [{"host": "name.example", "preference": 0}]


@pytest.mark.parametrize("mx, a, aaaa, expected", [
    (MX, "silence", "silence", [{"host": "mx.example", "preference": 10}]),
    ("nxdomain", A, AAAA, NXDOMAIN),
    ("nodata", A, AAAA, IMPLICIT), ("nodata", A, "nodata", IMPLICIT), ("nodata", "nodata", AAAA, IMPLICIT),
    ("nodata", A, "servfail", IMPLICIT), ("nodata", "servfail", AAAA, IMPLICIT), ("nodata", A, "silence", IMPLICIT),
    ("nodata", "nodata", "nodata", NO_MAIL_HOST),
    ("nodata", "servfail", "nodata", FAILURE), ("nodata", "nodata", "refused", FAILURE),
    ("nodata", "silence", "nodata", TIMEOUT),
    # A failure is never an implicit MX.
    ("servfail", A, AAAA, FAILURE), ("refused", A, AAAA, FAILURE), ("broken", A, AAAA, FAILURE),
    ("silence", A, AAAA, TIMEOUT), ("garbage", A, AAAA, TIMEOUT),
])
def test_mx(asked, mx, a, aaaa, expected):
    asked.dns.rule("name.example", MX=mx, A=a, AAAA=aaaa)
    start = time.monotonic()
    assert outcome(asked.get("/mx/name.example")) == expected
    assert time.monotonic() - start < DEADLINE + GRACE


def test_a_null_mx_beside_real_ones_does_not_count(asked):
    asked.dns.rule("name.example", MX=[("MX", (0, ".")), ("MX", (10, "mx.example"))])
    answer = asked.get("/mx/name.example").json()
    assert answer["records"] == [{"host": "mx.example", "preference": 10}]
    assert "null_mx" not in answer


def test_names_in_answers_are_normal(asked):
    asked.dns.rule("name.example", MX=[("MX", (10, "MX.Example.")), ("MX", (10, "a.example"))])
    assert asked.get("/mx/name.example").json()["records"] == [
        {"host": "a.example", "preference": 10}, {"host": "mx.example", "preference": 10}]


def test_an_answer_about_another_name_is_not_believed(asked):
    def foreign(message, is_tcp):
        return dns_wire.answer(message, [dns_wire.record("evil.example", "MX", (10, "mx.evil.example"))])

    asked.dns.rule("name.example", MX=foreign, A="nodata", AAAA="nodata")
    assert outcome(asked.get("/mx/name.example")) in (NO_MAIL_HOST, FAILURE)


def test_a_truncated_answer_is_fetched_over_tcp(asked):
    records = [("MX", (i, f"mx{i}.example")) for i in range(50)]
    asked.dns.rule("name.example", MX="truncated")
    asked.dns.rules["name.example/tcp", "MX"] = records
    assert [record["host"] for record in asked.get("/mx/name.example").json()["records"]] == [
        f"mx{i}.example" for i in range(50)]
    assert asked.dns.over_tcp["name.example", "MX"] == 1


def test_a_cname_chain_over_several_answers(asked):
    for number in range(4):
        asked.dns.rule(f"n{number}.example", MX=[("CNAME", f"n{number + 1}.example", 300 - number)])
    asked.dns.rule("n4.example", MX=[("MX", (10, "mx.example"), 400)])
    answer = asked.get("/mx/n0.example").json()
    assert (answer["records"], answer["ttl"]) == ([{"host": "mx.example", "preference": 10}], 297)


@pytest.mark.parametrize("length", [2, 3, 30])
def test_cname_loops_and_endless_chains_end(asked, length):
    for number in range(length):
        asked.dns.rule(f"n{number}.example", MX=[("CNAME", f"n{(number + 1) % length}.example")])
    assert outcome(asked.get("/mx/n0.example")) == FAILURE
    assert asked.dns.total() <= 40


def test_a_server_without_edns_is_asked_without(asked):
    def old(message, is_tcp):
        if message[11]:  # an additional record: EDNS
            return dns_wire.answer(message, status=dns_wire.FORMERR)
        return dns_wire.answer(message, [dns_wire.record("name.example", "MX", (10, "mx.example"))])

    asked.dns.rule("name.example", MX=old)
    assert outcome(asked.get("/mx/name.example")) == [{"host": "mx.example", "preference": 10}]


def test_names_are_absolute(asked):
    asked.dns.rule("localhost", A=[("A", "192.0.2.55")], AAAA="nodata")
    assert asked.get("/resolve/localhost").json()["addresses"] == ["192.0.2.55"]
    assert outcome(asked.get("/resolve/single")) == FAILURE
    assert {name for name, _ in asked.dns.asked} == {"localhost", "single"}


def test_an_override_asks_no_dns(asked):
    asked.set("name.example", "10.0.0.5")
    for target in ("/resolve/name.example", "/mx/name.example", "/mx/user@name.example", "/resolve/[192.0.2.7]",
                   "/mx/[192.0.2.7]", "/resolve/other.example?fallback=none", "/mx/other.example?fallback=none"):
        assert asked.get(target).status == 200
    assert asked.dns.total() == 0


@pytest.mark.parametrize("rule, expected", [("nxdomain", NXDOMAIN), ("servfail", FAILURE), ("silence", TIMEOUT)])
def test_path_query_and_batch_say_the_same(launch, scripted, rule, expected):
    asked = launch("--dns-timeout", "300ms", dns=scripted.address).client
    scripted.rule("name.example", MX=rule, A=rule, AAAA=rule)
    for target in ("/resolve/name.example", "/resolve?key=name.example", "/mx/name.example", "/mx?domain=name.example"):
        assert outcome(asked.get(target)) == expected
        assert asked.head(target).status == expected[0]
    for path in ("/resolve", "/mx"):
        result = asked.post(path, {"keys": ["name.example"]}).json()["results"][0]
        assert (result["status"], result["code"]) == expected


# --- several servers ------------------------------------------------------------------------------

@pytest.mark.parametrize("first", ["servfail", "refused", "silence", "broken"])
def test_the_next_server_is_tried(launch, knot, scripted, first):
    for name in ("plain.mail.test", "v4only.mail.test"):
        scripted.rule(name, A=first, AAAA=first, MX=first)
    client = launch(dns=f"{scripted.address},{knot.address}").client
    start = time.monotonic()
    assert client.get("/mx/plain.mail.test").status == 200
    assert client.get("/resolve/v4only.mail.test").json()["addresses"] == ["192.0.2.4"]
    assert time.monotonic() - start < 4, "two deadlines"


def test_a_dead_server_is_passed_by(launch, knot):
    client = launch(dns=f"127.0.0.1:1,{knot.address}").client
    for _ in range(5):
        assert client.get("/mx/plain.mail.test").status == 200


def test_no_server_at_all(launch):
    client = launch(dns="127.0.0.1:1").client
    answer = client.get("/mx/plain.mail.test")
    assert outcome(answer) in (FAILURE, TIMEOUT)


def test_a_black_hole_is_504_within_the_deadline(launch, black_hole):
    client = launch("--dns-timeout", f"{DEADLINE}s", dns=black_hole.address).client
    for target in ("/mx/name.example", "/resolve/name.example"):
        start = time.monotonic()
        assert outcome(client.get(target)) == TIMEOUT
        assert DEADLINE - 0.5 < time.monotonic() - start < DEADLINE + GRACE


def test_several_black_holes_share_the_deadline(launch, black_hole, scripted):
    scripted.rule("name.example", MX="silence")
    client = launch("--dns-timeout", f"{DEADLINE}s", dns=f"{black_hole.address},{scripted.address}").client
    start = time.monotonic()
    assert outcome(client.get("/mx/name.example")) == TIMEOUT
    assert time.monotonic() - start < DEADLINE + GRACE


# --- many at a time -------------------------------------------------------------------------------

def in_threads(count, call):
    """Calls call(0..count-1), each in a thread. -> (threads, answers so far by number)"""
    answers = {}

    def one(number):
        answers[number] = call(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def ask_and_wait(client, target):
    """Sends a request whose answer is read later."""
    stream = connect(client.address)
    stream.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return stream


def has_read_all(client):
    """A program with one loop has read what was sent before, once it answered a few hits after it."""
    for _ in range(5):
        assert client.get("/resolve/[192.0.2.7]").status == 200


def test_the_same_question_in_flight_is_asked_once(asked):
    asked.dns.rule("name.example", MX=MX)
    asked.dns.hold()
    streams = [ask_and_wait(asked, target) for target in ("/mx/name.example", "/mx/Name.Example.") * 12]
    has_read_all(asked)
    eventually(asked.dns.held, what="the question")
    asked.dns.release()
    for stream in streams:
        with stream:
            assert read_answer(stream).status == 200
    assert asked.dns.times("name.example", "MX") == 1


def test_a_client_that_gives_up_leaves_the_others_their_answer(asked):
    asked.dns.rule("name.example", MX=MX)
    asked.dns.hold()
    impatient, patient = ask_and_wait(asked, "/mx/name.example"), ask_and_wait(asked, "/mx/name.example")
    has_read_all(asked)
    eventually(asked.dns.held, what="the question")
    impatient.close()
    has_read_all(asked)
    asked.dns.release()
    with patient:
        assert read_answer(patient).status == 200
    assert asked.get("/mx/name.example").status == 200


def test_lookups_in_flight_are_bounded(launch, scripted):
    client = launch("--dns-max-lookups", "8", dns=scripted.address, threads=1).client
    for number in range(8):
        scripted.rule(f"n{number}.example", MX=MX)
    scripted.hold()
    threads, answers = in_threads(8, lambda number: client.get(f"/mx/n{number}.example"))
    eventually(lambda: scripted.held() == 8, what="eight questions")
    answer = client.get("/mx/n9.example")
    assert (answer.status, answer.code) == (503, "busy")
    assert int(answer.headers["Retry-After"]) >= 1
    assert client.get("/resolve/[192.0.2.7]").status == 200, "what needs no DNS goes on"
    assert client.get("/mx/n9.example?fallback=none").status == 200
    scripted.release()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers.values()} == {200}
    scripted.rule("n9.example", MX=MX)
    assert client.get("/mx/n9.example").status == 200


def test_a_busy_item_of_a_batch_is_busy_by_itself(launch, scripted):
    client = launch("--dns-max-lookups", "4", dns=scripted.address, threads=1).client
    names = [f"n{number}.example" for number in range(12)]
    for name in names:
        scripted.rule(name, MX=MX)
    found = client.post("/mx", {"keys": names}).json()["results"]
    assert {result.get("code") for result in found} <= {None, "busy"}
    assert sum("records" in result for result in found) >= 4


def test_batches_leave_room_for_single_lookups(launch, scripted):
    """Half of it, however many keys they have."""
    client = launch("--dns-max-lookups", "8", dns=scripted.address, threads=1).client
    names = [f"n{number}.example" for number in range(20)]
    for name in names:
        scripted.rule(name, MX=MX)
    scripted.hold()
    batches, results = in_threads(1, lambda _: client.post("/mx", {"keys": names[4:]}))
    eventually(lambda: scripted.held() == 4, what="the batch's questions")
    singles, answers = in_threads(4, lambda number: client.get(f"/mx/{names[number]}"))
    eventually(lambda: scripted.held() == 8, what="the others' questions")
    scripted.release()
    for thread in [*batches, *singles]:
        thread.join()
    assert {answer.status for answer in answers.values()} == {200}
    assert all("records" in result for result in results[0].json()["results"])
