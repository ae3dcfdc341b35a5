"""What web pages may do: which of them may change something, which may read answers, and what browsers
are told about every answer."""
import json
import re
import socket

import pytest

import program as programs
from http_client import connect, parse, read_answer
from test_tokens import BODIES, FAILURES, ROUTES, bearer, line, wrong, write_tokens

USAGE = 2
DASHBOARD = "https://dash.example.org"
OTHER_DASHBOARD = "http://192.0.2.80:8081"
LISTED = ["--cors-origin", "HTTPS://Dash.example.org:443", "--cors-origin", OTHER_DASHBOARD]
KEY = "192.0.2.1"  # of the requests in test_tokens
CHANGES = [route for route in ROUTES if route[3] in ("change", "admin")]
READS = [route for route in ROUTES if route not in CHANGES]
PATHS = sorted({target.partition("?")[0] for _, target, _, _ in ROUTES})
ALLOWED = [DASHBOARD, OTHER_DASHBOARD]
LOOPBACK = ["http://localhost", "https://localhost:5173", "http://127.0.0.1:1", "https://127.9.8.7", "http://[::1]:8080"]
# Of pages that may neither change anything nor read an answer.
FOREIGN = ["https://evil.example", "http://dash.example.org", "https://dash.example.org:444",
           "https://dash.example.org.evil.example", "https://xdash.example.org", "http://192.0.2.80", "null", "",
           f"{DASHBOARD} {DASHBOARD}", f"{DASHBOARD}/", "http://localhost.evil.example", "http://app.localhost:5173",
           "http://[::ffff:127.0.0.1]", "chrome-extension://abcdefghijklmnop", "ftp://dash.example.org", "*", "x" * 400]
CORS = {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers", "Access-Control-Max-Age", "Access-Control-Allow-Credentials"}
# What a page may read anyway (the Fetch standard's safelist), and what is none of its business.
ALWAYS_READABLE = {"cache-control", "content-type", "content-length"}
FOR_THE_BROWSER = {"date", "connection", "vary", "x-content-type-options", "content-security-policy",
                   "referrer-policy"} | {name.lower() for name in CORS}


def each(rows):
    return pytest.mark.parametrize("method, target, operation", [row[:3] for row in rows],
                                   ids=[f"{row[0]}-{row[2]}" for row in rows])


def send(client, method, target, operation, origin, **headers):
    """A right request, sent by a page of `origin` (None: by no page)."""
    if origin is not None:
        headers["Origin"] = origin
    body = BODIES.get(operation) if method != "HEAD" else None
    return client.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})


def cors(answer):
    return {name: value for name, value in answer.headers.items() if name in CORS}


def words(text):
    return {word.strip() for word in text.split(",")}


def refused(answer, method="GET"):
    assert answer.status == 403, answer
    assert answer.code == "cross_origin"
    assert cors(answer) == {}


def state(client, headers=None):
    """All that a change could change."""
    rows = client.request("GET", "/overrides?limit=1000", headers=headers)
    log = client.request("GET", "/history?limit=1000", headers=headers)
    return rows.json(), log.json(), rows.revision


@pytest.fixture(scope="module")
def program(launch_for_module):
    """It listens on all addresses, too; requests come over loopback only."""
    return launch_for_module(*LISTED, "--open", listen=["127.0.0.1:0", "0.0.0.0:0"])


@pytest.fixture
def client(program):
    program.client.set(KEY, "10.0.0.5")
    return program.client


@pytest.fixture(scope="module")
def guarded(launch_for_module, tmp_path_factory):
    path = write_tokens(tmp_path_factory.mktemp("tokens") / "tokens", line("reader"), line("admin"))
    return launch_for_module(*LISTED, "--tokens", str(path))


# --- who may change something ---------------------------------------------------------------------

@pytest.mark.parametrize("origin", FOREIGN)
@each(CHANGES)
def test_a_foreign_page_changes_nothing(client, method, target, operation, origin):
    before = state(client)
    refused(send(client, method, target, operation, origin))
    assert state(client) == before


