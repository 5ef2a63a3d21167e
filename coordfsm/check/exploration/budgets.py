"""What is left of what: the budgets of a model, in the order in which a state holds them."""

from collections.abc import Mapping

from coordfsm.check.modelling.ingredients import STORE_FAULTS
from coordfsm.check.modelling.model import Each, Model

ALL_NODES = -1
"""In the place of a node's position: a budget of all nodes together."""
FAULT_NAMES = ("crash", "partition", *STORE_FAULTS)
"""The budgets of `Faults`."""
NO_BUDGET = -1
"""In the place of a budget: nothing is counted."""


class Budgets:
    """The budgets that have a bound. One that is `Each` of a number is one a node.

    Attributes:
        names: what each is called.
        first: what each holds at the start.
    """

    def __init__(self, model: Model) -> None:
        nodes = [node.name for node in model.nodes]
        held = {
            (name, at): most.most if isinstance(most, Each) else most
            for name, most in _bounded(model).items()
            for at in (_holders(model, name) if isinstance(most, Each) else [ALL_NODES])
        }
        self.names = tuple(name if at == ALL_NODES else f"{name} of {nodes[at]}" for name, at in held)
        self.first = tuple(held.values())
        self._keys = tuple(held)
        self._numbers = {key: number for number, key in enumerate(held)}

    def of(self, name: str, position: int = ALL_NODES) -> int:
        """The budget (by its place) that something at a node spends: the node's own or that of all, or `NO_BUDGET`."""
        all_nodes = self._numbers.get((name, ALL_NODES), NO_BUDGET)
        return self._numbers.get((name, position), all_nodes)

    def image(self, number: int, positions: Mapping[int, int]) -> int:
        """The budget that takes the place of another when nodes change theirs; `NO_BUDGET`: there is none."""
        name, position = self._keys[number]
        return self._numbers.get((name, positions.get(position, position)), NO_BUDGET)


def _bounded(model: Model) -> dict[str, int | Each]:
    network, faults = model.network, model.faults
    given = {name: getattr(network, name) for name in ("loss", "duplicate") if getattr(network, name, 0)}
    given |= {name: getattr(faults, name) for name in FAULT_NAMES if getattr(faults, name)}
    return given | {name: model.budgets[name] for name in sorted(model.budgets)}


def _holders(model: Model, name: str) -> list[int]:
    """The nodes that have a budget of their own."""
    crashable = model.faults.crashable
    all_ = crashable is None or name != "crash"
    return [at for at, node in enumerate(model.nodes) if all_ or node.name in (crashable or ())]


__all__ = ["ALL_NODES", "NO_BUDGET", "Budgets"]
