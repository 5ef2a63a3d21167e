"""From view to view: what a cut does, which cuts fit a view, and the chain of decisions.

A view follows from its parent and the decided cut alone; nothing is looked up elsewhere. So whoever has one view
and the decisions since has the same later views as everybody else.
"""

from collections.abc import Iterator

from coordfsm.kernel import Value
from coordfsm.protocols.membership.messages import NO_CUT, Cut, Decision, MemberId
from coordfsm.protocols.view import Member, View, member_of, ring_order


def next_view(view: View, cut: Cut) -> View:
    """The view that follows `view` when its members decide `cut`."""
    gone = {removed.node for removed in (*cut.condemned, *cut.leaving)}
    members = [member for member in view.members if member.node not in gone] + list(cut.joining)
    return View(view.lineage, view.number + 1, view.id, tuple(sorted(members, key=lambda member: member.node)))


def fits(view: View, cut: Cut) -> bool:
    """Whether members of `view` may decide `cut`.

    It changes something, removes only members (in their incarnation), leaves somebody, and admits each node once, under
    a new incarnation, at an address that no other member has.
    """
    removed = (*cut.condemned, *cut.leaving)
    if cut == NO_CUT or len({member.node for member in removed}) != len(removed):
        return False
    if not all(is_member(view, member) for member in removed):
        return False
    members = next_view(view, cut).members
    distinct = len({member.node for member in members}) == len({member.endpoint for member in members}) == len(members)
    return bool(members) and distinct and all(joiner.incarnation > newest(view, joiner.node) for joiner in cut.joining)


def newest(view: View, node: str) -> int:
    """The highest incarnation that `node` can have had by the time of `view`; a joiner's must be higher.

    An incarnation is at least the number of the first view it is in, and joins one view only (it is bound to that view
    when it asks), so that no list of removed members is needed.
    """
    member = member_of(view, node)
    return max(view.number, 0 if member is None else member.incarnation)


def is_member(view: View, member: MemberId) -> bool:
    """Whether a view contains a node in exactly this incarnation."""
    held = member_of(view, member.node)
    return held is not None and held.incarnation == member.incarnation


def decision_of(view: View, cut: Cut) -> Decision:
    """The link from a view to its successor."""
    return Decision(view.number, view.id, cut, next_view(view, cut).id)


def walk(view: View, decisions: tuple[Decision, ...]) -> Iterator[tuple[Decision, View]]:
    """The views that `decisions` lead to from `view`, with the decision behind each, as far as they chain."""
    for decision in decisions:
        if decision.number < view.number:
            continue
        if (decision.number, decision.view_id) != (view.number, view.id) or not fits(view, decision.cut):
            return
        view = next_view(view, decision.cut)
        if view.id != decision.result:
            return
        yield decision, view


def without_lapse(cut: Cut, view: View) -> Cut:
    """The cut, except that a cluster is never left without members: its ring coordinator stays until it is alone."""
    if next_view(view, cut).members:
        return cut
    last = ring_order(view)[0]
    stays = MemberId(last.node, last.incarnation)
    kept = [tuple(member for member in group if member != stays) for group in (cut.condemned, cut.leaving)]
    return Cut(kept[0], kept[1], cut.joining)


class Links(Value):
    """What a member that lags behind is given: decisions if they reach back far enough, else the whole view."""

    decisions: tuple[Decision, ...] = ()
    view: View | None = None


def links_from(chain: tuple[Decision, ...], view: View, number: int, view_id: str) -> Links:
    """How a process in (or last in) `view`, with `chain`, leads a member of view (`number`, `view_id`) onwards."""
    later = tuple(decision for decision in chain if decision.number >= number)
    if later and (later[0].number, later[0].view_id) == (number, view_id):
        return Links(later)
    return Links((), view) if view.number > number else Links()


def joined_member(view: View, node: str, incarnation: int) -> Member | None:
    """The member with this node id if it has this incarnation."""
    member = member_of(view, node)
    return member if member is not None and member.incarnation == incarnation else None
