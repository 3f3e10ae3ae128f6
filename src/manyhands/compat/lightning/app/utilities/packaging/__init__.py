"""What said where works are to run and what is to be installed there; nothing of it is needed on this machine."""

from manyhands.compat.lightning.app.utilities.packaging.build_config import BuildConfig
from manyhands.compat.lightning.app.utilities.packaging.cloud_compute import CloudCompute

__all__ = ["BuildConfig", "CloudCompute"]
