"""A drafted trial as the YAML of a trial file, checked to say after reading what was written."""

from typing import Any

import yaml

from service.criteria.places import read

_HEADER = """\
# yaml-language-server: $schema=../trial.schema.json
# Drafted by `trialhook trials import`. A criterion with `draft` is computable but unchecked: read its words beside its
# rule, then take the mark away. The others are judged by a person until they have a rule.
"""
_FLOW = frozenset(("rule", "phases", "sites", "source-items"))


class _Folded(str):
    """A long text, written over several lines."""


class _Flow(dict[str, Any]):
    """A mapping on one line."""


class _Writer(yaml.SafeDumper):
    """No aliases: the trial language has none."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_Writer.add_representer(_Folded, lambda d, text: d.represent_scalar("tag:yaml.org,2002:str", str(text), style=">"))
_Writer.add_representer(_Flow, lambda d, data: d.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True))


def trial_yaml(trial: dict[str, Any]) -> str:
    """The text of a trial file. ValueError where a reader would read something else (a mistake of ours)."""
    text = _HEADER + yaml.dump(
        _styled(trial), Dumper=_Writer, allow_unicode=True, sort_keys=False, width=120, default_flow_style=False
    )
    if _plain(read(text).data) != _plain(trial):
        raise ValueError(f"the file of {trial.get('id')} does not say what was drafted")
    return text


def _styled(node: Any, key: str = "") -> Any:
    if isinstance(node, dict):
        inner = {k: _styled(v, k) for k, v in node.items()}
        return _Flow(inner) if key in ("sites", "source-items") or (key in _FLOW and _short(node)) else inner
    if isinstance(node, list):
        return [_styled(value, key) for value in node]
    return _Folded(node) if isinstance(node, str) and len(node) > 100 and "\n" not in node else node


def _short(rule: dict[str, Any]) -> bool:
    return len(str(rule)) <= 100


def _plain(node: Any) -> Any:
    """Values as a trial file means them: a number with a point is the text of it."""
    if isinstance(node, dict):
        return {k: _plain(v) for k, v in node.items()}
    if isinstance(node, list):
        return [_plain(v) for v in node]
    return str(node)
