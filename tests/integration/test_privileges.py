"""The service on a MariaDB user that may do what docs/database-user.md grants, and nothing else. The
statements are read out of that page, and each right is taken away in turn."""
import concurrent.futures
import json
import re

import pytest

import program as programs
from http_client import eventually
from program import ROOT
from test_takeover import GOOD, make_mariadb

PAGE = (ROOT / "docs/database-user.md").read_text("utf-8")
SETUP, GRANTS = (block.strip() for block in re.findall(r"```sql\n(.*?)```", PAGE, re.S))
GRANT = re.compile(r"GRANT ([A-Z, ]+) ON waypost\.(\*|\w+) TO (\w+);")
OWNER, SERVICE = "waypost_owner", "waypost"
OWNER_SECRET, SECRET = "owner-secret", "secret"
LATER = "0099_of_a_later_version"
OLD = "INTERVAL 30 DAY"
JANITOR_SECONDS = 30


def rights(text, user):
    """(right, table), each by itself, that the page grants to `user`."""
    return [(right, table) for names, table, name in GRANT.findall(text) if name == user
            for right in names.split(", ")]


SERVICE_RIGHTS = rights(GRANTS, SERVICE)
OWNER_RIGHTS = rights(SETUP, OWNER)


class Accounts:
    """A database of its own with the two users of the page, whose names no other test has."""
    engine = "mariadb"

    def __init__(self, server):
        self.server = server
        self.name = f"least_{server.new_database()}"
        self.owner, self.service = f"owner_{self.name}", f"service_{self.name}"
        server.sql(self.translated(SETUP))

    def translated(self, statements):
        """The page's statements with our names."""
        names = {OWNER: self.owner, SERVICE: self.service}
        statements = re.sub(r"\b(TO|USER) (\w+)", lambda match: f"{match[1]} {names[match[2]]}", statements)
        statements = re.sub(r"\bDATABASE waypost\b", f"DATABASE {self.name}", statements)
        return re.sub(r"\bwaypost\.", f"{self.name}.", statements)

    def owner_url(self):
        return self.server.url(self.name, self.owner, OWNER_SECRET)

    @property
    def url(self):
        return self.server.url(self.name, self.service, SECRET)

    def migrate(self, url=None):
        return programs.run("migrate", "--database", url or self.owner_url(), seconds=60)

    def migrated(self):
        done = self.migrate()
        assert done.returncode == 0, done.stderr
        return self

    def grant(self):
        self.execute(self.translated(GRANTS))
        return self

    def change(self, verb, right, table, user=None):
        """GRANT or REVOKE of one right."""
        place = f"{self.name}.{table}"
        preposition = "TO" if verb == "GRANT" else "FROM"
        self.execute(f"{verb} {right} ON {place} {preposition} {user or self.service}")

    def execute(self, statements):
        self.server.sql(statements, self.name)

    def rows(self, query):
        return [tuple(row) for row in self.server.sql(query, self.name)]


@pytest.fixture
def accounts(maria):
    return Accounts(maria).migrated().grant()


def use_everything(client):
    """Asks for each operation of the API. -> operation -> answer"""
    key = "/overrides/use.example"
    client.put("/overrides/gone.example", {"target_host": "10.0.0.8"})
    done = {
        "setOverride": client.put(key, {"target_host": "10.0.0.5"}),
        "changeOverride": client.patch(key, {"target_host": "10.0.0.7"}),
        "getOverride": client.get(key),
        "createOverride": client.post("/overrides", {"lookup_key": "made.example", "target_host": "10.0.0.6"}),
        "listOverrides": client.get("/overrides?q=use&sort=updated_at"),
        "listOverrideHistory": client.get(f"{key}/history"),
        "listHistory": client.get("/history"),
        "listChanges": client.get("/changes?since=0"),
        "deleteOverride": client.delete("/overrides/gone.example"),
        "reload": client.post("/reload", None),
    }
    set_at, created_at = (int(done[name].headers["X-Waypost-Revision"] or 1)
                          for name in ("setOverride", "createOverride"))
    done |= {
        "revertOverride": client.post(f"{key}/revert", {"revision": set_at}),
        "revertRevision": client.post(f"/history/{created_at}/revert", None),
        "resolveByPath": client.get("/resolve/use.example"),
        "resolveByQuery": client.get("/resolve?key=use.example"),
        "resolveBatch": client.post("/resolve", {"keys": ["use.example"]}),
        "mxByPath": client.get("/mx/use.example"),
        "mxByQuery": client.get("/mx?domain=use.example"),
        "mxBatch": client.post("/mx", {"keys": ["use.example"]}),
        "getLiveness": client.get("/healthz"),
        "getReadiness": client.get("/readyz"),
        "getMetrics": client.get("/metrics"),
        "getContract": client.get("/openapi.yaml"),
    }
    return done


def make_old(accounts):
    """Lines of the change log that the janitor has to forget, as if they had been written long ago."""
    accounts.execute(f"UPDATE override_change SET at = at - {OLD}")


