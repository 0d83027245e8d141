/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses all new settings before any of them takes effect.
 */
#include "peer/daemon/reload.h"

#include "common/sys/sdnotify.h"

struct change {
    struct daemon *daemon;
    unsigned count;
};

static void
on_change(void *ctx, const char *key, const char *before, const char *after, bool changed)
{
    struct change *c = ctx;
    const struct log *log = &c->daemon->log;

    c->count++;
    if (before == NULL)
        before = "not set";
    if (after == NULL)
        after = "not set";
    if (changed)
        log_info(log, "%s: %s (was: %s)", key, after, before);
    else
        log_warn(log, "%s: needs a restart; until then it is: %s (new: %s)", key, before, after);
}

/* Reads all settings into |next|. Returns 0; or an error and a sentence, and |next| is incomplete.
 */
static int
read_again(const struct daemon *d, struct settings *next, struct errbuf *eb)
{
    enum settings_action action;
    int err = settings_read(next, d->settings.base, d->argc, d->argv, &action, eb);

    if (err == 0 && next->file == NULL && d->settings.file != NULL)
        err = errbuf_set(eb, SPRAT_E_NOENT, "%s: the file is gone", d->settings.file);
    return err;
}

static void
use(struct daemon *d, struct settings *next)
{
    struct change change = {.daemon = d};
    uint64_t up = d->settings.up_limit, down = d->settings.down_limit;

    settings_change(&d->settings, next, on_change, &change);
    d->log.level = d->settings.log_level;
    if (d->settings.up_limit != up || d->settings.down_limit != down)
        shards_set_limits(d->shards, d->settings.up_limit, d->settings.down_limit);
    log_info(&d->log, "read %s again: %u %s",
             d->settings.file != NULL ? d->settings.file : "no file", change.count,
             change.count == 1 ? "difference" : "differences");
}

void
reload_run(struct daemon *d)
{
    struct settings next;
    struct errbuf eb;

    sdnotify_reloading();
    if (read_again(d, &next, &eb) != 0)
        log_error(&d->log, "no setting is changed: %s", eb.text);
    else
        use(d, &next);
    settings_fini(&next);
    sdnotify("READY=1");
}
