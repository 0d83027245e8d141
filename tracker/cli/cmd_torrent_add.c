/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker torrent add: registers a torrent, by its file or by its hashes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/metainfo.h"
#include "common/sys/file.h"
#include "tracker/cli/command.h"
#include "tracker/operator/text.h"

enum { OPT_NAME = 1, OPT_FREELEECH, OPT_HIDDEN };

static const struct option_spec options[] = {
    {OPT_NAME, 0, "name", "NAME", "its name on this tracker; default: the name in the file"},
    {OPT_FREELEECH, 0, "freeleech", NULL, "downloads of it do not count"},
    {OPT_HIDDEN, 0, "hidden", NULL, "leave it out of scrapes and lists"},
    COMMAND_ROWS,
};

static void
set_name(struct registry_torrent *t, const char *name)
{
    size_t len = strnlen(name, REGISTRY_TITLE_MAX);

    memcpy(t->name, name, len);
    t->name[len] = '\0';
}

/* Reads one or two hashes; a hybrid torrent has a v1 and a v2 hash. */
static int
take_hashes(struct command_call *c, struct registry_torrent *t)
{
    for (size_t i = 0; i < c->operand_count; i++) {
        uint8_t hash[32];
        size_t len;

        if (!text_parse_hash(c->operands[i], hash, &len))
            return command_usage(c->command, "'%s' is not an info-hash of 40 or 64 hex digits",
                                 c->operands[i]);
        if (len == sizeof(t->v1) ? t->has_v1 : t->has_v2)
            return command_usage(
                c->command,
                "give two hashes only for a hybrid torrent: one of 40 digits and one of 64");
        if (len == sizeof(t->v1))
            memcpy(t->v1, hash, len);
        else
            memcpy(t->v2, hash, len);
        t->has_v1 = t->has_v1 || len == sizeof(t->v1);
        t->has_v2 = t->has_v2 || len == sizeof(t->v2);
    }
    return COMMAND_OK;
}

static int
take_file(struct command_call *c, struct registry_torrent *t)
{
    const char *path = c->operands[0];
    struct errbuf eb = {""};
    struct metainfo *mi;
    uint8_t *raw;
    size_t len;
    int err = file_read(path, METAINFO_SIZE_MAX, &raw, &len, &eb);

    if (err != 0)
        return command_fail("%s", eb.text);
    err = metainfo_parse(raw, len, &mi, &eb);
    free(raw);
    if (err != 0)
        return command_fail("%s: %s", path, eb.text);
    t->has_v1 = mi->id.has_v1;
    t->has_v2 = mi->id.has_v2;
    memcpy(t->v1, mi->id.v1, sizeof(t->v1));
    memcpy(t->v2, mi->id.v2, sizeof(t->v2));
    t->size = mi->total_size;
    set_name(t, mi->name);
    if (!mi->is_private)
        fprintf(stderr,
                "sprat-tracker: warning: %s is not marked private (BEP 27): its clients may "
                "find each other without this tracker\n",
                path);
    metainfo_free(mi);
    return COMMAND_OK;
}

static int
run(struct command_call *c)
{
    struct registry_torrent t = {
        .freeleech = c->values[OPT_FREELEECH] != NULL,
        .hidden = c->values[OPT_HIDDEN] != NULL,
    };
    uint8_t hash[32];
    size_t len;
    bool is_hash = c->operand_count == 2 || text_parse_hash(c->operands[0], hash, &len);
    struct errbuf eb = {""};
    int status = is_hash ? take_hashes(c, &t) : take_file(c, &t);

    if (status != COMMAND_OK)
        return status;
    if (c->values[OPT_NAME] != NULL)
        set_name(&t, c->values[OPT_NAME]);
    if (registry_add_torrent(c->registry, &t, &eb) != 0)
        return command_fail("%s: %s", c->operands[0], eb.text);
    return COMMAND_OK;
}

const struct command command_torrent_add = {
    .group = "torrent",
    .name = "add",
    .usage = "FILE.torrent | HASH [HASH] [options]",
    .summary = "register a torrent",
    .details =
        "Registers a torrent by its file, or by its info-hash: 40 hex digits for v1, 64 for\n"
        "v2, one of each for a hybrid. A torrent that was removed is registered again. If the\n"
        "database does not exist, it is created.",
    .example = "  sprat-tracker torrent add album.torrent --freeleech -c sprat-tracker.conf",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .operands_min = 1,
    .operands_max = 2,
    .creates = true,
    .run = run,
};
