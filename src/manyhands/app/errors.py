"""What can go wrong with flows, works and the apps made of them."""

from __future__ import annotations

from manyhands.model.errors import BackendError, StateError, UsageError

# --- what unwinds a flow's run; no error, so no `except Exception` holds it up ----------------------------------


class CallPending(BaseException):
    """A work that is not parallel has not finished its call yet: the flow's `run` ends here for this turn."""

    def __str__(self) -> str:
        return f"{self.args[0] if self.args else 'A work'} has not finished its call yet."


class AppExit(BaseException):
    """`Flow.stop()` was called: the app ends. `AppExit(message)`."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args and self.args[0] else "The flow has stopped the app."


class AppFail(AppExit):
    """`Flow.fail()` was called: the app ends and has failed. `AppFail(message)`."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args and self.args[0] else "The flow has failed the app."


# --- how components are written --------------------------------------------------------------------------------


class MissingInit(UsageError, AttributeError):
    """A component's `__init__` does not call its base: `MissingInit(class_name)`."""

    text = "Did you forget to call super().__init__() in `{0}`? Make it the first line of its `__init__`."


class MissingRun(UsageError, TypeError):
    """A work has no `run`: `MissingRun(class_name)`."""

    text = "The work `{0}` is missing the `run()` method. Define `def run(self, ...)` in it: the code that it runs."


class MissingRootRun(UsageError, TypeError):
    """The root flow has no `run`: `MissingRootRun(class_name)`."""

    text = (
        "The root flow passed to `App` does not override the `run()` method. Define `def run(self)` in `{0}`: "
        "it is called again and again, and calls its works."
    )


class UndefinedAttribute(UsageError, AttributeError):
    """An attribute that is new outside `__init__`: `UndefinedAttribute(name)`."""

    text = (
        "Cannot set attributes that were not defined in __init__: {0}. Give it a first value in `__init__`, "
        "or begin its name with `_` if it is no part of the state."
    )


class FixedComponent(UsageError, AttributeError):
    """A child was replaced: `FixedComponent(kind, name)`."""

    text = (
        "Cannot set attributes as the {0} can't be changed once defined: {1}. Keep it and change its attributes, "
        "or add a further one under another name."
    )


class UnfitAttribute(UsageError, AttributeError, TypeError):
    """A value that cannot be state: `UnfitAttribute(where, type_name)`."""

    text = (
        "Only JSON-serializable attributes are currently supported (None, bool, int, float, str, tuple, list, dict, "
        "objects with `__json__`): `{0}` is a {1}. Turn it into plain data, or begin the attribute's name with `_` "
        "to keep it out of the state."
    )


class UnfitChild(UsageError, TypeError):
    """A work was given a child: `UnfitChild(class_name, attribute, type_name)`."""

    text = (
        "A ``Work`` isn't allowed to take any children such as ``Work`` or ``Flow``: `{0}.{1}` is a `{2}`. "
        "Give both to one flow, and pass data from the one to the other as arguments of `run`."
    )


class SecondPlace(UsageError, ValueError):
    """A component was given to two parents: `SecondPlace(name, other_name)`."""

    text = (
        "The component {0} cannot be {1} as well: it has one place in the app. "
        "Keep a second reference to it under a name that begins with `_`."
    )


class OwnMember(UsageError, ValueError):
    """A component was put into itself: `OwnMember(name, other_name)`."""

    text = (
        "The component {0} cannot be {1} as well: it would be a part of itself. "
        "Keep a reference to it under a name that begins with `_`."
    )


class HiddenMethod(UsageError, AttributeError):
    """An attribute has the name of a method: `HiddenMethod(class_name, attribute, base_name)`."""

    text = "The attribute `{0}.{1}` would hide the method `{1}` of `{2}`. Give it another name."


class PayloadInInit(UsageError, AttributeError):
    """A payload was assigned too early: `PayloadInInit(name)`."""

    text = "The attribute `{0}` is a Payload, which only `run` may assign. Set it to None in `__init__`."


class StructureKey(UsageError, ValueError):
    """A key that can be no name: `StructureKey(key)`."""

    text = "The provided key {0} isn't a text without `.`. Keys of a `Dict` are names of components; use plain words."


class StructureMismatch(UsageError, ValueError):
    """A state with other members than the structure has: `StructureMismatch(kind, expected, found)`."""

    text = "The provided state doesn't match the `{0}`: it has the members {1} and the state has {2}."


class UnfitMember(UsageError, TypeError):
    """A structure was given something else than a component: `UnfitMember(kind, type_name)`."""

    text = "A `{0}` holds flows, works and structures of them, not a {1}. Use a plain list or dict for plain values."


class UnsupportedChange(UsageError, TypeError):
    """A structure cannot be changed so: `UnsupportedChange(kind, method)`."""

    text = "A `{0}` has no `{1}`: its members stay for the whole of the app. Stop a work by `work.stop()` instead."


