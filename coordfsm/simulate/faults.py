"""Faults as data: a schedule says what goes wrong and when, and is made from a seed or written by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from coordfsm.kernel import Endpoint
from coordfsm.simulate.network import CALM, Weather


@dataclass(frozen=True)
class Crash:
    """The process loses everything volatile. `torn`: within its next step, between two effects."""

    process: Endpoint
    torn: bool = False


@dataclass(frozen=True)
class Restart:
    """The process starts again with its durable records. One that is up is left alone."""

    process: Endpoint


@dataclass(frozen=True)
class Partition:
    """Nothing passes between the groups."""

    groups: tuple[tuple[Endpoint, ...], ...]


@dataclass(frozen=True)
class CutLinks:
    """Nothing passes from the senders to the receivers; the other direction works."""

    senders: tuple[Endpoint, ...]
    receivers: tuple[Endpoint, ...]


@dataclass(frozen=True)
class Heal:
    """All links work again."""


@dataclass(frozen=True)
class ChangeWeather:
    """Delay, loss and duplication from now on."""

    weather: Weather


Fault = Crash | Restart | Partition | CutLinks | Heal | ChangeWeather
Schedule = tuple[tuple[int, Fault], ...]
"""Pairs (virtual time in milliseconds, fault), in any order."""


def random_schedule(
    seed: int,
    processes: Sequence[Endpoint],
    *,
    until_ms: int,
    faults: int = 10,
    down_at_once: int = 1,
    weather: Weather = CALM,
) -> Schedule:
    """A schedule of crashes, partitions and bad weather that has ended at `until_ms`: all up, connected, calm.

    Args:
        seed: the same seed gives the same schedule.
        processes: whom it may hit.
        until_ms: when the last of it is repaired.
        faults: how many things go wrong.
        down_at_once: processes that may be down at the same time.
        weather: the bad weather that may come.

    Raises:
        ValueError: there is nobody to hit, or no time to do it in.
    """
    if not processes or until_ms < 2 * (faults + 1):
        raise ValueError(f"{faults} faults need a process and {2 * (faults + 1)} ms, not {until_ms}")
    chance = Random(seed)  # noqa: S311  (a simulation, not a secret)
    times = sorted(chance.sample(range(1, until_ms), faults))
    schedule: list[tuple[int, Fault]] = []
    down: dict[Endpoint, int] = {}
    for at_ms in times:
        ends_ms = chance.randint(at_ms + 1, until_ms)
        down = {process: end for process, end in down.items() if end > at_ms}
        up = [process for process in processes if process not in down]
        kind = chance.choice(("crash", "crash", "partition", "one-way", "weather"))
        if kind == "crash" and len(down) < down_at_once and up:
            victim = chance.choice(up)
            down[victim] = ends_ms
            schedule += [(at_ms, Crash(victim, torn=chance.random() < 0.5)), (ends_ms, Restart(victim))]
        elif kind == "weather":
            schedule += [(at_ms, ChangeWeather(weather)), (ends_ms, ChangeWeather(CALM))]
        else:
            schedule += [(at_ms, _split(chance, processes, one_way=kind == "one-way")), (ends_ms, Heal())]
    end: list[tuple[int, Fault]] = [(until_ms, Heal()), (until_ms, ChangeWeather(CALM))]
    return (*schedule, *end, *((until_ms, Restart(process)) for process in processes))


def _split(chance: Random, processes: Sequence[Endpoint], *, one_way: bool) -> Fault:
    shuffled = chance.sample(list(processes), len(processes))
    middle = chance.randint(0, len(shuffled))
    left, right = tuple(shuffled[:middle]), tuple(shuffled[middle:])
    return CutLinks(left, right) if one_way else Partition((left, right))
