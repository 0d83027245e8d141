/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One function per event, which prints both the JSON form and the text for people.
 */
#include "peer/cli/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rpc/jsontext.h"
#include "common/sys/addr.h"
#include "common/sys/clock.h"
#include "common/sys/terminal.h"
#include "peer/cli/command.h"
#include "peer/cli/describe.h"
#include "peer/cli/receivertable.h"
#include "peer/cli/sharelink.h"
#include "peer/cli/text.h"
#include "peer/core/receivers.h"
#include "peer/store/lookalike.h"

/* Lines of a terminal that the table of receivers leaves free: the progress line, the table's
 * header, the number of receivers that have no row, and one line above. */
enum { RECEIVERS_ROOM = 4 };

void
report_init(struct report *r, struct screen *screen, const char *name, const char *torrent_path)
{
    *r = (struct report){.screen = screen, .torrent_path = torrent_path};
    r->next_event = (struct mono){INT64_MIN};
    text_fit(r->name, sizeof(r->name), name, 60);
}

static bool
json_mode(const struct report *r)
{
    return r->screen->mode == SCREEN_JSON;
}

static struct mono
now(const struct report *r)
{
    return r->loop != NULL ? loop_now(r->loop) : clock_mono();
}

/* The members of an event that describe the torrent; only the hashes are known without metainfo. */
static void
put_torrent(json_t *o, const struct torrent *t)
{
    const struct metainfo *mi = torrent_metainfo(t);

    json_object_set_new(o, "name", json_text(torrent_name(t)));
    describe_put_hashes(o, torrent_info_hash(t, false), torrent_info_hash(t, true));
    json_object_set_new(o, "total_size",
                        mi != NULL ? json_integer((json_int_t)mi->total_size) : json_null());
}

/* The link of a seed; false if the torrent is not seeded, or the link can't be made. */
static bool
make_link(const struct report *r, const struct engine *s, const struct torrent *t,
          struct sharelink *link)
{
    const struct endpoint *addrs;
    size_t count = engine_listen(s, &addrs);
    const struct metainfo *mi = torrent_metainfo(t);

    link->text = NULL;
    return r->seed_only && mi != NULL &&
           sharelink_make(mi, r->trackers->items, r->trackers->count, addrs, count, link) == 0;
}

static void
say_link(struct report *r, const struct sharelink *link)
{
    char *line;

    if (asprintf(&line, "get it with: sprat get '%s'", link->text) < 0)
        return;
    screen_put(r->screen, line);
    free(line);
    if (link->local_only)
        screen_say(r->screen, "note: the link names no address that other machines can reach");
}

void
report_ready(struct report *r, const struct engine *s, const struct torrent *t)
{
    const struct endpoint *addrs;
    size_t count = engine_listen(s, &addrs);
    char text[ADDR_TEXT_MAX];
    json_t *o = json_object(), *all = json_array();
    struct sharelink link;
    bool linked = make_link(r, s, t, &link);

    r->ready = true;
    r->began = now(r);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, json_string(addr_format(&addrs[i], text)));
    json_object_set_new(o, "listen", count > 0 ? json_incref(json_array_get(all, 0)) : json_null());
    json_object_set_new(o, "listen_all", all);
    json_object_set_new(o, "listen_note", json_string(engine_listen_note(s)));
    put_torrent(o, t);
    if (linked)
        json_object_set_new(o, "magnet", json_text(link.text));
    if (r->torrent_path != NULL)
        json_object_set_new(o, "torrent", json_text(r->torrent_path));
    screen_event(r->screen, "ready", o, now(r));
    for (size_t i = 0; i < count; i++)
        screen_say(r->screen, "listening on %s", addr_format(&addrs[i], text));
    if (engine_listen_note(s)[0] != '\0')
        screen_say(r->screen, "%s", engine_listen_note(s));
    if (r->torrent_path != NULL)
        screen_say(r->screen, "torrent: %s", r->torrent_path);
    if (linked)
        say_link(r, &link);
    free(link.text);
}

