/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One flat JSON object per torrent. Sizes are in bytes, rates in bytes/s, times in Unix seconds.
 */
#include "peer/daemon/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/rpc/jsontext.h"
#include "common/sys/addr.h"

static json_t *
hash(const uint8_t *bytes, size_t len)
{
    char hex[HEX_SIZE(32)];

    return bytes != NULL ? json_string(hex_encode(bytes, len, hex)) : json_null();
}

static void
put_int(json_t *o, const char *key, uint64_t v)
{
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

/* Sets "next_s": the seconds until |at|, or null for never. */
static void
put_wait(json_t *o, struct mono at, struct mono now)
{
    int64_t ms = at.us == MONO_NEVER.us ? -1 : mono_diff_ms(at, now);

    if (at.us != MONO_NEVER.us && ms < 0)
        ms = 0;
    json_object_set_new(o, "next_s", ms < 0 ? json_null() : json_integer(ms / 1000));
}

static json_t *
render_why(const struct why *w)
{
    json_t *o = json_pack("{s:s, s:o}", "code", why_code_name(w->code), "text", json_text(w->text));

    json_object_set_new(o, "next_s", w->next_s >= 0 ? json_integer(w->next_s) : json_null());
    return o;
}

/* How much of the metadata of a magnet link is there; null for any other torrent. */
static json_t *
render_metadata(const struct torrent_status *st)
{
    const struct metafetch_stats *m = &st->metadata;

    if (st->state != TORRENT_WAITING)
        return json_null();
    return json_pack("{s:I, s:I, s:I}", "peers", (json_int_t)m->offering, "blocks",
                     (json_int_t)m->blocks, "blocks_have", (json_int_t)m->have);
}

json_t *
render_torrent(const struct torrent *t)
{
    const uint8_t *v1 = torrent_info_hash(t, false), *v2 = torrent_info_hash(t, true);
    struct torrent_status st;
    struct torrent_reasons why;
    json_t *o = json_object();

    torrent_get_status(t, &st);
    torrent_get_reasons(t, &st, &why);
    json_object_set_new(o, "name", json_text(torrent_name(t)));
    json_object_set_new(o, "info_hash_v1", hash(v1, 20));
    json_object_set_new(o, "info_hash_v2", hash(v2, 32));
    json_object_set_new(o, "state", json_string(torrent_state_name(st.state)));
    json_object_set_new(o, "state_text", json_text(why.state));
    json_object_set_new(o, "why", render_why(&why.all[0]));
    json_object_set_new(o, "error", json_text(st.error));
    json_object_set_new(o, "note", json_text(st.note));
    json_object_set_new(o, "save_dir", json_text(torrent_save_dir(t)));
    json_object_set_new(o, "move_to", st.move_to[0] != '\0' ? json_text(st.move_to) : json_null());
    put_int(o, "total_size", st.total_size);
    put_int(o, "bytes_have", st.swarm.bytes_have);
    put_int(o, "bytes_partial", st.swarm.bytes_partial);
    put_int(o, "pieces_total", st.swarm.pieces_total);
    put_int(o, "pieces_have", st.swarm.pieces_have);
    json_object_set_new(o, "metadata", render_metadata(&st));
    put_int(o, "check_done", st.check_done);
    put_int(o, "check_total", st.check_total);
    put_int(o, "up_rate", st.swarm.up_rate);
    put_int(o, "down_rate", st.swarm.down_rate);
    put_int(o, "uploaded", st.uploaded_ever);
    put_int(o, "downloaded", st.downloaded_ever);
    put_int(o, "up_overhead", st.swarm.up_overhead);
    put_int(o, "down_overhead", st.swarm.down_overhead);
    put_int(o, "peers", st.swarm.peers_connected);
    put_int(o, "seeds", st.swarm.seeds_connected);
    json_object_set_new(o, "copies", json_real((double)st.swarm.copies_permille / 1000.0));
    put_int(o, "up_limit", st.up_limit);
    put_int(o, "down_limit", st.down_limit);
    put_int(o, "added_at", (uint64_t)st.added_at);
    put_int(o, "completed_at", (uint64_t)st.completed_at);
    return o;
}

/* Returns the name of the most trusted source of a peer's address. */
static const char *
source_name(unsigned sources)
{
    if ((sources & PEER_FROM_USER) != 0)
        return "user";
    if ((sources & PEER_FROM_TRACKER) != 0)
        return "tracker";
    if ((sources & PEER_FROM_PEX) != 0)
        return "pex";
    if ((sources & PEER_FROM_DHT) != 0)
        return "dht";
    if ((sources & PEER_FROM_LSD) != 0)
        return "lsd";
    return (sources & PEER_FROM_STATE) != 0 ? "state" : "incoming";
}

static void
put_bool(json_t *o, const char *key, bool v)
{
    json_object_set_new(o, key, json_boolean(v));
}

/* The members of a peer in both torrent.info and torrent.why. */
static json_t *
render_peer(const struct swarm_peer_stats *p)
{
    char addr[ADDR_TEXT_MAX];
    json_t *o = json_object();

    json_object_set_new(o, "addr", json_string(addr_format(&p->addr, addr)));
    json_object_set_new(o, "client", json_text(p->client));
    put_bool(o, "am_choking", p->am_choking);
    put_bool(o, "peer_choking", p->peer_choking);
    put_bool(o, "peer_interested", p->peer_interested);
    put_bool(o, "snubbed", p->snubbed);
    put_int(o, "pieces_have", p->pieces_have);
    return o;
}

static json_t *
render_peers(const struct torrent *t)
{
    json_t *all = json_array();
    struct swarm_peer_stats p;
    uint32_t iter = 0;

    while (json_array_size(all) < RENDER_PEERS_MAX && torrent_next_peer(t, &iter, &p)) {
        json_t *o = render_peer(&p);

        put_bool(o, "incoming", p.incoming);
        put_bool(o, "v2", p.v2);
        put_bool(o, "seed", p.is_seed);
        put_bool(o, "am_interested", p.am_interested);
        json_object_set_new(o, "source", json_string(source_name(p.sources)));
        put_int(o, "up", p.up);
        put_int(o, "down", p.down);
        put_int(o, "up_rate", p.up_rate);
        put_int(o, "down_rate", p.down_rate);
        json_array_append_new(all, o);
    }
    return all;
}

/* Makes a list with the tracker's last answer for each info-hash of the torrent. */
static json_t *
render_hashes(const struct announce_status *st)
{
    json_t *all = json_array();

    for (unsigned i = 0; i < st->hash_count; i++)
        json_array_append_new(all, json_pack("{s:b, s:b, s:I, s:I}", "v2", st->hashes[i].v2,
                                             "working", st->hashes[i].working, "seeders",
                                             (json_int_t)st->hashes[i].seeders, "leechers",
                                             (json_int_t)st->hashes[i].leechers));
    return all;
}

static json_t *
render_trackers(const struct torrent *t, struct mono now)
{
    json_t *all = json_array(), *o;
    struct announce_status st;

    for (uint32_t i = 0; torrent_tracker(t, i, &st); i++) {
        o = json_pack(
            "{s:o, s:i, s:b, s:b, s:b, s:b, s:o, s:I, s:I, s:I, s:o}", "url", json_text(st.url),
            "tier", (int)st.tier, "supported", !st.unsupported, "asked", st.asked, "asking",
            st.asking, "working", st.working, "message",
            json_text(st.message[0] == '\0' && st.err != 0 ? sprat_strerror(st.err) : st.message),
            "seeders", (json_int_t)st.seeders, "leechers", (json_int_t)st.leechers, "peers",
            (json_int_t)st.peers, "hashes", render_hashes(&st));
        put_wait(o, st.next, now);
        json_array_append_new(all, o);
    }
    return all;
}

/* Returns the number of pieces of |f| in |have|. */
static uint32_t
count_have(const struct bitfield *have, const struct metainfo_file *f)
{
    uint32_t end = f->first_piece + f->piece_count, n = 0;

    for (uint32_t p = bitfield_next_set(have, f->first_piece); p < end;
         p = bitfield_next_set(have, p + 1))
        n++;
    return n;
}

static json_t *
render_files(const struct torrent *t)
{
    const struct metainfo *mi = torrent_metainfo(t);
    const struct bitfield *have = torrent_have(t);
    static const char *const priorities[] = {
        [FILE_SKIP] = "skip", [FILE_NORMAL] = "normal", [FILE_HIGH] = "high"};
    json_t *all = json_array();

    for (size_t i = 0; i < mi->file_count && json_array_size(all) < RENDER_FILES_MAX; i++) {
        const struct metainfo_file *f = &mi->files[i];

        if (f->attr & ATTR_PAD)
            continue;
        json_array_append_new(all, json_pack("{s:o, s:I, s:I, s:I, s:s}", "path",
                                             json_text(f->path), "length", (json_int_t)f->length,
                                             "pieces_total", (json_int_t)f->piece_count,
                                             "pieces_have", (json_int_t)count_have(have, f),
                                             "priority", priorities[torrent_file_priority(t, i)]));
    }
    return all;
}

json_t *
render_torrent_details(const struct torrent *t, struct mono now)
{
    const struct metainfo *mi = torrent_metainfo(t);
    json_t *o = render_torrent(t);

    if (mi != NULL) {
        put_int(o, "piece_length", mi->piece_length);
        put_int(o, "file_count", mi->file_count);
        json_object_set_new(o, "private", json_boolean(mi->is_private));
        json_object_set_new(o, "files", render_files(t));
    }
    json_object_set_new(o, "trackers", render_trackers(t, now));
    json_object_set_new(o, "peer_list", render_peers(t));
    return o;
}

/* Makes a list of at most RENDER_TRIES_MAX known addresses, those with a tried connection first.
 * |*known| is the number of all known addresses. */
static json_t *
render_tries(const struct torrent *t, struct mono now, uint32_t *known)
{
    json_t *all = json_array();
    struct peer_try_status st;
    struct endpoint e;
    char addr[ADDR_TEXT_MAX];

    *known = 0;
    for (int tried = 1; tried >= 0; tried--) {
        uint32_t iter = PEERLIST_NONE;

        while (torrent_next_try(t, &iter, &e, &st)) {
            json_t *o;

            if ((st.how != PEER_TRY_NONE) != tried)
                continue;
            ++*known;
            if (json_array_size(all) >= RENDER_TRIES_MAX)
                continue;
            o = json_pack("{s:s, s:s, s:s, s:I, s:b}", "addr", addr_format(&e, addr), "code",
                          peer_try_code(st.how), "text", peer_try_text(st.how), "failures",
                          (json_int_t)st.failures, "connected", st.connected);
            put_wait(o, st.retry_at, now);
            json_array_append_new(all, o);
        }
    }
    return all;
}

static json_t *
render_why_peers(const struct torrent *t)
{
    json_t *all = json_array();
    struct swarm_peer_stats p;
    uint32_t iter = 0;

    while (json_array_size(all) < RENDER_WHY_PEERS_MAX && torrent_next_peer(t, &iter, &p)) {
        json_t *o = render_peer(&p);

        put_int(o, "pieces_useful", torrent_peer_useful(t, p.peer));
        put_int(o, "requests_out", p.requests_out);
        json_array_append_new(all, o);
    }
    return all;
}

json_t *
render_why_details(const struct torrent *t, struct mono now)
{
    struct torrent_reasons why;
    struct torrent_status st;
    json_t *o = json_object(), *reasons = json_array(), *tries;
    uint32_t known;

    torrent_get_status(t, &st);
    torrent_get_reasons(t, &st, &why);
    for (size_t i = 0; i < why.count; i++)
        json_array_append_new(reasons, render_why(&why.all[i]));
    tries = render_tries(t, now, &known);
    json_object_set_new(o, "name", json_text(torrent_name(t)));
    json_object_set_new(o, "state", json_string(torrent_state_name(st.state)));
    json_object_set_new(o, "state_text", json_text(why.state));
    json_object_set_new(o, "reasons", reasons);
    put_int(o, "pieces_missing", torrent_missing(t, false));
    put_int(o, "pieces_nowhere", torrent_missing(t, true));
    put_int(o, "down_rate", st.swarm.down_rate);
    put_int(o, "up_rate", st.swarm.up_rate);
    put_int(o, "up_limit", st.up_limit);
    put_int(o, "down_limit", st.down_limit);
    put_int(o, "peers", st.swarm.peers_connected);
    put_int(o, "half_open", st.swarm.peers_half_open);
    put_int(o, "banned", st.swarm.standing.banned);
    put_int(o, "given_up", st.swarm.standing.given_up);
    json_object_set_new(o, "error", json_text(st.error));
    json_object_set_new(o, "trackers", render_trackers(t, now));
    put_int(o, "addresses_known", known);
    json_object_set_new(o, "addresses", tries);
    json_object_set_new(o, "peer_list", render_why_peers(t));
    return o;
}

json_t *
render_listen(const struct endpoint *addrs, size_t count)
{
    char addr[ADDR_TEXT_MAX];
    json_t *all = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, json_string(addr_format(&addrs[i], addr)));
    return all;
}

