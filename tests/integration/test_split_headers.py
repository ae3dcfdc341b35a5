"""A list among the headers may come over several lines (RFC 9110 5.3); what is no list comes once."""
import pytest

HEADERS_MAX = 16 << 10
ROOM = 200  # bytes of it for all other lines
LINES = 200  # that the HTTP library has memory for
OTHER = '"other"'
BODY = b'{"target_host":"10.0.0.9"}'


def ask(client, line, *headers, body=b""):
    """One request with these header lines. -> its answer"""
    method, target = line.split(" ")
    lines = [f"{line} HTTP/1.1", "Host: x", "Connection: close", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return client.raw_answer("\r\n".join([*lines, "", ""]).encode("latin-1") + body, method, target)


def put(client, *headers):
    return ask(client, "PUT /overrides/example.org", *headers, body=BODY)


@pytest.mark.parametrize("ranges, media", [
    (["text/plain", "application/json;q=0.5"], "text/plain"),
    (["text/plain;q=0.5", "application/json"], "application/json"),
    (["image/png", "text/html", "text/plain"], "text/plain"), (["", "text/plain"], "text/plain"),
    (["text/plain", ""], "text/plain"), (["text/plain;q=0, image/png", "*/*;q=0.1"], "application/json"),
    (["image/png", "image/jpeg"], None), (["", ""], "application/json"),
])
def test_accept(client, ranges, media):
    """As if all had come on one line."""
    for headers in ([f"Accept: {value}" for value in ranges], [f"Accept: {', '.join(ranges)}"]):
        answer = ask(client, "GET /mx/192.0.2.7", *headers)
        if media is None:
            assert (answer.status, answer.code) == (406, "not_acceptable")
        else:
            assert (answer.status, answer.media_type) == (200, media)


def test_the_lines_need_not_be_neighbours(client):
    answer = ask(client, "GET /mx/192.0.2.7", "Accept: image/png", "X-Other: a", "aCCEPT:text/plain \t", "X-More: b")
    assert (answer.status, answer.media_type) == (200, "text/plain")


def test_a_head_full_of_lines(client):
    """The longer the lines, the more of the head is one list."""
    for ranges in (1, 10, 100):
        line = "Accept:" + ",".join(["a/b"] * ranges)
        count = min(LINES, (HEADERS_MAX - ROOM) // len(line + "\r\n"))
        answer = ask(client, "GET /mx/192.0.2.7", *[line] * count, "Accept: text/plain")
        assert (answer.status, answer.media_type) == (200, "text/plain"), ranges


def test_if_match(client):
    client.set("example.org", "10.0.0.5")
    stale = put(client, f"If-Match: {OTHER}", 'If-Match: "another"')
    assert (stale.status, stale.code) == (412, "stale")
    for place in range(3):
        tags = [OTHER, '"another"']
        tags.insert(place, client.set("example.org", "10.0.0.5").etag)
        assert put(client, *[f"If-Match: {tag}" for tag in tags]).status == 200, place


def test_if_match_that_is_no_list_on_two_lines_either(client):
    client.set("example.org", "10.0.0.5")
    for lines in (["If-Match: *", f"If-Match: {OTHER}"], ["If-Match: *", "If-Match: *"],
                  [f"If-Match: {OTHER}", "If-Match: bare"], ["If-None-Match: *", "If-None-Match: *"]):
        answer = put(client, *lines)
        assert (answer.status, answer.code) == (400, "bad_request"), lines
    assert client.get("/overrides/example.org").json()["target_host"] == "10.0.0.5"


def test_if_none_match(client):
    etag = client.set("example.org", "10.0.0.5").etag
    known = ask(client, "GET /overrides/example.org", f"If-None-Match: {OTHER}", f"If-None-Match: {etag}")
    assert known.status == 304
    new = ask(client, "GET /overrides/example.org", f"If-None-Match: {OTHER}", 'If-None-Match: "another"')
    assert new.status == 200


def test_several_lists_at_once(client):
    """Each keeps its own."""
    etag = client.set("example.org", "10.0.0.5").etag
    answer = ask(client, "GET /overrides/example.org", "Accept: image/png", f"If-None-Match: {OTHER}",
                 "Accept: application/json", f"If-None-Match: {etag}")
    assert answer.status == 304
    answer = ask(client, "GET /overrides/example.org", f"If-None-Match: {etag}", "Accept: image/png",
                 f"If-None-Match: {OTHER}", "Accept: image/jpeg")
    assert answer.status == 406


def test_a_lone_line_beside_a_split_one(client):
    etag = client.set("example.org", "10.0.0.5").etag
    answer = ask(client, "GET /overrides/example.org", "Accept: image/png", f"If-None-Match: {etag}", "Accept: */*")
    assert answer.status == 304


@pytest.mark.parametrize("header", ["Content-Type: application/json", "X-Waypost-Reason: why", "Origin: https://x.example"])
def test_what_is_no_list_comes_once(client, header):
    answer = put(client, *[header] * (1 if header.startswith("Content-Type") else 2))  # the body brings another
    assert (answer.status, answer.code) == (400, "bad_request")
    assert client.get("/overrides/example.org").status == 404
