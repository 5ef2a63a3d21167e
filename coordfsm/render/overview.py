"""The overview of a machine: its states, and which events lead from one to another.

Rules that stay in their state and guards are left out; the full diagram has them. Where many events lead from one state
to another, the few actions say more. What only a restart does is a dashed arrow without a label: a machine that reads
its state from its records has one to nearly every state.
"""

from dataclasses import replace

from coordfsm.kernel import TransitionTable
from coordfsm.render.state_diagram import Arrow, Diagram, Label, Rules, assemble

RESTART = "local_recover"
MOST_LINES = 4
"""On one arrow; the full diagram has the others."""
LEGEND = "Dashed: after a restart, from what the records say."


def overview_of(table: TransitionTable) -> Diagram:
    """The overview of a compiled machine, in declared order."""
    diagram = assemble(table, _causes)
    boxes = tuple(replace(box, labels=()) for box in diagram.boxes)
    arrows = tuple(_shortened(arrow) for arrow in diagram.arrows)
    legend = LEGEND if any(arrow.dashed for arrow in arrows) else ""
    return replace(diagram, boxes=boxes, arrows=arrows, legend=legend)


def _causes(rules: Rules) -> tuple[Label, ...]:
    """Each event with its action, once."""
    return tuple(dict.fromkeys(Label((rule.event,), (), rule.action_name) for rule, _ in rules))


def _shortened(arrow: Arrow) -> Arrow:
    causes = tuple(label for label in arrow.labels if label.events != (RESTART,))
    labels = tuple(dict.fromkeys(Label(cause.events, (), "") for cause in causes))
    if len(labels) > MOST_LINES:
        labels = tuple(dict.fromkeys(Label((), (), cause.action) for cause in causes if cause.action))
    if len(labels) > MOST_LINES:
        left_out = len(labels) - MOST_LINES + 1
        labels = (*labels[: MOST_LINES - 1], Label((f"and {left_out} more",), (), ""))
    return replace(arrow, labels=labels, dashed=not causes)
