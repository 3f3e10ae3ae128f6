"""Calls an actor that is there: `actor_caller.py HOW ACTOR NAME COUNT LEDGER`.

HOW `run`: one call after the other; `async`: all of them at once, results afterwards; `leave`: all of them, and the end
of the process without a wait. Call number n writes `NAME n`. LEDGER gets one line when a call is durable and, but for
`leave`, one with its place when it has its result.
"""

import sys

from manyhands import workflow
from tests.acceptance.kit import note

if __name__ == "__main__":
    how, actor_id, name, count, ledger = sys.argv[1:]
    actor = workflow.get_actor(actor_id)
    words = [f"{name} {number}" for number in range(int(count))]
    if how == "run":
        for word in words:
            place = actor.write.run(word)
            note(ledger, f"durable {word}")
            note(ledger, f"done {word} {place}")
    else:
        references = []
        for word in words:
            references.append(actor.write.run_async(word))
            note(ledger, f"durable {word}")
        if how == "async":
            for word, reference in zip(words, references, strict=True):
                note(ledger, f"done {word} {reference.result()}")