/* The first files of a directory with their sizes. */
static void
say_files(struct report *r, const struct metainfo *mi, size_t files)
{
    enum { NAMED_MAX = 5 };
    char size[TEXT_NUMBER_MAX], path[256];
    size_t named = 0;

    for (size_t i = 0; i < mi->file_count && named < NAMED_MAX; i++) {
        if (mi->files[i].attr & ATTR_PAD)
            continue;
        text_fit(path, sizeof(path), mi->files[i].path + strlen(mi->name) + 1, 60);
        screen_say(r->screen, "  %10s  %s", text_size(mi->files[i].length, size), path);
        named++;
    }
    if (files > named)
        screen_say(r->screen, "  and %zu more %s", files - named,
                   text_noun(files - named, "file", "files"));
}

void
report_metadata(struct report *r, const struct torrent *t)
{
    const struct metainfo *mi = torrent_metainfo(t);
    size_t files = describe_count_files(mi);
    json_t *o = json_object();
    char size[TEXT_NUMBER_MAX];

    text_fit(r->name, sizeof(r->name), mi->name, 60);
    put_torrent(o, t);
    json_object_set_new(o, "files", json_integer((json_int_t)files));
    json_object_set_new(o, "private", json_boolean(mi->is_private));
    screen_event(r->screen, "metadata", o, now(r));
    screen_say(r->screen, "%s: %s in %zu %s", r->name, text_size(mi->total_size, size), files,
               text_noun(files, "file", "files"));
    if (mi->multi_file)
        say_files(r, mi, files);
    screen_hurry(r->screen);
}

/* Prints the files that lack pieces, NAMED_MAX at most, and the number of the others. */
static void
warn_of_missing(struct report *r, const struct torrent *t)
{
    enum { NAMED_MAX = 10 };
    const struct metainfo *mi = torrent_metainfo(t);
    const struct bitfield *have = torrent_have(t);
    size_t named = 0, more = 0;

    for (size_t i = 0; i < mi->file_count; i++) {
        const struct metainfo_file *f = &mi->files[i];
        uint32_t end = f->first_piece + f->piece_count, lacking = 0;
        struct errbuf why;
        char path[256];

        if (f->attr & ATTR_PAD)
            continue;
        for (uint32_t p = bitfield_next_clear(have, f->first_piece); p < end;
             p = bitfield_next_clear(have, p + 1))
            lacking++;
        if (lacking == 0)
            continue;
        if (named++ >= NAMED_MAX) {
            more++;
            continue;
        }
        text_fit(path, sizeof(path), f->path, 200);
        screen_warn(r->screen, "%s: %u of %u %s missing or wrong", path, lacking,
                    f->piece_count, text_noun(f->piece_count, "piece is", "pieces are"));
        if ((f->attr & ATTR_SYMLINK) == 0 && lookalike_find(torrent_save_dir(t), mi, i, &why))
            screen_warn(r->screen, "%s: %s", path, why.text);
    }
    if (more > 0)
        screen_warn(r->screen, "and %zu more %s", more, text_noun(more, "file", "files"));
}

void
report_checked(struct report *r, const struct torrent *t, const struct torrent_status *st,
               const char *note, bool seed_only)
{
    const struct swarm_stats *w = &st->swarm;
    json_t *o = json_pack("{s:o, s:I, s:I, s:I, s:I}", "message", json_text(note), "pieces_have",
                          (json_int_t)w->pieces_have, "pieces_total", (json_int_t)w->pieces_total,
                          "bytes_have", (json_int_t)w->bytes_have, "bytes_total",
                          (json_int_t)st->total_size);

    r->began = now(r);
    screen_event(r->screen, "checked", o, now(r));
    screen_hurry(r->screen);
    if (note[0] != '\0')
        screen_warn(r->screen, "%s: %s", r->name, note);
    if (!seed_only || w->pieces_have == w->pieces_total)
        return;
    warn_of_missing(r, t);
    if (w->pieces_have > 0)
        screen_warn(r->screen, "%s: seeding the %u of %u pieces that are there", r->name,
                    w->pieces_have, w->pieces_total);
}

