"""How many people were shown each notice, and how many said yes on it: counts only, nobody is named.

Easy to get wrong: counting events. Somebody who was shown a notice three times is one person.

Source: GDPR Art. 5(2), 7(1).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rightful.gate.planes import KIND, Population
from rightful.terms import EventKind


def people_per_notice(people: Population) -> Mapping[str, tuple[int, int]]:
    """Label -> how many customers it was shown to, how many gave a consent on it."""
    events, labels = people.events, people.codes.notices
    shown = events.kind == KIND[EventKind.NOTICE_SERVED]
    given = events.kind == KIND[EventKind.GIVEN]
    found = {}
    for code, label in enumerate(labels):
        on_it = events.notice == code
        counts = [int(np.unique(events.no[on_it & kind]).size) for kind in (shown | given, given)]
        found[label] = (counts[0], counts[1])
    return found
