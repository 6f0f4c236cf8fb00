"""The OpenMetrics endpoint, in a thread of its own: it answers while the event loop is busy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import start_http_server

from ctr_service.errors import SettingsError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class MetricsEndpoint:
    """Serves a registry over HTTP until closed."""

    def __init__(self, registry: CollectorRegistry, *, host: str, port: int) -> None:
        """Listen at once.

        Args:
            registry: what to serve.
            host: address to listen on.
            port: 0 takes a free one.

        Raises:
            SettingsError: the address cannot be listened on.
        """
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise SettingsError(
                f"metrics cannot listen on {host}:{port}: {error.strerror}; "
                "choose another --metrics-port, or --no-metrics"
            ) from error
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Answer no more, and give the port back."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
