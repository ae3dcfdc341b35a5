"""What clients were told, held against what the database has: pure bookkeeping, without a process.

A write is sent, and something is known about it afterwards: it was stored, refused, judged on the row as it
was, or nothing is known because its answer never came. `explain_owned` and `explain_shared` find out whether the
change log of one key has a story that agrees with all of this; if not, they raise Broken and say where it ends."""
import collections
import dataclasses
import enum
from typing import NamedTuple, Optional

ABSENT = "absent"  # a precondition: the key must have no row


class Broken(AssertionError):
    """A promise that was not kept."""


class Row(NamedTuple):
    target: str
    comment: str
    enabled: bool
    revision: Optional[int]  # None: not given yet


class Entry(NamedTuple):
    """One line of the change log."""
    revision: int
    seq: int  # its place among those of one revision
    op: str  # U upsert, D delete
    key: str


class Fate(enum.Enum):
    STORED = "stored"  # acknowledged; `row` is the row that was answered
    DELETED = "deleted"
    JUDGED = "judged"  # refused for what the row was; `status` says which rule
    REFUSED = "refused"  # 503, and it promises that nothing was changed
    UNKNOWN = "unknown"  # no answer, or one that says so


@dataclasses.dataclass
class Write:
    method: str  # PUT, POST, PATCH, DELETE
    key: str
    fields: dict = dataclasses.field(default_factory=dict)
    base: object = None  # None, ABSENT, or the Row that must be there
    fate: Fate = Fate.UNKNOWN
    status: Optional[int] = None
    row: Optional[Row] = None
    note: str = ""  # for the reader of a failure: through which instance, what was answered

    def __str__(self):
        base = "" if self.base is None else f" if {self.base if self.base == ABSENT else tuple(self.base)}"
        row = f" {tuple(self.row)}" if self.row else ""
        return f"{self.method} {self.key} {self.fields}{base} -> {self.fate.value} {self.status}{row} {self.note}"


class Effect(NamedTuple):
    verdict: str  # created, changed, same, deleted, or the status of a refusal
    row: Optional[Row]


def _row_of(write, row):
    fields = {"comment": "", "enabled": True}
    if write.method == "PATCH":
        fields = {"target_host": row.target, "comment": row.comment, "enabled": row.enabled}
    fields |= write.fields
    return Row(fields["target_host"], fields["comment"], fields["enabled"], None)


def effect(write, row):
    """What the contract says that `write` does to `row` (None: there is none)."""
    if row is None and write.method in ("PATCH", "DELETE"):
        return Effect("404", row)
    if write.method == "POST" and row is not None:
        return Effect("409", row)
    if (write.base == ABSENT and row is not None) or (isinstance(write.base, Row) and row != write.base):
        return Effect("412", row)
    if write.method == "DELETE":
        return Effect("deleted", None)
    after = _row_of(write, row)
    if row is not None and after[:3] == row[:3]:
        return Effect("same", row)
    return Effect("created" if row is None else "changed", after)


def _steps(write, place, row, entries):
    """Where the story may stand after `write`: (place in the log, row)."""
    verdict, after = effect(write, row)
    if write.fate is Fate.REFUSED:
        return [(place, row)]
    if write.fate is Fate.JUDGED:
        return [(place, row)] if verdict == str(write.status) else []
    entry = entries[place] if place < len(entries) else None
    changes = verdict in ("created", "changed", "deleted") and entry is not None \
        and entry.op == ("D" if verdict == "deleted" else "U")
    if changes and after is not None:
        after = after._replace(revision=entry.revision)
    if write.fate is Fate.UNKNOWN:
        return [(place, row), *([(place + 1, after)] if changes else [])]
    if write.fate is Fate.DELETED:
        return [(place + 1, None)] if changes and verdict == "deleted" else []
    if (write.status == 201) != (verdict == "created"):
        return []
    if verdict == "same":
        return [(place, row)] if row == write.row else []
    return [(place + 1, after)] if changes and after == write.row else []


def explain_owned(key, before, writes, entries, after):
    """The writes of one client that sends one after the other. `before`, `after`: the key's row in the database;
    `entries`: its lines of the log in between."""
    stories = {(0, before)}
    for number, write in enumerate(writes):
        followed = {step for place, row in stories for step in _steps(write, place, row, entries)}
        if not followed:
            raise Broken(_complaint(f"what was answered to write {number} cannot be", key, before, writes, entries,
                                    after))
        stories = followed
    if (len(entries), after) not in stories:
        what = "the database has neither what was acknowledged nor what is allowed"
        if any(place == len(entries) for place, _ in stories):
            what = "the log has it all, and the row is another"
        raise Broken(_complaint(what, key, before, writes, entries, after))


