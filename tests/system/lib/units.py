# SPDX-License-Identifier: BSD-2-Clause
"""systemd's units as systemd's own tools see them. No systemd runs in these tests; tools/deb-test boots one."""

import os
import re
import shutil

from process import run
from sprat import BUILD
from tap import Skip


def tool(name):
    if not shutil.which(name):
        raise Skip(f"{name} is not installed")
    return name


def unit(t, path, program, change=("", "")):
    """A copy of a unit of the build folder in a folder of its own, which starts |program|, the one that was built;
    |change| replaces a text."""
    with open(os.path.join(BUILD, path)) as f:
        text = f.read()
    start = re.search(rf"(?m)^ExecStart=(\S+/{os.path.basename(program)}) ", text)
    assert start, "the unit starts what is installed"
    assert not re.search(r"@[a-z]+@", text), "no placeholder is left"
    copy = t.path("units", os.path.basename(path))
    with open(copy, "w") as f:
        f.write(text.replace(start[1], program).replace(*change))
    return copy


def analyze(t, verb, *args):
    """What systemd-analyze says; it looks for other units in the system's folders, which may be of none."""
    result = run(t, [tool("systemd-analyze"), verb, *args], env={"SYSTEMD_COLORS": "0", "XDG_RUNTIME_DIR": t.dir})
    if result.status != 0 and "Failed to initialize manager" in result.err:
        raise Skip(f"systemd-analyze does not work here: {result.err.strip().splitlines()[-1]}")
    return result


def exposure(t, path, tenths):
    """systemd-analyze's verdict on a unit: its status is 0 up to |tenths| of 100."""
    result = analyze(t, "security", "--offline=yes", f"--threshold={tenths}", "--no-pager", path)
    if result.status != 0 and "unrecognized option" in result.err:
        raise Skip("this systemd-analyze looks at no files")
    return result