@pytest.mark.parametrize("origin", [None, *ALLOWED, *LOOPBACK])
@each(CHANGES)
def test_pages_that_may(client, method, target, operation, origin):
    assert send(client, method, target, operation, origin).status in (200, 201, 204, 404, 409)
    assert client.get(f"/overrides/{KEY}").status == (404 if operation in ("deleteOverride", "revertOverride") else 200)


@pytest.mark.parametrize("listener", [0, 1])
@each(CHANGES)
def test_pages_of_an_address_that_it_listens_on(program, client, method, target, operation, listener):
    """Whichever of the listeners the page then asks."""
    for address in program.addresses:
        other = type(client)(address.replace("0.0.0.0", "127.0.0.1"), program.contract)
        answer = send(other, method, target, operation, f"http://{program.addresses[listener]}")
        assert answer.status in (200, 201, 204, 404, 409)
        assert cors(answer) == {}


@each(CHANGES)
def test_the_same_address_with_another_scheme_or_port(program, client, method, target, operation):
    port = program.addresses[1].rpartition(":")[2]
    for origin in (f"https://0.0.0.0:{port}", "http://0.0.0.0:1", "http://0.0.0.0"):
        refused(send(client, method, target, operation, origin))


def test_a_listener_on_all_addresses_is_known_by_the_one_that_was_asked(program, client):
    """The machine's own address: its traffic does not leave it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has loopback only")
        own = probe.getsockname()[0]
    port = program.addresses[1].rpartition(":")[2]
    page = f"http://{own}:{port}"
    asked = type(client)(f"{own}:{port}", program.contract)
    assert send(asked, "POST", "/reload", "reload", page).status == 200
    refused(send(asked, "POST", "/reload", "reload", page.replace("http:", "https:")))
    refused(send(asked, "POST", "/reload", "reload", f"http://{own}:{program.port}"))
    refused(send(client, "POST", "/reload", "reload", page))


@each(CHANGES)
def test_a_name_that_was_made_to_point_here(program, client, method, target, operation):
    """DNS rebinding: to the browser the page and this service are one origin, and Host says so, too."""
    body = json.dumps(BODIES[operation]) if operation in BODIES else ""
    before = state(client)
    lines = [f"{method} {target} HTTP/1.1", f"Host: evil.example:{program.port}", "Connection: close",
             f"Origin: http://evil.example:{program.port}", "Sec-Fetch-Site: same-origin"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    refused(client.raw_answer(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), method, target))
    assert state(client) == before


@each(ROUTES)
def test_two_origins_are_none(client, method, target, operation):
    for second in (DASHBOARD, "https://evil.example"):
        answer = client.raw_answer(f"{method} {target} HTTP/1.1\r\nHost: x\r\nOrigin: {DASHBOARD}\r\nOrigin: {second}\r\n"
                                   "Connection: close\r\n\r\n".encode(), method, target)
        assert answer.status == 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null", *LOOPBACK, *ALLOWED, None])
@each(READS)
def test_reading_is_for_every_page_to_ask(client, method, target, operation, origin):
    """A browser shows the answer to listed ones only; lookups in a batch are POST, and change nothing."""
    answer = send(client, method, target, operation, origin)
    assert answer.status in (200, 404)
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if origin in ALLOWED else None)


# --- with tokens ----------------------------------------------------------------------------------

@each(CHANGES)
def test_a_token_does_not_make_a_foreign_page_a_known_one(guarded, method, target, operation):
    admin = bearer("admin")
    before = state(guarded.client, admin)
    refused(send(guarded.client, method, target, operation, "https://evil.example", **admin))
    assert state(guarded.client, admin) == before
    assert send(guarded.client, method, target, operation, DASHBOARD, **admin).status in (200, 201, 204, 404, 409)


@each(CHANGES)
def test_a_known_page_wants_a_token_all_the_same(guarded, method, target, operation):
    for headers, status, code in (({}, 401, "unauthorized"), (bearer("reader"), 403, "forbidden")):
        answer = send(guarded.client, method, target, operation, DASHBOARD, **headers)
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["Access-Control-Allow-Origin"] == DASHBOARD


def test_a_foreign_page_cannot_use_up_the_wrong_tokens_by_changes(guarded):
    for _ in range(FAILURES + 5):
        refused(send(guarded.client, "POST", "/reload", "reload", "https://evil.example", **wrong()))
    assert guarded.client.get("/overrides", **wrong()).status == 401


# --- the connection -------------------------------------------------------------------------------

@pytest.mark.parametrize("framing", [
    ["Content-Length: 1000", "Expect: 100-continue"], ["Content-Length: 1000"], ["Transfer-Encoding: chunked"],
    ["Content-Length: 50000000"],
])
def test_the_refusal_comes_before_the_body(client, framing):
    """Not a byte of it is sent here, and the answer is there all the same; then the connection ends."""
    lines = ["PUT /overrides/example.org HTTP/1.1", "Host: x", "Content-Type: application/json",
             "Origin: https://evil.example", *framing]
    answers = parse(client.raw("\r\n".join(lines).encode() + b"\r\n\r\n"), ["PUT"])
    client.check("PUT", "/overrides/example.org", answers[0])
    refused(answers[0])
    assert answers[0].headers["Connection"] == "close"


def test_a_body_behind_the_refusal_is_no_second_request(client):
    before = state(client)
    smuggled = f"DELETE /overrides/{KEY} HTTP/1.1\r\nHost: x\r\n\r\n"
    data = (f"PUT /overrides/{KEY} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Origin: https://evil.example\r\nContent-Length: {len(smuggled)}\r\n\r\n{smuggled}")
    refused(client.raw_answer(data.encode(), "PUT", f"/overrides/{KEY}"))
    assert state(client) == before


def test_a_refusal_without_a_body_keeps_the_connection(program, client):
    with connect(program.addresses[0]) as stream:
        for _ in range(3):
            stream.sendall(f"DELETE /overrides/{KEY} HTTP/1.1\r\nHost: x\r\nOrigin: null\r\n\r\n".encode())
            refused(read_answer(stream, "DELETE"))
        stream.sendall(f"DELETE /overrides/{KEY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert read_answer(stream, "DELETE").status == 204


def test_a_page_is_not_taken_for_the_one_before(client):
    """On one connection, as a proxy sends the requests of several pages."""
    held = client.held()
    for origin in FOREIGN:
        assert send(held, "GET", "/overrides", "listOverrides", DASHBOARD).status == 200
        refused(send(held, "DELETE", f"/overrides/{KEY}", "deleteOverride", origin))
        assert cors(send(held, "GET", "/overrides", "listOverrides", None)) == {}
    held.close()


# --- the question before the request --------------------------------------------------------------

def ask_first(client, path, origin, **more):
    headers = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type",
               **more}
    return client.request("OPTIONS", path, headers={**headers, **({"Origin": origin} if origin is not None else {})})


@pytest.mark.parametrize("origin", ALLOWED)
@pytest.mark.parametrize("path", PATHS)
def test_a_listed_page_is_told_what_it_may_send(guarded, contract, path, origin):
    """Without a token, as browsers ask."""
    answer = ask_first(guarded.client, path, origin)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Methods"] == answer.headers["Allow"]
    assert words(answer.headers["Allow"]) == {method for method, _, _ in contract.operations()
                                              if method in contract.find(path)[1]}
    assert 0 < int(answer.headers["Access-Control-Max-Age"]) <= 86400
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_every_header_that_an_operation_takes_may_be_sent(guarded, contract):
    parameters = re.findall(r"- name: (\S+)\n +in: header|^    \w+:\n      name: (\S+)\n      in: header",
                            contract.path.read_text(), re.M)
    documented = {name for pair in parameters for name in pair if name}
    assert "If-Match" in documented
    allowed = words(ask_first(guarded.client, f"/overrides/{KEY}", DASHBOARD).headers["Access-Control-Allow-Headers"])
    assert allowed >= documented | {"Authorization", "X-API-Key", "Content-Type", "X-Request-Id"}


@pytest.mark.parametrize("origin", [*FOREIGN, *LOOPBACK, None])
@pytest.mark.parametrize("path", PATHS)
def test_nobody_else_is_told_anything(guarded, path, origin):
    answer = ask_first(guarded.client, path, origin)
    assert (answer.status, cors(answer), answer.headers["Vary"]) == (204, {}, "Origin")


def test_an_options_that_asks_for_no_method_is_no_question(guarded):
    answer = guarded.client.request("OPTIONS", "/overrides", headers={"Origin": DASHBOARD})
    assert set(cors(answer)) == {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}


def test_the_question_about_no_path(guarded):
    assert ask_first(guarded.client, "/nowhere", DASHBOARD).status == 404
    answer = guarded.client.request("OPTIONS", "*", check=False, headers={
        "Origin": DASHBOARD, "Access-Control-Request-Method": "GET"})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, DASHBOARD)


# --- every kind of answer -------------------------------------------------------------------------
# That each has nosniff, a policy and no referrer is asked of every answer of all tests; see support/contract.py.

KINDS = [
    (200, "GET", "/healthz", b"", []), (200, "GET", "/openapi.yaml", b"", []), (200, "GET", "/metrics", b"", []),
    (200, "GET", f"/resolve/{KEY}", b"", []), (200, "GET", f"/mx/{KEY}", b"", ["Accept: text/plain"]),
    (200, "HEAD", f"/overrides/{KEY}", b"", []), (204, "OPTIONS", "/history", b"", []),
    (201, "POST", "/overrides", b'{"lookup_key":"new.example","target_host":"10.0.0.5"}', []),
    (204, "DELETE", "/overrides/new.example", b"", []),
    (304, "GET", f"/overrides/{KEY}", b"", ["If-None-Match: *"]),
    (400, "GET", "/overrides?x=%zz", b"", []), (400, "GET", "/overrides", b"body", []),
    (404, "GET", "/nowhere", b"", []), (404, "GET", "/overrides/nowhere.example", b"", []),
    (405, "PUT", "/healthz", b"", []), (406, "GET", "/overrides", b"", ["Accept: text/html"]),
    (409, "POST", "/overrides", b'{"lookup_key":"192.0.2.1","target_host":"10.0.0.5"}', []),
    (412, "DELETE", f"/overrides/{KEY}", b"", ['If-Match: "nothing"']),
    (413, "PUT", f"/overrides/{KEY}", b"x", ["Content-Length: 50000000"]),
    (413, "PUT", f"/overrides/{KEY}", b"1ffff\r\n" + b"x" * 0x1ffff, ["Transfer-Encoding: chunked"]),
    (414, "GET", "/overrides/" + "a" * 9000, b"", []),
    (415, "PUT", f"/overrides/{KEY}", b"x", ["Content-Type: text/plain"]),
    (422, "PUT", f"/overrides/{KEY}", b"{}", []), (431, "GET", "/healthz", b"", ["X-Long: " + "a" * 17000]),
]


def ask(client, method, target, body, headers, origin):
    lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *headers]
    if origin is not None:
        lines.insert(2, f"Origin: {origin}")
    if body and not any(header.startswith("Content-Type") for header in headers):
        lines.append("Content-Type: application/json")
    if body and not any(re.match("Content-Length|Transfer-Encoding", header) for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return client.raw_answer("\r\n".join(lines).encode() + b"\r\n\r\n" + body, method, target)


def a_listed_page_can_read(answer, origin):
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers.get_all("Vary") == ["Origin"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    readable = {name.lower() for name in words(answer.headers["Access-Control-Expose-Headers"])}
    hidden = {name.lower() for name in answer.headers} - ALWAYS_READABLE - FOR_THE_BROWSER - readable
    assert not hidden, f"a page cannot see {hidden}"


@pytest.mark.parametrize("status, method, target, body, headers", KINDS, ids=[f"{row[0]}-{row[1]}-{row[2]}"[:40] for row in KINDS])
def test_a_listed_page_can_read_every_answer(client, status, method, target, body, headers):
    answer = ask(client, method, target, body, headers, DASHBOARD)
    assert answer.status == status
    a_listed_page_can_read(answer, DASHBOARD)
    assert answer.headers["Cache-Control"] == ("no-cache" if "ETag" in answer.headers else "no-store")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
@pytest.mark.parametrize("status, method, target, body, headers", KINDS, ids=[f"{row[0]}-{row[1]}-{row[2]}"[:40] for row in KINDS])
def test_others_can_read_none(client, status, method, target, body, headers, origin):
    answer = ask(client, method, target, body, headers, origin)
    assert cors(answer) == {}
    assert answer.headers.get_all("Vary") == ["Origin"]


@pytest.mark.parametrize("status, method, target, body, headers", KINDS, ids=[f"{row[0]}-{row[1]}-{row[2]}"[:40] for row in KINDS])
def test_without_a_list_nothing_is_said(launch_for_module, plain, status, method, target, body, headers):
    for origin in (None, "http://localhost"):
        answer = ask(plain.client, method, target, body, headers, origin)
        assert cors(answer) == {}
        assert "Vary" not in answer.headers
    refused(ask(plain.client, "POST", "/reload", b"", [], DASHBOARD))


@pytest.fixture(scope="module")
def plain(launch_for_module):
    return launch_for_module()


def test_a_listed_page_can_read_that_it_is_not_known(launch, tmp_path):
    program = launch(*LISTED, "--tokens", str(write_tokens(tmp_path / "tokens", line("reader"))))
    for _ in range(FAILURES):
        answer = program.client.get("/overrides", Origin=DASHBOARD, **wrong())
        assert answer.status == 401
        a_listed_page_can_read(answer, DASHBOARD)
    answer = program.client.get("/overrides", Origin=DASHBOARD, **wrong())
    assert answer.status == 429
    a_listed_page_can_read(answer, DASHBOARD)


def test_a_listed_page_can_read_that_the_database_is_away(launch):
    program = launch(*LISTED, database="mariadb://nobody@127.0.0.1:1/nothing", ready=False)
    for target in ("/overrides", f"/resolve/{KEY}", "/readyz"):
        answer = program.client.get(target, Origin=DASHBOARD)
        assert answer.status == 503
        a_listed_page_can_read(answer, DASHBOARD)


# --- the setting ----------------------------------------------------------------------------------

@pytest.mark.parametrize("value, word", [
    ("*", "anybody"), ("null", "anybody"), ("dash.example.org", "dash.example.org"), ("https://dash.example.org/", "slash"),
    ("https://*.example.org", "origin"), ("https://dash.example.org/path", "slash"), ("https://a,,https://b", "origin"),
])
def test_what_is_no_origin_is_told_at_start(value, word):
    done = programs.run("serve", "--cors-origin", value)
    assert (done.returncode, done.stdout) == (USAGE, "")
    complaint, = done.stderr.splitlines()
    assert "cors-origin" in complaint and word in complaint


def test_more_than_can_be_kept():
    done = programs.run("serve", *(part for number in range(17) for part in ("--cors-origin", f"http://a{number}")))
    assert (done.returncode, len(done.stderr.splitlines())) == (USAGE, 1)


def test_the_list_from_the_environment(launch):
    program = launch(env=programs.environment(WAYPOST_CORS_ORIGIN=f"{DASHBOARD},{OTHER_DASHBOARD}"))
    for origin in ALLOWED:
        assert program.client.get("/healthz", Origin=origin).headers["Access-Control-Allow-Origin"] == origin
