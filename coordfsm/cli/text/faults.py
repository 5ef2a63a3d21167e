"""What may go wrong in a model, in a few words."""

from collections.abc import Iterator

from coordfsm.check.modelling.ingredients import STORE_FAULTS
from coordfsm.check.modelling.model import UNLIMITED, Budget, Each, Model, Ordered, UnreliableSet


def faults_text(model: Model) -> str:
    """The faults of a model with their budgets, ``any`` where there is none."""
    starts = [f"{len(model.starts)} starts"] if len(model.starts) > 1 else []
    return ", ".join((*starts, *_network(model), *_processes(model)))


def _network(model: Model) -> Iterator[str]:
    network = model.network
    if isinstance(network, UnreliableSet):
        yield "any loss, duplication, reordering"
        return
    if network.loss != 0:
        yield f"loss {_budget(network.loss)}"
    if network.duplicate:
        yield f"duplication {network.duplicate}"
    yield "in order" if isinstance(network, Ordered) else "any reordering"


def _processes(model: Model) -> Iterator[str]:
    faults = model.faults
    if faults.crash:
        kinds = [name for name, given in (("recovery", faults.recover), ("torn", faults.torn)) if given]
        suffix = f" with {' and '.join(kinds)}" if kinds else ""
        crash = f"{faults.crash.most} a node" if isinstance(faults.crash, Each) else faults.crash
        yield f"crash {crash}{suffix}".replace("and torn", "and torn steps").replace("with torn", "with torn steps")
    if faults.partition:
        yield f"partition {faults.partition}"
    for name in STORE_FAULTS:
        if getattr(faults, name):
            yield f"{name} {getattr(faults, name)}"
    if model.boundary is not None:
        yield "bounded"


def _budget(budget: Budget) -> str:
    return "any" if budget is UNLIMITED else str(budget)
