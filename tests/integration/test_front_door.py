"""What every operation refuses in the same way, tried on every operation of the contract."""
import pathlib

import pytest
import yaml

OPENAPI = pathlib.Path(__file__).resolve().parents[2] / "openapi.yaml"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
OPERATIONS = [(method.upper(), path, operation["operationId"])
              for path, item in yaml.safe_load(OPENAPI.read_text("utf-8"))["paths"].items()
              for method, operation in item.items() if method in METHODS]
BODIES = {"createOverride": b'{"lookup_key":"a.example","target_host":"10.0.0.5"}',
          "setOverride": b'{"target_host":"10.0.0.5"}',
          "changeOverride": b"{}", "revertOverride": b'{"revision":0}', "resolveBatch": b'{"keys":[]}', "mxBatch": b'{"keys":[]}'}
QUERIES = {"resolveByQuery": "key=192.0.2.1&", "headResolveByQuery": "key=192.0.2.1&", "mxByQuery": "domain=192.0.2.1&",
           "headMxByQuery": "domain=192.0.2.1&", "listChanges": "since=0&", "headChanges": "since=0&"}

every_operation = pytest.mark.parametrize("method, path, operation", OPERATIONS, ids=[row[2] for row in OPERATIONS])


@pytest.fixture(scope="module")
def client(launch_for_module):
    return launch_for_module().client


def send(client, method, path, operation, query="", headers=(), body=None):
    """A right request but for what `query` and `headers` add."""
    target = path.replace("{key}", "192.0.2.1").replace("{domain}", "192.0.2.1").replace("{revision}", "9999")
    target += "?" + QUERIES.get(operation, "") + query
    lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *headers]
    body = BODIES.get(operation, b"") if body is None else body
    if operation in BODIES:
        if not any(header.startswith("Content-Type") for header in headers):
            lines.append("Content-Type: application/json")
        if not any(header.startswith("Content-Length") for header in headers):
            lines.append(f"Content-Length: {len(body)}")
    data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return client.raw_answer(data, method, target)


def refused(method, answer, status, code):
    assert answer.status == status, answer
    if method != "HEAD":
        assert answer.code == code


@every_operation
def test_a_target_that_is_too_long(client, method, path, operation):
    refused(method, send(client, method, path, operation, "x=" + "a" * 8192), 414, "uri_too_long")


@every_operation
def test_headers_that_are_too_large(client, method, path, operation):
    refused(method, send(client, method, path, operation, headers=["X-Long: " + "a" * 17000]), 431, "headers_too_large")


@every_operation
def test_a_query_that_does_not_parse(client, method, path, operation):
    refused(method, send(client, method, path, operation, "x=%zz"), 400, "bad_request")


@every_operation
def test_an_unknown_parameter(client, method, path, operation):
    if method == "OPTIONS":
        assert send(client, method, path, operation, "nonsense=1").status in (204, 422)
        return
    answer = send(client, method, path, operation, "nonsense=1")
    refused(method, answer, 422, "invalid")
    if method != "HEAD":
        assert answer.fields() == ["nonsense"]


@every_operation
def test_an_accept_that_cannot_be_met(client, method, path, operation):
    answer = send(client, method, path, operation, headers=["Accept: text/html"])
    if method in ("DELETE", "OPTIONS"):  # nothing to show, so nothing to refuse
        assert answer.status in (204, 404)
    else:
        refused(method, answer, 406, "not_acceptable")


@every_operation
def test_an_accept_of_anything(client, method, path, operation):
    answer = send(client, method, path, operation, headers=["Accept: text/html, */*;q=0.1"])
    assert answer.status in (200, 201, 204, 404, 409)


@every_operation
def test_a_body_that_is_too_large_or_has_no_place(client, method, path, operation):
    answer = send(client, method, path, operation, headers=["Content-Length: 50000000"])
    if operation in BODIES:
        refused(method, answer, 413, "too_large")
    elif method == "OPTIONS":
        assert answer.status in (204, 400)
    else:
        refused(method, answer, 400, "bad_request")


@pytest.mark.parametrize("method, path, operation", [row for row in OPERATIONS if row[2] in BODIES])
def test_a_body_of_another_type(client, method, path, operation):
    answer = send(client, method, path, operation, headers=["Content-Type: application/x-www-form-urlencoded"])
    refused(method, answer, 415, "unsupported_media_type")
