"""The audit log of commands: opened before anything is changed, and signed with the user who gave them."""

import os
import pwd
from functools import cache

from app.ops.audit import Audit
from app.settings import load_settings


@cache
def user() -> str:
    """Return the name of the operating system's user, or the number of one without a name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, say
        return str(os.getuid())


def open_audit(writes: bool = True) -> Audit:
    """Open the audit log of the settings, for a command that writes nothing none.

    Raises:
        StoreFailure: it cannot be written, so nothing must be changed.
    """
    # Only root's word for who called it by sudo counts: anybody can set a variable.
    sudo_user = os.environ.get("SUDO_USER") if os.getuid() == 0 else None
    return Audit.open(load_settings().audit_file if writes else None, user=user(), sudo_user=sudo_user)
