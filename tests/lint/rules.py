"""Rules about the text of the repository. A rule takes the root of a checkout and yields its
complaints, one line each; test_rules.py shows of each that it can complain."""
import json
import pathlib
import re
import sqlite3

import check_layers
import generate
import repository
import tools

LINES_MAX = 800
TEST_LINES_MAX = 1000  # a table of cases is long and still one thing
BANNED = ("alloca", "atof", "atoi", "atol", "atoll", "gets", "gmtime", "localtime", "longjmp",
          "setjmp", "sprintf", "strcat", "strcpy", "strerror", "strncpy", "strtok", "system",
          "vsprintf")
BANNED_CALL = re.compile(r"\b(" + "|".join(BANNED) + r")\s*\(")


def banned_calls(root):
    """Calls with a bounded or reentrant form that is to be used instead."""
    for name in repository.sources(root):
        content = repository.code(root, name)
        for match in BANNED_CALL.finditer(content):
            yield f"{name}:{repository.line_of(content, match.start())}: {match.group(1)}() is banned"


def file_length(root):
    for name in repository.files(root, ".c", ".h", ".py", ".sh"):
        lines = repository.text(root, name).count("\n")
        most = TEST_LINES_MAX if name.parts[0] == "tests" else LINES_MAX
        if lines > most:
            yield f"{name}: {lines} lines, at most {most}"


def own_header_first(root):
    """So that a header which forgets an include fails in its own source file."""
    for name in repository.sources(root, ".c"):
        header = name.with_suffix(".h")
        if not (pathlib.Path(root) / header).exists():
            continue
        want = str(header.relative_to("server") if header.parts[0] == "server" else header)
        first = check_layers.INCLUDE.search(repository.text(root, name))
        if first is None or first.group(2) != want:
            yield f'{name}: the first include is "{want}"'


def licence_line(root):
    for name in repository.files(root, ".c", ".h"):
        if not repository.text(root, name).startswith("/* SPDX-License-Identifier: MIT */\n"):
            yield f"{name}: the first line is /* SPDX-License-Identifier: MIT */"


def open_points(root):
    """An open point names its issue: TODO(#12)."""
    for name in repository.sources(root):
        content = repository.text(root, name)
        for match in re.finditer(r"\b(?:TODO(?!\(#\d+\))|FIXME|XXX)\b", content):
            yield f"{name}:{repository.line_of(content, match.start())}: write TODO(#issue)"


SLEEP = re.compile(r"\b(?:sleep|usleep|nanosleep|clock_nanosleep)\s*\(|^\s*sleep\s+\S")


def sleeps(root):
    """A test waits for an event with a deadline. A loop that looks again and again for one may
    sleep; a comment, "between two looks", says on the line that this is what it is."""
    for name in repository.files(root, ".py", ".c", ".sh", under="tests/"):
        if name.parts[1] == "lint":
            continue
        for number, line in enumerate(repository.text(root, name).splitlines(), 1):
            if SLEEP.search(line) and not re.search(r"between (two )?looks", line):
                yield f"{name}:{number}: wait for an event instead"


def blanks(root):
    """No blanks at line ends, no CR, one newline at the end of a file. What a fuzz target is fed is
    no text, whatever it looks like."""
    for name in repository.files(root):
        if name.parts[:3] == ("tests", "fuzz", "corpus"):
            continue
        raw = (pathlib.Path(root) / name).read_bytes()
        if not raw or b"\0" in raw:
            continue
        for number, line in enumerate(raw.split(b"\n"), 1):
            if line != line.rstrip():
                yield f"{name}:{number}: blanks at the end of the line"
        if not raw.endswith(b"\n") or raw.endswith(b"\n\n"):
            yield f"{name}: ends with exactly one newline"


def machine_paths(root):
    """No path that exists on one machine only."""
    root = pathlib.Path(root).resolve()
    patterns = [r"/home/\w+", r"/Users/\w+", r"/root/\w+", r"file:/{2}"]
    if len(root.parts) > 2:
        patterns.append(re.escape(str(root)) + r"\b")
    local = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    for name in repository.files(root):
        raw = (root / name).read_bytes()
        if b"\0" in raw:
            continue
        content = raw.decode("utf-8", "replace")
        for match in local.finditer(content):
            line = repository.line_of(content, match.start())
            yield f"{name}:{line}: a path of one machine: {match.group()}"


def lock_files(root):
    """A lock file pins versions and checksums; where packages come from is the machine's matter."""
    for name in repository.files(root, "package-lock.json"):
        packages = json.loads(repository.text(root, name)).get("packages", {})
        for package, entry in packages.items():
            if "resolved" in entry:
                yield f"{name}: {package} has a download address"
            if package and not re.fullmatch(r"\d+\.\d+\.\d+\S*", entry.get("version", "")):
                yield f"{name}: {package} has no exact version"