class _Shared:
    """The writes of many clients to one key, each with a precondition, matched to the log line by line."""

    def __init__(self, writes):
        self.acknowledged = collections.Counter()  # revision -> answers
        self.by_revision = {}
        self.deletes = [write for write in writes if write.fate is Fate.DELETED]
        self.unknown = [write for write in writes if write.fate is Fate.UNKNOWN]
        for write in writes:
            if write.fate is Fate.STORED:
                self.acknowledged[write.row.revision] += 1
                self.by_revision[write.row.revision] = write

    def follow(self, entry, rows):
        """-> the rows that may be there after `entry`, if one of `rows` was before it."""
        if entry.op == "D":
            return self._follow_delete(rows)
        write = self.by_revision.pop(entry.revision, None)
        if write is not None:
            after = [effect(write, row) for row in rows]
            return {write.row for verdict, row in after
                    if verdict == ("created" if write.status == 201 else "changed") and row[:3] == write.row[:3]}
        found = set()
        for write in self.unknown:
            for row in rows:
                verdict, after = effect(write, row)
                if verdict in ("created", "changed"):
                    found.add(after._replace(revision=entry.revision))
        return found

    def _follow_delete(self, rows):
        for write in self.deletes:
            if any(effect(write, row).verdict == "deleted" for row in rows):
                self.deletes.remove(write)
                return {None}
        if any(effect(write, row).verdict == "deleted" for write in self.unknown for row in rows):
            return {None}
        return set()


def explain_shared(key, before, writes, entries, after):
    """As explain_owned, of writes that all have a precondition and come from several clients at once."""
    def broken(what):
        return Broken(_complaint(what, key, before, writes, entries, after))

    shared = _Shared(writes)
    rows = {before}
    stages = [rows]
    for entry in entries:
        rows = shared.follow(entry, rows)
        if not rows:
            raise broken(f"nobody can have written {tuple(entry)}")
        stages.append(rows)
    if after not in rows:
        raise broken("the row is not what the log ends with")
    if shared.by_revision or shared.deletes:
        raise broken("acknowledged and not in the log")
    twice = [revision for revision, count in shared.acknowledged.items() if count > 1]
    if twice:
        raise broken(f"two writers were given {twice}")
    for write in writes:
        # A database may show a change that it then loses with its power: a refusal may be due to that one.
        if write.fate is Fate.JUDGED and not shared.unknown and not any(
                effect(write, row).verdict == str(write.status) for stage in stages for row in stage):
            raise broken(f"no row was ever there that is a reason for: {write}")


def _complaint(what, key, before, writes, entries, after):
    return "\n".join([f"{key}: {what}", f"  row before: {before and tuple(before)}",
                      *(f"  {number:3}: {write}" for number, write in enumerate(writes)),
                      f"  log: {' '.join(f'{entry.revision}{entry.op}' for entry in entries)}",
                      f"  row now: {after and tuple(after)}"])


def check_log(first, newest, lines):
    """`lines`: those of the log behind `first`: dense up to `newest`, each revision once."""
    revisions = [line.revision for line in lines]
    if revisions != list(range(first + 1, newest + 1)):
        missing = sorted(set(range(first + 1, newest + 1)) - set(revisions))
        extra = sorted((collections.Counter(revisions) - collections.Counter(range(first + 1, newest + 1))).keys())
        raise Broken(f"revisions {first + 1}..{newest} are not dense: missing {missing[:20]}, too many {extra[:20]}")
    odd = [line for line in lines if line.seq != 0 or line.op not in ("U", "D")]
    if odd:
        raise Broken(f"lines that no single write makes: {odd[:20]}")


def replay(last, lines):
    """Carries `last` (key -> revision of its row) over the lines of the log."""
    for line in lines:
        if line.op == "U":
            last[line.key] = line.revision
        else:
            last.pop(line.key, None)


def check_replay(last, table):
    """The table has the rows that the log says, with the revisions that it says."""
    stored = {key: row.revision for key, row in table.items()}
    if stored != last:
        keys = sorted(key for key in {*stored, *last} if stored.get(key) != last.get(key))
        raise Broken("the table is not the replay of the change log: "
                     + ", ".join(f"{key}: row {stored.get(key)}, log {last.get(key)}" for key in keys[:20]))
