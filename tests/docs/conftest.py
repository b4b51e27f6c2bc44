"""What several tests of the documentation share."""

import pytest

from docs_site.pages import generated


@pytest.fixture(scope="session")
def made() -> dict[str, str]:
    """The pages that the site makes, by their place."""
    return generated()
