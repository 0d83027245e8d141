/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker torrent rm: the tracker refuses a torrent from now on and tells clients the reason.
 */
#include "tracker/cli/command.h"
#include "tracker/operator/text.h"

enum { OPT_REASON = 1 };

static const struct option_spec options[] = {
    {OPT_REASON, 0, "reason", "TEXT", "the reason that clients show"},
    COMMAND_ROWS,
};

static int
run(struct command_call *c)
{
    struct errbuf eb = {""};
    struct registry_torrent t;
    uint8_t hash[32];
    size_t len;

    if (!text_parse_hash(c->operands[0], hash, &len))
        return command_usage(c->command, "'%s' is not an info-hash of 40 or 64 hex digits",
                             c->operands[0]);
    if (c->values[OPT_REASON] == NULL)
        return command_usage(c->command, "--reason is missing");
    if (registry_find_torrent(c->registry, hash, len, &t, &eb) != 0 ||
        registry_remove_torrent(c->registry, t.id, c->values[OPT_REASON], &eb) != 0)
        return command_fail("%s", eb.text);
    return COMMAND_OK;
}

const struct command command_torrent_rm = {
    .group = "torrent",
    .name = "rm",
    .usage = "HASH --reason TEXT [options]",
    .summary = "remove a torrent, with a reason",
    .details = "Announces of the torrent are refused from now on, with the reason. Its accounts\n"
               "stay, and 'torrent add' brings it back.",
    .example = "  sprat-tracker torrent rm 0123456789abcdef0123456789abcdef01234567 \\\n"
               "      --reason 'superseded by the second edition' -c sprat-tracker.conf",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
