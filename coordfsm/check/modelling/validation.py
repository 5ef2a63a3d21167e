"""Whether a model is well formed: whatever it says must be able to have an effect, or it is refused."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from coordfsm.check.modelling.ingredients import (
    STORE_FAULTS,
    Description,
    Each,
    Envelope,
    Faults,
    Multiset,
    Network,
    Node,
    Observer,
    Ordered,
    Partition,
    Property,
    PropertyKind,
    Reading,
    Start,
    UnreliableSet,
)
from coordfsm.check.modelling.spelling import closest
from coordfsm.kernel import ModelError, Value, Write

RESERVED = ("deadlock", "error")
"""Ids under which the explorer itself reports."""

FAULT_BUDGETS = {
    "crash": "Faults(crash=...)",
    "partition": "Faults(partition=...)",
    "rollback": "Faults(rollback=...)",
    "clone": "Faults(clone=...)",
    "wipe": "Faults(wipe=...)",
    "loss": "the network's `loss`",
    "duplicate": "the network's `duplicate`",
}
"""What is budgeted elsewhere than in `Model.budgets`."""

EVENT = re.compile(r"--(\w+)-->")

Mistakes = Iterator[str]


def validate(model: Description) -> None:
    """Check every field of a model.

    Raises:
        ModelError: naming the field, the node or the property, and what was expected.
    """
    for checks in (
        _of_fields,
        _of_nodes,
        _of_properties,
        _of_network,
        _of_faults,
        _of_stores,
        _of_clones,
        _of_budgets,
        _of_symmetry,
        _of_reads,
        _of_starts,
        _of_observer,
    ):
        for mistake in checks(model):
            raise ModelError(f"{model.name if isinstance(model.name, str) else 'a model'}: {mistake}")


def _of_fields(model: Description) -> Mistakes:
    yield from _text("name", model.name)
    yield from _items("nodes", model.nodes, Node)
    yield from _items("properties", model.properties, Property)
    yield from _typed("faults", model.faults, Faults, "a Faults")
    yield from _typed("network", model.network, get_args(Network), "an UnreliableSet, a Multiset or an Ordered")
    yield from _typed("parameters", model.parameters, Mapping, "a mapping from names to values")
    yield from _typed("budgets", model.budgets, Mapping, "a mapping from events to whole numbers")
    yield from _flag("deadlock", model.deadlock)
    if model.boundary is not None:
        yield from _function("boundary", model.boundary, 1)
    if model.rename is not None:
        yield from _function("rename", model.rename, 2)
    if not model.nodes:
        yield "it has no nodes, expected at least one"


def _of_nodes(model: Description) -> Mistakes:
    for node in model.nodes:
        yield from _text("the name of a node", node.name)
    yield from _distinct("nodes", "name", (node.name for node in model.nodes))
    for node in model.nodes:
        here = f"node {node.name}: "
        yield from _function(f"{here}step", node.step, 2)
        yield from _function(f"{here}commands", node.commands, 1)
        yield from _function(f"{here}history", node.history, 2)
        if node.final is not None:
            yield from _function(f"{here}final", node.final, 1)
        yield from _flag(f"{here}boots", node.boots)
        yield from _items(f"{here}durable", node.durable, Write)
        yield from _items(f"{here}rules", node.rules, str)
        yield from _items(f"{here}events", node.events, str)
        yield from _items(f"{here}fair", node.fair, str)
        yield from _of_fair_commands(f"{here}fair", node)
        yield from _items(f"{here}reads", node.reads, Reading)
        for reading in node.reads:
            yield from _function(f"{here}reads: of", reading.of, 1)
            yield from _function(f"{here}reads: commands", reading.commands, 2)


def _of_fair_commands(here: str, node: Node) -> Mistakes:
    events = _events_of(node)
    known = sorted(event for event in events if event.startswith("local_"))
    for event in node.fair:
        if not event.startswith("local_"):
            yield f"{here}: {event!r} is not a command, expected an event as `local_retry`{closest(event, known)}"
        if events - set(node.events) and event not in events:  # a node that states no rules may have any event
            yield f"{here}: the node has no such command, {event!r}{closest(event, known)}"


def _events_of(node: Node) -> set[str]:
    """The events that a node states."""
    return {event for rule in node.rules for event in EVENT.findall(rule)}.union(node.events)


def _of_properties(model: Description) -> Mistakes:
    for item in model.properties:
        yield from _text("the id of a property", item.id)
        if item.id in RESERVED:
            yield f"property {item.id}: the explorer itself reports under this id, expected another one"
    yield from _distinct("properties", "id", (item.id for item in model.properties))
    for item in model.properties:
        here = f"property {item.id}: "
        kinds = get_args(PropertyKind)
        if item.kind not in kinds:
            yield f"{here}kind {item.kind!r}, expected one of {', '.join(kinds)}{closest(str(item.kind), kinds)}"
        if (item.trigger is None) == (item.kind == "leads_to"):
            yield f"{here}a trigger goes with kind 'leads_to', and with that alone"
        yield from _typed(f"{here}statement", item.statement, str, "a sentence")
        if not isinstance(item.messages, bool):
            yield from _function(f"{here}messages", item.messages, 1, or_="True or False")
        yield from _function(f"{here}predicate", item.predicate, 1 + bool(item.messages))
        yield from _function(f"{here}observe", item.observe, 1)
        if item.trigger is not None:
            yield from _function(f"{here}trigger", item.trigger, 1 + bool(item.messages))


def _of_network(model: Description) -> Mistakes:
    network = model.network
    if network.loss is not None:
        yield from _whole("network: loss", network.loss, or_="UNLIMITED")
    if not isinstance(network, UnreliableSet):
        yield from _whole("network: duplicate", network.duplicate)
    if isinstance(network, Multiset):
        yield from _whole("network: copies", network.copies, least=1)
    if isinstance(network, Ordered) and network.capacity is not None:
        yield from _whole("network: capacity", network.capacity, least=1, or_="None")


def _of_faults(model: Description) -> Mistakes:
    faults, names = model.faults, [node.name for node in model.nodes]
    yield from _budget("faults: crash", faults.crash)
    yield from _whole("faults: partition", faults.partition)
    yield from _flag("faults: recover", faults.recover)
    yield from _flag("faults: torn", faults.torn)
    if faults.crashable is not None:
        yield from _items("faults: crashable", faults.crashable, str)
        yield from _known("faults: crashable", faults.crashable, names)
    yield from _items("faults: partitions", faults.partitions, Partition)
    for partition in faults.partitions:
        yield from _text("faults: the name of a partition", partition.name)
        here = f"partition {partition.name}: links"
        links = partition.links
        if not isinstance(links, frozenset) or not all(isinstance(link, tuple) and len(link) == 2 for link in links):
            yield f"{here} is {links!r:.80}, expected a frozenset of (sender, receiver) pairs"
        yield from _known(here, (name for link in sorted(links, key=repr) for name in link), names)
    yield from _distinct("partitions", "name", (partition.name for partition in faults.partitions))
    if faults.partition and not faults.partitions:
        yield f"faults: partition is {faults.partition}, but `partitions` names none that could happen"


def _of_stores(model: Description) -> Mistakes:
    faults = model.faults
    for name in STORE_FAULTS:
        yield from _whole(f"faults: {name}", getattr(faults, name))
    if faults.stores is not None:
        yield from _items("faults: stores", faults.stores, str)
        yield from _known("faults: stores", faults.stores, [node.name for node in model.nodes])
    named = [node for node in model.nodes if faults.stores is None or node.name in faults.stores]
    for name in STORE_FAULTS:
        here = f"faults: {name} is {getattr(faults, name)}"
        if getattr(faults, name) and not any(node.boots for node in named):
            yield f"{here}, but no node has a store to start from (`Node.boots`)"
        if name != "clone" and getattr(faults, name) and not (faults.crash and faults.recover):
            yield f"{here}, but no process stops and starts again; expected `crash` above 0 and `recover`"
    if faults.stores is not None and not any(getattr(faults, name) for name in STORE_FAULTS):
        yield "faults: stores names nodes, but nothing happens to a store; expected rollback, clone or wipe above 0"


def _of_clones(model: Description) -> Mistakes:
    nodes, faults = {node.name: node for node in model.nodes}, model.faults
    clones = [node for node in model.nodes if node.clone_of is not None]
    for clone in clones:
        here, original = f"node {clone.name}: clone_of", clone.clone_of or ""
        yield from _known(here, (original,), list(nodes))
        if nodes[original].clone_of is not None:
            yield f"{here} names {original!r}, which is a clone itself; expected the node with the first store"
        if not (clone.boots and nodes[original].boots):
            yield f"{here}: it starts from a store, expected `boots` of both nodes"
        if clone.durable or any(clone.name in {*start.initial, *start.durable} for start in model.starts):
            yield f"{here}: the store that it starts from is a copy, expected no records and no start of its own"
        if any(clone.name in group or original in group for group in model.symmetric):
            yield f"{here}: a clone and its original are not interchangeable; expected neither among `symmetric`"
    can = any(faults.stores is None or clone.clone_of in faults.stores for clone in clones)
    if faults.clone and not can:
        yield f"faults: clone is {faults.clone}, but no node is there to start from a copy (`Node.clone_of`)"
    if clones and not faults.clone:
        yield f"node {clones[0].name}: clone_of: nothing is ever copied, expected `Faults(clone=...)` above 0"


def _of_budgets(model: Description) -> Mistakes:
    by_node = [{event for rule in node.rules for event in EVENT.findall(rule)} for node in model.nodes]
    events = set[str]().union(*by_node, *(node.events for node in model.nodes))
    complete = all(by_node)  # a node that does not state its events may have any
    for event, most in model.budgets.items():
        here = f"budgets: {event!r}"
        if event in FAULT_BUDGETS:
            yield f"{here} is not an event; it is bounded by {FAULT_BUDGETS[event]}"
        if not isinstance(event, str) or not event.startswith(("local_", "timeout_")):
            yield (
                f"{here} is not a command or a timer, expected an event as `local_vote` or `timeout_vote`"
                f"{closest(str(event), sorted(events))}"
            )
        if complete and event not in events:
            yield f"{here}: no node has such an event{closest(event, sorted(events))}"
        yield from _budget(here, most)


def _of_symmetry(model: Description) -> Mistakes:
    names = [node.name for node in model.nodes]
    yield from _items("symmetric", model.symmetric, tuple)
    for group in model.symmetric:
        yield from _items("symmetric", group, str)
        yield from _known("symmetric", group, names)
    twice = _repeated(name for group in model.symmetric for name in group)
    if twice is not None:
        yield f"symmetric: {twice!r} is named twice, expected groups that have no node in common"


def _of_reads(model: Description) -> Mistakes:
    reads = any(node.reads for node in model.nodes)
    if reads and (model.network != UnreliableSet() or model.faults != Faults() or model.budgets):
        yield "a node reads what is in flight; expected an UnreliableSet without loss, no faults and no budgets"


def _of_starts(model: Description) -> Mistakes:
    names = [node.name for node in model.nodes]
    yield from _items("starts", model.starts, Start)
    for start in model.starts:
        yield from _text("the name of a start", start.name)
    yield from _distinct("starts", "name", (start.name for start in model.starts))
    for start in model.starts:
        here = f"start {start.name}: "
        for field in ("initial", "durable"):
            given = getattr(start, field)
            yield from _typed(f"{here}{field}", given, Mapping, "a mapping from nodes")
            yield from _known(f"{here}{field}", given, names)
        for node, data in start.initial.items():
            yield from _typed(f"{here}initial of {node}", data, Value, "the machine's data, a Value")
        for node, records in start.durable.items():
            yield from _items(f"{here}durable of {node}", records, Write)
        yield from _items(f"{here}in_flight", start.in_flight, Envelope)
        yield from _known(f"{here}in_flight", (envelope.receiver for envelope in start.in_flight), names)


def _of_observer(model: Description) -> Mistakes:
    if model.observer is None:
        return
    yield from _typed("observer", model.observer, Observer, "an Observer")
    yield from _function("observer: observe", model.observer.observe, 2)
    if any(node.reads for node in model.nodes):
        yield "observer: a node reads what is in flight; expected nodes that receive"


# -- what fields can be --------------------------------------------------------------------------------------------


def _typed(field: str, value: object, kind: Any, expected: str) -> Mistakes:
    if not isinstance(value, kind):
        yield f"{field} is {value!r:.80}, expected {expected}"


def _text(field: str, value: object) -> Mistakes:
    if not isinstance(value, str) or not value:
        yield f"{field} is {value!r:.80}, expected a text that is not empty"


def _flag(field: str, value: object) -> Mistakes:
    yield from _typed(field, value, bool, "True or False")


def _items(field: str, value: object, kind: type) -> Mistakes:
    if not isinstance(value, tuple) or not all(isinstance(item, kind) for item in value):
        yield f"{field} is {value!r:.80}, expected a tuple of {kind.__name__} (one alone: `(it,)`)"


def _whole(field: str, value: object, least: int = 0, or_: str = "") -> Mistakes:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        yield f"{field} is {value!r:.80}, expected a whole number of at least {least}{f', or {or_}' if or_ else ''}"


def _budget(field: str, value: object) -> Mistakes:
    if isinstance(value, Each):
        yield from _whole(f"{field}: Each", value.most)
    else:
        yield from _whole(field, value, or_="Each of one")


def _known(field: str, names: Iterable[str], nodes: list[str]) -> Mistakes:
    for name in names:
        if name not in nodes:
            hint = closest(str(name), nodes)
            yield f"{field} names {name!r}, which is no node{hint}; the nodes are {', '.join(nodes)}"


def _distinct(items: str, field: str, values: Iterable[str]) -> Mistakes:
    twice = _repeated(values)
    if twice is not None:
        yield f"two {items} have the same {field}, {twice!r}"


def _repeated(values: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _function(field: str, value: object, arguments: int, or_: str = "") -> Mistakes:
    expected = f"a function of {arguments} argument{'s' if arguments > 1 else ''}{or_ and f', or {or_}'}"
    if not callable(value):
        yield f"{field} is {value!r:.80}, expected {expected}"
    elif not _takes(value, arguments):
        yield f"{field} takes {inspect.signature(value)}, expected {expected}"


def _takes(function: Callable[..., Any], arguments: int) -> bool:
    """Whether a function can be called with so many arguments; yes where its signature is not known."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*[None] * arguments)
    except TypeError:
        return False
    return True
