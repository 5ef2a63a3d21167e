"""An application that serves nothing by itself: it confirms every freeze at once.

For models, simulations and tests in which no application takes time. Where one does, see `migration-service`.
"""

from typing import Any

from coordfsm.kernel import Input, Notify, Step, Steppable
from coordfsm.protocols.migration.messages import ConfirmStopped, EntityFrozen


def prompt_step(machines: Steppable, data: Any, given: Input) -> Step:
    """The step, and the confirmation of each freeze that it tells of."""
    step = machines.step(data, given)
    for event in [effect.event for effect in step.effects if isinstance(effect, Notify)]:
        if isinstance(event, EntityFrozen):
            confirmed = machines.step(step.data, ConfirmStopped(event.entity, event.freeze))
            step = Step(confirmed.data, (*step.effects, *confirmed.effects), (*step.fired, *confirmed.fired))
    return step
