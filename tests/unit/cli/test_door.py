"""Exit codes: each error has its own, whatever branch it is of."""

import pytest
import typer

from manyhands.cli.door import EXIT_CODES, Exit, chosen_by_status, exit_code
from manyhands.model import errors
from manyhands.model.states import RunStatus


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ExecutionError("r", "a", "no"), Exit.FAILED),
        (errors.RunCanceled("r"), Exit.FAILED),
        (errors.UsageError("x"), Exit.USAGE),
        (errors.MetadataError("x"), Exit.USAGE),
        (errors.StoreLocationError("x", "y"), Exit.USAGE),
        (errors.RunNotFound("r"), Exit.NOT_FOUND),
        (errors.TaskNotFound("r", "a"), Exit.NOT_FOUND),
        (errors.RunActive("r"), Exit.STATE),
        (errors.RunFinished("r", "failed"), Exit.STATE),
        (errors.RunIdInUse("r", "failed"), Exit.STATE),
        (errors.LeaseLost(1, 2), Exit.STATE),
        (errors.StoreUnavailable("u", "why"), Exit.STORE),
        (errors.StoreTooNew("u", 2, 1), Exit.STORE),
        (errors.WorkerLost("a", "was killed"), Exit.STORE),
        (errors.ManyhandsError(), Exit.USAGE),
    ],
    ids=lambda given: type(given).__name__,
)
def test_exit_codes(error: errors.ManyhandsError, code: Exit) -> None:
    assert exit_code(error) is code


def test_a_status_is_understood_as_faces_write_it() -> None:
    parse = chosen_by_status(RunStatus, "runs").parser
    assert parse("RESUMABLE") is parse("resumable") is RunStatus.RESUMABLE
    with pytest.raises(typer.BadParameter, match="'SUCCESSFUL' is none of pending, running, resumable, succeeded"):
        parse("SUCCESSFUL")


def test_the_table_in_the_help_has_them_all() -> None:
    assert all(f"{int(code)} " in EXIT_CODES for code in Exit)
