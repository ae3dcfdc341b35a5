"""A database to look into and to spoil, on either engine, beside the program that uses it."""
import contextlib
import sqlite3


class SqliteDatabase:
    engine = "sqlite"

    def __init__(self, path):
        self.path = path
        self.url = f"sqlite:{path}"

    def execute(self, statement, *rows):
        """One statement, once for each row of parameters (or once without)."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=10)) as database, database:
            if rows:
                database.executemany(statement, rows)
            else:
                database.execute(statement)

    def rows(self, query):
        with contextlib.closing(sqlite3.connect(self.path, timeout=10)) as database:
            return [tuple(row) for row in database.execute(query)]


class MariaDatabase:
    engine = "mariadb"

    def __init__(self, server):
        self.server = server
        self.name = server.new_database()
        self.url = server.url(self.name)

    def execute(self, statement):
        self.server.sql(statement, self.name)

    def rows(self, query):
        """All values as texts."""
        return [tuple(value.replace("\\n", "\n").replace("\\\\", "\\") for value in row)
                for row in self.server.sql(query, self.name)]
