"""Broken failure detectors: what is missed, heard or answered and does not count, or counts more than once."""

from typing import Any

from coordfsm.kernel import Send
from coordfsm.protocols.membership.failure_detection import rules
from coordfsm.testing.mutants.membership_flaws import (
    always,
    hear_and_stop,
    miss_and_stop,
    never,
    patched,
)
from coordfsm.testing.mutants.mutant import Mutant


def withdraw_in_silence(data: Any, context: Any) -> Any:
    """The accusation is over here, and nobody else is told."""
    return tuple(effect for effect in real_withdraw(data, context) if not isinstance(effect, Send))


real_withdraw = rules._withdraw  # noqa: SLF001  (the flaw sits inside the rule)

MUTANTS = (
    Mutant(
        name="misses-not-counted",
        machine="Detector",
        property="ML1-fair",
        flaw="However many probes a subject misses, it is not accused.",
        source="own",
        model="membership-detector",
        parameters={"losses": 0},
        functions={"misses_much": never},
    ),
    Mutant(
        name="probing-stops",
        machine="Detector",
        property="ML1",
        flaw="After a missed probe no other is sent.",
        source="own",
        model="membership-detector",
        functions={"miss_first": miss_and_stop},
    ),
    Mutant(
        name="answered-once-never-asked-again",
        machine="Detector",
        property="ML1",
        flaw="A subject that answered a probe is not probed again.",
        source="own",
        model="membership-detector",
        functions={"hear": hear_and_stop},
    ),
    Mutant(
        name="silence-never-broken",
        machine="Health",
        property="ML1",
        flaw="A monitor that missed some probes takes itself for deaf for ever, and accuses nobody.",
        source="own",
        model="membership-detector",
        parameters={"subjects": 2},
        functions={"breaks_silence": never},
    ),
    Mutant(
        name="condemned-for-ever",
        machine="Detector",
        property="ML4",
        flaw="A condemned subject that answers again is never trusted again.",
        source="Rapid",
        model="membership-detector",
        parameters={"crashes": 0},
        functions={"is_recovered": never},
    ),
    Mutant(
        name="answers-ignored",
        machine="Detector",
        property="ML4",
        flaw="Answers to probes count for nothing.",
        source="own",
        model="membership-detector",
        parameters={"crashes": 0},
        functions={"is_from_subject": never},
    ),
    Mutant(
        name="blames-others-first",
        machine="Detector",
        property="ML4-self",
        flaw="A monitor that misses everybody accuses everybody.",
        source="own",
        model="membership-detector",
        parameters={"subjects": 2, "crashes": 0},
        functions={"hears_others": always},
    ),
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
