"""What Traject costs, measured on this machine: `python -m bench` (see figures.py for how a figure is judged)."""

import os
import tempfile

# The PostgreSQL wheel warns at its import where there is none, as in a container.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
