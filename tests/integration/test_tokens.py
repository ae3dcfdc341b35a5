"""Who may do what: every operation with every role, and what becomes of those who are not known."""
import hashlib
import json
import re
import signal

import pytest

import program as programs
from http_client import connect, eventually, parse, read_answer

USAGE = 2
FAILURES = 30  # wrong tokens of one address in a minute that are answered 401
MANY = FAILURES + 5
CHALLENGE = 'Bearer realm="waypost"'
ROLES = ("reader", "editor", "auditor", "admin")
SCOPES = {"open": {*ROLES}, "read": {*ROLES}, "review": {"editor", "auditor", "admin"},
          "change": {"editor", "admin"}, "admin": {"admin"}}
# What the description of the roles says, by hand: the table of routes is held against it.
WANTED = {
    "open": {"getLiveness", "getReadiness", "getContract"},
    "read": {"resolveByPath", "resolveByQuery", "resolveBatch", "mxByPath", "mxByQuery", "mxBatch", "listOverrides",
             "getOverride", "getMetrics"},
    "review": {"listHistory", "listOverrideHistory", "listChanges"},
    "change": {"createOverride", "setOverride", "changeOverride", "deleteOverride", "revertOverride",
               "revertRevision"},
    "admin": {"reload"},
}
BODIES = {"createOverride": {"lookup_key": "192.0.2.1", "target_host": "10.0.0.5"},
          "setOverride": {"target_host": "10.0.0.5"}, "changeOverride": {}, "revertOverride": {"revision": 0},
          "resolveBatch": {"keys": ["192.0.2.1"]}, "mxBatch": {"keys": ["192.0.2.1"]}}
QUERIES = {"resolveByQuery": "?key=192.0.2.1", "mxByQuery": "?domain=192.0.2.1", "listChanges": "?since=0"}
DONE = {200, 201, 204, 304, 404, 409}  # the request was let in; what is there decides the rest


def routes():
    """(method, target, operation, scope) of every route, and the HEAD of every GET."""
    for route in json.loads(programs.run("--dump-routes").stdout):
        target = re.sub(r"\{revision\}", "9999", route["path"])
        target = re.sub(r"\{\w+\}", "192.0.2.1", target) + QUERIES.get(route["operation"], "")
        yield route["method"], target, route["operation"], route["scope"]
        if route["method"] == "GET":
            yield "HEAD", target, route["operation"], route["scope"]


ROUTES = list(routes())
GUARDED = [route for route in ROUTES if route[3] != "open"]


def each(rows):
    return pytest.mark.parametrize("method, target, operation, scope", rows,
                                   ids=[f"{row[0]}-{row[2]}" for row in rows])


def secret_of(name):
    return f"wp_secret-of-{name}"


def line(name, role=None, secret=None):
    digest = hashlib.sha256((secret or secret_of(name)).encode()).hexdigest()
    return f"{name} {role or name} {digest}\n"


def write_tokens(path, *lines):
    path.write_text("# who may do what\n" + "".join(lines))
    path.chmod(0o600)
    return path


def bearer(name):
    return {"Authorization": f"Bearer {secret_of(name)}"}


def ask(client, route, headers):
    method, target, operation, _ = route
    body = BODIES.get(operation) if method != "HEAD" else None
    return client.request(method, target, body, headers)


def refused(answer, method, status, code):
    assert answer.status == status, answer
    if method != "HEAD":
        assert answer.code == code
        assert "secret" not in answer.text
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.fixture(scope="module")
def guarded(launch_for_module, tmp_path_factory):
    """A program with a token for each role, which has the role's name."""
    path = write_tokens(tmp_path_factory.mktemp("tokens") / "tokens", *map(line, ROLES))
    return launch_for_module("--tokens", str(path), "--log-level", "debug")


@pytest.fixture
def own(launch, tmp_path):
    """A program with tokens that a test may change, and send wrong ones to."""
    path = write_tokens(tmp_path / "tokens", *map(line, ROLES))
    program = launch("--tokens", str(path), "--log-level", "debug")
    program.tokens = path
    return program


def read_again(program):
    """SIGHUP, and waits for the one line that says what became of it."""
    before = len(said(program))
    program.process.send_signal(signal.SIGHUP)
    return eventually(lambda: said(program)[before:], what="a line about the tokens")[0]


def said(program):
    return [line for line in program.log() if line["event"] in ("tokens.read", "tokens.refused")]


# --- the matrix -----------------------------------------------------------------------------------

def test_every_operation_has_the_scope_that_is_wanted():
    assert {operation: scope for _, _, operation, scope in ROUTES} == {
        operation: scope for scope, operations in WANTED.items() for operation in operations}


