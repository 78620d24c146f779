"""The same load on many hosts: a queue in the staging's PostgreSQL, one entry a target mailbox (procrastinate).

    queue.py    entries, put in by `load --fleet`, each mailbox once
    worker.py   takes them, puts back what cannot be worked on now, and saves those of workers that went silent

The queue is no memory: staging has that, and may lose the queue at any time. Nothing here keeps a mail from going
twice; the lease of each mailbox does (laws.md §1.1).
"""
