"""The replaced design explored: ``coordfsm verify bench/baseline/model.py``.

The election is right as long as only the dead are silent and every answer comes in time. The parameters say how often
that is not so. `suspicions` and `impatience` are timers that fire although the other process is alive: a partition, a
long pause or a slow link look exactly like this from inside. Nothing crashes here; that only adds to it.
"""

from collections.abc import Iterable
from functools import partial
from typing import Annotated

import msgspec

from bench.baseline.data import ANSWER, BaselineData, BullyData, LeaderNamed, SnapshotTaken
from bench.baseline.process import composition, initial
from coordfsm.check.modelling.model import Local, Model, Multiset, Node, Property
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import Command, Input, Recover, SetTimer, Step, Value
from coordfsm.protocols.coordinator.messages import RegisterBubbles

NAMES = ("a", "b", "c", "d")
BUBBLE = "x"


class Past(Value):
    """What the properties remember of one process.

    Attributes:
        leader: whom it named last.
        strange: whether it took a snapshot from another process than the one that it takes for the leader.
    """

    leader: str = ""
    strange: bool = False


def remember(past: Past, event: Value) -> Past:
    """The history after one more notification."""
    match event:
        case LeaderNamed(leader):
            return msgspec.structs.replace(past, leader=leader)
        case SnapshotTaken(sender, leader):
            return msgspec.structs.replace(past, strange=past.strange or sender != leader)
        case _:
            return past


class Seen(Value):
    """One process as the properties see it; empty while it is down."""

    node: str = ""
    state: str = ""
    leader: str = ""
    own: tuple[str, ...] = ()
    topology: tuple[tuple[str, tuple[str, ...]], ...] = ()
    changed: bool = False
    strange: bool = False


def observe(local: Local) -> Seen:
    """The projection of one process."""
    data: BaselineData | None = local.data
    if data is None:
        return Seen(strange=local.history.strange)
    return Seen(
        data.node,
        data.bully.state,
        data.bully.leader,
        data.broadcaster.own,
        tuple(sorted(data.broadcaster.topology.items())),
        data.broadcaster.changed,
        local.history.strange,
    )


def one_leader(processes: tuple[Seen, ...]) -> bool:
    """B1."""
    return sum(process.state == "leading" for process in processes) <= 1


def only_from_the_leader(processes: tuple[Seen, ...]) -> bool:
    """B2."""
    return not any(process.strange for process in processes)


def nothing_is_lost(processes: tuple[Seen, ...], envelopes: frozenset[object]) -> bool:
    """B3, where it can be judged: one leads, all follow it, and neither a message nor a broadcast is due."""
    up = [process for process in processes if process.node]
    leaders = {process.leader for process in up}
    calm = not envelopes and len(leaders) == 1 and all(process.state in ("following", "leading") for process in up)
    if not calm or not any(process.state == "leading" for process in up) or any(process.changed for process in up):
        return True
    hosted = tuple((process.node, process.own) for process in up if process.own)
    return all(set(hosted) <= set(process.topology) for process in up)


def highest_leads(processes: tuple[Seen, ...]) -> bool:
    """The witness: the highest process that is up leads, and all others follow it."""
    up = [process for process in processes if process.node]
    highest = max((process.node for process in up), default="")
    return (
        bool(highest)
        and len(up) > 1
        and all(
            process.leader == highest and process.state == ("leading" if process.node == highest else "following")
            for process in up
        )
    )


def _commands(changes: int, local: Local) -> Iterable[Command]:
    return (RegisterBubbles((BUBBLE,)),) if changes and BUBBLE not in local.data.broadcaster.own else ()


def _settled_step(data: BaselineData, given: Input) -> Step:
    """The process, started as if the highest had led for long: the story need not begin with an election."""
    step = composition.step(data, given)
    if not isinstance(given, Recover):
        return step
    highest = max(data.node, *(peer.node for peer in data.peers))
    leads = highest == data.node
    settled = msgspec.structs.replace(
        step.data,
        bully=BullyData(highest, "leading" if leads else "following"),
        broadcaster=msgspec.structs.replace(data.broadcaster, state="publishing" if leads else "enrolled"),
    )
    timers = (effect for effect in step.effects if isinstance(effect, SetTimer) and effect.timer != ANSWER)
    return Step(settled, tuple(timers), step.fired)


def build(
    *,
    processes: Annotated[int, Parameter("processes; the last one has the highest id", minimum=2, maximum=4)] = 3,
    suspicions: Annotated[int, Parameter("living processes that are taken for dead", minimum=0)] = 1,
    impatience: Annotated[int, Parameter("waits for an answer or a victory that end too early", minimum=0)] = 1,
    loss: Annotated[int, Parameter("messages that may be lost", minimum=0)] = 0,
    changes: Annotated[int, Parameter("processes that begin to host a bubble", minimum=0)] = 0,
    ticks: Annotated[int, Parameter("ticks of the broadcaster, over all processes", minimum=0)] = 0,
    settled: Annotated[bool, Parameter("start with the highest leading, instead of with an election")] = True,
    only: Annotated[str, Parameter("the one property to check", choices=("all", "B1", "B2", "B3"))] = "all",
) -> Model:
    """Bully election, heartbeats and polling broadcaster: what a late answer does to them."""
    given = dict(locals())
    names = NAMES[:processes]
    everyone = {name: name for name in names}
    properties = (
        Property("B1", "At most one process leads.", one_leader, observe=observe),
        Property(
            "B2",
            "A process takes a topology only from the process that it takes for the leader.",
            only_from_the_leader,
            observe=observe,
        ),
        Property(
            "B3",
            "Once one leads, all follow it and nothing is due, every process holds what the others host.",
            nothing_is_lost,
            observe=observe,
            messages=True,
        ),
        Property("B1-witness", "The highest leads and all others follow.", highest_leads, "sometimes", observe),
    )
    return Model(
        name="bully",
        parameters=given,
        nodes=tuple(
            Node(
                name,
                initial(name, everyone),
                _settled_step if settled else composition.step,
                partial(_commands, changes),
                boots=True,
                history=remember,
                first_history=Past(),
                rules=composition.rule_names,
            )
            for name in names
        ),
        network=Multiset(loss=loss),
        budgets={
            "timeout_heartbeat": suspicions,  # a heartbeat is of interest only as proof that a silence was none
            "timeout_silence": suspicions,
            "timeout_answer": impatience,
            "timeout_victory": impatience,
            "timeout_poll": ticks,
            "local_register_bubbles": changes,
        },
        properties=tuple(item for item in properties if only in ("all", item.id)),
    )
