# SPDX-License-Identifier: BSD-2-Clause
"""Tables on stdout, for a terminal or as Markdown, and the numbers in them."""

import statistics

median = statistics.median


class Table:
    """Columns are (head, format of its values); None is printed as a dash, text as it is."""

    def __init__(self, *columns):
        self._heads = [head for head, _ in columns]
        self._formats = [form for _, form in columns]
        self._rows = []

    def add(self, *values):
        assert len(values) == len(self._heads)
        self._rows.append([self._text(v, form) for v, form in zip(values, self._formats)])

    def print(self, markdown=False):
        if not self._rows:
            return
        lines = [self._heads, *self._rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self._heads))]
        if markdown:
            rule = ["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
            lines.insert(1, rule)
        for line in lines:
            cells = [text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths))]
            print(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells).rstrip())
        print(flush=True)

    @staticmethod
    def _text(value, form):
        if value is None:
            return "-"
        return value if isinstance(value, str) else format(value, form)
