"""Numbers on the command line, within their ranges."""

import argparse
from collections.abc import Callable

PORTS = 65_535

EPOCHS = 1 << 48
"""As `coordfsm.kernel.LARGEST_NUMBER`, which is not imported: help imports nothing that takes long."""


def whole(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least` to `most`, both included.

    Returns:
        A function that raises `argparse.ArgumentTypeError`, naming what was expected, for any other text.
    """

    def read(text: str) -> int:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number from {least:,} to {most:,}")
        return int(text)

    return read
