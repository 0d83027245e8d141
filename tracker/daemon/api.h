/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The operator's API to the registry, as JSON below /api/. A call is parsed from a request on the
 * loop, run on the thread that may use the registry, and turned into an answer on the loop again.
 * This module knows no socket and no token.
 *
 *  users                      GET: a page, ?sort=name|uploaded&skip=&limit=    POST: adds one
 *  users/NAME                 GET   POST: changes it   DELETE: disables it
 *  users/NAME/passkeys        GET   POST: adds one, which with "rotate": true replaces the others;
 *                             or with "revoke": KEY revokes that one. No path contains a passkey,
 *                             since proxies log paths
 *  users/NAME/totals          GET: a page of its torrents
 *  torrents                   GET: a page, the latest first    POST: adds one
 *  torrents/HASH              GET   POST: changes it   DELETE: removes it, with a "reason"
 *  clients                    GET   POST: sets a rule
 *  clients/PREFIX             DELETE: removes the rule
 *  signals                    GET: a page, the latest first
 *  accounts                   GET: totals
 *
 * Every answer is an object; a page is {"items": […], "more": true or false}, an error
 * {"error": "…"}.
 */
#ifndef TRACKER_DAEMON_API_H
#define TRACKER_DAEMON_API_H

#include <jansson.h>

#include "common/base/endpoint.h"
#include "common/base/log.h"
#include "common/codec/http_request.h"
#include "tracker/store/registry.h"

enum {
    API_BODY_MAX = 16384, /* bytes of a request's body */
    API_LIST_MAX = 100,   /* items of a page, also without a limit in the query */
    API_PART_MAX = 192,   /* bytes of a part of a path, unescaped */
    API_VALUE_MAX = 32,   /* bytes of a value in a query */
};

/* A call under way. Only api*.c uses its members. */
struct api_call {
    const struct api_route *route;
    char name[API_PART_MAX + 1]; /* the second part of the path */
    json_t *body;                /* an object, or NULL */
    uint64_t skip, limit;
    char sort[API_VALUE_MAX + 1]; /* "" if the query has none */
    int status;                   /* of the answer */
    json_t *answer;
};

/* Parses a request whose path after "/api/" is |path|. Returns 0 and |*out|, or the HTTP status to
 * answer, with a message in |eb|: 400, 404, 405 (|*allow| gets the value of the Allow header), 503.
 */
int api_call_new(const struct http_request *req, const char *path, size_t path_len,
                 struct api_call **out, const char **allow, struct errbuf *eb);
void api_call_free(struct api_call *c); /* NULL is legal */

/* Parses only |skip|, |limit| and |sort| of the query. Returns 0, or 400 and a message. */
int api_query(struct api_call *c, const struct http_request *req, struct errbuf *eb);

/* Runs the call; may block. Errors as those of the registry, with a message. */
int api_call_run(struct api_call *c, struct registry *r, struct errbuf *eb);

/* Logs a call that was run, if it changes something: the call, its subject, the client |from|, and
 * the failure if |err| is not 0. Passkeys and bodies are not logged. */
void api_call_log(const struct api_call *c, const struct endpoint *from, int err, const char *why,
                  const struct log *log);

/* The HTTP status for an error of api_call_run() or accountant_ask(). */
int api_status(int err);

/* {"error": |text|}; NULL when memory is out. */
json_t *api_error(const char *text);

/* ---- for api_users.c and api_torrents.c ---- */

/* A page of a list while it is filled. */
struct api_page {
    json_t *items;
    uint64_t limit;
    bool more;
};

/* Begins a page. Callers ask the registry for one item more than the page shows, to learn whether
 * there are more. */
int api_page_begin(struct api_page *p, const struct api_call *c);
/* Adds an item, whose reference it takes. Its result can be the result of an |each| callback. */
int api_page_add(struct api_page *p, json_t *item);
/* Makes the page the answer if |err| is 0; returns |err|. */
int api_page_end(struct api_page *p, struct api_call *c, int err);

/* Sets the answer to |answer|, whose reference it takes. NOMEM if that is NULL. */
int api_answer(struct api_call *c, int status, json_t *answer);

typedef int (*api_run_fn)(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_users_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_users_add(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_user_show(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_user_change(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_user_disable(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_user_totals(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_passkeys_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_passkeys_change(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_torrents_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_torrents_add(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_torrent_show(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_torrent_change(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_torrent_remove(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_clients_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_clients_set(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_client_unset(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_signals_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_accounts_show(struct api_call *c, struct registry *r, struct errbuf *eb);

#endif
