"""A database that the predecessor made is taken over at the first start."""
import pytest

from database import SqliteDatabase

NEW_YEAR = "2024-01-01 00:00:00"
# (lookup_key, target_host, comment, created_at, updated_at) as people and the predecessor left them
GOOD = [
    ("plain.example", "10.0.0.1", "a comment", NEW_YEAR, "2024-02-03 04:05:06.789"),
    ("10.0.0.7", "relay.example.net", "", NEW_YEAR, NEW_YEAR),
    ("2001:db8::7", "10.0.0.1", "", NEW_YEAR, NEW_YEAR),
    ("nullcomment.example", "10.0.0.1", None, NEW_YEAR, NEW_YEAR),
    ("nulltimes.example", "10.0.0.1", "", None, None),
    ("umlaut.example", "10.0.0.1", "für Bücher \U0001f4ee", NEW_YEAR, NEW_YEAR),
    ("longcomment.example", "10.0.0.1", "ü" * 5000, NEW_YEAR, NEW_YEAR),
    ("controls.example", "10.0.0.1", "bell \x07 and escape \x1b", NEW_YEAR, NEW_YEAR),
]
ZERO_TIMES = ("zerotimes.example", "10.0.0.1", "", "0000-00-00 00:00:00", "0000-00-00 00:00:00")
# stored key -> the key it gets, for rows that are kept under another spelling
CHANGED = {
    "[1.2.3.4]": "1.2.3.4",
    "IPv6:2001:DB8:0::1": "2001:db8::1",
    "[ipv6:::1]": "::1",
    "dot.example.": "dot.example",
    " blank.example": "blank.example",
    "Bücher.Example": "xn--bcher-kva.example",
}
# Rows of one normal key: the winner's target is 10.9.9.9.
CONTESTS = {
    "normal-wins.example": [
        ("normal-wins.example", "10.9.9.9", NEW_YEAR), ("Normal-Wins.example.", "10.0.0.2", "2025-01-01 00:00:00")],
    "latest-wins.example": [
        ("latest-wins.example.", "10.0.0.2", NEW_YEAR), ("[latest-wins.example]", "10.9.9.9", "2024-06-01 00:00:00"),
        (" latest-wins.example", "10.0.0.3", "2024-05-31 23:59:59")],
    "2001:db8::9": [  # the same time: byte order, '2' comes before 'I' and '['
        ("[2001:db8::9]", "10.0.0.2", NEW_YEAR), ("2001:db8:0::9", "10.9.9.9", NEW_YEAR),
        ("IPv6:2001:db8::9", "10.0.0.3", NEW_YEAR)],
    "nulls-lose.example": [
        ("nulls-lose.example.", "10.0.0.2", None), ("[nulls-lose.example]", "10.9.9.9", NEW_YEAR)],
}
BAD = [
    ("", "10.0.0.1"), ("not a name", "10.0.0.1"), ("a..b", "10.0.0.1"), ("[unpaired.example", "10.0.0.1"),
    ("x" * 64 + ".example", "10.0.0.1"), ("192.0.2.256", "10.0.0.1"), ("http://url.example/", "10.0.0.1"),
    ("user@mailbox.example", "10.0.0.1"), ("fe80::1%eth0", "10.0.0.1"), ("new\nline.example", "10.0.0.1"),
    ("url.example", "https://relay.example/mxdeliv"), ("port.example", "relay.example:2525"),
    ("empty.example", ""), ("blanks.example", "a b"), ("self.example", "SELF.example."),
    ("list.example", "a.example,b.example"),
]
LOSERS = [(key, target) for rows in CONTESTS.values() for key, target, _ in rows if target != "10.9.9.9"]


