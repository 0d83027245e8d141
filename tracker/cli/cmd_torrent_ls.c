/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker torrent ls: all torrents.
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/base/hex.h"
#include "tracker/cli/command.h"
#include "tracker/cli/print.h"
#include "tracker/operator/rowjson.h"
#include "tracker/operator/text.h"

static const struct option_spec options[] = {COMMAND_JSON_ROW, COMMAND_ROWS};

static void
print_head(void)
{
    printf("%-40s %10s %12s %12s %9s  %-10s %s\n", "HASH", "SIZE", "UPLOADED", "RAW DOWN",
           "COMPLETED", "IS", "NAME");
}

static const char *
state(const struct registry_torrent *t)
{
    if (t->removed != 0)
        return "removed";
    if (t->freeleech)
        return t->hidden ? "free,hidden" : "free";
    return t->hidden ? "hidden" : "-";
}

static int
print_one(void *ctx, const struct registry_torrent *t)
{
    char hash[HEX_SIZE(20)], size[TEXT_MAX], up[TEXT_MAX], down[TEXT_MAX];

    (void)ctx;
    printf("%-40s %10s %12s %12s %9" PRIu64 "  %-10s %s\n",
           hex_encode(t->has_v1 ? t->v1 : t->v2, 20, hash), text_bytes(t->size, size),
           text_bytes(t->uploaded, up), text_bytes(t->downloaded_raw, down), t->completed, state(t),
           t->name);
    return 0;
}

static int
add_one(void *ctx, const struct registry_torrent *t)
{
    json_t *o = json_pack("{s:I}", "id", (json_int_t)t->id), *row = rowjson_torrent(t);
    int failed = json_object_update(o, row);

    json_decref(row);
    if (failed != 0) {
        json_decref(o);
        return SPRAT_E_NOMEM;
    }
    return json_array_append_new(ctx, o) == 0 ? 0 : SPRAT_E_NOMEM;
}

static int
run(struct command_call *c)
{
    json_t *list = c->json ? json_array() : NULL;
    struct errbuf eb = {"out of memory"};
    int err;

    if (!c->json)
        print_head();
    err =
        registry_each_torrent(c->registry, 0, UINT64_MAX, c->json ? add_one : print_one, list, &eb);
    if (err != 0) {
        json_decref(list);
        return command_fail("%s", eb.text);
    }
    return c->json ? print_json(list) : COMMAND_OK;
}

const struct command command_torrent_ls = {
    .group = "torrent",
    .name = "ls",
    .usage = "[options]",
    .summary = "list all torrents",
    .details = "Lists torrents, the latest first, those that were removed included.",
    .example = "  sprat-tracker torrent ls -c sprat-tracker.conf",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
