#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Fails on any #include "..." that the including folder's .may_include does not list, and on any
# header of an outside library outside the folders that own it. Also fails on an include that goes up in a
# folder's .order: a file that stands there may include only headers of its own line and of the lines above it. A file
# that does not stand there may include no header that does, except those of the first line. Prints TAP, a line per
# folder and per .order. All includes are found by one grep, and the rest is done by the shell itself: a process per
# include took minutes on a busy machine.
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

# .order: the line of each file, by FOLDER/STEM or FOLDER/STEM.h
mapfile -t orders < <(find common peer tracker tests fuzz -name .order | sort)
declare -A line_of up
for order in "${orders[@]}"; do
    folder=${order%/*}
    n=0
    while read -r -a names; do
        n=$((n + 1))
        for name in "${names[@]}"; do line_of[$folder/$name]=$n; done
    done < <(grep -v '^#' "$order")
    up[$folder]=
done

line_of() { # FILE: its line in its folder's .order, in $at; 0: none
    at=${line_of[$1]:-${line_of[${1%.[ch]}]:-0}}
}

goes_up() { # FILE HEADER: does the include go up in the .order of the folder of both?
    local from
    [ "${1%/*}" = "${2%/*}" ] || return 1
    line_of "$1"
    from=$at
    line_of "$2"
    [ "$at" -gt 1 ] || return 1
    [ "$from" = 0 ] || [ "$at" -gt "$from" ]
}

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
        [ -z "${up[${file%/*}]+set}" ] || ! goes_up "$file" "$header" || up[${file%/*}]+=" $file:$header"
    elif [[ $line =~ include[[:space:]]*\<([^\>]*)\> ]]; then
        header=${BASH_REMATCH[1]}
        owned "$folder" "$header" || bad[$folder]+=" $file:<$header>"
    fi
done < <(grep -rE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' common peer tracker tests fuzz)

n=0
report() { # TEXT OFFENDERS
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        # shellcheck disable=SC2086 # one line per include
        printf '# %s\n' $2
    fi
}

echo "1..$((${#lists[@]} + ${#orders[@]}))"
for list in "${lists[@]}"; do
    report "${list%/*} includes only what it may" "${bad[${list%/*}]}"
done
for order in "${orders[@]}"; do
    report "no include in ${order%/*} goes up in its .order" "${up[${order%/*}]}"
done
