"""How the machines of membership are broken: replacements of their guards, actions and helper functions."""

from collections.abc import Callable
from inspect import signature
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from coordfsm.check.modelling.model import Model
from coordfsm.check.models import membership_chain
from coordfsm.kernel import Effect, Map, Notify, Persist, Raise, Send, SetTimer, TransitionTable, fingerprint
from coordfsm.protocols.membership import chain, evidence, stamps
from coordfsm.protocols.membership.chain import is_member
from coordfsm.protocols.membership.cut_detection import admission
from coordfsm.protocols.membership.cut_detection import rules as cut_rules
from coordfsm.protocols.membership.data import VIEW_KEY, IdentityRecord, current_view, stamp_of
from coordfsm.protocols.membership.events import HandedOver, ViewChanged
from coordfsm.protocols.membership.failure_detection import rules as detector_rules
from coordfsm.protocols.membership.lifecycle import belonging, joining
from coordfsm.protocols.membership.messages import NO_CUT, Stamp
from coordfsm.protocols.membership.view_change import catch_up, consensus, handover
from coordfsm.protocols.view import ViewInstalled
from coordfsm.testing.mutants.substitute import check_shape, substitute, substitute_in_model, with_rule

Action = Callable[..., Any]


# -- ways to break an action ------------------------------------------------------------------------------------------


def forgetful(action: Action) -> Action:
    """The same action, but nothing becomes durable."""

    def variant(data: Any, given: Any, context: Any) -> Any:
        data, effects = action(data, given, context)
        return data, tuple(effect for effect in effects if not isinstance(effect, Persist))

    return variant


def hasty(action: Action) -> Action:
    """The same action, but it sends before it persists."""

    def variant(data: Any, given: Any, context: Any) -> Any:
        data, effects = action(data, given, context)
        told = tuple(effect for effect in effects if isinstance(effect, Send | Notify))
        return data, (*told, *(effect for effect in effects if not isinstance(effect, Send | Notify)))

    return variant


def silent(action: Action) -> Action:
    """The same action, but nothing is sent."""

    def variant(data: Any, given: Any, context: Any) -> Any:
        data, effects = action(data, given, context)
        return data, tuple(effect for effect in effects if not isinstance(effect, Send))

    return variant


def patched(*changes: tuple[object, str, object]) -> Callable[[TransitionTable], TransitionTable]:
    """Every guard and action of a table, run with other helper functions: (module, name, replacement)."""
    for module, name, other in changes:
        real = getattr(module, name)
        if callable(real) and callable(other):
            check_shape(name, other, (len(signature(real).parameters),))

    def under(function: Action) -> Action:
        def variant(data: Any, given: Any, context: Any) -> Any:
            patches = [patch.object(module, name, other) for module, name, other in changes]
            for change in patches:
                change.start()
            try:
                return function(data, given, context)
            finally:
                for change in patches:
                    change.stop()

        return variant

    def edit(table: TransitionTable) -> TransitionTable:
        rules = {
            key: tuple(
                rule._replace(
                    guards=tuple((under(guard), expected) for guard, expected in rule.guards),
                    action=None if rule.action is None else under(rule.action),
                )
                for rule in group
            )
            for key, group in table.rules.items()
        }
        return TransitionTable(table.declaration, table.states, table.initial, rules, table.ignored)

    return edit


# -- consensus --------------------------------------------------------------------------------------------------------


def half_is_enough(data: Any, given: Any, context: Any) -> bool:
    """Half of the members, instead of more than half."""
    return 2 * len(data.answers | {given.message.origin.node, context.node}) >= len(data.view.members)


def shrunken_electorate(data: Any, given: Any, context: Any) -> bool:
    """A majority of those that this process does not condemn."""
    electorate = len(data.view.members) - len(data.wish.condemned)
    return len(data.answers | {given.message.origin.node, context.node}) >= electorate // 2 + 1


def any_answer_is_enough(data: Any, given: Any, context: Any) -> bool:
    """Those who do not answer must be dead."""
    return True


def never(data: Any, given: Any, context: Any) -> bool:
    """Never."""
    return False


def always(data: Any, given: Any, context: Any) -> bool:
    """Always."""
    return True


def propose_own(data: Any, given: Any, context: Any) -> Any:
    """Propose the own cut if there is one, whatever was accepted before."""
    if data.wish == NO_CUT:
        return consensus.propose_found(data, given, context)
    without = replace(data, accepted=None, promises=Map())
    unheard = replace(given, message=replace(given.message, accepted=None))
    return consensus.propose_found(without, unheard, context)