/* Reports an error that ends the run: as an event, and as a line on standard error. */
static void
fail(struct report *r, int status, int err, const char *text)
{
    screen_event(r->screen, "error",
                 json_pack("{s:o, s:b, s:i}", "message", json_text(text), "fatal", true, "code",
                           err),
                 now(r));
    screen_fail(r->screen, status, "%s", text);
}

void
report_nothing_there(struct report *r, const struct torrent *t)
{
    char text[ERRBUF_SIZE];

    snprintf(text, sizeof(text), "%s: no part of its content is in %s", r->name,
             torrent_save_dir(t));
    fail(r, CLI_FAILED, SPRAT_E_NOENT, text);
}

/* Returns a digest of the numbers in a progress event. While the digest stays the same, progress
 * events are rare. */
static uint64_t
digest(const struct torrent_status *st)
{
    const struct swarm_stats *w = &st->swarm;
    const uint64_t parts[] = {st->state,          st->check_done,   w->pieces_have,
                              w->uploaded,        w->downloaded,    w->peers_connected,
                              w->seeds_connected, w->bytes_partial, w->copies_permille,
                              st->metadata.have};
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        sum = (sum ^ parts[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return sum;
}

static void
progress_event(struct report *r, const struct torrent *t, const struct torrent_status *st)
{
    const struct swarm_stats *w = &st->swarm;
    uint64_t sum = digest(st);
    int64_t age_ms =
        r->next_event.us == INT64_MIN ? INT64_MAX : mono_diff_ms(now(r), r->next_event);
    json_t *o;

    if (age_ms < 0 || (sum == r->last_sum && age_ms < REPORT_EVENT_IDLE_MS - REPORT_EVENT_MS))
        return;
    r->last_sum = sum;
    r->next_event = mono_add_ms(now(r), REPORT_EVENT_MS);
    o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I}", "state",
                  torrent_state_name(st->state), "pieces_have", (json_int_t)w->pieces_have,
                  "pieces_total", (json_int_t)w->pieces_total, "bytes_have",
                  (json_int_t)w->bytes_have, "bytes_total", (json_int_t)st->total_size, "down_rate",
                  (json_int_t)w->down_rate, "up_rate", (json_int_t)w->up_rate, "peers",
                  (json_int_t)w->peers_connected, "seeds", (json_int_t)w->seeds_connected, "copies",
                  (double)w->copies_permille / 1000.0, "up", (json_int_t)w->uploaded, "down",
                  (json_int_t)w->downloaded);
    if (o != NULL && st->state == TORRENT_CHECKING) {
        json_object_set_new(o, "check_done", json_integer((json_int_t)st->check_done));
        json_object_set_new(o, "check_total", json_integer((json_int_t)st->check_total));
    }
    if (o != NULL && st->state == TORRENT_WAITING) {
        json_object_set_new(o, "metadata_have", json_integer((json_int_t)st->metadata.have));
        json_object_set_new(o, "metadata_blocks", json_integer((json_int_t)st->metadata.blocks));
    }
    if (o != NULL && torrent_receivers(t) != NULL)
        json_object_set_new(o, "receivers", receivertable_json(t));
    screen_event(r->screen, "progress", o, now(r));
}

/* Whether the reason is printed as text. A failed tracker or disk has had its own error or warning,
 * and a seed needs no reason. */
static bool
is_worth_saying(const struct torrent_status *st, enum why_code code)
{
    if (st->state == TORRENT_WAITING)
        return st->metadata.blocks == 0;
    return st->state == TORRENT_DOWNLOADING && !why_moves(code) && code != WHY_TRACKER_FAILED &&
           code != WHY_RELOCATING && code != WHY_PEERS_NEW;
}

static void
print_why(struct report *r, const struct torrent_status *st, const struct why *w)
{
    char sentence[WHY_SENTENCE_MAX];
    json_t *o = json_pack("{s:s, s:o, s:o}", "code", why_code_name(w->code), "text",
                          json_text(w->text), "next_s",
                          w->next_s >= 0 ? json_integer(w->next_s) : json_null());

    screen_event(r->screen, "why", o, now(r));
    if (json_mode(r) || !is_worth_saying(st, w->code) ||
        (r->why.said_any && r->why.said == w->code))
        return;
    r->why.said_any = true;
    r->why.said = w->code;
    screen_warn(r->screen, "%s: %s", r->name, why_sentence(w->text, w->next_s, sentence));
}

