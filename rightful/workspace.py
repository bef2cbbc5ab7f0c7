"""Where everything of one organisation lies, and how it is opened: a folder.

    rightful.json      what this workspace is made of (no secrets)
    policy/            policy as code
    state/             control database, ledger tiles, consent segments, permission state
    keys/              never in a backup of state/
    store/             the embedded store, encrypted as a whole

Easy to get wrong: opening twice is fine, in threads and in processes; opening with
other keys is refused; a policy on disk is not in force until it is published.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rightful.consent.guardians import Guardians
from rightful.consent.models import ConsentLog
from rightful.consent.requests import Requests
from rightful.consent.waiting import WaitingOptOuts
from rightful.errors import BadInput, NotFound, UnknownName
from rightful.gate import gone, outside, stores, use
from rightful.gate.facts import Facts, SubjectColumns
from rightful.gate.link_book import LinkBook
from rightful.ledger.database import connect
from rightful.ledger.journal import Journal
from rightful.ledger.record import Ledger, now_us
from rightful.mail.queue import Mail
from rightful.notices.models import NoticeShelf
from rightful.ownership.answers import Answers
from rightful.ownership.models import Staff
from rightful.ownership.tokens import Tokens
from rightful.policy.models import PolicyShelf
from rightful.protection.counted import CountedLog
from rightful.protection.keys import Keyring, derive
from rightful.protection.links import Links
from rightful.retention.backups import Backups
from rightful.retention.certificates import Certificates
from rightful.retention.elsewhere import Elsewhere
from rightful.retention.erasures import Erasures
from rightful.retention.holds import Holds
from rightful.retention.leaving import LeavingPeople
from rightful.retention.orders import Orders
from rightful.retention.runs import DisposalRuns
from rightful.retention.suppression import Suppression
from rightful.rights.agent_callbacks import Callbacks
from rightful.rights.agents import Agents
from rightful.rights.confirmations import Confirmations
from rightful.rights.corrections import Corrections
from rightful.rights.models import Cases
from rightful.rights.system_tasks import SystemTasks
from rightful.sharing.models import Sharing
from rightful.webhooks.models import Webhooks

if TYPE_CHECKING:
    from rightful.sources.contract import Source

FORMAT = 1
CONFIG = "rightful.json"


class Workspace(AbstractContextManager["Workspace"]):
    """One organisation's Rightful. Share it between threads; close it when done."""

    def __init__(self, path: Path, config: dict[str, Any], clock: Callable[[], int] = now_us) -> None:
        """Use `open` or `create`."""
        self.path = path
        self.config = config
        self.name = str(config["name"])
        self.clock = clock
        keys = config.get("keys", {})
        self.keys = Keyring.open(path / "keys", subjects=stores.address(keys) if keys else None)
        control = config.get("control", {})
        url: str | Path = path / "state" / "control.sqlite"
        if "url_env" in control or "url_file" in control:
            url = stores.address(control)
        self.control = connect(url)
        self.ledger = Ledger.open(
            self.control,
            keys=self.keys,
            origin=str(config["origin"]),
            folder=path / "state" / "ledger",
            clock=clock,
        )
        outside.check(self.ledger, self.keys)
        self.journal = Journal(self.ledger)
        key = derive(self.keys.log_key, "consent rows")
        self.consent = ConsentLog(self.control, key, path / "state" / "segments")
        outside.follow(self.ledger, self.consent, self.keys)
        self.guardians = Guardians(self.control, self.ledger, derive(self.keys.log_key, "guardians"))
        self.requests = Requests(self.control, derive(self.keys.log_key, "consent requests"))
        self.shelf = PolicyShelf(self.control)
        self.staff = Staff(self.control)
        self.sharing = Sharing(self.control)
        self.counted = CountedLog(self.control, derive(self.keys.log_key, "who counted"))
        self._subject_key = derive(self.keys.log_key, "subjects")
        self.mail = Mail(self.journal, derive(self.keys.log_key, "mail addresses"), self.subject_id, clock)
        self.cases = Cases(self.control)
        self.agents = Agents(self.control)
        self._source: Source | None = None
        self._facts: Facts | None = None
        self._notices: NoticeShelf | None = None
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: str | Path, *, clock: Callable[[], int] = now_us) -> Workspace:
        """Open an existing workspace.

        Raises:
            NotFound: there is none at this path.
            KeyMissing: its keys are not there, or are others.
            LedgerRolledBack, IntegrityFault: what is stored is not what was written.
        """
        folder = Path(path)
        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFound(
                f"there is no workspace at {folder}",
                remedy="`rightful init` makes one, `rightful demo` shows one",
            ) from None
        except ValueError as fault:
            raise BadInput(f"{CONFIG} is not JSON", remedy="Mend it, or restore it from git") from fault
        if config.get("format") != FORMAT:
            raise BadInput(f"this workspace has format {config.get('format')}, this version reads {FORMAT}")
        return cls(folder, config, clock)

    @classmethod
    def create(
        cls,
        path: str | Path,
        name: str,
        *,
        source: dict[str, Any] | None = None,
        subject: dict[str, str] | None = None,
        control: dict[str, str] | None = None,
        clock: Callable[[], int] = now_us,
    ) -> Workspace:
        """Make a new workspace: keys, control database, ledger, and the embedded store unless told otherwise.

        Args:
            source: {"kind": "duckdb", "path": ...} (default) or {"kind": "postgres", "url_env": ...}, or mariadb.
            subject: which columns of the customer table hold residence, birth date and e-mail.
        """
        folder = Path(path)
        if (folder / CONFIG).exists():
            raise BadInput(f"there is a workspace at {folder} already", remedy="Open it, or choose another folder")
        for part in ("policy", "state", "store", "outbox"):
            (folder / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        config = {
            "format": FORMAT,
            "name": name,
            "origin": f"{name}.rightful.example/ledger",
            "policy": "policy",
            "source": source or {"kind": "duckdb", "path": "store/customers.duckdb"},
            "subject": subject or {},
            "control": control or {},
        }
        Keyring.open_or_create(folder / "keys")
        (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        return cls(folder, config, clock)

    # --- rooms ---

    @cached_property
    def corrections(self) -> Corrections:
        return Corrections(self.ledger)

    @cached_property
    def agent_callbacks(self) -> Callbacks:
        return Callbacks(self.control)

    @cached_property
    def confirmations(self) -> Confirmations:
        return Confirmations(self.control)

    @cached_property
    def system_tasks(self) -> SystemTasks:
        return SystemTasks(self.control)

    @cached_property
    def mail(self) -> Mail:
        return Mail(self.journal, derive(self.keys.log_key, "mail addresses"), self.subject_id, self.clock)

    # --- the rooms, each opened when it is first asked for ---

    @property
    def notices(self) -> NoticeShelf:
        with self._lock:
            if self._notices is None:
                self._notices = NoticeShelf(self.control, self.shelf.terms)
            return self._notices

    # --- what the gate asks for ---

    @property
    def source(self) -> Source:
        with self._lock:
            if self._source is None:
                config = self.config["source"]
                if config.get("kind") == "duckdb":
                    self._source = stores.create_embedded(config, self.path, self.keys.store_key)
                else:
                    self._source = stores.open_store(config, self.path, self.keys.store_key)
            return self._source

    @property
    def facts(self) -> Facts:
        with self._lock:
            if self._facts is None:
                subject = self.config.get("subject", {})
                columns = SubjectColumns(subject.get("residence", ""), subject.get("birth_date", ""))
                folder = self.path / "state" / "permission"
                folder.mkdir(parents=True, exist_ok=True)
                self._facts = Facts(
                    folder,
                    self.source,
                    self.consent,
                    self.shelf,
                    self.clock,
                    columns,
                    self.sharing.derived_fields,
                    lambda numbers: gone.arrivals(self, numbers),
                )
                gone.catch_up(self)  # nothing is read before what was restored by hand knows who is gone
            return self._facts

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.control)

    @cached_property
    def answers(self) -> Answers:
        return Answers(self.control, derive(self.keys.log_key, "api answers"))

    @cached_property
    def waiting_opt_outs(self) -> WaitingOptOuts:
        return WaitingOptOuts(self.ledger)

    @cached_property
    def webhooks(self) -> Webhooks:
        return Webhooks(self.ledger)

    @cached_property
    def links(self) -> Links:
        chosen = self.config.get("links", {})
        return Links(derive(self.keys.log_key, "links"), chosen.get("generation", 1), chosen.get("oldest", 1))

    @cached_property
    def erasures(self) -> Erasures:
        return Erasures(self.ledger)

    @cached_property
    def holds(self) -> Holds:
        return Holds(self.control)

    @cached_property
    def disposals(self) -> DisposalRuns:
        return DisposalRuns(self.control)

    @cached_property
    def leaving(self) -> LeavingPeople:
        return LeavingPeople(self.ledger)

    @cached_property
    def orders(self) -> Orders:
        return Orders(self.ledger)

    @cached_property
    def certificates(self) -> Certificates:
        return Certificates(self.control)

    @cached_property
    def backups(self) -> Backups:
        return Backups(self.control)

    @cached_property
    def suppression(self) -> Suppression:
        """Who was erased and must not come back unasked."""
        return Suppression(self.control)

    @cached_property
    def link_book(self) -> LinkBook:
        """Which columns name a customer's rows, as decided."""
        return LinkBook(self.control, self.journal)

    def links_of(self, system: str) -> LinkBook:
        """Which fields of a connected system name a person's records, as decided."""
        return LinkBook(self.control, self.journal, system)

    @cached_property
    def elsewhere(self) -> Elsewhere:
        return Elsewhere(self.ledger)

    def subject_id(self, no: int) -> str:
        """The pseudonym of a customer in the control database and the ledger; needs the keys to link."""
        return "s-" + hmac.digest(self._subject_key, str(no).encode(), "sha256")[:12].hex()

    def number_of(self, key: str) -> int:
        """The number of a customer.

        Raises:
            UnknownName: no customer has exactly this key.
        """
        no = use.customer_number(self, key)
        if no is None:
            raise UnknownName("no customer has this key", remedy="Check the key; it is compared byte for byte")
        return no

    def role_of(self, actor: str) -> str:
        """The role of a member of staff.

        Raises:
            UnknownName: this person is not in the directory.
        """
        role = self.staff.role_of(actor)
        if role is None:
            raise UnknownName(f"{actor} is not in the directory", remedy="`rightful staff add ADDRESS ROLE` lists them")
        return role

    def close(self) -> None:
        """Publish the last checkpoint and let go of the files."""
        self.ledger.close()
        if self._source is not None:
            self._source.close()
        self.control.close()
        self.keys.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
