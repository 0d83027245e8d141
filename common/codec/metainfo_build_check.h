/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The checks before and after metainfo_build() writes; for metainfo_build.c only.
 */
#ifndef COMMON_CODEC_METAINFO_BUILD_CHECK_H
#define COMMON_CODEC_METAINFO_BUILD_CHECK_H

#include "common/codec/metainfo_build.h"

/* Checks everything in |b| that writing relies on. INVAL with a message. */
int metainfo_build_check(const struct metainfo_build *b, struct errbuf *eb);

/* Parses the written torrent file. INVAL, with a message, if it does not parse, or if a path or
 * link has changed its meaning; NOMEM. */
int metainfo_build_verify(const struct metainfo_build *b, const uint8_t *raw, size_t len,
                          struct errbuf *eb);

#endif
