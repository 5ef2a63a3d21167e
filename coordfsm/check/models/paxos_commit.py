"""Paxos Commit as Gray and Lamport specify it ("Consensus on Transaction Commit", 2006), an oracle of counts.

Each resource manager's vote is decided by an instance of Paxos among the acceptors: the manager itself leads ballot 0,
the leader ballot 1, in which it proposes "aborted" unless a majority of acceptors tells it otherwise. The specification
never removes a message, and the leader reads the set of all of them: so does the node here, see `Reading`.
"""

from collections.abc import Iterator
from functools import partial
from itertools import combinations, product
from typing import Annotated, Any

import msgspec
from statemachine import State

from coordfsm.check.modelling.model import Envelope, Local, Model, Node, Property, Reading, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import Command, Effect, Machine, Map, Message, Received, Send, Value, compile_machine

LEADER = "leader"
BALLOTS = (0, 1)
PREPARED, ABORTED = "prepared", "aborted"

Result = tuple[Any, tuple[Effect, ...]]
Quorum = tuple[str, ...]


class Phase1a(Message):
    """The leader asks the acceptors to join a ballot of an instance."""

    instance: str
    ballot: int


class Phase1b(Message):
    """An acceptor joined the ballot; the last vote it cast before, with ballot -1 for none."""

    instance: str
    ballot: int
    voted: int
    value: str


class Phase2a(Message):
    """A proposal: in ballot 0 by the resource manager itself, later by the leader."""

    instance: str
    ballot: int
    value: str


class Phase2b(Message):
    """An acceptor voted."""

    instance: str
    ballot: int
    value: str


class Commit(Message):
    """Every instance decided "prepared"."""


class Abort(Message):
    """Some instance decided "aborted"."""


class Prepare(Command):
    """A resource manager prepares by itself."""


class ChooseAbort(Command):
    """A resource manager aborts by itself, before it has prepared."""


class StartBallot(Command):
    """The leader begins ballot 1 of an instance, or sends the same once more."""

    instance: str


class Propose(Command):
    """The leader proposes what the answers of a majority allow."""

    instance: str
    value: str
    quorum: Quorum


class Vote(Value):
    """That an instance is decided: a ballot, and a majority that voted in it."""

    instance: str
    ballot: int
    quorum: Quorum


class DecideCommit(Command):
    """The leader saw every instance decide "prepared"."""

    votes: tuple[Vote, ...]


class DecideAbort(Command):
    """The leader saw an instance decide "aborted"."""

    vote: Vote


class ParticipantData(Value):
    """A resource manager, which knows the acceptors."""

    acceptors: tuple[str, ...]
    name: str
    state: str = "working"


class Ballot(Value):
    """What an acceptor remembers of an instance: the ballot it joined, and its last vote."""

    joined: int = 0
    voted: int = -1
    value: str = ""


class AcceptorData(Value):
    """An acceptor of all instances."""

    instances: Map[str, Ballot]
    state: str = "listening"


class LeaderData(Value):
    """The leader; `proposed` are the instances in whose ballot 1 it has proposed."""

    participants: tuple[str, ...]
    acceptors: tuple[str, ...]
    proposed: frozenset[str] = frozenset()
    state: str = "leading"


# -- resource managers ---------------------------------------------------------------------------------------------


def vote_prepared(data: ParticipantData, given: Command) -> Result:
    """Propose "prepared" in ballot 0 of the own instance."""
    return data, tuple(Send(acceptor, Phase2a(data.name, 0, PREPARED)) for acceptor in data.acceptors)


def vote_aborted(data: ParticipantData, given: Command) -> Result:
    """Propose "aborted" in ballot 0 of the own instance."""
    return data, tuple(Send(acceptor, Phase2a(data.name, 0, ABORTED)) for acceptor in data.acceptors)


class Participant(Machine):
    """Prepares or aborts by itself while working; follows the decision whenever it comes."""

    working = State(initial=True)
    prepared = State()
    committed = State()
    aborted = State()

    local_prepare = working.to(prepared, on=vote_prepared)
    local_choose_abort = working.to(aborted, on=vote_aborted)
    recv_commit = working.to(committed) | prepared.to(committed) | aborted.to(committed) | committed.to(committed)
    recv_abort = working.to(aborted) | prepared.to(aborted) | committed.to(aborted) | aborted.to(aborted)

    ignored = {
        (state, event): "only while working"
        for state in ("prepared", "committed", "aborted")
        for event in ("local_prepare", "local_choose_abort")
    }


