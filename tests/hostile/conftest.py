"""Hostile inputs: what a source, a store or a file must not get away with."""
import pathlib
import sys

# The small project and its helpers are those of the integration tests.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
