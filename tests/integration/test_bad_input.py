"""Refused requests: a 4xx problem that names the field and the rule, and nothing changes."""
import json

import pytest

BODY_MAX = 64 << 10
COMMENT_MAX = 1024

with_body = pytest.mark.parametrize("method, path", [
    ("PUT", "/overrides/present.example"), ("PATCH", "/overrides/present.example"), ("POST", "/overrides"),
    ("POST", "/resolve"), ("POST", "/mx"),
])


@pytest.fixture(scope="module")
def program(launch_for_module):
    program = launch_for_module()
    program.client.set("present.example", "10.0.0.5", comment="as it was")
    return program


@pytest.fixture
def client(program):
    """A client of a program in which nothing may change during the test."""
    before = program.client.get("/overrides").json()
    revision = program.client.get("/overrides").revision
    yield program.client
    after = program.client.get("/overrides")
    assert after.json() == before
    assert after.revision == revision


def refused(answer, status=422, code="invalid", field=None):
    assert (answer.status, answer.code) == (status, code), answer.text
    if field is not None:
        assert field in answer.fields(), answer.text
    return answer


# --- keys -----------------------------------------------------------------------------------------

BAD_KEYS = {
    "blanks only": "%20%20", "a space inside": "exa%20mple.org", "two words": "a.example%20b.example",
    "a tab inside": "a%09b.example", "a control byte": "a%01b.example", "DEL": "a%7fb.example",
    "a line feed": "a%0ab.example", "a carriage return": "a%0db.example", "NUL": "a%00b.example",
    "NUL at the end": "example.org%00",
    "bad UTF-8": "%ff%fe.example", "cut UTF-8": "b%c3.example", "overlong UTF-8": "%c0%af.example",
    "a surrogate": "%ed%a0%80.example", "bad IDNA": "xn--%C3%BC.example",
    "a joiner out of place": "a%E2%80%8Db.example",
    "an unassigned letter": "%F0%B0%80%80%CD%B8.example", "only a combining mark": "%CC%88.example",
    "an open bracket": "[example.org", "a close bracket": "example.org]", "doubled brackets": "[[192.0.2.1]]",
    "brackets the wrong way": "]192.0.2.1[", "empty brackets": "[]", "a label of 64": "x" * 64 + ".example",
    "a name of 254": ".".join(["x" * 62] * 4) + ".ab", "far too long": "a" * 2000, "only a dot": "%2e%2e%2e",
    "an empty label": "a..b", "a dot in front": ".example.org", "two dots at the end": "example.org..",
    "a port": "example.org:25", "a scheme": "http:example.org", "a slash": "a%2Fb.example",
    "a slash in front": "%2Fexample.org",
    "a backslash": "a%5Cb.example", "an octet of 256": "192.0.2.256", "octal": "010.0.0.1", "three octets": "192.0.2",
    "five octets": "192.0.2.1.5", "a number": "12345", "a trailing number": "example.123",
    "a trailing zero": "example.0", "a zone id": "fe80::1%25eth0",
    "ipv6 of IPv4": "ipv6:192.0.2.1", "ipv6 of a name": "ipv6:example.org", "ipv6 of nothing": "ipv6:",
    "two double colons": "1::2::3",
    "nine groups": "1:2:3:4:5:6:7:8:9", "a group of five": "12345::", "a mask": "192.0.2.0%2F24",
    "a wildcard": "*.example.org",
    "a star": "*", "a mail address": "user@example.org", "quotes": "%22example.org%22",
    "angle brackets": "%3Cexample.org%3E",
    "a comma": "a.example,b.example", "a semicolon": "a.example;b.example", "a percent sign": "a%25b.example",
    "an encoded plus": "a%2Bb.example",
    "a plus": "a+b.example", "a dollar": "a$b.example", "a soft hyphen alone": "%C2%AD",
    "a full-width slash": "a%EF%BC%8Fb.example",
}


