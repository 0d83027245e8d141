# SPDX-License-Identifier: BSD-2-Clause
"""Programs on a terminal of a given width, and measurements of their output."""

import os
import pty
import re
import select

from tap import Skip


def on_terminal(t, argv, columns, more_env=(), until=None):
    """What a program writes to a terminal of that width."""
    try:
        pid, fd = pty.fork()
    except OSError:
        raise Skip("there is no pseudo-terminal here") from None
    if pid == 0:
        env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "COLUMNS": str(columns), **dict(more_env)}
        os.execve(argv[0], [str(a) for a in argv], env)
    written = b""
    while t.left() > 1:
        ready, _, _ = select.select([fd], [], [], 0.2)
        try:
            part = os.read(fd, 65536) if ready else None
        except OSError:
            part = b""
        if part == b"":
            break
        written += part or b""
        if until and until(written):
            os.kill(pid, 2)
            until = None
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return written.decode(), os.waitstatus_to_exitcode(status)


def columns_of(line):
    """Columns that a line takes, without its control sequences."""
    plain = re.sub(r"\x1b\[[?0-9]*[a-zA-Z]", "", line)
    wide = len(re.findall("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60]", plain))
    return len(plain) + wide


def drawn_lines(text):
    """The progress lines in what was written: those that are drawn with auto-wrap off."""
    return [line for line in re.split(r"[\r\n]", text) if "\033[?7l" in line]
