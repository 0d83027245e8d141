/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the parts of a torrent file besides its content: trackers (BEP 3, 12), web seeds (BEP 19),
 * DHT nodes (BEP 5), "private" (BEP 27) and texts. Malformed values are ignored, since they do no
 * harm to the data.
 */
#include <stdlib.h>
#include <string.h>

#include "common/codec/metainfo_load.h"
#include "common/codec/uri.h"
#include "common/base/utf8.h"

enum { TEXT_MAX = 64 * 1024 };

/* Copies a text, repaired and truncated at TEXT_MAX; leaves |*out| unchanged if |item| is not a
 * string. */
static int
read_text(struct loader *l, struct bencode_item item, const char **out)
{
    const uint8_t *s;
    size_t len;
    char *copy;

    if (!bencode_string(item, &s, &len) || len == 0)
        return 0;
    if (len > TEXT_MAX)
        len = TEXT_MAX;
    copy = mem_alloc(l->mem, len + 1);
    if (copy == NULL)
        return SPRAT_E_NOMEM;
    utf8_repair(s, len, copy);
    *out = copy;
    return 0;
}

/* Copies a URL; |*out| stays NULL if |item| is no URL. */
static int
read_url(struct loader *l, struct bencode_item item, const char **out)
{
    char url[URI_MAX + 1];
    const uint8_t *s;
    size_t len;

    *out = NULL;
    if (!bencode_string(item, &s, &len))
        return 0;
    len = uri_clean(s, len, url);
    if (len == 0)
        return 0;
    *out = mem_text(l->mem, url, len);
    return *out != NULL ? 0 : SPRAT_E_NOMEM;
}

/* A list of different URLs under construction. */
struct url_list {
    const char **urls;
    size_t count, max;
};

static int
url_list_init(struct loader *l, struct url_list *list, size_t max)
{
    *list = (struct url_list){.urls = mem_alloc(l->mem, max * sizeof(*list->urls)), .max = max};
    return list->urls != NULL ? 0 : SPRAT_E_NOMEM;
}

static int
url_list_add(struct loader *l, struct url_list *list, struct bencode_item item)
{
    const char *url;
    int err;

    if (list->count == list->max)
        return 0;
    err = read_url(l, item, &url);
    if (err != 0 || url == NULL)
        return err;
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->urls[i], url) == 0)
            return 0;
    list->urls[list->count++] = url;
    return 0;
}

/* The number of items of a list; 0 if it is no list. */
static size_t
count_items(struct bencode_item list)
{
    size_t n = 0;

    if (!bencode_is(list, BENCODE_LIST))
        return 0;
    for (struct bencode_item i = bencode_first(list); bencode_exists(i); i = bencode_next(list, i))
        n++;
    return n;
}

static size_t
at_most(size_t n, size_t max)
{
    return n < max ? n : max;
}

/* The number of trackers to allocate space for: one for "announce", and those of |tiers|. */
static size_t
count_trackers(struct bencode_item tiers)
{
    size_t n = 1;

    for (struct bencode_item t = bencode_first(tiers); bencode_exists(t);
         t = bencode_next(tiers, t))
        n += count_items(t);
    return at_most(n, METAINFO_TRACKERS_MAX);
}

/* Ends a tier that began at |first| of |urls|, if it has any URLs. */
static void
close_tier(struct metainfo *mi, struct metainfo_tier *tiers, const struct url_list *urls,
           size_t first)
{
    if (urls->count > first)
        tiers[mi->tier_count++] =
            (struct metainfo_tier){.urls = urls->urls + first, .count = urls->count - first};
}

