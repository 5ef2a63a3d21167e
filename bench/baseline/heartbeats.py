"""HEARTBEATS: every process tells every other one that it is alive; who is not heard for too long is taken for dead."""

import msgspec
from statemachine import State

from bench.baseline.data import (
    HEARTBEAT,
    BaselineData,
    Heartbeat,
    HeartbeatsData,
    PeerBack,
    PeerLost,
    silence,
)
from coordfsm.kernel import Effect, Machine, Raise, Received, Send, SetTimer, TimerFired, Value, compile_machine

Result = tuple[HeartbeatsData, tuple[Effect, ...]]


def sender_of(given: Received) -> str:
    """Whose heartbeat it is."""
    assert isinstance(given.message, Heartbeat)
    return given.message.process


def is_lost(data: HeartbeatsData, given: Received) -> bool:
    """The sender was taken for dead."""
    return sender_of(given) in data.lost


def start(data: HeartbeatsData, given: Value, context: BaselineData) -> Result:
    """Everyone is taken for alive, until proven silent."""
    settings = context.settings
    watches = (SetTimer(silence(peer.node), settings.silence_ms) for peer in context.peers)
    return data, (SetTimer(HEARTBEAT, settings.heartbeat_ms), *watches)


def beat(data: HeartbeatsData, given: TimerFired, context: BaselineData) -> Result:
    """Tell everyone, also those taken for dead: that is how they come back."""
    message = Heartbeat(context.node)
    sends = (Send(peer.endpoint, message) for peer in context.peers)
    return data, (*sends, SetTimer(HEARTBEAT, context.settings.heartbeat_ms))


def hear(data: HeartbeatsData, given: Received, context: BaselineData) -> Result:
    """Alive: wait for the next one."""
    return data, (SetTimer(silence(sender_of(given)), context.settings.silence_ms),)


def hear_again(data: HeartbeatsData, given: Received, context: BaselineData) -> Result:
    """It was not dead, or it came back."""
    sender = sender_of(given)
    heard = msgspec.structs.replace(data, lost=data.lost - {sender})
    return heard, (SetTimer(silence(sender), context.settings.silence_ms), Raise(PeerBack(sender)))


def lose(data: HeartbeatsData, given: TimerFired) -> Result:
    """Silent for too long: taken for dead, whatever the reason."""
    process = given.timer.subject
    return msgspec.structs.replace(data, lost=data.lost | {process}), (Raise(PeerLost(process)),)


class Heartbeats(Machine):
    """SILENT before the start, then BEATING."""

    silent = State(initial=True)
    beating = State()

    local_recover = silent.to(beating, on=start)
    timeout_heartbeat = beating.to(beating, internal=True, on=beat)
    timeout_silence = beating.to(beating, internal=True, on=lose)
    recv_heartbeat = beating.to(beating, internal=True, cond=is_lost, on=hear_again) | beating.to(
        beating, internal=True, on=hear
    )

    ignored = {
        ("beating", "local_recover"): "the first input of a process only",
        **{("silent", event): "not started" for event in ("timeout_heartbeat", "timeout_silence", "recv_heartbeat")},
    }


HEARTBEATS = compile_machine(Heartbeats)
