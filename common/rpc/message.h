/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON-RPC 2.0 (https://www.jsonrpc.org/specification), server and client: reads requests,
 * notifications and batches from text, calls methods from a table, and writes the responses. Uses
 * jansson for JSON. Does no I/O.
 *
 * Sprat's own errors are sent as code RPC_SPRAT_BASE + err (-32001 … -32040 for SPRAT_E_NOMEM …),
 * with the error message as message; SPRAT_E_INVAL is the protocol's "invalid params".
 */
#ifndef COMMON_RPC_MESSAGE_H
#define COMMON_RPC_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum {
    RPC_DEPTH_MAX = 32,      /* nested arrays and objects */
    RPC_ITEMS_MAX = 1000000, /* values in one message or batch: enough for a list of many
                                torrents */
    RPC_BATCH_MAX = 1000,    /* requests in one message */
    RPC_SPRAT_BASE = -32000, /* + enum sprat_err */
    RPC_LATER = 1, /* returned by a method that calls rpc_answer(), at once or later */
};

/*  X(NAME, code, text) of JSON-RPC 2.0 section 5.1 */
#define RPC_ERROR_TABLE(X)                                                                         \
    X(PARSE, -32700, "parse error")                                                                \
    X(REQUEST, -32600, "invalid request")                                                          \
    X(METHOD, -32601, "method not found")                                                          \
    X(PARAMS, -32602, "invalid params")                                                            \
    X(INTERNAL, -32603, "internal error")

enum rpc_error {
#define X(name, code, text) RPC_E_##name = (code),
    RPC_ERROR_TABLE(X)
#undef X
};

/* A message that is being answered, one request after another. */
struct rpc_call;

struct rpc_method {
    const char *name;
    /* |params| is an object, an array, or NULL if the request has none; it is valid until the
     * answer. Returns 0 and |*result|, whose reference goes to the caller (NULL means null); an
     * enum sprat_err and a message; or RPC_LATER, and then rpc_answer() must be called once, from
     * within or later. */
    int (*call)(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
                struct errbuf *eb);
};

/* Answers one message of |len| bytes: calls the methods that it names. |done| is called once,
 * possibly from within: with the response as one line with its LF, which the receiver frees, and
 * its length; or with NULL when there is no response (only notifications, or memory is out).
 * Returns NULL if |done| was called already, else the call that waits for answers. */
struct rpc_call *rpc_serve(const struct rpc_method *methods, size_t method_count, void *ctx,
                           const char *text, size_t len,
                           void (*done)(void *done_ctx, char *line, size_t line_len),
                           void *done_ctx);

/* Answers the request that returned RPC_LATER: with 0 and |result| (NULL means null), whose
 * reference is taken; or with an error and a message (NULL: a general one). */
void rpc_answer(struct rpc_call *call, int err, json_t *result, const struct errbuf *eb);

/* The client is gone: |done| is not called, and no further request of a batch is carried out.
 * rpc_answer() must still be called. */
void rpc_abandon(struct rpc_call *call);

/* Returns a request as one line with its LF, which the caller frees; |params| (may be NULL) stays
 * the caller's. NULL when memory is out or |params| can't be written as JSON. */
char *rpc_request(const char *method, const json_t *params, int id, size_t *out_len);

/* Reads the response to request |id|. Returns 0 and |*result| (the caller owns a reference); the
 * enum sprat_err and the message that the other side sent; PROTOCOL for any other text; NOMEM. */
int rpc_response(const char *text, size_t len, int id, json_t **result, struct errbuf *eb);

/* Parses JSON within RPC_DEPTH_MAX and RPC_ITEMS_MAX; duplicate keys are refused. Returns 0 and
 * |*out|, or DEPTH, TOOBIG, SYNTAX with a message. */
int rpc_parse(const char *text, size_t len, json_t **out, struct errbuf *eb);

/* For methods: read and check the value of |key| in |params|. Each returns 0 (with |*out| unchanged
 * when the key is absent or null and not |required|) or SPRAT_E_INVAL with a message. Strings
 * belong to |params|. */
int rpc_get_string(const json_t *params, const char *key, bool required, const char **out,
                   struct errbuf *eb);
int rpc_get_bool(const json_t *params, const char *key, bool *out, struct errbuf *eb);
int rpc_get_u64(const json_t *params, const char *key, uint64_t *out, struct errbuf *eb);

/* Returns SPRAT_E_INVAL with a message if |params| is no object (NULL is legal) or has a key that
 * is not among the |count| |known| ones; the message suggests the nearest. */
int rpc_check_keys(const json_t *params, const char *const known[], size_t count,
                   struct errbuf *eb);

#endif
