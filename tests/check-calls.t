#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Fails if more than two files of a folder call each other in a circle. check-includes.t holds the includes to an order
# where a folder has one; this test looks at the object files, so a call through a header of another file counts too.
# Prints TAP, a line per folder.
set -u
cd "${top_builddir:-.}" || exit 1

folders=(common/base common/codec common/crypto common/ds common/ev common/rpc common/sys
    peer/cli peer/core peer/daemon peer/engine peer/net peer/store peer/torrent
    tracker/cli tracker/core tracker/daemon tracker/net tracker/operator tracker/store)

echo "1..${#folders[@]}"

circles() { # FILE...: the members of each circle of more than two, a line each
    nm -A -g "$@" | awk '
        { split($0, part, ":"); file = part[1]; sub(/.*\//, "", file); files[file] = 1 }
        $(NF - 1) == "U" { uses[file, $NF] = file; next }
        { owner[$NF] = file }
        END {
            for (key in uses) {
                split(key, part, SUBSEP)
                if (part[2] in owner && owner[part[2]] != part[1]) calls[part[1], owner[part[2]]] = 1
            }
            for (k in files) for (i in files) if ((i, k) in calls)
                for (j in files) if ((k, j) in calls) calls[i, j] = 1
            for (i in files) {
                n = 0; circle = i
                for (j in files) if (i != j && (i, j) in calls && (j, i) in calls) { n++; circle = circle " " j }
                if (n > 1) print circle
            }
        }'
}

n=0
for folder in "${folders[@]}"; do
    n=$((n + 1))
    library=lib${folder%%/*}.a
    for own in "$folder"/lib*.a; do
        [ -f "$own" ] && library=$own
    done
    if [ ! -f "$library" ]; then
        echo "ok $n - $folder # SKIP $library is not built"
        continue
    fi
    objects=()
    # Objects of files that were renamed are left behind in the folder, but not in the library.
    while read -r member; do
        [ -f "$folder/$member" ] && objects+=("$folder/$member")
    done < <(ar t "$library")
    found=$(circles "${objects[@]}")
    if [ -n "$found" ] || [ "${#objects[@]}" = 0 ]; then
        echo "not ok $n - at most two files of $folder call each other"
        printf '# %s\n' "$found"
    else
        echo "ok $n - at most two files of $folder call each other"
    fi
done
