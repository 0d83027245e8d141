/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat add: gives torrents to spratd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/base/printable.h"
#include "common/rpc/base64.h"
#include "common/rpc/frame.h"
#include "common/sys/paths.h"
#include "peer/cli/client.h"
#include "peer/cli/command.h"
#include "peer/cli/fetchurl.h"
#include "peer/cli/torrentfile.h"
#include "peer/cli/text.h"

enum {
    OPT_OUTPUT = 1,
    OPT_PEER,
    OPT_TRACKER,
    OPT_SEED,
    OPT_PAUSED,
    OPT_CHECK,
    OPT_ADOPT,
    OPT_REFETCH,
    OPT_UP_LIMIT,
    OPT_DOWN_LIMIT,
    OPT_SEQUENTIAL,
    OPT_SUPER_SEED,
    OPT_ONLY,
    OPT_SKIP,
    OPT_ALLOCATE,
    OPT_SUFFIX,
    OPT_MOVE_TO,
    OPT_PRIVATE,
    OPT_CA,
};

enum {
    INLINE_MAX = RPC_MESSAGE_MAX / 2, /* of a larger torrent file, the request has only the path */
    NAME_BYTES = 1024,
    REMOVAL_MS = 60000,   /* maximum wait for spratd to finish removing the same torrent */
    REMOVAL_STEP_MS = 50, /* between attempts meanwhile */
};

