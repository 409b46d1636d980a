"""`python -m sae_widgets.evals`, as SAELens spells it: see `command`."""

import sys

from sae_widgets.evals.command import run_evals_cli

if __name__ == "__main__":
    sys.exit(run_evals_cli(sys.argv[1:]))
