from lightning_app import LightningApp, LightningFlow, LightningWork


class Work(LightningWork):
    def run(self):
        pass


class Flow(LightningFlow):
    def __init__(self):
        super().__init__()
        self.work = Work(cache_calls=False, parallel=False)

    def run(self):
        print("HERE BEFORE")
        self.work.run()
        print("HERE AFTER")


app = LightningApp(Flow())
