"""A small protocol that uses everything a model can hold: messages, timers, records, notifications, crashes."""

from statemachine import State

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Network, Node, Partition, Property
from coordfsm.kernel import (
    CancelTimer,
    Command,
    Machine,
    Message,
    Notify,
    Persist,
    Received,
    Recover,
    Send,
    SetTimer,
    Timer,
    TimerFired,
    Value,
    Write,
    compile_machine,
)

RETRY = Timer("retry")


class Ask(Message):
    turn: int


class Answer(Message):
    turn: int
    total: int


class Begin(Command):
    """A client begins a turn."""


class Total(Value):
    number: int


class Done(Value):
    total: int


class ClientData(Value):
    server: str
    turn: int = 0
    state: str = "idle"


class ServerData(Value):
    total: int = 0
    state: str = "serving"


def begin(data: ClientData, given: Command):
    after = ClientData(data.server, data.turn + 1, data.state)
    write = Write("turn", Total(after.turn))
    return after, (Persist((write,)), SetTimer(RETRY, 10), Send(data.server, Ask(after.turn)))


def ask_again(data: ClientData, given: TimerFired):
    return data, (Send(data.server, Ask(data.turn)), SetTimer(RETRY, 10))


def is_current(data: ClientData, given: Received) -> bool:
    return given.message.turn == data.turn


def finish(data: ClientData, given: Received):
    return data, (CancelTimer(RETRY), Notify(Done(given.message.total)))


def load_turn(data: ClientData, given: Recover):
    turns = [write.value.number for write in given.records]
    return ClientData(data.server, turns[0] if turns else 0, data.state), ()


class Client(Machine):
    idle = State(initial=True)
    waiting = State()

    local_begin = idle.to(waiting, on=begin)
    timeout_retry = waiting.to(waiting, on=ask_again) | idle.to(idle)
    recv_answer = waiting.to(idle, cond=is_current, on=finish)
    local_recover = idle.to(idle, on=load_turn, internal=True)

    ignored = {
        ("waiting", "local_begin"): "one turn at a time",
        ("waiting", "recv_answer"): "an answer to an earlier turn",
        ("idle", "recv_answer"): "nobody waits",
        ("waiting", "local_recover"): "the first input only",
    }


def count(data: ServerData, given: Received):
    after = ServerData((data.total + 1) % 3, data.state)
    answer = Send(given.sender, Answer(given.message.turn, after.total))
    return after, (answer, Persist((Write("total", Total(after.total)),)), answer)


def load_total(data: ServerData, given: Recover):
    totals = [write.value.number for write in given.records]
    return ServerData(totals[0] if totals else 0, data.state), ()


class Server(Machine):
    serving = State(initial=True)
    recv_ask = serving.to(serving, on=count, internal=True)
    local_recover = serving.to(serving, on=load_total, internal=True)


CLIENT, SERVER = compile_machine(Client), compile_machine(Server)


def _remember(history, event):
    return max(history or 0, event.total)


def _begin(_local: Local):
    return (Begin(),)


def _observe(local: Local):
    state = "down" if local.data is None else local.data.state
    return state, local.history


def build(
    network: Network | None = None,
    faults: Faults | None = None,
    *,
    clients: int = 1,
    turns: int = 2,
    retries: int = 2,
    boots: bool = True,
    deadlock: bool = False,
    boundary=None,
    bound: int = 3,
) -> Model:
    """`clients` clients that ask one server; `bound` is what the invariant claims about totals."""
    names = tuple(f"c{number}" for number in range(1, clients + 1))

    def bounded(observations):
        return all((history or 0) < bound for _, history in observations[1:])

    def modest(observations, envelopes):
        return len(envelopes) <= 100 and not any(
            type(item.message) is Answer and item.message.total > 2 for item in envelopes
        )

    def learned(observations):
        return any((history or 0) == 1 for _, history in observations[1:])

    def both_flying(observations, envelopes):
        return {type(item.message) for item in envelopes} == {Ask, Answer}

    return Model(
        name="sample",
        nodes=(
            Node("s", ServerData(), SERVER.step, boots=boots, rules=SERVER.rule_names),
            *(
                Node(
                    name,
                    ClientData("s"),
                    CLIENT.step,
                    _begin,
                    boots=boots,
                    history=_remember,
                    first_history=0,
                    rules=CLIENT.rule_names,
                    final=lambda local: local.data is not None and local.data.state == "idle",
                )
                for name in names
            ),
        ),
        network=network or Multiset(),
        faults=faults or Faults(),
        budgets={"local_begin": turns, "timeout_retry": retries},
        deadlock=deadlock,
        boundary=boundary,
        properties=(
            Property("bounded", "No total exceeds the bound.", bounded, observe=_observe),
            Property("modest", "Few envelopes.", modest, messages=True),
            Property("learned", "A total of 1 is learned.", learned, kind="sometimes", observe=_observe),
            Property("flying", "Both in flight.", both_flying, kind="sometimes", messages=True, observe=_observe),
        ),
    )


CUT = Partition("cut", frozenset({("s", "c1"), ("c1", "s")}))
