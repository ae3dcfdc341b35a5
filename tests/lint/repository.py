"""The files of a checkout, as the rules see them."""
import pathlib
import re
import subprocess

SKIPPED = {".git", "build", "node_modules", "__pycache__", ".pytest_cache"}


def files(root, *suffixes, under=""):
    """Tracked files and new ones, sorted; all files where there is no git checkout."""
    root = pathlib.Path(root)
    if (root / ".git").exists():
        listing = subprocess.run(
            ["git", "-c", f"safe.directory={root}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root, check=True, capture_output=True, text=True).stdout
        names = [pathlib.PurePath(name) for name in listing.split("\0") if name]
    else:
        names = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    for name in sorted(set(names)):
        if SKIPPED.intersection(name.parts) or not (root / name).is_file():
            continue
        if suffixes and not name.name.endswith(suffixes):
            continue
        if under and not str(name).startswith(under):
            continue
        yield name


def sources(root, *suffixes):
    """The program's own C: what lies in server/ and api/."""
    for name in files(root, *(suffixes or (".c", ".h"))):
        if name.parts[0] in ("server", "api"):
            yield name


def text(root, name):
    return (pathlib.Path(root) / name).read_text(encoding="utf-8")


COMMENT_OR_STRING = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def code(root, name):
    """A C file with comments and the insides of literals blanked; lines keep their numbers."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return COMMENT_OR_STRING.sub(blank, text(root, name))


def line_of(content, offset):
    return content.count("\n", 0, offset) + 1