@pytest.mark.parametrize("label", BAD_KEYS)
def test_a_key_that_is_none_is_refused_at_every_door(client, label):
    key = BAD_KEYS[label]
    body = {"target_host": "10.0.0.9"}
    for answer in (client.get(f"/overrides/{key}"), client.put(f"/overrides/{key}", body),
                   client.patch(f"/overrides/{key}", body), client.delete(f"/overrides/{key}"),
                   client.get(f"/resolve/{key}"), client.get(f"/resolve?key={key}&fallback=none")):
        refused(answer, field="key")
        assert 0 < len(answer.json()["errors"][0]["message"]) < 250
    if "@" not in key:
        refused(client.get(f"/mx/{key}"), field="domain")
        refused(client.get(f"/mx?domain={key}&fallback=none"), field="domain")


@pytest.mark.parametrize("key", [
    "", "  ", "a b", "a\u0000b.example", "a\u0001.example", "a..b", "x" * 64 + ".example", "http://example.org",
    "example.org:25", "[example.org", "user@example.org", "*.example.org", "192.0.2.256", "a" * 2000,
    "xn--\u00fc.example",
])
def test_a_key_in_a_body_that_is_none_is_refused(client, key):
    refused(client.post("/overrides", {"lookup_key": key, "target_host": "10.0.0.9"}), field="lookup_key")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("key", [".", "..", "%2e", "%2E%2e", ".%2e"])
def test_dots_are_no_keys_and_no_steps(client, method, key):
    body = {"target_host": "10.0.0.9"} if method in ("PUT", "PATCH") else None
    refused(client.request(method, f"/overrides/{key}", body), field="key")
    refused(client.get(f"/resolve/{key}"), field="key")
    refused(client.get(f"/mx/{key}"), field="domain")


def test_an_empty_key_is_refused(client):
    for target in ("/overrides/", "/resolve/", "/resolve?key="):
        refused(client.get(target), field="key")
    for target in ("/mx/", "/mx?domain="):
        refused(client.get(target), field="domain")
    for target in ("//overrides", "/overrides//", "/resolve//a.example"):
        refused(client.get(target), 404, "no_route")


# --- targets --------------------------------------------------------------------------------------

@pytest.mark.parametrize("target", [
    "", "  ", "a b", "relay.example:25", "[2001:db8::1]:25", "192.0.2.1:25", "smtp://relay.example",
    "http://relay.example/",
    "https://relay.example/mxdeliv", "relay.example/path", "user@relay.example", "a.example,b.example", "192.0.2.256",
    "x" * 64 + ".example", "a" * 300, "a..b", "a\u0000b.example", "a\u0001b.example", "\u00ff\u0000", "[relay.example",
    ".", "*",
    "10 relay.example", "fe80::1%eth0", "xn--\u00fc.example",
])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_target_that_is_no_host_is_refused(client, method, target):
    path = "/overrides" if method == "POST" else "/overrides/present.example"
    body = {"target_host": target, **({"lookup_key": "new.example"} if method == "POST" else {})}
    refused(client.request(method, path, body), field="target_host")


@pytest.mark.parametrize("key, target", [
    ("new.example", "NEW.Example."), ("192.0.2.1", "[192.0.2.1]"), ("2001:db8::1", "IPv6:2001:DB8:0::1"),
    ("xn--bcher-kva.example", "B\u00fccher.example"),
])
def test_a_target_equal_to_its_key_is_refused(client, key, target):
    refused(client.put(f"/overrides/{key}", {"target_host": target}), field="target_host")
    refused(client.post("/overrides", {"lookup_key": key, "target_host": target}), field="target_host")


def test_a_patch_cannot_make_the_target_its_key(client):
    refused(client.patch("/overrides/present.example", {"target_host": "present.EXAMPLE"}), field="target_host")


# --- other fields and bodies ----------------------------------------------------------------------

