"""nginx of the sample: listens on PORT and passes requests on to the container named `app`."""

from __future__ import annotations

import http.client
import os
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from reconciler.local.sample.output import say
from reconciler.local.sample.web import leave

_BAD_GATEWAY = 502
_TIMEOUT_SECONDS = 10


class Proxy(BaseHTTPRequestHandler):
    """Passes GET on; 502 while nobody listens behind it."""

    def do_GET(self) -> None:
        """Fetch the same path from the app."""
        status, kind, body = _fetch(self.path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log requests to stdout."""
        say(format % args)


def _fetch(path: str) -> tuple[int, str, bytes]:
    port = int(os.environ.get("PORT_APP") or 0)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.headers.get_content_type(), response.read()
    except OSError:
        return _BAD_GATEWAY, "text/plain", b"502 Bad Gateway\n"
    finally:
        connection.close()


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, leave)
    port = int(os.environ.get("PORT") or 0)
    server = ThreadingHTTPServer(("127.0.0.1", port), Proxy)
    say(f"nginx on http://127.0.0.1:{server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    main()
