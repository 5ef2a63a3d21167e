"""Broken view changes: the consensus, its durability, and how a decided view is followed.

Many are real: found by reading or replaying Delos and Rapid.
"""

from typing import Any

from coordfsm.protocols.membership.view_change import consensus, handover
from coordfsm.testing.mutants.membership_flaws import (
    accept_and_forget_promise,
    any_answer_is_enough,
    any_view,
    decide_and_go,
    follow_blindly,
    follow_without_joiners,
    forgetful,
    half_is_enough,
    hasty,
    ids_of_sets,
    never,
    promise_without_report,
    propose_own,
    retire_at_once,
    shrunken_electorate,
    vote_again,
    was_member_by_view,
)
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import with_rule


def _consensus(name: str, flaw: str, property_id: str, source: str = "own", **more: Any) -> Mutant:
    parameters = more.pop("parameters", {})
    return Mutant(
        name=name,
        machine=more.pop("machine", "ViewChange"),
        property=property_id,
        flaw=flaw,
        source=source,
        model=more.pop("model", "membership-consensus"),
        parameters=parameters,
        **more,
    )


MUTANTS = (
    _consensus(
        "quorum-of-half",
        "Half of the members decide, so that two halves decide differently.",
        "M1",
        parameters={"members": 4, "proposers": 2, "wishes": 2, "crashes": 0},
        functions={"completes_quorum": half_is_enough},
    ),
    _consensus(
        "electorate-shrinks",
        "A majority of those that the proposer does not condemn decides.",
        "M1",
        "Delos",
        parameters={"members": 4, "proposers": 2, "wishes": 2, "crashes": 0},
        functions={"completes_quorum": shrunken_electorate},
    ),
    _consensus(
        "minority-installs",
        "Whoever does not answer must be dead: any answer decides.",
        "M2",
        parameters={"members": 5, "wishes": 1, "takeovers": 0, "crashes": 0},
        functions={"completes_quorum": any_answer_is_enough},
    ),
    _consensus(
        "promise-not-durable",
        "A promise is forgotten in a crash.",
        "M7",
        parameters={"wishes": 2, "crashes": 1},
        functions={"promise": forgetful(consensus.promise)},
    ),
    _consensus(
        "acceptance-not-durable",
        "An acceptance is forgotten in a crash.",
        "M7",
        parameters={"wishes": 2, "crashes": 1},
        functions={"accept": forgetful(consensus.accept)},
    ),
    _consensus(
        "promise-sent-before-durable",
        "A promise leaves before it is durable.",
        "M7",
        parameters={"wishes": 2, "crashes": 1},
        functions={"promise": hasty(consensus.promise)},
    ),
    _consensus(
        "acceptance-sent-before-durable",
        "An acceptance leaves before it is durable.",
        "M7",
        parameters={"wishes": 2, "crashes": 1},
        functions={"accept": hasty(consensus.accept)},
    ),
    _consensus(
        "proposal-not-durable",
        "A crashed coordinator uses ballot (0, 0) again for another cut.",
        "M7",
        parameters={"wishes": 2, "takeovers": 0, "crashes": 1},
        functions={"propose_first": forgetful(consensus.propose_first)},
    ),
    _consensus(
        "proposal-sent-before-durable",
        "A proposal leaves before the proposer's own acceptance is durable.",
        "M7",
        parameters={"wishes": 2, "takeovers": 0, "crashes": 1},
        functions={"propose_first": hasty(consensus.propose_first)},
    ),
    _consensus(
        "accepted-value-ignored",
        "A proposer that learns of an accepted cut while preparing proposes its own.",
        "M7",
        parameters={"wishes": 2, "crashes": 0},
        functions={"propose_found": propose_own},
    ),
    _consensus(
        "promise-without-report",
        "A promise does not say what was accepted.",
        "M7",
        parameters={"wishes": 2, "crashes": 0},
        functions={"promise": promise_without_report},
    ),
    _consensus(
        "old-ballot-accepted",
        "A promise binds nobody: a lower ballot is accepted after it.",
        "M7",
        parameters={"wishes": 2, "crashes": 0},
        functions={"is_outranked": never},
    ),
    _consensus(
        "coordinator-ignores-promise",
        "The coordinator uses ballot (0, 0) although it promised a higher one.",
        "M7",
        parameters={"wishes": 2, "crashes": 0},
        functions={"leads": accept_and_forget_promise},
    ),
    _consensus(
        "votes-repeated-without-ballot",
        "When its cut changes, the proposer asks again at the same ballot.",
        "M7",
        "Delos",
        parameters={"wishes": 2, "takeovers": 0, "crashes": 0},
        edit=vote_again,
    ),
    _consensus(
        "view-not-durable",
        "The decided view is forgotten in a crash, and installed again.",
        "M3",
        parameters={"wishes": 1, "takeovers": 1, "crashes": 1},
        functions={"decide": forgetful(consensus.decide)},
    ),
    _consensus(
        "followed-view-not-durable",
        "A view that others decided is forgotten in a crash, and installed again.",
        "M3",
        parameters={"wishes": 1, "takeovers": 0, "crashes": 1},
        functions={"follow": forgetful(handover.follow)},
    ),
    _consensus(
        "late-votes-count",
        "Votes of an earlier view count in a later one.",
        "M2",
        model="membership-chain",
        parameters={"members": 3, "joiners": 0, "suspicions": 2, "rejoins": 0},
        functions={"is_current": any_view},
    ),
    _consensus(
        "view-id-of-set",
        "The view's id is a hash of the set of members, and an old vote is replayed when the set recurs.",
        "M2",
        "Delos",
        model="membership-chain",
        parameters={"members": 2, "joiners": 0, "suspicions": 2, "rejoins": 1, "views": 3},
        transform=ids_of_sets,
    ),
    _consensus(
        "cut-of-ids",
        "The cut holds ids only, and a process that lacks a joiner's data installs without it.",
        "M1",
        "Delos",
        model="membership-chain",
        parameters={"members": 2, "joiners": 1, "suspicions": 0, "rejoins": 0},
        functions={"follow": follow_without_joiners},
    ),
    _consensus(
        "excluded-goes-on",
        "A member that learns of a view without it goes on acting.",
        "M4",
        "Delos",
        model="membership-chain",
        parameters={"members": 2, "joiners": 0, "suspicions": 1, "rejoins": 0},
        functions={"follow_out": follow_blindly},
        edit=lambda table: with_rule(
            table, "stable", "recv_view_decision", "stable", cond=(handover.chains_on,), on=follow_blindly
        ),
    ),
    Mutant(
        name="told-out-not-durable",
        machine="ViewChange",
        property="M4-told",
        flaw="A member that hears of a much later view without it forgets that in a crash, and acts in its old view.",
        source="own",
        model="membership-lag",
        functions={"leap_out": forgetful(handover.leap_out)},
    ),
    Mutant(
        name="told-out-not-remembered",
        machine="ViewChange",
        property="M4-told",
        flaw="The store says that a process is out of its view, and its recovery does not look.",
        source="own",
        model="membership-lag",
        functions={"was_member": was_member_by_view},
    ),
    _consensus(
        "retires-without-handover",
        "A leaver goes before a majority of the next view has it.",
        "ML3",
        model="membership-leave",
        parameters={"takeovers": 1, "probes": False},
        functions={"follow_and_retire": retire_at_once, "decide": decide_and_go},
    ),
)
