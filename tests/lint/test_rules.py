"""Each rule complains about its bad samples, with the words given, and about nothing in the good
one. So no rule can be silent because it looks at nothing."""
import json
import os
import pathlib
import shutil
import stat

import pytest

import rules

SPDX = "/* SPDX-License-Identifier: MIT */\n"
HERE = "/" + "home/someone/waypost"  # in two pieces: this file keeps the rule too
LONG = SPDX + "int x;\n" * 800
BOTH = ("migrations/sqlite/", "migrations/mariadb/")
PROGRAM = ("#!/bin/sh\ncase $1 in\n--print-configuration) echo '# Configuration' ;;\n"
           "--print-manual) echo .TH WAYPOST ;;\nesac\n")


def lock(**entry):
    return json.dumps({"packages": {"": {}, "node_modules/a": entry}}) + "\n"


def limits_doc(*rows):
    return "".join(f"| {row} |\n" for row in rows)


# rule -> (bad files, words of the complaint)
BAD = {
    "layers": [
        ({"server/model/key.h": '#include "store/store.h"\n'}, "may not look at"),
        ({"server/store/a.c": '#include "dns/resolver.h"\n'}, "may not look at"),
        ({"server/domain/a.c": '#include "api/problem.h"\n'}, "may not look at"),
        ({"api/handlers/a.c": '#include "store/store_sqlite.h"\n'}, "only main"),
        ({"server/domain/a.c": "#include <uv.h>\n"}, "belongs to server/base/loop.c"),
        ({"api/router.c": "#include <microhttpd.h>\n"}, "belongs to"),
        ({"server/model/key.c": "#include <jansson.h>\n"}, "belongs to api/"),
        ({"server/store/writer.c": "#include <mysql.h>\n"}, "belongs to server/store/*mariadb*"),
        ({"server/base/text.c": "#include <glib.h>\n"}, "no host file"),
        ({"server/model/key.c": '#include "key.h"\n'}, "name the room"),
        ({"server/cellar/a.c": "\n"}, "on no floor"),
    ],
    "banned_calls": [
        ({f"server/base/{name}.c": f"void f(void)\n{{\n    {name} (a);\n}}\n"}, f"{name}.c:3: {name}()")
        for name in rules.BANNED
    ],
    "file_length": [
        ({"api/a.c": LONG}, "801 lines"),
        ({"tests/integration/test_a.py": "x = 1\n" * 1001}, "1001 lines"),
    ],
    "own_header_first": [
        ({"server/base/a.h": "", "server/base/a.c": '#include <stdio.h>\n#include "base/a.h"\n'},
         'first include is "base/a.h"'),
        ({"api/a.h": "", "api/a.c": "int x;\n"}, 'first include is "api/a.h"'),
    ],
    "licence_line": [({"api/a.c": "int x;\n"}, "SPDX")],
    "open_points": [
        ({"api/a.c": "/* TODO: later */\n"}, "a.c:1: write TODO(#issue)"),
        ({"api/a.c": "\n/* FIXME */\n"}, "a.c:2:"),
    ],
    "sleeps": [
        ({"tests/integration/test_a.py": "import time\n\ntime.sleep(1)\n"}, "test_a.py:3:"),
        ({"tests/unit/base/test_a.c": "    usleep(3);\n"}, "wait for an event"),
        ({"tests/fault/a.sh": "sleep 1\n"}, "a.sh:1:"),
    ],
    "blanks": [
        ({"a.md": "x \n"}, "a.md:1: blanks"),
        ({"a.md": "x\r\n"}, "blanks"),
        ({"a.md": "x"}, "exactly one newline"),
        ({"a.md": "x\n\n"}, "exactly one newline"),
    ],
    "machine_paths": [
        ({"docs/a.md": f"x\nsee {HERE}\n"}, "a.md:2:"),
        ({"a.sh": "cd /" + "root/waypost\n"}, "path of one machine"),
        ({"a.sh": "cd {root}/docs\n"}, "path of one machine"),
    ],
    "lock_files": [
        ({"tests/lint/package-lock.json": lock(version="1.2.3", resolved="x")}, "download address"),
        ({"tests/lint/package-lock.json": lock(version="^1.2.3")}, "exact version"),
    ],
    "corpora": [
        ({"tests/fuzz/a.c": ""}, "corpus/a: 0 files"),
        ({f"tests/fuzz/{name}": "" for name in ("a.c", *(f"corpus/a/{n}" for n in range(31)))}, "31 files"),
        ({"tests/fuzz/a.c": "", "tests/fuzz/corpus/a/big": "x" * 4097}, "at most 4096 bytes"),
        ({"tests/fuzz/corpus/b/one": ""}, "no target reads it"),
        ({"tests/fuzz/a.c": "", "tests/fuzz/corpus/a/b/one": ""}, "no target reads it"),
    ],
    "migrations": [
        ({BOTH[0] + "0001_a.sql": "CREATE TABLE a (b TEXT);\n"}, "mariadb has no step 0001"),
        ({BOTH[1] + "0001_a.sql": "CREATE TABLE a (b TEXT);\n"}, "sqlite has no step 0001"),
        ({both + f"000{n}_a.sql": "SELECT 1;\n" for both in BOTH for n in (1, 3)}, "without gaps"),
        ({both + "0002_a.sql": "SELECT 1;\n" for both in BOTH}, "0001"),
        ({both + "0001_a.sql": "SELECT 1; SELECT 2;\n" for both in BOTH}, "2 statements"),
        ({both + "0001_a.sql": "-- nothing\n" for both in BOTH}, "0 statements"),
        ({both + f"0001_{n}.sql": "SELECT 1;\n" for both in BOTH for n in "ab"}, "number is taken"),
        ({"migrations/sqlite/1-a.sql": "SELECT 1;\n"}, "NNNN_what.sql"),
        ({"migrations/oracle/0001_a.sql": "SELECT 1;\n"}, "NNNN_what.sql"),
    ],
    "links": [
        ({"docs/a.md": "\n[b](b.md)\n"}, "a.md:2: b.md does not exist"),
        ({"a.md": "[b](../b.md)\n"}, "out of the repository"),
        ({"a.md": "# One\n[b](#two)\n"}, "no such heading"),
        ({"a.md": "# One\n", "docs/b.md": "[a](../a.md#two)\n"}, "no such heading"),
        ({"a.md": "[b]\n\n[b]: b.md\n"}, "b.md does not exist"),
    ],
    "limits": [
        ({"api/a.h": "enum { WAY_A_MAX = 3 };\n"}, "a.h:1: WAY_A_MAX has no comment"),
        ({"api/a.h": "enum {\n    WAY_A_MAX = 3, /* a */\n    WAY_B_MAX = 4,\n};\n"}, "a.h:3: WAY_B_MAX has no"),
        ({"api/a.h": "#define WAY_A_MAX 3 /* letters */\n"}, "+| `WAY_A_MAX` | `3` | letters | [api/a.h]"),
        ({"api/a.h": "/* letters\n * of one */\nenum {\n    WAY_A_MAX = 3,\n};\n"}, "| `3` | letters of one |"),
        ({"docs/limits.md": limits_doc("`WAY_GONE_MAX`")}, "-| `WAY_GONE_MAX`"),
    ],
    "configuration": [({"docs/configuration.md": "# Old\n"}, "+# Configuration"),
                      ({"docs/waypost.8": ".TH OLD\n"}, "+.TH WAYPOST")],
    "shell": [({"x": "#!/bin/sh\necho $1\n"}, "SC2086")],
    "layout": [({"api/a.c": "int  x;\n"}, "a.c:1:4: error")],
    "headers_alone": [
        ({"api/a.h": "size_t x(void);\n"}, "api/a.h: does not compile by itself"),
        ({"api/a.h": "struct a {\n    int x;\n};\n"}, "redefinition"),
    ],
    "tidy": [
        ({"api/a.c": "int f(int a);\nint f(int a)\n{\n    if (a)\n        return 1;\n    return 0;\n}\n"},
         "readability-braces-around-statements"),
        ({"api/a.c": "void f(void);\nvoid f(void)\n{\n" + "    f();\n" * 71 + "}\n"}, "readability-function-size"),
    ],
    "in_the_build": [({"api/left_out.c": "int x;\n"}, "left_out.c: is not part of the build")],
    "analyzer": [
        ({"api/a.c": "#include <stdlib.h>\nvoid f(void);\nvoid f(void)\n{\n    int *a = malloc(4);\n"
                     "    if (a != NULL)\n        *a = 1;\n}\n"}, "-Wanalyzer-malloc-leak"),
        ({"api/a.c": "#include <stdlib.h>\nint f(int *a);\nint f(int *a)\n{\n    free(a);\n    return *a;\n}\n"},
         "-Wanalyzer-use-after-free"),
    ],
}