def is_forgotten(accounts):
    return accounts.rows("SELECT low > 0 AND history_low > 0 FROM override_state") == [("1",)] and \
        accounts.rows("SELECT COUNT(*) FROM override_change WHERE revision < (SELECT low FROM override_state)") \
        == [("0",)]


# --- all is well ----------------------------------------------------------------------------------

def test_every_operation_works(accounts, launch):
    operations = {route["operation"] for route in json.loads(programs.run("--dump-routes").stdout)}
    program = launch(database=accounts.url)
    done = use_everything(program.client)
    assert set(done) == operations
    assert {name: answer.status for name, answer in done.items() if answer.status >= 300} == {}
    assert program.readiness()["store"] == "ok"
    assert not program.log(level="error") and not program.log(level="warn")


def test_the_janitor_works(accounts, launch):
    first = launch(database=accounts.url)
    for number in range(3):
        first.client.set(f"k{number}.example", "10.0.0.5")
    first.stop()
    make_old(accounts)
    program = launch("--log-retention", "60s", "--history-retention", "60s", database=accounts.url)
    eventually(lambda: is_forgotten(accounts), JANITOR_SECONDS, "forgetting")
    assert not program.log("janitor.failed")


def test_waypost_reload_works(accounts, launch):
    program = launch(database=accounts.url)
    epoch = program.client.get("/changes?since=0").json()["epoch"]
    done = programs.run("reload", "--database", accounts.url)
    assert done.returncode == 0, done.stderr
    assert epoch not in done.stdout


def test_an_up_to_date_schema_is_left_alone(accounts, launch):
    """No lease is taken, nothing is created: the user could not, and nobody complains."""
    before = accounts.rows("SELECT HEX(holder), until FROM schema_lease")
    launch(database=accounts.url)
    assert accounts.migrate(accounts.url).returncode == 0
    assert accounts.rows("SELECT HEX(holder), until FROM schema_lease") == before


def test_instances_with_one_user_follow_each_other(accounts, launch):
    one, other = launch(database=accounts.url), launch(database=accounts.url)
    one.client.set("example.org", "10.0.0.5")
    eventually(lambda: other.client.get("/resolve/example.org?fallback=none").json()["override"], what="the change")


# --- nothing can be left out ----------------------------------------------------------------------

def what_it_said(program):
    """All that an operator can read: the log and /readyz."""
    lines = [line.get("detail", "") for line in program.log() if line["level"] in ("error", "warn")]
    return lines + [program.client.get("/readyz").json().get("detail", "")]


def is_named(complaints, right, table):
    """A denied statement, or a table that cannot be seen; the words stand in one complaint."""
    return any(table in words and (f"{right} command denied" in words or "may read" in words) for words in complaints)


def without(maria, launch, right, table):
    """A service that lacks one right: it has said so within its first rounds of everything."""
    accounts = Accounts(maria).migrated().grant()
    first = launch(database=accounts.url)
    first.client.set("old.example", "10.0.0.5")
    first.client.set("old.example", "10.0.0.6")
    first.stop()
    make_old(accounts)
    accounts.change("REVOKE", right, table)
    program = launch("--log-retention", "60s", "--history-retention", "60s", database=accounts.url, ready=False)

    def says_it():
        use_everything(program.client)
        return is_named(what_it_said(program), right, table)
    eventually(says_it, JANITOR_SECONDS, f"a word about {right} on {table}")
    assert program.process.poll() is None


@pytest.fixture(scope="module")
def lacking(maria, launch_for_module):
    """right and table -> the end of a service without it; all at once, for most of it is waiting."""
    with concurrent.futures.ThreadPoolExecutor(len(SERVICE_RIGHTS)) as pool:
        yield {what: pool.submit(without, maria, launch_for_module, *what) for what in SERVICE_RIGHTS}


@pytest.mark.parametrize("right, table", SERVICE_RIGHTS)
def test_without_a_right_something_fails_and_says_which(lacking, right, table):
    lacking[right, table].result()


@pytest.mark.parametrize("right", [right for right, _ in OWNER_RIGHTS])
def test_the_owner_needs_each_right(maria, right):
    accounts = Accounts(maria)
    make_mariadb(accounts, GOOD)
    accounts.change("REVOKE", right, "*", accounts.owner)
    done = accounts.migrate()
    assert done.returncode == 1
    assert f"{right} command denied" in done.stderr.replace("DROP, ALTER", "ALTER, DROP"), done.stderr
    accounts.change("GRANT", right, "*", accounts.owner)
    accounts.migrated()


def test_only_a_takeover_needs_drop(maria):
    accounts = Accounts(maria)
    accounts.change("REVOKE", "DROP", "*", accounts.owner)
    accounts.migrated()


