"""The table of `make fuzz`."""

import fuzzing


def pytest_terminal_summary(terminalreporter):
    """Say what became of the inputs, where a number of them was asked for."""
    if fuzzing.asked() is not None and fuzzing.TALLIES:
        terminalreporter.section("fuzzed")
        for line in fuzzing.table():
            terminalreporter.write_line(line)
