/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The functions that find the reasons, one per group of reasons. Each looks at the facts and adds
 * the reasons that hold; the table in why.h gives their rank.
 */
#include "peer/core/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

enum {
    MS_PER_S = 1000,
    HOST_MAX = 80, /* longest part of a tracker's host that is shown, bytes */
};

static const char *const code_names[] = {
#define X(name, code) [WHY_##name] = code,
    WHY_TABLE(X)
#undef X
};

const char *
why_code_name(enum why_code code)
{
    return code_names[code];
}

bool
why_moves(enum why_code code)
{
    return code == WHY_MOVING || code == WHY_DOWN_LIMIT || code == WHY_UP_LIMIT;
}

/* --- numbers and names ----------------------------------------------------------------------- */

const char *
why_duration(int64_t s, char out[WHY_NUMBER_MAX])
{
    if (s < 120)
        snprintf(out, WHY_NUMBER_MAX, "%lld s", (long long)s);
    else if (s < 2 * 3600)
        snprintf(out, WHY_NUMBER_MAX, "%lld min", (long long)(s / 60));
    else
        snprintf(out, WHY_NUMBER_MAX, "%lld h", (long long)(s / 3600));
    return out;
}

const char *
why_size(uint64_t bytes, char out[WHY_NUMBER_MAX])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double n = (double)bytes / 1024.0;
    size_t u = 0;

    if (bytes < 1024) {
        snprintf(out, WHY_NUMBER_MAX, "%llu B", (unsigned long long)bytes);
        return out;
    }
    for (; n >= 1023.95 && u + 1 < sizeof(units) / sizeof(units[0]); u++)
        n /= 1024.0;
    snprintf(out, WHY_NUMBER_MAX, "%.1f %s", n, units[u]);
    return out;
}

static double
percent_of(uint64_t part, uint64_t all)
{
    /* Rounded down, so that only a complete torrent shows 100.0. */
    return all > 0 ? (double)(uint64_t)((double)part * 1000.0 / (double)all) / 10.0 : 100.0;
}

const char *
why_host(const char *url, char *out, size_t size)
{
    const char *begin = strstr(url, "://"), *end, *user;

    begin = begin != NULL ? begin + 3 : url;
    end = begin + strcspn(begin, "/?#");
    user = memchr(begin, '@', (size_t)(end - begin));
    if (user != NULL)
        begin = user + 1;
    snprintf(out, size, "%.*s", (int)(end - begin < HOST_MAX ? end - begin : HOST_MAX), begin);
    return out;
}

const char *
why_sentence(const char *text, int64_t next_s, char out[WHY_SENTENCE_MAX])
{
    char n[WHY_NUMBER_MAX];

    if (next_s < 0)
        snprintf(out, WHY_SENTENCE_MAX, "%s", text);
    else if (next_s == 0)
        snprintf(out, WHY_SENTENCE_MAX, "%s, next try now", text);
    else
        snprintf(out, WHY_SENTENCE_MAX, "%s, next try in %s", text, why_duration(next_s, n));
    return out;
}

/* Appends to |out|, which holds WHY_TEXT_MAX bytes. */
static void __attribute__((format(printf, 2, 3))) append(char *out, const char *fmt, ...)
{
    size_t len = strlen(out);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(out + len, WHY_TEXT_MAX - len, fmt, ap);
    va_end(ap);
}

/* Did the last try of an address with this outcome fail? */
static bool
is_failure(enum peer_try t)
{
    return t != PEER_TRY_NONE && t != PEER_TRY_UP;
}

static uint32_t
count_failures(const uint32_t tries[PEER_TRY_COUNT])
{
    uint32_t n = 0;

    for (unsigned t = 0; t < PEER_TRY_COUNT; t++)
        if (is_failure((enum peer_try)t))
            n += tries[t];
    return n;
}

