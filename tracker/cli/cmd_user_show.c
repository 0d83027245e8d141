/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker user show: one user with their accounts.
 */
#include <stdio.h>

#include "tracker/cli/command.h"
#include "tracker/cli/print.h"
#include "tracker/cli/users.h"
#include "tracker/operator/rowjson.h"
#include "tracker/operator/text.h"

enum { OPT_ALL = 1 };

static const struct option_spec options[] = {
    {OPT_ALL, 'a', "all", NULL, "all torrents instead of the last 20"},
    COMMAND_JSON_ROW,
    COMMAND_ROWS,
};

static int
print_total(void *ctx, const struct registry_total *t)
{
    char up[TEXT_MAX], down[TEXT_MAX], seeded[TEXT_MAX], done[TEXT_MAX], seen[TEXT_MAX];

    (void)ctx;
    printf("%12s %12s %9s  %-16s  %-16s  %s\n", text_bytes(t->uploaded, up),
           text_bytes(t->downloaded_raw, down), text_duration(t->seed_s, seeded),
           text_time(t->completed, done), text_time(t->seen, seen), t->torrent);
    return 0;
}

static int
add_total(void *ctx, const struct registry_total *t)
{
    return json_array_append_new(ctx, rowjson_total(t)) == 0 ? 0 : SPRAT_E_NOMEM;
}

static int
show_json(struct command_call *c, const struct registry_user *u, uint64_t limit)
{
    json_t *user = rowjson_user(u), *list = json_array();
    struct errbuf eb = {"out of memory"};
    int err = registry_each_total(c->registry, u->id, 0, limit, add_total, list, &eb);

    if (json_object_set_new(user, "torrents", list) != 0 && err == 0)
        err = SPRAT_E_NOMEM;
    if (err != 0) {
        json_decref(user);
        return command_fail("%s", eb.text);
    }
    return print_json(user);
}

static int
run(struct command_call *c)
{
    uint64_t limit = c->values[OPT_ALL] != NULL ? UINT64_MAX : COMMAND_LIST_MAX;
    struct errbuf eb = {""};
    struct registry_user u;

    if (registry_find_user(c->registry, c->operands[0], &u, &eb) != 0)
        return command_fail("%s", eb.text);
    if (c->json)
        return show_json(c, &u, limit);
    users_print_head();
    users_print(&u);
    printf("\n%12s %12s %9s  %-16s  %-16s  %s\n", "UPLOADED", "RAW DOWN", "SEEDED",
           "COMPLETED (UTC)", "SEEN (UTC)", "TORRENT");
    if (registry_each_total(c->registry, u.id, 0, limit, print_total, NULL, &eb) != 0)
        return command_fail("%s", eb.text);
    return COMMAND_OK;
}

const struct command command_user_show = {
    .group = "user",
    .name = "show",
    .usage = "NAME [options]",
    .summary = "show one user and their torrents",
    .details = "Shows a user and what they uploaded and downloaded of each torrent, the most "
               "recent first.",
    .example = "  sprat-tracker user show anna -c sprat-tracker.conf",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
