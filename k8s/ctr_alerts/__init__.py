"""Alerts from one file of objectives: rules, their tests, dashboards, routes, histogram bounds."""
