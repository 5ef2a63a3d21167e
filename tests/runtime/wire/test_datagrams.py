"""Some thousands of spoiled datagrams; `tests.runtime.wire.datagrams` as a program sends a million."""

import pytest

from tests.runtime.wire import datagrams


@pytest.fixture(scope="module")
def corpus() -> datagrams.Corpus:
    return datagrams.record()


def test_what_strangers_send_is_counted_and_changes_nothing(corpus):
    found = datagrams.strangers(corpus, 20_000, seed=3).outcomes
    assert {"forged", "replayed", "unknown_key", "not_sealed", "truncated", "unknown_version"} <= found.keys()


def test_what_members_send_raises_nothing_in_the_machines(corpus):
    found, stepped = datagrams.members(corpus, 6_000, seed=3)
    assert stepped > 500
    assert {"unknown_message", "malformed"} <= found.outcomes.keys()
