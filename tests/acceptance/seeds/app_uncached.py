from manyhands.app import Work


class ExampleWork(Work):
    def run(self, *args, **kwargs):
        print(f"I received the following props: args: {args} kwargs: {kwargs}")


work = ExampleWork(cache_calls=False)
for _ in range(5):
    work.run(value=1)
work.run(value=10)
