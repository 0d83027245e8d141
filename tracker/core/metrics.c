/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes each row of the table as text.
 */
#include "tracker/core/metrics.h"

#include <inttypes.h>
#include <string.h>

/* One row of the table with its number. */
struct row {
    const char *name, *type, *text;
    uint64_t value;
};

enum {
#define X(name, type, text) ROW_##name,
    METRICS_TABLE(X)
#undef X
        ROW_COUNT
};

static void
fill(struct row rows[ROW_COUNT], const struct metrics *m)
{
#define X(name, type, text) rows[ROW_##name] = (struct row){#name, #type, text, m->name};
    METRICS_TABLE(X)
#undef X
}

int
metrics_put_prometheus(const struct metrics *m, struct buf *out)
{
    struct row rows[ROW_COUNT];

    fill(rows, m);
    for (int i = 0; i < ROW_COUNT; i++) {
        const struct row *r = &rows[i];
        const char *end = strcmp(r->type, "counter") == 0 ? "_total" : "";

        buf_printf(out, "# HELP sprat_tracker_%s%s %s\n", r->name, end, r->text);
        buf_printf(out, "# TYPE sprat_tracker_%s%s %s\n", r->name, end, r->type);
        buf_printf(out, "sprat_tracker_%s%s %" PRIu64 "\n", r->name, end, r->value);
    }
    return out->err;
}

int
metrics_put_json(const struct metrics *m, struct buf *out)
{
    struct row rows[ROW_COUNT];

    fill(rows, m);
    for (int i = 0; i < ROW_COUNT; i++)
        buf_printf(out, "%s\"%s\": %" PRIu64, i == 0 ? "{" : ", ", rows[i].name, rows[i].value);
    return buf_puts(out, "}\n");
}
