"""Fixtures that several files share."""
import pytest

import spark_lab


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """A session on one Spark server, for all tests of the run."""
    yield from spark_lab.start(tmp_path_factory)
