"""The monitor: alerts in, incidents with suspected causes, traces and a history out."""
