"""What is covered of other systems, what is not, and what differs on purpose: the one table of it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from manyhands.compat.alias import packages_of


class Coverage(StrEnum):
    """How we stand to a name or a behaviour of another system."""

    COVERED = "covered"
    DIFFERS = "differs"
    NOT_COVERED = "not covered"


class Entry(NamedTuple):
    """One line: the name or behaviour there, ours, how they stand to each other, and why."""

    original: str
    ours: str
    state: Coverage
    why: str = ""


COVERED, DIFFERS, NOT_COVERED = Coverage.COVERED, Coverage.DIFFERS, Coverage.NOT_COVERED

STEPS = (
    Entry("workflow.step, .options, .step", "workflow.step", COVERED),
    Entry("workflow.options", "workflow.options", COVERED, "They replace those before, metadata too, as in 2.x."),
    Entry("Workflow.run, .run_async", "Workflow.run, .run_async", COVERED),
    Entry("workflow.create, Workflow", "workflow.create, Workflow", COVERED),
    Entry("workflow.continuation", "workflow.continuation", COVERED),
    Entry("workflow.run, workflow.run_async", "workflow.run, workflow.run_async", COVERED),
    Entry("workflow.wait", "workflow.wait", COVERED),
    Entry("workflow.sleep", "workflow.sleep", COVERED, "It occupies no worker."),
    Entry("workflow.wait_for_event, EventListener, TimerListener", "workflow.wait_for_event", COVERED),
    Entry(
        "`async def poll_for_event` that blocks",
        "workflow.EventListener",
        DIFFERS,
        "It holds up all that waits: listeners share one event loop; there each had a worker. Await, or leave out "
        "`async`: a plain function has a thread.",
    ),
    Entry(
        "functions bound with .bind(), InputNode",
        "StepFunction.bind, workflow.InputNode",
        COVERED,
        "Nodes inside containers arrive as references, as there; those of `.step()` arrive as values.",
    ),
    Entry(
        "max_retries of a step",
        "max_retries",
        DIFFERS,
        "N is the number of attempts, as up to 1.12; 1.13 counted retries. 0 and -1 are refused.",
    ),
    Entry(
        ".options() of a decorated step",
        "StepFunction.options",
        DIFFERS,
        "What is not named stays; up to 1.12 it was lost.",
    ),
    Entry("retries of a step", "StepOptions", DIFFERS, "Ctrl-C in the driver is not retried."),
    Entry(
        "allow_inplace",
        "allow_inplace",
        DIFFERS,
        "Such a step runs in the process that drives the run; its output is there as soon as it is done.",
    ),
    Entry(
        "names of steps",
        "names of steps",
        DIFFERS,
        "A name given by hand never collides with a numbered one. Of graphs made by `.bind()` inputs are named "
        "first, as in 2.x; of those made by `.step()` the root, as in 1.x.",
    ),
    Entry(
        "references among the arguments of a step",
        "a step `workflow.reference`",
        DIFFERS,
        "Each is waited for by a step of its own, which is seen among the others.",
    ),
    Entry(
        "references that functions return",
        "Reference",
        COVERED,
        "A step's is replaced by its value, as up to 1.12; a remote function's is the result itself, as since then.",
    ),
    Entry(
        "a graph that is returned without workflow.continuation",
        "",
        DIFFERS,
        "It goes on in place of what returned it; since 1.13 it stayed a graph there.",
    ),
    Entry("WorkflowRef", "workflow.wait", NOT_COVERED, "`get_output(id, name=...)` gives a reference to a step."),
    Entry(
        "num_cpus, num_gpus, resources of a step",
        "ray_options",
        DIFFERS,
        "`num_cpus` counts, in whole workers and at least one, so 0 is 1; the rest is kept only.",
    ),
)

MANAGEMENT = (
    Entry("workflow.init(storage)", "workflow.init", COVERED, "A folder; `RAY_WORKFLOW_STORAGE` is honoured."),
    Entry("workflow.init(max_running_workflows=, max_pending_workflows=)", "workflow.init", COVERED),
    Entry("workflow.init before use", "", DIFFERS, "Nothing wants it, as in 1.13."),
    Entry("default storage", "the nearest .manyhands folder", DIFFERS, "It was /tmp, which nobody backs up."),
    Entry(
        "storage s3://, debug://",
        "",
        NOT_COVERED,
        "An error says so. Large values may be anywhere: the setting `blobs`.",
    ),
    Entry(
        "layout of the storage",
        "one SQLite database",
        DIFFERS,
        "Workflows stored by the original cannot be resumed here.",
    ),
    Entry(
        "workflow.get_output, get_output_async", "workflow.get_output", COVERED, "A reference, as in 1.x; see `ray2`."
    ),
    Entry("workflow.get_status, list_all", "workflow.get_status, list_all", COVERED),
    Entry(
        "workflow.get_metadata",
        "workflow.get_metadata",
        COVERED,
        "By `name=` in the shape of 1.x, by `task_id=` in that of 2.x.",
    ),
    Entry("workflow.resume, resume_async", "workflow.resume", COVERED, "A reference, as in 1.x; see `ray2`."),
    Entry("workflow.resume_all", "workflow.resume_all", COVERED),
    Entry("workflow.cancel", "workflow.cancel", DIFFERS, "Running steps are really stopped, and CANCELED is final."),
    Entry("workflow.cancel of what cannot be canceled", "RunFinished, RunNotFound", DIFFERS, "It was a KeyError."),
    Entry("workflow.delete", "workflow.delete", COVERED),
    Entry("WorkflowStatus", "WorkflowStatus", COVERED),
    Entry(
        "WorkflowExecutionError, WorkflowCancellationError, WorkflowNotFoundError, WorkflowNotResumableError, "
        "WorkflowRunningError, VirtualActorNotInitializedError",
        "the same",
        COVERED,
        "WorkflowNotFoundError is a ValueError too.",
    ),
    Entry(
        "run or resume of a finished workflow",
        "",
        DIFFERS,
        "It stays SUCCESSFUL; there its status became RUNNING for good.",
    ),
    Entry(
        "run of an id with other steps", "RunIdInUse", DIFFERS, "An error; there the new steps were silently ignored."
    ),
    Entry("status in get_metadata", "", DIFFERS, "It is that of get_status, RESUMABLE included."),
    Entry("resume of an unknown id", "", DIFFERS, "An error that leaves no trace; there it broke list_all."),
    Entry("get_output of a failed workflow", "", DIFFERS, "The recorded error, with the user's own as `__cause__`."),
    Entry(
        "a program that ends while its workflows run",
        "manyhands engine start",
        DIFFERS,
        "Such an engine goes on with them; without one they are RESUMABLE. There the cluster went on.",
    ),
    Entry("a worker that dies", "WorkerLost", DIFFERS, "Tried again; then RESUMABLE, as in 1.x. 2.x had FAILED."),
    Entry("workflow.http_event_provider", "", NOT_COVERED, "`workflow.send` brings events to a run."),
    Entry(
        "workflow.common, event_listener, exceptions, virtual_actor_class, api",
        "the same",
        COVERED,
        "What programs import from there: classes, statuses and errors.",
    ),
    Entry(
        "inner parts: workflow.storage, workflow_storage, workflow_access, serialization; `data` of a workflow",
        "",
        NOT_COVERED,
        "The engine has no such parts.",
    ),
    Entry(
        "texts of errors",
        "the same beginnings",
        DIFFERS,
        "They go on with what to do. To compare whole texts fails; to match their beginnings does not.",
    ),
    Entry(
        "log lines of the original", "manyhands events", DIFFERS, "The event log of the store says the same, and more."
    ),
)

ACTORS = (
    Entry("workflow.virtual_actor, .readonly, get_or_create", "workflow.virtual_actor", COVERED),
    Entry("workflow.get_actor, VirtualActor, .ready()", "workflow.get_actor", COVERED),
    Entry("actor.method.run, .run_async, .options", "ActorMethod", COVERED),
    Entry("self.method.step, .options(...).step", "BoundMethod.step", COVERED),
    Entry("a handle in one expression", "", DIFFERS, "`get_actor('x').m.run()` works; there the reference was lost."),
    Entry("a writer with catch_exceptions", "", DIFFERS, "It gives `(None, exception)`; there it broke the workflow."),
    Entry("calls from several processes", "", DIFFERS, "Each is applied once, in one order; there it was a race."),
)

CORE = (
    Entry("ray.init, shutdown, is_initialized", "manyhands.workflow.init", COVERED, "`num_cpus` and `storage` count."),
    Entry("ray.get, ObjectRef", "manyhands.get, Reference", COVERED),
    Entry("ray.put", "Reference", COVERED, "The value is in the store, and kept as long as finished runs are."),
    Entry("ray.wait", "", DIFFERS, "It waits for workflows too; there they were ready at once."),
    Entry("ray.remote of a function, .remote, .options, .bind", "StepFunction", COVERED),
    Entry(
        "max_retries, retry_exceptions of a remote function",
        "retry_lost, max_retries",
        COVERED,
        "N retries for lost workers, and N for exceptions with `retry_exceptions`, also in a workflow, as in 2.x; "
        "there N was for both together.",
    ),
    Entry("ray.dag.InputNode, DAGNode, .execute; ray.experimental.dag", "workflow.InputNode, Bound", COVERED),
    Entry("ray.exceptions.RaySystemError", "RunError", COVERED, "What a workflow that failed raises."),
    Entry("ray.exceptions.RayTaskError", "RayTaskError", COVERED, "What a remote function raises; of its type too."),
    Entry("errors of a readonly method", "the method's own", DIFFERS, "The exception itself, without a RayTaskError."),
    Entry("ray.exceptions.GetTimeoutError", "WaitTimeout", COVERED),
    Entry(
        "a call of a remote function",
        "a run of kind `call`",
        DIFFERS,
        "It is durable, and `manyhands runs list` has it.",
    ),
    Entry(
        "continuation in a plain remote function",
        "",
        DIFFERS,
        "It is to be returned there, as in a workflow; the original ran it at once.",
    ),
    Entry("ray.remote of a class", "", NOT_COVERED, "`workflow.virtual_actor` gives objects that survive."),
    Entry("num_returns other than 1", "", NOT_COVERED, "Return a tuple."),
    Entry(
        "clusters: address, namespace, runtime_env", "", NOT_COVERED, "Taken without a word; all runs on this machine."
    ),
    Entry(
        "interpreters that a program starts, by `subprocess` or `spawn`",
        "",
        NOT_COVERED,
        "Start them by `python -m manyhands.compat ray`. Those of pytest-xdist have the names.",
    ),
    Entry("ray.data, ray.serve, ray.tune, ray.util and others", "", NOT_COVERED, "Only what workflow code uses is."),
)

RAY2 = (
    Entry("workflow.get_output, workflow.resume", "values", COVERED, "`ray` has references, as in 1.x."),
    Entry("workflow.get_metadata", "the shape of 2.x", COVERED),
    Entry("workflow.WorkflowError and its kinds", "ManyhandsError and its kinds", COVERED),
    Entry("workflow.resume of an unknown id", "WorkflowNotResumableError", COVERED, "It is a ValueError too."),
    Entry("what a workflow that failed raises", "WorkflowExecutionError", COVERED, "It is a RayTaskError, as there."),
    Entry(
        "workflow.cancel of what is done", "workflow.cancel", DIFFERS, "It stays as it is; there it became CANCELED."
    ),
    Entry("workflow.step, wait, virtual_actor, create", "", NOT_COVERED, "2.x had them no more. `ray` has them."),
    Entry("all else", "as `ray`", COVERED),
)

APPS = (
    Entry("LightningApp", "app.App", COVERED, '`debug=True` is `log_level="debug"`.'),
    Entry("LightningFlow, its _exit", "app.Flow, its stop", COVERED),
    Entry("LightningWork", "app.Work", COVERED),
    Entry(
        "status, statuses, WorkStatus, WorkStageStatus",
        "Work.status, Work.statuses",
        COVERED,
        "As in 0.5: the message is the exception's, the history of the latest call is whole, the first stage is "
        "`not_started`.",
    ),
    Entry("statuses of a flow", "", NOT_COVERED, "No version had it: it is the work that has `statuses`."),
    Entry(
        "when a flow runs",
        "",
        DIFFERS,
        "When something has changed, and every 0.1 s beside that, so conditions on the clock are seen. Every status of "
        "a work's latest call is seen by at least one turn.",
    ),
    Entry(
        "what a call is known by",
        "",
        DIFFERS,
        "The order of arguments counts: `run(2, 1)` is made after `run(1, 2)`; there it was taken for the same call.",
    ),
    Entry("num_successes", "Work.num_successes", DIFFERS, "It counts; there it was always 0."),
    Entry(
        "a work's process that is killed",
        "the reason `lost`",
        DIFFERS,
        "The call has failed at once; there it ran for ever.",
    ),
    Entry(
        "run with new arguments after stop",
        "WorkHasStopped",
        DIFFERS,
        "An error; there the call waited for ever.",
    ),
    Entry(
        "in-place changes of a work's attributes",
        "",
        DIFFERS,
        "Seen within 0.1 s, and all of them when the call has succeeded; there up to 1 s later.",
    ),
    Entry("schedule", "Flow.schedule", DIFFERS, "Moments that were missed are not made up for."),
    Entry(
        "utilities.exceptions: CacheMissException, ExitAppException, LightningWorkException, MisconfigurationException",
        "CallPending, AppExit, UnfitChild, UsageError",
        DIFFERS,
        "The first two are no `Exception`, so that no `except Exception` of a flow holds them up.",
    ),
    Entry("SIGTERM to the app", "", DIFFERS, "It ends in good order; there works were left behind."),
    Entry(
        "checkpointing, checkpoint_dir, state_dict, load_state_dict, load_state_dict_from_checkpoint_dir",
        "App.checkpointing",
        DIFFERS,
        "The files are JSON; there they were pickles. An app with `durable=True` or `--id` needs none of it.",
    ),
    Entry(
        "one component at two places of an app",
        "SecondPlace",
        DIFFERS,
        "An error; there it had the name of the last place, and was run twice.",
    ),
    Entry(
        "a flow that takes long: utilities.warnings.LightningFlowWarning",
        "",
        DIFFERS,
        "The log says so; there it was a warning.",
    ),
    Entry(
        "inner parts of an app: connect, run_once, processes, queues, backends; of a component: _state, _works, _flows",
        "",
        NOT_COVERED,
        "The engine has no such parts.",
    ),
)

APP_PARTS = (
    Entry("structures.Dict, List", "app.Dict, app.List", COVERED, "They nest; there works in nested ones did not run."),
    Entry("storage.Path, Drive", "app.Path, app.Drive", COVERED),
    Entry(
        "storage.Payload",
        "app.Payload",
        DIFFERS,
        "Its file is in the shared folder, called by its digest; there it was in the working directory, called by the "
        "attribute.",
    ),
    Entry("storage.FileSystem, StorageOrchestrator", "", NOT_COVERED, "Works share the files of one machine."),
    Entry(
        "CloudCompute, BuildConfig, storage.Mount, cloud_compute=, local_build_config=, cloud_build_config=",
        "the same arguments",
        DIFFERS,
        "Taken and kept, and the log says once that they do nothing: works run on this machine, in this Python.",
    ),
    Entry(
        "frontend.Frontend, StaticWebFrontend",
        "app.frontend",
        COVERED,
        "A folder that does not exist is an error when the frontend is made.",
    ),
    Entry(
        "frontend.StreamlitFrontend, PanelFrontend, JustPyFrontend, AppStateWatcher, utilities.state.AppState",
        "",
        NOT_COVERED,
        "A work can serve such a page and set its `url`; the app's state is JSON at `/api/v1/state`.",
    ),
    Entry(
        "api.Get, Post, Put, Delete",
        "app.api",
        DIFFERS,
        "What is said to the server beside the route is kept and not used; all data is plain JSON.",
    ),
    Entry(
        "utilities.enum: AppStage, WorkFailureReasons, WorkPendingReason, WorkStopReasons, CacheCallsKeys, make_status",
        "app.status, app.rooted",
        COVERED,
    ),
    Entry("utilities.app_status.AppStatus", "App.status", COVERED),
    Entry("utilities.frontend.AppInfo", "app.frontend.AppInfo", COVERED),
    Entry("utilities.network.find_free_network_port, utilities.app_helpers.Logger", "the same names", COVERED),
    Entry(
        "utilities.commands.ClientCommand",
        "Flow.configure_commands",
        DIFFERS,
        "Its method answers the command; its `run`, for the side of who gives it, is not sent there.",
    ),
    Entry(
        "utilities.cloud.is_running_in_cloud, lightningignore",
        "",
        DIFFERS,
        "False; and kept without a meaning, as no file is sent anywhere.",
    ),
    Entry("LightningPlugin", "", NOT_COVERED, "`configure_api` and `configure_commands` take orders from outside."),
    Entry("components, and utilities not named here", "", NOT_COVERED, "Only what apps are made of is."),
    Entry(
        "LightningModule, Trainer, Fabric, lightning.pytorch",
        "",
        NOT_COVERED,
        "`import pytorch_lightning` and `lightning_fabric` get what is installed.",
    ),
)

APP_RUNNING = (
    Entry(
        "lightning run app FILE",
        "manyhands run app --as lightning FILE",
        DIFFERS,
        "`--cloud` and all that goes with it is not there.",
    ),
    Entry(
        "runners.MultiProcessRuntime, Runtime, RuntimeType, dispatch",
        "App.run",
        DIFFERS,
        "The app's page is served if its extra is installed, and opened only with `open_ui=True`.",
    ),
    Entry("runners.load_app_from_file, run_app_commands", "manyhands run app", COVERED),
    Entry("runners.CloudRuntime", "", NOT_COVERED, "Apps run on this machine."),
    Entry("testing.EmptyFlow, EmptyWork, SingleWorkFlow, run_work_isolated", "Flow, Work", COVERED),
    Entry(
        "testing.LightningTestApp",
        "App",
        DIFFERS,
        "Its hooks are called around each turn of the flow, and end the app by what is true; `restart_work` is not "
        "covered.",
    ),
    Entry("testing of the page and in the cloud", "", NOT_COVERED, "Drive the page with Playwright itself."),
)

TABLES: dict[str, tuple[tuple[str, tuple[Entry, ...]], ...]] = {
    "ray": (
        ("Steps and graphs", STEPS),
        ("Management", MANAGEMENT),
        ("Virtual actors", ACTORS),
        ("The rest of it", CORE),
    ),
    "ray2": (("What 2.x changed", RAY2),),
    "lightning": (("Flows and works", APPS), ("What they use", APP_PARTS), ("Running and testing", APP_RUNNING)),
}
"""For each system its entries, by subject."""

INTRODUCTION = """\
# Compatibility

