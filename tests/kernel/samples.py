"""A small machine with everything a declaration may have: guards, an unless, a compound state, ignored pairs."""

from statemachine import State

from coordfsm.kernel import (
    Command,
    Machine,
    Map,
    Message,
    Notify,
    Received,
    Send,
    SetTimer,
    Timer,
    TimerFired,
    Value,
    compile_machine,
)


class Work(Command):
    amount: int


class Stop(Command):
    pass


class Ping(Message):
    number: int


class Worked(Value):
    amount: int


class WorkerData(Value):
    state: str = "idle"
    total: int = 0
    peers: Map[str, int] = Map()


def is_heavy(data, given):
    return given.amount > 5


def is_known(data, given, context):
    return given.sender in (context or ())


def begin(data, given):
    return WorkerData(data.state, data.total + given.amount), (
        SetTimer(Timer("rest"), 100),
        Notify(Worked(given.amount)),
    )


def answer(data, given, context):
    return data, (Send(given.sender, Ping(given.message.number + 1)),)


class Worker(Machine):
    """Works lightly or heavily, and rests after a while."""

    idle = State(initial=True)

    class busy(State.Compound):  # noqa: N801  (the name is the state's id)
        light = State(initial=True)
        heavy = State()
        local_work = light.to(heavy, cond=is_heavy, on=begin)
        recv_ping = light.to(light, internal=True, on=answer) | heavy.to(heavy, internal=True, on=answer)

    local_work = idle.to(busy, unless=is_heavy, on=begin)
    timeout_rest = busy.to(idle)
    local_stop = busy.to(idle) | idle.to(idle, internal=True)
    recv_ping = idle.to(idle, internal=True, cond=is_known, on=answer)

    ignored = {
        ("idle", "local_work"): "too heavy to begin with",
        ("light", "local_work"): "light work goes on as it is",
        ("heavy", "local_work"): "heavy work cannot grow",
        ("idle", "timeout_rest"): "stopped before the rest came",
        ("idle", "recv_ping"): "a stranger",
    }


WORKER = compile_machine(Worker)

INPUTS = (
    Work(1),
    Work(9),
    Stop(),
    TimerFired(Timer("rest")),
    Received("friend", Ping(1)),
    Received("stranger", Ping(1)),
)
