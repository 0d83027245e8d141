/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each function lists the members of one kind of row.
 */
#include "tracker/operator/rowjson.h"

#include "tracker/operator/text.h"

json_t *
rowjson_user(const struct registry_user *u)
{
    return json_pack("{s:I, s:s, s:s, s:b, s:b, s:i, s:I, s:I, s:o, s:o, s:o}", "id",
                     (json_int_t)u->id, "name", u->name, "class", u->class, "enabled", u->enabled,
                     "can_leech", u->can_leech, "slots", (int)u->slots, "added",
                     (json_int_t)u->added, "seen", (json_int_t)u->seen, "uploaded",
                     text_json_u64(u->uploaded), "downloaded", text_json_u64(u->downloaded),
                     "downloaded_raw", text_json_u64(u->downloaded_raw));
}

json_t *
rowjson_total(const struct registry_total *t)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "user", t->user, "torrent",
                     t->torrent, "hash", text_json_hash(true, t->hash, sizeof(t->hash)), "uploaded",
                     text_json_u64(t->uploaded), "downloaded", text_json_u64(t->downloaded),
                     "downloaded_raw", text_json_u64(t->downloaded_raw), "seed_seconds",
                     text_json_u64(t->seed_s), "completed", (json_int_t)t->completed, "seen",
                     (json_int_t)t->seen);
}

json_t *
rowjson_torrent(const struct registry_torrent *t)
{
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:s, s:o, s:o, s:o}", "name", t->name, "size",
        text_json_u64(t->size), "v1", text_json_hash(t->has_v1, t->v1, sizeof(t->v1)), "v2",
        text_json_hash(t->has_v2, t->v2, sizeof(t->v2)), "freeleech", t->freeleech, "hidden",
        t->hidden, "added", (json_int_t)t->added, "removed", (json_int_t)t->removed, "reason",
        t->reason, "uploaded", text_json_u64(t->uploaded), "downloaded_raw",
        text_json_u64(t->downloaded_raw), "completed", text_json_u64(t->completed));
}

json_t *
rowjson_signal(const struct registry_signal *s)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:o}", "user", s->user, "torrent", s->torrent,
                     "kind", s->kind, "count", text_json_u64(s->count), "first",
                     (json_int_t)s->first, "last", (json_int_t)s->last, "worst",
                     text_json_u64(s->worst));
}

json_t *
rowjson_stats(const struct registry_stats *s)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "users", text_json_u64(s->users),
        "users_enabled", text_json_u64(s->users_enabled), "torrents", text_json_u64(s->torrents),
        "torrents_removed", text_json_u64(s->torrents_removed), "uploaded",
        text_json_u64(s->uploaded), "downloaded", text_json_u64(s->downloaded), "downloaded_raw",
        text_json_u64(s->downloaded_raw), "completed", text_json_u64(s->completed), "seed_seconds",
        text_json_u64(s->seed_s), "signals", text_json_u64(s->signals));
}