def seed_rows(engine):
    rows = list(GOOD)
    if engine == "mariadb":
        rows.append(ZERO_TIMES)
    rows += [(key, "10.0.0.1", "", NEW_YEAR, NEW_YEAR) for key in CHANGED]
    rows += [(key, target, "", NEW_YEAR, time) for group in CONTESTS.values() for key, target, time in group]
    rows += [(key, target, "", NEW_YEAR, NEW_YEAR) for key, target in BAD]
    return rows


def make_sqlite(database, rows):
    database.execute("CREATE TABLE dns_overrides (lookup_key varchar(255) PRIMARY KEY,"
                     " target_host varchar(255) NOT NULL, comment text, created_at datetime, updated_at datetime)")
    database.execute("INSERT INTO dns_overrides VALUES (?, ?, ?, ?, ?)", *rows or [GOOD[0]])
    if not rows:
        database.execute("DELETE FROM dns_overrides")


def make_mariadb(database, rows):
    def text(value):
        return "NULL" if value is None else "X'" + value.encode().hex() + "'"

    def time(value):
        return "NULL" if value is None else f"'{value}'"

    values = ",\n".join(f"({text(key)}, {text(target)}, {text(comment)}, {time(created)}, {time(updated)})"
                        for key, target, comment, created, updated in rows or [GOOD[0]])
    database.execute("SET sql_mode = '';"
                     "CREATE TABLE dns_overrides (lookup_key varchar(255) PRIMARY KEY,"
                     " target_host varchar(255) NOT NULL, comment longtext,"
                     " created_at datetime(3) NULL, updated_at datetime(3) NULL)"
                     " CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;"
                     f"INSERT INTO dns_overrides VALUES {values};" + ("" if rows else "DELETE FROM dns_overrides"))


def make_seed(database, rows):
    """What the predecessor left in `database`."""
    (make_sqlite if database.engine == "sqlite" else make_mariadb)(database, rows)


@pytest.fixture
def taken_over(database, launch):
    make_seed(database, seed_rows(database.engine))
    program = launch(database=database.url)
    program.seed = database
    return program


def overrides(client):
    return {row["lookup_key"]: row for row in client.get("/overrides?limit=1000").json()["overrides"]}


def test_good_rows_are_served_as_they_were(taken_over):
    rows = overrides(taken_over.client)
    assert rows["plain.example"]["target_host"] == "10.0.0.1"
    assert rows["plain.example"]["comment"] == "a comment"
    assert rows["plain.example"]["created_at"] == "2024-01-01T00:00:00.000000Z"
    assert rows["plain.example"]["updated_at"] == "2024-02-03T04:05:06.789000Z"
    assert rows["plain.example"]["enabled"] is True
    assert rows["nullcomment.example"]["comment"] == ""
    assert rows["umlaut.example"]["comment"] == "für Bücher \U0001f4ee"
    for key, target, *_ in GOOD:
        assert taken_over.client.get(f"/resolve/{key}").json()["target_host"] == target, key


def test_rows_that_are_not_served_are_the_losers_and_the_invalid_ones(taken_over):
    expected = {key for key, *_ in seed_rows(taken_over.seed.engine)}
    expected -= {key for key, _ in BAD + LOSERS}
    winners = {key for group in CONTESTS.values() for key, target, _ in group if target == "10.9.9.9"}
    expected = {CHANGED.get(key, key) for key in expected - winners} | set(CONTESTS)
    assert set(overrides(taken_over.client)) == expected
    assert taken_over.readiness()["overrides"] == len(expected)


def test_missing_times_become_the_time_of_takeover(taken_over):
    rows = overrides(taken_over.client)
    names = ["nulltimes.example"] + ["zerotimes.example"] * (taken_over.seed.engine == "mariadb")
    for name in names:
        assert rows[name]["created_at"] == rows[name]["updated_at"] > "2025"


