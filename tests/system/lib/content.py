# SPDX-License-Identifier: BSD-2-Clause
"""Files to share: made from a seed, so that every run has the same bytes, and compared as trees."""

import filecmp
import os
import random


def write_file(path, length, seed=0):
    """Writes length bytes that depend on seed alone and don't compress; returns path."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    source = random.Random(f"{seed}:{length}")
    with open(path, "wb") as f:
        while length > 0:
            part = min(length, 1 << 20)
            f.write(source.randbytes(part))
            length -= part
    return path


def write_tree(path, lengths, seed=0):
    """Writes a folder of files given as {relative path: length}; returns path."""
    for number, (name, length) in enumerate(sorted(lengths.items())):
        write_file(os.path.join(path, name), length, f"{seed}/{number}")
    return path


def nested(scale=1 << 20):
    """A tree with what trips clients: empty files, one byte, block and piece edges, depth, other scripts."""
    return {
        "empty": 0,
        "a/empty too": 0,
        "a/one byte": 1,
        "a/b/block": 16384,
        "a/b/block and one": 16385,
        "a/b/c/large": 3 * scale + 12345,
        "a/b/c/d/piece": scale,
        "z/ünïcödé – ファイル": 70001,
        "z/last": scale // 2 + 7,
    }


def files_below(path):
    """{relative path: absolute path} of all files, pad files left out. Empty if path does not exist."""
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            whole = os.path.join(folder, name)
            relative = os.path.relpath(whole, path)
            if ".pad" not in relative.split(os.sep):
                found[relative] = whole
    return found


def where(original, copy):
    """Says where two files differ."""
    with open(original, "rb") as a, open(copy, "rb") as b:
        one, two = a.read(), b.read()
    at = next((i for i, (x, y) in enumerate(zip(one, two)) if x != y), min(len(one), len(two)))
    return f"{len(one)} and {len(two)} bytes, first at {at}, with {one[at:at + 20]} and {two[at:at + 20]}"


def differences(original, copy, empty_files=True):
    """Lines that say how copy differs from original; none if they are the same. Files or folders. Without
    empty_files the copy may lack those."""
    if os.path.isfile(original):
        if not os.path.isfile(copy):
            return [f"{copy} is missing"]
        return [] if filecmp.cmp(original, copy, shallow=False) else [f"{copy} differs: {where(original, copy)}"]
    left, right = files_below(original), files_below(copy)
    if not empty_files:
        left = {name: path for name, path in left.items() if os.path.getsize(path) or name in right}
    lines = [f"{name} is missing" for name in sorted(left.keys() - right.keys())]
    lines += [f"{name} is too many" for name in sorted(right.keys() - left.keys())]
    lines += [f"{name} differs: {where(left[name], right[name])}" for name in sorted(left.keys() & right.keys())
              if not filecmp.cmp(left[name], right[name], shallow=False)]
    return lines


def assert_same(original, copy, empty_files=True):
    lines = differences(original, copy, empty_files)
    assert not lines, f"{copy} is not {original}:\n" + "\n".join(lines[:20])
