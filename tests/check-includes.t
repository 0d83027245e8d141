#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Fails on any #include "..." that the including folder's .may_include does not list, and on any
# libevent, OpenSSL or threads header outside the one folder that owns it. Prints TAP, a line a folder.
set -u
cd "${top_srcdir:-$(dirname "$0")/..}" || exit 1

allowed_by() { # FOLDER HEADER: is HEADER's folder FOLDER itself, or below a listed one?
    local folder=$1 dir
    dir=$(dirname "$2")
    [ "$dir" = "$folder" ] && return 0
    while read -r may; do
        case $may in '#'* | '') continue ;; esac
        case $dir/ in "$may"/*) return 0 ;; esac
    done <"$folder/.may_include"
    return 1
}

# An outside library has one folder that knows it: header pattern, then the folders allowed.
owners='
event2/|^common/ev$
openssl/|^common/crypto$|^common/ev$
intel-ipsec-mb.h|^common/crypto$
sqlite3.h|^common/sys$|^peer/store$|^tracker/store$
curl/|^common/ev$
hiredis/|^tracker/net$
pthread.h|^common/sys$
sys/socket.h|^common/(sys|ev)$|^(peer|tracker)/(net|daemon|cli)$
'

n=0
folders=$(find common peer tracker tests fuzz -name .may_include | sort)
echo "1..$(echo "$folders" | wc -l)"
for list in $folders; do
    folder=$(dirname "$list")
    n=$((n + 1))
    bad=
    if [ "$folder" = tests ] || [ "$folder" = fuzz ]; then
        files=$(find "$folder" -name '*.[ch]')
    else
        files=$(find "$folder" -maxdepth 1 -name '*.[ch]')
    fi
    for file in $files; do
        while read -r header; do
            [ "$header" = config.h ] && continue
            allowed_by "$folder" "$header" || bad="$bad $file:$header"
        done < <(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file")
        case $folder in tests | fuzz) continue ;; esac
        while IFS='|' read -r pattern owner; do
            [ -n "$pattern" ] || continue
            if grep -qE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<$pattern" "$file" &&
                ! [[ $folder =~ $owner ]]; then
                bad="$bad $file:<$pattern>"
            fi
        done <<<"$owners"
    done
    if [ -z "$bad" ]; then
        echo "ok $n - $folder includes only what it may"
    else
        echo "not ok $n - $folder includes only what it may"
        printf '# %s\n' $bad
    fi
done
