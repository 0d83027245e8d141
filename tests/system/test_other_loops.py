#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""spratd's tests with a different number of loops: with one, or with three on a machine with one processor."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

os.environ["SPRAT_LOOPS"] = "1" if len(os.sched_getaffinity(0)) > 1 else "3"

import sprat as our
import test_daemon  # noqa: F401: its tests are ours
import test_move  # noqa: F401

if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