CORPUS_FILES_MAX = 30  # a target: they are replayed in each build
CORPUS_BYTES_MAX = 4096


def corpora(root):
    """Each fuzz target has a corpus, each corpus a target, and all is small."""
    sizes = {name.stem: [] for name in repository.files(root, ".c", under="tests/fuzz/")
             if len(name.parts) == 3}
    for name in repository.files(root, under="tests/fuzz/corpus/"):
        if name.parts[3] not in sizes or len(name.parts) != 5:
            yield f"{name}: no target reads it"
            continue
        sizes[name.parts[3]].append(name)
        if (pathlib.Path(root) / name).stat().st_size > CORPUS_BYTES_MAX:
            yield f"{name}: at most {CORPUS_BYTES_MAX} bytes"
    for target, names in sorted(sizes.items()):
        if not 0 < len(names) <= CORPUS_FILES_MAX:
            yield f"tests/fuzz/corpus/{target}: {len(names)} files, from 1 to {CORPUS_FILES_MAX} are good"


# --- migrations ---------------------------------------------------------------------------------

ENGINES = ("sqlite", "mariadb")
STEP = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


def migrations(root):
    """Both engines have the same numbers, without gaps; a step is one statement."""
    steps = {engine: {} for engine in ENGINES}
    for name in repository.files(root, under="migrations/"):
        match = STEP.fullmatch(name.name)
        if len(name.parts) != 3 or name.parts[1] not in ENGINES or not match:
            yield f"{name}: migrations are named migrations/<engine>/NNNN_what.sql"
            continue
        number = int(match.group(1))
        if number in steps[name.parts[1]]:
            yield f"{name}: the number is taken by {steps[name.parts[1]][number]}"
        steps[name.parts[1]][number] = name
        count = statements(repository.text(root, name))
        if count != 1:
            yield f"{name}: {count} statements, a step is one"
    for engine, other in (ENGINES, ENGINES[::-1]):
        for number in sorted(set(steps[engine]) - set(steps[other])):
            yield f"{steps[engine][number]}: {other} has no step {number:04}"
        for place, number in enumerate(sorted(steps[engine]), 1):
            if number != place:
                yield f"{steps[engine][number]}: numbers run from 0001 without gaps"
                break


def statements(sql):
    """How many statements; the body of a trigger does not count by itself."""
    sql = re.sub(r"/\*.*?\*/|--[^\n]*", " ", sql, flags=re.S)
    count, pending = 0, ""
    for part in re.split(r"(;)", sql):
        pending += part
        if part == ";" and sqlite3.complete_statement(pending):
            count += bool(pending.strip(" \n\t;"))
            pending = ""
    return count + bool(pending.strip())


# --- documents ----------------------------------------------------------------------------------

FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.M | re.S)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s+(\S+)", re.M)


def anchors(content):
    """The names that headings get when they are shown."""
    seen = {}
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", FENCE.sub("", content), re.M):
        heading = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        yield slug if seen[slug] == 0 else f"{slug}-{seen[slug]}"


def links(root):
    """Links inside the repository lead somewhere inside the repository."""
    root = pathlib.Path(root).resolve()
    for name in repository.files(root, ".md"):
        content = FENCE.sub(lambda m: "\n" * m.group().count("\n"), repository.text(root, name))
        content = re.sub(r"`[^`\n]*`", "", content)
        for match in LINK.finditer(content):
            link = match.group(1) or match.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            where = f"{name}:{repository.line_of(content, match.start())}"
            path, _, anchor = link.partition("#")
            target = (root / name.parent / path).resolve() if path else root / name
            if root not in (target, *target.parents):
                yield f"{where}: {link} leads out of the repository"
            elif not target.exists():
                yield f"{where}: {link} does not exist"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text("utf-8")):
                yield f"{where}: {link}: no such heading"


def limits(root):
    """Each *_MAX of a header says what it limits, and docs/limits.md lists them."""
    for limit in generate.limits(root):
        if not limit.meaning:
            yield f"{limit.file}:{limit.line}: {limit.name} has no comment that says what it limits"
    yield from generate.difference(root, "docs/limits.md", generate.limits_page(root))


def configuration(root):
    """docs/configuration.md and docs/waypost.8 are what the program prints."""
    if not generate.program(root).exists():
        yield f"{generate.program(root)} is missing: ./dev test lint makes it"
        return
    for page in ("docs/configuration.md", "docs/waypost.8"):
        yield from generate.difference(root, page, generate.PAGES[page](root))


RULES = {rule.__name__: rule for rule in (
    banned_calls, file_length, own_header_first, licence_line, open_points, sleeps, blanks,
    machine_paths, lock_files, corpora, migrations, links, limits, configuration,
    tools.shell, tools.layout, tools.headers_alone,
    tools.in_the_build, tools.tidy, tools.analyzer)}
RULES["layers"] = check_layers.complaints
