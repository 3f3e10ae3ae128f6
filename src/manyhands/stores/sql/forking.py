"""A copy of a run under a new id, in which some tasks are to be done again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manyhands.model.records import ForkPlan
from manyhands.stores.sql.database import Cursor
from manyhands.stores.sql.rows import to_json
from manyhands.stores.sql.statements import Statements


def copy_run(cursor: Cursor, sql: Statements, key: int, names: Mapping[str, Any], plan: ForkPlan) -> int:
    """Copy the run with its tasks, calls and ended attempts; returns the copy's key. `names`: the copy's `new_id`, its
    `engine`, and `now`."""
    new: int = cursor.execute(sql["fork_run"], {"key": key, **names}).fetchone()[0]
    where = {"old": key, "new": new, "now": names["now"]}
    fates = {"rerun": to_json(plan.rerun), "follow": to_json(plan.follow), "skip": to_json(plan.drop)}
    cursor.execute(sql["fork_run_event"], where)
    cursor.execute(sql["fork_tasks"], where | fates)
    for name in ("fork_calls", "fork_attempts", "fork_task_events"):
        cursor.execute(sql[name], where)
    for task, value in plan.inputs.items():
        given = {"codec": value.codec, "data": value.data, "blob": value.blob, "size": value.size}
        cursor.execute(sql["put_inputs"], {"run": new, "task": task, **given})
    return new
