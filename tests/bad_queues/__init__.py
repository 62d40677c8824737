"""Queues brought into a bad state for real: each cause, the diagnosis, and the fix by the operation that it offers.

`table.CASES` is the list. ``python -m tests.bad_queues`` brings them all about and prints what came of each.
"""