/* Reports a reason once, when it has lasted REPORT_WHY_MS. That data moves again is reported only
 * if the reason why it did not move was reported. */
static void
note_why(struct report *r, const struct torrent_status *st, const struct why *w)
{
    struct report_why *k = &r->why;
    bool same = k->known && k->now.code == w->code && strcmp(k->now.text, w->text) == 0;
    bool moves = why_moves(w->code);

    if (!same && moves && k->known && why_moves(k->now.code) && k->now.code == w->code)
        same = true; /* only the numbers in the text have changed */
    if (!same) {
        if (moves && k->known && k->told && !why_moves(k->now.code))
            print_why(r, st, w);
        k->told = moves;
        k->since = now(r);
        k->known = true;
    }
    k->now = *w;
    if (!k->told && mono_diff_ms(now(r), k->since) >= REPORT_WHY_MS) {
        k->told = true;
        print_why(r, st, w);
    }
}

static const char *
phase_of(const struct report *r, const struct torrent_status *st)
{
    if (r->stopping)
        return "stopping";
    switch (st->state) {
    case TORRENT_CHECKING: return "checking";
    case TORRENT_DOWNLOADING: return "";
    case TORRENT_SEEDING:
        return r->lingers ? "feeding others"
               : r->seed_only || st->swarm.bytes_have == st->total_size
                   ? "seeding"
                   : "selection complete, seeding";
    case TORRENT_PAUSED: return "paused";
    case TORRENT_ERROR: return "paused by an error";
    case TORRENT_STOPPED: return "stopped";
    case TORRENT_WAITING: return "fetching metadata";
    }
    return "";
}

/* Whether the line says why no data moves. */
static bool
has_note(const struct report *r, const struct torrent_status *st)
{
    if (r->stopping)
        return false;
    return st->state == TORRENT_ERROR || st->state == TORRENT_WAITING ||
           (st->state == TORRENT_DOWNLOADING && r->why.told && !why_moves(r->why.now.code));
}

/* Shows the receivers of a seed below the progress line. */
static void
show_receivers(struct report *r, const struct torrent *t)
{
    unsigned lines = terminal_lines();
    struct buf text;

    buf_init(&text, RECEIVERTABLE_TEXT_MAX);
    if (r->screen->mode == SCREEN_TTY)
        receivertable_print(t, lines > RECEIVERS_ROOM ? lines - RECEIVERS_ROOM : 0,
                            terminal_columns() - 1, &text);
    else
        receivertable_print_lines(t, r->name, &text);
    if (buf_str(&text) != NULL)
        screen_below(r->screen, buf_str(&text));
    buf_fini(&text);
}

static void
progress_text(struct report *r, const struct torrent *t, const struct torrent_status *st)
{
    const struct swarm_stats *w = &st->swarm;
    struct progress p = {.name = r->name, .phase = phase_of(r, st)};
    char note[WHY_SENTENCE_MAX];

    /* Plain lines have no countdown, because each new text is a new line. */
    if (has_note(r, st))
        p.note = why_sentence(r->why.now.text,
                              r->screen->mode == SCREEN_TTY ? r->why.now.next_s : -1, note);
    if (st->state == TORRENT_CHECKING) {
        p.done = st->check_done;
        p.total = st->check_total;
    } else if (st->state == TORRENT_WAITING) {
        p.done = (uint64_t)st->metadata.have * METAMSG_BLOCK_LEN;
        p.total = (uint64_t)st->metadata.blocks * METAMSG_BLOCK_LEN;
        p.unknown = st->metadata.blocks == 0;
    } else {
        uint64_t left = st->total_size - w->bytes_have;

        p.done = w->bytes_have;
        p.total = st->total_size;
        p.transfer = true;
        p.down_rate = w->down_rate;
        p.up_rate = w->up_rate;
        p.peers = w->peers_connected;
        p.eta_s = text_eta(left > w->bytes_partial ? left - w->bytes_partial : 1, w->down_rate);
    }
    if (screen_progress(r->screen, &p, now(r)) && torrent_receivers(t) != NULL)
        show_receivers(r, t);
}

