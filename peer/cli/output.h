/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file that a command writes for its user, by one rule for all of them: a file that exists is
 * replaced only with -f, nothing but a regular file is ever replaced, and "-" is standard output.
 */
#ifndef PEER_CLI_OUTPUT_H
#define PEER_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct output {
    const char *path; /* NULL: standard output */
    bool force;
    int fd; /* of standard output; -1 for a file */
};

/* Begins with |path|, and finds out whether it can be written, before any work is done. With "-"
 * all that is printed to stdout goes to standard error from here on. EXISTS, INVAL (a terminal, or
 * no regular file), LOCAL errors. */
int output_init(struct output *o, const char *path, bool force, struct errbuf *eb);

/* Writes it, and closes standard output if that was it. */
int output_write(struct output *o, const void *data, size_t len, struct errbuf *eb);

/* What to call it in a sentence. */
const char *output_name(const struct output *o);

#endif
