"""Django's own commands, for one workspace: set up, migrate, check.

Nothing here imports Django at the top, so the command line stays quick.

Easy to get wrong: settings are read once per process. A second workspace in the
same process is refused instead of quietly using the first one's database.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from rightful.errors import BadInput

SETTINGS = "rightful.web.settings"


def folder_of(workspace: Any) -> Path:
    """The folder of an open workspace, or of a path."""
    return Path(getattr(workspace, "path", workspace)).expanduser().resolve()


def ready(workspace: Any, *, migrate: bool = True) -> None:
    """Set Django up for this workspace and bring its own tables up to date; cheap when done before.

    Raises:
        BadInput: this process serves another workspace already.
    """
    folder = folder_of(workspace)
    import django
    from django.apps import apps
    from django.conf import settings

    if not settings.configured:  # what was asked for here counts, whatever the environment says
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
        os.environ["RIGHTFUL_WORKSPACE"] = str(folder)
    if not apps.ready:
        django.setup()
    if folder != settings.RIGHTFUL_WORKSPACE:
        raise BadInput(f"this process already serves {settings.RIGHTFUL_WORKSPACE}")
    ours = settings.DATABASES["default"]["NAME"] == str(folder / "state" / "web.sqlite")  # not under a test
    if migrate and ours and folder not in _migrated:
        from django.core.management import call_command

        (folder / "state").mkdir(mode=0o700, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
        (folder / "state" / "web.sqlite").chmod(0o600)
        _migrated.add(folder)


def check_deploy(workspace: Any) -> bool:
    """`check --deploy --fail-level WARNING` as production sees it; prints what it finds. True: nothing."""
    os.environ.setdefault("RIGHTFUL_MODE", "production")
    from django.core.management.base import SystemCheckError

    ready(workspace, migrate=False)
    from django.core.management import call_command

    try:
        call_command("check", deploy=True, fail_level="WARNING")
    except SystemCheckError as found:
        sys.stderr.write(f"{found}\n")
        return False
    return True


def main(arguments: list[str] | None = None) -> None:
    """Django's command line: `python -m rightful.web.manage check --deploy --fail-level WARNING`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage", *(sys.argv[1:] if arguments is None else arguments)])


_migrated: set[Path] = set()

if __name__ == "__main__":
    main()