# -- acceptors -----------------------------------------------------------------------------------------------------


def _instance(data: AcceptorData, given: Received) -> Ballot:
    message: Any = given.message
    return data.instances[message.instance]


def is_higher(data: AcceptorData, given: Received) -> bool:
    """A ballot above the one joined."""
    assert isinstance(given.message, Phase1a)
    return _instance(data, given).joined < given.message.ballot


def is_not_lower(data: AcceptorData, given: Received) -> bool:
    """The ballot joined, or one above it."""
    assert isinstance(given.message, Phase2a)
    return _instance(data, given).joined <= given.message.ballot


def join(data: AcceptorData, given: Received) -> Result:
    """Join the ballot and tell the last vote."""
    message: Any = given.message
    before = _instance(data, given)
    after = msgspec.structs.replace(before, joined=message.ballot)
    answer = Phase1b(message.instance, message.ballot, before.voted, before.value)
    return _with(data, message.instance, after), (Send(LEADER, answer),)


def vote(data: AcceptorData, given: Received) -> Result:
    """Vote for the proposal."""
    message: Any = given.message
    after = Ballot(message.ballot, message.ballot, message.value)
    answer = Phase2b(message.instance, message.ballot, message.value)
    return _with(data, message.instance, after), (Send(LEADER, answer),)


def _with(data: AcceptorData, instance: str, after: Ballot) -> AcceptorData:
    return msgspec.structs.replace(data, instances=data.instances.set(instance, after))


class Acceptor(Machine):
    """Joins ballots and votes in them, in all instances."""

    listening = State(initial=True)

    recv_phase1a = listening.to(listening, internal=True, cond=is_higher, on=join)
    recv_phase2a = listening.to(listening, internal=True, cond=is_not_lower, on=vote)

    ignored = {
        ("listening", "recv_phase1a"): "joined this ballot, or a higher one",
        ("listening", "recv_phase2a"): "joined a higher ballot",
    }


# -- the leader ----------------------------------------------------------------------------------------------------


def start_ballot(data: LeaderData, given: StartBallot) -> Result:
    """Ask all acceptors to join."""
    return data, tuple(Send(acceptor, Phase1a(given.instance, 1)) for acceptor in data.acceptors)


def propose(data: LeaderData, given: Propose) -> Result:
    """Propose once; what was read stands in the command."""
    after = msgspec.structs.replace(data, proposed=data.proposed | {given.instance})
    return after, tuple(Send(acceptor, Phase2a(given.instance, 1, given.value)) for acceptor in data.acceptors)


def tell_commit(data: LeaderData, given: DecideCommit) -> Result:
    """Tell everyone to commit."""
    return data, tuple(Send(participant, Commit()) for participant in data.participants)


def tell_abort(data: LeaderData, given: DecideAbort) -> Result:
    """Tell everyone to abort."""
    return data, tuple(Send(participant, Abort()) for participant in data.participants)


class Leader(Machine):
    """Does what the messages that it reads allow; receives none of them one by one."""

    leading = State(initial=True)

    local_start_ballot = leading.to(leading, internal=True, on=start_ballot)
    local_propose = leading.to(leading, internal=True, on=propose)
    local_decide_commit = leading.to(leading, internal=True, on=tell_commit)
    local_decide_abort = leading.to(leading, internal=True, on=tell_abort)

    ignored = {
        ("leading", "recv_phase1b"): "read with the others",
        ("leading", "recv_phase2b"): "read with the others",
    }


PARTICIPANT, ACCEPTOR, LEADER_TABLE = compile_machine(Participant), compile_machine(Acceptor), compile_machine(Leader)


def _leader_commands(local: Local) -> Iterator[Command]:
    data: LeaderData = local.data
    return (StartBallot(participant) for participant in data.participants)


def _readings(participants: tuple[str, ...], acceptors: tuple[str, ...]) -> tuple[Reading, ...]:
    """What the leader reads: the answers of each instance, the votes for "prepared" of all, for "aborted" of each."""
    quorums = majorities(acceptors)
    return (
        *(_reading_of_answers(instance, quorums) for instance in participants),
        _reading_of_votes(participants, quorums),
        *(_reading_of_refusals(instance, quorums) for instance in participants),
    )


def _reading_of_answers(instance: str, quorums: tuple[Quorum, ...]) -> Reading:
    def commands(local: Local, flying: frozenset[Envelope]) -> Iterator[Command]:
        if instance not in local.data.proposed:
            values = ((quorum, allowed(quorum, flying)) for quorum in quorums)
            yield from (Propose(instance, value, quorum) for quorum, value in values if value)

    return Reading(partial(_is_about, instances=(instance,), kind=Phase1b), commands)


