/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A short list of hash contexts, most recently used first: there are few, and nearly every block
 * belongs to one of the first.
 */
#include "peer/store/warmhash.h"

#include <stdlib.h>

#include "common/codec/metainfo.h"
#include "common/crypto/sha.h"
#include "common/ds/bitfield.h"
#include "common/ds/list.h"

struct context {
    struct list link;
    struct warmhash_key key;
    uint32_t next;           /* bytes hashed so far */
    struct bitfield written; /* written blocks */
    struct sha *sha;
};

struct warmhash {
    struct list contexts;
    uint32_t count, max;
};

struct warmhash *
warmhash_new(uint32_t pieces_max)
{
    struct warmhash *h = calloc(1, sizeof(*h));

    if (h == NULL)
        return NULL;
    list_init(&h->contexts);
    h->max = pieces_max;
    return h;
}

static void
context_free(struct warmhash *h, struct context *c)
{
    list_remove(&c->link);
    h->count--;
    sha_free(c->sha);
    bitfield_fini(&c->written);
    free(c);
}

void
warmhash_free(struct warmhash *h)
{
    if (h == NULL)
        return;
    warmhash_forget(h, NULL, UINT32_MAX);
    free(h);
}

void
warmhash_forget(struct warmhash *h, const void *owner, uint32_t piece)
{
    LIST_EACH_SAFE(it, &h->contexts) {
        struct context *c = LIST_ENTRY(it, struct context, link);
        if ((owner == NULL || c->key.owner == owner) &&
            (piece == UINT32_MAX || c->key.piece == piece))
            context_free(h, c);
    }
}

static struct context *
context_find(struct warmhash *h, const struct warmhash_key *key)
{
    LIST_EACH(it, &h->contexts) {
        struct context *c = LIST_ENTRY(it, struct context, link);
        if (c->key.owner == key->owner && c->key.piece == key->piece) {
            list_remove(&c->link);
            list_push_front(&h->contexts, &c->link);
            return c;
        }
    }
    return NULL;
}

static struct context *
context_add(struct warmhash *h, const struct warmhash_key *key)
{
    struct context *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    if (h->count == h->max)
        context_free(h, LIST_ENTRY(h->contexts.prev, struct context, link));
    c->key = *key;
    c->sha = sha_new(SHA_1);
    list_push_front(&h->contexts, &c->link);
    h->count++;
    if (c->sha == NULL ||
        bitfield_init(&c->written, (key->span + BLOCK_LEN - 1) / BLOCK_LEN) != 0) {
        context_free(h, c);
        return NULL;
    }
    return c;
}

/* Reads and hashes from the context's position up to |end|. */
static int
catch_up(struct context *c, uint32_t end, const struct warmhash_reader *r, struct errbuf *eb)
{
    while (c->next < end) {
        uint32_t n = end - c->next < r->scratch_len ? end - c->next : r->scratch_len;
        int err = r->read(r->ctx, c->next, n, r->scratch, eb);

        if (err != 0)
            return err;
        sha_update(c->sha, r->scratch, n);
        c->next += n;
    }
    return 0;
}

/* The end of the run of written blocks at the context's position. */
static uint32_t
written_end(const struct context *c)
{
    uint64_t end;

    if (c->next % BLOCK_LEN != 0)
        return c->next; /* within the piece's last block: only pads follow */
    end = (uint64_t)bitfield_next_clear(&c->written, c->next / BLOCK_LEN) * BLOCK_LEN;
    return end < c->key.span ? (uint32_t)end : c->key.span;
}

void
warmhash_on_write(struct warmhash *h, const struct warmhash_key *key, uint32_t begin,
                  const uint8_t *data, uint32_t len, const struct warmhash_reader *r)
{
    struct context *c = context_find(h, key);

    if (c == NULL && (c = context_add(h, key)) == NULL)
        return;
    if (begin < c->next) {
        /* A hashed block was written again: start over, and read the whole piece at the end. */
        context_free(h, c);
        return;
    }
    if (begin == c->next && data != NULL) {
        sha_update(c->sha, data, len);
        c->next += len;
    }
    bitfield_set(&c->written, begin / BLOCK_LEN);
    /* Only the bytes of a short last block are hashed here: the pad after it is hashed at the end.
     */
    if (c->next % BLOCK_LEN == 0 && written_end(c) < c->key.span)
        (void)catch_up(c, written_end(c), r, NULL);
}

int
warmhash_final(struct warmhash *h, const struct warmhash_key *key, const struct warmhash_reader *r,
               uint8_t out[20], struct errbuf *eb)
{
    struct context *c = context_find(h, key);
    int err;

    if (c == NULL && (c = context_add(h, key)) == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = catch_up(c, key->span, r, eb);
    if (err == 0)
        sha_final(c->sha, out);
    context_free(h, c);
    return err;
}
