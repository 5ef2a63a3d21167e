"""An application that serves nothing by itself: it confirms every request to stop at once.

For models, simulations and tests in which no application takes time. Where one does, see `migration-service`.
"""

from typing import Any

from coordfsm.kernel import Input, Notify, Step, Steppable
from coordfsm.protocols.migration.messages import confirmation_of


def prompt_step(machines: Steppable, data: Any, given: Input) -> Step:
    """The step, and the confirmation of each request to stop that it tells of."""
    step = machines.step(data, given)
    for event in [effect.event for effect in step.effects if isinstance(effect, Notify)]:
        confirmation = confirmation_of(event)
        if confirmation is not None:
            confirmed = machines.step(step.data, confirmation)
            step = Step(confirmed.data, (*step.effects, *confirmed.effects), (*step.fired, *confirmed.fired))
    return step
