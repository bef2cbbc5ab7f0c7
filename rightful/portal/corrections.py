"""P4, second half: this is wrong, put it right.

One field, one form of its kind. What can be corrected at once is; what an officer looks
at first says so before it is sent.

Easy to get wrong: showing a field of the form `table.column` from the address without
asking whether it is the customer's to correct. The action decides, for reading too.

Source: GDPR Art. 16; UX portal P4; journey 3.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from rightful.actions.correct_data import LONGEST, Correctable, NotCorrectable, ask_correction, correctable
from rightful.errors import BadInput, NotFound, RightfulError
from rightful.portal.templatetags.customer import named
from rightful.portal.visitor import key_of, language
from rightful.web.opened import workspace

REQUIRED = {"required": gettext_lazy("Write what is right.")}


@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, field: str) -> HttpResponse:
    """The form of one field, and what becomes of it."""
    try:
        found = correctable(workspace(), key_of(request), field, language=language())
    except NotFound:
        raise Http404 from None
    except NotCorrectable:
        return render(request, "portal/not_correctable.html", status=403)
    form = _form(found, request.POST or None)
    if request.method != "POST":
        return render(request, "portal/correct.html", {"found": found, "form": form})
    if form.is_valid():
        try:
            text = _text(form.cleaned_data["value"])
            done = ask_correction(workspace(), key_of(request), field, text, language=language())
        except NotCorrectable:
            return render(request, "portal/not_correctable.html", status=403)
        except BadInput:
            form.add_error("value", _("This is what is on record already, or it does not fit here."))
        except RightfulError:
            form.add_error("value", _("That did not work, and nothing was changed. Please try again in a minute."))
        else:
            messages.success(request, _said(done.state, done.told))
            return HttpResponseRedirect(reverse("portal:data"))
    return render(request, "portal/correct.html", {"found": found, "form": form}, status=422)


def _said(state: str, told: int) -> str:
    if state == "waiting":
        return _("We have your correction. A person looks at it, and you find the answer under Uses.")
    if told:
        return _("It is corrected. Everybody who received it from us is told.")
    return _("It is corrected.")


def _form(found: Correctable, given: Any) -> forms.Form:
    """A form with one field, of the kind the value has; empty at first, so that nothing is sent by mistake."""
    label = _("What is right")
    attributes = {"autofocus": True, "autocomplete": "off"}
    kinds: dict[str, Any] = {
        "date": lambda: forms.DateField(widget=forms.DateInput(attrs={**attributes, "type": "date"})),
        "moment": lambda: forms.DateTimeField(
            widget=forms.DateTimeInput(attrs={**attributes, "type": "datetime-local"})
        ),
        "yes-no": lambda: forms.ChoiceField(choices=[("yes", _("yes")), ("no", _("no"))], widget=forms.RadioSelect),
        "whole": lambda: forms.IntegerField(widget=forms.NumberInput(attrs=attributes)),
        "number": lambda: forms.DecimalField(widget=forms.NumberInput(attrs={**attributes, "step": "any"})),
        "email": lambda: forms.EmailField(max_length=254, widget=forms.EmailInput(attrs=attributes)),
        "text": lambda: forms.CharField(max_length=LONGEST, widget=forms.TextInput(attrs=attributes)),
    }
    field = kinds[found.shape]()
    field.label = label
    field.error_messages.update(REQUIRED)
    form = forms.Form(given)
    form.fields["value"] = field
    form.title = named(found.label)
    return form


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
