"""What passes between the orchestrator and its activities: every type makes the round
trip through JSON, and every row of the table has its shell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import functions.remediation as shells
from functions.activities import ACTIVITIES, ORCHESTRATOR, Activity, Remediate
from shared.codec import from_json, to_json
from shared.errors import NotUsable

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
TYPES = sorted(
    {Remediate} | {kind for each in ACTIVITIES for kind in (each.takes, each.gives)},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_json_and_back(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    assert from_json(kind, json.loads(json.dumps(to_json(value)))) == value


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_what_passes_is_a_frozen_dataclass(kind: type[Any]) -> None:
    assert kind.__dataclass_params__.frozen


def test_every_row_has_its_shell_and_every_shell_its_row() -> None:
    triggers = {
        made.get_function_name(): made.get_trigger().type  # type: ignore[union-attr]
        for made in (each.build() for each in shells.blueprint._function_builders)
    }
    expected = {each.name: "activityTrigger" for each in ACTIVITIES}
    assert triggers == expected | {ORCHESTRATOR: "orchestrationTrigger"}


@pytest.mark.parametrize("row", ACTIVITIES, ids=lambda row: row.name)
async def test_work_that_is_none_is_refused_before_anything_is_asked(
    row: Activity[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def the_app() -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(shells, "the_app", the_app)
    with pytest.raises(NotUsable):
        await getattr(shells, row.name)._function.get_user_function()({})
