/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The operator's interface to the registry, as JSON below /api/: which request is which call, and
 * what each call does. A call is taken from a request on the loop, run where the registry may be
 * touched, and turned into an answer on the loop again. Knows no socket and no token.
 *
 *  users                      GET: a page, ?sort=name|uploaded&skip=&limit=    POST: a new one
 *  users/NAME                 GET   POST: changes it   DELETE: disables it
 *  users/NAME/passkeys        GET   POST: a new one, "rotate": true instead of the others;
 *                             or "revoke": KEY. No passkey is in a path: proxies log paths
 *  users/NAME/totals          GET: a page of its torrents
 *  torrents                   GET: a page, the latest first    POST: a new one
 *  torrents/HASH              GET   POST: changes it   DELETE: removes it, with a "reason"
 *  clients                    GET   POST: a rule
 *  clients/PREFIX             DELETE: no rule
 *  signals                    GET: a page, the latest first
 *  accounts                   GET: sums
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
    API_LIST_MAX = 100,   /* items of a page; and what is given where no limit is asked for */
    API_PART_MAX = 192,   /* bytes of a part of a path, not escaped any more */
    API_VALUE_MAX = 32,   /* bytes of a value in a query */
};

/* A call under way. Its members are for api*.c. */
struct api_call {
    const struct api_route *route;
    char name[API_PART_MAX + 1]; /* the second part of the path */
    json_t *body;                /* an object, or NULL */
    uint64_t skip, limit;
    char sort[API_VALUE_MAX + 1]; /* "" if it is not given */
    int status;                   /* of the answer */
    json_t *answer;
};

/* Takes a request whose path, behind "/api/", is |path|. 0 and |*out|; or the status to answer, and
 * |eb| has the sentence: 400, 404, 405 (|*allow| has the methods, as in a header), 503. */
int api_call_new(const struct http_request *req, const char *path, size_t path_len,
                 struct api_call **out, const char **allow, struct errbuf *eb);
void api_call_free(struct api_call *c); /* NULL is legal */

/* Takes |skip|, |limit| and |sort| of a query alone. 0, or 400 and a sentence. */
int api_query(struct api_call *c, const struct http_request *req, struct errbuf *eb);

/* Runs it; blocks. Returns as the registry does, with a sentence. */
int api_call_run(struct api_call *c, struct registry *r, struct errbuf *eb);

/* Tells the log of a call that was run, if it changes something: what it was, about whom, for whom
 * (|from|), and that it failed if |err| is not 0. No passkey and no body. */
void api_call_log(const struct api_call *c, const struct endpoint *from, int err, const char *why,
                  const struct log *log);

/* The status for what api_call_run(), or asking for it to be run, returned. */
int api_status(int err);

/* {"error": |text|}; NULL when memory is out. */
json_t *api_error(const char *text);

/* ---- between api.c and the calls ---- */

/* A page that is being filled. */
struct api_page {
    json_t *items;
    uint64_t limit;
    bool more;
};

/* Begins a page: lists are asked for one item more than they show. */
int api_page_begin(struct api_page *p, const struct api_call *c);
/* Takes an item's reference. For use as the end of an |each|. */
int api_page_add(struct api_page *p, json_t *item);
/* Makes the page the answer, if |err| is 0; returns it. */
int api_page_end(struct api_page *p, struct api_call *c, int err);

/* Makes |answer|, whose reference is taken, the answer. NOMEM if it is NULL. */
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
