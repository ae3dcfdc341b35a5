"""What clients may take, each limit for itself: what is answered at it, what its option does, and that everything is
as before when it is over. What many limits are together, under load, is in tests/attack."""
import contextlib
import json
import pathlib
import re
import socket

import pytest

from http_client import connect, eventually, parse, read_all, read_answer
from program import binary

PLACES = 16
SHORT = "1s"  # a deadline that a test can wait for
DEADLINES = ("--header-timeout", "--body-timeout", "--answer-timeout", "--idle-timeout")
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LOOKUP = b"GET /resolve/192.0.2.1 HTTP/1.1\r\nHost: x\r\n\r\n"
MIB = 1 << 20
BATCH_KEYS_MAX = 10000
SMALL = b'{"target_host":"10.0.0.5"}'


def post(size, path="/resolve?fallback=none", method="POST"):
    return (f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {size}\r\n\r\n").encode()


def batch(count):
    """A whole request for so many keys, and about a hundred bytes of answer for each."""
    body = json.dumps({"keys": [f"k{number}.example" for number in range(count)]}).encode()
    return post(len(body)) + body


def gauge(program, name):
    return program.metrics()[f"waypost_http_{name}"]


def connect_from(source, address):
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), 20, (source, 0))


def is_ended(stream):
    """Whether the other side has closed it, by now."""
    stream.settimeout(0.01)
    try:
        return stream.recv(1) == b""
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False


def busy(stream):
    """The one answer that somebody gets for whom there is no place."""
    answer = parse(read_all(stream), ["GET"])[0]
    assert (answer.status, answer.code) == (503, "busy"), answer.text
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Connection"] == "close"
    return answer


