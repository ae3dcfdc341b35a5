"""The tools of these tests see what they are there to see."""
import email.message
import json
import socket

import pytest

import dns_wire
from http_client import Answer, parse
from page import Page
from program import log_line

GOOD = {
    "X-Request-Id": "0123456789abcdef", "X-Waypost-Revision": "7", "Cache-Control": "no-store",
    "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
LIVE = {"status": "ok", "version": "0.1.0"}
PROBLEM = {
    "type": "urn:waypost:problem:not_found", "title": "There is no such thing", "status": 404,
    "detail": "no such override",
    "instance": "urn:waypost:request:0123456789abcdef", "code": "not_found",
}


def answer(status, headers, body):
    message = email.message.Message()
    for name, value in headers.items():
        if value is not None:
            message[name] = value
    return Answer(status, message, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.fixture
def fresh(contract):
    """A contract of its own: what it sees here does not count as exercised."""
    return type(contract)(contract.path)


def test_a_right_answer_gives_no_complaint(fresh):
    assert fresh.complaints("GET", "/healthz", answer(200, GOOD, LIVE)) == []
    assert fresh.seen == {("GET", "/healthz", "200")}
    assert ("GET", "/healthz", "200") not in fresh.unexercised()
    assert ("GET", "/healthz", "400") in fresh.unexercised()


@pytest.mark.parametrize("status, headers, body, word", [
    (200, {}, {"status": "ok"}, "version"),
    (200, {}, {**LIVE, "more": 1}, "more"),
    (200, {}, {**LIVE, "status": "fine"}, "was expected"),
    (200, {}, b"{", "not JSON"),
    (200, {"Content-Type": "text/html"}, LIVE, "text/html"),
    (200, {"X-Request-Id": None}, LIVE, "X-Request-Id"),
    (200, {"X-Waypost-Revision": "seven"}, LIVE, "seven"),
    (200, {"Cache-Control": "public"}, LIVE, "Cache-Control"),
    (200, {"X-Content-Type-Options": None}, LIVE, "X-Content-Type-Options"),
    (200, {"Content-Security-Policy": "default-src *"}, LIVE, "Content-Security-Policy"),
    (200, {"Referrer-Policy": None}, LIVE, "Referrer-Policy"),
    (200, {"Access-Control-Allow-Origin": "*"}, LIVE, "Access-Control-Allow-Origin"),
    (201, {}, LIVE, "undocumented status"),
    (503, {"Content-Type": "application/problem+json"}, {**PROBLEM, "status": 503}, "undocumented status"),
])
def test_a_wrong_answer_gives_a_complaint(fresh, status, headers, body, word):
    complaints = fresh.complaints("GET", "/healthz", answer(status, {**GOOD, **headers}, body))
    assert any(word in complaint for complaint in complaints), complaints


@pytest.mark.parametrize("change, word", [
    ({}, None), ({"status": 405}, "405"), ({"code": "no_such_code"}, "no_such_code"),
    ({"code": "nxdomain"}, "nxdomain"),
    ({"type": "urn:waypost:problem:stale"}, "stale"),
    ({"instance": "urn:waypost:request:other-id-4711"}, "X-Request-Id"),
    ({"detail": ""}, "detail"), ({"errors": []}, "errors"), ({"extra": 1}, "extra"),
])
def test_a_wrong_problem_gives_a_complaint(fresh, change, word):
    headers = {**GOOD, "Content-Type": "application/problem+json"}
    complaints = fresh.complaints("GET", "/overrides/a.example", answer(404, headers, {**PROBLEM, **change}))
    if word is None:
        assert complaints == []
    else:
        assert any(word in complaint for complaint in complaints), complaints


def test_a_title_belongs_to_its_code(fresh):
    headers = {**GOOD, "Content-Type": "application/problem+json"}
    assert fresh.complaints("GET", "/overrides/a.example", answer(404, headers, PROBLEM)) == []
    assert fresh.complaints("GET", "/overrides/a.example", answer(404, headers, {**PROBLEM, "title": "Other"}))


def test_what_is_not_documented_is_404_or_405(fresh):
    assert fresh.complaints("GET", "/nowhere", answer(200, GOOD, LIVE))
    assert fresh.complaints("PUT", "/healthz", answer(200, GOOD, LIVE))
    headers = {**GOOD, "Content-Type": "application/problem+json"}
    body = {**PROBLEM, "status": 405, "code": "method_not_allowed", "type": "urn:waypost:problem:method_not_allowed"}
    assert fresh.complaints("PUT", "/healthz", answer(405, {**headers, "Allow": "GET, HEAD, OPTIONS"}, body)) == []
    assert fresh.complaints("PUT", "/healthz", answer(405, {**headers, "Allow": "GET, HEAD"}, body))
    assert fresh.complaints("PUT", "/healthz", answer(405, headers, body))


def test_patterns_end_where_the_text_ends(fresh):
    row = {"lookup_key": "example.org\n", "target_host": "10.0.0.5", "comment": "", "enabled": True, "revision": 1,
           "created_at": "2026-01-02T03:04:05.678901Z", "created_by": "-", "updated_at": "2026-01-02T03:04:05.678901Z",
           "updated_by": "-"}
    headers = {**GOOD, "ETag": '"7"', "Cache-Control": "no-cache"}
    assert fresh.complaints("GET", "/overrides/example.org", answer(200, headers, row))
    row["lookup_key"] = "example.org"
    assert fresh.complaints("GET", "/overrides/example.org", answer(200, headers, row)) == []


def test_a_literal_path_wins_over_a_template(fresh):
    assert fresh.find("/resolve")[0] == "/resolve"
    assert fresh.find("/resolve?key=a")[0] == "/resolve"
    assert fresh.find("/resolve/a?fallback=none")[0] == "/resolve/{key}"
    assert fresh.find("/resolve/")[0] == "/resolve/{key}", "with an empty key"
    assert fresh.find("/%72esolve")[0] == "/resolve"
    assert fresh.find("/resolve/a/b")[0] is None


@pytest.mark.parametrize("line", [
    "", "plain text", "time=2026-01-02T03:04:05.678901Z level=notice", "time=yesterday level=notice event=a",
    "time=2026-01-02T03:04:05.678901Z level=loud event=a",
    'time=2026-01-02T03:04:05.678901Z level=notice event=a x="open',
    "time=2026-01-02T03:04:05.678901Z level=notice event=a  two=blanks",
    "time=2026-01-02T03:04:05.678901Z level=notice event=a event=b",
    "time=2026-01-02T03:04:05.678901Z level=notice event=a word",
])
def test_what_is_no_log_line(line):
    with pytest.raises(AssertionError):
        log_line(line)


def test_a_log_line():
    assert log_line('time=2026-01-02T03:04:05.678901Z level=warn event=a.b key="a \\"b\\" c" n=1') == {
        "time": "2026-01-02T03:04:05.678901Z", "level": "warn", "event": "a.b", "key": 'a "b" c', "n": "1"}


def test_answers_are_taken_apart():
    data = (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ncd\r\n0\r\n\r\n"
            b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    assert [found.body for found in parse(data, ["GET", "GET", "DELETE", "HEAD"])] == [b"ab", b"cd", b"", b""]
    with pytest.raises(AssertionError):
        parse(data + b"x", ["GET", "GET", "DELETE", "HEAD"])


def asked(server, name, kind):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
        stream.settimeout(5)
        stream.sendto(dns_wire.query(name, kind), ("127.0.0.1", server.port))
        return stream.recv(4096)


def test_the_scripted_server_keeps_to_its_rules(scripted):
    scripted.rule("a.example", A=[("A", "192.0.2.1")], MX="servfail")
    found = asked(scripted, "a.example", "A")
    assert dns_wire.rcode(found) == dns_wire.NOERROR and found.endswith(bytes([192, 0, 2, 1]))
    assert dns_wire.rcode(asked(scripted, "a.example", "MX")) == dns_wire.SERVFAIL
    assert dns_wire.rcode(asked(scripted, "b.example", "A")) == dns_wire.REFUSED
    assert scripted.times("a.example", "A") == 1 and scripted.total() == 3


def test_the_scripted_server_holds_and_releases(scripted):
    scripted.rule("a.example", A=[("A", "192.0.2.1")])
    scripted.hold()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
        stream.settimeout(0.2)
        stream.sendto(dns_wire.query("a.example", "A"), ("127.0.0.1", scripted.port))
        with pytest.raises(socket.timeout):
            stream.recv(512)
        assert scripted.held() == 1
        scripted.release()
        stream.settimeout(5)
        assert dns_wire.rcode(stream.recv(512)) == dns_wire.NOERROR


PAGE = """# A page

```
not run
```

## Lines

```sh
echo one 2026-01-02T03:04:05.678901Z
echo two
```

```
one 2026-11-22T18:31:55.560850Z
two
```

```sh
kept=3
```

## Session

```
$ echo \\
    "$WORD"
there
$ echo 4
4
```
"""


@pytest.fixture
def page(tmp_path):
    def write(*change):
        path = tmp_path / "page.md"
        path.write_text(PAGE.replace(*change) if change else PAGE)
        return Page(path)

    return write


def test_a_page_that_tells_the_truth_passes(page):
    page().run("Lines")
    page().run("Session", {"there": "here"}, {"WORD": "here"})


@pytest.mark.parametrize("heading, change", [
    ("Lines", ("\ntwo\n", "\ntow\n")), ("Lines", ("echo two", "false")), ("Lines", ("kept=3", "exit 3")),
    ("Lines", ("kept=3", "echo unsaid")), ("Session", ("4\n4", "4\n5")), ("Session", ("echo 4", "echo 4; exit 1")),
])
def test_a_page_that_does_not_fails(page, heading, change):
    with pytest.raises(AssertionError, match="page.md"):
        page(*change).run(heading, {"there": "here"}, {"WORD": "here"})
