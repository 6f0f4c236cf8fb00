"""The whole of alerting on one machine: Prometheus, Alertmanager, the monitor and a gateway."""
