"""A model: a description that has been checked, ready to be explored."""

from dataclasses import dataclass

from coordfsm.check.modelling.ingredients import (
    UNLIMITED,
    Budget,
    Description,
    Each,
    Envelope,
    Faults,
    History,
    Local,
    Multiset,
    Network,
    Node,
    Observer,
    Occurrence,
    Ordered,
    Partition,
    Property,
    PropertyKind,
    Reading,
    Start,
    UnreliableSet,
    every_start,
    no_commands,
    no_history,
    whole_local,
)
from coordfsm.check.modelling.validation import validate

__all__ = [
    "UNLIMITED",
    "Budget",
    "Description",
    "Each",
    "Envelope",
    "Faults",
    "History",
    "Local",
    "Model",
    "Multiset",
    "Network",
    "Node",
    "Observer",
    "Occurrence",
    "Ordered",
    "Partition",
    "Property",
    "PropertyKind",
    "Reading",
    "Start",
    "UnreliableSet",
    "every_start",
    "no_commands",
    "no_history",
    "whole_local",
]


@dataclass(frozen=True)
class Model(Description):
    """A bounded model, ready to be explored.

    Attributes:
        name: as given to ``coordfsm verify``.
        parameters: the parameters it was built with.
        nodes: the processes, in the order of the observations.
        properties: what must hold.
        network: how messages travel.
        faults: what else may go wrong.
        budgets: how often an event (``local_migrate``, ``timeout_vote``) may happen over all nodes, or at every
            node where it is `Each` of a number; absent: no bound.
            A name that no node's `rules` or `events` has is refused; if a node states no `rules` (as compiled
            machines name them, ``source --event--> target``), names cannot be checked.
        boundary: a successor whose changed local state is outside is not explored (and counted as cut off); what
            follows there is not known, so a property that needs it is ``incomplete``. To go on there is no deadlock.
        starts: the ways in which things can stand at first; all are explored. None: as the nodes say.
        observer: what keeps one history of all nodes; None: nobody does.
        deadlock: whether a state without successors in which some node is not `final` is a violation.
        symmetric: groups of node names that are interchangeable.
        rename: how symmetry acts on values that hold node names: ``(value, {old name: new name}) -> value``; None: a
            generic renaming of every string that equals a node's name.
    """

    def __post_init__(self) -> None:
        """Check all that the model says.

        Raises:
            ModelError: a field, a node or a property is not what it must be; what was expected is named.
        """
        validate(self)
