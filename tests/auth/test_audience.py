"""Which addresses count as the same endpoint."""

import pytest

from service.auth.audience import names_one_of


@pytest.mark.parametrize(
    ("claimed", "ours"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("https://a.example/x/", "https://a.example/x"),
        ("https://a.example/x", "https://a.example/x/"),
        ("https://a.example:443/x", "https://a.example/x"),
        ("https://a.example/x", "https://a.example:443/x"),
        ("http://a.example:80/x", "http://a.example/x"),
        ("https://a.example:443", "https://a.example/"),
        ("https://[::1]:443/x", "https://[::1]/x"),
    ],
)
def test_a_slash_at_the_end_and_the_default_port_make_no_difference(claimed, ours):
    assert names_one_of([claimed], [ours])


@pytest.mark.parametrize(
    ("claimed", "ours"),
    [
        ("https://a.example/x//", "https://a.example/x"),
        ("https://a.example:80/x", "https://a.example/x"),
        ("http://a.example:443/x", "http://a.example/x"),
        ("https://a.example:4430/x", "https://a.example/x"),
        ("http://a.example/x", "https://a.example/x"),
        ("https://a.example/X", "https://a.example/x"),
        ("https://a.example/x?y", "https://a.example/x"),
        ("https://a.example/y:443/x", "https://a.example/y/x"),
    ],
)
def test_everything_else_does(claimed, ours):
    assert not names_one_of([claimed], [ours])