GOOD = {
    "README.md": "# One house\n\n[limits](docs/limits.md#limits) [web](https://example.org/) [top](#one-house)\n"
                 "`[no](link.md)`\n\n```\n[no](link.md)\n```\n",
    "server/base/status.h": SPDX + "#ifndef S_H\n#define S_H\n\n#include <stddef.h>\n\n"
                                   "size_t way_f(void);\n\n#endif\n",
    "server/base/loop.c": SPDX + '#include <uv.h>\n\n#include "base/status.h"\n',
    "server/store/store_sqlite.h": SPDX + "struct way_store;\n",
    "server/main/main.c": SPDX + '#include "store/store_sqlite.h"\n\n#include <sys/socket.h>\n',
    "api/a.c": SPDX + '#include "base/status.h"\n\n/* system() is banned; TODO(#3): say so */\n'
                      "size_t way_f(void)\n{\n    return sizeof \"strcpy(a)\";\n}\n",
    "tests/support/a.py": "while not ready():\n    time.sleep(1)  # between two looks\n",
    "tests/a.sh": "#!/bin/sh\n# no sleep is here\necho \"$1\"\n",
    "tests/lint/package-lock.json": lock(version="1.2.3", integrity="sha512-x"),
    "tests/fuzz/a.c": SPDX,
    "tests/fuzz/corpus/a/one": "no text \n\n",
    "migrations/mariadb/0001_a.sql": "-- a; b\nCREATE TABLE a (b TEXT DEFAULT ';');\n",
    "migrations/sqlite/0001_a.sql": "CREATE TRIGGER a AFTER INSERT ON b BEGIN\n  SELECT 1; SELECT 2;\nEND;\n",
    "docs/configuration.md": "# Configuration\n",
    "docs/waypost.8": ".TH WAYPOST\n",
}


