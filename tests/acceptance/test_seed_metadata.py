"""The programs of the document that the metadata of workflows was built after."""

from pathlib import Path

from manyhands import workflow
from tests.acceptance.kit import Place, run_program

PROGRAM = Path(__file__).parent / "seeds" / "metadata.py"


def test_the_programs_run_as_written(place: Place) -> None:
    """Every assertion in them holds, the process ends at once though a step would sleep for 1000 s, and nothing is
    left running."""
    output = run_program(PROGRAM, place=place)
    assert "Traceback" not in output
    assert dict(workflow.list_all()) == {
        "add_example": workflow.SUCCESSFUL,
        "add_example_2": workflow.SUCCESSFUL,
        "add_example_3": workflow.SUCCESSFUL,
        "counter": workflow.SUCCESSFUL,
        "simple": workflow.CANCELED,
        "simple_2": workflow.SUCCESSFUL,
        "vid": workflow.SUCCESSFUL,
    }
