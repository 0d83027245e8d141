/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The error codes of the whole project, as one table, and the error message for the user. A
 * function returns 0 or one of the negative codes. The family says who caused the error and so what
 * the caller does: REMOTE closes a connection, LOCAL pauses a torrent with a message, MEMORY
 * rejects work, USAGE goes back to the user, CORRUPT means input that can't be read.
 */
#ifndef COMMON_BASE_ERR_H
#define COMMON_BASE_ERR_H

#include <stddef.h>

enum sprat_err_family {
    ERR_FAMILY_NONE,
    ERR_FAMILY_REMOTE,
    ERR_FAMILY_LOCAL,
    ERR_FAMILY_MEMORY,
    ERR_FAMILY_USAGE,
    ERR_FAMILY_CORRUPT,
};

/*  X(name, value, family, text) */
#define SPRAT_ERR_TABLE(X)                                                                         \
    X(OK, 0, NONE, "no error")                                                                     \
    X(NOMEM, -1, MEMORY, "out of memory")                                                          \
    X(LIMIT, -2, MEMORY, "a limit was reached")                                                    \
    X(INVAL, -3, USAGE, "invalid argument")                                                        \
    X(NOTFOUND, -4, USAGE, "not found")                                                            \
    X(EXISTS, -5, USAGE, "exists already")                                                         \
    X(BUSY, -6, USAGE, "in use by another process")                                                \
    X(RANGE, -7, CORRUPT, "a number is out of range")                                              \
    X(SYNTAX, -8, CORRUPT, "malformed")                                                            \
    X(TRUNCATED, -9, CORRUPT, "truncated")                                                         \
    X(DEPTH, -10, CORRUPT, "nested too deeply")                                                    \
    X(TOOBIG, -11, CORRUPT, "too large")                                                           \
    X(NOTCANONICAL, -12, CORRUPT, "not canonical bencode")                                         \
    X(MISSING, -13, CORRUPT, "a required field is missing")                                        \
    X(TYPE, -14, CORRUPT, "a field has the wrong type")                                            \
    X(MISMATCH, -15, CORRUPT, "two descriptions of the same thing differ")                         \
    X(HASH, -16, CORRUPT, "the hash does not match")                                               \
    X(VERSION, -17, CORRUPT, "unknown version")                                                    \
    X(UNSAFE, -18, CORRUPT, "unsafe path")                                                         \
    X(PROTOCOL, -20, REMOTE, "protocol violation")                                                 \
    X(CLOSED, -21, REMOTE, "connection closed by the other side")                                  \
    X(TIMEOUT, -22, REMOTE, "timed out")                                                           \
    X(REFUSED, -23, REMOTE, "connection refused")                                                  \
    X(UNREACHABLE, -24, REMOTE, "unreachable")                                                     \
    X(RESET, -25, REMOTE, "connection reset")                                                      \
    X(REMOTE, -26, REMOTE, "the other side reported an error")                                     \
    X(RESOLVE, -27, REMOTE, "the name could not be resolved")                                      \
    X(IO, -30, LOCAL, "input/output error")                                                        \
    X(NOSPACE, -31, LOCAL, "no space left on device")                                              \
    X(READONLY, -32, LOCAL, "read-only file system")                                               \
    X(ACCESS, -33, LOCAL, "permission denied")                                                     \
    X(NOENT, -34, LOCAL, "no such file or directory")                                              \
    X(CHANGED, -35, LOCAL, "a file was changed by somebody else")                                  \
    X(SHORT, -36, LOCAL, "a file is shorter than it should be")                                    \
    X(DB, -37, LOCAL, "the state database failed")                                                 \
    X(CRYPTO, -38, LOCAL, "the crypto library failed")                                             \
    X(CANCELLED, -39, NONE, "cancelled")                                                           \
    X(AGAIN, -40, NONE, "not now")                                                                 \
    X(GONE, -41, LOCAL, "data that was on the disk is missing")

enum sprat_err {
#define X(name, value, family, text) SPRAT_E_##name = (value),
    SPRAT_ERR_TABLE(X)
#undef X
};

/* The text of |err|; "unknown error" for a number that is no code. Static, never NULL. */
const char *sprat_strerror(int err);

/* The family of |err|; LOCAL for a number that is no code. */
enum sprat_err_family sprat_err_family(int err);

/* The code for an errno value; SPRAT_E_IO if no other code fits. */
int sprat_err_from_errno(int errnum);

/* An error message for the user: what happened, where, what to do. Filled only where errors reach
 * the user. */
#define ERRBUF_SIZE 512
struct errbuf {
    char text[ERRBUF_SIZE];
};

/* Writes the message and returns |err|, so that `return errbuf_set(eb, err, …)` is one line. A NULL
 * |eb| is legal. The message is made printable (printable.h), since parts of it come from files and
 * networks. */
int errbuf_set(struct errbuf *eb, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
