"""What a test of the settings says of each fault: ``python -m tests.faults_table`` makes each and prints the table."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.fakes.delivery_queue import utc_now
from tests.settings_faults import SETTINGS_FAULTS, Fault, came_to, first_fix, world_of
from trackkit.domain.probe_steps import TITLES, diagnosis_of


def row(item: tuple[str, Fault]) -> tuple[str, bool]:
    """A line of the table in Markdown, and whether it is as it should be."""
    name, fault = item
    with world_of(fault) as world:
        ending, steps = came_to(world)
        fix = first_fix(ending.fixes, world)
    failed = steps.failed
    why = diagnosis_of(failed.outcome, world.options, "", utc_now()).title if failed and failed.outcome else ""
    notices = tuple(notice.kind for notice in ending.notices)
    right = (failed.kind if failed else None, notices, fix) == (fault.step, fault.notices, fault.fix)
    step = TITLES[failed.kind] if failed else "none: the settings work"
    words = f"{ending.fixes[0].words} (`{fix}`)" if ending.fixes else ""
    return f"| {name} | {step} | {why} | {', '.join(notices)} | {words} | {'yes' if right else 'NO'} |", right


def main() -> int:
    """Print the table; 1 when a line of it is wrong."""
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(row, SETTINGS_FAULTS.items()))
    print("| fault | first failing step | diagnosis | recognised | fix offered first | as expected |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("\n".join(line for line, _ in rows))
    return 0 if all(right for _, right in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
