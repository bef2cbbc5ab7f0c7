"""AC-054: a no against a running hand-over. After its acknowledgement at most the batch in flight still goes."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from rightful.actions.export_audience import export_audience
from rightful.actions.give_consent import give_consent
from rightful.actions.send_audience import send_audience
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.gate.release import BATCH
from tests.actions.conftest import MAX

WILLING = [f"C{i:03d}" for i in range(30) if i != 7 and i % 10 != 9]
AT_ONCE = 8
BATCH_ROWS = 4
ACT = "tests.actions.test_withdraw_against_send"


@dataclass(frozen=True)
class HandedOver:
    entry: int
    ended: float


@dataclass(frozen=True)
class Acknowledged:
    key: str
    entry: int
    at: float


class Recipient:
    """Notes when each batch arrives, and dawdles, so that a no may fall on any step."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.got: list[HandedOver] = []

    def __call__(self, batch) -> None:
        time.sleep(self.random.random() * 0.004)
        self.got.append(HandedOver(batch.entry.index, time.monotonic()))


def violations(ws, got, said) -> tuple[list[str], int]:
    """What must never be, and how many people were in a batch that was in flight when they were answered."""
    wrong, in_flight = [], 0
    members = {one.entry: ws.ledger.subjects_of(one.entry) for one in got}
    for no_said in said:
        no = ws.number_of(no_said.key)
        mine = [g for g in got if no in members[g.entry]]
        late = [g for g in mine if g.ended > no_said.at]
        in_flight += len(late)
        if any(g.entry > no_said.entry for g in mine):
            wrong.append(f"{no_said.key}: a batch was recorded after the no")
        if len(late) > 1:
            wrong.append(f"{no_said.key}: more than one batch went after the answer")
        if any(ws.ledger.entry(g.entry).kind != BATCH for g in late):
            wrong.append(f"{no_said.key}: the batch in flight is not listed")
        if mine and not ws.sharing.obligations(no=no, cause=no_said.entry):
            wrong.append(f"{no_said.key}: what was in flight is not passed on")
    return wrong, in_flight


def one_round(ws, seed: int, start_withdrawing) -> tuple[list[str], int, int]:
    done = export_audience(ws, MAX, "newsletter", channel="email", recipient="mailer")
    recipient = Recipient(seed)
    chosen = random.Random(seed).sample(WILLING, AT_ONCE)
    finish = start_withdrawing(chosen)
    send_audience(ws, MAX, done.use.entry.index, recipient, batch_rows=BATCH_ROWS)
    said = finish()
    wrong, in_flight = violations(ws, recipient.got, said)
    for key in chosen:
        give_consent(ws, key, "newsletter", "email")
    return wrong, in_flight, len(said)


def in_threads(ws):
    def start(keys):
        said: list[Acknowledged] = []
        barrier = threading.Barrier(3)

        def withdraw(mine):
            barrier.wait()
            for key in mine:
                answer = withdraw_consent(ws, key, "newsletter")
                said.append(Acknowledged(key, answer.index, time.monotonic()))

        threads = [threading.Thread(target=withdraw, args=(keys[i::2],)) for i in range(2)]
        for thread in threads:
            thread.start()
        barrier.wait()

        def finish():
            for thread in threads:
                thread.join()
            return said

        return finish

    return start


def rounds(ws, start, withdrawals: int, first_seed: int) -> tuple[list[str], int, int]:
    wrong, in_flight, total, seed = [], 0, 0, first_seed
    while total < withdrawals:
        bad, late, said = one_round(ws, seed, start)
        wrong += bad
        in_flight += late
        total += said
        seed += 1
        if seed % 15 == 0:
            ws.facts.rebuild()  # fold the events into the state, so that each round stays cheap
    return wrong, in_flight, total


def test_ac_054_after_a_no_is_acknowledged_only_the_listed_batch_in_flight_goes_threads(shop):
    wrong, in_flight, total = rounds(shop, in_threads(shop), 600, 0)
    assert wrong == [] and total >= 600
    assert in_flight <= total, "each no meets at most one batch in flight"


def test_ac_054_after_a_no_is_acknowledged_only_the_listed_batch_in_flight_goes_processes(shop, shop_path):
    worker = subprocess.Popen(
        [sys.executable, "-c", f"from {ACT} import withdraw_for_ever; withdraw_for_ever({str(shop_path)!r})"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin is not None and worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"

    def start(keys):
        worker.stdin.write(" ".join(keys) + "\n")
        worker.stdin.flush()

        def finish():
            lines = [worker.stdout.readline().split() for _ in keys]
            return [Acknowledged(key, int(entry), float(at)) for key, entry, at in lines]

        return finish

    try:
        wrong, _, total = rounds(shop, start, 400, 10_000)
    finally:
        worker.stdin.close()
        worker.wait(timeout=30)
    assert wrong == [] and total >= 400


def withdraw_for_ever(path: str) -> None:
    """The other process: says no for the keys it reads, and when each was acknowledged."""
    from rightful.workspace import Workspace

    with Workspace.open(path) as ws:
        ws.number_of(WILLING[0])
        print("ready", flush=True)
        for line in sys.stdin:
            for key in line.split():
                answer = withdraw_consent(ws, key, "newsletter")
                print(key, answer.index, time.monotonic(), flush=True)
