#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Fails on any #include "..." that the including folder's .may_include does not list, and on any
# libevent, OpenSSL or threads header outside the one folder that owns it. Prints TAP, a line a folder.
set -u
cd "${top_srcdir:-$(dirname "$0")/..}" || exit 1

allowed_by() { # FOLDER HEADER: is HEADER's folder FOLDER itself, or below one of the folders in $may?
    local dir=.
    case $2 in */*) dir=${2%/*} ;; esac
    [ "$dir" = "$1" ] && return 0
    for listed in "${may[@]}"; do
        case $dir/ in "$listed"/*) return 0 ;; esac
    done
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

owned() { # FOLDER HEADER: may FOLDER include <HEADER>?
    local pattern owner
    while IFS='|' read -r pattern owner; do
        case $2 in
        "${pattern:-none}"*) [[ $1 =~ $owner ]] || return 1 ;;
        esac
    done <<<"$owners"
}

# One grep a folder: a process for each of some ten thousand includes takes minutes on a busy machine.
include='^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][^">]*'
n=0
folders=$(find common peer tracker tests fuzz -name .may_include | sort)
echo "1..$(echo "$folders" | wc -l)"
for list in $folders; do
    folder=${list%/.may_include}
    n=$((n + 1))
    bad=
    mapfile -t may < <(grep -v '^#' "$list")
    depth=(-maxdepth 1)
    case $folder in tests | fuzz) depth=() ;; esac
    while IFS=: read -r file line; do
        header=${line##*[\"<]}
        case $line in
        *'"'*) [ "$header" = config.h ] || allowed_by "$folder" "$header" || bad="$bad $file:$header" ;;
        *)
            case $folder in tests | fuzz) continue ;; esac
            owned "$folder" "$header" || bad="$bad $file:<$header>"
            ;;
        esac
    done < <(find "$folder" "${depth[@]}" -name '*.[ch]' -exec grep -HoE "$include" {} +)
    if [ -z "$bad" ]; then
        echo "ok $n - $folder includes only what it may"
    else
        echo "not ok $n - $folder includes only what it may"
        printf '# %s\n' $bad
    fi
done
