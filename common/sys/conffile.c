/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Uses inih to split the lines; checks before for input that inih would misread.
 */
#include "common/sys/conffile.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/suggest.h"
#include "common/sys/file.h"

struct reader {
    const char *section;
    conffile_fn fn;
    void *ctx;
    struct errbuf reason; /* message of the first bad line */
    bool failed;
};

/* Configuration files of other programs quote values; here the quotes would become part of a path.
 */
static int
check_quotes(const char *key, const char *value, struct errbuf *eb)
{
    size_t len = strlen(value);
    char quote = value[0];

    if (quote != '"' && quote != '\'')
        return 0;
    if (len < 2 || value[len - 1] != quote)
        return errbuf_set(eb, SPRAT_E_SYNTAX, "%s: the value begins with a quote; write it without",
                          key);
    return errbuf_set(eb, SPRAT_E_SYNTAX, "%s: values have no quotes; write: %s = %.*s", key, key,
                      (int)(len - 2), value + 1);
}

static int
read_line(struct reader *r, const char *section, const char *key, const char *value)
{
    int err;

    if (section[0] != '\0' && (r->section == NULL || strcmp(section, r->section) != 0))
        return errbuf_set(&r->reason, SPRAT_E_SYNTAX, "unknown section '%s'", section);
    err = check_quotes(key, value, &r->reason);
    return err == 0 ? r->fn(r->ctx, key, value, &r->reason) : err;
}

/* inih continues after a bad line and returns the number of the first one, so the first message is
 * kept. */
static int
on_line(void *user, const char *section, const char *key, const char *value)
{
    struct reader *r = user;

    if (!r->failed)
        r->failed = read_line(r, section, key, value) != 0;
    return !r->failed;
}

/* Finds input that inih would misread: lines that it would split, and binary files. */
static int
check_text(const char *text, size_t len, const char *path, struct errbuf *eb)
{
    int line = 1;

    if (memchr(text, '\0', len) != NULL)
        return errbuf_set(eb, SPRAT_E_SYNTAX, "%s: not a text file", path);
    for (const char *p = text, *end = text + len; p < end; line++) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((lf != NULL ? lf : end) - p);

        if (n > CONFFILE_LINE_MAX)
            return errbuf_set(eb, SPRAT_E_SYNTAX, "%s:%d: the line is longer than %d bytes", path,
                              line, CONFFILE_LINE_MAX);
        p += n + 1;
    }
    return 0;
}

int
conffile_read(const char *path, const char *section, conffile_fn fn, void *ctx, struct errbuf *eb)
{
    struct reader r = {.section = section,
                       .fn = fn,
                       .ctx = ctx,
                       .reason = {"the line is not of the form: key = value"}};
    uint8_t *text;
    size_t len;
    int line = 0, err = file_read(path, CONFFILE_SIZE_MAX, &text, &len, eb);

    if (err != 0)
        return err == SPRAT_E_INVAL ? SPRAT_E_IO : err; /* the file is bad, not the usage */
    err = check_text((const char *)text, len, path, eb);
    if (err == 0)
        line = ini_parse_string((const char *)text, on_line, &r);
    free(text);
    if (line < 0)
        return errbuf_set(eb, SPRAT_E_NOMEM, "%s: out of memory", path);
    if (line > 0)
        return errbuf_set(eb, SPRAT_E_SYNTAX, "%s:%d: %s", path, line, r.reason.text);
    return err;
}

/* Whether the option of the command line is also a key of the file: its long form takes a value,
 * and it is not --config. */
static bool
is_key(const struct option_spec *spec)
{
    return spec->arg != NULL && strcmp(spec->name, "config") != 0;
}

const struct option_spec *
conffile_find_key(const char *key, const struct option_spec *specs, size_t count, struct errbuf *eb)
{
    const char *names[OPTIONS_COUNT_MAX], *near;
    size_t n = 0;

    ASSERT(count <= OPTIONS_COUNT_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!is_key(&specs[i]))
            continue;
        if (strcmp(specs[i].name, key) == 0)
            return &specs[i];
        names[n++] = specs[i].name;
    }
    near = suggest_nearest(key, names, n);
    if (near != NULL)
        errbuf_set(eb, SPRAT_E_SYNTAX, "unknown key '%s'; did you mean '%s'?", key, near);
    else
        errbuf_set(eb, SPRAT_E_SYNTAX, "unknown key '%s'", key);
    return NULL;
}
