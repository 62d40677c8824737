"""The test of the settings finds for each fault the step that fails first, and the change that mends it."""

from __future__ import annotations

import pytest

from tests.settings_faults import PASSWORD, SETTINGS_FAULTS, came_to, first_fix, world_of
from trackkit.domain.probe_steps import StepKind, StepState


@pytest.mark.spec("7: test: the first step that fails and the fix, for each fault of the settings")
@pytest.mark.parametrize("name", SETTINGS_FAULTS)
def test_each_fault_has_its_step_its_notice_and_its_fix(name: str) -> None:
    fault = SETTINGS_FAULTS[name]
    with world_of(fault) as world:
        ending, steps = came_to(world)
        failed = steps.failed
        assert (failed.kind if failed else None) == fault.step, [(s.kind, s.outcome) for s in steps.steps]
        assert (ending.outcome is None) == (fault.step is None)
        assert tuple(notice.kind for notice in ending.notices) == fault.notices
        assert first_fix(ending.fixes, world) == fault.fix, ending.fixes
        assert len(world.host.messages if world.host else []) == (fault.step is None)
    told = f"{steps.steps} {ending}"
    assert PASSWORD not in told
    assert all(step.state in (StepState.done, StepState.failed) for step in steps.steps)
    assert [step.kind for step in steps.steps] == [kind for kind, _ in steps.begun_ones]
    assert failed is None or steps.steps[-1] is failed or steps.steps[-1].kind is StepKind.other_ways
