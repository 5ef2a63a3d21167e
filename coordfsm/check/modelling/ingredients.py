"""What a model is made of: nodes, the network between them, faults with budgets, and properties.

A model is data. Its nodes run the real machines; everything around them (who crashes, what is lost, when a
timer fires, which command arrives) is chosen by the explorer in every possible way, within the budgets.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from coordfsm.kernel import Command, Endpoint, Input, Message, Step, Timer, Value, Write

UNLIMITED: None = None
"""A budget without bound: the fault may happen any number of times and no counter enters the state."""

Budget = int | None


@dataclass(frozen=True)
class Each:
    """A budget that every node has for itself: what one spends, the others still have.

    Attributes:
        most: how often it may happen at any one node.
    """

    most: int

    def __bool__(self) -> bool:
        """Whether it may happen at all, as for a plain number."""
        return bool(self.most)


class Envelope(Value):
    """A message in flight."""

    sender: Endpoint
    receiver: Endpoint
    message: Message


class Local(Value):
    """All that one node is, as the explorer sees it.

    Attributes:
        data: the machine's volatile data; None while the process is down.
        durable: the records that survive a crash, sorted by key.
        timers: the timers that are set, sorted.
        history: what properties remember of the node's notifications; survives crashes, invisible to the machine.
        copy: records of a copy of the store that may be put back, see `Faults.rollback`; None: there is none.
        absent: the node is a clone that has not started yet, see `Node.clone_of`.
    """

    data: Any
    durable: tuple[Write, ...] = ()
    timers: tuple[Timer, ...] = ()
    history: Any = ()
    copy: tuple[Write, ...] | None = None
    absent: bool = False


def no_commands(_local: Local) -> Iterable[Command]:
    """The environment of a node that nobody commands."""
    return ()


def no_history(history: Any, _event: Value) -> Any:
    """Forget every notification."""
    return history


@dataclass(frozen=True)
class Reading:
    """Commands that depend on a set of messages in flight to a node: for specifications that read the set of all
    messages ever sent, instead of receiving them one by one. What was read travels in the command.

    Attributes:
        of: which envelopes are read. The fewer, the faster: commands that read different messages are better apart.
        commands: from the `Local`, `data` never None, and the frozenset of those in flight.
    """

    of: Callable[[Envelope], bool]
    commands: Callable[[Local, frozenset[Envelope]], Iterable[Command]]


@dataclass(frozen=True)
class Node:
    """One process of a model.

    Attributes:
        name: its endpoint; envelopes sent to it carry this as receiver.
        initial: the machine's data before its first input.
        step: the machine: ``(data, input) -> Step``, pure.
        commands: the local inputs that the environment may give it now. One that the machine ignores is not a
            transition. Called with the `Local`, `data` never None.
        reads: further commands, that depend on what is in flight to this node, see `Reading`. Only with an
            `UnreliableSet` without loss, and without faults and budgets.
        boots: whether the node starts (and recovers) with the input ``Recover(durable records)``.
        durable: records in its store before the first start.
        history: folds a `Notify` event into the history: ``(history, event) -> history``.
        first_history: the history before any event.
        rules: names of all rules of its machine, for coverage.
        events: events of its machine that `rules` does not name, so that budgets can bound them.
        fair: the commands, by their events (``local_retry``), that must be given at last if they are possible for ever:
            weak fairness is asked of each of them, as of deliveries and timers.
        final: whether the node may rest in this local state for ever (for deadlock); None: nowhere.
        clone_of: the node from a copy of whose store this one starts, under its own name as its address: a second
            process with the same identity. Until then it is not there. `initial` and `step` are those of the process
            that is copied; see `Faults.clone`.
    """

    name: Endpoint
    initial: Value
    step: Callable[[Any, Input], Step]
    commands: Callable[[Local], Iterable[Command]] = no_commands
    reads: tuple[Reading, ...] = ()
    boots: bool = False
    durable: tuple[Write, ...] = ()
    history: Callable[[Any, Value], Any] = no_history
    first_history: Any = ()
    rules: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    fair: tuple[str, ...] = ()
    final: Callable[[Local], bool] | None = None
    clone_of: Endpoint | None = None

    def may_rest(self, local: Local) -> bool:
        """Whether the node may stay for ever in this local state."""
        return local.absent or (self.final is not None and bool(self.final(local)))


class Occurrence(Value):
    """What an observer is told of a step.

    Attributes:
        node: where it was taken.
        command: the command that the node was given; None: it was something else.
        events: what the node notified of, in order; where a crash cut the step short, what it did before.
    """

    node: Endpoint
    command: Any = None
    events: tuple[Value, ...] = ()


class History(Value):
    """What an observer keeps; it stands behind the nodes' local states."""

    kept: Any


