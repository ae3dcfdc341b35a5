"""What the pages tell people to type does what they say, and prints what they show."""
import os
import re
import signal

import program as programs
from certificates import Authority
from http_client import eventually
from page import Page
from program import ROOT, environment
from service_manager import service_manager
from token_file import token

RUNBOOKS = Page(ROOT / "docs" / "runbooks.md")
AWAY, BACK = "10. The database is away", "When it is back"
# How the page writes where the database listens.
HOST, PORT, REACHED = "db.example.net", 3306, "on 'db.example.net'"
LISTEN = ("127.0.0.1:0?tls=off", "127.0.0.1:0")  # plain, for looks of the test; and what the page asks


def test_the_tour_of_the_readme(launch):
    program = launch()
    Page(ROOT / "README.md").run("Five minutes", {"localhost:8080": program.addresses[0]}, environment())


class Site:
    """What the runbooks take for granted: two instances on one MariaDB, tokens, and some overrides."""

    def __init__(self, folder, maria, launch, scripted):
        self.folder, self.maria = folder, maria
        self.tokens = folder / "tokens"
        self.secrets = {name: token(self.tokens, name, "editor") for name in ("alice", "bob")}
        name = maria.new_database()
        self.authority = Authority(folder, "authority")
        tls = self.authority.server().options
        self.programs = [launch("--tokens", str(self.tokens), *tls, database=maria.url(name), dns=scripted.address,
                                listen=LISTEN) for _ in range(2)]
        scripted.rule("example.com", MX=[("MX", (10, "mail.example.com"))])
        for key in ("example.org", "192.0.2.25", "shop.example"):
            self.programs[0].client.put(f"/overrides/{key}", {"target_host": "old.example.net",
                                                             "comment": "migration, ticket 4711"},
                                        Authorization=f"Bearer {self.secrets['bob']}")
        self.agree()
        (folder / "domains").write_text("example.org\nexample.net\n")
        (folder / "waypost").symlink_to(programs.binary().resolve())

    def agree(self, store="ok"):
        for program in self.programs:
            eventually(lambda program=program: program.readiness()["store"] == store, 30, f"store {store}")
        eventually(lambda: len({program.readiness()["revision"] for program in self.programs}) == 1,
                   what="one revision")

    def reload(self):
        for program in self.programs:
            before = len(program.log("tokens.read"))
            program.process.send_signal(signal.SIGHUP)
            eventually(lambda program=program, before=before: len(program.log("tokens.read")) > before,
                       what="the new tokens")

    def run(self, heading):
        bases = [f"https://{program.addresses[1]}" for program in self.programs]
        places = {"/etc/waypost/tokens": str(self.tokens), f"{HOST}:{PORT}": f"127.0.0.1:{self.maria.port}",
                  REACHED: "on '127.0.0.1'"}
        with service_manager(self.folder / "manager", reload=self.reload) as manager:
            env = environment(WAYPOST=bases[0], INSTANCES=" ".join(bases), TOKEN=self.secrets["alice"],
                              LOST=self.secrets["bob"], CURL_CA_BUNDLE=str(self.authority.cert),
                              PATH=f"{self.folder}:{manager}:{os.environ['PATH']}")
            RUNBOOKS.run(heading, places, env, self.folder)


def test_the_runbooks(tmp_path, own_maria, launch, scripted):
    site = Site(tmp_path, own_maria, launch, scripted)
    for heading in [heading for heading, steps in RUNBOOKS.sections.items() if steps]:
        if heading == AWAY:
            own_maria.kill()
            site.agree("down")
        if heading == BACK:
            own_maria.start()
        site.agree("down" if heading == AWAY else "ok")
        site.run(heading)


def test_every_runbook_says_what_to_look_at_and_what_can_go_wrong():
    parts = re.split(r"^## ", RUNBOOKS.path.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert [int(part.split(".")[0]) for part in parts] == list(range(1, len(parts) + 1))
    for part in parts:
        assert "**Look at**" in part and "**Can go wrong**" in part, part.splitlines()[0]
