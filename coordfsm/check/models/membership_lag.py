"""A member that lags far behind is told, by a snapshot, of a later view with it or without it; crashes at any point.

The process runs lifecycle, catch-up and view change as they are. The environment is one process of the later views
that tells of them in any order, late and again.
"""

from functools import partial
from typing import Annotated, Any

from coordfsm.check.modelling.model import Faults, Local, Model, Node, Property, UnreliableSet
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.membership_chain import PROCESS, process
from coordfsm.check.models.membership_consensus import first_view
from coordfsm.kernel import Command, Input, Send, Step, Value
from coordfsm.protocols.membership.data import stamp_of
from coordfsm.protocols.membership.events import Leave, MemberShunned
from coordfsm.protocols.membership.messages import MemberId, ViewSnapshot
from coordfsm.protocols.membership.properties import (
    ACTING,
    STATEMENTS,
    History,
    Observed,
    monotonic,
    observe,
    remember,
    self_inclusion,
)
from coordfsm.protocols.view import View

LAGGARD, TELLER = "a", "b"
FIRST = first_view(2)
WITHOUT = View(FIRST.lineage, 6, "without", FIRST.members[1:])
WITH = View(FIRST.lineage, 4, "with", FIRST.members)


class Tell(Command):
    """The environment sends the laggard a snapshot of a later view."""

    view: View


class Teller(Value):
    """The environment remembers nothing."""

    state: str = "telling"


class Told(Value):
    """What properties remember of the laggard.

    Attributes:
        past: as for every process.
        out_of: the highest view that is without it and that it heard of; 0: none.
    """

    past: History = History()
    out_of: int = 0


def fold(history: Told, event: Value) -> Told:
    """One more notification."""
    out_of = max(history.out_of, event.view.number) if isinstance(event, MemberShunned) else history.out_of
    return Told(remember(history.past, event), out_of)


def tell(data: Teller, given: Input) -> Step:
    """Send what the environment says; hear nothing."""
    if not isinstance(given, Tell):
        return Step(data, (), ())
    snapshot = ViewSnapshot(stamp_of(given.view), MemberId(TELLER, 1), given.view)
    return Step(data, (Send(LAGGARD, snapshot),), ("tell",))


def build(
    *,
    tells: Annotated[int, Parameter("snapshots that are sent", minimum=1, maximum=3)] = 2,
    crashes: Annotated[int, Parameter("crashes, each followed by a recovery or not", minimum=0)] = 2,
    leaves: Annotated[int, Parameter("how often the laggard leaves", minimum=0, maximum=1)] = 1,
) -> Model:
    """A member that lags far behind hears of a later view, with it or without it, and crashes at any point."""

    def seen(local: Local) -> tuple[Observed, int]:
        history: Any = local.history
        if isinstance(local.data, Teller):
            return observe(Local(None)), 0
        return observe(Local(local.data, local.durable, local.timers, history.past)), history.out_of

    def of_laggard(predicate: Any) -> Any:
        return lambda observed: predicate((observed[0][0],))

    def stays_out(observed: tuple[tuple[Observed, int], ...]) -> bool:
        process, out_of = observed[0]
        return process.lifecycle not in ACTING or process.view is None or process.view.number >= out_of

    laggard = process(LAGGARD, FIRST, lambda _local: (Leave(),), PROCESS)
    nodes = (
        Node(
            laggard.name,
            laggard.initial,
            laggard.step,
            laggard.commands,
            boots=True,
            durable=laggard.durable,
            history=fold,
            first_history=Told(),
            rules=laggard.rules,
        ),
        Node(TELLER, Teller(), tell, lambda _local: (Tell(WITHOUT), Tell(WITH)), first_history=Told()),
    )
    statement = "A process that heard of a view without it acts in no earlier one again, also after a restart."
    invariant = partial(Property, observe=seen)
    return Model(
        name="membership-lag",
        parameters={"tells": tells, "crashes": crashes, "leaves": leaves},
        nodes=nodes,
        network=UnreliableSet(),
        faults=Faults(crash=crashes, crashable=(LAGGARD,)),
        budgets={"local_tell": tells, "local_leave": leaves}
        | dict.fromkeys(("timeout_rejoin", "timeout_leave", "timeout_join"), 1),
        properties=(
            invariant("M3", STATEMENTS["M3"], of_laggard(monotonic)),
            invariant("M4", STATEMENTS["M4"], of_laggard(self_inclusion)),
            invariant("M4-told", statement, stays_out),
            Property("M-told", "A laggard can hear that it is out.", lambda seen: seen[0][1] > 0, "sometimes", seen),
        ),
    )


DEFAULTS: dict[str, tuple[dict[str, int], ...]] = {"membership-lag": ({},)}
MODELS = {"membership-lag": build}