@dataclass(frozen=True)
class Observer:
    """One history of the whole system, kept in every state: what happened at which node, before what.

    It is told of each step in which a command is given or a node notifies of something, and changes nothing. Properties
    read what it keeps as the last of their observations. Two states with different histories are two, so what it keeps
    must be bounded, and should be little.

    Attributes:
        first: the history before anything happened.
        observe: ``(history, occurrence) -> history``, pure.
    """

    first: Any
    observe: Callable[[Any, Occurrence], Any]


@dataclass(frozen=True)
class Start:
    """One way in which things can stand at first.

    Attributes:
        name: for stories.
        initial: the data of some nodes before their first input; that of all others is `Node.initial`. A process that
            has crashed starts again from `Node.initial`, as ever.
        durable: the records in some nodes' stores before they start; those of all others are `Node.durable`.
        in_flight: messages that are under way already, in order.
    """

    name: str
    initial: Mapping[Endpoint, Value] = field(default_factory=dict)
    durable: Mapping[Endpoint, tuple[Write, ...]] = field(default_factory=dict)
    in_flight: tuple[Envelope, ...] = ()


def every_start(alternatives: Mapping[Endpoint, Mapping[str, Value]]) -> tuple[Start, ...]:
    """A start for each way to choose one of the alternatives of each node.

    Args:
        alternatives: by node, its data before its first input by a word that tells it.
    """
    choices = [[(node, word, data) for word, data in items.items()] for node, items in alternatives.items()]
    return tuple(
        Start(", ".join(f"{node} {word}" for node, word, _ in chosen), {node: data for node, _, data in chosen})
        for chosen in itertools.product(*choices)
    )


@dataclass(frozen=True)
class UnreliableSet:
    """Delivery does not remove a message: each can be delivered any number of times, in any order, or never.

    Attributes:
        loss: how many messages may be lost for good, or `UNLIMITED`. Without, a message that never arrives is one that
            stays in flight, and the states are fewer.
    """

    loss: Budget = 0


@dataclass(frozen=True)
class Multiset:
    """A delivered message is gone. Order is free. Loss and duplication are explicit and budgeted.

    Attributes:
        loss: how many messages may be lost, or `UNLIMITED`.
        duplicate: how many deliveries may leave a copy behind.
        copies: how many equal envelopes can be in flight at once; a further one is dropped on sending, as the
            network may do. This keeps resending machines finite.
    """

    loss: Budget = 0
    duplicate: int = 0
    copies: int = 1


@dataclass(frozen=True)
class Ordered:
    """One first-in, first-out channel per (sender, receiver).

    Attributes:
        loss: how many messages may be lost (from the head of a channel), or `UNLIMITED`.
        duplicate: how many deliveries may leave the message at the head.
        capacity: messages a channel can hold; a further one is dropped on sending. None: no bound.
    """

    loss: Budget = 0
    duplicate: int = 0
    capacity: int | None = None


Network = UnreliableSet | Multiset | Ordered
"""How messages travel in a model."""


