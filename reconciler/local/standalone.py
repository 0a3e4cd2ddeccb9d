"""The embedded AWS for a terminal: `reconciler local`, with `--aws-only` in a process of its own.

`embedded` makes it from options, `serve` runs it until SIGINT, SIGTERM or SIGHUP. What is printed where is
the caller's: `say` gets one line at a time.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.local.sample import sample_images
from reconciler.local.server import DEFAULT_ACCOUNT, DEFAULT_REGION, EmbeddedAws
from reconciler.local.times import Times
from reconciler.model.desired import DesiredApp
from reconciler.model.errors import UsageError


@dataclass(frozen=True)
class LocalOptions:
    """What the command line may say. `images` are the `--image NAME=DIR`, over the sample's own."""

    port: int = 0
    images: Mapping[str, Path] = field(default_factory=dict)
    real_times: bool = False
    data_directory: Path | None = None
    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION


def parse_image(text: str) -> tuple[str, Path]:
    """Read `NAME=DIR`. Raises UsageError."""
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise UsageError(f"--image {text}: write NAME=DIR, as in --image shop=./shop")
    if "/" in name or ":" in name:
        raise UsageError(f"--image {text}: NAME is the last part of the repository, without a tag")
    return name, Path(folder)


def embedded(options: LocalOptions) -> EmbeddedAws:
    """Return the embedded AWS of these options, not started."""
    return EmbeddedAws(
        port=options.port,
        images={**sample_images(), **options.images},
        times=Times.real() if options.real_times else Times(),
        data_directory=options.data_directory,
        account=options.account,
        region=options.region,
    )


def serve(
    options: LocalOptions,
    say: Callable[[str], None],
    *,
    apps: Iterable[DesiredApp] = (),
    stop: threading.Event | None = None,
) -> None:
    """Serve until `stop` is set or, on the main thread, SIGINT, SIGTERM or SIGHUP arrives.

    `apps` are seeded; `--aws-only` gives none. Says the endpoint once it answers.
    """
    stop = stop or threading.Event()
    handled = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if handled else ()
    before = {n: signal.getsignal(n) for n in numbers}
    for number, handler in before.items():
        if number != signal.SIGHUP or handler is not signal.SIG_IGN:  # ignored under nohup
            signal.signal(number, lambda *_: stop.set())
    try:
        with embedded(options) as aws:
            aws.seed(apps)
            say(f"endpoint {aws.endpoint_url}")
            say(f"data {aws.data_directory}")
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
