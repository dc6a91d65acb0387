"""Long torments are marked `soak`: `./dev test` passes them over, `./dev soak` runs them and nothing else."""
import os

SOAK = os.environ.get("WINDROW_SOAK") == "1"


def pytest_configure(config):
    config.addinivalue_line("markers", "soak: takes long; run by ./dev soak")


def pytest_collection_modifyitems(config, items):
    kept = [item for item in items if (item.get_closest_marker("soak") is not None) == SOAK]
    passed_over = [item for item in items if item not in kept]
    if passed_over:
        config.hook.pytest_deselected(items=passed_over)
        items[:] = kept
