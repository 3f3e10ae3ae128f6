"""Reactive apps: flows that run again and again, and works that run once for each set of arguments."""

from __future__ import annotations

from manyhands.app.app import App
from manyhands.app.flow import Flow
from manyhands.app.status import WorkStageStatus, WorkStatus
from manyhands.app.storage.drive import Drive
from manyhands.app.storage.path import Path
from manyhands.app.storage.payload import Payload
from manyhands.app.structures import Dict, List
from manyhands.app.work import Work

__all__ = ["App", "Dict", "Drive", "Flow", "List", "Path", "Payload", "Work", "WorkStageStatus", "WorkStatus"]