static int
read_trackers(struct loader *l)
{
    struct bencode_item list = bencode_get_type(l->root, "announce-list", BENCODE_LIST);
    size_t max = count_trackers(list);
    struct metainfo_tier *tiers = mem_alloc(l->mem, max * sizeof(*tiers));
    struct url_list urls;
    int err = url_list_init(l, &urls, max);

    if (tiers == NULL || err != 0)
        return SPRAT_E_NOMEM;
    l->mi->tiers = tiers;
    for (struct bencode_item t = bencode_first(list); err == 0 && bencode_exists(t);
         t = bencode_next(list, t)) {
        size_t first = urls.count;

        for (struct bencode_item u = bencode_is(t, BENCODE_LIST) ? bencode_first(t)
                                                                 : (struct bencode_item){0};
             err == 0 && bencode_exists(u); u = bencode_next(t, u))
            err = url_list_add(l, &urls, u);
        close_tier(l->mi, tiers, &urls, first);
    }
    if (err == 0 && urls.count == 0) {
        err = url_list_add(l, &urls, bencode_get(l->root, "announce"));
        close_tier(l->mi, tiers, &urls, 0);
    }
    return err;
}

static int
read_web_seeds(struct loader *l)
{
    struct bencode_item item = bencode_get(l->root, "url-list");
    struct url_list urls;
    int err = url_list_init(l, &urls, at_most(count_items(item) + 1, METAINFO_WEB_SEEDS_MAX));

    if (err != 0)
        return err;
    if (bencode_is(item, BENCODE_STRING))
        err = url_list_add(l, &urls, item);
    else if (bencode_is(item, BENCODE_LIST))
        for (struct bencode_item u = bencode_first(item); err == 0 && bencode_exists(u);
             u = bencode_next(item, u))
            err = url_list_add(l, &urls, u);
    l->mi->web_seeds = urls.urls;
    l->mi->web_seed_count = urls.count;
    return err;
}

static bool
is_host(const uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] >= 0x7f)
            return false;
    return len > 0 && len <= METAINFO_NODE_HOST_MAX;
}

static int
read_nodes(struct loader *l)
{
    struct bencode_item list = bencode_get_type(l->root, "nodes", BENCODE_LIST);
    struct metainfo_node *nodes;

    if (!bencode_exists(bencode_first(list)))
        return 0;
    nodes = mem_alloc(l->mem, at_most(count_items(list), METAINFO_NODES_MAX) * sizeof(*nodes));
    if (nodes == NULL)
        return SPRAT_E_NOMEM;
    l->mi->nodes = nodes;
    for (struct bencode_item n = bencode_first(list);
         bencode_exists(n) && l->mi->node_count < METAINFO_NODES_MAX; n = bencode_next(list, n)) {
        struct bencode_item host =
            bencode_is(n, BENCODE_LIST) ? bencode_first(n) : (struct bencode_item){0};
        const uint8_t *s;
        size_t len;
        int64_t port;
        char *copy;

        if (!bencode_string(host, &s, &len) || !is_host(s, len) ||
            !bencode_int(bencode_next(n, host), &port) || port < 1 || port > 65535)
            continue;
        copy = mem_text(l->mem, (const char *)s, len);
        if (copy == NULL)
            return SPRAT_E_NOMEM;
        nodes[l->mi->node_count++] = (struct metainfo_node){.host = copy, .port = (uint16_t)port};
    }
    return 0;
}

static int
read_texts(struct loader *l)
{
    static const char *const comment[] = {"comment", "comment.utf-8"};
    static const char *const creator[] = {"created by", "created by.utf-8"};
    int err = read_text(l, bencode_get(l->info, "source"), &l->mi->source);

    /* The second spelling is the newer one and wins. */
    for (size_t i = 0; err == 0 && i < 2; i++) {
        err = read_text(l, bencode_get(l->root, comment[i]), &l->mi->comment);
        if (err == 0)
            err = read_text(l, bencode_get(l->root, creator[i]), &l->mi->created_by);
    }
    return err;
}

int
load_about(struct loader *l)
{
    int64_t number;
    int err;

    l->mi->is_private = bencode_int(bencode_get(l->info, "private"), &number) && number != 0;
    if (bencode_int(bencode_get(l->root, "creation date"), &number) && number > 0)
        l->mi->creation_date = number;
    err = read_texts(l);
    if (err == 0)
        err = read_trackers(l);
    if (err == 0)
        err = read_web_seeds(l);
    return err != 0 ? err : read_nodes(l);
}
