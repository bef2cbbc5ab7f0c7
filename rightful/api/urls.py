"""The addresses of the API: each operation behind a token, the description behind the staff's sign-in."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, include, path
from django.views.decorators.http import require_safe

from rightful.api import incoming, problems
from rightful.api.v1 import api, refuse_open_operations
from rightful.web.accounts import ROLES
from rightful.web.doors import signed, staff, token


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI description."""
    return JsonResponse(api.get_openapi_schema(path_prefix="/api/v1/"))


refuse_open_operations(api)
operations = [one for one in api.urls[0] if isinstance(one, URLPattern) and one.name != "api-root"]
for one in operations:
    assert one.callback is not None
    one.callback = token(problems.instead_of_405(one.callback))

app_name = "api"
urlpatterns = [
    path("v1/openapi.json", staff(*ROLES)(openapi), name="openapi"),
    path("v1/", include(operations)),
    path("hooks/<slug:source>", signed(incoming.receive), name="incoming"),
]
