/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The blocks of failed pieces and the peers that sent them, until a good copy of the piece shows
 * which blocks were bad.
 */
#include "peer/core/swarm_suspect.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "peer/core/swarm_conns.h"

void
suspects_init(struct swarm *s)
{
    list_init(&s->pieces.suspects);
}

static void
forget(struct swarm *s, struct suspect *su)
{
    list_remove(&su->link);
    s->pieces.suspect_count--;
    free(su->sources);
    free(su->leaves);
    free(su);
}

static struct suspect *
find(const struct swarm *s, uint32_t piece)
{
    LIST_EACH (it, &s->pieces.suspects) {
        struct suspect *su = LIST_ENTRY(it, struct suspect, link);

        if (su->piece == piece)
            return su;
    }
    return NULL;
}

void
suspect_add(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t blocks)
{
    struct suspect *su;

    if (find(s, piece) != NULL)
        return;
    if (s->pieces.suspect_count == SUSPECTS_MAX)
        forget(s, LIST_ENTRY(s->pieces.suspects.next, struct suspect, link));
    su = calloc(1, sizeof(*su));
    if (su == NULL)
        return;
    list_init(&su->link);
    list_push_back(&s->pieces.suspects, &su->link);
    s->pieces.suspect_count++;
    su->piece = piece;
    su->blocks = blocks;
    su->sources = calloc(blocks, sizeof(*su->sources));
    su->leaves = malloc((size_t)blocks * SHA256_LEN);
    if (su->sources == NULL || su->leaves == NULL) {
        forget(s, su);
        return;
    }
    memcpy(su->leaves, leaves, (size_t)blocks * SHA256_LEN);
    for (uint32_t b = 0; b < blocks; b++)
        su->sources[b] = picker_source(s->picker, piece, b);
}

bool
suspect_has(const struct swarm *s, uint32_t piece)
{
    return find(s, piece) != NULL;
}

void
suspect_judge(struct swarm *s, uint32_t piece, const uint8_t *leaves)
{
    struct suspect *su = find(s, piece);

    if (su == NULL)
        return;
    for (uint32_t b = 0; b < su->blocks; b++)
        if (memcmp(su->leaves + (size_t)b * SHA256_LEN, leaves + (size_t)b * SHA256_LEN,
                   SHA256_LEN) != 0)
            peer_ban(s, su->sources[b], SPRAT_E_HASH);
    forget(s, su);
}

void
suspects_fini(struct swarm *s)
{
    LIST_EACH_SAFE (it, &s->pieces.suspects)
        forget(s, LIST_ENTRY(it, struct suspect, link));
}
