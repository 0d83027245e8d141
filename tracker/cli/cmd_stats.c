/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker stats: totals, the users who uploaded most, and the signals.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tracker/cli/command.h"
#include "tracker/cli/print.h"
#include "tracker/cli/users.h"
#include "tracker/operator/rowjson.h"
#include "tracker/operator/text.h"

static const struct option_spec options[] = {COMMAND_JSON_ROW, COMMAND_ROWS};

/* ---- text ---- */

static void
print_sums(const struct registry_stats *s)
{
    char up[TEXT_MAX], down[TEXT_MAX], raw[TEXT_MAX], seeded[TEXT_MAX];

    printf("users       %" PRIu64 ", %" PRIu64 " of them enabled\n", s->users, s->users_enabled);
    printf("torrents    %" PRIu64 ", and %" PRIu64 " removed\n", s->torrents, s->torrents_removed);
    printf("uploaded    %s (%" PRIu64 " bytes)\n", text_bytes(s->uploaded, up), s->uploaded);
    printf("downloaded  %s (%" PRIu64 " bytes)\n", text_bytes(s->downloaded_raw, raw),
           s->downloaded_raw);
    printf("counted     %s without freeleech\n", text_bytes(s->downloaded, down));
    printf("completed   %" PRIu64 "\n", s->completed);
    printf("seeded      %s\n", text_duration(s->seed_s, seeded));
    printf("signals     %" PRIu64 "\n", s->signals);
}

static int
print_user(void *ctx, const struct registry_user *u)
{
    (void)ctx;
    users_print(u);
    return 0;
}

static int
print_signal(void *ctx, const struct registry_signal *s)
{
    char first[TEXT_MAX], last[TEXT_MAX];

    (void)ctx;
    printf("%-16s %6" PRIu64 " %20" PRIu64 "  %s  %s  %-20s %s\n", s->kind, s->count, s->worst,
           text_time(s->first, first), text_time(s->last, last), s->user, s->torrent);
    return 0;
}

static int
print_all(struct registry *r, const struct registry_stats *s, struct errbuf *eb)
{
    int err;

    print_sums(s);
    printf("\n");
    users_print_head();
    err = registry_each_user(r, REGISTRY_BY_UPLOADED, 0, COMMAND_LIST_MAX, print_user, NULL, eb);
    if (err != 0 || s->signals == 0)
        return err;
    printf("\n%-16s %6s %20s  %-16s  %-16s  %-20s %s\n", "SIGNAL", "TIMES", "WORST", "FIRST (UTC)",
           "LAST (UTC)", "USER", "TORRENT");
    return registry_each_signal(r, 0, COMMAND_LIST_MAX, print_signal, NULL, eb);
}

/* ---- JSON ---- */

static int
add_user(void *ctx, const struct registry_user *u)
{
    return json_array_append_new(ctx, rowjson_user(u)) == 0 ? 0 : SPRAT_E_NOMEM;
}

static int
add_signal(void *ctx, const struct registry_signal *s)
{
    return json_array_append_new(ctx, rowjson_signal(s)) == 0 ? 0 : SPRAT_E_NOMEM;
}

static int
fill_json(struct registry *r, const struct registry_stats *s, json_t *root, struct errbuf *eb)
{
    json_t *users = json_array(), *signals = json_array();
    bool failed = json_object_set_new(root, "totals", rowjson_stats(s)) != 0;
    int err;

    failed = json_object_set_new(root, "top_users", users) != 0 || failed;
    failed = json_object_set_new(root, "signals", signals) != 0 || failed;
    if (failed)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = registry_each_user(r, REGISTRY_BY_UPLOADED, 0, COMMAND_LIST_MAX, add_user, users, eb);
    return err == 0 ? registry_each_signal(r, 0, UINT64_MAX, add_signal, signals, eb) : err;
}

static int
run(struct command_call *c)
{
    json_t *root = c->json ? json_object() : NULL;
    struct errbuf eb = {"out of memory"};
    struct registry_stats s;
    int err = registry_stats(c->registry, &s, &eb);

    if (err == 0)
        err = c->json ? fill_json(c->registry, &s, root, &eb) : print_all(c->registry, &s, &eb);
    if (err != 0) {
        json_decref(root);
        return command_fail("%s", eb.text);
    }
    return c->json ? print_json(root) : COMMAND_OK;
}

const struct command command_stats = {
    .group = "stats",
    .usage = "[options]",
    .summary = "print totals, top users and signals",
    .details =
        "Prints the totals of all users, the users who uploaded most, and signals: reports that\n"
        "look like cheating. The tracker never acts on a signal; a person decides.",
    .example = "  sprat-tracker stats -c sprat-tracker.conf",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
