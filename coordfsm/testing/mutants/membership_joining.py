"""Broken admission: joiners that never answered at their address, too many, or with a former self's incarnation."""

from typing import Any

from coordfsm.check.modelling.model import Model
from coordfsm.protocols.membership.cut_detection import rules as cut_rules
from coordfsm.protocols.membership.lifecycle import incarnations
from coordfsm.testing.mutants.membership_flaws import patched
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import substitute_in_model


def believe(request: Any, context: Any) -> bool:
    """Whatever address a joiner advertises is taken for right."""
    return True


def admit_all(joiners: Any, view: Any, staying: int) -> Any:
    """All that ask come in at once."""
    return tuple(sorted(joiners, key=lambda joiner: joiner.node))


def no_leap(token: str) -> int:
    """The next number is as good as any."""
    return 0


def believe_addresses(model: Model) -> Model:
    """Nobody looks at the challenge that a joiner echoes."""
    return substitute_in_model(model, "Suspicion", patched((cut_rules, "is_proven", believe)))


MUTANTS = (
    Mutant(
        name="challenge-not-checked",
        machine="Lifecycle",
        property="M5-address",
        flaw="A joiner is let in although nothing came from the address that it advertises.",
        source="own",
        model="membership-join",
        parameters={"joiners": 1, "unreachable": 1, "retries": 0},
        transform=believe_addresses,
    ),
    Mutant(
        name="lost-store-goes-unnoticed",
        machine="Lifecycle",
        property="M3",
        flaw="A process that lost its store takes the next incarnation that a lagging seed knows, which it had before.",
        source="own",
        model="membership-disk",
        edit=patched((incarnations, "leap_of", no_leap)),
    ),
    Mutant(
        name="joiners-outnumber-members",
        machine="CutDetector",
        property="ML2-majority",
        flaw="All that ask are admitted at once; if they die together, the members that stay have no majority.",
        source="own",
        model="membership-cut",
        parameters={
            "members": 3,
            "crashed": 0,
            "lossy": 0,
            "leaves": 1,
            "joins": 2,
            "apart": True,
            "withdrawals": 0,
        },
        edit=patched((cut_rules, "admitted_at_once", admit_all)),
    ),
)
