"""A drive whose run began before it: numbers of its own within, those of the store without."""

import msgspec
import pytest

from manyhands.engine.drive import Drive
from manyhands.engine.tickets import Ticket
from manyhands.model.errors import UsageError
from manyhands.model.kinds import ACTOR
from manyhands.model.outcomes import Forward, Value
from manyhands.model.records import NewRun, Opening, RunMove, RunRecord, TaskMove
from manyhands.model.specs import ACTOR_INIT, ACTOR_METHOD, WAIT, TaskSpec
from manyhands.model.states import Reason, RunStatus, TaskStatus
from manyhands.model.values import Encoded
from tests.unit.engine.history import NOTHING, History

NOW = 50.0


def step(base: str, *upstreams: int, kind: str = "function") -> TaskSpec:
    return TaskSpec(base, base, "c" * 32, NOTHING, list(upstreams), kind=kind)


def call(base: str = "add", *upstreams: int) -> TaskSpec:
    return step(base, *upstreams, kind=ACTOR_METHOD)


def encoded(value: object) -> Encoded:
    data = msgspec.msgpack.encode(value)
    return Encoded("msgpack", data, None, len(data))


def record(epoch: int = 4, entry: int = 6) -> RunRecord:
    """An actor with some history, as a store has it."""
    history = History()
    history.run("act", kind=ACTOR).task("init", kind=ACTOR_INIT)
    found = history.store.run("act")
    history.store.close()
    assert found is not None
    found.epoch, found.entry = epoch, entry
    return found


@pytest.fixture
def drive() -> Drive:
    """An actor that had seven calls, of which the last has number 6, and that is opened for the next."""
    return Drive.at_rest(record(), 7, lambda name: name in {"init", "add"} | {f"add_{n}" for n in range(1, 6)})


def ran(drive: Drive, task: int, outcome: object) -> None:
    """The task is started and has come to this."""
    [move] = drive.machine.offer("process", 1, NOW)
    assert move.task == task
    drive.changes.moves.append(move)
    forward = drive.forward(task, outcome, NOW) if isinstance(outcome, Forward) else None
    drive.changes.moves += drive.machine.ended(task, 1, outcome, NOW, 0.5, forward_to=forward)  # type: ignore[arg-type]


def test_a_call_has_a_number_of_the_store(drive: Drive) -> None:
    ticket = Ticket([])
    assert drive.call([call("add"), step("input")], NOW, ticket) == 7
    assert (ticket.ordinal, drive.entry, drive.machine.entry) == (7, 0, 0)
    assert (drive.ordinal(0), drive.ordinal(1)) == (7, 8)
    changes = drive.take_changes()
    assert (changes.key, changes.epoch, changes.entry, changes.called) == (1, 4, 7, True)
    assert [(task.ordinal, task.name, task.upstreams, task.parent) for task in changes.tasks] == [
        (7, "add_6", [6], None),
        (8, "input", [], None),
    ]


def test_calls_form_a_chain(drive: Drive) -> None:
    numbers = [drive.call([call()], NOW) for _ in range(3)]
    assert numbers == [7, 8, 9]
    changes = drive.take_changes()
    assert [task.upstreams for task in changes.tasks] == [[6], [7], [8]]
    assert [task.name for task in changes.tasks] == ["add_6", "add_7", "add_8"]
    assert changes.entry == 9
    assert [job.upstreams for job in drive.jobs] == [[], [], []], "the call before is waited for, but not read"
    assert [move.task for move in drive.machine.offer("process", 9, NOW)] == [0]


def test_inputs_of_a_call_are_read_and_the_call_before_is_not(drive: Drive) -> None:
    drive.call([call()], NOW)
    drive.take_changes()
    drive.call([call("sum", 1, 2), step("x"), step("y")], NOW)
    changes = drive.take_changes()
    assert [(task.ordinal, task.upstreams) for task in changes.tasks] == [(8, [9, 10, 7]), (9, []), (10, [])]
    assert [job.upstreams for job in drive.jobs] == [[], [2, 3], [], []]
    assert [job.readers for job in drive.jobs] == [0, 0, 1, 1]


