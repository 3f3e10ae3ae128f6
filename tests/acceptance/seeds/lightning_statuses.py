from time import sleep

import lightning as L


class Work(L.LightningWork):
    def run(self, value: int):
        sleep(1)
        if value == 0:
            return
        raise Exception(f"The provided value was {value}")


class Flow(L.LightningFlow):
    def __init__(self):
        super().__init__()
        self.work = Work(raise_exception=False)
        self.counter = 0

    def run(self):
        print(self.statuses)
        self.work.run(self.counter)
        self.counter += 1


app = L.LightningApp(Flow())
