"""Broken variants of membership: the view change's consensus, its durability, and what surrounds it.

Many are real: found by reading or replaying Delos and Rapid.
"""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from coordfsm.check.model import Model
from coordfsm.check.models import membership_chain
from coordfsm.kernel import Effect, Map, Notify, Persist, Raise, Send, SetTimer, TransitionTable, fingerprint
from coordfsm.protocols.membership import (
    admission,
    belonging,
    catch_up,
    chain,
    consensus,
    cut_rules,
    detector_rules,
    handover,
    joining,
    stamps,
)
from coordfsm.protocols.membership.chain import is_member
from coordfsm.protocols.membership.data import IdentityRecord, current_view, stamp_of
from coordfsm.protocols.membership.events import HandedOver, ViewChanged
from coordfsm.protocols.membership.messages import NO_CUT, Stamp
from coordfsm.protocols.view import ViewInstalled
from coordfsm.testing.mutants.mutant import Mutant
from coordfsm.testing.mutants.substitute import substitute, substitute_in_model, with_rule

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


def join_without_asking(data: Any, given: Any, context: Any) -> bool:
    """Install any view that welcomes one's node id."""
    return any(member.node == context.node for member in given.message.view.members)


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


def miss_and_stop(data: Any, given: Any, context: Any) -> Any:
    """Count the missed probe, and send no other."""
    data, effects = detector_rules.miss(data, given, context)
    return data, tuple(effect for effect in effects if not isinstance(effect, SetTimer))


def _consensus(name: str, flaw: str, property_id: str, source: str = "own", **more: Any) -> Mutant:
    parameters = more.pop("parameters", {})
    return Mutant(
        name=name,
        machine=more.pop("machine", "ViewChange"),
        property=property_id,
        flaw=flaw,
        source=source,
        model=more.pop("model", "membership-consensus"),
        parameters=parameters,
        **more,
    )


