"""`bundle exec puma` of the sample: answers HTTP on PORT with its version and the schema's.

A tag with `broken` in it never gets here: `bundle` ends at once with 1, which trips a circuit breaker.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn

from reconciler.local.sample.database import Database
from reconciler.local.sample.output import say


def answer(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """Return what a request is told: the image's tag, the newest migration, how many there are."""
    versions = Database.from_environment(environment).versions()
    return {
        "app": "shop",
        "version": environment.get("RECONCILER_IMAGE_TAG", ""),
        "schema": versions[-1] if versions else None,
        "migrations": len(versions),
        "task": environment.get("RECONCILER_TASK_ARN", ""),
    }


class Handler(BaseHTTPRequestHandler):
    """Every path has the same answer."""

    def do_GET(self) -> None:
        """Answer with JSON."""
        body = json.dumps(answer(os.environ)).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log requests to stdout, where awslogs takes them."""
        say(format % args)


def leave(*_: object) -> NoReturn:
    """End with 0 when told to: what an app that handles SIGTERM does."""
    say("- Gracefully stopping")
    sys.exit(0)


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, leave)
    port = int(os.environ.get("PORT") or 0)
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    version = os.environ.get("RECONCILER_IMAGE_TAG", "")
    say(f"Puma starting, shop {version} on http://127.0.0.1:{server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    main()
