"""The simulated network: delay, loss, duplication, reordering by unequal delays, and links that are cut."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from coordfsm.kernel import Endpoint


@dataclass(frozen=True)
class Weather:
    """How messages fare.

    Attributes:
        fastest_ms: shortest delay of a message.
        slowest_ms: longest; delays are spread evenly between the two, so messages overtake each other.
        loss: probability that a message vanishes.
        duplicate: probability that it arrives twice.
    """

    fastest_ms: int = 1
    slowest_ms: int = 5
    loss: float = 0.0
    duplicate: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.fastest_ms <= self.slowest_ms:
            raise ValueError(f"delays must satisfy 0 <= fastest <= slowest, not {self.fastest_ms}, {self.slowest_ms}")
        for name in ("loss", "duplicate"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a probability from 0 to 1, not {getattr(self, name)}")


CALM = Weather()
"""Short delays; nothing is lost or doubled."""

ROUGH = Weather(slowest_ms=60, loss=0.1, duplicate=0.05)
"""Delays up to 60 ms, a tenth of the messages lost, a twentieth doubled."""


class Network:
    """Decides the fate of each message by the seed alone."""

    def __init__(self, random: Random, weather: Weather = CALM) -> None:
        self.weather = weather
        self._random = random
        self._cut: set[tuple[Endpoint, Endpoint]] = set()

    def arrivals(self, sender: Endpoint, receiver: Endpoint) -> tuple[int, ...]:
        """After how many milliseconds a message sent now arrives: never, once or twice."""
        weather, chance = self.weather, self._random.random
        if (sender, receiver) in self._cut or chance() < weather.loss:
            return ()
        copies = 2 if chance() < weather.duplicate else 1
        return tuple(self._random.randint(weather.fastest_ms, weather.slowest_ms) for _ in range(copies))

    def cut(self, senders: Iterable[Endpoint], receivers: Iterable[Endpoint]) -> None:
        """Nothing passes from any of the senders to any of the receivers; the other direction is as it was."""
        targets = tuple(receivers)
        self._cut.update((sender, receiver) for sender in senders for receiver in targets if sender != receiver)

    def partition(self, *groups: Iterable[Endpoint]) -> None:
        """Nothing passes between the groups, in either direction."""
        sides = [tuple(group) for group in groups]
        for side in sides:
            for other in sides:
                if other is not side:
                    self.cut(side, other)

    def heal(self) -> None:
        """All links work again."""
        self._cut.clear()

    def is_cut(self, sender: Endpoint, receiver: Endpoint) -> bool:
        """Whether the link is cut."""
        return (sender, receiver) in self._cut
