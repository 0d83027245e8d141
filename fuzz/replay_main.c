/* SPDX-License-Identifier: BSD-2-Clause */
/* The main program of a fuzz target in a normal build: it replays the target's corpus as a TAP
 * test. Each file is fed once whole, and small ones once at every shorter length, from a buffer of
 * exactly that size, so that a sanitizer sees any read past the end.
 * It does not know what the target parses. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files up to this length are also fed at every shorter length. */
#define PREFIX_LEN_MAX 2048
#define FILE_LEN_MAX (64L << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
feed(const uint8_t *data, size_t len)
{
    /* malloc(0) may be NULL, and targets may hand the pointer to memcpy. */
    uint8_t *copy = malloc(len ? len : 1);

    if (!copy)
        abort();
    if (len)
        memcpy(copy, data, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static uint8_t *
read_whole(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    long size;

    if (!f)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && size <= FILE_LEN_MAX &&
        fseek(f, 0, SEEK_SET) == 0 && (data = malloc((size_t)size + 1)) != NULL) {
        *len = fread(data, 1, (size_t)size, f);
        if (*len != (size_t)size) {
            free(data);
            data = NULL;
        }
    }
    fclose(f);
    return data;
}

static int
replay(const char *path)
{
    size_t len = 0;
    uint8_t *data = read_whole(path, &len);

    if (!data)
        return -1;
    if (len <= PREFIX_LEN_MAX)
        for (size_t n = 0; n < len; n++)
            feed(data, n);
    feed(data, len);
    free(data);
    return 0;
}

static int
is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int
replay_folder(const char *folder)
{
    struct dirent **names;
    int failed = 0;
    int n = chdir(folder) == 0 ? scandir(".", &names, is_seed, alphasort) : 0;

    if (n <= 0) {
        printf("1..1\nnot ok 1 - %s holds seeds\n", folder);
        return 1;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        /* Printed and flushed before the run, so that the log of a crash names its input. */
        printf("# %s/%s\n", folder, names[i]->d_name);
        fflush(stdout);
        if (replay(names[i]->d_name) == 0) {
            printf("ok %d - %s\n", i + 1, names[i]->d_name);
        } else {
            printf("not ok %d - %s cannot be read\n", i + 1, names[i]->d_name);
            failed = 1;
        }
        free(names[i]);
    }
    free(names);
    return failed;
}

/* fuzz_NAME [FILE…]: the given files, or $top_srcdir/fuzz/corpus/NAME. */
int
main(int argc, char **argv)
{
    const char *top = getenv("top_srcdir");
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    char *folder;
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]) != 0;
    if (argc > 1)
        return failed;
    if (strncmp(name, "fuzz_", 5) == 0)
        name += 5;
    if (asprintf(&folder, "%s/fuzz/corpus/%s", top ? top : ".", name) < 0)
        return 1;
    failed = replay_folder(folder);
    free(folder);
    return failed;
}
