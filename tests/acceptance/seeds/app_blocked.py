from manyhands.app import App, Flow, Work


class ExampleWork(Work):
    def run(self, *args, **kwargs):
        pass


class ExampleFlow(Flow):
    def __init__(self):
        super().__init__()
        self.work = ExampleWork(cache_calls=False, parallel=False)

    def run(self):
        print("HERE BEFORE")
        self.work.run()
        print("HERE AFTER")


app = App(ExampleFlow())
