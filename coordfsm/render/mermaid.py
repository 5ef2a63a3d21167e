"""A state diagram as mermaid text (stateDiagram-v2), which many web pages and forges draw by themselves."""

from collections.abc import Iterator

from coordfsm.render.state_diagram import Diagram, Group, Label


def to_mermaid(diagram: Diagram) -> str:
    """The mermaid text of a state diagram: the same bytes for the same machine."""
    grouped = {leaf for group in diagram.groups for leaf in group.leaves}
    lines = ["---", f"title: {diagram.name}", "---", "stateDiagram-v2"]
    for group in diagram.groups:
        lines += _group(group, "  ")
    lines += [f"  state {box.id}" for box in diagram.boxes if box.id not in grouped]
    lines += [f"  [*] --> {box.id}" for box in diagram.boxes if box.initial]
    for arrow in diagram.arrows:
        told = "<br/>".join(map(_text, arrow.labels)) or "after a restart"
        lines.append(f"  {arrow.source} --> {arrow.target} : {told}")
    lines += [f"  {box.id} --> [*]" for box in diagram.boxes if box.final and not box.initial]
    for box in diagram.boxes:
        if box.labels:
            lines += [f"  note right of {box.id}", *(f"    {_text(label)}" for label in box.labels), "  end note"]
    return "\n".join(lines) + "\n"


def _group(group: Group, indent: str) -> Iterator[str]:
    yield f"{indent}state {group.id} {{"
    for member in group.members:
        yield f"{indent}  state {member}"
    for inner in group.groups:
        yield from _group(inner, indent + "  ")
    yield f"{indent}}}"


def _text(label: Label) -> str:
    return str(label)