def promise_without_report(data: Any, given: Any, context: Any) -> Any:
    """Promise, but keep to oneself what was accepted."""
    data, effects = consensus.promise(data, given, context)
    return data, tuple(
        replace(effect, message=replace(effect.message, accepted=None)) if isinstance(effect, Send) else effect
        for effect in effects
    )


def propose_again(data: Any, given: Any, context: Any) -> Any:
    """A new snapshot of the cut, at the same ballot."""
    return consensus.propose_first(replace(data, answers=frozenset()), given, context)


def vote_again(table: TransitionTable) -> TransitionTable:
    """Votes are repeated within a view when the proposer's cut changes, without a new ballot."""
    return with_rule(table, "accepting", "local_propose_cut", "accepting", on=propose_again)


def accept_and_forget_promise(data: Any, given: Any, context: Any) -> bool:
    """The coordinator may use ballot (0, 0) whatever it promised."""
    return consensus.own_rank(data, context) == 0


def any_view(data: Any, given: Any, context: Any) -> bool:
    """A message counts whatever view it is from, as long as its sender is a member now."""
    view = current_view(context)
    return view is not None and is_member(view, given.message.origin)


# -- views ------------------------------------------------------------------------------------------------------------


def follow_without_joiners(data: Any, given: Any, context: Any) -> Any:
    """The cut names joiners, but this process has no data of them, and installs without."""
    decision = given.message.decisions[0]
    following = chain.next_view(data.view, replace(decision.cut, joining=()))
    data, effects = handover.follow(data, given, context)
    if not decision.cut.joining:
        return data, effects
    told = (Notify(ViewChanged(following)), Raise(ViewInstalled(following)))
    return replace(data, view=following), (*(e for e in effects if not isinstance(e, Notify | Raise | Persist)), *told)


def id_of_nodes(view: Any) -> str:
    """A view's id from the node ids of its members alone."""
    return f"{fingerprint(tuple(member.node for member in view.members)):032x}"


def stamp_of_set(view: Any) -> Stamp:
    """What messages say of their view: the set of its members."""
    return Stamp(view.lineage, 0, id_of_nodes(view))


def from_same_set(data: Any, given: Any, context: Any) -> bool:
    """The message is from a member of a view with the same set of nodes."""
    view = current_view(context)
    if view is None or given.message.stamp != stamp_of_set(view):
        return False
    return given.message.origin.node in {member.node for member in view.members}


def ids_of_sets(model: Model) -> Model:
    """Messages name the set of members, and are compared by it."""
    modules = (consensus, handover, stamps, catch_up, joining, cut_rules, membership_chain)
    stamped = patched(*((module, "stamp_of", stamp_of_set) for module in modules))
    for machine in ("ViewChange", "CatchUp", "Lifecycle", "Suspicion"):
        model = substitute_in_model(model, machine, stamped)
    model = substitute_in_model(model, "ViewChange", lambda table: substitute(table, {"is_current": from_same_set}))
    return substitute_in_model(
        model, "CatchUp", lambda table: substitute(table, {"is_behind": never, "is_ahead": never})
    )


def asks_this_view(data: Any, given: Any, context: Any) -> bool:
    """Whoever asks to join this view is let in."""
    view = current_view(context)
    return view is not None and given.message.stamp == stamp_of(view)


def let_anybody_in(model: Model) -> Model:
    """Neither members nor joiners compare labels."""
    model = substitute_in_model(
        model, "Lifecycle", lambda table: substitute(table, {"is_refused": never, "is_invited": always})
    )
    return substitute_in_model(model, "Suspicion", lambda table: substitute(table, {"is_admissible": asks_this_view}))


def keep_incarnation(data: Any, given: Any, context: Any) -> Any:
    """Ask to join with the incarnation one had."""
    bound, effects = joining.bind_and_ask(data, given, context)
    kept = max(data.incarnation, 1)

    def renamed(effect: Effect) -> Effect:
        if isinstance(effect, Send):
            member = replace(effect.message.member, incarnation=kept)  # type: ignore[attr-defined]
            return replace(effect, message=replace(effect.message, member=member))
        if isinstance(effect, Persist):
            record = IdentityRecord(kept, bound.joins)
            return Persist((replace(effect.writes[0], value=record),))
        return effect

    return replace(bound, incarnation=kept), tuple(renamed(effect) for effect in effects)


def no_newest(view: Any, node: str) -> int:
    """Any incarnation is new enough."""
    return 0


