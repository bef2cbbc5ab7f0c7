"""Whoever is erased cannot be known by their sign-in any more: the row goes from the web's own database, too."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

from rightful.workspace import Workspace

SIGN_IN = """
import sys
from rightful.web.manage import ready
ready(sys.argv[1])
from rightful.web.models import User
from rightful.web.signing_in import customer_handle
for key in ("C003", "C004"):
    User.objects.customer(customer_handle(key))
"""
ERASE = """
import sys
from rightful.actions.erase_customer import begin_erasure, run_erasure
from rightful.workspace import Workspace
with Workspace.open(sys.argv[1]) as ws:
    run_erasure(ws, begin_erasure(ws, "C003", actor="self").id)
"""


def test_an_erased_customers_sign_in_is_gone_and_a_neighbours_stays(shop_path):
    Workspace.open(shop_path).close()
    for script, left in ((SIGN_IN, 2), (ERASE, 1)):
        subprocess.run([sys.executable, "-c", script, str(shop_path)], check=True, timeout=300)
        with closing(sqlite3.connect(shop_path / "state" / "web.sqlite")) as web:
            assert web.execute("SELECT count(*) FROM web_user WHERE kind = 'customer'").fetchone() == (left,)
