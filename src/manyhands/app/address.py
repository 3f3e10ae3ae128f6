"""Where a work can be reached, under which name it is shown, and settings that other places had for it."""

from __future__ import annotations

import logging
import socket
from typing import Any

from manyhands.app.errors import DisplayNameFixed
from manyhands.app.history import History
from manyhands.app.status import WorkStageStatus

log = logging.getLogger("manyhands")

LOOPBACK = "127.0.0.1"


class Addressed(History):
    """The part of a work that has to do with its place: host, port, URL, display name."""

    _host: str
    _port: int | None
    _url: str
    _future_url: str
    _internal_ip: str
    _public_ip: str
    _display_name: str
    _cloud_compute: Any
    _local_build_config: Any
    _cloud_build_config: Any

    @property
    def host(self) -> str:
        """The address that a server of the work listens at."""
        return self._host

    @property
    def port(self) -> int:
        """The port that a server of the work listens at; a free one is chosen when it is first asked for."""
        if self._port is None:
            self._port = free_port()
        return self._port

    @property
    def url(self) -> str:
        """Where the page of the work is, "" as long as there is none. The work sets it in `run`."""
        return self._url

    @url.setter
    def url(self, url: str) -> None:
        self._url = url

    @property
    def internal_ip(self) -> str:
        """The address at which other works reach this one; "" before it runs."""
        return self._internal_ip

    @property
    def public_ip(self) -> str:
        """The address at which the world reaches it; "" before it runs."""
        return self._public_ip

    @property
    def display_name(self) -> str:
        """The name shown to people, "" for the work's own. It can be set until the work starts.

        Errors: `DisplayNameFixed` (a `RuntimeError`) for another name after that.
        """
        return self._display_name

    @display_name.setter
    def display_name(self, name: str) -> None:
        if name != self._display_name and self.status.stage != WorkStageStatus.NOT_STARTED:
            raise DisplayNameFixed(self.name or type(self).__name__)
        self._display_name = name

    @property
    def local_build_config(self) -> Any:
        """Kept for code that sets it; nothing is built here."""
        return self._local_build_config

    @local_build_config.setter
    def local_build_config(self, config: Any) -> None:
        self._local_build_config = _unused("local_build_config", config)

    @property
    def cloud_build_config(self) -> Any:
        """Kept for code that sets it; nothing is built here."""
        return self._cloud_build_config

    @cloud_build_config.setter
    def cloud_build_config(self, config: Any) -> None:
        self._cloud_build_config = _unused("cloud_build_config", config)

    @property
    def cloud_compute(self) -> Any:
        """Kept for code that sets it; works run on this machine."""
        return self.__dict__.get("_cloud_compute_given_")

    @cloud_compute.setter
    def cloud_compute(self, compute: Any) -> None:
        self._cloud_compute_given_ = _unused("cloud_compute", compute)


def _unused(option: str, value: Any) -> Any:
    if value is not None:
        log.info("`%s` does nothing here: works run on this machine, in the Python that runs the app.", option)
    return value


def free_port() -> int:
    """A port of this machine that nobody listens at just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