def rejoin_with_old_incarnation(model: Model) -> Model:
    """Nobody checks incarnations, and the shunned keeps its own."""
    lax = patched((chain, "newest", no_newest), (admission, "newest", no_newest))
    for machine in ("ViewChange", "CatchUp", "Lifecycle", "Suspicion"):
        model = substitute_in_model(model, machine, lax)
    return substitute_in_model(model, "Lifecycle", lambda table: substitute(table, {"bind_and_ask": keep_incarnation}))


def share_nothing(joiner: Any, context: Any) -> bool:
    """Nobody looks at the addresses of other joiners."""
    return False


def join_without_asking(data: Any, given: Any, context: Any) -> bool:
    """Install any view that welcomes one's node id."""
    return any(member.node == context.node for member in given.message.view.members)


def forget_request(data: Any, given: Any, context: Any) -> Any:
    """Whatever was asked for is forgotten with the exclusion."""
    data, effects = joining.be_shunned(data, given, context)
    return replace(data, joins=None), effects


def follow_blindly(data: Any, given: Any, context: Any) -> Any:
    """Install the view that excludes this process, and go on."""
    steps = list(chain.walk(data.view, given.message.decisions))
    following = steps[-1][1]
    told = (Notify(ViewChanged(following)), Raise(ViewInstalled(following)))
    return replace(data, view=following, chain=()), told


# -- leaving, wedging, forcing ----------------------------------------------------------------------------------------


def go_at_once(table: TransitionTable) -> TransitionTable:
    """Tell the others, and go without waiting."""

    def tell_and_go(data: Any, given: Any, context: Any) -> Any:
        _, told = belonging.leave(data, given, context)
        data, effects = belonging.go(data, given, context)
        return data, (*(effect for effect in told if isinstance(effect, Send)), *effects)

    return with_rule(table, "member", "local_leave", "left", on=tell_and_go)


def retire_at_once(data: Any, given: Any, context: Any) -> Any:
    """Step out and go, without handing the decision over."""
    data, effects = handover.follow_and_retire(data, given, context)
    return data, (*(effect for effect in effects if not isinstance(effect, Send)), Raise(HandedOver()))


def decide_and_go(data: Any, given: Any, context: Any) -> Any:
    """Decide the own leave and go, without handing the decision over."""
    data, effects = handover.hand_over(data, data.cut, context)
    return data, (*(effect for effect in effects if not isinstance(effect, Send)), Raise(HandedOver()))


def forced_in_same_lineage(view: Any, survivors: tuple[str, ...], token: str) -> Any:
    """A forced view that pretends to be the next of the old lineage."""
    return replace(real_forced_view(view, survivors, token), lineage=view.lineage)


real_forced_view = belonging.forced_view


def one_is_enough(count: int) -> int:
    """One condemnation is enough."""
    return 1


def dead_or_leaving(data: Any, context: Any, view: Any, node: str, dead: frozenset[str]) -> bool:
    """Whoever is in the cut counts as condemning, leavers too."""
    return real_is_dead(data, context, view, node, dead | {member.node for member in data.leaving})


real_is_dead = cut_rules._is_dead  # noqa: SLF001  (the flaw sits inside the rule)


def accusations_condemn(data: Any, field: str, context: Any, subject: Any, monitor: str) -> Any:
    """An accusation counts as a condemnation at once; nobody gets the time to rebut."""
    return real_speak_against(data, "condemning", context, subject, monitor)


real_speak_against = cut_rules._speak_against  # noqa: SLF001  (as above)


def keep_for_ever(data: Any, context: Any) -> Any:
    """Whatever was said once counts until it is withdrawn."""
    return data


def keep_requests(data: Any, context: Any) -> Any:
    """Only condemnations have to be repeated."""
    return replace(real_looked_through(data, context), joining=data.joining, unrepeated=frozenset())


real_looked_through = evidence.looked_through


def miss_and_stop(data: Any, given: Any, context: Any) -> Any:
    """Count the missed probe, and send no other."""
    data, effects = detector_rules.miss_first(data, given, context)
    return data, tuple(effect for effect in effects if not isinstance(effect, SetTimer | Send))


def hear_and_stop(data: Any, given: Any, context: Any) -> Any:
    """Alive, and so it will be."""
    data, effects = detector_rules.hear(data, given, context)
    return data, tuple(effect for effect in effects if not isinstance(effect, SetTimer))


def was_member_by_view(data: Any, given: Any, context: Any) -> bool:
    """A view in the store is taken for membership in it."""
    return any(record.key == VIEW_KEY for record in given.records)
