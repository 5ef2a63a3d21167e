"""The failure detector: one machine per (monitor, subject)."""

from statemachine import State

from coordfsm.kernel import Family, Machine, compile_machine
from coordfsm.protocols.membership.declaring import moving, within
from coordfsm.protocols.membership.failure_detection import rules as rule
from coordfsm.protocols.membership.stamps import is_current


class Detector(Machine):
    """trusted: answers probes. accused: missed too many, may rebut. condemned: did not rebut in time."""

    trusted = State(initial=True)
    accused = State()
    condemned = State()

    local_view_installed = moving(trusted, trusted, accused, condemned, cond=rule.is_subject, on=rule.watch) | moving(
        trusted, trusted, accused, condemned, on=rule.release
    )
    local_excluded = local_abandon_view = moving(trusted, trusted, accused, condemned, on=rule.release)

    timeout_probe = within(trusted, condemned, on=rule.send_probe)
    local_probe_now = within(trusted, cond=rule.is_idle, on=rule.send_probe)
    recv_accusation = recv_condemnation = within(trusted, cond=[is_current, rule.is_suspicious], on=rule.send_probe)
    timeout_probe_late = (
        trusted.to(accused, cond=[rule.misses_much, rule.hears_others], on=rule.accuse)
        | within(trusted, cond=rule.misses_much, on=rule.doubt_self)
        | within(trusted, cond=rule.is_first, on=rule.miss_first)
        | within(trusted, accused, on=rule.miss)
        | within(condemned, on=rule.miss_condemned)
    )
    recv_probe_ack = (
        within(trusted, cond=rule.is_from_subject, on=rule.hear)
        | accused.to(trusted, cond=rule.is_from_subject, on=rule.hear_accused)
        | condemned.to(trusted, cond=[rule.is_from_subject, rule.is_recovered], on=rule.exonerate)
        | within(condemned, cond=rule.is_from_subject, on=rule.hear_condemned)
    )
    recv_contact_reply = within(trusted, cond=rule.is_spoken_by_subject, on=rule.hear_contact) | accused.to(
        trusted, cond=rule.is_spoken_by_subject, on=rule.hear_contact_accused
    )
    recv_rebuttal = accused.to(trusted, cond=[is_current, rule.is_newer_note], on=rule.accept_rebuttal) | within(
        trusted, condemned, cond=[is_current, rule.is_newer_note], on=rule.note_epoch
    )
    timeout_rebuttal = accused.to(condemned, on=rule.condemn)
    timeout_condemned = within(condemned, on=rule.repeat_condemnation)
    local_reinforce = trusted.to(condemned, cond=rule.misses_now, on=rule.condemn) | accused.to(
        condemned, on=rule.condemn
    )

    ignored = {
        ("*", "recv_probe_ack"): "from a former incarnation",
        ("*", "local_probe_now"): "a probe is under way, or the subject is suspected already",
        ("*", "recv_accusation"): "known, of another view, or a probe is under way",
        ("*", "recv_condemnation"): "known, of another view, or a probe is under way",
        ("accused", "timeout_probe"): "a probe is always under way",
        ("*", "recv_contact_reply"): "one answer is not enough for the condemned; or of another view",
        ("*", "recv_rebuttal"): "an old note, or of another view",
        ("*", "timeout_rebuttal"): "rebutted in time",
        ("*", "timeout_condemned"): "withdrawn",
        ("*", "local_reinforce"): "the subject answers, or is condemned already",
    }


DETECTOR = compile_machine(Detector)

DETECTORS = Family(rule.detectors_concerned, rule.first_data)