@pytest.fixture(name="sample")
def make_sample(tmp_path, monkeypatch):
    """A function that makes a checkout of these files, and what the rules expect around them."""
    def make(files):
        top = pathlib.Path(__file__).resolve().parents[2]
        for name in (".clang-format", ".clang-tidy"):
            shutil.copy(top / name, tmp_path / name)
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content.replace("{root}", str(tmp_path)), "utf-8", newline="")
        build = tmp_path / "build/dev"
        build.mkdir(parents=True)
        (build / "waypost").write_text(PROGRAM)
        os.chmod(build / "waypost", stat.S_IRWXU)
        commands = [{"directory": str(tmp_path), "file": str(tmp_path / name),
                     "command": f"cc -Iserver -I. -o a.o -c {tmp_path / name}"}
                    for name in files if name.endswith(".c") and name != "api/left_out.c"]
        (build / "compile_commands.json").write_text(json.dumps(commands))
        return tmp_path
    monkeypatch.delenv("WAYPOST_BINARY", raising=False)
    return make


CASES = [(rule, files, words) for rule, bad in BAD.items() for files, words in bad]


@pytest.mark.parametrize("rule, files, words", CASES, ids=[f"{rule}-{words}" for rule, _, words in CASES])
def test_rule_complains(sample, rule, files, words):
    found = list(rules.RULES[rule](sample(files)))
    assert any(words in line for line in found), found


@pytest.mark.parametrize("rule", rules.RULES)
def test_rule_leaves_good_files_alone(sample, rule):
    root = sample(GOOD)
    (root / "docs/limits.md").write_text(rules.generate.limits_page(root))
    assert not list(rules.RULES[rule](root))


def test_every_rule_has_a_bad_sample():
    assert set(BAD) == set(rules.RULES)


def test_tidy_looks_again_when_a_header_changes(sample):
    head = "static inline int f(int a)\n{\n    %s\n}\n"
    root = sample({"server/base/a.h": head % "return a;", "api/a.c": '#include "base/a.h"\n'})
    assert not list(rules.RULES["tidy"](root))
    assert not list(rules.RULES["tidy"](root))
    (root / "server/base/a.h").write_text(head % "if (a) return 1; return 0;")
    assert any("braces-around-statements" in line for line in rules.RULES["tidy"](root))