@pytest.mark.parametrize("field, value", [
    ("target_host", 1), ("target_host", None), ("target_host", ["a.example"]), ("target_host", {}),
    ("target_host", True),
    ("comment", 1), ("comment", ["x"]), ("comment", {}), ("comment", False),
    ("enabled", 1), ("enabled", 0), ("enabled", "true"), ("enabled", []), ("enabled", "yes"),
    ("lookup_key", 5), ("lookup_key", None), ("lookup_key", []),
    ("comment", "x" * (COMMENT_MAX + 1)), ("comment", "\u00fc" * (COMMENT_MAX + 1)), ("comment", "bell \u0007"),
    ("comment", "nul \u0000"), ("comment", "del \u007f"), ("comment", "escape \u001b[31m"),
])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_fields_of_a_wrong_type_or_content_are_named(client, method, field, value):
    path = "/overrides" if method == "POST" else "/overrides/present.example"
    body = {"target_host": "10.0.0.9", "lookup_key": "new.example" if method == "POST" else "present.example"}
    refused(client.request(method, path, {**body, field: value}), field=field)


@pytest.mark.parametrize("field", ["comment", "enabled"])
def test_null_is_for_patch_only(client, field):
    refused(client.put("/overrides/present.example", {"target_host": "10.0.0.9", field: None}), field=field)


@pytest.mark.parametrize("body", [
    b"{}x", b"{", b"", b"{\"target_host\":\"10.0.0.9\",}", b"{'target_host':'10.0.0.9'}", b"{\"target_host\":10.0.0.9}",
    b"nul", b"\xff\xfe", b"{\"target_host\":\"\xff\"}", b"{\"target_host\":\"\xed\xa0\x80\"}",
    b"{\"target_host\":\"\\ud800\"}",
    b"{\"target_host\":\"10.0.0.9\"} {}", b"{\"target_host\":\"10.0\n.0.9\"}", b"\x00",
    b"{\"target_host\":\"10.0.0.9\"}\x00",
    b"[" * 5000 + b"]" * 5000, b"{\"target_host\":" + b"[" * 5000 + b"]" * 5000 + b"}",
    b"{\"a\":" * 3000 + b"1" + b"}" * 3000,
    b"\xef\xbb\xbf{\"target_host\":\"10.0.0.9\"}x",
])
@with_body
def test_what_is_no_json_does_not_parse(client, method, path, body):
    answer = client.request(method, path, body, {"Content-Type": "application/json"})
    refused(answer, 400, "bad_request")


@pytest.mark.parametrize("body", [b"[]", b"null", b"\"text\"", b"5", b"true", b"[{\"target_host\":\"10.0.0.9\"}]"])
@with_body
def test_a_body_that_is_no_object_is_refused(client, method, path, body):
    answer = client.request(method, path, body, {"Content-Type": "application/json"})
    assert answer.status in (400, 422)
    assert answer.code in ("bad_request", "invalid")


@pytest.mark.parametrize("method, path, body", [
    ("PUT", "/overrides/present.example", b'{"target_host":"10.0.0.8","target_host":"10.0.0.9"}'),
    ("PATCH", "/overrides/present.example", b'{"comment":"a","comment":"b"}'),
    ("POST", "/overrides", b'{"lookup_key":"a.example","target_host":"10.0.0.8","lookup_key":"b.example"}'),
    ("POST", "/mx", b'{"keys":["a.example"],"keys":[]}'),
    ("POST", "/resolve", b'{"keys":[],"\\u006beys":[]}'),
])
def test_doubled_fields_are_refused(client, method, path, body):
    answer = client.request(method, path, body, {"Content-Type": "application/json"})
    assert answer.status in (400, 422), answer.text
    assert answer.code in ("bad_request", "invalid")
    assert any(word in answer.text for word in ("target_host", "comment", "lookup_key", "eys"))


def test_a_field_name_with_nul_is_no_other_field(client):
    for name in (b"target_host\\u0000x", b"\\u0000"):
        body = b'{"target_host":"10.0.0.9","' + name + b'":1}'
        answer = client.request("PUT", "/overrides/present.example", body, {"Content-Type": "application/json"})
        assert answer.status in (400, 422)


