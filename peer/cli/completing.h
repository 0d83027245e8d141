/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat --complete: what a shell offers while a command line of sprat is typed: commands, their
 * options and operands, and the torrents of the daemon.
 */
#ifndef PEER_CLI_COMPLETING_H
#define PEER_CLI_COMPLETING_H

/* Prints the answer (common/base/complete.h) for |argc| words, the last of which is being typed.
 * Ends the process after a second in which the daemon did not answer. */
void completing_print(int argc, const char *const *argv);

#endif
