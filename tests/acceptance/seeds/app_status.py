from time import sleep

from manyhands.app import App, Flow, Work


class ExampleWork(Work):
    def run(self, value: int):
        sleep(1)
        if value == 0:
            return
        raise Exception(f"The provided value was {value}")


class ExampleFlow(Flow):
    def __init__(self):
        super().__init__()
        self.work = ExampleWork(raise_exception=False)
        self.counter = 0

    def run(self):
        if not self.work.has_started:
            print("NOT STARTED")
        elif self.work.is_pending:
            print("PENDING")
        elif self.work.is_running:
            print("RUNNING")
        elif self.work.has_succeeded:
            print("SUCCESS")
        elif self.work.has_failed:
            print("FAILED")
        elif self.work.has_stopped:
            print("STOPPED")
            self.stop()
        print(self.work.status)
        self.work.run(self.counter)
        self.counter += 1


app = App(ExampleFlow())
