"""Broken ballots: the classical ways to choose two values, which need three ballots or two proposers in one round."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import Effect, Persist, Write
from coordfsm.protocols.membership.data import ACCEPTOR_KEY, AcceptorRecord
from coordfsm.protocols.membership.messages import Cut
from coordfsm.protocols.membership.view_change import consensus
from coordfsm.testing.mutants.membership_flaws import patched
from coordfsm.testing.mutants.mutant import Mutant

THREE_BALLOTS = {"proposers": 2, "takeovers": 2, "crashes": 0}
ONE_ROUND = {"passive": 1, "takeovers": 2, "crashes": 0}


def is_outranked_by_round(data: Any, given: Any, context: Any) -> bool:
    """Ranks break no tie: two proposers of one round have the same ballot."""
    return bool(given.message.ballot.round < data.promised.round)


def accept_without_promise(data: Any, given: Any, context: Any) -> Any:
    """Accept a ballot, and go on answering those that are below it."""
    after, effects = consensus.accept(data, given, context)
    after = replace(after, promised=data.promised)
    assert after.view is not None
    acceptor = Persist((Write(ACCEPTOR_KEY, AcceptorRecord(after.view.id, after.promised, after.accepted)),))

    def kept(effect: Effect) -> Effect:
        return acceptor if isinstance(effect, Persist) else effect

    return after, tuple(map(kept, effects))


def lowest_value(data: Any, given: Any) -> Cut:
    """Of the cuts that were accepted, the one that was accepted at the lowest ballot."""
    accepted = [*data.promises.values(), given.message.accepted, data.accepted]
    lowest = min((item for item in accepted if item is not None), key=lambda item: item.ballot, default=None)
    cut: Cut = data.wish if lowest is None else lowest.cut
    return cut


def _ballot(name: str, flaw: str, parameters: Mapping[str, object], **how: Any) -> Mutant:
    return Mutant(name, "ViewChange", "M7", flaw, "own", "membership-consensus", parameters, **how)


MUTANTS = (
    _ballot(
        "ballots-compared-by-round",
        "Of two proposers in one round neither outranks the other, and both are accepted.",
        ONE_ROUND,
        functions={"is_outranked": is_outranked_by_round},
    ),
    _ballot(
        "acceptance-promises-nothing",
        "An acceptance does not raise the promise, so that a lower ballot is accepted after it.",
        THREE_BALLOTS,
        functions={"accept": accept_without_promise},
    ),
    _ballot(
        "lowest-ballot-proposed",
        "Of the cuts that it learns of while preparing, a proposer takes the one of the lowest ballot.",
        THREE_BALLOTS,
        edit=patched((consensus, "_value", lowest_value)),
    ),
)