static json_t *
render_dht_counters(const struct dht_stats *st)
{
    json_t *o = json_object();

#define X(name, key, text) put_int(o, key, st->counters[DHT_COUNT_##name]);
    DHT_COUNTER_TABLE(X)
#undef X
    return o;
}

json_t *
render_dht(const struct endpoint *at, const struct dht_stats *st)
{
    char text[ADDR_TEXT_MAX], id[2 * DHT_ID_LEN + 1];
    json_t *o = json_object();

    json_object_set_new(o, "address", json_string(addr_format(at, text)));
    json_object_set_new(o, "id", json_string(hex_encode(st->id, sizeof(st->id), id)));
    json_object_set_new(o, "external",
                        st->external.family != IP_NONE
                            ? json_string(addr_format_ip(&st->external, text))
                            : json_null());
    put_bool(o, "read_only", st->read_only);
    put_int(o, "nodes", st->nodes);
    put_int(o, "nodes_good", st->nodes_good);
    put_int(o, "nodes_spare", st->nodes_spare);
    put_int(o, "searches", st->searches);
    put_int(o, "lookups", st->lookups);
    put_int(o, "stored_hashes", st->hashes);
    put_int(o, "stored_peers", st->peers);
    put_int(o, "rtt_ms", st->rtt_ms);
    put_int(o, "size_log2", st->size_log2);
    json_object_set_new(o, "counters", render_dht_counters(st));
    return o;
}

