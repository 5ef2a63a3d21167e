"""A small machine for the runtime's tests: it keeps a durable sum, echoes, and uses a timer."""

from statemachine import Event, State

from coordfsm.kernel import (
    CancelTimer,
    Command,
    Effect,
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

ALARM = Timer("alarm")


class Deposit(Message):
    amount: int
    note: bytes = b""


class Receipt(Message):
    total: int


class Question(Message):
    pass


class Withdraw(Command):
    amount: int


class Explode(Command):
    pass


class WaitFor(Command):
    after_ms: int


class StopWaiting(Command):
    pass


class Sum(Value):
    total: int


class Changed(Value):
    total: int


class Rang(Value):
    total: int


class LedgerData(Value):
    state: str = "closed"
    total: int = 0


def recover(data: LedgerData, given: Recover) -> tuple[LedgerData, tuple[Effect, ...]]:
    sums = [write.value for write in given.records if isinstance(write.value, Sum)]
    return LedgerData(data.state, sums[0].total if sums else 0), ()


def _change(data: LedgerData, total: int) -> tuple[LedgerData, tuple[Effect, ...]]:
    return LedgerData(data.state, total), (Persist((Write("sum", Sum(total)),)), Notify(Changed(total)))


def deposit(data: LedgerData, given: Received) -> tuple[LedgerData, tuple[Effect, ...]]:
    assert isinstance(given.message, Deposit)
    after, effects = _change(data, data.total + given.message.amount)
    return after, (*effects, Send(given.sender, Receipt(after.total)))


def answer(data: LedgerData, given: Received) -> tuple[LedgerData, tuple[Effect, ...]]:
    return data, (Send(given.sender, Receipt(data.total)),)


def withdraw(data: LedgerData, given: Withdraw) -> tuple[LedgerData, tuple[Effect, ...]]:
    return _change(data, data.total - given.amount)


def explode(data: LedgerData, given: Explode) -> tuple[LedgerData, tuple[Effect, ...]]:
    raise ZeroDivisionError("on purpose")


def wait(data: LedgerData, given: WaitFor) -> tuple[LedgerData, tuple[Effect, ...]]:
    return data, (SetTimer(ALARM, given.after_ms),)


def stop_waiting(data: LedgerData, given: StopWaiting) -> tuple[LedgerData, tuple[Effect, ...]]:
    return data, (CancelTimer(ALARM),)


def ring(data: LedgerData, given: TimerFired) -> tuple[LedgerData, tuple[Effect, ...]]:
    return data, (Notify(Rang(data.total)),)


class Ledger(Machine):
    closed = State(initial=True)
    opened = State()

    local_recover = Event(closed.to(opened, on=recover))
    recv_deposit = Event(opened.to.itself(on=deposit))
    recv_question = Event(opened.to.itself(on=answer))
    local_withdraw = Event(opened.to.itself(on=withdraw))
    local_explode = Event(opened.to.itself(on=explode))
    local_wait_for = Event(opened.to.itself(on=wait))
    local_stop_waiting = Event(opened.to.itself(on=stop_waiting))
    timeout_alarm = Event(opened.to.itself(on=ring))

    ignored = {
        ("opened", "local_recover"): "recovered already",
        ("*", "recv_receipt"): "for people",
        **{
            ("closed", event): "not recovered yet"
            for event in (
                "recv_deposit",
                "recv_question",
                "local_withdraw",
                "local_explode",
                "local_wait_for",
                "local_stop_waiting",
                "timeout_alarm",
            )
        },
    }


TABLE = compile_machine(Ledger)
MESSAGES = (Deposit, Receipt, Question)
RECORDS = (Sum,)
COMMANDS = (Withdraw, Explode, WaitFor, StopWaiting)
