"""The kernel: data, inputs, effects, declarations and their compiled tables. No I/O, no clock, no chance."""

from coordfsm.kernel.codec import Decoder, encode, fingerprint
from coordfsm.kernel.composition import Composition, Family, Part, Steppable
from coordfsm.kernel.data import Map, Value
from coordfsm.kernel.declaration import Machine
from coordfsm.kernel.effects import CancelTimer, Effect, Notify, Persist, Raise, Send, SetTimer, apply_writes
from coordfsm.kernel.errors import (
    CoordfsmError,
    DeclarationError,
    EncodingError,
    ModelError,
    ParameterError,
    UndeclaredEventError,
)
from coordfsm.kernel.inputs import (
    Command,
    Endpoint,
    Input,
    Message,
    Received,
    Recover,
    Timer,
    TimerFired,
    Write,
    event_of,
)
from coordfsm.kernel.ranges import LARGEST_NUMBER, LONGEST_TEXT, not_ascending, out_of_range
from coordfsm.kernel.table import Rule, Step, TransitionTable, compile_machine

__all__ = [
    "LARGEST_NUMBER",
    "LONGEST_TEXT",
    "CancelTimer",
    "Command",
    "Composition",
    "CoordfsmError",
    "DeclarationError",
    "Decoder",
    "Effect",
    "EncodingError",
    "Endpoint",
    "Family",
    "Input",
    "Machine",
    "Map",
    "Message",
    "ModelError",
    "Notify",
    "ParameterError",
    "Part",
    "Persist",
    "Raise",
    "Received",
    "Recover",
    "Rule",
    "Send",
    "SetTimer",
    "Step",
    "Steppable",
    "Timer",
    "TimerFired",
    "TransitionTable",
    "UndeclaredEventError",
    "Value",
    "Write",
    "apply_writes",
    "compile_machine",
    "encode",
    "event_of",
    "fingerprint",
    "not_ascending",
    "out_of_range",
]
