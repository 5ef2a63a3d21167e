"""One simulated process: the machine, its timers, and the durable records that outlive it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coordfsm.kernel import Endpoint, Input, Step, Timer, Write

MachineStep = Callable[[Any, Input], Step]


@dataclass
class Process:
    """A process and its store.

    Attributes:
        endpoint: its address.
        step: the machine.
        initial: the machine's data before the first input.
        data: None while the process is down.
        durable: records that survive a crash, sorted by key.
        timers: the timers that are set, each with the appointment that fires it.
        lives: how often it was started.
        doomed: it crashes within its next step, between two of its effects.
    """

    endpoint: Endpoint
    step: MachineStep
    initial: Any
    data: Any = None
    durable: tuple[Write, ...] = ()
    timers: dict[Timer, int] = field(default_factory=dict)
    lives: int = 0
    doomed: bool = False

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self.data is not None
