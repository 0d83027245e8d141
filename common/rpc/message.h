/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON-RPC 2.0 (https://www.jsonrpc.org/specification): requests, notifications and batches are
 * read from text, dispatched to a table of methods and answered; and the client's side of it. JSON
 * is jansson's. Does no I/O.
 *
 * Our own errors travel as code RPC_SPRAT_BASE + err (-32001 … -32040 for SPRAT_E_NOMEM …), with
 * the sentence as message; SPRAT_E_INVAL is the protocol's "invalid params".
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
    RPC_ITEMS_MAX = 1000000, /* values in one message, batches included: a list of many torrents */
    RPC_BATCH_MAX = 1000,    /* requests in one message */
    RPC_SPRAT_BASE = -32000, /* + enum sprat_err */
    RPC_LATER = 1, /* what a method returns that has called rpc_answer(), or will */
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

/* A message that is being answered, one request after the other. */
struct rpc_call;

struct rpc_method {
    const char *name;
    /* |params| is an object, an array, or NULL if there was none; it stays until the answer. 0 and
     * |*result|, whose reference goes to the caller (NULL means null); an enum sprat_err and a
     * sentence; or RPC_LATER, and rpc_answer() is called once, in here or later. */
    int (*call)(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
                struct errbuf *eb);
};

/* Answers one message of |len| bytes: calls what it asks for. |done| is called once, possibly from
 * inside: with the response as one line with its LF, to be freed, and its length; or with NULL when
 * there is nothing to say (notifications only, or memory is out). Returns NULL after |done| was
 * called, or what waits for an answer. */
struct rpc_call *rpc_serve(const struct rpc_method *methods, size_t method_count, void *ctx,
                           const char *text, size_t len,
                           void (*done)(void *done_ctx, char *line, size_t line_len),
                           void *done_ctx);

/* The answer to the request that returned RPC_LATER: 0 and |result| (NULL means null), whose
 * reference is taken; or an error and a sentence (NULL: a general one). */
void rpc_answer(struct rpc_call *call, int err, json_t *result, const struct errbuf *eb);

/* Nobody waits for the response any more: |done| is not called, and no further request of a batch
 * is carried out. rpc_answer() is still to be called. */
void rpc_abandon(struct rpc_call *call);

/* A request as one line with its LF, to be freed; |params| (may be NULL) stays the caller's. NULL
 * when memory is out or params hold what JSON can't. */
char *rpc_request(const char *method, const json_t *params, int id, size_t *out_len);

/* Reads the response to request |id|. 0 and |*result| (a reference for the caller); the enum
 * sprat_err that the other side sent with its sentence; PROTOCOL if it is no such response; NOMEM.
 */
int rpc_response(const char *text, size_t len, int id, json_t **result, struct errbuf *eb);

/* Reads JSON within RPC_DEPTH_MAX and RPC_ITEMS_MAX; double keys are refused. 0 and |*out|, or
 * DEPTH, TOOBIG, SYNTAX with a sentence. */
int rpc_parse(const char *text, size_t len, json_t **out, struct errbuf *eb);

/* For methods: the value of |key| in |params|, checked. Each is 0 (and |*out| untouched when the
 * key is absent or null and not |required|) or SPRAT_E_INVAL and a sentence. Strings belong to
 * params. */
int rpc_get_string(const json_t *params, const char *key, bool required, const char **out,
                   struct errbuf *eb);
int rpc_get_bool(const json_t *params, const char *key, bool *out, struct errbuf *eb);
int rpc_get_u64(const json_t *params, const char *key, uint64_t *out, struct errbuf *eb);

/* SPRAT_E_INVAL and a sentence if |params| is no object (NULL is legal) or has a key that is not
 * among |count| |known| ones; the nearest is suggested. */
int rpc_check_keys(const json_t *params, const char *const known[], size_t count,
                   struct errbuf *eb);

#endif
