"""What the log says when a service starts."""

import pytest

from tests.web.conftest import Serve


@pytest.mark.parametrize(("server", "told"), [("http://ehr.example.org/fhir", 1), ("https://ehr.example.org/fhir", 0)])
def test_a_fhir_server_without_tls_is_warned_of_once(
    serve: Serve, capfd: pytest.CaptureFixture[str], server: str, told: int
) -> None:
    serve(FHIR_ALLOWED=server, LOG_LEVEL="warning")
    out, err = capfd.readouterr()
    assert (out + err).count("in clear text") == told
