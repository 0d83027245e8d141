/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The output file of a command, with the same rule for all commands: -f is needed to replace an
 * existing file, only regular files are replaced, and "-" is standard output.
 */
#ifndef PEER_CLI_OUTPUT_H
#define PEER_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct output {
    const char *path; /* NULL: standard output */
    bool force;
    int fd; /* descriptor of standard output; -1 for a file */
};

/* Opens the output |path| and checks that it can be written, before any work is done. With "-",
 * later prints to stdout go to standard error. EXISTS, INVAL (a terminal, or no regular file),
 * LOCAL errors. */
int output_init(struct output *o, const char *path, bool force, struct errbuf *eb);

/* Writes the data, and closes standard output if that is the output. */
int output_write(struct output *o, const void *data, size_t len, struct errbuf *eb);

/* The name of the output in a sentence. */
const char *output_name(const struct output *o);

#endif
