"""Somebody changes rows by SQL and says so: by HTTP, or with `waypost reload`."""
import re
import threading

import pytest

import program as programs
from http_client import eventually

PRINTED = re.compile(r"revision=([0-9]+) epoch=([0-9a-f]{32})\n")


def reload(client, **headers):
    answer = client.request("POST", "/reload", headers={name.replace("_", "-"): value
                                                        for name, value in headers.items()})
    assert answer.status == 200, answer.text
    return answer.json()


def changes(client, since, **params):
    query = "".join(f"&{name}={value}" for name, value in params.items())
    return client.get(f"/changes?since={since}{query}")


def served(client, key):
    return client.get(f"/resolve/{key}?fallback=none").json()["target_host"]


def move(database, key, target):
    """A row that is changed behind the programs' backs."""
    database.execute(f"UPDATE dns_overrides SET target_host = '{target}' WHERE lookup_key = '{key}'")


def test_a_reload_is_a_change_with_a_new_epoch(client):
    before = client.get("/overrides")
    epoch = changes(client, before.revision).json()["epoch"]
    done = reload(client)
    assert done["revision"] == before.revision + 1
    assert done["epoch"] != epoch
    page = changes(client, before.revision).json()
    assert page["changes"] == [{"revision": done["revision"], "op": "reload", "lookup_key": None, "override": None}]
    assert (page["revision"], page["epoch"]) == (done["revision"], done["epoch"])
    assert changes(client, before.revision, epoch=epoch).status == 410
    assert changes(client, done["revision"], epoch=done["epoch"]).json()["changes"] == []
    eventually(lambda: client.get("/healthz").revision == done["revision"], what="the revision")


def test_each_reload_is_another(client):
    first, second = reload(client), reload(client)
    assert second["revision"] == first["revision"] + 1
    assert second["epoch"] != first["epoch"]


def test_writes_go_on_after_a_reload(client):
    revision = reload(client)["revision"]
    assert client.set("example.org", "10.0.0.5").json()["revision"] == revision + 1
    assert served(client, "example.org") == "10.0.0.5"
    assert reload(client)["revision"] == revision + 2
    eventually(lambda: client.get("/healthz").revision == revision + 2, what="the revision")
    assert served(client, "example.org") == "10.0.0.5"


def test_a_reload_takes_no_body_and_no_parameters(client):
    assert client.post("/reload", {}).status == 400
    assert client.request("POST", "/reload?now=1").fields() == ["now"]
    assert client.request("POST", "/reload", b"", {"Content-Length": "0"}).status == 200


def test_both_instances_answer_a_row_that_was_changed_by_sql(maria, launch):
    name = maria.new_database()
    one, other = launch(database=maria.url(name)), launch(database=maria.url(name))
    since = one.client.set("example.org", "10.0.0.5").json()["revision"]
    eventually(lambda: served(other.client, "example.org") == "10.0.0.5", 5, "the override")
    maria.sql("UPDATE dns_overrides SET target_host = '10.9.9.9'; "
              "INSERT INTO dns_overrides (lookup_key, target_host, comment, enabled, revision, created_at, created_by, "
              "updated_at, updated_by) SELECT 'new.example', '10.8.8.8', '', 1, 1, created_at, '-', updated_at, '-' "
              "FROM dns_overrides", name)
    assert served(one.client, "example.org") == served(other.client, "example.org") == "10.0.0.5"
    done = reload(other.client)
    for program in (one, other):
        eventually(lambda program=program: served(program.client, "example.org") == "10.9.9.9", what="the new row")
        assert served(program.client, "new.example") == "10.8.8.8"
        page = changes(program.client, since).json()
        assert [(change["revision"], change["op"]) for change in page["changes"]] == [(done["revision"], "reload")]
        assert page["epoch"] == done["epoch"]
    # Who changes such a row sees it as it was found.
    assert one.client.patch("/overrides/example.org", {"comment": "x"}).json()["target_host"] == "10.9.9.9"
    entry = one.client.get("/overrides/example.org/history?limit=1").json()["history"][0]
    assert entry["before"]["target_host"] == "10.9.9.9"


def test_reloads_beside_writers_lose_nothing(database, launch):
    client = launch(database=database.url).client
    failed = []

    def write(seed):
        held = client.held()
        try:
            for turn in range(30):
                assert held.put(f"/overrides/k{seed}-{turn}.example", {"target_host": "10.0.0.5"}).status == 201
        except AssertionError as error:
            failed.append(error)
        held.close()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for writer in writers:
        writer.start()
    reloads = 0
    while any(writer.is_alive() for writer in writers):
        reload(client)
        reloads += 1
    assert not failed
    revision = 90 + reloads
    eventually(lambda: client.get("/healthz").revision == revision, what="the last revision")
    assert client.get("/overrides").json()["total"] == 90
    assert client.get("/readyz").json()["overrides"] == 90
    seen, at = [], 0
    while at < revision:
        page = changes(client, at, limit=50).json()
        seen += [change["revision"] for change in page["changes"]]
        at = page["revision"]
    assert seen == list(range(1, revision + 1))


