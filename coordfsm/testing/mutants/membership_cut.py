"""Broken cut detection: evidence that counts too early, too long, or from those who go."""

from coordfsm.protocols.membership.cut_detection import admission
from coordfsm.protocols.membership.cut_detection import rules as cut_rules
from coordfsm.testing.mutants.membership_flaws import (
    accusations_condemn,
    dead_or_leaving,
    keep_for_ever,
    keep_requests,
    one_is_enough,
    patched,
    share_nothing,
)
from coordfsm.testing.mutants.mutant import Mutant

MUTANTS = (
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
        name="evidence-kept-for-ever",
        machine="CutDetector",
        property="ML4-stale",
        flaw="A condemnation counts until it is withdrawn, which a monitor that restarts never does.",
        source="own",
        model="membership-cut",
        parameters={"lossy": 0, "withdrawals": 0, "looks": 2},
        edit=patched((cut_rules, "looked_through", keep_for_ever)),
    ),
    Mutant(
        name="request-kept-for-ever",
        machine="CutDetector",
        property="M5-stale",
        flaw="A request to join counts for as long as the view lasts, although its joiner has gone elsewhere.",
        source="own",
        model="membership-cut",
        parameters={"crashed": 0, "lossy": 0, "withdrawals": 0, "joins": 1, "looks": 3},
        edit=patched((cut_rules, "looked_through", keep_requests)),
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
        name="shared-address-admitted",
        machine="CutDetector",
        property="ML2-fits",
        flaw="Two joiners with one address are noted for the same cut, which can then not be decided.",
        source="own",
        model="membership-cut",
        parameters={"crashed": 0, "lossy": 0, "joins": 2, "withdrawals": 0},
        edit=patched((admission, "shares_address", share_nothing)),
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
)
