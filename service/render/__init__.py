"""Renderings of a result: no rule, only words and layout."""
