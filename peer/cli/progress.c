/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Layout of the progress line: fields of fixed priority on the right, the name on the left, and a
 * bar in what is left between them. What does not fit goes in this order: the bar, padding, then
 * the fields that are needed least.
 */
#include "peer/cli/progress.h"

#include <stdio.h>
#include <string.h>

#include "peer/cli/text.h"

enum {
    BAR_MIN = 10,
    BAR_GOOD = 20, /* width of the bar beside a name longer than NAME_GOOD */
    BAR_MAX = 42,
    NAME_MIN = 8,
    NAME_TIGHT = 6, /* minimum for the name beside fields without padding */
    NAME_GOOD = 20,
    PHASE_MAX = 60,
    PLAIN_NOTE_MAX = 300,
    NOTE_HEAD_MIN = 16, /* columns of a note before ", next try in 58 s" */
    FIELD_MAX = 4 * PHASE_MAX + 16,
};

/* The fields of the line, from left to right; WORK is the rate of hashing. */
enum field { F_PHASE, F_PERCENT, F_WORK, F_DOWN, F_UP, F_PEERS, F_ETA, F_COUNT };

struct fields {
    char text[F_COUNT][FIELD_MAX]; /* "" for a field that is left out */
};

static void
fill_work(const struct progress *p, struct fields *f)
{
    char n[TEXT_NUMBER_MAX];

    if (p->work_rate == 0 || p->done >= p->total)
        return;
    snprintf(f->text[F_WORK], FIELD_MAX, "%9s", text_rate_short(p->work_rate, n));
    snprintf(f->text[F_ETA], FIELD_MAX, "ETA %-7s",
             text_duration(text_eta(p->total - p->done, p->work_rate), n));
}

static void
fill(const struct progress *p, bool utf8, struct fields *f)
{
    char n[TEXT_NUMBER_MAX];

    memset(f, 0, sizeof(*f));
    text_fit(f->text[F_PHASE], FIELD_MAX, p->phase, PHASE_MAX);
    if (!p->unknown)
        snprintf(f->text[F_PERCENT], FIELD_MAX, "%6s", text_percent(p->done, p->total, n));
    if (!p->transfer) {
        fill_work(p, f);
        return;
    }
    if (p->done < p->total) {
        snprintf(f->text[F_DOWN], FIELD_MAX, "%s%9s", utf8 ? "↓" : "D",
                 text_rate_short(p->down_rate, n));
        snprintf(f->text[F_ETA], FIELD_MAX, "ETA %-7s", text_duration(p->eta_s, n));
    }
    snprintf(f->text[F_UP], FIELD_MAX, "%s%9s", utf8 ? "↑" : "U", text_rate_short(p->up_rate, n));
    snprintf(f->text[F_PEERS], FIELD_MAX, "%3u %s", p->peers, p->peers == 1 ? "peer " : "peers");
}

/* As fill(), without padding and labels, for narrow terminals. */
static void
fill_tight(const struct progress *p, bool utf8, struct fields *f)
{
    char n[TEXT_NUMBER_MAX];

    if (!p->unknown)
        text_percent(p->done, p->total, f->text[F_PERCENT]);
    if (!p->transfer)
        return;
    if (p->done < p->total) {
        snprintf(f->text[F_DOWN], FIELD_MAX, "%s%s", utf8 ? "↓" : "D",
                 text_rate_short(p->down_rate, n));
        if (p->eta_s >= 0)
            text_duration(p->eta_s, f->text[F_ETA]);
        else
            f->text[F_ETA][0] = '\0';
    }
    snprintf(f->text[F_UP], FIELD_MAX, "%s%s", utf8 ? "↑" : "U", text_rate_short(p->up_rate, n));
    snprintf(f->text[F_PEERS], FIELD_MAX, "%u %s", p->peers, p->peers == 1 ? "peer" : "peers");
}

/* Columns of all fields, each with two blanks before it. */
static unsigned
fields_width(const struct fields *f)
{
    unsigned width = 0;

    for (int i = 0; i < F_COUNT; i++)
        if (f->text[i][0] != '\0')
            width += 2 + text_width(f->text[i]);
    return width;
}

/* Leaves fields out, the least important first, until the rest fit in |room| columns. */
static void
drop_fields(struct fields *f, unsigned room)
{
    static const enum field order[] = {F_UP, F_PEERS, F_ETA, F_WORK, F_DOWN, F_PHASE};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && fields_width(f) > room; i++)
        f->text[order[i]][0] = '\0';
}

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Returns the bar's share of |room| ≥ NAME_MIN + BAR_MIN columns beside a name of |name| columns.
 */
static unsigned
bar_width(unsigned name, unsigned room)
{
    unsigned bar = room - least(name, room - BAR_MIN);

    if (room > NAME_GOOD && bar < least(BAR_GOOD, room - NAME_GOOD))
        bar = least(BAR_GOOD, room - NAME_GOOD);
    return least(bar, BAR_MAX);
}

static bool
has_note(const struct progress *p)
{
    return p->note != NULL && p->note[0] != '\0';
}

/* Cuts |note| to |room| columns. Its end, the time of the next try, stays: the full note has been
 * printed above the line before. */
