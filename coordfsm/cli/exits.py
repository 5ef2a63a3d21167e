"""The exit codes of every command."""

from enum import IntEnum


class Exit(IntEnum):
    """What the shell gets."""

    OK = 0
    """All holds and was exhausted; the command did what was asked."""
    COUNTEREXAMPLE = 1
    """A property is violated, an audit failed, a mutant was not caught."""
    USAGE = 2
    """The command line, a configuration or a given file is wrong."""
    INCOMPLETE = 3
    """Stopped at a limit, or by Ctrl-C, before everything was explored."""
    INTERNAL = 70
    """An error in coordfsm itself, or in a user's model."""


EXIT_CODES = """\
exit codes:
  0   all properties hold and everything was explored; the command did what was asked
  1   a counterexample was found, or an audit failed
  2   the command line, a configuration or a given file is wrong
  3   stopped at a limit before everything was explored
  70  internal error
"""


class CommandError(Exception):
    """A mistake in what the user gave, found by a command itself: one line on stderr, exit 2.

    Light, so that command files can build on it without importing the machines for ``--help``.
    """
