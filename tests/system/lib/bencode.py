# SPDX-License-Identifier: BSD-2-Clause
"""Bencode (BEP 3), for tests only: a second, independent reading of the format."""


def encode(value):
    """int, bytes, str, list or dict (keys bytes or str, written sorted) to bytes."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, (list, tuple)):
        return b"l" + b"".join(map(encode, value)) + b"e"
    pairs = sorted((k.encode() if isinstance(k, str) else k, v) for k, v in value.items())
    return b"d" + b"".join(encode(k) + encode(v) for k, v in pairs) + b"e"


def decode(data):
    """The value of data, keys and strings as bytes; ValueError if anything is wrong or left over."""
    value, end = _value(data, 0)
    if end != len(data):
        raise ValueError("bytes after the end")
    return value


def _value(data, at):
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind == b"l":
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = _value(data, at)
            items.append(item)
        return items, at + 1
    if kind == b"d":
        pairs, at = {}, at + 1
        while data[at:at + 1] != b"e":
            key, at = _value(data, at)
            pairs[key], at = _value(data, at)
        return pairs, at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    if end > len(data):
        raise ValueError("string runs past the end")
    return data[colon + 1:end], end