def _reading_of_votes(participants: tuple[str, ...], quorums: tuple[Quorum, ...]) -> Reading:
    def commands(_local: Local, flying: frozenset[Envelope]) -> Iterator[Command]:
        decided = [tuple(votes(instance, PREPARED, quorums, flying)) for instance in participants]
        return (DecideCommit(chosen) for chosen in product(*decided))

    return Reading(partial(_is_about, instances=participants, kind=Phase2b, value=PREPARED), commands)


def _reading_of_refusals(instance: str, quorums: tuple[Quorum, ...]) -> Reading:
    def commands(_local: Local, flying: frozenset[Envelope]) -> Iterator[Command]:
        return (DecideAbort(chosen) for chosen in votes(instance, ABORTED, quorums, flying))

    return Reading(partial(_is_about, instances=(instance,), kind=Phase2b, value=ABORTED), commands)


def _is_about(envelope: Envelope, instances: tuple[str, ...], kind: type[Message], value: str = "") -> bool:
    if not isinstance(envelope.message, kind):
        return False
    message: Any = envelope.message
    return message.instance in instances and value in {"", message.value}


def majorities(acceptors: tuple[str, ...]) -> tuple[Quorum, ...]:
    """The smallest majorities."""
    return tuple(combinations(acceptors, len(acceptors) // 2 + 1))


def allowed(quorum: Quorum, answers: frozenset[Envelope]) -> str:
    """What the leader may propose by the answers of an instance; empty until the whole majority has joined."""
    told: dict[str, Any] = {envelope.sender: envelope.message for envelope in answers if envelope.sender in quorum}
    if len(told) < len(quorum):
        return ""
    highest: Phase1b = max(told.values(), key=lambda message: message.voted)
    return highest.value or ABORTED


def votes(instance: str, value: str, quorums: tuple[Quorum, ...], flying: frozenset[Envelope]) -> Iterator[Vote]:
    """Every ballot and majority by which an instance is decided."""
    cast = {
        (envelope.sender, envelope.message.ballot)
        for envelope in flying
        if isinstance(envelope.message, Phase2b)
        and (envelope.message.instance, envelope.message.value) == (instance, value)
    }
    for ballot, quorum in product(BALLOTS, quorums):
        if all((acceptor, ballot) in cast for acceptor in quorum):
            yield Vote(instance, ballot, quorum)


def _participant_commands(_local: Local) -> tuple[Command, ...]:
    return Prepare(), ChooseAbort()


def _state(local: Local) -> str:
    state: str = local.data.state
    return state


def _consistent(states: tuple[str, ...]) -> bool:
    return not ("committed" in states and "aborted" in states)


def _all_committed(states: tuple[str, ...]) -> bool:
    return {"committed"} == {state for state in states if state not in {"listening", "leading"}}


RESOURCE_MANAGERS = Parameter("resource managers", minimum=1, maximum=3)
ACCEPTORS = Parameter("acceptors", minimum=1, maximum=5)


def build(rms: Annotated[int, RESOURCE_MANAGERS] = 1, acceptors: Annotated[int, ACCEPTORS] = 3) -> Model:
    """Paxos Commit as Gray and Lamport specify it, with ballots 0 and 1; messages are never removed."""
    names = tuple(f"rm{number}" for number in range(1, rms + 1))
    voters = tuple(f"a{number}" for number in range(1, acceptors + 1))
    instances = Map({name: Ballot() for name in names})
    leader = Node(
        LEADER,
        LeaderData(names, voters),
        LEADER_TABLE.step,
        commands=_leader_commands,
        reads=_readings(names, voters),
        rules=LEADER_TABLE.rule_names,
    )
    participants = (
        Node(name, ParticipantData(voters, name), PARTICIPANT.step, _participant_commands, rules=PARTICIPANT.rule_names)
        for name in names
    )
    listeners = (Node(name, AcceptorData(instances), ACCEPTOR.step, rules=ACCEPTOR.rule_names) for name in voters)
    return Model(
        name="paxos-commit",
        parameters={"rms": rms, "acceptors": acceptors},
        nodes=(leader, *participants, *listeners),
        network=UnreliableSet(),
        properties=(
            Property("TC", "No resource manager commits while another aborts.", _consistent, observe=_state),
            Property("TC-commit", "All can commit.", _all_committed, kind="sometimes", observe=_state),
        ),
    )


MODELS = {"paxos-commit": build}