@pytest.mark.parametrize("content_type", [
    None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
    "application/jsonx", "application/problem+json", "json", "application", "application/json, text/plain",
    "application/json; charset=latin1",
])
@with_body
def test_another_content_type_is_refused(client, method, path, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = client.request(method, path, b'{"target_host":"10.0.0.9"}', headers)
    refused(answer, 415, "unsupported_media_type")


def test_a_merge_patch_is_for_patch_only(client):
    for method, path in (("PUT", "/overrides/present.example"), ("POST", "/overrides"), ("POST", "/mx")):
        answer = client.request(method, path, b"{}", {"Content-Type": "application/merge-patch+json"})
        refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("method, path, limit", [
    ("PUT", "/overrides/present.example", BODY_MAX), ("PATCH", "/overrides/present.example", BODY_MAX),
    ("POST", "/overrides", BODY_MAX), ("POST", "/resolve", 4 << 20), ("POST", "/mx", 4 << 20),
])
def test_a_body_over_the_limit_is_too_large(client, method, path, limit):
    body = b'{"comment":"' + b"x" * (limit - 13) + b'"}'
    answer = client.request(method, path, body, {"Content-Type": "application/json"})
    refused(answer, 413, "too_large")
    smaller = client.request(method, path, body[:limit - 20] + b'"}' + b" " * 18, {"Content-Type": "application/json"})
    refused(smaller)


def test_a_large_number_is_no_surprise(client):
    for number in ("1e999", "-1e999", "123456789012345678901234567890"):
        body = f'{{"target_host":"10.0.0.9","enabled":{number}}}'.encode()
        answer = client.request("PUT", "/overrides/present.example", body, {"Content-Type": "application/json"})
        assert answer.status in (400, 422)


# --- paths, methods, Accept -----------------------------------------------------------------------

@pytest.mark.parametrize("path", [
    "/", "/overrides/a/b", "/override", "/Overrides", "/resolve/a.example/x", "/mx/a/b", "/v1/overrides", "/healthz/",
    "/favicon.ico", "/.git/config", "/openapi.json", "/metrics/x", "/overrides%2Fa.example", "/%6fverridesx", "/?x=1",
])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_no_route(client, method, path):
    refused(client.request(method, path), 404, "no_route")


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "CONNECT", "PROPFIND", "get",
           "Post", "X", "M-SEARCH"]


@pytest.mark.parametrize("template", [
    "/overrides", "/overrides/{key}", "/overrides/{key}/history", "/overrides/{key}/revert", "/history",
    "/history/{revision}/revert", "/changes", "/reload", "/resolve/{key}", "/resolve", "/mx/{domain}", "/mx", "/healthz", "/readyz",
    "/metrics", "/openapi.yaml",
])
def test_another_method_is_405_and_allow_tells_the_right_ones(client, template):
    path = template.replace("{key}", "present.example").replace("{domain}", "present.example")
    path = path.replace("{revision}", "1")
    documented = set(client.contract.find(path)[1])
    refused_methods = [method for method in METHODS if method not in documented]
    assert {"TRACE", "QUERY", "get"} <= set(refused_methods)
    for method in refused_methods:
        answer = client.request(method, path)
        assert answer.status == 405
        assert method == "HEAD" or answer.code == "method_not_allowed"
        assert {word.strip() for word in answer.headers["Allow"].split(",")} == documented


def test_options_tells_the_methods(client):
    for target in ("/overrides", "/overrides/absent.example", "/resolve", "/mx/a.example", "/healthz", "/openapi.yaml"):
        answer = client.request("OPTIONS", target)
        assert answer.status == 204
        allowed = {word.strip() for word in answer.headers["Allow"].split(",")}
        assert allowed == set(client.contract.find(target)[1])


