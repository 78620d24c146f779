"""python -m tests.bench.fleet [--mails N] [--mailboxes N]: what a fleet asks of PostgreSQL, and what comes of it.

Measured: the rows and bytes that one mail leaves in each table after extract, judge and load; how fast mailboxes go
into the queue and out of it, with so many in it; what one worker loads in a second, and how many connections it holds.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from migrator.demo.bulk import Bulk, build
from migrator.fleet.queue import TASK, Entry, opened, put
from migrator.staging.store import Staging
from tests.journeys.journey import Journey
from tests.servers.dovecot import server as dovecot_server
from tests.servers.postgres import programs
from tests.servers.postgres import server as postgres_server

DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=512MB")
CLAIMERS = 8
SECONDS = 10

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
TABLES = """SELECT relname, greatest(reltuples, 0)::bigint, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > {least} ORDER BY 3 DESC"""


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def asked(url: str, question: str) -> list[Any]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as server:
        found = server.execute(question)
        return found.fetchall() if found.description else []


@contextmanager
def timed(what: str, many: int) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    say(f"  {what:34} {seconds:8.1f} s  {many / seconds:10,.0f} a second")


def bench_tables(here: Path, url: str, mails: int) -> None:
    """One real migration; then what each table holds."""
    bulk: Bulk = build(here / "old/one", mails=mails, shape="maildir", newline="lf")
    say(f"\n{bulk.mails:,} mails, {bulk.bytes / 1e6:,.0f} MB")
    with dovecot_server(storage="sdbox", mail_fsync="optimized") as dovecot:
        dovecot.give(here)
        source = {"adapter": "maildir", "root": here / "old"}
        journey = Journey(here / "move", dovecot, source, {"one": dovecot.account()}, url=url)
        with timed("extract", bulk.mails):
            journey.run("extract")
        with timed("judge", bulk.mails):
            journey.run("judge")
        journey.run("load", "new", "--fleet")
        connections: list[int] = []
        with journey.start("worker", "--drain") as worker:
            while worker.poll() is None:
                connections += asked(url, CONNECTIONS)[0]
                time.sleep(0.5)
            worker.communicate()
        ((seconds,),) = asked(url, "SELECT extract(epoch FROM sum(ended - began)) FROM run WHERE step = 'load'")
        say(f"  {'load, by one worker':34} {seconds:8.1f} s  {bulk.mails / float(seconds):10,.0f} a second")
    say(f"  connections of that worker: {statistics.median(connections) - 1:.0f} (most: {max(connections) - 1})")
    with timed("VACUUM ANALYZE", bulk.mails):
        asked(url, "VACUUM ANALYZE")
    say(f"  {'table':14} {'rows a mail':>12} {'bytes a mail':>13} {'of them index':>14}")
    whole = 0
    for name, rows, size, index in asked(url, TABLES.format(least=bulk.mails // 20)):
        whole += size + index
        each = bulk.mails
        say(f"  {name:14} {rows / each:12.2f} {(size + index) / each:13,.0f} {index / each:14,.0f}")
    say(f"  in all {whole / bulk.mails:,.0f} bytes a mail, of {bulk.bytes / bulk.mails:,.0f} bytes at the source")


def bench_queue(url: str, mailboxes: int) -> None:
    """Mailboxes go in, and some claimers take them out as workers do."""
    say(f"\n{mailboxes:,} mailboxes")
    with Staging.open(url) as staging:
        entries = [
            Entry(target="new", mailbox=f"user{number}@example.co.jp", accounts=[f"user{number}"], settings="0")
            for number in range(mailboxes)
        ]
        with timed("put in", mailboxes):
            put(staging, entries)
        opened(staging)
        (schema,) = asked(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'fleet%'")[0]
        asked(url, "ANALYZE")
        for claimers in (1, CLAIMERS):
            _claim(url, schema, claimers, f"claim and finish, {claimers} at a time")
        size = asked(url, f"SELECT pg_total_relation_size('{schema}.procrastinate_jobs')")[0][0]
        events = asked(url, f"SELECT pg_total_relation_size('{schema}.procrastinate_events')")[0][0]
        say(f"  the queue holds {size / mailboxes:,.0f} bytes a mailbox, and {events / mailboxes:,.0f} of its history")


def _claim(url: str, schema: str, claimers: int, what: str) -> None:
    until = time.monotonic() + SECONDS
    taken: list[float] = []

    def claim() -> None:
        options = f"-c search_path={schema} -c synchronous_commit=on"
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True, options=options) as server:
            worker = server.execute("SELECT worker_id FROM procrastinate_register_worker_v1()").fetchone()
            assert worker is not None
            while time.monotonic() < until:
                began = time.perf_counter()
                job = server.execute(
                    "SELECT id, task_name FROM procrastinate_fetch_job_v2(NULL, %s)", worker
                ).fetchone()
                taken.append(time.perf_counter() - began)
                assert job is not None
                assert job[1] == TASK
                server.execute("SELECT procrastinate_finish_job_v1(%s, 'succeeded', false)", job[:1])

    threads = [threading.Thread(target=claim) for _ in range(claimers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(f"  {what:34} {len(taken) / SECONDS:8,.1f} a second; median {statistics.median(taken) * 1000:,.1f} ms a claim")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--mails", type=int, default=100_000)
    words.add_argument("--mailboxes", type=int, default=100_000)
    told = words.parse_args()
    folder = programs()
    if folder is None:
        raise SystemExit("PostgreSQL is not installed")
    say(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; load average {os.getloadavg()[0]:.1f}")
    with (
        postgres_server(folder, *DURABLE) as home,
        tempfile.TemporaryDirectory(prefix="mbench-", dir="/tmp") as name,
    ):
        Path(name).chmod(0o755)
        url = f"postgresql+psycopg://postgres@/postgres?host={quote(str(home), safe='')}"
        bench_queue(url, told.mailboxes)
        asked(url, "CREATE DATABASE tables")
        bench_tables(Path(name), url.replace("/postgres?", "/tables?"), told.mails)


if __name__ == "__main__":
    main()
