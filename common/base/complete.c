/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The words before the last are parsed by the code that also parses complete command lines. The
 * candidates for a value or an operand follow from its name in the table or the usage line: a name
 * in small letters is a word to type, a name in capitals is a placeholder.
 */
#include "common/base/complete.h"

#include <string.h>

enum { WHAT_MAX = 64 };

/* The kinds of candidates. With DIRECTORIES, TORRENTS and FILES the shell adds names from the disk:
 * directories; these and torrent files; all files. */
enum kind { KIND_WORDS, KIND_DIRECTORIES, KIND_TORRENTS, KIND_FILES };

static const char *const kind_names[] = {
    [KIND_WORDS] = "words",
    [KIND_DIRECTORIES] = "directories",
    [KIND_TORRENTS] = "torrents",
    [KIND_FILES] = "files",
};

static const struct {
    const char *name;
    enum kind kind;
} places[] = {
    {"DIR", KIND_DIRECTORIES},
    {"FILE.torrent", KIND_TORRENTS},
    {"FILE", KIND_FILES},
    {"PATH", KIND_FILES},
};

/* A word inside of a text of the table or the usage line. */
typedef void (*word_fn)(void *ctx, const char *word);

void
complete_candidate(FILE *f, const char *typed, const char *word, const char *about)
{
    if (strncmp(word, typed, strlen(typed)) != 0)
        return;
    if (about != NULL)
        fprintf(f, "%s\t%s\n", word, about);
    else
        fprintf(f, "%s\n", word);
}

static void
print_kind(FILE *f, enum kind kind)
{
    fprintf(f, "%s\n", kind_names[kind]);
}

void
complete_words(FILE *f, const char *typed, const struct complete_word *words, size_t count)
{
    print_kind(f, KIND_WORDS);
    for (size_t i = 0; i < count; i++)
        complete_candidate(f, typed, words[i].word, words[i].about);
}

/* ---- meanings of the words in the table and the usage line ---- */

static void
find_kind(void *ctx, const char *word)
{
    enum kind *kind = ctx;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (strcmp(word, places[i].name) == 0 && places[i].kind > *kind)
            *kind = places[i].kind;
}

struct printing {
    FILE *f;
    const struct complete_args *args;
    const char *lead; /* text before the value in the same word: "--format=" */
    int lead_len;
    const char *typed; /* text after |lead| */
};

static bool
is_literal(const char *word)
{
    return word[0] >= 'a' && word[0] <= 'z';
}

static void
print_literal(void *ctx, const char *word)
{
    const struct printing *p = ctx;

    if (is_literal(word) && strncmp(word, p->typed, strlen(p->typed)) == 0)
        fprintf(p->f, "%.*s%s\n", p->lead_len, p->lead, word);
}

static void
print_names(void *ctx, const char *word)
{
    const struct printing *p = ctx;

    if (!is_literal(word) && p->args->names != NULL) {
        fflush(p->f);
        p->args->names(p->args->ctx, p->f, word, p->typed);
    }
}

/* Calls |fn| with each alternative in the |len| bytes of |text|, as in "sparse|full". */
static void
each_alternative(const char *text, size_t len, word_fn fn, void *ctx)
{
    const char *end = text + len;

    while (text < end) {
        const char *bar = memchr(text, '|', (size_t)(end - text));
        size_t n = (size_t)((bar != NULL ? bar : end) - text);
        char word[WHAT_MAX];

        snprintf(word, sizeof(word), "%.*s", (int)n, text);
        fn(ctx, word);
        text += n + 1;
    }
}

/* ---- operands ---- */

static bool
takes_value(const struct complete_args *a, const char *name, size_t len)
{
    for (size_t i = 0; i < a->count; i++)
        if (strncmp(a->specs[i].name, name, len) == 0 && a->specs[i].name[len] == '\0')
            return a->specs[i].arg != NULL;
    return false;
}