def test_the_page_grants_no_more_than_rows():
    assert {right for right, _ in SERVICE_RIGHTS} <= {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert all(table != "*" for _, table in SERVICE_RIGHTS)


# --- a schema that is behind ----------------------------------------------------------------------

def asks_for_migrate(program, word):
    """-> True once the log and /readyz do, in one line."""
    eventually(lambda: program.log("store.down"), what="a line")
    answer = program.client.get("/readyz")
    assert (answer.status, answer.code) == (503, "not_ready")
    for words in (program.log("store.down")[-1]["detail"], answer.json()["detail"]):
        assert 'run "waypost migrate" with a user that may change the schema' in words, words
        assert word in words, words


def test_an_empty_database(maria, launch):
    accounts = Accounts(maria)
    accounts.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {accounts.name}.* TO {accounts.service}")
    program = launch(database=accounts.url, ready=False)
    asks_for_migrate(program, "schema_migration")
    assert accounts.rows("SHOW TABLES") == []
    accounts.migrated()
    program.wait_ready()
    assert program.client.set("example.org", "10.0.0.5").status == 201


def test_a_schema_that_lacks_a_step(accounts, launch):
    """As an older version has left it."""
    accounts.execute("ALTER TABLE override_state DROP COLUMN history_low;"
                     "DELETE FROM schema_migration WHERE version = 11")
    before = accounts.rows("SELECT * FROM schema_migration ORDER BY version")
    program = launch(database=accounts.url, ready=False)
    asks_for_migrate(program, "0011_override_state_history_low")
    assert accounts.rows("SELECT * FROM schema_migration ORDER BY version") == before, "nothing is announced"
    done = accounts.migrate(accounts.url)
    assert done.returncode == 1
    assert 'run "waypost migrate"' in done.stderr
    accounts.migrated()
    program.wait_ready()
    assert program.client.set("example.org", "10.0.0.5").status == 201


def test_a_takeover_is_left_to_migrate(maria, launch):
    accounts = Accounts(maria)
    make_mariadb(accounts, GOOD)
    accounts.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {accounts.name}.* TO {accounts.service}")
    program = launch(database=accounts.url, ready=False)
    asks_for_migrate(program, "predecessor")
    assert accounts.rows("SHOW TABLES") == [("dns_overrides",)]
    accounts.migrated()
    program.wait_ready()
    assert program.client.get("/resolve/plain.example").json()["target_host"] == "10.0.0.1"


def test_a_later_version_adds_to_the_schema_beside_us(accounts, launch):
    """A newer program's owner has run its migrate; we go on, and are started again."""
    program = launch(database=accounts.url)
    program.client.set("example.org", "10.0.0.5")
    accounts.execute("INSERT INTO schema_migration (version, name, sha256, is_expand, done_at)"
                     f" VALUES (99, '{LATER}', REPEAT('0', 64), 1, NULL);"
                     "ALTER TABLE dns_overrides ADD COLUMN priority INT NOT NULL DEFAULT 0;"
                     "CREATE TABLE later (id INT PRIMARY KEY);"
                     f"UPDATE schema_migration SET done_at = UTC_TIMESTAMP(6) WHERE name = '{LATER}'")
    for instance in (program, launch(database=accounts.url)):
        answers = use_everything(instance.client)
        assert {name: answer.status for name, answer in answers.items() if answer.status >= 300} == {}
        assert instance.client.delete("/overrides/use.example").status == 204
        assert instance.readiness()["store"] == "ok"


# --- rights that are revoked while it runs --------------------------------------------------------

def test_a_right_to_write_is_revoked_and_given_back(accounts, launch):
    program = launch(database=accounts.url)
    client = program.client
    client.set("example.org", "10.0.0.5")
    accounts.change("REVOKE", "UPDATE", "override_state")
    for answer in (client.put("/overrides/new.example", {"target_host": "10.0.0.6"}),
                   client.delete("/overrides/example.org")):
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert "Retry-After" in answer.headers
    ready = program.readiness()
    assert ready["store"] == "failing"
    assert "UPDATE command denied" in ready["detail"]
    lines = program.log("store.failing")
    assert len(lines) == 1, "one line, not one a change"
    assert "UPDATE command denied" in lines[0]["detail"] and "override_state" in lines[0]["detail"]
    assert client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    assert client.get("/overrides").json()["total"] == 1
    accounts.change("GRANT", "UPDATE", "override_state")
    assert client.set("new.example", "10.0.0.6").status == 201
    assert program.readiness()["store"] == "ok"
    assert len(program.log("store.takes_changes")) == 1


def test_a_right_to_read_is_revoked_and_given_back(accounts, launch):
    program = launch(database=accounts.url)
    client = program.client
    client.set("example.org", "10.0.0.5")
    accounts.change("REVOKE", "SELECT", "override_state")
    eventually(lambda: program.readiness()["store"] == "down", what="store down")
    assert "SELECT command denied" in program.readiness()["detail"]
    assert "SELECT command denied" in program.log("store.down")[0]["detail"]
    assert client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    assert client.get("/overrides").status == 503
    accounts.change("GRANT", "SELECT", "override_state")
    eventually(lambda: program.readiness()["store"] == "ok", what="store ok")
    assert client.set("new.example", "10.0.0.6").status == 201
