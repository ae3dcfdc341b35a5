"""Two versions of the program on one database, and a schema that somebody has changed."""
import pytest

LATER = ("INSERT INTO schema_migration (version, name, sha256, is_expand, done_at)"
         " SELECT 9999, '9999_of_a_later_version', sha256, {is_expand}, done_at"
         " FROM schema_migration WHERE version = 1")


@pytest.fixture
def used(database, launch):
    """A database that a program of this version has filled, and which nobody uses now."""
    program = launch(database=database.url)
    program.client.set("example.org", "10.0.0.5")
    program.stop()
    return database


def is_read_only(program, word):
    ready = program.readiness()
    assert ready["store"] == "read_only"
    assert word in ready["detail"]
    values = program.metrics()
    assert (values["waypost_store_up"], values["waypost_store_writable"]) == (1, 0)
    client = program.client
    assert client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    assert client.get("/mx/example.org").json()["override"] is True
    for answer in (client.put("/overrides/new.example", {"target_host": "10.0.0.6"}),
                   client.delete("/overrides/example.org")):
        assert (answer.status, answer.code) == (503, "store_unavailable")
    assert client.get("/overrides/example.org").status == 200
    assert client.get("/overrides").json()["total"] == 1


def test_a_step_that_is_only_an_addition_leaves_us_fully_working(used, launch):
    used.execute(LATER.format(is_expand=1))
    program = launch(database=used.url)
    assert program.readiness()["store"] == "ok"
    assert program.client.set("new.example", "10.0.0.6").status == 201


def test_another_later_step_makes_us_read_only(used, launch):
    used.execute(LATER.format(is_expand=0))
    is_read_only(launch(database=used.url), "9999")


def test_a_step_that_was_changed_after_it_was_done_makes_us_read_only(used, launch):
    used.execute("UPDATE schema_migration SET sha256 = REPLACE(sha256, SUBSTR(sha256, 1, 8), '00000000')"
                 " WHERE version = 2")
    is_read_only(launch(database=used.url), "0002")


def test_a_later_version_that_comes_while_we_run(database, launch):
    """Its own rows are followed; nothing is written over them by accident."""
    program = launch(database=database.url)
    program.client.set("example.org", "10.0.0.5")
    database.execute(LATER.format(is_expand=1))
    assert program.client.set("new.example", "10.0.0.6").status == 201
    assert program.readiness()["store"] == "ok"
