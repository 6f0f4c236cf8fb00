"""What can go wrong in the monitor. Each message says what to do.

webhook, OTLP, forms -> BadInputError          -> HTTP 400, gRPC INVALID_ARGUMENT
Prometheus           -> PrometheusError   -> the report says what is missing; tried again
store, settings      -> MonitorError      -> one sentence on the command line, exit 1
"""

from __future__ import annotations


class MonitorError(Exception):
    """The base of all; its text is a sentence for a person."""


class BadInputError(MonitorError):
    """Somebody sent what the monitor does not take. The text names the field, never its value."""


class NotThereError(MonitorError):
    """No incident or trace has that number."""


class PrometheusError(MonitorError):
    """Prometheus did not answer, or not with an answer."""


class StoreError(MonitorError):
    """The store's file cannot be opened, or is another release's."""


class SettingsError(MonitorError):
    """A setting or the allow-list is wrong."""
