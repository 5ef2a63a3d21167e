"""Broken admission: joiners that never answered at their address, or more of them than the members can do without."""

from typing import Any

from coordfsm.check.modelling.model import Model
from coordfsm.protocols.membership.cut_detection import rules as cut_rules
from coordfsm.testing.mutants.membership_flaws import patched
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import substitute_in_model


def believe(request: Any, context: Any) -> bool:
    """Whatever address a joiner advertises is taken for right."""
    return True


def admit_all(joiners: Any, view: Any, staying: int) -> Any:
    """All that ask come in at once."""
    return tuple(sorted(joiners, key=lambda joiner: joiner.node))


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
