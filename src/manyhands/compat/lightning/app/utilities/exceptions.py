"""The names of `lightning.app.utilities.exceptions`."""

from manyhands.app.errors import AppExit as ExitAppException
from manyhands.app.errors import CallPending as CacheMissException
from manyhands.app.errors import UnfitChild as LightningWorkException
from manyhands.model.errors import UsageError as MisconfigurationException

__all__ = ["CacheMissException", "ExitAppException", "LightningWorkException", "MisconfigurationException"]
