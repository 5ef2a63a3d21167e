"""The audit of views: M1 to M4 and M6 of the property catalogue."""

from collections import defaultdict
from functools import cache
from itertools import pairwise
from typing import Any

from coordfsm.protocols.view import Member, View
from coordfsm_runtime.traces.evidence import Content, Evidence, Finding, Findings

CHECKED = {
    "M1": "no two processes install different views of one lineage and number",
    "M2": "every view follows from the one before it in its lineage",
    "M3": "the view numbers that a process installs strictly increase within a lineage",
    "M4": "a process installs only views that contain it",
    "M6": "a removed incarnation is in no later view",
}

Views = dict[tuple[str, int], dict[str, Content]]
"""(lineage, number) to the different views installed under it, by the members and parent they have."""


def installed_views(evidence: Evidence) -> Views:
    """Every view that some process installed, by lineage and number."""
    views: Views = defaultdict(dict)
    for event in evidence.told_of("ViewChanged"):
        view = event.content["view"]
        members = " ".join(f"{m['node']}.{m['incarnation']}" for m in view["members"])
        views[view["lineage"], view["number"]][f"{members} after {view['parent'][:8]}"] = view
    return dict(sorted(views.items()))


def members_by_view(evidence: Evidence) -> dict[str, frozenset[tuple[str, int]]]:
    """View id to the (node, incarnation) pairs in it."""
    variants = (view for views in installed_views(evidence).values() for view in views.values())
    return {view_id(view): _members(view) for view in variants}


def view_id(view: Content) -> str:
    members = tuple((m["node"], m["incarnation"], m["endpoint"]) for m in view["members"])
    return _view_id(view["lineage"], view["number"], view["parent"], members)


@cache
def _view_id(lineage: str, number: int, parent: str, members: tuple[tuple[str, int, str], ...]) -> str:
    return View(lineage, number, parent, tuple(Member(*member) for member in members)).id


def _members(view: Content) -> frozenset[tuple[str, int]]:
    return frozenset((member["node"], member["incarnation"]) for member in view["members"])


def check_agreement(evidence: Evidence) -> Findings:
    """M1."""
    for (_, number), variants in installed_views(evidence).items():
        if len(variants) > 1:
            yield Finding("M1", f"view {number} was installed as: {'; '.join(variants)}")


def _lineages(evidence: Evidence) -> dict[str, list[Content]]:
    chains: dict[str, list[Content]] = defaultdict(list)
    for (lineage, _), variants in installed_views(evidence).items():
        chains[lineage].append(next(iter(variants.values())))
    return chains


def check_chain(evidence: Evidence) -> Findings:
    """M2: a view names the one before it as its parent; gaps are possible where no trace saw a view."""
    for chain in _lineages(evidence).values():
        for before, after in pairwise(chain):
            if after["number"] == before["number"] + 1 and after["parent"] != view_id(before):
                yield Finding("M2", f"view {after['number']} does not follow from view {before['number']}")


def check_monotonic(evidence: Evidence) -> Findings:
    """M3."""
    newest: dict[tuple[str, str], tuple[int, Any]] = {}
    for event in evidence.told_of("ViewChanged"):
        view = event.content["view"]
        key = (event.node, view["lineage"])
        number, before = newest.get(key, (0, None))
        # After a restart a process tells the view again in which it came back.
        if view["number"] < number or (view["number"] == number and view != before):
            yield Finding("M3", f"{event.node} installed view {view['number']} after {number}")
        newest[key] = (view["number"], view)


def check_self(evidence: Evidence) -> Findings:
    """M4."""
    for event in evidence.told_of("ViewChanged"):
        view = event.content["view"]
        if event.node not in {member["node"] for member in view["members"]}:
            yield Finding("M4", f"{event.node} installed view {view['number']}, of which it is no member")


def check_no_return(evidence: Evidence) -> Findings:
    """M6."""
    for chain in _lineages(evidence).values():
        gone: dict[tuple[str, int], int] = {}
        for before, after in pairwise(chain):
            gone |= {member: int(after["number"]) for member in _members(before) - _members(after)}
            for node, incarnation in sorted(_members(after) & gone.keys()):
                yield Finding(
                    "M6", f"{node}.{incarnation} left by view {gone[node, incarnation]}, back in {after['number']}"
                )


CHECKS = (check_agreement, check_chain, check_no_return, check_monotonic, check_self)
