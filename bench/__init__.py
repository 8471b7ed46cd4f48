"""What Traject costs, measured on this machine: `python -m bench` (see figures.py for how a figure is judged)."""

import warnings

# The PostgreSQL wheel says so at its import, as in a container; it does without.
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