class ReturnedValue(UsageError, RuntimeError):
    """A work's `run` returned something: `ReturnedValue(work_name, value)`."""

    text = (
        "Your work {0} shouldn't have a return value. Found {1}. HINT: Use the Payload API instead, "
        "or assign the value to an attribute of the work."
    )


# --- names, states, changes ------------------------------------------------------------------------------------


class ComponentName(UsageError, ValueError):
    """A component's name that does not begin with the root: `ComponentName(name)`."""

    text = "Invalid component name {0}. Name should start with 'root', as in 'root.work'."


class ComponentNotFound(UsageError, AttributeError):
    """No such component: `ComponentNotFound(parent, name)`."""

    text = "Component '{0}' has no child component with name '{1}'. `App.flows` and `App.works` show those there are."


class ComponentMissing(UsageError, ValueError):
    """A state has a child that the flow has not: `ComponentMissing(child, parent)`."""

    text = (
        "The component {0} wasn't instantiated for the component {1}. Create it in `load_state_dict` before you call "
        "the base, or pass `strict=False` to leave it out."
    )


class UnfitDelta(UsageError, ValueError):
    """A change that cannot be made: `UnfitDelta(operation, why)`."""

    text = "The change {0} cannot be made: {1}."


class ForbiddenUpdate(UsageError, RuntimeError):
    """The flow changed in a running work what it may not: `ForbiddenUpdate(work_name, operation)`."""

    text = (
        "A forbidden operation to update the work from the flow was detected: {1} in {0}. "
        "Assign to the attributes that the work defined in `__init__`, nothing else."
    )


# --- states of works -------------------------------------------------------------------------------------------


class FlowOnly(StateError, RuntimeError):
    """The work was asked to start or end from elsewhere than its flow: `FlowOnly(work_name, verb)`."""

    text = (
        "Can't {1} the work {0}: only the `Flow` that has it can, while its app runs. "
        "Make the work an attribute of a flow, and do it in that flow's `run`."
    )


class StartedOnce(StateError, RuntimeError):
    """A stopped work was started: `StartedOnce(work_name)`."""

    text = "A work can be started only once for now: {0} has stopped. Make another one to go on."


class WorkHasStopped(StateError, RuntimeError):
    """New arguments for a work that has been stopped: `WorkHasStopped(work_name)`."""

    text = "{0} has been stopped and takes no new calls. Stop it only after its last call, or make another work."


class DisplayNameFixed(StateError, RuntimeError):
    """A started work was renamed: `DisplayNameFixed(work_name)`."""

    text = "The display name can be set only before the work has started: {0} has. Set it right after you create it."


# --- schedules, pages, routes ----------------------------------------------------------------------------------


class UnfitSchedule(UsageError, ValueError):
    """No cron pattern: `UnfitSchedule(pattern, why)`."""

    text = (
        "{0} is no schedule ({1}). Write five fields as in '*/5 * * * *', a sixth for seconds, "
        "or one of hourly, daily, midnight, weekly, monthly, yearly, annually."
    )


class UnfitLayout(UsageError, TypeError):
    """`configure_layout` returned something else: `UnfitLayout(class_name, type_name)`."""

    text = (
        "The return value of configure_layout() in `{0}` is an unsupported layout format: {1}. "
        "Return a frontend, a dict, or a list of dicts like {{'name': 'Tab', 'content': self.child}}."
    )


class UnfitContent(UsageError, ValueError):
    """A tab without content, or with an unknown one: `UnfitContent(class_name, what)`."""

    text = (
        "A dictionary returned by `{0}.configure_layout()` {1}. "
        "Its 'content' is a child flow, a child work, or a URL beginning with https://; \"\" as long as there is none."
    )


class UnfitRoute(UsageError, TypeError):
    """A route or command that cannot be served: `UnfitRoute(component, what)`."""

    text = (
        "`{0}` offers {1}. `configure_api` returns a list of Post, Get, Put or Delete, each with a route and a method; "
        "`configure_commands` returns a list of dicts {{'command name': method}}."
    )


# --- storage ---------------------------------------------------------------------------------------------------


class StorageUse(UsageError, RuntimeError):
    """A path, drive or payload was used where it cannot be: `StorageUse(text)`."""


class StorageValue(UsageError, ValueError):
    """A path's or drive's address is wrong: `StorageValue(text)`."""


class FileInTheWay(StateError, FileExistsError):
    """A file exists already: `FileInTheWay(path)`."""

    text = "The file or folder {0} exists already. Pass `overwrite=True` to replace it."


class FileMissing(StateError, FileNotFoundError):
    """A file is not there: `FileMissing(path, where)` in one text."""

    text = "{0}"


class FileLate(BackendError, TimeoutError):
    """A file did not come in time: `FileLate(text)`."""
