#!/usr/bin/env python3
"""Prints the one closing line of `./dev test`, `N passed, N failed`, from JUnit reports.

usage: count_tests.py FAILED_BESIDE REPORT…

FAILED_BESIDE counts what failed outside the reports. A report that is missing is a runner that died: one failure.
Exits with 1 when anything failed or nothing ran.
"""
import sys
import xml.etree.ElementTree as xml


def count(report: str) -> tuple[int, int, int]:
    """Passed, failed and skipped tests of one report."""
    try:
        cases = list(xml.parse(report).getroot().iter("testcase"))
    except (OSError, xml.ParseError) as error:
        print(f"no test report: {error}", file=sys.stderr)
        return 0, 1, 0
    # ctest reports a program that it could not start as skipped, with the status "notrun": that is a failure.
    failed = sum(1 for c in cases if any(c.find(tag) is not None for tag in ("failure", "error"))
                 or c.get("status") == "notrun")
    skipped = sum(1 for c in cases if c.find("skipped") is not None and c.get("status") != "notrun")
    return len(cases) - failed - skipped, failed, skipped


def main(failed_beside: str, *reports: str) -> int:
    passed, failed, skipped = (sum(column) for column in zip((0, int(failed_beside), 0), *map(count, reports)))
    if passed + failed == 0:
        print("no test ran", file=sys.stderr)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