def test_changed_keys_are_found_and_told(taken_over):
    rows = overrides(taken_over.client)
    for key, normal in CHANGED.items():
        assert rows[normal]["target_host"] == "10.0.0.1", key
        assert taken_over.client.get(f"/resolve/{normal}").json()["target_host"] == "10.0.0.1"
    told = {line["from"]: line["to"] for line in taken_over.log() if "from" in line}
    for key, normal in CHANGED.items():
        assert told[key] == normal
    unchanged = {key for key, *_ in GOOD}
    assert not unchanged & set(told)


@pytest.mark.parametrize("key", CONTESTS)
def test_of_rows_with_one_normal_key_one_wins(taken_over, key):
    assert overrides(taken_over.client)[key]["target_host"] == "10.9.9.9"
    assert taken_over.client.get(f"/resolve/{key}").json()["target_host"] == "10.9.9.9"


def test_each_rejected_row_is_counted_told_and_kept(taken_over):
    expected = sorted(BAD + LOSERS)
    assert taken_over.readiness()["rejected"] == len(expected)
    assert taken_over.metrics()["waypost_rejected_overrides"] == len(expected)
    query = "SELECT lookup_key, target_host, reason FROM dns_overrides_rejected"
    kept = taken_over.seed.rows(query)
    # Control bytes are kept as people can read them.
    assert sorted((key.replace("\\x0A", "\n"), target) for key, target, _ in kept) == expected
    assert all(reason for _, _, reason in kept)
    warnings = [line for line in taken_over.log(level="warn") if "reason" in line]
    assert len(warnings) == len(expected)


def test_the_old_table_is_kept(taken_over):
    kept = taken_over.seed.rows("SELECT lookup_key, target_host FROM dns_overrides_seed")
    assert sorted(kept) == sorted((key, target) for key, target, *_ in seed_rows(taken_over.seed.engine))


def test_a_second_start_takes_over_nothing(taken_over, launch):
    before = overrides(taken_over.client)
    rejected = taken_over.readiness()["rejected"]
    taken_over.client.set("new.example", "10.0.0.2")
    taken_over.client.delete("/overrides/plain.example")
    taken_over.stop()
    again = launch(database=taken_over.seed.url)
    after = overrides(again.client)
    assert set(after) == set(before) - {"plain.example"} | {"new.example"}
    assert again.readiness()["rejected"] == rejected
    assert not [line for line in again.log() if "from" in line]


def test_comments_that_are_not_allowed_any_more_do_not_stop_mail(taken_over):
    """The contract checks the listed comments; the rows must be there, and changeable."""
    for key in ("longcomment.example", "controls.example"):
        row = taken_over.client.get(f"/overrides/{key}").json()
        assert row["comment"]
        assert taken_over.client.put(f"/overrides/{key}", row).status == 200


def test_an_empty_table_of_the_predecessor(database, launch):
    make_seed(database, [])
    program = launch(database=database.url)
    assert program.readiness()["rejected"] == 0
    assert overrides(program.client) == {}
    assert program.client.set("new.example", "10.0.0.2").status == 201


def test_times_in_the_forms_that_drivers_write(launch, tmp_path):
    """SQLite keeps what it is given: Go's drivers write several forms of one time."""
    database = SqliteDatabase(tmp_path / "seed.db")
    forms = {
        "a.example": "2024-02-03 04:05:06", "b.example": "2024-02-03 04:05:06.5+00:00",
        "c.example": "2024-02-03T04:05:06Z", "d.example": "2024-02-03 06:05:06.123456789+02:00",
        "e.example": "2024-02-03T04:05:06.25Z", "f.example": "2024-02-02 22:05:06-06:00",
    }
    odd = {"g.example": "yesterday", "h.example": "", "i.example": 0}
    make_seed(database, [(key, "10.0.0.1", "", time, time) for key, time in {**forms, **odd}.items()])
    rows = overrides(launch(database=database.url).client)
    for key in forms:
        assert rows[key]["updated_at"].startswith("2024-02-03T04:05:06"), (key, rows[key]["updated_at"])
    for key in odd:
        assert rows[key]["updated_at"] > "2025", key
