# SPDX-License-Identifier: BSD-2-Clause
"""Torrent files (BEP 3, 47, 52), for tests only: a second writer, independent of ours and of any client, which can also
write wrong torrents on purpose."""

import hashlib
import os

import bencode
import content

BLOCK = 16384


def make(path, form="hybrid", piece_length=65536, trackers=(), private=False, extra=None, pad=None):
    """The metainfo of a file or folder as a dict with str keys; form is v1, v2 or hybrid; pad puts pad files
    between the files of v1 too."""
    name = os.path.basename(path)
    if os.path.isfile(path):
        files = [((name,), path)]
    else:
        found = content.files_below(path)
        files = sorted((tuple(f.split(os.sep)), p) for f, p in found.items())
    info = {"name": name, "piece length": piece_length}
    layers = {}
    if private:
        info["private"] = 1
    if form != "v1":
        info["meta version"] = 2
        info["file tree"] = _file_tree(files, piece_length, layers)
    if form != "v2":
        _add_v1(info, files, piece_length, os.path.isfile(path), pad or form == "hybrid")
    metainfo = {"info": {**info, **(extra or {})}}
    if form != "v1":
        metainfo["piece layers"] = layers
    if trackers:
        metainfo["announce"] = trackers[0]
        metainfo["announce-list"] = [[url] for url in trackers]
    return metainfo


def write(metainfo, out):
    """Writes it; returns out."""
    with open(out, "wb") as f:
        f.write(bencode.encode(metainfo))
    return out


def read(path):
    with open(path, "rb") as f:
        return bencode.decode(f.read())


def hashes(metainfo):
    """(v1 or None, v2 or None), as bytes."""
    info = metainfo.get("info") or metainfo[b"info"]
    keys = {k.encode() if isinstance(k, str) else k for k in info}
    raw = bencode.encode(info)
    return (hashlib.sha1(raw).digest() if b"pieces" in keys else None,
            hashlib.sha256(raw).digest() if b"meta version" in keys else None)


def _add_v1(info, files, piece_length, single, pad):
    sha, held = [], b""
    listed = []
    total = 0
    for number, (parts, path) in enumerate(files):
        length = os.path.getsize(path)
        listed.append({"length": length, "path": list(parts)})
        with open(path, "rb") as f:
            held += f.read()
        total += length
        # A hybrid's files start on piece boundaries (BEP 52); no pad follows the last.
        gap = -total % piece_length
        if pad and gap and any(os.path.getsize(p) for _, p in files[number + 1:]):
            listed.append({"attr": "p", "length": gap, "path": [".pad", str(gap)]})
            held += bytes(gap)
            total += gap
        while len(held) >= piece_length:
            sha.append(hashlib.sha1(held[:piece_length]).digest())
            held = held[piece_length:]
    if held:
        sha.append(hashlib.sha1(held).digest())
    info["pieces"] = b"".join(sha)
    if single:
        info["length"] = listed[0]["length"]
    else:
        info["files"] = listed


def _file_tree(files, piece_length, layers):
    tree = {}
    for parts, path in files:
        place = tree
        for part in parts:
            place = place.setdefault(part, {})
        length = os.path.getsize(path)
        place[""] = {"length": length}
        if length:
            place[""]["pieces root"] = _root(path, length, piece_length, layers)
    return tree


def _root(path, length, piece_length, layers):
    leaves = []
    with open(path, "rb") as f:
        while block := f.read(BLOCK):
            leaves.append(hashlib.sha256(block).digest())
    zero = bytes(32)
    per_piece = piece_length // BLOCK
    if length <= piece_length:
        return _merkle(leaves, zero)
    layer = []
    for at in range(0, len(leaves), per_piece):
        part = leaves[at:at + per_piece]
        layer.append(_merkle(part + [zero] * (per_piece - len(part)), zero))
    root = _merkle(layer, _merkle([zero] * per_piece, zero))
    layers[root] = b"".join(layer)
    return root


def _merkle(nodes, pad):
    size = 1
    while size < len(nodes):
        size *= 2
    nodes = nodes + [pad] * (size - len(nodes))
    while len(nodes) > 1:
        nodes = [hashlib.sha256(a + b).digest() for a, b in zip(nodes[::2], nodes[1::2])]
    return nodes[0]
