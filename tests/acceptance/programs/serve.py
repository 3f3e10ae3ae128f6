"""An engine service of the store in the environment, until it is killed."""

from manyhands import bootstrap

if __name__ == "__main__":
    bootstrap.service(bootstrap.settings(processes=2, poll_seconds=0.5)).serve()
