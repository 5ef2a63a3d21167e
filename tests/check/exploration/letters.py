"""Two machines so small that every count can be worked out by hand."""

from typing import Any

from statemachine import State

from coordfsm.check.modelling.model import Local, Model, Node
from coordfsm.kernel import (
    CancelTimer,
    Command,
    Effect,
    Machine,
    Message,
    Persist,
    Received,
    Recover,
    Send,
    SetTimer,
    Timer,
    Value,
    Write,
    compile_machine,
)

REMINDER = Timer("reminder")


class Letter(Message):
    text: str


class Write1(Command):
    """Write a letter: keep a copy, then post it."""

    text: str


class Arm(Command):
    """Set the reminder."""


class Disarm(Command):
    """Cancel the reminder."""


class Copy(Value):
    text: str


class WriterData(Value):
    written: tuple[str, ...] = ()
    reminded: int = 0
    state: str = "writing"


class ReaderData(Value):
    heard: tuple[str, ...] = ()
    state: str = "reading"


Result = tuple[WriterData, tuple[Effect, ...]]


def is_new(data: WriterData, given: Write1) -> bool:
    return given.text not in data.written


def write(data: WriterData, given: Write1) -> Result:
    effects = (Persist((Write(f"copy/{given.text}", Copy(given.text)),)), Send("reader", Letter(given.text)))
    return WriterData((*data.written, given.text), data.reminded), effects


def remember(data: WriterData, given: Recover) -> Result:
    texts = tuple(record.value.text for record in given.records)
    return WriterData(texts), ()


def arm(data: WriterData, given: Arm) -> Result:
    return data, (SetTimer(REMINDER, 10),)


def disarm(data: WriterData, given: Disarm) -> Result:
    return data, (CancelTimer(REMINDER),)


def be_reminded(data: WriterData, given: Any) -> Result:
    return WriterData(data.written, data.reminded + 1), ()


def hear(data: ReaderData, given: Received) -> tuple[ReaderData, tuple[Effect, ...]]:
    return ReaderData((*data.heard, given.message.text)), ()


class Writer(Machine):
    writing = State(initial=True)

    local_write1 = writing.to(writing, internal=True, cond=is_new, on=write)
    local_recover = writing.to(writing, internal=True, on=remember)
    local_arm = writing.to(writing, internal=True, on=arm)
    local_disarm = writing.to(writing, internal=True, on=disarm)
    timeout_reminder = writing.to(writing, internal=True, on=be_reminded)
    ignored = {("writing", "local_write1"): "written already"}


class Reader(Machine):
    reading = State(initial=True)

    recv_letter = reading.to(reading, internal=True, on=hear)


WRITER = compile_machine(Writer)
READER = compile_machine(Reader)


def letters(*texts: str, commands: tuple[Command, ...] | None = None, boots: bool = False, **options: Any) -> Model:
    """A writer who may write each text once, a reader who hears them."""
    wanted = tuple(Write1(text) for text in texts) if commands is None else commands
    final = options.pop("final", lambda _local: True)
    writer = Node(
        "writer",
        WriterData(),
        WRITER.step,
        lambda _local: wanted,
        boots=boots,
        rules=WRITER.rule_names,
        final=lambda _local: True,
    )
    reader = Node("reader", ReaderData(), READER.step, rules=READER.rule_names, final=final)
    return Model("letters", (writer, reader), options.pop("properties", ()), **options)


def heard(local: Local) -> tuple[str, ...]:
    """What a reader heard; nothing for a writer or a process that is down."""
    return getattr(local.data, "heard", ())
