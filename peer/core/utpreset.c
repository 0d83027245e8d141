/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses a uTP header and writes one. The RESET carries the SYN's connection id, on which the SYN's
 * sender receives (its own later packets have the next id), and acknowledges the SYN's sequence
 * number: libtorrent ignores a RESET that acknowledges a number that was never sent.
 */
#include "peer/core/utpreset.h"

#include <string.h>

#include "common/codec/cursor.h"
#include "common/ds/siphash.h"

enum { TYPE_RESET = 3, TYPE_SYN = 4, VERSION = 1, MILLI = 1000, EXTENSIONS_MAX = 8 };

struct syn {
    uint16_t connection, sequence;
};

static uint8_t
first_byte(unsigned type)
{
    return (uint8_t)(type << 4 | VERSION);
}

/* The extensions extend to the end of the packet: a SYN has no payload. */
static bool
skip_extensions(struct cursor *c, uint8_t kind)
{
    for (unsigned n = 0; kind != 0 && n < EXTENSIONS_MAX && cursor_ok(c); n++) {
        kind = cursor_u8(c);
        cursor_skip(c, cursor_u8(c));
    }
    return kind == 0 && cursor_done(c);
}

static bool
read_syn(const uint8_t *data, size_t len, struct syn *syn)
{
    struct cursor c = cursor_make(data, len);
    uint8_t first = cursor_u8(&c), extension = cursor_u8(&c);

    if (len > UTPRESET_SYN_MAX || first != first_byte(TYPE_SYN))
        return false;
    syn->connection = cursor_u16(&c);
    cursor_skip(&c, 12);
    syn->sequence = cursor_u16(&c);
    cursor_skip(&c, 2);
    return skip_extensions(&c, extension);
}

static void
write_reset(uint8_t reply[UTPRESET_LEN], const struct syn *syn)
{
    memset(reply, 0, UTPRESET_LEN);
    reply[0] = first_byte(TYPE_RESET);
    put_u16be(reply + 2, syn->connection);
    put_u16be(reply + 18, syn->sequence);
}

static void
fill(struct utpreset_bucket *b, uint32_t burst, uint32_t per_s, struct mono now)
{
    int64_t ms = mono_diff_ms(now, b->at);
    uint64_t more;

    if (ms <= 0)
        return;
    more = (uint64_t)ms * per_s; /* per second and in thousandths: the same number per ms */
    b->at = mono_add_ms(b->at, ms);
    b->milli = more < (uint64_t)burst * MILLI - b->milli ? b->milli + (uint32_t)more
                                                         : burst * MILLI;
}

static struct utpreset_bucket *
site_of(struct utpreset *u, const struct endpoint *from)
{
    struct endpoint site = endpoint_site(from);
    uint8_t key[17];

    memcpy(key, site.ip, 16);
    key[16] = site.family;
    return &u->sites[siphash13(u->key, key, sizeof(key)) % UTPRESET_SITES];
}

/* The total is checked last, so that a site beyond its limit takes nothing from other sites. */
static bool
may_answer(struct utpreset *u, const struct endpoint *from, struct mono now)
{
    struct utpreset_bucket *site = site_of(u, from);

    fill(site, UTPRESET_SITE_BURST, UTPRESET_SITE_PER_S, now);
    fill(&u->total, UTPRESET_BURST, UTPRESET_PER_S, now);
    if (site->milli < MILLI || u->total.milli < MILLI)
        return false;
    site->milli -= MILLI;
    u->total.milli -= MILLI;
    return true;
}

void
utpreset_init(struct utpreset *u, const uint64_t key[2], struct mono now)
{
    memset(u, 0, sizeof(*u));
    memcpy(u->key, key, sizeof(u->key));
    u->total = (struct utpreset_bucket){.milli = UTPRESET_BURST * MILLI, .at = now};
    for (unsigned i = 0; i < UTPRESET_SITES; i++)
        u->sites[i] = (struct utpreset_bucket){.milli = UTPRESET_SITE_BURST * MILLI, .at = now};
}

size_t
utpreset_answer(struct utpreset *u, const struct endpoint *from, const uint8_t *data, size_t len,
                uint8_t reply[UTPRESET_LEN], struct mono now)
{
    struct syn syn;

    if (from->port == 0 || !read_syn(data, len, &syn)) {
        u->ignored++;
        return 0;
    }
    if (!may_answer(u, from, now)) {
        u->limited++;
        return 0;
    }
    u->answered++;
    write_reset(reply, &syn);
    return UTPRESET_LEN;
}
