"""Twenty entities between five processes in all weathers: none is lost, none is twice; a flaw would be seen."""

import pytest

from coordfsm.kernel import Composition
from coordfsm.protocols.migration import composition
from coordfsm.testing.journeys import JourneyError, MigrationJourneys, run
from coordfsm.testing.mutants import catalogue
from coordfsm.testing.mutants.substitute import substitute


def test_nothing_is_lost_on_random_journeys():
    run(examples=15, steps=60, number=2_026)


@pytest.mark.parametrize(
    "name", ["commit-timeout-restores", "prepared-expires", "activates-otherwise", "unwritten-finish"]
)
def test_a_flaw_is_seen(name):
    mutant = next(mutant for mutant in catalogue() if mutant.name == name)

    def broken(part):
        table = substitute(part.machine, mutant.functions) if mutant.functions else part.machine
        return part._replace(machine=table if mutant.edit is None else mutant.edit(table))

    parts = tuple(broken(part) if part.machine.name == "Migration" else part for part in composition.parts)

    class Broken(MigrationJourneys):
        machines = Composition(composition.name, parts)

    with pytest.raises(JourneyError):
        run(examples=400, steps=80, number=1, kind=Broken, shrink=False)