MUTANTS = (
    _consensus(
        "quorum-of-half",
        "Half of the members decide, so that two halves decide differently.",
        "M1",
        parameters={"members": 4, "proposers": 2, "wishes": 2, "crashes": 0},
        functions={"completes_quorum": half_is_enough},
    ),
    _consensus(
        "electorate-shrinks",
        "A majority of those that the proposer does not condemn decides.",
        "M1",
        "Delos",
        parameters={"members": 4, "proposers": 2, "wishes": 2, "crashes": 0},
        functions={"completes_quorum": shrunken_electorate},
    ),
    _consensus(
        "minority-installs",
        "Whoever does not answer must be dead: any answer decides.",
        "M2",
        parameters={"members": 5, "wishes": 1, "takeovers": 0, "crashes": 0},
        functions={"completes_quorum": any_answer_is_enough},
    ),
    _consensus(
        "promise-not-durable",
        "A promise is forgotten in a crash.",
        "M7",
        parameters={"wishes": 2, "crashes": 1},
        functions={"promise": forgetful(consensus.promise)},
    ),
    _consensus(
        "acceptance-not-durable",
        "An acceptance is forgotten in a crash.",
        "M7",
        parameters={"wishes": 2, "crashes": 1},
        functions={"accept": forgetful(consensus.accept)},
    ),
    _consensus(
        "promise-sent-before-durable",
        "A promise leaves before it is durable.",
        "M7",
        parameters={"wishes": 2, "crashes": 1},
        functions={"promise": hasty(consensus.promise)},
    ),
    _consensus(
        "acceptance-sent-before-durable",
        "An acceptance leaves before it is durable.",
        "M7",
        parameters={"wishes": 2, "crashes": 1},
        functions={"accept": hasty(consensus.accept)},
    ),
    _consensus(
        "proposal-not-durable",
        "A crashed coordinator uses ballot (0, 0) again for another cut.",
        "M7",
        parameters={"wishes": 2, "takeovers": 0, "crashes": 1},
        functions={"propose_first": forgetful(consensus.propose_first)},
    ),
    _consensus(
        "proposal-sent-before-durable",
        "A proposal leaves before the proposer's own acceptance is durable.",
        "M7",
        parameters={"wishes": 2, "takeovers": 0, "crashes": 1},
        functions={"propose_first": hasty(consensus.propose_first)},
    ),
    _consensus(
        "accepted-value-ignored",
        "A proposer that learns of an accepted cut while preparing proposes its own.",
        "M7",
        parameters={"wishes": 2, "crashes": 0},
        functions={"propose_found": propose_own},
    ),
    _consensus(
        "promise-without-report",
        "A promise does not say what was accepted.",
        "M7",
        parameters={"wishes": 2, "crashes": 0},
        functions={"promise": promise_without_report},
    ),
    _consensus(
        "old-ballot-accepted",
        "A promise binds nobody: a lower ballot is accepted after it.",
        "M7",
        parameters={"wishes": 2, "crashes": 0},
        functions={"is_outranked": never},
    ),
    _consensus(
        "coordinator-ignores-promise",
        "The coordinator uses ballot (0, 0) although it promised a higher one.",
        "M7",
        parameters={"wishes": 2, "crashes": 0},
        functions={"leads": accept_and_forget_promise},
    ),
    _consensus(
        "votes-repeated-without-ballot",
        "When its cut changes, the proposer asks again at the same ballot.",
        "M7",
        "Delos",
        parameters={"wishes": 2, "takeovers": 0, "crashes": 0},
        edit=vote_again,
    ),
    _consensus(
        "view-not-durable",
        "The decided view is forgotten in a crash, and installed again.",
        "M3",
        parameters={"wishes": 1, "takeovers": 1, "crashes": 1},
        functions={"decide": forgetful(consensus.decide)},
    ),
    _consensus(
        "followed-view-not-durable",
        "A view that others decided is forgotten in a crash, and installed again.",
        "M3",
        parameters={"wishes": 1, "takeovers": 0, "crashes": 1},
        functions={"follow": forgetful(handover.follow)},
    ),
    _consensus(
        "late-votes-count",
        "Votes of an earlier view count in a later one.",
        "M2",
        model="membership-chain",
        parameters={"members": 3, "joiners": 0, "suspicions": 2, "rejoins": 0},
        functions={"is_current": any_view},
    ),
    _consensus(
        "view-id-of-set",
        "The view's id is a hash of the set of members, and an old vote is replayed when the set recurs.",
        "M2",
        "Delos",
        model="membership-chain",
        parameters={"members": 2, "joiners": 0, "suspicions": 2, "rejoins": 1, "views": 3},
        transform=ids_of_sets,
    ),
    _consensus(
        "cut-of-ids",
        "The cut holds ids only, and a process that lacks a joiner's data installs without it.",
        "M1",
        "Delos",
        model="membership-chain",
        parameters={"members": 2, "joiners": 1, "suspicions": 0, "rejoins": 0},
        functions={"follow": follow_without_joiners},
    ),
    _consensus(
        "excluded-goes-on",
        "A member that learns of a view without it goes on acting.",
        "M4",
        "Delos",
        model="membership-chain",
        parameters={"members": 2, "joiners": 0, "suspicions": 1, "rejoins": 0},
        functions={"follow_out": follow_blindly},
        edit=lambda table: with_rule(
            table, "stable", "recv_view_decision", "stable", cond=(handover.chains_on,), on=follow_blindly
        ),
    ),
    Mutant(
        name="rejoin-with-old-incarnation",
        machine="Lifecycle",
        property="M6",
        flaw="A shunned member rejoins with its old incarnation, and nobody checks.",
        source="own",
        model="membership-chain",
        parameters={"members": 2, "joiners": 0, "suspicions": 1, "rejoins": 1},
        transform=rejoin_with_old_incarnation,
    ),
    Mutant(
        name="incarnation-not-durable",
        machine="Lifecycle",
        property="M4",
        flaw="The raised incarnation is forgotten in a crash.",
        source="own",
        model="membership-join",
        parameters={"joiners": 1, "retries": 0, "crashes": 1},
        functions={"bind_and_ask": forgetful(joining.bind_and_ask)},
    ),
    Mutant(
        name="welcome-for-another",
        machine="Lifecycle",
        property="M4",
        flaw="A joiner enters a view that has its node id in another incarnation.",
        source="own",
        model="membership-join",
        parameters={"joiners": 1, "retries": 2, "crashes": 0},
        functions={"welcomes_self": join_without_asking},
    ),
    Mutant(
        name="label-not-checked",
        machine="Lifecycle",
        property="M5-label",
        flaw="A joiner with another cluster's label is let in.",
        source="own",
        model="membership-join",
        parameters={"joiners": 1, "strangers": 1, "retries": 0},
        transform=let_anybody_in,
    ),
    Mutant(
        name="refuses-in-silence",
        machine="Lifecycle",
        property="M-refused",
        flaw="A joiner with another cluster's label is not told why it is refused.",
        source="own",
        model="membership-join",
        parameters={"joiners": 1, "strangers": 1, "retries": 0},
        functions={"refuse_joiner": silent(joining.refuse_joiner)},
    ),
    Mutant(
        name="removed-is-never-told",
        machine="CatchUp",
        property="ML3",
        flaw="A removed but live member is not told when it shows up, and goes on acting.",
        source="Delos",
        model="membership-leave",
        parameters={"leaves": 0, "suspicions": 1},
        functions={"lead_onwards": silent(catch_up.lead_onwards)},
    ),
    Mutant(
        name="leaver-goes-at-once",
        machine="Lifecycle",
        property="ML3",
        flaw="A leaver does not wait: the view that its vote decided can no longer be learned.",
        source="own",
        model="membership-leave",
        parameters={"probes": False},
        edit=go_at_once,
    ),
    _consensus(
        "retires-without-handover",
        "A leaver goes before a majority of the next view has it.",
        "ML3",
        model="membership-leave",
        parameters={"takeovers": 1, "probes": False},
        functions={"follow_and_retire": retire_at_once, "decide": decide_and_go},
    ),
    Mutant(
        name="never-wedged",
        machine="Lifecycle",
        property="M-wedged",
        flaw="A member that hears nobody goes on as if it did.",
        source="own",
        model="membership-wedge",
        parameters={},
        functions={"heard_majority": always},
    ),
    Mutant(
        name="never-healed",
        machine="Lifecycle",
        property="ML3-fair",
        flaw="A wedged member ignores that a majority is back.",
        source="own",
        model="membership-wedge",
        parameters={"members": 2, "losses": 0},
        functions={"hears_majority": never},
    ),
    Mutant(
        name="forced-view-in-old-lineage",
        machine="Lifecycle",
        property="M1",
        flaw="A forced view takes the next number of the old lineage.",
        source="own",
        model="membership-wedge",
        parameters={"members": 2, "doubts": 2, "partitions": 0, "forced": 2},
        edit=patched((belonging, "forced_view", forced_in_same_lineage)),
    ),
    Mutant(
        name="one-condemnation-is-enough",
        machine="CutDetector",
        property="ML4",
        flaw="A single monitor with a bad link has a healthy member removed.",
        source="own",
        model="membership-cut",
        edit=patched((cut_rules, "high_mark", one_is_enough)),
    ),
    Mutant(
        name="leaver-counts-as-condemning",
        machine="CutDetector",
        property="ML4",
        flaw="A leaver counts as condemning: one lossy link, one crash and one leaver remove a healthy member.",
        source="own",
        model="membership-cut",
        parameters={"leaves": 1, "withdrawals": 0},
        edit=patched((cut_rules, "_is_dead", dead_or_leaving)),
    ),
    Mutant(
        name="accusation-condemns",
        machine="CutDetector",
        property="M5",
        flaw="An accusation counts as a condemnation before the accused could rebut it.",
        source="own",
        model="membership-cut",
        parameters={"accusations": 3, "withdrawals": 0},
        edit=patched((cut_rules, "_speak_against", accusations_condemn)),
    ),
    Mutant(
        name="misses-not-counted",
        machine="Detector",
        property="ML1-fair",
        flaw="However many probes a subject misses, it is not accused.",
        source="own",
        model="membership-detector",
        parameters={"losses": 0},
        functions={"misses_much": never},
    ),
    Mutant(
        name="probing-stops",
        machine="Detector",
        property="ML1",
        flaw="After a missed probe no other is sent.",
        source="own",
        model="membership-detector",
        functions={"miss": miss_and_stop},
    ),
    Mutant(
        name="condemned-for-ever",
        machine="Detector",
        property="ML4",
        flaw="A condemned subject that answers again is never trusted again.",
        source="Rapid",
        model="membership-detector",
        parameters={"crashes": 0},
        functions={"is_recovered": never},
    ),
    Mutant(
        name="answers-ignored",
        machine="Detector",
        property="ML4",
        flaw="Answers to probes count for nothing.",
        source="own",
        model="membership-detector",
        parameters={"crashes": 0},
        functions={"is_from_subject": never},
    ),
    Mutant(
        name="blames-others-first",
        machine="Detector",
        property="ML4-self",
        flaw="A monitor that misses everybody accuses everybody.",
        source="own",
        model="membership-detector",
        parameters={"subjects": 2, "crashes": 0},
        functions={"hears_others": always},
    ),
    Mutant(
        name="probe-not-answered",
        machine="Lifecycle",
        property="ML4",
        flaw="A member does not answer probes.",
        source="own",
        model="membership-detector",
        parameters={"crashes": 0},
        functions={"answer_probe": silent(belonging.answer_probe)},
    ),
)
