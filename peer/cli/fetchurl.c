/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fetch runs on a loop of its own, which ends with the answer.
 */
#include "peer/cli/fetchurl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/ev/fetchsay.h"
#include "config.h"
#include "peer/engine/authorities.h"

struct fetchurl {
    struct loop *loop;
    const char *url;
    struct url parts;
    struct metainfo *mi;
    int err;
    struct errbuf *eb;
};

bool
fetchurl_is_url(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

static const char *
advice_for(unsigned status)
{
    if (status == 404 || status == 410)
        return ": there is no such file";
    if (status == 401 || status == 403)
        return ": the server refuses access";
    if (status >= 500)
        return ": the server has a problem";
    return "";
}

/* The answer to a request is here. */
static int
take_answer(struct fetchurl *f, const struct fetch_result *res)
{
    struct errbuf why;
    int err;

    if (res->status != 200)
        return errbuf_set(f->eb, SPRAT_E_NOENT, "%s: HTTP status %u%s", f->url, res->status,
                          advice_for(res->status));
    err = metainfo_parse(res->len > 0 ? res->body : (const uint8_t *)"", res->len, &f->mi, &why);
    if (err == 0)
        return 0;
    if (res->len > 0 && res->body[0] == '<')
        return errbuf_set(f->eb, err, "%s: the server sent a web page and no torrent file", f->url);
    return errbuf_set(f->eb, err, "%s is no torrent file: %s", f->url, why.text);
}

static void
on_fetched(void *ctx, const struct fetch_result *res)
{
    static const struct fetchsay about = {.who = "server", .answer_s = FETCHURL_TIMEOUT_MS / 1000};
    struct fetchurl *f = ctx;
    char text[ERRBUF_SIZE / 2];

    if (res->err == SPRAT_E_TOOBIG) {
        f->err = errbuf_set(f->eb, SPRAT_E_TOOBIG,
                            "%s: the answer is larger than %d MiB, and no torrent file is", f->url,
                            METAINFO_SIZE_MAX >> 20);
    } else if (res->cause == FETCH_NO_CAUSE && res->err == 0) {
        f->err = take_answer(f, res);
    } else {
        fetchsay_cause(text, sizeof(text), &about, &f->parts, res);
        f->err = errbuf_set(f->eb, res->err != 0 ? res->err : SPRAT_E_IO, "%s: %s", f->url, text);
    }
    loop_stop(f->loop);
}

static int
fetch(struct fetchurl *f, const char *ca_file)
{
    struct fetch_request req = {
        .url = f->url, .body_max = METAINFO_SIZE_MAX, .timeout_ms = FETCHURL_TIMEOUT_MS};
    struct fetcher *fetcher = fetcher_new(f->loop, "sprat/" PACKAGE_VERSION, ca_file);

    if (fetcher == NULL || fetch_start(fetcher, &req, on_fetched, f) == NULL)
        f->err = errbuf_set(f->eb, SPRAT_E_NOMEM, "out of memory");
    else
        loop_run(f->loop);
    fetcher_free(fetcher);
    return f->err;
}

int
fetchurl_load(const char *url, const char *ca_file, struct metainfo **out, struct errbuf *eb)
{
    struct fetchurl f = {.url = url, .eb = eb};
    char *authorities;
    int err = url_parse(url, &f.parts);

    if (err != 0)
        return errbuf_set(eb, err, "%s is no valid URL", url);
    err = authorities_find(ca_file, &authorities, eb);
    if (err != 0)
        return err;
    err = loop_new(&f.loop, eb);
    if (err == 0) {
        err = fetch(&f, authorities);
        loop_free(f.loop);
    }
    free(authorities);
    *out = f.mi;
    return err;
}
