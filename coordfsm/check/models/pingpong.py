"""Ping-pong over a network that loses and duplicates, the introductory example of Stateright, an oracle of counts.

With counters up to k there are 4^(k+1) - 2 distinct states and 4k + 2 levels.
"""

from typing import Annotated

from statemachine import State

from coordfsm.check.modelling.model import Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.kernel import Effect, Machine, Message, Received, Recover, Send, Value, compile_machine


class Ping(Message):
    """The pinger's turn."""

    value: int


class Pong(Message):
    """The ponger's turn."""

    value: int


class PlayerData(Value):
    """How many turns this player has had, and who the other one is."""

    peer: str
    count: int = 0
    state: str = "playing"


def is_next(data: PlayerData, given: Received) -> bool:
    """The message answers this player's last turn."""
    value: int = given.message.value  # type: ignore[attr-defined]
    return value == data.count


def serve(data: PlayerData, given: Recover) -> tuple[PlayerData, tuple[Effect, ...]]:
    """Open the game."""
    return data, (Send(data.peer, Ping(0)),)


def ping_again(data: PlayerData, given: Received) -> tuple[PlayerData, tuple[Effect, ...]]:
    """Answer a pong with the next ping."""
    return PlayerData(data.peer, data.count + 1, data.state), (Send(data.peer, Ping(data.count + 1)),)


def pong_back(data: PlayerData, given: Received) -> tuple[PlayerData, tuple[Effect, ...]]:
    """Answer a ping."""
    return PlayerData(data.peer, data.count + 1, data.state), (Send(data.peer, Pong(data.count)),)


class Pinger(Machine):
    """Opens, and answers every pong that is due."""

    playing = State(initial=True)
    local_recover = playing.to(playing, internal=True, on=serve)
    recv_pong = playing.to(playing, internal=True, cond=is_next, on=ping_again)
    ignored = {("playing", "recv_pong"): "answered before"}


class Ponger(Machine):
    """Answers every ping that is due."""

    playing = State(initial=True)
    recv_ping = playing.to(playing, internal=True, cond=is_next, on=pong_back)
    ignored = {("playing", "recv_ping"): "answered before"}


PINGER_TABLE, PONGER_TABLE = compile_machine(Pinger), compile_machine(Ponger)


def _count(local: Local) -> int:
    count: int = local.data.count
    return count


def _close(counts: tuple[int, ...]) -> bool:
    return abs(counts[0] - counts[1]) <= 1


def build(top: Annotated[int, Parameter("the counters' largest value", minimum=1, maximum=12)] = 5) -> Model:
    """Ping-pong over a network that loses and duplicates."""

    def within(local: Local) -> bool:
        return _count(local) <= top

    def reached(counts: tuple[int, ...]) -> bool:
        return max(counts) == top

    return Model(
        name="pingpong",
        parameters={"top": top},
        nodes=(
            Node("pinger", PlayerData("ponger"), PINGER_TABLE.step, boots=True, rules=PINGER_TABLE.rule_names),
            Node("ponger", PlayerData("pinger"), PONGER_TABLE.step, rules=PONGER_TABLE.rule_names),
        ),
        network=UnreliableSet(loss=None),
        boundary=within,
        properties=(
            Property("PP", "The counters differ by at most one.", _close, observe=_count),
            Property("PP-top", "A counter reaches its largest value.", reached, kind="sometimes", observe=_count),
        ),
    )
