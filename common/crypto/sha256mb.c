/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The library's manager takes jobs and returns finished ones; each call passes a burst and flushes,
 * so that no job stays inside. Each new engine is tested against OpenSSL: an engine whose vector
 * path is broken by the processor, hypervisor or library is never used.
 */
#include "common/crypto/sha256mb.h"

#include "config.h"

#ifdef HAVE_IPSEC_MB

#define NO_COMPAT_IMB_API_053 1 /* its old names clash with OpenSSL's functions */
#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto/sha.h"

struct sha256mb {
    IMB_MGR *mgr;
    unsigned lanes;
};

/* The requirements of a path and its init function. */
struct path {
    unsigned lanes;
    uint64_t features;
    uint64_t flags;
    void (*init)(IMB_MGR *mgr);
};

/* The SSE init selects the two-way code if SHA-NI exists and is not disabled. */
static const struct path paths[] = {
    [SHA256MB_AVX512] = {16, IMB_CPUFLAGS_AVX512, 0, init_mb_mgr_avx512},
    [SHA256MB_AVX2] = {8, IMB_CPUFLAGS_AVX2, IMB_FLAG_SHANI_OFF, init_mb_mgr_avx2},
    [SHA256MB_SSE] = {4, IMB_CPUFLAGS_SSE, IMB_FLAG_SHANI_OFF, init_mb_mgr_sse},
    [SHA256MB_SHANI] = {2, IMB_CPUFLAGS_SSE_T2, 0, init_mb_mgr_sse},
};

/* The compiler's test also checks that the operating system saves the registers. */
static bool
system_allows(enum sha256mb_path path)
{
    switch (path) {
    case SHA256MB_AVX512: return __builtin_cpu_supports("avx512bw") != 0;
    case SHA256MB_AVX2: return __builtin_cpu_supports("avx2") != 0;
    case SHA256MB_SSE:
    case SHA256MB_SHANI: return true;
    }
    return false;
}

static void
fill_job(IMB_JOB *job, const void *data, size_t len, uint8_t *out)
{
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->hash_alg = IMB_AUTH_SHA_256;
    job->src = data;
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = len;
    job->auth_tag_output = out;
    job->auth_tag_output_len_in_bytes = SHA256_LEN;
}

static bool
all_completed(IMB_JOB *const jobs[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (jobs[i]->status != IMB_STATUS_COMPLETED)
            return false;
    return true;
}

bool
sha256mb_hash(struct sha256mb *mb, const void *const data[], const size_t len[], size_t n,
              uint8_t *out)
{
    IMB_JOB *jobs[SHA256MB_BURST_MAX];
    size_t done;

    if (n == 0 || n > SHA256MB_BURST_MAX || IMB_GET_NEXT_BURST(mb->mgr, (uint32_t)n, jobs) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        fill_job(jobs[i], data[i], len[i], out + i * SHA256_LEN);
    done = IMB_SUBMIT_BURST(mb->mgr, (uint32_t)n, jobs);
    if (!all_completed(jobs, done))
        return false;
    while (done < n) {
        size_t more = IMB_FLUSH_BURST(mb->mgr, (uint32_t)(n - done), jobs);
        if (more == 0 || !all_completed(jobs, more))
            return false;
        done += more;
    }
    return true;
}

/* Lengths at which padding and block count change, in an order that gives the lanes unequal work,
 * and more messages than any path has lanes. */
static bool
passes_self_test(struct sha256mb *mb)
{
    static const uint16_t lens[] = {64, 1, 16384, 55, 56,  63,  65,   119, 120, 127, 128,
                                    64, 3, 4096,  64, 183, 184, 1000, 64,  512, 191, 64};
    enum { COUNT = sizeof(lens) / sizeof(lens[0]) };
    const void *data[COUNT];
    size_t len[COUNT];
    uint8_t *bytes = malloc(16384 + COUNT), out[COUNT * SHA256_LEN], expected[SHA256_LEN];
    bool good;

    if (bytes == NULL)
        return false;
    for (size_t i = 0; i < 16384 + COUNT; i++)
        bytes[i] = (uint8_t)(i * 167 + (i >> 8));
    for (size_t i = 0; i < COUNT; i++) {
        data[i] = bytes + i;
        len[i] = lens[i];
    }
    good = sha256mb_hash(mb, data, len, COUNT, out);
    for (size_t i = 0; i < COUNT && good; i++) {
        sha256(data[i], len[i], expected);
        good = memcmp(out + i * SHA256_LEN, expected, SHA256_LEN) == 0;
    }
    free(bytes);
    return good;
}

struct sha256mb *
sha256mb_new(enum sha256mb_path path)
{
    const struct path *p = &paths[path];
    struct sha256mb *mb = calloc(1, sizeof(*mb));
    bool good = false;

    if (mb == NULL || (mb->mgr = alloc_mb_mgr(p->flags)) == NULL) {
        free(mb);
        return NULL;
    }
    mb->lanes = p->lanes;
    if ((mb->mgr->features & p->features) == p->features && system_allows(path)) {
        p->init(mb->mgr);
        /* Not imb_get_errno(), which also reports errors of other threads. */
        good = mb->mgr->imb_errno == 0 && passes_self_test(mb);
    }
    if (!good) {
        sha256mb_free(mb);
        return NULL;
    }
    return mb;
}

void
sha256mb_free(struct sha256mb *mb)
{
    if (mb == NULL)
        return;
    free_mb_mgr(mb->mgr);
    free(mb);
}

unsigned
sha256mb_lanes(const struct sha256mb *mb)
{
    return mb->lanes;
}

#else /* without the library there are no engines */

struct sha256mb *
sha256mb_new(enum sha256mb_path path)
{
    (void)path;
    return NULL;
}

void
sha256mb_free(struct sha256mb *mb)
{
    (void)mb;
}

unsigned
sha256mb_lanes(const struct sha256mb *mb)
{
    (void)mb;
    return 1;
}

bool
sha256mb_hash(struct sha256mb *mb, const void *const data[], const size_t len[], size_t n,
              uint8_t *out)
{
    (void)mb, (void)data, (void)len, (void)n, (void)out;
    return false;
}

#endif