# --- waypost reload -------------------------------------------------------------------------------

def printed(done):
    assert done.returncode == 0, done.stderr
    match = PRINTED.fullmatch(done.stdout)
    assert match, done.stdout
    return int(match.group(1)), match.group(2)


def test_the_command_tells_a_shared_database_itself(maria, launch):
    """The instances listen elsewhere, and none needs to run."""
    name = maria.new_database()
    url = maria.url(name)
    one, other = launch(database=url), launch(database=url)
    one.client.set("example.org", "10.0.0.5")
    maria.sql("UPDATE dns_overrides SET target_host = '10.9.9.9'", name)
    revision, epoch = printed(programs.run("reload", "--database", url))
    assert revision == 2
    for program in (one, other):
        eventually(lambda program=program: served(program.client, "example.org") == "10.9.9.9", what="the new row")
        page = changes(program.client, 1).json()
        assert (page["changes"][0]["op"], page["epoch"]) == ("reload", epoch)
    entry = one.client.get("/history?limit=1").json()["history"][0]
    assert (entry["op"], entry["actor"], entry["reason"]) == ("reload", "-", "")
    one.stop()
    other.stop()
    assert printed(programs.run("reload", "--database", url))[0] == 3


def test_the_command_reads_the_environment(maria):
    env = programs.environment(WAYPOST_DATABASE=maria.url(maria.new_database()))
    assert printed(programs.run("reload", env=env))[0] == 1


def test_the_command_says_that_a_database_is_away():
    done = programs.run("reload", "--database", f"mariadb://a:b@127.0.0.1:{programs.free_port()}/c", seconds=30)
    assert (done.returncode, done.stdout) == (1, "")
    assert "127.0.0.1" in done.stderr
    assert ":b@" not in done.stderr


def test_the_command_says_that_a_schema_is_newer(maria, launch):
    name = maria.new_database()
    launch(database=maria.url(name)).stop()
    maria.sql("INSERT INTO schema_migration (version, name, sha256, is_expand, done_at) SELECT 9999, '9999_later', "
              "sha256, 0, done_at FROM schema_migration WHERE version = 1", name)
    done = programs.run("reload", "--database", maria.url(name))
    assert (done.returncode, done.stdout) == (1, "")
    assert "9999" in done.stderr


def test_the_command_asks_the_instance_of_an_sqlite_file(launch):
    program = launch()
    program.client.set("example.org", "10.0.0.5")
    revision, epoch = printed(programs.run("reload", "--database", program.database, "--listen", program.addresses[0]))
    assert revision == 2
    assert changes(program.client, 1).json()["epoch"] == epoch


def test_the_command_asks_at_a_unix_socket(launch, tmp_path):
    program = launch(listen=(f"unix:{tmp_path}/socket",))
    assert printed(programs.run("reload", "--database", program.database, "--listen", program.addresses[0]))[0] == 1


def test_the_command_says_that_nothing_listens(tmp_path):
    for address in (f"127.0.0.1:{programs.free_port()}", f"unix:{tmp_path}/nothing"):
        done = programs.run("reload", "--database", f"sqlite:{tmp_path}/x.db", "--listen", address)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"nothing listens on {address}" in done.stderr
        assert not (tmp_path / "x.db").exists()


def test_the_command_says_what_an_instance_answers(maria, launch, tmp_path):
    """The instance that listens there has another database, which takes no changes."""
    name = maria.new_database()
    launch(database=maria.url(name)).stop()
    maria.sql("INSERT INTO schema_migration (version, name, sha256, is_expand, done_at) SELECT 9999, '9999_later', "
              "sha256, 0, done_at FROM schema_migration WHERE version = 1", name)
    program = launch(database=maria.url(name))
    done = programs.run("reload", "--database", f"sqlite:{tmp_path}/x.db", "--listen", program.addresses[0])
    assert (done.returncode, done.stdout) == (1, "")
    assert "503" in done.stderr and "9999" in done.stderr


@pytest.mark.parametrize("arguments", [("--database", "nonsense"), ("--listen", "nonsense"), ("--nonsense",)])
def test_the_command_knows_its_usage(arguments):
    done = programs.run("reload", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