const char *
why_tries(const uint32_t tries[PEER_TRY_COUNT], uint32_t given_up, char out[WHY_TEXT_MAX])
{
    uint32_t n = count_failures(tries) + tries[PEER_TRY_UP];
    const char *between = ": ";

    out[0] = '\0';
    if (n + given_up == 0)
        return out;
    append(out, "%u %s tried", n + given_up, n + given_up == 1 ? "address" : "addresses");
    for (unsigned t = 0; t < PEER_TRY_COUNT; t++) {
        if (tries[t] == 0 || t == PEER_TRY_NONE)
            continue;
        if (n + given_up == 1)
            append(out, ": %s", peer_try_text((enum peer_try)t));
        else
            append(out, "%s%u %s", between, tries[t], peer_try_text((enum peer_try)t));
        between = ", ";
    }
    if (given_up > 0 && n + given_up == 1)
        append(out, ": failed too often and was given up");
    else if (given_up > 0)
        append(out, "%s%u failed too often and %s given up", between, given_up,
               given_up == 1 ? "was" : "were");
    return out;
}

/* --- the list of reasons --------------------------------------------------------------------- */

struct list_of_why {
    struct why *all;
    size_t count;
};

static int64_t
seconds(int64_t ms)
{
    return ms < 0 ? -1 : (ms + MS_PER_S - 1) / MS_PER_S;
}

/* Adds a reason with its text. When the list is full, replaces the last one. */
static void __attribute__((format(printf, 4, 5)))
add(struct list_of_why *l, enum why_code code, int64_t next_ms, const char *fmt, ...)
{
    struct why *w = &l->all[l->count < WHY_REASONS_MAX ? l->count++ : WHY_REASONS_MAX - 1];
    va_list ap;

    w->code = code;
    w->next_s = seconds(next_ms);
    va_start(ap, fmt);
    vsnprintf(w->text, sizeof(w->text), fmt, ap);
    va_end(ap);
}

