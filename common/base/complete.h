/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Completes a command line that is being typed in a shell, from the tables of options and the usage
 * lines that also make --help. The shell's script runs "PROGRAM --complete WORD…" with the words
 * after the program's name; the last word is being typed and may be empty.
 *
 * The answer is lines of text. The first line says what the shell completes by itself: "words"
 * (nothing), "directories", "torrents" (directories and *.torrent files) or "files". Each further
 * line is a candidate for the last word and, after a tab, its description if it has one.
 */
#ifndef COMMON_BASE_COMPLETE_H
#define COMMON_BASE_COMPLETE_H

#include <stddef.h>
#include <stdio.h>

#include "common/base/options.h"

/* The first argument of a call for completion. */
#define COMPLETE_WORD "--complete"

struct complete_word {
    const char *word;
    const char *about; /* NULL: no description */
};

/* Prints an answer whose candidates are those of the |count| |words| that begin with |typed|. */
void complete_words(FILE *f, const char *typed, const struct complete_word *words, size_t count);

/* Prints one candidate of an answer if it begins with |typed|. |about| may be NULL. */
void complete_candidate(FILE *f, const char *typed, const char *word, const char *about);

struct complete_args {
    int argc;                /* at least 1 */
    const char *const *argv; /* the words after the command; the last one is being typed */
    const struct option_spec *specs;
    size_t count;
    const char *usage; /* the usage line of the operands, such as "[options] FILE.torrent DIR |
                          PATH" */
    /* Prints the candidates for an operand that |usage| calls |what|, such as "TORRENT". |f| is
     * flushed before the call. May be NULL. */
    void (*names)(void *ctx, FILE *f, const char *what, const char *typed);
    void *ctx;
};

/* Prints the answer for the arguments of one command: names of options, values of an option whose
 * table row lists them (as "sparse|full"), files or directories where the row or |usage| names a
 * FILE, PATH or DIR, and other operands that |usage| allows. */
void complete_arguments(FILE *f, const struct complete_args *a);

#endif