json_t *
render_lsd(const struct lsd_stats *st)
{
    json_t *o = json_object();

    put_int(o, "interfaces", st->links);
    put_int(o, "torrents", st->torrents);
#define X(name, key, text) put_int(o, key, st->counters[LSD_COUNT_##name]);
    LSD_COUNTER_TABLE(X)
#undef X
    return o;
}

json_t *
render_udp(const struct udpdoor_counts *counts)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "krpc", (json_int_t)counts->krpc, "trackers",
                     (json_int_t)counts->trackers, "utp_resets", (json_int_t)counts->resets,
                     "utp_limited", (json_int_t)counts->limited, "ignored",
                     (json_int_t)counts->ignored);
}

static json_t *
silent_reason(const struct shards_silent *t)
{
    char text[WHY_TEXT_MAX];

    snprintf(text, sizeof(text), "its disk has not answered for %lld s: its file system may hang",
             (long long)(t->ms / 1000));
    return json_pack("{s:s, s:s, s:n}", "code", "not-answering", "text", text, "next_s");
}

/* The members of both objects. */
static json_t *
silent_head(const struct shards_silent *t)
{
    json_t *o = json_object();

    json_object_set_new(o, "name", json_text(t->name));
    json_object_set_new(o, "state", json_string(SHARDS_SILENT_STATE));
    json_object_set_new(o, "state_text", json_string(SHARDS_SILENT_STATE));
    json_object_set_new(o, "error", json_string(""));
    return o;
}

json_t *
render_silent(const struct shards_silent *t)
{
    static const char *const unknown[] = {
        "save_dir",    "move_to",    "bytes_have",  "bytes_partial", "pieces_total",
        "pieces_have", "check_done", "check_total", "up_rate",       "down_rate",
        "uploaded",    "downloaded", "up_overhead", "down_overhead", "peers",
        "seeds",       "copies",     "up_limit",    "down_limit",    "added_at",
        "completed_at", "metadata"};
    json_t *o = silent_head(t);

    json_object_set_new(o, "info_hash_v1", hash(t->id->has_v1 ? t->id->v1 : NULL, 20));
    json_object_set_new(o, "info_hash_v2", hash(t->id->has_v2 ? t->id->v2 : NULL, 32));
    json_object_set_new(o, "why", silent_reason(t));
    json_object_set_new(o, "note", json_string(""));
    put_int(o, "total_size", t->total_size);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        json_object_set_new(o, unknown[i], json_null());
    return o;
}

json_t *
render_silent_why(const struct shards_silent *t)
{
    json_t *o = silent_head(t), *reasons = json_array();

    json_array_append_new(reasons, silent_reason(t));
    json_object_set_new(o, "reasons", reasons);
    return o;
}
