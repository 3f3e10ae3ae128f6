"""A work is killed with SIGKILL while it runs: the flow sees it at once, and the next try goes on where it was."""

import os
import signal
import time

from manyhands.app import App, Flow, Work

STEPS = 10


class Climber(Work):
    def __init__(self, **options: object) -> None:
        super().__init__(parallel=True, raise_exception=False, **options)
        self.step = 0
        self.pids: list[int] = []

    def run(self, attempt: str) -> None:
        self.pids = [*self.pids, os.getpid()]
        while self.step < STEPS:
            self.step += 1  # the flow is told of each step, so that none is lost with the process
            time.sleep(600 if self.step == STEPS // 2 and len(self.pids) == 1 else 0.02)  # until it is killed


class Watch(Flow):
    def __init__(self) -> None:
        super().__init__()
        self.alone, self.helped = Climber(), Climber(retries=1)
        self.killed: dict[str, float] = {}
        self.attempt = "first"

    def run(self) -> None:
        self.alone.run(self.attempt)
        self.helped.run("first")
        for work in (self.alone, self.helped):
            if work.name not in self.killed and work.step >= STEPS // 2:
                print(f"{work.name} is killed at step {work.step}")
                os.kill(work.pids[-1], signal.SIGKILL)
                self.killed[work.name] = time.time()
        if self.alone.has_failed and self.attempt == "first":
            late, status = time.time() - self.killed[self.alone.name], self.alone.status
            print(f"{self.alone.name} has failed: {status.reason}, {status.message}; seen {1000 * late:.0f} ms later")
            assert late < 30, "seen at once, not when the work would have ended"
            self.attempt = "second"  # a failed call is not made again; one with other arguments is
        if self.alone.has_succeeded and self.helped.has_succeeded:
            self.stop()


def main() -> None:
    flow = Watch()
    App(flow).run()
    for work in (flow.alone, flow.helped):
        print(f"{work.name}: {work.step} steps in {len(work.pids)} processes:", *(s.stage for s in work.statuses))
        assert work.step == STEPS
        assert len(set(work.pids)) == 2


if __name__ == "__main__":
    main()