static const char *
plural(uint32_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

/* --- the torrent does not run ---------------------------------------------------------------- */

static void
look_at_stop(const struct why_facts *f, struct list_of_why *l)
{
    switch (f->stop) {
    case WHY_STOP_RATIO: add(l, WHY_RATIO_REACHED, -1, "ratio %.2f reached", f->ratio); break;
    case WHY_STOP_COMPLETE: add(l, WHY_COMPLETE, -1, "complete, and not set to seed"); break;
    case WHY_STOP_ASKED: add(l, WHY_STOPPED, -1, "stopped"); break;
    }
}

static enum why_code
failure_code(int err)
{
    switch (err) {
    case SPRAT_E_NOSPACE: return WHY_DISK_FULL;
    case SPRAT_E_NOENT:
    case SPRAT_E_SHORT:
    case SPRAT_E_CHANGED: return WHY_FILES_MISSING;
    case SPRAT_E_ACCESS:
    case SPRAT_E_READONLY: return WHY_NOT_WRITABLE;
    case SPRAT_E_BUSY: return WHY_IN_USE;
    }
    return WHY_FAILED;
}

static void
look_at_failure(const struct why_facts *f, struct list_of_why *l)
{
    enum why_code code = failure_code(f->failure.err);

    add(l, code, f->failure.next_ms, "%s%s", code == WHY_DISK_FULL ? "paused by a full disk: " : "",
        f->failure.message);
}

static void
look_at_check(const struct why_facts *f, struct list_of_why *l)
{
    double percent = f->check_total > 0 ? percent_of(f->check_done, f->check_total) : 0;

    if (f->phase == WHY_PHASE_QUEUED)
        add(l, WHY_QUEUED, -1, "waits until other torrents have been checked");
    else
        add(l, WHY_CHECKING, -1, "checking what is on disk, %.0f %% done", percent);
}

/* --- peers ----------------------------------------------------------------------------------- */

static void
add_limit(struct list_of_why *l, enum why_code code, const char *what, uint64_t limit, bool own)
{
    char n[WHY_NUMBER_MAX];

    if (limit > 0)
        add(l, code, -1, "limited by the %s limit of %s/s%s", what, why_size(limit, n),
            own ? "" : " for all torrents");
    else
        add(l, code, -1, "limited by the %s limit for all torrents", what);
}

/* The connected peers, while pieces are missing. */
static void
look_at_sources(const struct why_facts *f, struct list_of_why *l)
{
    uint32_t all = f->peers.connected, useful = f->peers.useful;

    if (f->data.disk_behind)
        add(l, WHY_DISK_BUSY, -1, "waits for the disk: received data is not written yet");
    if (all == 0)
        return;
    if (useful == 0 && all == 1)
        add(l, WHY_PEERS_LACK, -1, "1 peer, it has nothing of what is missing");
    else if (useful == 0)
        add(l, WHY_PEERS_LACK, -1, "%u peers, none has what is missing", all);
    else if (f->peers.unchoking == 0 && useful < all)
        add(l, WHY_CHOKED, -1, "%u of %u peers %s what is missing, and %s us", useful, all,
            plural(useful, "has", "have"), plural(useful, "chokes", "choke"));
    else if (f->peers.unchoking == 0 && all == 1)
        add(l, WHY_CHOKED, -1, "the connected peer chokes us");
    else if (f->peers.unchoking == 0)
        add(l, WHY_CHOKED, -1, "the %u connected peers choke us", all);
    else if (f->peers.requests > 0)
        add(l, WHY_PEERS_SILENT, -1, "%u %s asked, and nothing comes", f->peers.unchoking,
            plural(f->peers.unchoking, "peer was", "peers were"));
    else
        add(l, WHY_PEERS_NEW, -1, "%u %s connected, nothing was asked of %s yet", all,
            plural(all, "peer is", "peers are"), plural(all, "it", "them"));
}

/* The connected peers, while no wanted piece is missing. */
static void
look_at_sinks(const struct why_facts *f, struct list_of_why *l)
{
    uint32_t all = f->peers.connected, wanting = f->peers.wanting;

    if (all == 0)
        return;
    if (wanting == 0)
        add(l, WHY_NOBODY_WANTS, -1, "no peer needs data: %s",
            all == 1 ? "the connected peer is not interested" : "no connected peer is interested");
    else
        add(l, WHY_NO_REQUESTS, -1, "%u interested %s for nothing now", wanting,
            plural(wanting, "peer asks", "peers ask"));
}

static void
look_at_addresses(const struct why_facts *f, struct list_of_why *l)
{
    char text[WHY_TEXT_MAX];
    uint32_t tries[PEER_TRY_COUNT];

    if (f->peers.connected > 0)
        return;
    memcpy(tries, f->peers.tries, sizeof(tries));
    tries[PEER_TRY_UP] = 0; /* no peer is connected */
    if (count_failures(tries) + f->peers.given_up > 0)
        add(l, WHY_UNREACHABLE, f->peers.half_open > 0 ? -1 : f->peers.next_dial_ms, "%s",
            why_tries(tries, f->peers.given_up, text));
    if (f->peers.half_open > 0)
        add(l, WHY_CONNECTING, -1, "connecting to %u %s", f->peers.half_open,
            plural(f->peers.half_open, "address", "addresses"));
}

/* --- trackers -------------------------------------------------------------------------------- */

static void
say_no_tracker(const struct why_facts *f, struct list_of_why *l)
{
    const char *what =
        f->web_seeds > 0 ? "names web seeds only, which Sprat can't use yet" : "names no tracker";

    if (f->tracker_unusable > 0)
        add(l, WHY_TRACKERS_UNUSABLE, -1,
            "this torrent names no tracker that Sprat can ask (http, https and udp only)%s",
            f->seeding  ? ""
            : f->daemon ? "; add it again with --peer or -t"
                        : "; give --peer or -t");
    else if (f->seeding)
        add(l, WHY_NO_TRACKER, -1,
            "this torrent %s: only peers that are given this machine's address can connect", what);
    else
        add(l, WHY_NO_TRACKER, -1, "this torrent %s%s; %s", what,
            f->peers.unresolved == 0  ? ""
            : f->peers.unresolved > 1 ? ", and the peers that were given have no address"
                                      : ", and the peer that was given has no address",
            f->daemon ? "add it again with --peer or -t" : "give --peer or -t");
}

/* Of several trackers in the same state, the first one is named. */
static void
look_at_trackers(const struct why_facts *f, struct list_of_why *l)
{
    const struct why_tracker *failed = NULL, *asked = NULL, *empty = NULL;
    char host[HOST_MAX + 1], more[WHY_NUMBER_MAX + 32] = "";
    size_t failures = 0;

    if (f->tracker_count == 0) {
        if (!f->dht.on)
            say_no_tracker(f, l);
        return;
    }
    for (size_t i = f->tracker_count; i-- > 0;) {
        const struct why_tracker *t = &f->trackers[i];

        if (t->working)
            empty = t;
        else if (t->err == 0)
            asked = t;
        else
            failed = t;
        failures += !t->working && t->err != 0;
    }
    if (empty != NULL && f->peers.connected == 0 && f->seeding)
        add(l, WHY_NOBODY_WANTS, -1, "no peer needs data: no peer is connected");
    else if (empty != NULL && f->peers.connected == 0)
        add(l, WHY_TRACKER_EMPTY, empty->next_ms, "tracker %s knows no other peer",
            why_host(empty->url, host, sizeof(host)));
    if (asked != NULL && empty == NULL)
        add(l, WHY_TRACKER_ASKED, -1, "waiting for the first answer of tracker %s",
            why_host(asked->url, host, sizeof(host)));
    if (failures > 1)
        snprintf(more, sizeof(more), " (and %zu more %s)", failures - 1,
                 failures == 2 ? "tracker fails" : "trackers fail");
    if (failed != NULL)
        add(l, WHY_TRACKER_FAILED, failed->next_ms, "%s%s: %s",
            why_host(failed->url, host, sizeof(host)), more,
            failed->message[0] != '\0' ? failed->message : sprat_strerror(failed->err));
}

/* --- the DHT and the local network ----------------------------------------------------------- */

static void
look_at_dht(const struct why_facts *f, struct list_of_why *l)
{
    if (!f->dht.on || f->peers.connected > 0)
        return;
    if (f->seeding && f->tracker_count == 0)
        add(l, WHY_NOBODY_WANTS, -1, "no peer needs data: no peer is connected");
    else if (!f->seeding && f->dht.rounds == 0)
        add(l, WHY_DHT_SEARCHING, -1, "searching the DHT for peers");
    else if (!f->seeding && f->dht.peers == 0)
        add(l, WHY_DHT_EMPTY, f->dht.next_ms, "the DHT knows no other peer of this torrent");
}

static void
look_at_lsd(const struct why_facts *f, struct list_of_why *l)
{
    if (f->lsd.on && f->lsd.peers == 0 && !f->seeding && f->peers.connected == 0)
        add(l, WHY_LSD_EMPTY, -1, "no other peer of this torrent is in the local network");
}

/* --- all reasons ---------------------------------------------------------------------------- */

static bool
is_idle(const struct why_facts *f)
{
    return f->data.idle_ms < 0 || f->data.idle_ms > WHY_IDLE_MS;
}

static void
look_at_running(const struct why_facts *f, struct list_of_why *l)
{
    char n[WHY_NUMBER_MAX];

    if (f->relocating)
        add(l, WHY_RELOCATING, -1, "its files are being moved to another directory");
    if (f->all_skipped)
        add(l, WHY_ALL_SKIPPED, -1, "all files are skipped%s",
            f->daemon ? "; choose some with 'sprat select'" : "");
    if (f->data.down_limited && !f->seeding)
        add_limit(l, WHY_DOWN_LIMIT, "download", f->data.down_limit, f->data.own_down_limit);
    if (f->data.up_limited && f->seeding)
        add_limit(l, WHY_UP_LIMIT, "upload", f->data.up_limit, f->data.own_up_limit);
    if (!is_idle(f) && !(f->seeding && f->peers.connected == 0)) {
        bool down = !f->seeding && (f->data.down_rate > 0 || f->data.up_rate == 0);

        add(l, WHY_MOVING, -1, "%s %s/s, %u %s", down ? "receiving" : "sending",
            why_size(down ? f->data.down_rate : f->data.up_rate, n), f->peers.connected,
            plural(f->peers.connected, "peer", "peers"));
    } else if (f->seeding) {
        look_at_sinks(f, l);
    } else {
        look_at_sources(f, l);
    }
    if (!f->seeding)
        look_at_addresses(f, l);
    look_at_trackers(f, l);
    look_at_dht(f, l);
    look_at_lsd(f, l);
}

/* Milliseconds until an address is dialled or a tracker asked; -1: neither is planned. */
static int64_t
next_search_ms(const struct why_facts *f)
{
    int64_t ms = f->peers.next_dial_ms;

    for (size_t i = 0; i < f->tracker_count; i++)
        if (f->trackers[i].next_ms >= 0 && (ms < 0 || f->trackers[i].next_ms < ms))
            ms = f->trackers[i].next_ms;
    return ms;
}

/* Only the info-hashes are known. */
static void
look_at_metadata(const struct why_facts *f, struct list_of_why *l)
{
    uint32_t all = f->peers.connected, offering = f->metadata.offering;

    if (f->metadata.blocks > 0)
        add(l, WHY_METADATA, -1, "fetching the metadata: %u %s, %u of %u %s", offering,
            plural(offering, "peer", "peers"), f->metadata.have, f->metadata.blocks,
            plural(f->metadata.blocks, "block", "blocks"));
    else if (all == 1)
        add(l, WHY_METADATA, -1, "the connected peer does not offer the metadata");
    else if (all > 0)
        add(l, WHY_METADATA, -1, "none of the %u connected peers offers the metadata", all);
    else if (f->metadata.waits)
        add(l, WHY_METADATA, -1,
            "the metadata is not known; other links dial their peers first, and this one waits for "
            "its turn");
    else
        add(l, WHY_METADATA, f->peers.half_open > 0 ? -1 : next_search_ms(f),
            "the metadata is not known, and no peer is connected");
    look_at_addresses(f, l);
    if (all == 0)
        look_at_trackers(f, l);
    look_at_dht(f, l);
    look_at_lsd(f, l);
}

static void
state_of_running(const struct why_facts *f, char out[WHY_TEXT_MAX])
{
    double percent = percent_of(f->bytes_have, f->bytes_total);

    if (!f->seeding)
        append(out, "downloading");
    else if (f->all_skipped)
        append(out, "idle, all files are skipped");
    else if (f->bytes_have == f->bytes_total)
        append(out, "seeding");
    else if (f->seed_only)
        append(out, "seeding the part that is there (%.1f %% of the torrent)", percent);
    else
        append(out, "seeding, selection complete (%.1f %% of the torrent)", percent);
}

const char *
why_state(const struct why_facts *f, char out[WHY_TEXT_MAX])
{
    out[0] = '\0';
    if (f->phase == WHY_PHASE_STOPPED) {
        append(out, "stopped");
        if (f->stop == WHY_STOP_RATIO)
            append(out, ": ratio %.2f reached", f->ratio);
        else if (f->stop == WHY_STOP_COMPLETE)
            append(out, ": complete");
    } else if (f->failure.err != 0) {
        append(out, failure_code(f->failure.err) == WHY_DISK_FULL ? "paused by a full disk"
                                                                  : "paused by a failure");
    } else {
        switch (f->phase) {
        case WHY_PHASE_PAUSED: append(out, "paused"); break;
        case WHY_PHASE_METADATA:
            append(out, f->metadata.blocks > 0 ? "fetching metadata" : "waiting for metadata");
            break;
        case WHY_PHASE_QUEUED: append(out, "waits to be checked"); break;
        case WHY_PHASE_CHECKING:
            append(out, "checking %.0f %%", percent_of(f->check_done, f->check_total));
            break;
        case WHY_PHASE_RUNNING: state_of_running(f, out); break;
        case WHY_PHASE_STOPPED: break;
        }
    }
    return out;
}

static int
by_rank(const void *a, const void *b)
{
    const struct why *x = a, *y = b;

    return (x->code > y->code) - (x->code < y->code);
}

size_t
why_find(const struct why_facts *f, struct why out[WHY_REASONS_MAX])
{
    struct list_of_why l = {.all = out};

    if (f->phase == WHY_PHASE_STOPPED)
        look_at_stop(f, &l);
    else if (f->failure.err != 0)
        look_at_failure(f, &l);
    else if (f->phase == WHY_PHASE_PAUSED)
        add(&l, WHY_PAUSED, -1, "paused; 'sprat resume' resumes it");
    else if (f->phase == WHY_PHASE_METADATA)
        look_at_metadata(f, &l);
    else if (f->phase == WHY_PHASE_RUNNING)
        look_at_running(f, &l);
    else
        look_at_check(f, &l);
    if (l.count == 0)
        add(&l, WHY_NO_PEERS, -1, "no peer is connected");
    qsort(out, l.count, sizeof(*out), by_rank);
    return l.count;
}
