"""Broken answers: commands that nobody hears of again, messages out of place that count, evidence without effect."""

from typing import Any

from coordfsm.kernel import CancelTimer, Notify
from coordfsm.protocols.membership.cut_detection import rules as cut_rules
from coordfsm.protocols.membership.founding import rules as founding_rules
from coordfsm.protocols.membership.lifecycle import joining
from coordfsm.testing.mutants.membership_flaws import always, patched
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule


def untold(action: Any) -> Any:
    """The same action, of which the application hears nothing."""

    def variant(data: Any, given: Any, context: Any) -> Any:
        data, effects = action(data, given, context)
        return data, tuple(effect for effect in effects if not isinstance(effect, Notify))

    return variant


def names_self(data: Any, given: Any, context: Any) -> bool:
    """The survivors are whoever the operator names, this process among them."""
    return context.node in given.survivors


def wait_for_both(data: Any, given: Any, context: Any) -> Any:
    """Wait for certainty, and go on waiting for company."""
    data, effects = cut_rules.note_and_wait(data, given, context)
    return data, tuple(effect for effect in effects if effect != CancelTimer(cut_rules.BATCH))


def gather_at_once(data: Any, given: Any, context: Any) -> Any:
    """Nobody is unstable any more, and whoever might be is looked at all the same."""
    data, effects = cut_rules.note_and_gather(data, given, context)
    return data, tuple(effect for effect in effects if effect != CancelTimer(cut_rules.REINFORCE))


def _mutant(name: str, machine: str, breaks: str, flaw: str, **how: Any) -> Mutant:
    return Mutant(name, machine, breaks, flaw, "own", "membership-told", {"inputs": 1}, **how)


MUTANTS = (
    _mutant(
        "command-refused-in-silence",
        "Lifecycle",
        "M-answer",
        "A command that cannot be carried out is dropped, and who gave it waits for ever.",
        functions={"refuse_command": untold(joining.refuse_command)},
    ),
    _mutant(
        "founding-refused-in-silence",
        "Founder",
        "M-answer",
        "Who is in a cluster already and is told to found one says nothing.",
        functions={"refuse_to_ask": untold(founding_rules.refuse_to_ask)},
    ),
    _mutant(
        "forced-with-strangers",
        "Lifecycle",
        "M-answer",
        "A view is forced whoever is named as its members.",
        functions={"can_force": names_self},
    ),
    _mutant(
        "evidence-of-any-view",
        "CutDetector",
        "M-place",
        "What strangers and members of other views say counts against members of this view.",
        edit=patched((cut_rules, "is_current", always)),
    ),
    _mutant(
        "leaver-changes-nothing",
        "CutDetector",
        "M-evidence",
        "A leaver is noted, and the next view is not begun with.",
        edit=lambda table: with_rule(
            table, "quiet", "recv_leave_request", "quiet", cond=(cut_rules.is_news,), on=cut_rules.note_and_rest
        ),
    ),
    _mutant(
        "waits-for-company-while-unstable",
        "CutDetector",
        "M-timers",
        "A member becomes doubtful while a cut waits for company, and the wait goes on.",
        functions={"note_and_wait": wait_for_both},
    ),
    _mutant(
        "reinforces-while-gathering",
        "CutDetector",
        "M-timers",
        "Certainty is reached, and the wait for it goes on.",
        functions={"note_and_gather": gather_at_once},
    ),
)
