/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Rows one by one.
 */
#include "tracker/daemon/memberfeed.h"

static int
put_user(void *ctx, const struct access_user *u)
{
    struct memberfeed *f = ctx;
    int err = access_put_user(members_lock(f->members), u);

    members_unlock(f->members);
    return err;
}

static int
put_passkey(void *ctx, const struct access_passkey *k)
{
    struct memberfeed *f = ctx;
    int err = access_put_passkey(members_lock(f->members), k);

    members_unlock(f->members);
    return err;
}

static int
put_torrent(void *ctx, const struct access_torrent *t)
{
    struct memberfeed *f = ctx;
    int err = access_put_torrent(members_lock(f->members), t);

    members_unlock(f->members);
    return err;
}

static int
put_hash(void *ctx, const uint8_t hash[20], uint32_t torrent)
{
    struct memberfeed *f = ctx;
    int err = access_put_hash(members_lock(f->members), hash, torrent);

    members_unlock(f->members);
    return err;
}

static int
put_client(void *ctx, const char *prefix, enum access_client rule)
{
    struct memberfeed *f = ctx;
    int err = access_put_client(members_lock(f->members), prefix, rule);

    members_unlock(f->members);
    return err;
}

/* Each row by itself: workers get in between two of them. */
static int
read_changes(struct memberfeed *f, struct errbuf *eb)
{
    struct registry_sink sink = {
        .ctx = f,
        .user = put_user,
        .passkey = put_passkey,
        .torrent = put_torrent,
        .hash = put_hash,
        .client = put_client,
    };

    return registry_read_changes(f->registry, &f->change, &sink, eb);
}

int
memberfeed_init(struct memberfeed *f, struct registry *r, struct members *m, const struct log *log,
                struct errbuf *eb)
{
    int err;

    *f = (struct memberfeed){.log = log, .registry = r, .members = m};
    err = registry_data_version(r, &f->data_version, eb);
    return err == 0 ? read_changes(f, eb) : err;
}

static void
say_failed(struct memberfeed *f, const char *why)
{
    log_error(f->log, "changes of users and torrents wait: %s", why);
}

void
memberfeed_read(struct memberfeed *f)
{
    struct errbuf eb = {""};

    if (read_changes(f, &eb) != 0)
        say_failed(f, eb.text);
}

void
memberfeed_look(struct memberfeed *f)
{
    struct errbuf eb = {""};
    int64_t version = f->data_version;
    int err = registry_data_version(f->registry, &version, &eb);

    if (err == 0 && version == f->data_version)
        return;
    if (err == 0)
        err = read_changes(f, &eb);
    if (err == 0)
        f->data_version = version;
    else
        say_failed(f, eb.text);
}
