"""What Traject costs, measured on this machine: `python -m bench` (see figures.py for how a figure is judged)."""
