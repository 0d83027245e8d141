/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Implements sprat --complete, which prints the shell's completions of a command line: commands,
 * their options and operands, and the torrents of the daemon.
 */
#ifndef PEER_CLI_COMPLETING_H
#define PEER_CLI_COMPLETING_H

/* Prints the completions (common/base/complete.h) for |argc| words; the last word is incomplete.
 * Ends the process if the daemon does not answer within a second. */
void completing_print(int argc, const char *const *argv);

#endif