/* Reports whole copies that have come since the last report. */
static void
note_copies(struct report *r, const struct torrent *t)
{
    uint32_t copies = torrent_receivers(t) != NULL ? receivers_copies(torrent_receivers(t)) : 0;

    if (copies == r->copies)
        return;
    r->copies = copies;
    screen_event(r->screen, "copies",
                 json_pack("{s:I, s:o}", "out", (json_int_t)copies, "until",
                           r->until > 0 ? json_integer((json_int_t)r->until) : json_null()),
                 now(r));
    if (r->until > 0)
        screen_say(r->screen, "%s: %u of %" PRIu64 " whole %s out", r->name, copies, r->until,
                   text_noun(r->until, "copy is", "copies are"));
    else
        screen_say(r->screen, "%s: %u whole %s out", r->name, copies,
                   text_noun(copies, "copy is", "copies are"));
    screen_hurry(r->screen);
}

void
report_progress(struct report *r, const struct torrent *t)
{
    struct torrent_reasons reasons;
    struct torrent_status st;

    if (!r->ready || r->stopped)
        return;
    torrent_get_status(t, &st);
    torrent_get_reasons(t, &st, &reasons);
    if (!r->stopping)
        note_why(r, &st, &reasons.all[0]);
    note_copies(r, t);
    if (json_mode(r))
        progress_event(r, t, &st);
    else
        progress_text(r, t, &st);
}

void
report_gave_up(struct report *r, uint64_t seconds)
{
    char time[WHY_NUMBER_MAX], sentence[WHY_SENTENCE_MAX], text[ERRBUF_SIZE];

    snprintf(text, sizeof(text), "gave up after %s without progress%s%s",
             why_duration((int64_t)seconds, time), r->why.known ? ": " : "",
             r->why.known ? why_sentence(r->why.now.text, -1, sentence) : "");
    screen_event(r->screen, "error",
                 json_pack("{s:o, s:b, s:i, s:s}", "message", json_text(text), "fatal", true,
                           "code", SPRAT_E_TIMEOUT, "why",
                           r->why.known ? why_code_name(r->why.now.code) : ""),
                 now(r));
    screen_fail(r->screen, CLI_GAVE_UP, "%s: %s", r->name, text);
}

void
report_complete(struct report *r, const struct torrent *t)
{
    struct torrent_status st;
    char size[TEXT_NUMBER_MAX], time[TEXT_NUMBER_MAX], rate[TEXT_NUMBER_MAX];
    int64_t ms = mono_diff_ms(now(r), r->began);

    if (ms < 10000)
        snprintf(time, sizeof(time), "%.1fs", (double)ms / 1000.0);
    else
        text_duration(ms / 1000, time);
    torrent_get_status(t, &st);
    if (json_mode(r)) {
        r->next_event = (struct mono){INT64_MIN};
        progress_event(r, t, &st);
    }
    screen_event(r->screen, "complete",
                 json_pack("{s:I, s:I, s:I, s:I}", "bytes_total", (json_int_t)st.total_size, "up",
                           (json_int_t)st.swarm.uploaded, "down", (json_int_t)st.swarm.downloaded,
                           "wasted", (json_int_t)st.swarm.wasted),
                 now(r));
    if (st.swarm.downloaded > 0)
        screen_say(r->screen, "%s: complete, %s received in %s (%s)", r->name,
                   text_size(st.swarm.downloaded, size), time,
                   text_rate(st.swarm.downloaded * 1000 / (uint64_t)(ms > 0 ? ms : 1), rate));
    else
        screen_say(r->screen, "%s: all of it is there (%s)", r->name,
                   text_size(st.total_size, size));
    screen_hurry(r->screen);
}

