"""The monitor's HTTP: webhook, OTLP, JSON, and the pages for people."""
