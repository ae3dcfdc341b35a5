#!/usr/bin/env python3
"""Documents that come from the program: docs/limits.md from the *_MAX constants of the sources,
docs/configuration.md and docs/waypost.8 from the program's table of options. `./dev docs` writes them;
the lint tests compare them."""
import collections
import difflib
import os
import pathlib
import re
import subprocess

import repository

Limit = collections.namedtuple("Limit", "file line name value meaning")

DEFINITION = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+(?P<macro>\w+_MAX)[ \t]+(?P<body>[^\n]*?)[ \t]*$"
    r"|(?P<name>\b[A-Z]\w*_MAX)\s*=(?!=)\s*(?P<value>[^,;}\n]+?)\s*(?=[,}\n])", re.M)
# A constant is explained behind it on its line, or by a comment of its own on the lines before.
BEHIND = re.compile(r"[ \t]*,?[ \t]*(?:\}[ \t]*;)?[ \t]*/\*(.*?)\*/", re.S)
BEFORE = re.compile(r"^[ \t]*/\*((?:(?!\*/).)*)\*/\s*(?:enum[ \t]*\{\s*)?\Z", re.M | re.S)


def plain(comment):
    """A comment as one line of text."""
    return re.sub(r"\s*\n[ \t]*\*?[ \t]*", " ", comment).strip()


def limits(root):
    """Those of headers, and those of source files that say what they are."""
    for name in repository.sources(root):
        content = repository.text(root, name)
        code = repository.code(root, name)
        for match in DEFINITION.finditer(code):
            start, end = match.span("body" if match.group("macro") else "value")
            value = code[start:end].rstrip()
            comment = (BEHIND.match(content, start + len(value))
                       or BEFORE.search(content[:match.start()]))
            constant = match.group("macro") or match.group("name")
            if comment or name.suffix == ".h":
                yield Limit(name, repository.line_of(code, match.start()), constant, value,
                            plain(comment.group(1)) if comment else "")


def limits_page(root):
    lines = [
        "# Limits", "",
        "Everything that grows has a largest size, and the size has a name. This page is made from the",
        "sources by `./dev docs`; the lint tests fail when it differs from them.", "",
        "| constant | value | what it limits | where |", "|---|---|---|---|"]
    for limit in limits(root):
        meaning = limit.meaning.replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| `{limit.name}` | `{limit.value}` | {meaning} | [{limit.file}](../{limit.file}) |")
    return "\n".join(lines) + "\n"


def program(root):
    return pathlib.Path(os.environ.get("WAYPOST_BINARY") or pathlib.Path(root) / "build/dev/waypost")


def printed(root, option):
    return subprocess.run([program(root), option], check=True, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL).stdout


def configuration_page(root):
    return printed(root, "--print-configuration")


def manual_page(root):
    return printed(root, "--print-manual")


PAGES = {"docs/limits.md": limits_page, "docs/configuration.md": configuration_page,
         "docs/waypost.8": manual_page}


def difference(root, name, want):
    path = pathlib.Path(root) / name
    have = path.read_text("utf-8") if path.exists() else ""
    if have != want:
        yield f"{name} differs from the program; ./dev docs writes it anew:"
        yield from difflib.unified_diff(have.splitlines(), want.splitlines(), "is", "should be",
                                        n=1, lineterm="")


if __name__ == "__main__":
    top = pathlib.Path(__file__).resolve().parents[2]
    for page, make in PAGES.items():
        (top / page).write_text(make(top), "utf-8")
        print(page)