def test_the_contract_names_the_scopes(contract):
    scopes = {(method, operation): scope for method, _, operation, scope in ROUTES}
    for method, path, operation in contract.operations():
        of_get = contract.document["paths"][path].get("get", {}).get("operationId")
        name = of_get if method == "HEAD" else operation["operationId"]
        scope = scopes.get((method, name), "open")
        want = [] if scope == "open" else [{"bearer": [scope]}, {"apiKey": [scope]}]
        assert operation.get("security", []) == want, (method, path)


@pytest.mark.parametrize("role", ROLES)
@each(ROUTES)
def test_a_role_may_what_it_is_for(guarded, method, target, operation, scope, role):
    route = method, target, operation, scope
    for headers in (bearer(role), {"X-API-Key": secret_of(role)}):
        answer = ask(guarded.client, route, headers)
        if role in SCOPES[scope]:
            assert answer.status in DONE, answer
        else:
            refused(answer, method, 403, "forbidden")


@each(ROUTES)
def test_who_sends_no_token_sees_what_is_open(guarded, method, target, operation, scope):
    answer = ask(guarded.client, (method, target, operation, scope), {})
    if scope == "open":
        assert answer.status == 200
    else:
        refused(answer, method, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == CHALLENGE


@each([route for route in ROUTES if route[3] == "open"])
def test_a_wrong_token_does_no_harm_where_none_is_wanted(guarded, method, target, operation, scope):
    for _ in range(MANY if operation == "getLiveness" else 1):
        answer = ask(guarded.client, (method, target, operation, scope), {"Authorization": "Bearer wp_wrong-secret"})
        assert answer.status == 200


def test_options_wants_no_token(guarded):
    for target in {target for _, target, _, _ in ROUTES}:
        assert guarded.client.request("OPTIONS", target.partition("?")[0]).status == 204
    assert guarded.client.request("OPTIONS", "*", check=False).status == 204


@pytest.mark.parametrize("label, headers", [
    ("another scheme", ["Authorization: Basic YTpzZWNyZXQ="]),
    ("the token alone", [f"Authorization: {secret_of('admin')}"]),
    ("no scheme", ["Authorization:"]),
    ("no token", ["Authorization: Bearer"]),
    ("blanks", ["Authorization: Bearer   "]),
    ("a tab", [f"Authorization: Bearer\t{secret_of('admin')}"]),
    ("an empty key", ["X-API-Key:"]),
    ("both headers", [f"Authorization: Bearer {secret_of('admin')}", f"X-API-Key: {secret_of('admin')}"]),
    ("a wrong one beside the right one", ["Authorization: Bearer wp_wrong-secret", f"X-API-Key: {secret_of('admin')}"]),
    ("Authorization twice", [f"Authorization: Bearer {secret_of('admin')}"] * 2),
    ("X-API-Key twice", [f"X-API-Key: {secret_of('admin')}"] * 2),
])
@each(GUARDED)
def test_a_header_that_is_no_token(guarded, method, target, operation, scope, label, headers):
    """However often: nobody can guess that way, so none of them counts as a wrong token."""
    body = json.dumps(BODIES[operation]) if operation in BODIES and method != "HEAD" else ""
    lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    answer = guarded.client.raw_answer(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), method, target)
    refused(answer, method, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == CHALLENGE + ', error="invalid_request"'


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_spellings_of_a_right_token(guarded, scheme):
    assert guarded.client.get("/overrides", Authorization=scheme + secret_of("reader") + " ").status == 200


def test_what_is_no_route_wants_no_token(guarded):
    assert guarded.client.get("/nowhere").status == 404
    assert guarded.client.request("DELETE", "/overrides").status == 405


def test_the_token_is_judged_before_parameters_and_accept(guarded):
    assert guarded.client.get("/overrides?nonsense=1").status == 401
    assert guarded.client.get("/overrides", Accept="text/html").status == 401


# --- wrong tokens ---------------------------------------------------------------------------------

def wrong(name="nobody"):
    return {"Authorization": f"Bearer {secret_of(name)}"}


def test_from_the_31st_wrong_token_on_it_is_too_many(own):
    for _ in range(FAILURES):
        answer = own.client.get("/overrides", **wrong())
        refused(answer, "GET", 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == CHALLENGE + ', error="invalid_token"'
        assert own.client.get("/overrides").status == 401  # no token is no wrong token
    for route in GUARDED:
        for headers in (wrong("another"), {"X-API-Key": secret_of("nobody")}):
            answer = ask(own.client, route, headers)
            refused(answer, route[0], 429, "too_many_requests")
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert ask(own.client, route, bearer("admin")).status in DONE
        assert ask(own.client, route, {}).status == 401
    assert len(own.log("access.limited", "warn")) == 1
    assert own.log("access.limited")[0]["address"] == "127.0.0.1"


def test_a_role_that_may_not_is_no_wrong_token(own):
    for _ in range(MANY):
        assert own.client.request("POST", "/reload", headers=bearer("reader")).status == 403


def test_all_unix_sockets_are_one_address(launch, tmp_path):
    path = write_tokens(tmp_path / "tokens", line("reader"))
    program = launch("--tokens", str(path),
                     listen=["127.0.0.1:0", f"unix:{tmp_path}/one", f"unix:{tmp_path}/other"])
    clients = [type(program.client)(address, program.contract) for address in program.addresses]
    for _ in range(FAILURES):
        assert clients[1].get("/overrides", **wrong()).status == 401
    assert [client.get("/overrides", **wrong()).status for client in clients] == [401, 429, 429]
    assert [client.get("/overrides", **bearer("reader")).status for client in clients] == [200] * 3


# --- before the body ------------------------------------------------------------------------------

@pytest.mark.parametrize("headers, status", [
    ([], 401), (["Authorization: Bearer wp_wrong-secret"], 401), ([f"X-API-Key: {secret_of('reader')}"], 403),
])
@pytest.mark.parametrize("framing", [
    ["Content-Length: 1000", "Expect: 100-continue"], ["Content-Length: 1000"], ["Transfer-Encoding: chunked"],
    ["Content-Length: 50000000"],
])
def test_the_answer_comes_before_the_body(own, headers, status, framing):
    """Not a byte of it is sent here, and the answer is there all the same, without a 100 before it."""
    lines = ["PUT /overrides/example.org HTTP/1.1", "Host: x", "Content-Type: application/json", *headers, *framing]
    with connect(own.addresses[0]) as stream:
        stream.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        received = b""
        while chunk := stream.recv(65536):
            received += chunk
    assert received.startswith(b"HTTP/1.1 %d " % status), received
    answer, = parse(received, ["PUT"])
    own.client.check("PUT", "/overrides/example.org", answer)
    assert answer.headers["Connection"] == "close"


def test_a_right_token_is_told_to_go_on(own):
    with connect(own.addresses[0]) as stream:
        stream.sendall(b"PUT /overrides/example.org HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Length: 26\r\nExpect: 100-continue\r\nConnection: close\r\n"
                       b"Authorization: Bearer " + secret_of("editor").encode() + b"\r\n\r\n")
        assert stream.recv(65536).startswith(b"HTTP/1.1 100 ")
        stream.sendall(b'{"target_host":"10.0.0.5"}')
        assert read_answer(stream, "PUT").status == 201


# --- who it was -----------------------------------------------------------------------------------

def test_the_name_is_the_actor(launch, tmp_path, database):
    path = write_tokens(tmp_path / "tokens", line("ops@example.org", "editor"), line('odd="\\', "admin"))
    program = launch("--tokens", str(path), "--log-level", "info", database=database.url)
    client = program.client
    made = client.put("/overrides/example.org", {"target_host": "10.0.0.5"}, **bearer("ops@example.org"))
    assert (made.json()["created_by"], made.json()["updated_by"]) == ("ops@example.org",) * 2
    changed = client.patch("/overrides/example.org", {"comment": "x"}, **bearer('odd="\\')).json()
    assert (changed["created_by"], changed["updated_by"]) == ("ops@example.org", 'odd="\\')
    client.request("POST", f"/history/{changed['revision']}/revert", headers=bearer("ops@example.org"))
    client.post("/overrides/example.org/revert", {"revision": changed["revision"]}, **bearer('odd="\\'))
    client.delete("/overrides/example.org", **bearer("ops@example.org"))
    reloaded = client.request("POST", "/reload", headers=bearer('odd="\\'))
    assert reloaded.status == 200
    history = client.get("/history", **bearer("ops@example.org")).json()["history"]
    by_op = [(entry["op"], entry["actor"]) for entry in history][::-1]
    assert [actor for op, actor in by_op if op != "reload"] == [
        "ops@example.org", 'odd="\\', "ops@example.org", 'odd="\\', "ops@example.org"]
    kept = client.get("/history?actor=ops@example.org", **bearer("ops@example.org")).json()["history"]
    assert {entry["actor"] for entry in kept} == {"ops@example.org"}
    assert [entry["actor"] for entry in program.log("override.created")] == ["ops@example.org"]
    assert program.log("history.undone")[0]["actor"] == "ops@example.org"
    assert program.log("override.reload")[0]["actor"] == 'odd="\\'
    assert program.log("request")[-1]["actor"] == "ops@example.org"


def test_without_tokens_nobody_is_known_and_nothing_is_asked(launch):
    program = launch()
    for headers in ({}, bearer("admin"), {"Authorization": "Basic x", "X-API-Key": "y"}):
        assert program.client.put("/overrides/example.org", {"target_host": "10.0.0.5"}, **headers).json()[
            "created_by"] == "-"
        assert program.client.request("POST", "/reload", headers=headers).status == 200


def test_no_secret_is_ever_shown(own):
    """Neither the right ones nor wrong ones, not even at log level debug."""
    for route in GUARDED:
        for headers in (bearer("admin"), bearer("reader"), wrong(), {"X-API-Key": secret_of("nobody")},
                        {"Authorization": f"Basic {secret_of('admin')}"}):
            assert b"secret" not in ask(own.client, route, headers).body
    own.client.raw(b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer " + secret_of("admin").encode() + b"\r\nno colon\r\n\r\n")
    metrics = own.client.get("/metrics", **bearer("reader")).text
    assert 'waypost_http_requests_total{operation="reload",status="403"}' in metrics
    assert 'waypost_http_requests_total{operation="reload",status="401"}' in metrics
    assert "secret" not in metrics and "admin" not in metrics
    own.tokens.write_text(secret_of("admin") + "\n")
    assert "line 1" in read_again(own)["detail"]
    log = own.stderr_path.read_text()
    assert "secret" not in log
    assert hashlib.sha256(secret_of("admin").encode()).hexdigest() not in log


# --- the file -------------------------------------------------------------------------------------

def test_sighup_reads_the_file_again(own):
    write_tokens(own.tokens, line("reader", "editor"), line("new", "reader"))
    assert read_again(own)["count"] == "2"
    for _ in range(10):  # whichever loop gets it
        eventually(lambda: own.client.get("/overrides", **bearer("new")).status == 200, what="the new token")
        eventually(lambda: own.client.get("/overrides", **bearer("admin")).status in (401, 429), what="the end of another")
        eventually(lambda: own.client.delete("/overrides/no.example", **bearer("reader")).status == 404,
                   what="the new role")
    write_tokens(own.tokens)
    assert read_again(own)["count"] == "0"
    eventually(lambda: own.client.get("/overrides", **bearer("new")).status in (401, 429), what="the end of all tokens")
    assert own.client.get("/healthz").status == 200


@pytest.mark.parametrize("content, says", [
    (line("reader") + "admin admin 12ab", "line 2: the digest"), (line("reader") + line("x", "king"), "line 2: the role"),
    (line("new", "reader") * 2, "line 2: another line has this name"), ("#" * 65537, "65536 bytes"), ("", "empty"), (None, "cannot read"),
])
def test_a_file_with_a_fault_changes_nothing(own, content, says):
    own.tokens.unlink()
    if content is not None:
        own.tokens.write_text(content)
    refusal = read_again(own)
    assert (refusal["event"], refusal["level"]) == ("tokens.refused", "error")
    assert says in refusal["detail"]
    for role in ROLES:
        assert own.client.get("/overrides", **bearer(role)).status == 200
    assert own.client.get("/overrides", **bearer("new")).status == 401
    write_tokens(own.tokens, line("new", "reader"))
    assert read_again(own)["event"] == "tokens.read"


def test_many_hangups_beside_requests(own):
    held = own.client.held()
    for _ in range(50):
        own.process.send_signal(signal.SIGHUP)
        assert held.get("/overrides", **bearer("reader")).status == 200
        assert own.client.get("/overrides", **bearer("admin")).status == 200
    held.close()
    own.process.send_signal(signal.SIGHUP)
    own.stop()


def test_a_file_that_others_may_read_is_named(launch, tmp_path):
    path = write_tokens(tmp_path / "tokens", line("reader"))
    assert not launch("--tokens", str(path)).log("tokens.exposed")
    path.chmod(0o644)
    warning, = launch("--tokens", str(path)).log("tokens.exposed", "warn")
    assert (warning["path"], warning["mode"]) == (str(path), "0644")


def no_start(*arguments):
    done = programs.run("serve", "--database", "sqlite:/nonexistent/x.db", *arguments)
    assert (done.returncode, done.stdout) == (USAGE, ""), done
    assert done.stderr.count("\n") == 1 and "secret" not in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("content, says", [
    ("wp_secret\n", "line 1"), ("\n" + line("x", "king"), "line 2"), ("", "empty"),
    (None, "No such file"),
])
@pytest.mark.parametrize("more", [[], ["--check-config"]])
def test_a_file_with_a_fault_does_not_start(tmp_path, content, says, more):
    if content is not None:
        (tmp_path / "tokens").write_text(content)
    message = no_start("--listen", "127.0.0.1:0", "--tokens", str(tmp_path / "tokens"), *more)
    assert says in message and "--tokens" in message


def test_a_folder_is_no_file_of_tokens(tmp_path):
    assert "not a plain file" in no_start("--listen", "127.0.0.1:0", "--tokens", str(tmp_path))


# --- addresses ------------------------------------------------------------------------------------

def test_without_tokens_only_this_machine_is_served(tmp_path):
    assert "--tokens" in no_start("--listen", "0.0.0.0:0")
    path = write_tokens(tmp_path / "tokens", line("reader"))
    for more in (["--tokens", str(path)], ["--open"]):
        assert programs.run("serve", "--check-config", "--listen", "0.0.0.0:0", *more).returncode == 0


def test_with_tokens_any_address_is_served(launch, tmp_path):
    path = write_tokens(tmp_path / "tokens", line("reader"))
    program = launch("--tokens", str(path), listen=["0.0.0.0:0"])
    assert program.client.get("/overrides").status == 401
    assert program.client.get("/overrides", **bearer("reader")).status == 200


# --- commands -------------------------------------------------------------------------------------

@pytest.mark.parametrize("role", ROLES)
def test_a_token_is_made(role, launch, tmp_path):
    done = programs.run("token", "relay-1", role)
    assert (done.returncode, done.stderr) == (0, "")
    secret, for_the_file = done.stdout.splitlines()
    assert done.stdout == f"{secret}\n{for_the_file}\n"
    assert re.fullmatch(r"wp_[0-9a-f]{64}", secret)
    assert for_the_file + "\n" == line("relay-1", role, secret)
    assert programs.run("token", "relay-1", role).stdout.splitlines()[0] != secret
    program = launch("--tokens", str(write_tokens(tmp_path / "tokens", for_the_file)))
    assert program.client.get("/overrides", X_API_Key=secret).status == 200


@pytest.mark.parametrize("words", [
    [], ["relay"], ["relay", "king"], ["relay", "Reader"], ["", "reader"], ["a b", "reader"], ["a" * 65, "reader"],
    ["-", "reader"], ["bü", "reader"], ["#relay", "reader"], ["relay", "reader", "more"], ["a\nb", "reader"],
])
def test_a_token_that_cannot_be(words):
    done = programs.run("token", *words)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.startswith("waypost: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--token", "--secret"])
def test_an_unknown_option_does_not_repeat_its_value(option):
    """--token is an abbreviation of two options, so it is neither."""
    done = programs.run("serve", f"{option}=wp_5ecret")
    assert done.returncode == USAGE
    assert option in done.stderr and "5ecret" not in done.stderr


def test_the_commands_that_ask_an_instance(own, tmp_path):
    where = ["--listen", own.addresses[0], "--database", own.database]
    assert programs.run("healthcheck", *where).returncode == 0
    refusal = programs.run("reload", *where)
    assert refusal.returncode == 1 and "401" in refusal.stderr
    secret = tmp_path / "secret"
    secret.write_text(secret_of("admin") + "\nmore\n")
    by_file = programs.run("reload", *where, "--token-file", str(secret))
    assert (by_file.returncode, by_file.stderr) == (0, "")
    by_environment = programs.run("reload", *where, env=programs.environment(WAYPOST_TOKEN=secret_of("admin")))
    assert (by_environment.returncode, by_environment.stderr) == (0, "")
    assert len(own.log("override.reload")) == 2
    for env, more, code in ((secret_of("reader"), [], 1), (secret_of("admin"), ["--token-file", str(secret)], USAGE),
                            ("", [], USAGE), ("wp_secret\r\nX: y", [], USAGE), ("secret" * 50, [], USAGE)):
        done = programs.run("reload", *where, *more, env=programs.environment(WAYPOST_TOKEN=env))
        assert (done.returncode, done.stdout) == (code, ""), done
        assert "secret" not in done.stderr.replace(str(secret), "")
    for content in ("", "\n", "a b\n", "x" * 300):
        secret.write_text(content)
        assert programs.run("reload", *where, "--token-file", str(secret)).returncode == USAGE
    assert programs.run("reload", *where, "--token-file", str(tmp_path / "absent")).returncode == USAGE
