"""Services as the tests of the web have them."""

from tests.web.conftest import _each_installation_is_read_once, serve

__all__ = ["_each_installation_is_read_once", "serve"]
