"""The causes, a module for each part of the system that is to blame."""