/* Calls |fn| with each word that |a->usage| allows as operand |number|, counting from 0. */
static void
each_operand(const struct complete_args *a, size_t number, word_fn fn, void *ctx)
{
    static const char more[] = "…";
    const char *p = a->usage != NULL ? a->usage : "";
    size_t at = 0;

    while (*(p += strspn(p, " []")) != '\0') {
        size_t len = strcspn(p, " ]");
        const char *word = p;
        bool repeats =
            len >= strlen(more) && memcmp(p + len - strlen(more), more, strlen(more)) == 0;

        p += len;
        if (len == 1 && *word == '|') {
            at = 0;
        } else if (*word == '-') {
            if (len > 2 && takes_value(a, word + 2, len - 2))
                p += strspn(p, " ") + strcspn(p + strspn(p, " "), " ");
        } else if (strncmp(word, "options", len) != 0) {
            if (number == at || (repeats && number > at))
                each_alternative(word, repeats ? len - strlen(more) : len, fn, ctx);
            at++;
        }
    }
}

static void
print_operand(FILE *f, const struct complete_args *a, size_t number, const char *typed)
{
    struct printing p = {.f = f, .args = a, .lead = "", .typed = typed};
    enum kind kind = KIND_WORDS;

    each_operand(a, number, find_kind, &kind);
    print_kind(f, kind);
    each_operand(a, number, print_literal, &p);
    each_operand(a, number, print_names, &p); /* last: this may end the process */
}

/* ---- options ---- */

static void
print_value(FILE *f, const char *arg, const char *word, int lead_len)
{
    struct printing p = {.f = f, .lead = word, .lead_len = lead_len, .typed = word + lead_len};
    enum kind kind = KIND_WORDS;

    each_alternative(arg, strlen(arg), find_kind, &kind);
    print_kind(f, kind);
    each_alternative(arg, strlen(arg), print_literal, &p);
}

static void
print_options(FILE *f, const struct complete_args *a, const char *typed)
{
    print_kind(f, KIND_WORDS);
    for (size_t i = 0; i < a->count; i++) {
        char word[WHAT_MAX];

        snprintf(word, sizeof(word), "--%s", a->specs[i].name);
        complete_candidate(f, typed, word, a->specs[i].help);
    }
}

/* The option that the word "--name=…" gives a value to, or NULL. */
static const struct option_spec *
find_attached(const struct complete_args *a, const char *word)
{
    size_t len = strcspn(word, "=");

    if (strncmp(word, "--", 2) != 0 || word[len] == '\0')
        return NULL;
    for (size_t i = 0; i < a->count; i++)
        if (strncmp(a->specs[i].name, word + 2, len - 2) == 0 && a->specs[i].name[len - 2] == '\0')
            return &a->specs[i];
    return NULL;
}

/* The option with |id| if it takes a value, or NULL. */
static const struct option_spec *
find_waiting(const struct complete_args *a, int id)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->specs[i].id == id && a->specs[i].arg != NULL)
            return &a->specs[i];
    return NULL;
}

void
complete_arguments(FILE *f, const struct complete_args *a)
{
    const char *last = a->argv[a->argc - 1], *value;
    const struct option_spec *spec = NULL;
    struct options o;
    size_t operands = 0;
    int id, got;

    options_init(&o, a->argc - 1, a->argv, a->specs, a->count);
    while (id = 0, (got = options_next(&o, &id, &value, NULL)) != 0) {
        if (got > 0 && id == OPTION_OPERAND)
            operands++;
        else if (got < 0 && o.at == a->argc - 1 && find_waiting(a, id) != NULL)
            spec = find_waiting(a, id); /* the last word is the value of this option */
        if (got < 0)
            o.letters = NULL; /* an unknown letter is skipped with the rest of its word */
    }
    if (spec != NULL) {
        print_value(f, spec->arg, last, 0);
    } else if (o.operands_only || last[0] != '-') {
        print_operand(f, a, operands, last);
    } else if ((spec = find_attached(a, last)) != NULL) {
        print_value(f, spec->arg != NULL ? spec->arg : "", last, (int)strcspn(last, "=") + 1);
    } else {
        print_options(f, a, last);
    }
}
