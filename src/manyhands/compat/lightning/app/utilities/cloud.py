"""The name of `lightning.app.utilities.cloud` that programs use."""


def is_running_in_cloud() -> bool:
    """False: apps run on this machine."""
    return False
