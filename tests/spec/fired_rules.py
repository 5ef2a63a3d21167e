"""A pytest plugin (``-p tests.spec.fired_rules``): which transitions each test takes, as JSON in the file FIRED_RULES.

It counts what the tables take, wherever a test steps them: what a test claims is not asked.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordfsm.kernel import TransitionTable

TAKEN: defaultdict[str, set[str]] = defaultdict(set)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Note each rule that is taken while the test runs, parameters left out of its name."""
    real = TransitionTable._take
    test = item.nodeid.split("[")[0]

    def noting(rule, data, given, context):
        TAKEN[test].add(rule.name)
        return real(rule, data, given, context)

    TransitionTable._take = staticmethod(noting)
    try:
        return (yield)
    finally:
        TransitionTable._take = staticmethod(real)


def pytest_sessionfinish() -> None:
    """Write them down."""
    found = {test: sorted(rules) for test, rules in TAKEN.items()}
    Path(os.environ["FIRED_RULES"]).write_text(json.dumps(found), encoding="utf-8")
