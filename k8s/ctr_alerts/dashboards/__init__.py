"""Grafana's dashboards, built with Grafana's own typed builders."""
