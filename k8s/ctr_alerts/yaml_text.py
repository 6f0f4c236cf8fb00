"""YAML that a person can read: keys in our order, expressions of several lines as blocks."""

from __future__ import annotations

from typing import Any

import yaml

HEADER = "# Generated from k8s/alerts/slo.yaml by `make alerts`. Edits are lost.\n"
WIDTH = 110


class _Dumper(yaml.SafeDumper):
    """Writes lists indented, and blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 -- the library's signature
        """Indent lists inside mappings."""
        super().increase_indent(flow=flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(tree: Any, *notes: str) -> str:  # noqa: ANN401 -- whatever YAML can hold
    """Return a file's text; each note is a comment line at its top."""
    comments = "".join(f"# {note}\n" for note in notes)
    body = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)
    return f"{HEADER}{comments}{body}"
