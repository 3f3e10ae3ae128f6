"""Money goes from account to account while the processes that move it are killed: the books always balance."""

import random
import sys
import uuid
from contextlib import suppress

import psutil

from manyhands import workflow

NAMES, OPENING, KILLS = ("ann", "bob", "cleo"), 100, 8


@workflow.virtual_actor
class Account:
    def __init__(self) -> None:
        self.balance = OPENING
        self.booked: dict[str, int] = {}

    def book(self, transfer: str, amount: int) -> int:
        """Once for each transfer, however often it is asked: who asks may die before it has heard the answer."""
        if transfer not in self.booked:
            self.booked[transfer] = amount if self.balance + amount >= 0 else 0
            self.balance += self.booked[transfer]
        return self.booked[transfer]

    @workflow.virtual_actor.readonly
    def look(self) -> tuple[int, dict[str, int]]:
        return self.balance, self.booked


@workflow.step(name="book", retry_lost=100)
def book(account: str, transfer: str, amount: int) -> int:
    return workflow.get_actor(account).book.options(retry_lost=100).run(transfer, amount)


@workflow.step(name="deposit", retry_lost=100)
def deposit(account: str, transfer: str, withdrawn: int) -> workflow.Workflow:
    return book.step(account, transfer, -withdrawn)


def teller(bank: str, count: int) -> None:
    """Ask for all transfers; of those that were asked for before, only what is missing is done."""
    workflow.init()
    moving = []
    for number in range(count):
        giver, taker = random.Random(number).sample(NAMES, 2)
        transfer = f"{bank}-{number}"
        withdrawn = book.step(f"{bank}-{giver}", transfer, -1 - number % 60)
        moving.append(deposit.step(f"{bank}-{taker}", transfer, withdrawn).run_async(transfer))
    for reference in moving:
        reference.result(timeout=60)


def tell(bank: str, count: int, kills: int) -> int:
    """Run the teller, and kill one of its processes now and then, itself or a worker; how many it were."""
    process, killed = psutil.Popen([sys.executable, __file__, bank, str(count)]), 0
    while True:
        try:
            assert process.wait(random.uniform(0.1, 0.6) if killed < kills else None) in (0, -9)
            return killed
        except psutil.TimeoutExpired:
            with suppress(psutil.NoSuchProcess):
                random.choice([process, *process.children(recursive=True)]).kill()
                killed += 1


def main() -> None:
    workflow.init()
    bank, count, kills = f"bank-{uuid.uuid4().hex[:8]}", 0, 0
    accounts = [Account.get_or_create(f"{bank}-{name}") for name in NAMES]
    for account in accounts:
        account.ready().result(timeout=60)
    while kills < KILLS:
        count += 40
        kills += tell(bank, count, KILLS - kills)
    tell(bank, count, 0)
    books = [account.look.run() for account in accounts]
    calls = sum(len(account.history()) - 1 for account in accounts)
    print(f"{count} transfers, {kills} kills; {calls - 2 * count} bookings were asked for again and not done again")
    for name, (balance, booked) in zip(NAMES, books, strict=True):
        print(f"{name:>5}: {balance:3} after {len(booked)} bookings")
        assert balance == OPENING + sum(booked.values()) >= 0
    for number in range(count):
        sides = [booked[f"{bank}-{number}"] for _, booked in books if f"{bank}-{number}" in booked]
        assert len(sides) == 2 and sum(sides) == 0 and abs(sides[0]) in (0, 1 + number % 60), (number, sides)
    print(f"the books balance: {sum(balance for balance, _ in books)}")
    assert sum(balance for balance, _ in books) == OPENING * len(NAMES)


if __name__ == "__main__":
    teller(sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 1 else main()
