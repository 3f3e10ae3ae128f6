"""Makes one call that waits for a gate, and drives it: `actor_holder.py ACTOR WORD FOLDER`."""

import sys

from manyhands import workflow

if __name__ == "__main__":
    actor_id, word, folder = sys.argv[1:]
    sys.stdout.write(f"place {workflow.get_actor(actor_id).hold.run(word, folder)}\n")
