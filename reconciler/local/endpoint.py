"""The HTTP server on 127.0.0.1 that carries `front`. Made by `server`."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

from reconciler.model.clock import Clock
from reconciler.model.errors import UsageError

_HOST = "127.0.0.1"
_BACKLOG = 128
_LOG = logging.getLogger(__name__)


def bind(port: int) -> socket.socket:
    """Return a listening socket on this machine only. Raises UsageError when the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        reason = "is in use; give another one or 0 for any" if taken else f"cannot be used: {error}"
        raise UsageError(f"port {port} {reason}") from error
    listener.listen(_BACKLOG)
    return listener


class Endpoint:
    """A threaded HTTP/1.1 server. `stop` also ends connections that clients keep open."""

    def __init__(
        self, listener: socket.socket, application: Callable[..., Any], clock: Clock
    ) -> None:
        self.port = int(listener.getsockname()[1])
        self._clock = clock
        self._listener = listener
        self._application = application
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """What to pass as endpoint URL."""
        return f"http://{_HOST}:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._server = _make_server(self._listener, self._application, self._clock)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="aws-endpoint",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop answering: new connections are refused, open ones are closed."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.close_connections()
            self._server.server_close()
            self._server = None
        self._listener.close()


def _make_server(listener: socket.socket, application: Callable[..., Any], clock: Clock) -> Any:
    from moto.moto_server.werkzeug_app import MotoRequestHandler  # noqa: PLC0415 - needs the extra
    from werkzeug.serving import ThreadedWSGIServer  # noqa: PLC0415 - needs the extra

    class Handler(MotoRequestHandler):  # type: ignore[misc, unused-ignore]
        """Requests go to our own log, at debug level; Date is the world's time."""

        def date_time_string(self, _timestamp: float | None = None) -> str:
            return format_datetime(clock.now(), usegmt=True)

        def log(self, _type: str, message: str, *args: Any) -> None:
            _LOG.debug(message, *args)

    class Server(ThreadedWSGIServer):
        """Knows its open connections, so that a stopped endpoint is really gone."""

        def __init__(self) -> None:
            self._open: set[socket.socket] = set()
            self._open_lock = threading.Lock()
            super().__init__(
                _HOST, listener.getsockname()[1], application, Handler, fd=listener.fileno()
            )

        def process_request(self, request: Any, client_address: Any) -> None:
            with self._open_lock:
                self._open.add(request)
            super().process_request(request, client_address)

        def shutdown_request(self, request: Any) -> None:
            with self._open_lock:
                self._open.discard(request)
            super().shutdown_request(request)

        def close_connections(self) -> None:
            with self._open_lock:
                connections = list(self._open)
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

        def handle_error(self, _request: Any, _client_address: Any) -> None:
            _LOG.debug("a connection ended early", exc_info=True)

    return Server()
