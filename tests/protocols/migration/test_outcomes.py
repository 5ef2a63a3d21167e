"""Outcomes are an enumeration, and rest and travel as the texts that they always were."""

import json

import pytest

from coordfsm.cli.migrate import EXPLAINED
from coordfsm.kernel import Decoder, EncodingError, encode
from coordfsm.kernel.identity import alike
from coordfsm.protocols.migration.messages import MigrationEnded
from coordfsm.protocols.migration.outcome import MigrationOutcome

RECORDED = bytes.fromhex(
    "98ae4d6967726174696f6e456e646564a473686970a26e32a9434f4d4d4954544544a0a094ad5472616e73616374696f6e4964a0000090"
)
"""A committed `MigrationEnded` as it was encoded when outcomes were plain texts."""


def test_an_outcome_equals_its_text():
    assert MigrationOutcome.COMMITTED == "COMMITTED"
    assert [str(outcome) for outcome in MigrationOutcome] == [outcome.name for outcome in MigrationOutcome]
    assert json.dumps(list(MigrationOutcome)) == json.dumps([outcome.name for outcome in MigrationOutcome])


def test_bytes_are_as_they_were():
    ended = MigrationEnded("ship", "n2", MigrationOutcome.COMMITTED)
    assert encode(ended) == RECORDED
    again = Decoder(MigrationEnded).decode(RECORDED)
    assert again == ended
    assert alike(again, ended)


def test_an_unknown_outcome_is_refused():
    with pytest.raises(EncodingError, match="Invalid enum value 'COMMITTEE'"):
        Decoder(MigrationEnded).decode(RECORDED.replace(b"COMMITTED", b"COMMITTEE"))


def test_the_command_line_explains_every_outcome_that_left_the_entity_here():
    assert set(EXPLAINED) == set(MigrationOutcome) - {MigrationOutcome.COMMITTED}