void
report_linger(struct report *r, uint64_t seconds, uint32_t wanting)
{
    char time[WHY_NUMBER_MAX];

    r->lingers = true;
    screen_event(
        r->screen, "linger",
        json_pack("{s:I, s:I}", "seconds", (json_int_t)seconds, "peers", (json_int_t)wanting),
        now(r));
    screen_say(r->screen,
               "%s: %u %s from here: it stays until they are complete, or nothing was sent for %s",
               r->name, wanting, text_noun(wanting, "other still fetches", "others still fetch"),
               why_duration((int64_t)seconds, time));
    screen_hurry(r->screen);
}

static void
event_with_message(struct report *r, const char *event, const struct torrent_event *ev)
{
    screen_event(r->screen, event, json_pack("{s:o}", "message", json_text(ev->message)), now(r));
}

/* Returns the seconds until a failed torrent is tried again; -1: never. */
static int64_t
next_try(const struct torrent *t)
{
    struct torrent_status st;
    struct torrent_reasons reasons;

    torrent_get_status(t, &st);
    torrent_get_reasons(t, &st, &reasons);
    return reasons.all[0].next_s;
}

void
report_error(struct report *r, const struct torrent *t, const struct torrent_event *ev, bool fatal)
{
    const char *message = ev->message[0] != '\0' ? ev->message : sprat_strerror(ev->err);
    char retry[WHY_NUMBER_MAX], next[64] = "";
    int64_t next_s = next_try(t);

    screen_event(r->screen, "error",
                 json_pack("{s:o, s:b, s:i}", "message", json_text(message), "fatal", fatal, "code",
                           ev->err),
                 now(r));
    if (next_s >= 0)
        snprintf(next, sizeof(next), "; next try in %s", why_duration(next_s, retry));
    if (fatal)
        screen_fail(r->screen, CLI_FAILED, "%s: %s", r->name, message);
    else
        screen_warn(r->screen, "%s: %s (paused%s)", r->name, message, next);
    screen_hurry(r->screen);
}

void
report_resumed(struct report *r, const struct torrent *t)
{
    (void)t;
    screen_event(r->screen, "resumed", NULL, now(r));
    screen_say(r->screen, "%s: resumed", r->name);
    screen_hurry(r->screen);
}

void
report_warning(struct report *r, const struct torrent *t, const struct torrent_event *ev)
{
    (void)t;
    event_with_message(r, ev->type == TORRENT_EVENT_BANNED ? "banned" : "warning", ev);
    if (!json_mode(r))
        screen_warn(r->screen, "%s: %s", r->name, ev->message);
}

void
report_stopping(struct report *r)
{
    r->stopping = true;
    screen_hurry(r->screen);
}

static json_t *
json_hosts(const struct torrent *t)
{
    json_t *all = json_array();
    struct torrent_host h;
    char text[ADDR_TEXT_MAX];
    uint32_t iter = 0;

    while (torrent_next_host(t, &iter, &h))
        json_array_append_new(all,
                              json_pack("{s:s, s:I, s:I}", "addr", addr_format_ip(&h.addr, text),
                                        "up", (json_int_t)h.up, "down", (json_int_t)h.down));
    return all;
}

void
report_stopped(struct report *r, const struct torrent *t, bool continues)
{
    struct torrent_status st;
    char up[TEXT_NUMBER_MAX], down[TEXT_NUMBER_MAX];

    if (r->stopped)
        return;
    r->stopped = true;
    torrent_get_status(t, &st);
    screen_event(r->screen, "stopped",
                 json_pack("{s:I, s:I, s:o}", "up", (json_int_t)st.swarm.uploaded, "down",
                           (json_int_t)st.swarm.downloaded, "peers", json_hosts(t)),
                 now(r));
    screen_say(r->screen, "%s: stopped, %s sent, %s received%s", r->name,
               text_size(st.swarm.uploaded, up), text_size(st.swarm.downloaded, down),
               continues ? "; the same command continues the download" : "");
}

void
report_failure(struct report *r, int err, const struct errbuf *eb)
{
    fail(r, CLI_FAILED, err, eb->text[0] != '\0' ? eb->text : sprat_strerror(err));
}

void
report_log(void *ctx, const struct log_record *record)
{
    struct report *r = ctx;
    char line[LOG_LINE_MAX];

    screen_warn(r->screen, "%s", log_record_text(record, line));
}
