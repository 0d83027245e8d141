#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Fails on lines of C that are longer than .clang-format says, or indented by tabs. Prints TAP, a line per folder.
# Columns are counted in characters, not in bytes: texts have "…" and arrows.
set -u
cd "${top_srcdir:-$(dirname "$0")/..}" || exit 1
export LC_ALL=C.UTF-8

columns=$(sed -n 's/^ColumnLimit: *//p' .clang-format)
folders=(bench common fuzz peer tests tracker)
n=0

check() { # FOLDER PATTERN WHAT: no line of the folder's C matches
    local bad
    n=$((n + 1))
    bad=$(grep -rnE --include='*.[ch]' "$2" "$1")
    case $? in
    1) echo "ok $n - $1: $3" ;;
    *) echo "not ok $n - $1: $3" && printf '%s\n' "$bad" | sed 's/^/# /' ;;
    esac
}

echo "1..$((2 * ${#folders[@]}))"
for folder in "${folders[@]}"; do
    check "$folder" "^.{$((columns + 1)),}" "no line is longer than $columns columns"
    check "$folder" $'\t' "there are no tabs"
done
