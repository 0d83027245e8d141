#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Fails on any #include "..." that the including folder's .may_include does not list, and on any
# header of an outside library outside the folders that own it. Prints TAP, a line per folder. All includes are
# found by one grep, and the rest is done by the shell itself: a process per include took minutes on a busy machine.
set -u
cd "${top_srcdir:-$(dirname "$0")/..}" || exit 1

# An outside library has folders that know it: header pattern, then the folders allowed.
owners='
event2/|^common/ev$
openssl/|^common/crypto$|^common/ev$
intel-ipsec-mb.h|^common/crypto$
sqlite3.h|^common/sys$|^peer/store$|^tracker/store$
curl/|^common/ev$
hiredis/|^tracker/net$
pthread.h|^common/sys$
sys/socket.h|^common/(sys|ev)$|^(peer|tracker)/(net|engine|daemon|cli)$
'

mapfile -t lists < <(find common peer tracker tests fuzz -name .may_include | sort)
declare -A may bad
for list in "${lists[@]}"; do
    folder=${list%/*}
    may[$folder]=$(grep -v '^#' "$list")
    bad[$folder]=
done

folder_of() { # FILE: the folder whose list holds for it, in $folder; tests/ and fuzz/ have one for all below
    folder=${1%/*}
    case $folder/ in tests/* | fuzz/*) folder=${folder%%/*} ;; esac
}

allowed() { # FOLDER HEADER: is HEADER's folder FOLDER itself, or below a listed one?
    local dir=${2%/*} listed
    [ "$dir" = "$1" ] && return 0
    for listed in ${may[$1]}; do
        case $dir/ in "$listed"/*) return 0 ;; esac
    done
    return 1
}

owned() { # FOLDER HEADER: is it an outside header that this folder may not include? Then it fails.
    local pattern owner
    case $1 in tests | fuzz) return 0 ;; esac
    while IFS='|' read -r pattern owner; do
        [ -n "$pattern" ] || continue
        [[ $2 == "$pattern"* ]] && ! [[ $1 =~ $owner ]] && return 1
    done <<<"$owners"
    return 0
}

while IFS=: read -r file line; do
    folder_of "$file"
    [ -n "${may[$folder]+set}" ] || continue
    if [[ $line =~ include[[:space:]]*\"([^\"]*)\" ]]; then
        header=${BASH_REMATCH[1]}
        [ "$header" = config.h ] || allowed "$folder" "$header" || bad[$folder]+=" $file:$header"
    elif [[ $line =~ include[[:space:]]*\<([^\>]*)\> ]]; then
        header=${BASH_REMATCH[1]}
        owned "$folder" "$header" || bad[$folder]+=" $file:<$header>"
    fi
done < <(grep -rE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' common peer tracker tests fuzz)

n=0
echo "1..${#lists[@]}"
for list in "${lists[@]}"; do
    folder=${list%/*}
    n=$((n + 1))
    if [ -z "${bad[$folder]}" ]; then
        echo "ok $n - $folder includes only what it may"
    else
        echo "not ok $n - $folder includes only what it may"
        # shellcheck disable=SC2086 # one line per include
        printf '# %s\n' ${bad[$folder]}
    fi
done