@dataclass(frozen=True)
class Partition:
    """A named set of directed links that can be cut at once. While cut, nothing is delivered over them.

    Attributes:
        name: for traces.
        links: the (sender, receiver) pairs; list both directions for a symmetric cut.
    """

    name: str
    links: frozenset[tuple[Endpoint, Endpoint]]


STORE_FAULTS = ("rollback", "clone", "wipe")
"""The fields of `Faults` that say what becomes of stores."""


@dataclass(frozen=True)
class Faults:
    """What may go wrong besides the network's own loss and duplication.

    Attributes:
        crash: how many crashes in all, or `Each` of so many at every node that may crash.
        crashable: the nodes that may crash; None means all.
        recover: whether a crashed node may start again, with its durable records only.
        torn: whether a crash may also fall between any two effects of a step (it is then taken from `crash`).
        partitions: the partitions that may happen, one at a time; a partition heals at any moment.
        partition: how many partitions in all.
        rollback: how many copies of stores are made, at any moment, and may be put back while their process is down:
            the store returns to an earlier state.
        clone: how many copies of stores leave, at any moment, for a node that starts from one (`Node.clone_of`).
        wipe: how often a store is lost while its process is down: it starts again with an empty one.
        stores: the nodes whose stores these three concern; None means all that start from a store (`Node.boots`).
    """

    crash: int | Each = 0
    crashable: tuple[Endpoint, ...] | None = None
    recover: bool = True
    torn: bool = True
    partitions: tuple[Partition, ...] = ()
    partition: int = 0
    rollback: int = 0
    clone: int = 0
    wipe: int = 0
    stores: tuple[Endpoint, ...] | None = None


def whole_local(local: Local) -> Any:
    """Observe everything of a node."""
    return local


PropertyKind = Literal["invariant", "sometimes", "reachable", "eventually", "leads_to"]


@dataclass(frozen=True)
class Property:
    """Something that must hold.

    Attributes:
        id: the identifier of the catalogue (``spec/PROPERTIES.md``).
        statement: one sentence, as in the catalogue.
        predicate: ``(observations) -> bool``, or ``(observations, envelopes) -> bool`` with `messages`;
            `observations` has one item per node, in the model's order, and behind them what the model's observer keeps,
            if it has one; `envelopes` is a frozenset of what is in flight. Combinators speak of nodes only.
            What is said of all nodes alike is fastest as a combinator, see `coordfsm.check.modelling.combinators`.
        kind: ``invariant``: true in every state. ``sometimes``: true in at least one (a witness). ``reachable``: from
            every state, a state in which it is true can be reached. ``eventually``: true at some moment of every fair
            execution. ``leads_to``: every state in which `trigger` holds is followed by one in which it is true.
        observe: the projection of a node's local state that the predicate needs; the smaller, the faster.
        messages: whether the predicate also looks at the envelopes in flight; a function of an envelope says at which,
            and it is given these only. The fewer, the faster.
        trigger: for ``leads_to``, of the same shape as `predicate`.
    """

    id: str
    statement: str
    predicate: Callable[..., bool]
    kind: PropertyKind = "invariant"
    observe: Callable[[Local], Any] = whole_local
    messages: bool | Callable[[Envelope], bool] = False
    trigger: Callable[..., bool] | None = None


@dataclass(frozen=True)
class Description:
    """All that a model says, not yet checked. The fields are told at `coordfsm.check.modelling.model.Model`."""

    name: str
    nodes: tuple[Node, ...]
    properties: tuple[Property, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    network: Network = field(default_factory=Multiset)
    faults: Faults = field(default_factory=Faults)
    budgets: Mapping[str, int | Each] = field(default_factory=dict)
    boundary: Callable[[Local], bool] | None = None
    starts: tuple[Start, ...] = ()
    observer: Observer | None = None
    deadlock: bool = False
    symmetric: tuple[tuple[Endpoint, ...], ...] = ()
    rename: Callable[[Any, Mapping[str, str]], Any] | None = None
