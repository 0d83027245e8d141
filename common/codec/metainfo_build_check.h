/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The checks around metainfo_build(); for metainfo_build.c only.
 */
#ifndef COMMON_CODEC_METAINFO_BUILD_CHECK_H
#define COMMON_CODEC_METAINFO_BUILD_CHECK_H

#include "common/codec/metainfo_build.h"

/* Whether |b| can be written: all that writing relies on. INVAL with a sentence. */
int metainfo_build_check(const struct metainfo_build *b, struct errbuf *eb);

/* Reads back what was written. INVAL with a sentence if it does not load, or if a path or a link
 * means something else then; NOMEM. */
int metainfo_build_verify(const struct metainfo_build *b, const uint8_t *raw, size_t len,
                          struct errbuf *eb);

#endif
