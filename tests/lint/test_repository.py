"""The repository keeps its own rules (rules.py says what each is about)."""
import pathlib

import pytest

import repository
import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("rule", rules.RULES)
def test_repository_keeps(rule):
    found = list(rules.RULES[rule](ROOT))
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_the_rules_see_the_sources():
    assert len(list(repository.sources(ROOT, ".c"))) > 20
    assert list(repository.files(ROOT, ".sql", under="migrations/"))