static const struct option_spec options[] = {
    {OPT_OUTPUT, 'o', "output", "DIR",
     "save the torrent's file or directory in DIR (default: the daemon's save-dir, else "
     "the current directory)"},
    {OPT_MOVE_TO, 0, "move-to", "DIR",
     "move the content to DIR when the download is complete (default: the daemon's "
     "completed-dir)"},
    {OPT_ALLOCATE, 0, "allocate", "sparse|full",
     "full: reserve disk space for all wanted files before the download starts (default: "
     "as the daemon is set)"},
    {OPT_SUFFIX, 0, "incomplete-suffix", NULL,
     "call each file NAME.incomplete until it is complete (default: as the daemon is set)"},
    {OPT_TRACKER, 't', "tracker", "URL", "announce to this tracker too; repeatable"},
    {OPT_PEER, 0, "peer", "HOST:PORT", "connect to this peer too; repeatable"},
    {OPT_SEED, 0, "seed", "none|forever|RATIO",
     "how long to seed: not at all, until stopped, or until RATIO times the torrent's "
     "size has been uploaded (default: as the daemon is set)"},
    {OPT_UP_LIMIT, 0, "up-limit", "RATE",
     "upload at most this many bytes per second of it, as in 500K or 2M"},
    {OPT_DOWN_LIMIT, 0, "down-limit", "RATE", "download at most this many bytes per second of it"},
    {OPT_SEQUENTIAL, 0, "sequential", NULL, "download pieces in order"},
    {OPT_SUPER_SEED, 0, "super-seed", NULL,
     "offer each peer different pieces until one full copy is out (BEP 16)"},
    {OPT_ONLY, 0, "only", "PATTERN",
     "fetch only these files or folders; * and ? are wildcards; repeatable"},
    {OPT_SKIP, 0, "skip", "PATTERN", "do not fetch these files or folders; repeatable"},
    {OPT_PAUSED, 0, "paused", NULL, "add the torrent paused; 'sprat resume' starts it"},
    {OPT_CHECK, 0, "check", NULL,
     "hash all data on disk, also pieces that the state database lists as verified"},
    {OPT_REFETCH, 0, "refetch", NULL,
     "download data again that was downloaded before and is missing now"},
    {OPT_ADOPT, 0, "adopt", NULL, "overwrite existing files even if none of their pieces matches"},
    {OPT_PRIVATE, 0, "private", NULL,
     "for a magnet link: ask only trackers for peers, because the torrent may be private"},
    {OPT_CA, 0, "ca", "FILE",
     "for an https URL: trust these certificate authorities too (default: $SSL_CERT_FILE)"},
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

struct add {
    struct client_options client;
    json_t *params; /* the parameters that all torrents share */
    const char *output;
    const char *ca_file; /* NULL: not given */
    bool only_new; /* an option was given that has no effect on a torrent that spratd has already */
};

static int
put_path(json_t *params, const char *key, const char *value, struct errbuf *eb)
{
    char *path;
    int err = path_absolute(value, &path, eb);

    if (err != 0)
        return err;
    err = client_check_text(value, path, eb);
    if (err == 0)
        json_object_set_new(params, key, json_string(path));
    free(path);
    return err;
}

/* Whether the option has an effect on a torrent that spratd has already. */
static bool
changes_known(int id)
{
    return id == OPT_TRACKER || id == OPT_PEER || id == OPT_UP_LIMIT || id == OPT_DOWN_LIMIT ||
           id == OPT_CA || id >= CLIENT_OPT_SOCKET;
}

static int
store_option(struct add *a, int id, const char *value, struct errbuf *eb)
{
    double ratio;

    a->only_new = a->only_new || !changes_known(id);
    switch (id) {
    case OPT_OUTPUT: a->output = value; return 0;
    case OPT_CA: a->ca_file = value; return 0;
    case OPT_TRACKER: return client_append(a->params, "trackers", value, eb);
    case OPT_ONLY: return client_append(a->params, "only", value, eb);
    case OPT_SKIP: return client_append(a->params, "skip", value, eb);
    case OPT_PEER:
        if (!cli_is_peer(value))
            return errbuf_set(eb, SPRAT_E_INVAL, "--peer needs HOST:PORT, not '%s'", value);
        return client_append(a->params, "peers", value, eb);
    case OPT_PAUSED: json_object_set_new(a->params, "paused", json_true()); return 0;
    case OPT_SEQUENTIAL: json_object_set_new(a->params, "sequential", json_true()); return 0;
    case OPT_SUPER_SEED: json_object_set_new(a->params, "super_seed", json_true()); return 0;
    case OPT_PRIVATE: json_object_set_new(a->params, "private", json_true()); return 0;
    case OPT_REFETCH: json_object_set_new(a->params, "refetch", json_true()); return 0;
    case OPT_ADOPT: json_object_set_new(a->params, "adopt", json_true()); return 0;
    case OPT_CHECK: json_object_set_new(a->params, "check", json_true()); return 0;
    case OPT_UP_LIMIT: return client_put_rate(a->params, "up_limit", "--up-limit", value, eb);
    case OPT_DOWN_LIMIT: return client_put_rate(a->params, "down_limit", "--down-limit", value, eb);
    case OPT_MOVE_TO: return put_path(a->params, "move_to", value, eb);
    case OPT_SUFFIX: json_object_set_new(a->params, "incomplete_suffix", json_true()); return 0;
    case OPT_ALLOCATE:
        if (strcmp(value, "sparse") != 0 && strcmp(value, "full") != 0)
            return errbuf_set(eb, SPRAT_E_INVAL, "--allocate needs sparse or full, not '%s'",
                              value);
        json_object_set_new(a->params, "allocate", json_string(value));
        return 0;
    case OPT_SEED:
        if (strcmp(value, "none") != 0 && strcmp(value, "forever") != 0 &&
            parse_ratio(value, &ratio) != 0)
            return errbuf_set(eb, SPRAT_E_INVAL,
                              "--seed needs none, forever or a ratio like 1.5, not '%s'", value);
        json_object_set_new(a->params, "seed", json_string(value));
        return 0;
    }
    client_option(&a->client, id, value);
    return 0;
}

static int
put_magnet(json_t *params, const char *link, struct errbuf *eb)
{
    int err = client_check_text("the magnet link", link, eb);

    if (err == 0)
        json_object_set_new(params, "magnet", json_string(link));
    return err;
}

static int
put_bytes(json_t *params, const struct metainfo *mi, struct errbuf *eb)
{
    char *text = base64_encode(mi->raw, mi->raw_len);

    if (text == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    json_object_set_new(params, "metainfo", json_string(text));
    free(text);
    return 0;
}

/* Fetches the torrent file here, so that spratd does not wait for it. */
static int
put_fetched(const struct add *a, json_t *params, const char *url, struct errbuf *eb)
{
    struct metainfo *mi;
    int err = fetchurl_load(url, a->ca_file, &mi, eb);

    if (err != 0)
        return err;
    if (mi->raw_len <= INLINE_MAX)
        err = put_bytes(params, mi, eb);
    else
        err = errbuf_set(eb, SPRAT_E_TOOBIG,
                         "%s: a torrent file of more than %d MiB can't be sent to spratd: "
                         "download it, and add the file",
                         url, INLINE_MAX >> 20);
    metainfo_free(mi);
    return err;
}

/* Puts the torrent file into |params|, by its bytes or by its path; or the magnet link. */
static int
put_torrent(const struct add *a, json_t *params, const char *path, struct errbuf *eb)
{
    struct metainfo *mi;
    int err;

    if (torrentfile_is_magnet(path))
        return put_magnet(params, path, eb);
    if (fetchurl_is_url(path))
        return put_fetched(a, params, path, eb);
    err = torrentfile_load(path, &mi, eb);
    if (err != 0)
        return err;
    err =
        mi->raw_len <= INLINE_MAX ? put_bytes(params, mi, eb) : put_path(params, "path", path, eb);
    metainfo_free(mi);
    return err;
}

static void
print_count(const json_t *result, const char *key, const char *one, const char *many)
{
    int64_t count = client_int(result, key);

    if (count > 0)
        printf("; %lld %s", (long long)count, text_noun((uint64_t)count, one, many));
}

static void
print_added(const struct add *a, const json_t *result)
{
    const char *v1 = client_text(result, "info_hash_v1");
    bool already = json_is_true(json_object_get(result, "already"));
    char name[NAME_BYTES];

    printable(client_text(result, "name"), name, sizeof(name));
    printf("%s %s %s", already ? "already there" : "added",
           v1[0] != '\0' ? v1 : client_text(result, "info_hash_v2"), name);
    if (json_is_true(json_object_get(result, "metadata_added")))
        printf("; metadata added");
    else if (strcmp(client_text(result, "state"), "waiting") == 0)
        printf("; fetching its metadata");
    print_count(result, "trackers_added", "tracker added", "trackers added");
    print_count(result, "trackers_refused",
                "tracker not added: a private torrent keeps its own trackers",
                "trackers not added: a private torrent keeps its own trackers");
    print_count(result, "peers_added", "peer added", "peers added");
    if (already && a->only_new)
        printf("; other options apply only to a new torrent");
    putchar('\n');
}

/* Calls torrent.add; consumes a reference of |params|. While spratd is still removing the same
 * torrent, tries again: otherwise a script that removes a torrent and adds it again would lose it.
 */
static int
call_add(int fd, json_t *params, json_t **result, struct errbuf *eb)
{
    const struct timespec step = {.tv_nsec = REMOVAL_STEP_MS * 1000000L};
    int err = SPRAT_E_AGAIN;

    for (int ms = 0; err == SPRAT_E_AGAIN && ms <= REMOVAL_MS; ms += REMOVAL_STEP_MS) {
        if (ms > 0)
            nanosleep(&step, NULL);
        err = client_call(fd, "torrent.add", json_incref(params), result, eb);
    }
    json_decref(params);
    return err;
}

static int
add_one(const struct add *a, int fd, const char *path)
{
    struct errbuf eb;
    json_t *params = json_copy(a->params), *result = NULL;
    int status = CLI_OK;

    if (put_torrent(a, params, path, &eb) != 0) {
        json_decref(params);
        return cli_fail("%s", eb.text);
    }
    if (call_add(fd, params, &result, &eb) != 0)
        return cli_fail("%s: %s", path, eb.text);
    if (a->client.json)
        status = client_print_json(result);
    else
        print_added(a, result);
    json_decref(result);
    return status;
}

/* Sets "save_dir": the directory of -o, or the current directory if spratd has no save-dir. */
static int
put_save_dir(struct add *a, int fd, struct errbuf *eb)
{
    json_t *info = NULL;
    int err = 0;

    if (a->output == NULL) {
        err = client_call(fd, "daemon.info", NULL, &info, eb);
        bool has = err == 0 && json_is_string(json_object_get(info, "save_dir"));
        json_decref(info);
        if (err != 0 || has)
            return err;
    }
    return put_path(a->params, "save_dir", a->output != NULL ? a->output : ".", eb);
}

static int
add_all(struct add *a, const struct cli_args *args)
{
    struct errbuf eb;
    int status = CLI_OK, fd = client_connect(&a->client, &eb);

    if (fd < 0)
        return cli_fail("%s", eb.text);
    if (put_save_dir(a, fd, &eb) != 0)
        status = cli_fail("%s", eb.text);
    else
        for (size_t i = 0; i < args->operand_count; i++)
            if (add_one(a, fd, args->operands[i]) != CLI_OK)
                status = CLI_FAILED;
    close(fd);
    return status;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    struct add a = {.params = json_object()};
    struct cli_args args;
    struct errbuf eb;
    const char *value;
    int id, got, status;

    cli_args_init(&args, self, argc, argv);
    while ((got = cli_next(&args, &id, &value, 1, CLI_OPERANDS_MAX)) > 0) {
        if (store_option(&a, id, value, &eb) != 0) {
            json_decref(a.params);
            return cli_usage(self, "%s", eb.text);
        }
    }
    status = got < 0 ? args.status : add_all(&a, &args);
    json_decref(a.params);
    return status;
}

const struct cli_command cli_add = {
    .name = "add",
    .usage = "[options] FILE.torrent|URL|MAGNET…",
    .summary = "add a torrent to the daemon",
    .details =
        "Adds torrents to spratd, which downloads and seeds them in the background. If the "
        "daemon has a torrent already, its rate limits are set as given, and trackers and "
        "peers are added to it; other options do not change it. The metadata of a magnet link "
        "is fetched from the peers that its trackers or the link itself name; the torrent file "
        "can be added later instead.",
    .example = "  sprat add -o ~/downloads --seed 2 debian-12.torrent",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
