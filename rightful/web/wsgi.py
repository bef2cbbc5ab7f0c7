"""The application a server runs. Refuses to start with an undeclared route or without a workspace."""

from __future__ import annotations

import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rightful.web.settings")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - after Django is set up
from django.utils.module_loading import import_string  # noqa: E402 - after Django is set up

from rightful.web import mailing  # noqa: E402 - after Django is set up
from rightful.web.doors import refuse_undeclared  # noqa: E402 - after Django is set up

if settings.RIGHTFUL_WORKSPACE is None:
    raise ImproperlyConfigured("RIGHTFUL_WORKSPACE names no workspace folder")
refuse_undeclared()
mailing.start()
for worker in settings.RIGHTFUL_WORKERS:
    import_string(worker)()