static void
fit_note(char *out, size_t size, const char *note, unsigned room)
{
    const char *tail = strstr(note, ", next try");
    char head[PROGRESS_LINE_MAX / 2];
    unsigned width = tail != NULL ? text_width(tail) : 0;

    if (tail == NULL || text_width(note) <= room || room < width + NOTE_HEAD_MIN) {
        text_fit(out, size, note, room);
        return;
    }
    snprintf(head, sizeof(head), "%.*s", (int)(tail - note), note);
    text_fit(out, size, head, room - width);
    snprintf(out + strlen(out), size - strlen(out), "%s", tail);
}

/* Writes a line of name, percentage and note; the note gets the columns that the others leave. */
static const char *
note_line(const struct progress *p, unsigned columns, char out[PROGRESS_LINE_MAX])
{
    char name[NAME_GOOD * 4 + 16], percent[TEXT_NUMBER_MAX], note[PROGRESS_LINE_MAX / 2];
    unsigned used;

    if (p->unknown)
        snprintf(percent, sizeof(percent), "-");
    else
        text_percent(p->done, p->total, percent);
    text_fit(name, sizeof(name), p->name, least(NAME_GOOD, columns / 4));
    used = text_width(name) + text_width(percent) + 4;
    if (used + NAME_MIN > columns) { /* a very narrow line has only the percentage */
        text_fit(out, PROGRESS_LINE_MAX, percent, columns);
        return out;
    }
    fit_note(note, sizeof(note), p->note, columns - used);
    snprintf(out, PROGRESS_LINE_MAX, "%s  %s  %s", name, percent, note);
    return out;
}

const char *
progress_line(const struct progress *p, unsigned columns, bool utf8, char out[PROGRESS_LINE_MAX])
{
    struct fields f;
    unsigned right, name_room, bar = 0;
    size_t len;

    columns = least(columns, PROGRESS_COLUMNS_MAX);
    if (has_note(p))
        return note_line(p, columns, out);
    fill(p, utf8, &f);
    if (fields_width(&f) + NAME_MIN > columns) {
        fill_tight(p, utf8, &f);
        drop_fields(&f, columns > NAME_TIGHT ? columns - NAME_TIGHT : 0);
    }
    right = fields_width(&f);
    if (right >= columns) {
        text_fit(out, PROGRESS_LINE_MAX, f.text[F_PERCENT] + strspn(f.text[F_PERCENT], " "),
                 columns);
        return out;
    }
    name_room = columns - right;
    if (name_room >= NAME_MIN + 2 + BAR_MIN) {
        bar = bar_width(text_width(p->name), name_room - 2);
        name_room -= bar + 2;
    }
    text_fit(out, PROGRESS_LINE_MAX - 2 * PROGRESS_COLUMNS_MAX, p->name, name_room);
    len = strlen(out);
    if (bar > 0) {
        len += (size_t)snprintf(out + len, PROGRESS_LINE_MAX - len, "  ");
        text_bar(out + len, PROGRESS_LINE_MAX - len, p->done, p->total, bar);
        len += bar;
    }
    for (int i = 0; i < F_COUNT; i++)
        if (f.text[i][0] != '\0')
            len += (size_t)snprintf(out + len, PROGRESS_LINE_MAX - len, "  %s", f.text[i]);
    return out;
}

const char *
progress_plain(const struct progress *p, char out[PROGRESS_LINE_MAX])
{
    char name[PROGRESS_COLUMNS_MAX], n1[TEXT_NUMBER_MAX], n2[TEXT_NUMBER_MAX], n3[TEXT_NUMBER_MAX];
    size_t len;

    text_fit(name, sizeof(name), p->name, 80);
    if (p->unknown) {
        len = (size_t)snprintf(out, PROGRESS_LINE_MAX, "%s: %s%s", name, p->phase,
                               has_note(p) ? ": " : "");
        if (has_note(p))
            text_fit(out + len, PROGRESS_LINE_MAX - len, p->note, PLAIN_NOTE_MAX);
        return out;
    }
    len = (size_t)snprintf(out, PROGRESS_LINE_MAX, "%s: %s%s%s (%s of %s)", name, p->phase,
                           p->phase[0] != '\0' ? ", " : "", text_percent(p->done, p->total, n1),
                           text_size(p->done, n2), text_size(p->total, n3));
    if (!p->transfer && p->work_rate > 0 && p->done < p->total)
        snprintf(out + len, PROGRESS_LINE_MAX - len, ", %s, %s left", text_rate(p->work_rate, n1),
                 text_duration(text_eta(p->total - p->done, p->work_rate), n2));
    if (!p->transfer)
        return out;
    if (p->done < p->total)
        len += (size_t)snprintf(out + len, PROGRESS_LINE_MAX - len, ", down %s",
                                text_rate(p->down_rate, n1));
    len += (size_t)snprintf(out + len, PROGRESS_LINE_MAX - len, ", up %s, %u %s",
                            text_rate(p->up_rate, n1), p->peers, p->peers == 1 ? "peer" : "peers");
    if (has_note(p)) {
        len += (size_t)snprintf(out + len, PROGRESS_LINE_MAX - len, ": ");
        text_fit(out + len, PROGRESS_LINE_MAX - len, p->note, PLAIN_NOTE_MAX);
    } else if (p->done < p->total && p->eta_s >= 0) {
        snprintf(out + len, PROGRESS_LINE_MAX - len, ", %s left", text_duration(p->eta_s, n1));
    }
    return out;
}
