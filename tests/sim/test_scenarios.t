#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Plays every scenario under a few seeds. A line a run; one that fails says how to play it again.
exec "${top_builddir:-.}/tests/sim/sprat-sim" "${top_srcdir:-.}"/tests/sim/scenarios/*.sim \
    --seeds "${SPRAT_SIM_SEEDS:-3}"
