/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SQLite's data version changes when another connection has changed the database.
 */
#include "tracker/daemon/memberfeed.h"

static int
read_changes(struct memberfeed *f, struct errbuf *eb)
{
    struct access_sink sink = members_sink(f->members);

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
    log_event(f->log, LOG_ERROR, "changes of users and torrents cannot be read yet",
              log_reason(why));
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
