"""What the sample's processes say: lines on stdout, where awslogs takes them."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Write one line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
