"""`coordfsm completion`: what a shell needs to complete this command line; and the words that only a program knows.

`argcomplete` answers the shell: commands, flags and choices come from the parser itself. Entities and members come
from the node that the command would talk to, models from the catalogue.
"""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

NAME = "completion"
HELP = "print what bash, zsh or fish needs to complete commands"
EPILOG = """\
  bash   eval "$(coordfsm completion bash)"                                  in ~/.bashrc
  zsh    autoload -U compinit && compinit; eval "$(coordfsm completion zsh)"   in ~/.zshrc
  fish   coordfsm completion fish | source                                   in ~/.config/fish/config.fish

Then: coordfsm mi<TAB>, coordfsm migrate <TAB> (the entities of the node that COORDFSM_SOCKET names).
"""

PROGRAM = "coordfsm"
SHELLS = ("bash", "zsh", "fish")
ANSWER_TIMEOUT_S = 1.0
"""A node that does not answer must not hang the prompt."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS)


def run(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415  (only here)

    print(shellcode([PROGRAM], shell=arguments.shell))
    return 0


def answer_shell(parser: argparse.ArgumentParser) -> None:
    """Tell the shell how the line may go on, and end the process."""
    import argcomplete  # noqa: PLC0415  (only when a shell asks)

    for action in _actions(parser):
        completer = COMPLETERS.get(action.dest)
        if completer is not None:
            vars(action)["completer"] = completer  # where argcomplete looks
    argcomplete.autocomplete(parser, always_complete_options=False)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001  (argparse tells it in no other way; argcomplete reads it, too)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from _actions(command)
        else:
            yield action


def _ask(arguments: argparse.Namespace, command: str) -> Any:
    from coordfsm.cli.connection import connect  # noqa: PLC0415  (only when a shell asks)

    with contextlib.suppress(Exception), connect(arguments, ANSWER_TIMEOUT_S) as client:
        return client.call(command)
    return None


def _entities(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    return [held["entity"] for held in _ask(parsed_args, "entities") or ()]


def _in_doubt(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    return [held["entity"] for held in _ask(parsed_args, "in-doubt") or ()]


def _members(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    answer = _ask(parsed_args, "members") or {"members": ()}
    return [member["node"] for member in answer["members"]]


def _models(**_: object) -> list[str]:
    from coordfsm.check.modelling.registry import catalogue  # noqa: PLC0415  (only when a shell asks)

    return [entry.name for entry in catalogue()]


COMPLETERS: Mapping[str, Callable[..., list[str]]] = {
    "entity": _entities,
    "commit": _in_doubt,
    "abort": _in_doubt,
    "destination": _members,
    "survivors": _members,
    "models": _models,
}
"""By the name of the argument."""
