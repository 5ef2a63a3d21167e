"""``python -m coordfsm_runtime``: a node from environment variables alone, quick to start."""

import sys

from coordfsm_runtime.config import load_config
from coordfsm_runtime.errors import ConfigurationError
from coordfsm_runtime.machines import MACHINE_SETTINGS
from coordfsm_runtime.service import EXIT_USAGE, run_node


def main() -> int:
    try:
        config = load_config(MACHINE_SETTINGS)
    except ConfigurationError as error:
        print(f"coordfsm: error: {error}", file=sys.stderr)  # noqa: T201  (before there are logs)
        return EXIT_USAGE
    return run_node(config, stop_with_parent="--stop-with-parent" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
