"""Who sits at the console, for the audit trail."""

from __future__ import annotations

import getpass
import os


def operator() -> str:
    """Their name on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container nobody may have a name
        return f"user {os.getuid()}"
