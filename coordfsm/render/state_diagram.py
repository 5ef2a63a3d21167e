"""A machine's picture as data, taken from its compiled table, so that it cannot drift from what runs.

Rules that change the state are arrows, those between the same two states stacked in one label; rules that stay
are listed inside their state, as UML does. What all states of a compound state have in common leaves it as one arrow.
What the machine ignores is not drawn. ``[else]`` marks the rule that is taken when no guarded rule before it was.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from coordfsm.kernel import Rule, TransitionTable

Rules = Iterable[tuple[Rule, bool]]
"""Rules, each with whether it is taken only when no guarded one before it was."""


@dataclass(frozen=True)
class Label:
    """What moves the machine: ``event, event [guard and guard] / action``.

    Attributes:
        events: all that have these guards and this action; none in an overview that tells the action alone.
        guards: names, in the order in which they are tried; ``else`` alone where guarded rules come first.
        action: name; empty if there is none.
    """

    events: tuple[str, ...]
    guards: tuple[str, ...]
    action: str

    def words(self) -> tuple[tuple[str, str], ...]:
        """The label as (kind, word), to be broken only between words; kinds are event, guard and action."""
        events = [("event", f"{event},") for event in self.events[:-1]] + [("event", last) for last in self.events[-1:]]
        guards = [("guard", name if position == 0 else f"and {name}") for position, name in enumerate(self.guards)]
        if guards:
            guards[0] = ("guard", f"[{guards[0][1]}")
            guards[-1] = ("guard", f"{guards[-1][1]}]")
        return (*events, *guards, *([("action", f"/ {self.action}")] if self.action else []))

    def __str__(self) -> str:
        return " ".join(word for _, word in self.words())


@dataclass(frozen=True)
class Box:
    """A state.

    Attributes:
        id: leaf state id.
        initial: whether the machine starts here.
        final: whether nothing leads out.
        labels: the rules that stay here.
    """

    id: str
    initial: bool
    final: bool
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class Group:
    """A compound state.

    Attributes:
        id: its state id.
        leaves: the ids of all leaves inside, at any depth.
        members: the ids of the leaves directly inside.
        groups: the compound states directly inside.
    """

    id: str
    leaves: tuple[str, ...]
    members: tuple[str, ...]
    groups: tuple["Group", ...]


@dataclass(frozen=True)
class Arrow:
    """All rules from one state (or from every state of a compound state) to another.

    Attributes:
        source: a state, or a compound state.
        target: a state.
        labels: what moves the machine.
        dashed: only a restart does; in an overview.
    """

    source: str
    target: str
    labels: tuple[Label, ...]
    dashed: bool = False


@dataclass(frozen=True)
class Diagram:
    """A machine's picture.

    Attributes:
        name: the machine's class name.
        summary: the first line of its docstring.
        boxes: the states, declared order.
        groups: the outermost compound states.
        arrows: at most one between two states.
        legend: what a reader must know to read it.
    """

    name: str
    summary: str
    boxes: tuple[Box, ...]
    groups: tuple[Group, ...]
    arrows: tuple[Arrow, ...]
    legend: str = ""

    def all_groups(self) -> Iterator[Group]:
        """Every compound state, outer before inner."""

        def walk(groups: Iterable[Group]) -> Iterator[Group]:
            for group in groups:
                yield group
                yield from walk(group.groups)

        return walk(self.groups)


def diagram_of(table: TransitionTable) -> Diagram:
    """The picture of a compiled machine, in declared order."""
    return assemble(table, _labels)


def assemble(table: TransitionTable, labels_of: Callable[[Rules], tuple[Label, ...]]) -> Diagram:
    """The picture of a compiled machine, with the labels that a function makes of the rules between two states."""
    moves: dict[tuple[str, str], list[tuple[Rule, bool]]] = {}
    for rules in table.rules.values():
        for rule in rules:
            is_else = not rule.guards and rule is not rules[0]
            moves.setdefault((rule.source, rule.target), []).append((rule, is_else))
    leaving = {source for source, target in moves if source != target}
    boxes = tuple(
        Box(state, state == table.initial, state not in leaving, labels_of(moves.get((state, state), [])))
        for state in table.states
    )
    arrows = tuple(
        Arrow(source, target, labels_of(moves[source, target]))
        for source in table.states
        for target in table.states
        if source != target and (source, target) in moves
    )
    groups = tuple(_groups(table.declaration.states))
    summary = (table.declaration.__doc__ or "").strip().split("\n")[0]
    diagram = Diagram(table.name, summary, boxes, groups, arrows)
    for group in diagram.all_groups():
        arrows = _share(group, arrows)
    return Diagram(table.name, summary, boxes, groups, arrows)


def _groups(states: Iterable[Any]) -> Iterator[Group]:
    for state in states:
        if state.states:
            inner = tuple(_groups(state.states))
            members = tuple(child.id for child in state.states if not child.states)
            yield Group(state.id, (*members, *(leaf for group in inner for leaf in group.leaves)), members, inner)


def _labels(rules: Rules) -> tuple[Label, ...]:
    """One label for each guard and action, with all events that share them."""
    shared: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for rule, is_else in rules:
        guards = ("else",) if is_else else rule.guard_names
        shared.setdefault((guards, rule.action_name), []).append(rule.event)
    return tuple(Label(tuple(dict.fromkeys(events)), guards, action) for (guards, action), events in shared.items())


def _share(group: Group, arrows: tuple[Arrow, ...]) -> tuple[Arrow, ...]:
    """What all leaves of a group have in common leaves from the group as one arrow."""
    held = {(arrow.source, arrow.target): arrow.labels for arrow in arrows}
    shared: list[Arrow] = []
    for target in dict.fromkeys(arrow.target for arrow in arrows if arrow.target not in group.leaves):
        of_leaves = [held.get((leaf, target), ()) for leaf in group.leaves]
        common = tuple(label for label in of_leaves[0] if all(label in labels for labels in of_leaves))
        if common and len(group.leaves) > 1:
            shared.append(Arrow(group.id, target, common))
            for leaf in group.leaves:
                held[leaf, target] = tuple(label for label in held[leaf, target] if label not in common)
    return (*(Arrow(*ends, labels) for ends, labels in held.items() if labels), *shared)
