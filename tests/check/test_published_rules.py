"""The published specifications say what a process does wherever it is; also where correct processes never are."""

import pytest

from coordfsm.check.models import lamport, paxos_commit, twophase
from coordfsm.kernel import Map, Received

ANYWHERE = ("working", "committed", "aborted")


@pytest.mark.parametrize(
    ("table", "data", "commit", "abort"),
    [
        (twophase.PARTICIPANT_TABLE, twophase.ParticipantData(), twophase.Commit(), twophase.Abort()),
        (paxos_commit.PARTICIPANT, paxos_commit.ParticipantData((), "p"), paxos_commit.Commit(), paxos_commit.Abort()),
    ],
    ids=["two phases", "paxos commit"],
)
def test_a_participant_obeys_whatever_the_decision_is(table, data, commit, abort):
    for message, expected in ((commit, "committed"), (abort, "aborted")):
        for state in ANYWHERE:
            data = type(data)(**{**{name: getattr(data, name) for name in data.__struct_fields__}, "state": state})
            assert table.step(data, Received("leader", message)).data.state == expected


def test_a_process_notes_acknowledgements_and_releases_wherever_it_is():
    inside = lamport.MutexData("p", ("q",), requests=Map({"q": 1}), state="critical")
    for state in ("critical", "idle"):
        data = lamport.MutexData("p", ("q",), requests=Map({"q": 1}), state=state)
        acknowledged = lamport.MUTEX_TABLE.step(data, Received("q", lamport.LockAck())).data
        assert (acknowledged.state, acknowledged.acks) == (state, frozenset({"q"}))
    released = lamport.MUTEX_TABLE.step(inside, Received("q", lamport.LockRelease())).data
    assert (released.state, released.requests) == ("critical", Map())
