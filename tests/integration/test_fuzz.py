"""Anything at all is answered as the contract says, and never with a 5xx that it has no reason for."""
import json
import urllib.parse

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LAW = settings(max_examples=400, derandomize=True, deadline=None, database=None,
               suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

WORDS = st.sampled_from(["overrides", "history", "revert", "changes", "reload", "1", "resolve", "mx", "healthz",
                         "readyz", "metrics", "openapi.yaml", "example.org", "[192.0.2.1]", "user@example.org", "", ".", "..", "%00", "%2F", "%ff", "a b", "*"])
SEGMENTS = st.one_of(WORDS, st.text(max_size=20)).map(lambda text: urllib.parse.quote(text, safe="[]@:*%"))
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map(lambda segments: "/" + "/".join(segments))
NAMES = st.sampled_from(["limit", "cursor", "q", "sort", "key", "domain", "fallback", "since", "epoch",
                         "actor", "from", "until", "x", ""])
VALUES = st.one_of(st.sampled_from(["none", "1", "0", "1000", "0" * 32, "2026-01-02T03:04:05Z", "lookup_key",
                                    "-updated_at", "example.org", "%", "%zz"]),
                   st.text(max_size=20).map(lambda text: urllib.parse.quote(text, safe="")))
QUERIES = st.lists(st.tuples(NAMES, VALUES), max_size=3).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
METHODS = st.sampled_from(["GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "get"])
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "Content-Type", "If-Match", "If-None-Match", "X-Request-Id", "X-Waypost-Reason",
                     "Expect", "Range"]),
    st.one_of(st.sampled_from(["*/*", "text/plain", "text/html", "application/json", "application/merge-patch+json",
                               "*", '"7"', 'W/"7"', "bytes=0-1"]),
              st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)), max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["lookup_key", "target_host", "comment", "enabled", "revision", "keys", "x"]),
        inner, max_size=4),
    max_leaves=10)
BODIES = st.one_of(st.none(), st.binary(max_size=40), JSON.map(lambda value: json.dumps(value).encode()))


@pytest.fixture(scope="module")
def program(launch_for_module):
    return launch_for_module(dns="127.0.0.1:1")


def exchange(client, method, target, headers, body):
    if "100" in headers.get("Expect", ""):
        headers = {name: value for name, value in headers.items() if name != "Expect"}
    answer = client.request(method, target, body, headers)
    # Nothing listens at the DNS server's address; the database is there.
    assert answer.status < 500 or answer.code in ("dns_failure", "dns_timeout"), answer.text
    return answer


@LAW
@given(METHODS, PATHS, QUERIES, HEADERS, BODIES)
def test_any_request(program, method, path, query, headers, body):
    exchange(program.client, method, path + (f"?{query}" if query else ""), headers, body)


TARGETS = st.sampled_from(["/overrides", "/overrides/example.org", "/overrides/example.org/revert", "/resolve", "/mx"])
FIELDS = {
    "lookup_key": st.sampled_from(["example.org", "EXAMPLE.org.", "a b", "", 1, None]),
    "target_host": st.sampled_from(["10.0.0.5", "example.org", "relay.example.", "", "x:25", None, 5]),
    "comment": st.one_of(st.none(), st.text(max_size=30), st.just("x" * 1025), st.integers()),
    "enabled": st.sampled_from([True, False, None, "true", 1]),
    "keys": st.lists(st.sampled_from(["192.0.2.1", "example.org", "a..b", ""]), max_size=3),
    "revision": st.integers(),
}
OBJECTS = st.fixed_dictionaries({}, optional=FIELDS)


@LAW
@given(st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"]), TARGETS, OBJECTS,
       st.sampled_from([{}, {"If-Match": "*"}, {"If-None-Match": "*"}, {"If-Match": '"1-2"'}]))
def test_almost_right_requests(program, method, target, body, headers):
    body = None if method in ("DELETE", "GET") else json.dumps(body).encode()
    query = "?fallback=none" if target in ("/resolve", "/mx") else ""
    answer = exchange(program.client, method, target + query, {"Content-Type": "application/json", **headers}, body)
    if answer.status in (200, 201) and method in ("POST", "PUT", "PATCH") and not query:
        row = {"target_host": "", "enabled": False, **answer.json()}  # a revert may have deleted it
        found = program.client.get(f"/resolve/{row['lookup_key']}?fallback=none").json()
        assert found["target_host"] == (row["target_host"] if row["enabled"] else "")