def test_moves_are_shifted_when_they_are_taken(drive: Drive) -> None:
    drive.call([call()], NOW)
    drive.take_changes()
    ran(drive, 0, Forward([step("a", 1), step("b")], 0))
    drive.changes.move = RunMove(RunStatus.FAILED, NOW, Reason.ERROR, "no", 2)
    within = [(move.task, move.source) for move in drive.changes.moves]
    changes = drive.take_changes()
    assert within == [(0, None), (0, 1)]
    assert [(move.task, move.to, move.source) for move in changes.moves] == [
        (7, TaskStatus.RUNNING, None),
        (7, TaskStatus.RUNNING, 8),
    ]
    assert changes.move is not None
    assert changes.move.source == 9
    assert [(task.ordinal, task.upstreams, task.parent) for task in changes.tasks] == [(8, [9], 7), (9, [], 7)]
    assert drive.take_changes().moves == [], "each change is taken once"


def test_moves_of_a_whole_run_are_left_alone() -> None:
    drive = Drive("r", "workflow", 0, key=1)
    move = TaskMove(0, TaskStatus.RUNNING, 1, NOW, Reason.STARTED)
    drive.changes.moves.append(move)
    assert drive.take_changes().moves == [move]


def test_what_a_call_returns_may_refer_to_what_is_loaded_only(drive: Drive) -> None:
    drive.call([call()], NOW)
    drive.call([call()], NOW)
    made = drive.forward(0, Forward([step("a", ~8, 1), step("b")], 0), NOW)
    assert drive.jobs[made].upstreams == [1, made + 1]
    assert drive.take_changes().tasks[-2].upstreams == [8, 10]
    for not_there in (~6, ~99):
        with pytest.raises(UsageError, match="does not have"):
            drive.forward(0, Forward([step("a", not_there)], 0), NOW)


def test_what_is_waited_for_is_stored_but_does_not_hold_the_wait(drive: Drive) -> None:
    drive.call([call()], NOW)
    drive.take_changes()
    drive.forward(0, Forward([step("w", 1, 2, kind=WAIT), step("x"), step("y")], 0), NOW)
    assert [(task.ordinal, task.upstreams) for task in drive.take_changes().tasks] == [(8, [9, 10]), (9, []), (10, [])]
    assert drive.jobs[1].upstreams == [2, 3]
    drive.machine.ended(drive.machine.offer("process", 1, NOW)[0].task, 1, Forward([], 0), NOW, 0.5, forward_to=1)
    assert [move.task for move in drive.machine.offer("process", 9, NOW)] == [1, 2, 3]


def test_waits_of_a_run_without_a_history() -> None:
    specs = [step("w", 1, 2, kind=WAIT), step("x"), step("y")]
    drive = Drive.begin(NewRun("r", "workflow", b"d", 0, {}, NOW, False), specs, NOW)
    assert [task.upstreams for task in drive.take_changes().tasks] == [[1, 2], [], []]
    assert len(drive.machine.offer("process", 9, NOW)) == 3


def test_states_count_on(drive: Drive) -> None:
    drive.version = 7
    drive.call([call()], NOW)
    drive.now_is(0, encoded("after"), NOW)
    changes = drive.take_changes()
    assert [(state.version, state.task, state.at) for state in changes.states] == [(8, 7, NOW)]
    assert (drive.state, drive.version) == (encoded("after"), 8)
    assert drive.take_changes().states == []


def test_the_next_session_goes_on_where_this_one_ended(drive: Drive) -> None:
    drive.call([call()], NOW)
    ran(drive, 0, Value(encoded(1)))
    drive.now_is(0, encoded("after"), NOW)
    drive.take_changes()
    following = drive.again(record(epoch=4, entry=7), "engine-1", NOW)
    assert (following.base, following.epoch, following.state, following.version) == (8, 5, encoded("after"), 1)
    assert following.call([call()], NOW) == 8
    changes = following.take_changes()
    assert (changes.epoch, changes.called) == (5, True)
    assert changes.opening == Opening(following.run_id, "engine-1", NOW)
    assert [(task.name, task.upstreams) for task in changes.tasks] == [("add_7", [7])]


def test_after_a_call_that_did_not_count_the_chain_goes_on_from_the_entry(drive: Drive) -> None:
    """The next session asks the record which call was the last."""
    following = drive.again(record(epoch=4, entry=3), "engine-1", NOW)
    following.call([call()], NOW)
    assert following.take_changes().tasks[0].upstreams == [3]
