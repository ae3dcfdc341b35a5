"""The log: one line an event, key=value, with the request's id, and nothing a client sends can forge."""
import urllib.parse

import pytest

from http_client import eventually


@pytest.fixture
def program(launch, knot):
    return launch(dns=knot.address)


def lookups(program):
    return program.log(event="lookup")


def test_each_lookup_is_logged(program):
    client = program.client
    revision = client.set("example.org", "10.0.0.5").json()["revision"]
    client.get("/resolve/EXAMPLE.org")
    client.get("/mx/user@example.org")
    client.get("/mx/plain.mail.test")
    client.get("/resolve/[192.0.2.1]")
    client.get("/resolve/absent.mail.test")
    lines = eventually(lambda: lookups(program) if len(lookups(program)) == 5 else None, what="five lines")
    told = [(line["kind"], line["key"], line["matched"], line["source"], line["target"],
             line["revision"]) for line in lines]
    assert told == [
        ("resolve", "example.org", "example.org", "override", "10.0.0.5", str(revision)),
        ("mx", "example.org", "example.org", "override", "10.0.0.5", str(revision)),
        ("mx", "plain.mail.test", "-", "dns", "-", "0"),
        ("resolve", "192.0.2.1", "-", "literal", "-", "0"),
        ("resolve", "absent.mail.test", "-", "nxdomain", "-", "0"),
    ]
    assert {line["door"] for line in lines} == {"http"}


@pytest.mark.parametrize("mode, count", [("none", 0), ("overrides", 1), ("all", 3)])
def test_which_lookups_are_logged(launch, mode, count):
    program = launch("--log-lookups", mode) if mode == "all" else launch(f"--log-lookups={mode}")
    client = program.client
    client.set("example.org", "10.0.0.5")
    client.get("/resolve/192.0.2.1")
    client.get("/resolve/a.example?fallback=none")
    client.get("/resolve/example.org")
    program.stop()
    assert len(lookups(program)) == count


def test_the_answer_carries_the_id_that_the_log_has(program):
    answer = program.client.get("/resolve/[192.0.2.1]")
    line = eventually(lambda: lookups(program), what="the line")[0]
    assert answer.headers["X-Request-Id"] in line.values()


def test_a_plain_id_of_the_client_is_kept(program):
    for number in ("0123456789abcdef", "relay-1_4711", "x" * 64):
        answer = program.client.get("/resolve/[192.0.2.1]", X_Request_Id=number)
        assert answer.headers["X-Request-Id"] == number


@pytest.mark.parametrize("number",
                         ["short", "x" * 65, "with blank", 'quo"te-quote', "a=b-c=d-e=f",
                          "\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9", "../../etc/passwd"])
def test_another_id_of_the_client_is_not_taken(program, number):
    answer = program.client.get("/healthz", X_Request_Id=number)
    assert answer.headers["X-Request-Id"] != number


def test_ids_differ(program):
    ids = {program.client.get("/healthz").headers["X-Request-Id"] for _ in range(200)}
    assert len(ids) == 200


def test_a_change_is_logged_with_its_id(program):
    for answer in (program.client.set("example.org", "10.0.0.5"),
                   program.client.patch("/overrides/example.org", {"enabled": False}),
                   program.client.delete("/overrides/example.org")):
        number = answer.headers["X-Request-Id"]
        line = eventually(lambda number=number: [line for line in program.log() if number in line.values()],
                          what="a line")[0]
        assert "example.org" in line.values()
        assert str(answer.revision) in line.values()


@pytest.mark.parametrize("text",
                         ['a" level=error event=forged x="', "a\nlevel=error event=forged", "a\r\nb", "a\x1b[31mred",
                          "a\\", "a\x00b", "\xff", "a=b c=d"])
def test_what_clients_send_forges_no_line(program, text):
    quoted = urllib.parse.quote(text, safe="", encoding="latin-1")
    for target in (f"/resolve/{quoted}", f"/mx?domain={quoted}", f"/overrides/{quoted}", f"/{quoted}",
                   f"/overrides?q={quoted}"):
        program.client.get(target)
    program.client.post("/mx", {"keys": [text]})
    program.client.put("/overrides/example.org", {"target_host": "10.0.0.5", "comment": text})
    program.stop()
    assert all(line["event"] != "forged" and line["level"] != "error" for line in program.log())
    assert "\x1b" not in program.stderr_path.read_text("utf-8", "replace")


def test_start_and_stop_are_told(program):
    program.stop()
    lines = program.log()
    assert any(program.addresses[0] in line.values() for line in lines), "where it listens"
    assert lines[0]["level"] == "notice"
    assert not program.log(level="error") and not program.log(level="warn")


def test_a_password_is_not_logged(maria, launch):
    program = launch(database=maria.url(maria.new_database()))
    program.client.set("example.org", "10.0.0.5")
    program.stop()
    assert "waypost:waypost@" not in program.stderr_path.read_text()
