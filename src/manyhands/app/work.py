"""A work: a component whose `run` happens in a process of its own, once for each set of arguments."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, cast

from manyhands.app.address import LOOPBACK, Addressed
from manyhands.app.call_key import choose_key, full_fingerprint
from manyhands.app.calls import Calls, Decision, Entry, decide
from manyhands.app.component import Component
from manyhands.app.errors import CallPending, FlowOnly, MissingRun, StartedOnce, UnfitChild, WorkHasStopped
from manyhands.app.history import LATEST, START_KEY
from manyhands.app.options import check_options
from manyhands.app.plain import from_plain
from manyhands.app.status import WorkStageStatus, WorkStopReasons
from manyhands.app.storage.drive import Drive
from manyhands.app.storage.path import Path, save_artifacts
from manyhands.app.storage.payload import Payload
from manyhands.app.structures import Structure, as_structure, check_name


class Work(Addressed):
    """A part of an app that computes: subclass it, and write what it does into `run`.

    `parallel`: whether the flow goes on while a call runs; if not, the flow's `run` ends at the call until it has
    succeeded. `cache_calls`: whether a call that has succeeded is never made again. `raise_exception`: whether an
    exception in `run` ends the app. `host`, `port`: where a server that `run` starts shall listen. `run_once`: the old
    name of `cache_calls`. `start_with_flow`: whether the work's process may be started before its first call.
    `local_build_config`, `cloud_build_config` and `cloud_compute` do nothing here.

    `timeout`: seconds after which a call is stopped and has failed. `retries`: how often a call that fails is tried
    again, `retry_delay` seconds later.

    Errors: `MissingRun` (a `TypeError`) for a class without `run`; `OptionError` for an option that cannot be; see
    `Component` for those of attributes.
    """

    _SHARED_: ClassVar[frozenset[str]] = frozenset(
        {
            "_cloud_compute", "_display_name", "_future_url", "_host", "_internal_ip", "_paths", "_port", "_public_ip",
            "_restarting", "_url",
        }
    )  # fmt: skip

    run: Callable[..., Any]

    def __init__(  # noqa: PLR0913 - its customary signature
        self,
        parallel: bool = False,
        cache_calls: bool = True,
        raise_exception: bool = True,
        host: str = LOOPBACK,
        port: int | None = None,
        local_build_config: Any = None,
        cloud_build_config: Any = None,
        cloud_compute: Any = None,
        run_once: bool | None = None,
        start_with_flow: bool = True,
        *,
        timeout: float | None = None,
        retries: int = 0,
        retry_delay: float = 0.0,
    ) -> None:
        super().__init__()
        if not callable(getattr(type(self), "run", None)):
            raise MissingRun(type(self).__name__)
        check_options(timeout=timeout, retries=retries, retry_delay=retry_delay, port=port)
        if run_once is not None:
            warnings.warn(
                "The `run_once` argument of a Work is deprecated; use `cache_calls` instead.",
                DeprecationWarning,
                stacklevel=2,
            )
            cache_calls = run_once
        self._calls = {LATEST: None}
        self._made_at_ = self._tree_.clock()
        self._newest_ = None
        self._prints_: dict[str, str] = {}
        self._keys_: dict[str, str] = {}
        self._stopped_ = False
        self._inside_ = False
        self._parallel, self._cache_calls, self._raise_exception = parallel, cache_calls, raise_exception
        self._start_with_flow = start_with_flow
        self._timeout_, self._retries_, self._retry_delay_ = timeout, retries, retry_delay
        self._host, self._port = host, port
        self._url = self._future_url = self._internal_ip = self._public_ip = self._display_name = ""
        self._restarting = False
        self._cloud_compute = None
        self.local_build_config = local_build_config
        self.cloud_build_config = cloud_build_config
        self.cloud_compute = cloud_compute
        self.__dict__["run"] = _proxy(self)

    @property
    def parallel(self) -> bool:
        """Whether the flow goes on while a call runs."""
        return self._parallel

    @property
    def cache_calls(self) -> bool:
        """Whether a call that has succeeded is never made again."""
        return self._cache_calls

    @property
    def _backend(self) -> Calls[Work] | None:
        return cast("Calls[Work] | None", self._tree_.backend)

    @_backend.setter
    def _backend(self, backend: Calls[Work] | None) -> None:
        self._tree_.backend = backend

    # --- for users to override --------------------------------------------------------------------------------------

    def on_exception(self, exception: BaseException) -> None:
        """Called in the work's process when `run` has raised; whatever this raises ends the app."""
        if self._raise_exception:
            raise exception

    def on_exit(self) -> None:
        """Called in the work's process before it ends because the work was stopped or the app is over."""

    def configure_layout(self) -> Any:
        """What the app's page shows of the work: a frontend, a URL, or None."""
        return self._url or None

    # --- for the flow -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the work's process ahead of its first call.

        Errors: `FlowOnly` elsewhere than in a flow of an app; `StartedOnce` for a work that was stopped. Both are
        `RuntimeError`s.
        """
        backend = self._backend
        if self._stopped_:
            raise StartedOnce(self._label_)
        if backend is None:
            raise FlowOnly(self._label_, "start")
        if START_KEY not in self._calls and not self.has_started:
            self._record_(START_KEY, self._now_(WorkStageStatus.PENDING))
            backend.start(self, START_KEY)

    def stop(self) -> None:
        """End the work's process, whatever it does; it takes no new calls any more. Once is enough.

        Errors: `FlowOnly` (a `RuntimeError`) elsewhere than in a flow of an app.
        """
        backend = self._backend
        if backend is None:
            raise FlowOnly(self._label_, "stop")
        if self._stopped_ or self.has_stopped:
            return
        self._stopped_ = True
        self._record_(None, self._now_(WorkStageStatus.STOPPED, WorkStopReasons.PENDING))
        backend.stop(self)

    def delete(self) -> None:
        """End the work's process without a word in its history.

        Errors: `FlowOnly` (a `RuntimeError`) elsewhere than in a flow of an app.
        """
        backend = self._backend
        if backend is None:
            raise FlowOnly(self._label_, "delete")
        self._stopped_ = True
        backend.delete(self)

    @property
    def _label_(self) -> str:
        return self._name or type(self).__name__

    # --- calls ------------------------------------------------------------------------------------------------------

    def _call_(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What `run(...)` does outside the work's own process."""
        backend = self._backend
        if backend is None:
            return self._call_here_(args, kwargs)
        full, key = self._key_(args, kwargs)
        decision = decide(self._calls.get(key), self._cache_calls, self._restarting)
        if decision is Decision.RETURN:
            return None
        if decision is Decision.SEND and self._stopped_:
            raise WorkHasStopped(self._label_)
        if decision.sends and not self._stopped_:
            _warn_of_paths(self._label_, (args, kwargs))
            self._know_(full, key)
            entry: Entry = self._calls.setdefault(key, {"statuses": []})
            entry.pop("ret", None)
            self._record_(key, self._now_(WorkStageStatus.PENDING))
            backend.submit(self, key, args, kwargs)
        if not self._parallel:
            raise CallPending(self._label_)
        return None

    def _call_here_(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Outside an app: run the body at once, and keep what it returns."""
        if not self._cache_calls:
            return self._body_(*args, **kwargs)
        full, key = self._key_(args, kwargs)
        entry = self._calls.get(key)
        if entry is None or "ret" not in entry:
            result = self._body_(*args, **kwargs)
            self._know_(full, key)
            entry = self._calls[key] = {"ret": result}
            self._touch_call_(key)
        return entry["ret"]

    @property
    def _body_(self) -> Callable[..., Any]:
        """The user's `run` itself."""
        body: Callable[..., Any] = type(self).run.__get__(self)
        return body

    def _key_(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, str]:
        full = full_fingerprint(args, kwargs)
        key = self._keys_.get(full)
        if key is None:
            key = choose_key(args, kwargs, full, self._prints_)
        return full, key

    def _know_(self, full: str, key: str) -> None:
        self._prints_[key] = full
        self._keys_[full] = key

    # --- attributes -------------------------------------------------------------------------------------------------

    def _set_public_(self, name: str, value: Any) -> None:
        if isinstance(as_structure(value), Component | Structure):
            raise UnfitChild(type(self).__name__, name, type(value).__name__)
        if name == "run" and getattr(value, "_manyhands_proxy", False):
            self.__dict__[name] = value
            return
        check_name(self, Work, name)
        super()._set_public_(name, value)

    def _take_path_(self, name: str, path: Path) -> None:
        if self._name or self._inside_:
            path._attach(self._name, self._inside_)
        super()._take_path_(name, path)

    def _take_payload_(self, name: str, payload: Payload) -> None:
        if self._inside_:
            payload._save(self._name, name)

    # --- in the work's own process ----------------------------------------------------------------------------------

    def _enter_(self, state: dict[str, Any]) -> None:
        """This is the work's process, and its attributes are those that the flow has sent, as `_vars_` gave them."""
        self._inside_ = True
        for name, value in state.items():
            if name in self._seen_:
                self._put_(name, from_plain(value))
        self._internal_ip = os.environ.get("MANYHANDS_NODE_IP", LOOPBACK)
        self._public_ip = os.environ.get("MANYHANDS_PUBLIC_IP", LOOPBACK)
        for path in self._path_values_():
            path._fetch()

    def _arrive_(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call as this work has them: paths fetched, drives and payloads its own to use."""
        return self._mine_(args), self._mine_(kwargs)

    def _mine_(self, value: Any) -> Any:
        if type(value) in (list, tuple):
            return type(value)(self._mine_(part) for part in value)
        if type(value) is dict:
            return {key: self._mine_(part) for key, part in value.items()}
        if isinstance(value, Drive):
            return value._given_to(self._name, flow=False)
        if isinstance(value, Path):
            value._attach(self._name, inside=True)
            value._fetch()
        elif isinstance(value, Payload):
            value._given_to(self._name)
        return value

    def _path_values_(self) -> list[Path]:
        values = [self.__dict__[name] for name in list(self._mutable_)]
        return [value for value in values if isinstance(value, Path)]

    def _save_artifacts_(self) -> None:
        """Leave what lies at the work's paths where other works find it."""
        save_artifacts(self._name, self._path_values_())

    # --- copies of it -----------------------------------------------------------------------------------------------

    def _saved_(self) -> dict[str, Any]:
        return {**super()._saved_(), "prints": dict(self._prints_), "stopped": self._stopped_}

    def _restore_(self, saved: dict[str, Any]) -> None:
        super()._restore_(saved)
        self._prints_ = dict(saved["prints"])
        self._keys_ = {full: key for key, full in self._prints_.items()}
        self._stopped_ = saved["stopped"]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name not in ("run", "_newest_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.update(_newest_=None, run=_proxy(self))


def _proxy(work: Work) -> Callable[..., Any]:
    """`work.run` as everybody but the work's own process calls it."""
    body = work._body_

    @functools.wraps(body)
    def run(*args: Any, **kwargs: Any) -> Any:
        return work._call_(args, kwargs)

    run._manyhands_proxy = True  # type: ignore[attr-defined]
    return run


def _warn_of_paths(name: str, value: Any) -> None:
    if isinstance(value, list | tuple | set | frozenset):
        for part in value:
            _warn_of_paths(name, part)
    elif isinstance(value, dict):
        for part in value.values():
            _warn_of_paths(name, part)
    elif isinstance(value, str | os.PathLike) and not isinstance(value, Path) and _exists(value):
        warnings.warn(
            f"You passed the value {value!r} as an argument to the `run()` method of {name}, and it is a path of "
            "something that exists. Consider wrapping it in a `manyhands.app.Path`, which follows the file.",
            UserWarning,
            stacklevel=5,
        )


def _exists(path: str | os.PathLike[str]) -> bool:
    try:
        return bool(os.fspath(path)) and os.path.exists(path)
    except ValueError:  # a text with a zero byte
        return False
