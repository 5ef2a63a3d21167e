"""Broken failure detectors: a withdrawal that is not told, and notes that count more than once."""

from typing import Any

from coordfsm.kernel import Send
from coordfsm.protocols.membership.failure_detection import rules
from coordfsm.testing.mutants.membership_flaws import patched
from coordfsm.testing.mutants.mutant import Mutant


def withdraw_in_silence(data: Any, context: Any) -> Any:
    """The accusation is over here, and nobody else is told."""
    return tuple(effect for effect in real_withdraw(data, context) if not isinstance(effect, Send))


real_withdraw = rules._withdraw  # noqa: SLF001  (the flaw sits inside the rule)

MUTANTS = (
    Mutant(
        name="exoneration-not-told",
        machine="Detector",
        property="ML4-told",
        flaw="A monitor that trusts its subject again tells nobody, and its condemnation counts until it lapses.",
        source="own",
        model="membership-detector",
        parameters={"crashes": 0},
        edit=patched((rules, "_withdraw", withdraw_in_silence)),
    ),
    Mutant(
        name="old-note-rebuts",
        machine="Detector",
        property="ML1-note",
        flaw="A note that the accuser knew of ends its accusation: late copies of it keep a crashed member alive.",
        source="own",
        model="membership-detector",
        parameters={"crashes": 0},
        functions={"is_newer_note": rules.is_from_subject},
    ),
)
