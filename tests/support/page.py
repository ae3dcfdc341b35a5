"""The shell lines of a Markdown page, run as they stand there and held against what the page says they print.

Two forms are understood. A fence ```sh holds lines to copy, and a plain fence that follows at once what they
print. A plain fence whose first line begins with "$ " is a session: after each such line, and its
continuations, comes what it printed. Other fences are to be read, not run.

What differs from run to run is masked on both sides: times, numbers of requests, epochs, cursors, secrets."""
import dataclasses
import pathlib
import re
import subprocess

RUN_SECONDS = 60
MARK = "\x1e"  # no answer has this byte
MASKS = [(re.compile(pattern), told) for pattern, told in [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "TIME"),
    (r"urn:waypost:request:[0-9a-f]{16}", "REQUEST"),
    (r'("epoch":"|epoch=)[0-9a-f]{32}', r"\1EPOCH"),
    (r'("next_cursor":)"[0-9A-Za-z_=-]+"', r'\1"CURSOR"'),
    (r'("stale_seconds":|X-Waypost-Stale: )\d+', r"\1SECONDS"),
    (r"wp_[0-9a-f]{4}(?:[0-9a-f]{60}|\.\.\.)", "SECRET"),
    (r"\b[0-9a-f]{4}(?:[0-9a-f]{60}|\.\.\.)", "DIGEST"),
    (r"(waypost_\w+_timestamp_seconds) [0-9.e+]+", r"\1 TIME"),
]]


@dataclasses.dataclass(frozen=True)
class Step:
    line: int
    command: str
    printed: str


def mask(text):
    for pattern, told in MASKS:
        text = pattern.sub(told, text)
    return text


class Page:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.sections = _sections(self.path.read_text("utf-8").splitlines())  # heading -> steps, in their order

    def run(self, heading, replace=None, env=None, cwd=None):
        """Runs the lines under one heading in one `sh -e`. `replace`: text of the page -> text for this test; it
        is put back in what the lines print."""
        steps, replace = self.sections[heading], replace or {}
        assert steps, f"{self.path.name}: nothing to run under {heading!r}"
        script = "".join(f"printf '\\036'\n{_replaced(step.command, replace)}\n" for step in steps)
        done = subprocess.run(["sh", "-e", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=RUN_SECONDS, env=env, cwd=cwd)
        printed = done.stdout.split(MARK)[1:]
        back = {here: there for there, here in replace.items()}
        for step, text in zip(steps, printed):
            said = _replaced(text, back)
            assert mask(said).rstrip("\n") == mask(step.printed).rstrip("\n"), (
                f"{self.path.name}:{step.line}: {step.command}\n{said}")
        assert done.returncode == 0, f"{self.path.name}: {heading}: sh ended with {done.returncode}"
        assert len(printed) == len(steps)


def _replaced(text, words):
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, words[word])
    return text


def _sections(lines):
    sections, heading, place = {}, "", 0
    while place < len(lines):
        if re.match(r"#+ ", lines[place]):
            heading = lines[place].lstrip("#").strip()
            assert heading not in sections, f"two headings {heading!r}"
            sections[heading] = []
        elif lines[place].startswith("```"):
            language, start = lines[place][3:], place + 1
            place = lines.index("```", start)
            body = lines[start:place]
            if language == "sh":
                answer, place = _answer(lines, place)
                sections[heading].append(Step(start, "\n".join(body), answer))
            elif language == "" and body and body[0].startswith("$ "):
                sections[heading] += _session(body, start)
        place += 1
    return sections


def _answer(lines, end):
    """What the page says that the fence which ends at `end` prints. -> (text, where that ends)"""
    if lines[end + 1:end + 3] != ["", "```"]:
        return "", end
    after = lines.index("```", end + 3)
    return "\n".join(lines[end + 3:after]), after


def _session(body, start):
    place = 0
    while place < len(body):
        assert body[place].startswith("$ "), body[place]
        begin, command = place, [body[place][2:]]
        while command[-1].endswith("\\"):
            place += 1
            command.append(body[place])
        place += 1
        printed = place
        while place < len(body) and not body[place].startswith("$ "):
            place += 1
        yield Step(start + begin + 1, "\n".join(command), "\n".join(body[printed:place]))
