/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the configuration files of both daemons: lines `key = value`, comments, no quotes. Splits
 * the file into lines and says which line is wrong; the caller interprets the keys.
 */
#ifndef COMMON_SYS_CONFFILE_H
#define COMMON_SYS_CONFFILE_H

#include <stddef.h>

#include "common/base/err.h"
#include "common/base/options.h"

enum {
    CONFFILE_SIZE_MAX = 1024 * 1024, /* bytes of a file */
    CONFFILE_LINE_MAX = 190,         /* longest line, bytes, a limit of inih */
};

/* Handles one line. Returns 0, or an error and a message without file and line. */
typedef int (*conffile_fn)(void *ctx, const char *key, const char *value, struct errbuf *eb);

/* Reads the file |path| and calls |fn| for each line until one fails. |section| is the only section
 * name that is allowed; NULL: none. Returns 0; SYNTAX and "FILE:LINE: …" for a line that |fn|
 * refuses, that is too long, is not `key = value`, or whose value begins with a quote; NOENT,
 * ACCESS, IO, TOOBIG, NOMEM for the file. */
int conffile_read(const char *path, const char *section, conffile_fn fn, void *ctx,
                  struct errbuf *eb);

/* Returns the row of the |count| |specs| (at most OPTIONS_COUNT_MAX) whose long option is |key|.
 * NULL, SYNTAX and "unknown key 'KEY'", with the nearest key if one is near. */
const struct option_spec *conffile_find_key(const char *key, const struct option_spec *specs,
                                            size_t count, struct errbuf *eb);

#endif
