"""The checkers: each module finds one and says how to run it, or what is missing."""

from collections.abc import Callable, Sequence

from bench.peers.contender import Contender, Options
from bench.peers.tools import ours, python, spin, stateright, tlc

TOOLS: dict[str, Callable[[Options], Sequence[Contender]]] = {
    "coordfsm": ours.find,
    "reference": ours.find_reference,
    "spin": spin.find,
    "stateright": stateright.find,
    "tlc": tlc.find,
    "minicheck": python.find_minicheck,
    "musil": python.find_musil,
}
"""How to find each checker; raises `MissingError` if it is not installed."""
