/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses the words in one pass; unlike getopt(), it does not permute argv and has no global state.
 */
#include "common/base/options.h"

#include <string.h>

#include "common/base/assert.h"
#include "common/base/suggest.h"

enum {
    HELP_COLUMN = 26,        /* column of the descriptions in --help */
    HELP_COLUMN_NARROW = 10, /* the same on terminals with fewer than HELP_NARROW columns */
    HELP_NARROW = 60,
    HELP_WIDTH_MIN = 20,
};

void
options_init(struct options *o, int argc, const char *const *argv, const struct option_spec *specs,
             size_t count)
{
    ASSERT(count <= OPTIONS_COUNT_MAX);
    *o = (struct options){.argv = argv, .argc = argc, .specs = specs, .count = count};
}

static const struct option_spec *
find_long(const struct options *o, const char *name, size_t len)
{
    for (size_t i = 0; i < o->count; i++)
        if (strncmp(o->specs[i].name, name, len) == 0 && o->specs[i].name[len] == '\0')
            return &o->specs[i];
    return NULL;
}

static const struct option_spec *
find_letter(const struct options *o, char letter)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->specs[i].letter == letter)
            return &o->specs[i];
    return NULL;
}

static int
unknown_long(const struct options *o, const char *name, size_t len, struct errbuf *eb)
{
    const char *names[OPTIONS_COUNT_MAX];
    char word[SUGGEST_WORD_MAX + 2];
    const char *near;

    for (size_t i = 0; i < o->count; i++)
        names[i] = o->specs[i].name;
    snprintf(word, sizeof(word), "%.*s", (int)len, name);
    near = suggest_nearest(word, names, o->count);
    if (near != NULL)
        return errbuf_set(eb, SPRAT_E_INVAL, "unknown option '--%s'; did you mean '--%s'?", word,
                          near);
    return errbuf_set(eb, SPRAT_E_INVAL, "unknown option '--%s'", word);
}

/* The value of |spec|: |attached| if there is one, else the next word. */
static int
read_value(struct options *o, const struct option_spec *spec, const char *attached, int *id,
           const char **value, struct errbuf *eb)
{
    *id = spec->id;
    *value = attached;
    if (spec->arg == NULL) {
        if (attached != NULL)
            return errbuf_set(eb, SPRAT_E_INVAL, "option '--%s' takes no value", spec->name);
    } else if (attached == NULL) {
        if (o->at >= o->argc)
            return errbuf_set(eb, SPRAT_E_INVAL, "option '--%s' needs a value: %s", spec->name,
                              spec->arg);
        *value = o->argv[o->at++];
    }
    return 1;
}

static int
next_long(struct options *o, const char *name, int *id, const char **value, struct errbuf *eb)
{
    size_t len = strcspn(name, "=");
    const struct option_spec *spec = find_long(o, name, len);

    if (spec == NULL)
        return unknown_long(o, name, len, eb);
    return read_value(o, spec, name[len] == '=' ? name + len + 1 : NULL, id, value, eb);
}

static int
next_letter(struct options *o, int *id, const char **value, struct errbuf *eb)
{
    const struct option_spec *spec = find_letter(o, *o->letters);
    const char *attached = NULL;

    if (spec == NULL)
        return errbuf_set(eb, SPRAT_E_INVAL, "unknown option '-%c'", *o->letters);
    o->letters++;
    if (spec->arg != NULL) {
        if (*o->letters != '\0')
            attached = o->letters;
        o->letters = NULL;
    }
    return read_value(o, spec, attached, id, value, eb);
}

int
options_next(struct options *o, int *id, const char **value, struct errbuf *eb)
{
    const char *word;

    if (o->letters != NULL && *o->letters != '\0')
        return next_letter(o, id, value, eb);
    o->letters = NULL;
    if (o->at >= o->argc)
        return 0;
    word = o->argv[o->at++];
    if (!o->operands_only && strcmp(word, "--") == 0) {
        o->operands_only = true;
        return options_next(o, id, value, eb);
    }
    if (o->operands_only || word[0] != '-' || word[1] == '\0') {
        *id = OPTION_OPERAND;
        *value = word;
        return 1;
    }
    if (word[1] == '-')
        return next_long(o, word + 2, id, value, eb);
    o->letters = word + 1;
    return next_letter(o, id, value, eb);
}

/* The number of bytes of |text| for a line of |room| columns: up to the last blank, or a whole word
 * that is longer than the line. */
static size_t
line_length(const char *text, size_t room)
{
    size_t len = strcspn(text, "\n"), cut = room;

    if (len <= room)
        return len;
    while (cut > 0 && text[cut] != ' ')
        cut--;
    return cut > 0 ? cut : room + strcspn(text + room, " \n");
}

void
options_print_text(FILE *f, const char *text, unsigned column, unsigned width)
{
    size_t room = width > column + HELP_WIDTH_MIN ? width - column : HELP_WIDTH_MIN;

    while (*text != '\0') {
        size_t len = line_length(text, room);

        fprintf(f, "%.*s\n", (int)len, text);
        text += len;
        text += *text == '\n' ? 1 : strspn(text, " ");
        if (*text != '\0')
            fprintf(f, "%*s", (int)column, "");
    }
}

void
options_print(FILE *f, const struct option_spec *specs, size_t count, unsigned width)
{
    int column = width < HELP_NARROW ? HELP_COLUMN_NARROW : HELP_COLUMN;

    for (const struct option_spec *s = specs; s < specs + count; s++) {
        char left[80], letter[8] = "    ";

        if (s->letter != '\0')
            snprintf(letter, sizeof(letter), "-%c, ", s->letter);
        int len = snprintf(left, sizeof(left), "  %s--%s%s%s", letter, s->name,
                           s->arg != NULL ? " " : "", s->arg != NULL ? s->arg : "");
        fputs(left, f);
        if (len > column - 2)
            fprintf(f, "\n%*s", column, "");
        else
            fprintf(f, "%*s", column - len, "");
        options_print_text(f, s->help, (unsigned)column, width);
    }
}
