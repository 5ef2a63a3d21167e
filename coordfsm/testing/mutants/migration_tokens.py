"""Broken memory of tokens: what is dropped, left behind or forgotten, and the horizon that does not tell."""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import Received
from coordfsm.protocols.migration import destination_rules, rules
from coordfsm.testing.mutants.mutant import Mutant


def always(_data: Any, _given: Any, _context: Any) -> bool:
    """No token has expired."""
    return True


def offered(**changes: Any) -> Any:
    """The destination takes an offer with other tokens than were sent; a change may depend on the offer."""

    def prepare(data: Any, given: Any, context: Any) -> Any:
        offer = destination_rules.prepare_in(given)
        changed = {name: change(offer) if callable(change) else change for name, change in changes.items()}
        return destination_rules.prepare(data, Received(given.sender, replace(offer, **changed)), context)

    return prepare


def restored_without_horizon(data: Any, given: Any, context: Any) -> Any:
    """The horizon is in memory only."""
    after, effects = rules.restore_service(data, given, context)
    return replace(after, forgotten=0), effects


def _mutant(name: str, flaw: str, breaks: str = "X-token", **how: Any) -> Mutant:
    parameters = how.pop("parameters", {"requests": 3, "names": 2})
    return Mutant(name, "Migration", breaks, flaw, "own", "migration-tokens", parameters, functions=how)


MUTANTS = (
    _mutant(
        "tokens-stay-behind",
        "The tokens do not travel: a repeated request at the new owner moves the entity back.",
        prepare=offered(tokens=()),
        parameters={"requests": 3, "names": 2, "kept": 2},
    ),
    _mutant("horizon-stays-behind", "The horizon does not travel with the entity.", prepare=offered(forgotten=0)),
    _mutant("horizon-ignored", "A token that may have been forgotten is taken for a new one.", is_not_expired=always),
    _mutant(
        "horizon-in-memory",
        "A process that restarts does not know that it has forgotten tokens.",
        restore_service=restored_without_horizon,
        parameters={"requests": 3, "crash": 1},
    ),
    _mutant(
        "horizon-too-high",
        "The horizon is that of the newest token, not of the newest that was dropped.",
        "X-token-fresh",
        prepare=offered(forgotten=lambda offer: offer.epoch),
    ),
    _mutant(
        "token-lost-early",
        "Of the tokens that are to be kept the oldest is dropped, and the horizon does not say so.",
        prepare=offered(tokens=lambda offer: offer.tokens[1:]),
        parameters={"requests": 3, "names": 2, "kept": 2},
    ),
    _mutant(
        "unstated-token-lost",
        "A token that does not say since when it is moves the entity again although it is kept.",
        prepare=offered(tokens=()),
        parameters={"requests": 3, "names": 2, "stated": False},
    ),
)
