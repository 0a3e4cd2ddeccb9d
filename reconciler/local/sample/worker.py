"""`bundle exec sidekiq` of the sample: says that it is up and works until SIGTERM."""

from __future__ import annotations

import os
import signal

from reconciler.local.sample.output import say
from reconciler.local.sample.web import leave


def main() -> None:
    """Wait for work, which never comes."""
    signal.signal(signal.SIGTERM, leave)
    say(f"Sidekiq up, shop {os.environ.get('RECONCILER_IMAGE_TAG', '')}")
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
