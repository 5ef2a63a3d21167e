"""The cut detector: collects condemnations, leaves and joins of one view into one stable cut."""

from typing import Any

from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.protocols.membership.cut_detection import rules as rule
from coordfsm.protocols.membership.declaring import moving, within

# Where the evidence leads, once it has changed. Only what can happen is declared: an accusation changes no cut, a
# leaver or a joiner makes no member doubtful, and more evidence never empties a cut.


def _doubting(quiet: State, unstable: State, gathering: State, ripe: State) -> Any:
    """A member is accused."""
    return (
        moving(
            unstable, quiet, unstable, gathering, ripe, cond=[rule.is_news, rule.leaves_unstable], on=rule.note_and_wait
        )
        | moving(gathering, gathering, ripe, cond=rule.is_news, on=rule.note_and_gather)
        | quiet.to(quiet, cond=rule.is_news, on=rule.note_and_rest)
    )


def _condemning(quiet: State, unstable: State, gathering: State, ripe: State) -> Any:
    """A member is condemned."""
    return (
        moving(
            unstable, quiet, unstable, gathering, ripe, cond=[rule.is_news, rule.leaves_unstable], on=rule.note_and_wait
        )
        | quiet.to(gathering, cond=[rule.is_news, rule.leaves_cut], on=rule.note_and_gather)
        | moving(gathering, unstable, gathering, ripe, cond=rule.is_news, on=rule.note_and_gather)
        | quiet.to(quiet, cond=rule.is_news, on=rule.note_and_rest)
    )


def _changing(quiet: State, unstable: State, gathering: State, ripe: State) -> Any:
    """A member leaves, or somebody joins."""
    return unstable.to(unstable, cond=rule.is_news, on=rule.note_and_wait) | moving(
        gathering, quiet, gathering, ripe, cond=rule.is_news, on=rule.note_and_gather
    )


def _withdrawing(quiet: State, unstable: State, gathering: State, ripe: State, *, when: Any) -> Any:
    """Something is said no more."""
    doubtful = (unstable, gathering, ripe)
    return (
        moving(unstable, *doubtful, cond=[when, rule.leaves_unstable], on=rule.note_and_wait)
        | moving(gathering, *doubtful, cond=[when, rule.leaves_cut], on=rule.note_and_gather)
        | moving(quiet, quiet, *doubtful, cond=when, on=rule.note_and_rest)
    )


class CutDetector(Machine):
    """quiet: nothing to change. unstable: waiting for certainty. gathering: waiting for company. ripe: proposed."""

    quiet = State(initial=True)
    unstable = State()
    gathering = State()
    ripe = State()

    recv_accusation = within(quiet, unstable, gathering, ripe, cond=rule.is_repeated, on=rule.keep) | _doubting(
        quiet, unstable, gathering, ripe
    )
    recv_condemnation = within(quiet, unstable, gathering, ripe, cond=rule.is_repeated, on=rule.keep) | _condemning(
        quiet, unstable, gathering, ripe
    )
    recv_exoneration = _withdrawing(quiet, unstable, gathering, ripe, when=rule.is_news)
    recv_leave_request = _changing(quiet, unstable, gathering, ripe)
    recv_join_request = within(gathering, ripe, cond=rule.asks_again, on=rule.keep_request) | _changing(
        quiet, unstable, gathering, ripe
    )
    local_accusation_made = _doubting(quiet, unstable, gathering, ripe)
    local_subject_condemned = _condemning(quiet, unstable, gathering, ripe)
    local_subject_exonerated = _withdrawing(quiet, unstable, gathering, ripe, when=rule.is_news)
    local_self_leaving = quiet.to(quiet, cond=[rule.is_news, rule.is_last], on=rule.note_and_rest) | _changing(
        quiet, unstable, gathering, ripe
    )
    timeout_evidence = _withdrawing(quiet, unstable, gathering, ripe, when=rule.lapses) | within(
        quiet, unstable, gathering, ripe, on=rule.look
    )

    timeout_batch = gathering.to(ripe, cond=rule.can_win, on=rule.propose) | within(
        gathering, on=rule.wait_for_majority
    )
    timeout_reinforce = (
        within(unstable, cond=rule.is_unreinforced, on=rule.reinforce)
        | unstable.to(gathering, cond=rule.has_cut, on=rule.tolerate_and_gather)
        | unstable.to(quiet, on=rule.tolerate)
    )

    local_view_installed = local_excluded = local_abandon_view = moving(
        quiet, quiet, unstable, gathering, ripe, on=rule.begin_anew
    )

    ignored = {
        ("*", "recv_condemnation"): "of another view, by a stranger, or known",
        ("*", "recv_exoneration"): "of another view, or nothing to withdraw",
        ("*", "recv_leave_request"): "of another view, or known",
        ("*", "recv_join_request"): "known, or the lifecycle's to answer",
        ("*", "recv_accusation"): "of another view, by a stranger, or known",
        ("*", "local_accusation_made"): "known, or not of the current view",
        ("*", "local_subject_condemned"): "not a member of the current view",
        ("*", "local_subject_exonerated"): "nothing to withdraw",
        ("*", "local_self_leaving"): "known, or not a member",
        ("*", "timeout_batch"): "no longer gathering",
        ("*", "timeout_reinforce"): "no longer unstable",
    }


CUT_DETECTOR = compile_machine(CutDetector)