@pytest.fixture
def streams():
    """Connections that are closed in the end."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context


def short(which):
    """All deadlines are long, but for one."""
    return [argument for name in DEADLINES for argument in (name, SHORT if name == which else "10m")]


# --- deadlines ------------------------------------------------------------------------------------

def trickle(stream, data):
    """Whether the other side has closed it; sends a byte more, if not."""
    if is_ended(stream):
        return True
    with contextlib.suppress(OSError):
        stream.send(data)
    return False


@pytest.mark.parametrize("began", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_head_that_comes_slowly(launch, streams, began):
    """A byte now and then does not prolong it."""
    program = launch(*short("--header-timeout"))
    stream = streams(connect(program.addresses[0]))
    stream.sendall(began)
    eventually(lambda: trickle(stream, b"a" if began else b""), what="its end")
    assert program.client.get("/healthz").status == 200


def test_the_head_of_a_second_request_that_comes_slowly(launch, streams):
    program = launch(*short("--header-timeout"))
    stream = streams(connect(program.addresses[0]))
    stream.sendall(GET)
    assert read_answer(stream).status == 200
    stream.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
    eventually(lambda: trickle(stream, b"a"), what="its end")


def test_a_body_that_comes_slowly(launch, streams):
    program = launch(*short("--body-timeout"))
    stream = streams(connect(program.addresses[0]))
    stream.sendall(post(60000))
    eventually(lambda: trickle(stream, b" "), what="its end")
    eventually(lambda: gauge(program, "body_bytes") == 0, what="its memory")


def test_an_answer_that_is_read_slowly(launch, streams, tmp_path):
    program = launch(*short("--answer-timeout"), listen=("127.0.0.1:0", f"unix:{tmp_path}/s"))
    stream = streams(connect(program.addresses[1]))
    stream.sendall(batch(BATCH_KEYS_MAX))
    eventually(lambda: gauge(program, "answer_bytes") > 0, what="the answer")
    eventually(lambda: stream.recv(10) and gauge(program, "answer_bytes") == 0, what="its end")
    assert len(read_all(stream)) < MIB // 2, "it was cut"


def test_a_connection_between_two_requests(launch, streams):
    program = launch(*short("--idle-timeout"))
    stream = streams(connect(program.addresses[0]))
    stream.sendall(GET)
    assert read_answer(stream).status == 200
    eventually(lambda: is_ended(stream), what="its end")


# --- how many connections there are ---------------------------------------------------------------

@pytest.fixture
def small(launch, tmp_path):
    """One loop with few places, all of them for any address."""
    return launch("--max-connections", str(PLACES), "--max-connections-per-address", str(PLACES),
                  listen=("127.0.0.1:0", f"unix:{tmp_path}/s"), threads=1)


def idle(streams, program, count, address=0):
    """Each has had an answer before the next one comes."""
    made = []
    for _ in range(count):
        made.append(streams(connect(program.addresses[address])))
        made[-1].sendall(GET)
        assert read_answer(made[-1]).status == 200
    return made


def active(streams, program, count, source="127.0.0.1"):
    """Such as never give way: they send a body."""
    made = [streams(connect_from(source, program.addresses[0])) for _ in range(count)]
    for stream in made:
        stream.sendall(post(60000) + b" ")
    return made


def test_the_longest_idle_one_gives_way(small, streams):
    first, second, *others = idle(streams, small, PLACES)
    second.sendall(GET)
    assert read_answer(second).status == 200
    new = streams(connect(small.addresses[0]))
    new.sendall(GET)
    assert read_answer(new).status == 200
    eventually(lambda: is_ended(first), what="the end of the longest idle one")
    assert not any(is_ended(stream) for stream in [second, *others])


def test_idle_ones_give_way_to_any_number(small, streams):
    idle(streams, small, PLACES)
    for stream in idle(streams, small, PLACES):
        stream.sendall(GET)
        assert read_answer(stream).status == 200
    assert small.metrics()["waypost_http_evicted_connections_total"] >= PLACES


def test_slow_heads_give_way(small, streams):
    """Those that have been coming for a second; until then the new one waits."""
    slow = [streams(connect(small.addresses[0])) for _ in range(PLACES)]
    for stream in slow:
        stream.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
    new = streams(connect(small.addresses[0]))
    new.sendall(GET)
    answer = read_answer(new)
    while answer.status == 503:  # it came first, by a moment
        new = streams(connect(small.addresses[0]))
        new.sendall(GET)
        answer = read_answer(new)
    assert answer.status == 200
    eventually(lambda: any(is_ended(stream) for stream in slow), what="the end of a slow one")


def test_where_nobody_gives_way_the_new_one_is_told(small, streams):
    held = active(streams, small, PLACES)
    for address in small.addresses:
        new = streams(connect(address))
        new.sendall(LOOKUP)
        assert "connections" in busy(new).json()["detail"]
    held[0].close()
    eventually(lambda: small.client.request("GET", "/healthz", check=False).status == 200, what="a place")
    assert small.metrics()['waypost_http_refused_connections_total{why="full"}'] >= len(small.addresses)
    assert gauge(small, "connections_max") == PLACES
    line, = small.log("http.refused", level="warn")
    assert line["max"] == str(PLACES)


def test_no_address_takes_all_places(launch, streams, tmp_path):
    """By default one has half of them."""
    program = launch("--max-connections", str(PLACES), listen=("127.0.0.1:0", f"unix:{tmp_path}/s"), threads=1)
    held = active(streams, program, PLACES // 2)
    new = streams(connect(program.addresses[0]))
    new.sendall(LOOKUP)
    assert "address" in busy(new).json()["detail"]
    for other in (connect_from("127.0.0.2", program.addresses[0]), connect(program.addresses[1])):
        streams(other).sendall(LOOKUP)
        assert read_answer(other).status == 200
    held[0].close()
    eventually(lambda: program.client.request("GET", "/healthz", check=False).status == 200, what="a place")
    assert program.metrics()['waypost_http_refused_connections_total{why="address_full"}'] >= 1


def test_only_its_own_idle_ones_give_way_to_an_address(launch, streams):
    program = launch("--max-connections", str(PLACES), "--max-connections-per-address", "4", threads=1)
    others = [streams(connect_from("127.0.0.2", program.addresses[0])) for _ in range(3)]
    for stream in others:
        stream.sendall(GET)
        assert read_answer(stream).status == 200
    first, *_ = idle(streams, program, 4)
    idle(streams, program, 1)
    eventually(lambda: is_ended(first), what="the end of its own")
    assert not any(is_ended(stream) for stream in others)


def test_unix_sockets_are_no_address(launch, streams, tmp_path):
    program = launch("--max-connections", str(PLACES), "--max-connections-per-address", "2",
                     listen=("127.0.0.1:0", f"unix:{tmp_path}/s"), threads=1)
    held = idle(streams, program, PLACES - 1, address=1)
    assert not any(is_ended(stream) for stream in held)


def test_few_descriptors_mean_few_connections(launch, streams):
    """The half of them is left to the database and to DNS."""
    program = launch(by=("prlimit", "--nofile=256:256"))
    line, = program.log("start.descriptors", level="warn")
    assert line["have"] == "256"
    most = gauge(program, "connections_max")
    assert most == int(line["connections"]) == 128
    idle(streams, program, 2 * int(most))
    assert gauge(program, "connections") <= most
    assert program.client.set("example.org", "10.0.0.5").status == 201
    assert not program.log("http.accept"), "it never ran out of them"


def test_enough_descriptors_are_asked_for(launch):
    program = launch(by=("prlimit", "--nofile=256:20000"))
    assert not program.log("start.descriptors")
    assert gauge(program, "connections_max") == 8192


# --- memory ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_bodies_share_one_bound(launch, streams, framing):
    program = launch("--max-body-memory", "1MiB")
    held = streams(connect(program.addresses[0]))
    held.sendall(post(2 * MIB) + b" " * (MIB - 4096))
    eventually(lambda: gauge(program, "body_bytes") == MIB, what="its memory")
    with connect(program.addresses[0]) as stream:
        if framing == "length":
            stream.sendall(post(100000) + b" " * 50000)
        else:
            stream.sendall(post(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
                           + b"c350\r\n" + b" " * 50000 + b"\r\n")
        answer = parse(read_all(stream), ["POST"])[0]
    program.client.check("POST", "/resolve?fallback=none", answer)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "busy", "1")
    assert program.client.put("/overrides/example.org", {"target_host": "10.0.0.5"}).status == 201
    assert program.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    held.close()
    eventually(lambda: gauge(program, "body_bytes") == 0, what="its end")
    assert program.client.post("/resolve?fallback=none", {"keys": ["k.example"] * 5000}).status == 200
    assert gauge(program, "body_bytes") == 0


def test_a_body_that_is_larger_than_all_may_be(launch):
    program = launch("--max-body-memory", "1MiB")
    for _ in range(3):
        answer = program.client.raw_answer(post(2 * MIB) + b" " * (2 * MIB), "POST", "/resolve?fallback=none")
        assert (answer.status, answer.code) == (503, "busy")
    assert gauge(program, "body_bytes") == 0
    assert program.client.post("/resolve?fallback=none", {"keys": ["k.example"] * 1000}).status == 200


def test_answers_share_one_bound(launch, streams, tmp_path):
    """Three that nobody reads leave no room for a fourth while it is being made, which takes it twice. They go
    through a unix socket, whose buffer in the kernel is small."""
    program = launch("--max-answer-memory", "4MiB", listen=("127.0.0.1:0", f"unix:{tmp_path}/s"))
    program.client.set("example.org", "10.0.0.5")
    held = []
    for count in range(1, 4):
        held.append(streams(connect(program.addresses[1])))
        held[-1].sendall(batch(BATCH_KEYS_MAX))
        eventually(lambda: gauge(program, "answer_bytes") == count * MIB, what="one more answer")
    keys = {"keys": ["k.example"] * BATCH_KEYS_MAX}
    answer = program.client.post("/resolve?fallback=none", keys)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "busy", "1")
    assert "answers" in answer.json()["detail"]
    assert gauge(program, "answer_bytes") == 3 * MIB, "what it had is given back"
    for target in ("/resolve/example.org", "/mx/example.org", "/overrides", "/history", "/changes?since=0"):
        assert program.client.get(target).status == 200, target
    held.pop().close()
    eventually(lambda: gauge(program, "answer_bytes") == 2 * MIB, what="its end")
    assert program.client.post("/resolve?fallback=none", keys).status == 200
    for stream in held:
        assert parse_one(stream).status == 200
    eventually(lambda: gauge(program, "answer_bytes") == 0, what="the end of all")


def parse_one(stream):
    """The answer on a connection that is closed behind it."""
    stream.shutdown(socket.SHUT_WR)
    return parse(read_all(stream), ["POST"])[0]


# --- what bodies say ------------------------------------------------------------------------------

BOMBS = {
    "empty objects": (b"[", b"{},", b"{}]"),
    "empty lists": (b'{"keys":[', b"[],", b"[]]}"),
    "members": (b"{", b'"a":1,', b'"b":1}'),
    "deep lists": (b'{"keys":', b"[", b""),
    "deep objects": (b"", b'{"keys":', b""),
    "a huge number": (b'{"keys":[', b"9", b"]}"),
    "a huge exponent": (b'{"keys":[1e', b"9", b"]}"),
    "a huge string": (b'{"keys":["', b"a", b'"]}'),
    "escapes": (b'{"keys":["', rb"\u00e9", b'"]}'),
    "blanks": (b'{"keys":[', b" ", b"]}"),
    "an open string": (b'{"keys":["', b'\\"', b""),
}


@pytest.fixture(scope="module")
def any_program(launch_for_module):
    return launch_for_module()


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("method, path, size", [("POST", "/resolve?fallback=none", 4 * MIB), ("POST", "/mx", 4 * MIB),
                                                ("PUT", "/overrides/example.org", 64 << 10)])
def test_a_body_that_is_worse_than_its_size(any_program, bomb, method, path, size):
    begin, middle, end = BOMBS[bomb]
    body = begin + middle * ((size - len(begin) - len(end)) // len(middle)) + end
    answer = any_program.client.request(method, path, body, {"Content-Type": "application/json"})
    assert answer.status in ((200,) if bomb == "blanks" and method == "POST" else
                             (200, 400, 422) if method == "POST" else (400, 422)), answer.text
    assert gauge(any_program, "body_bytes") == 0


def resident(program):
    """Bytes of memory that the program has had at most."""
    status = (pathlib.Path("/proc") / str(program.process.pid) / "status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


@pytest.mark.skipif(binary().parent.name in ("asan", "tsan"),
                    reason="the sanitizers take memory of their own")
def test_json_takes_no_more_memory_than_a_few_bodies(launch):
    """As a tree, each of these bodies would be 200 MiB and more."""
    program = launch()
    before = resident(program)
    for bomb in ("empty objects", "empty lists"):
        begin, middle, end = BOMBS[bomb]
        body = begin + middle * ((4 * MIB - 100) // len(middle)) + end
        answer = program.client.post("/resolve?fallback=none", body, Content_Type="application/json")
        assert (answer.status, answer.code) == (422, "invalid")
    assert resident(program) - before < 64 * MIB
