"""--database-password-file: MariaDB's password from a file, which its server may read, too."""
import os

import pytest

import program as programs

USAGE = 2
ODD = "p@ss/w%41rd:?# 'ä"  # nothing of it is decoded, and a blank ends nothing
LONGEST = 510  # bytes of a password that fits


def url_without_password(maria, database, user="waypost"):
    return f"mariadb://{user}@127.0.0.1:{maria.port}/{database}"


def written(tmp_path, content):
    path = tmp_path / "password"
    path.write_text(content, "utf-8")
    return str(path)


def refusal(path, url="mariadb://waypost@127.0.0.1/waypost"):
    """What `serve` says on its one line when it refuses the file."""
    done = programs.run("serve", "--listen", "127.0.0.1:0", "--database", url, "--database-password-file", str(path))
    assert (done.returncode, done.stdout) == (USAGE, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1 and "database-password-file" in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nwhat follows is not read\n"])
def test_the_first_line_is_the_password(maria, launch, tmp_path, end):
    database = url_without_password(maria, maria.new_database())
    program = launch("--database-password-file", written(tmp_path, f"waypost{end}"), database=database)
    assert program.readiness()["store"] == "ok"


def test_it_is_taken_as_it_is(maria, launch, tmp_path):
    name = maria.new_database()
    quoted = ODD.replace("'", "''")
    maria.sql(f"CREATE USER odd IDENTIFIED BY '{quoted}'; GRANT ALL ON {name}.* TO odd")
    program = launch("--database-password-file", written(tmp_path, ODD), database=url_without_password(maria, name, "odd"))
    assert program.readiness()["store"] == "ok"


def test_a_wrong_one_is_refused_by_the_database(maria, launch, tmp_path):
    database = url_without_password(maria, maria.new_database())
    program = launch("--database-password-file", written(tmp_path, "wrong"), database=database, ready=False)
    assert program.client.get("/readyz").status == 503


def test_the_commands_use_it_from_the_environment(maria, tmp_path):
    env = programs.environment(WAYPOST_DATABASE=url_without_password(maria, maria.new_database()),
                               WAYPOST_DATABASE_PASSWORD_FILE=written(tmp_path, "waypost\n"))
    for command, said in (("migrate", "schema"), ("reload", "revision=")):
        done = programs.run(command, env=env)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout + done.stderr


def test_commands_without_a_database_do_not_read_it(tmp_path):
    env = programs.environment(WAYPOST_DATABASE_PASSWORD_FILE=str(tmp_path / "absent"))
    assert programs.run("token", "relay", "reader", env=env).returncode == 0


def test_a_file_that_is_none(tmp_path):
    assert "absent" in refusal(tmp_path / "absent")
    assert "plain file" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "plain file" in refusal(tmp_path / "pipe")


@pytest.mark.parametrize("content, words", [("", "empty"), ("\nsecret\n", "empty"), ("x" * (LONGEST + 1), "510 bytes")])
def test_a_password_that_is_none(tmp_path, content, words):
    said = refusal(written(tmp_path, content))
    assert words in said
    assert "secret" not in said and "xxx" not in said


def test_the_longest_password_is_taken(tmp_path):
    done = programs.run("serve", "--check-config", "--database", "mariadb://waypost@127.0.0.1/waypost",
                        "--database-password-file", written(tmp_path, "x" * LONGEST))
    assert done.returncode == 0, done.stderr
    assert "xxx" not in done.stdout + done.stderr


def test_two_passwords_exclude_each_other(tmp_path):
    said = refusal(written(tmp_path, "one"), url="mariadb://waypost:another@127.0.0.1/waypost")
    assert "exclude" in said and "another" not in said


def test_sqlite_has_no_password(tmp_path):
    assert "SQLite" in refusal(written(tmp_path, "one"), url=f"sqlite:{tmp_path}/waypost.db")