Programs that were written for another system run as they are, or with one changed import:

```sh
manyhands run script --as ray train.py --epochs 3      # `import ray` gets our names
python -m manyhands.compat ray -m pytest tests         # so do the tests
manyhands run app --as lightning app.py                # `import lightning` and `lightning_app` get ours
```

`import manyhands.compat.ray as ray` does the same for one file. Where that system is installed too, our names are
served under these commands only. Workers get them as well, and so do the processes of pytest-xdist; an engine that is
to take such programs up is started with `MANYHANDS_COMPAT=ray manyhands engine start`.

Behind the names is the engine with all its promises, so what the original promised and did not keep is kept here. Each
difference is in these tables, which `manyhands compat list` shows too.
"""

TITLES = {
    "ray": "Ray Workflow 1.9 to 1.13: `ray`",
    "ray2": "Ray Workflow 2.x: `ray2`",
    "lightning": "Lightning apps: `lightning`",
}


def entries(system: str | None = None) -> Iterator[tuple[str, str, Entry]]:
    """System, subject and entry, of one system or of all. Errors: `UnknownSystem`."""
    if system is not None:
        packages_of(system)
    for name, subjects in TABLES.items():
        if system is None or name == system:
            for subject, listed in subjects:
                for entry in listed:
                    yield name, subject, entry


def page() -> str:
    """The tables as Markdown, for docs/explanation/compatibility.md."""
    lines = [*INTRODUCTION.splitlines(), ""]
    for system, subjects in TABLES.items():
        lines += [f"## {TITLES[system]}", ""]
        for subject, listed in subjects:
            lines += [f"### {subject}", "", "| there | here | | |", "|---|---|---|---|"]
            lines += [f"| {' | '.join(_cell(text) for text in entry)} |" for entry in listed]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "–"
