"""Broken founders: they do not ask, do not listen, or do not tell."""

from typing import Any

from coordfsm.protocols.membership.data import FounderData, MembershipData
from coordfsm.protocols.membership.founding import rules
from coordfsm.testing.mutants.mutant import Mutant


def never(data: FounderData, given: Any, context: MembershipData) -> bool:
    """The case is not thought of."""
    return False


def always(data: FounderData, given: Any, context: MembershipData) -> bool:
    """The case is taken for granted."""
    return True


def answer_alone(data: FounderData, given: Any, context: MembershipData) -> rules.Done:
    """Answer as if nothing were being founded here."""
    return data, rules.answer(FounderData(), given, context)[1]


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="founder-hears-no-cluster",
        machine="Founder",
        property="S3",
        flaw="A seed that is a member of a cluster does not keep a founder from founding another.",
        source="own",
        model="membership-founding",
        functions={"knows_of_a_cluster": never},
    ),
    Mutant(
        name="founder-hides-its-founding",
        machine="Founder",
        property="S3",
        flaw="Who is about to found a cluster does not tell another that asks.",
        source="own",
        model="membership-founding",
        functions={"answer": answer_alone},
    ),
    Mutant(
        name="founder-takes-old-answers",
        machine="Founder",
        property="S3",
        flaw="An answer to an earlier question counts for the founding in work.",
        source="own",
        model="membership-founding",
        parameters={"crashes": 2, "tellings": 4},
        functions={"is_of_this_founding": always},
    ),
    Mutant(
        name="founder-needs-no-word",
        machine="Founder",
        property="S3-asked",
        flaw="Silent seeds are taken for seeds that know of no cluster, without an operator's word.",
        source="own",
        model="membership-founding",
        functions={"is_confirmed": always},
    ),
    Mutant(
        name="founder-needs-one-answer",
        machine="Founder",
        property="S3-asked",
        flaw="One answer is enough, whatever the other seeds know.",
        source="own",
        model="membership-founding",
        parameters={"processes": 3, "crashes": 0, "wipes": 0, "timeouts": 0},
        functions={"completes_answers": always},
    ),
)