def test_options_of_the_server(client):
    answer = client.raw_answer(b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "OPTIONS")
    assert answer.status == 204
    assert {"GET", "PUT", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS"} <= {
        word.strip() for word in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/overrides", None), ("GET", "/overrides/present.example", None), ("GET", "/healthz", None),
    ("GET", "/readyz", None),
    ("GET", "/metrics", None), ("GET", "/openapi.yaml", None), ("GET", "/resolve/192.0.2.1", None),
    ("GET", "/mx/192.0.2.1", None),
    ("POST", "/overrides", {"lookup_key": "new.example", "target_host": "10.0.0.9"}),
    ("PUT", "/overrides/present.example", {"target_host": "10.0.0.9"}),
    ("PATCH", "/overrides/present.example", {"target_host": "10.0.0.9"}),
    ("POST", "/resolve", {"keys": []}), ("POST", "/mx", {"keys": []}),
])
def test_an_accept_that_cannot_be_met(client, method, path, body):
    for accept in ("text/html", "image/png, application/xml;q=0.9", "*/*;q=0", "application/pdf, */*;q=0"):
        refused(client.request(method, path, body, {"Accept": accept}), 406, "not_acceptable")


def test_batches_are_json_only(client):
    refused(client.post("/mx", {"keys": ["a.example"]}, Accept="text/plain"), 406, "not_acceptable")


@pytest.mark.parametrize("target", [
    "/healthz?x=1", "/readyz?verbose", "/metrics?name=x", "/openapi.yaml?v=2",
    "/overrides/present.example?fields=comment",
    "/resolve/a.example?fallback=none&x=1", "/mx?domain=a.example&y", "/overrides?&&x=1",
])
def test_unknown_parameters_are_refused_everywhere(client, target):
    refused(client.get(target))


def test_unknown_parameters_of_writes_are_refused(client):
    refused(client.put("/overrides/present.example?force=1", {"target_host": "10.0.0.9"}), field="force")
    refused(client.post("/overrides?upsert=1", {"lookup_key": "new.example", "target_host": "10.0.0.9"}),
            field="upsert")
    refused(client.delete("/overrides/present.example?recursive", ), field="recursive")
    refused(client.post("/mx?key=a.example", {"keys": []}), field="key")


@pytest.mark.parametrize("name", ["%ff", "%00x", "", "%C3%BC" * 40, "a" * 500, "%22%5C", "%0a"])
def test_odd_names_of_parameters_are_refused_in_valid_json(client, name):
    refused(client.get(f"/healthz?{name}=1"))


def test_very_many_parameters_are_refused(client):
    for query in ("&".join("x=1" for _ in range(1000)), "&".join(f"x{i}=1" for i in range(1000)), "=&" * 2000):
        answer = client.get(f"/healthz?{query}")
        assert answer.status in (400, 422)


def test_an_empty_query_is_no_query(client):
    assert client.get("/healthz?").status == 200
    assert client.get("/overrides?").status == 200


@pytest.mark.parametrize("value", ["abc", '"', 'W/', '"a" "b"', ",", '"unended', "*, \"a\""])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_an_if_match_that_is_none_lets_nothing_through(client, method, value):
    body = None if method == "DELETE" else {"target_host": "10.0.0.9"}
    answer = client.request(method, "/overrides/present.example", body, {"If-Match": value})
    assert answer.status in (400, 412, 422)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_an_if_none_match_of_a_write_is_a_star_or_refused(client, method):
    body = None if method == "DELETE" else {"target_host": "10.0.0.9"}
    answer = client.request(method, "/overrides/present.example", body, {"If-None-Match": '"7-0"'})
    assert answer.status in (400, 412, 422)


def test_an_if_match_with_many_tags(client):
    tags = ", ".join(f'"{number}"' for number in range(500))
    answer = client.put("/overrides/present.example", {"target_host": "10.0.0.9"}, If_Match=tags)
    assert answer.status in (400, 412)


def test_json_answers_never_hold_raw_control_bytes(client):
    answer = client.get("/resolve/a%00%01%1b%7fb")
    assert not any(byte < 32 or byte == 127 for byte in answer.body.rstrip(b"\n"))
    assert json.loads(answer.body)["code"] == "invalid"
