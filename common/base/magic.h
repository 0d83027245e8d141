/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Magic numbers on heap objects that travel through a void pointer (Varnish's miniobj.h). The
 * object's struct has `uint32_t magic` as its first member; the callback checks it before use.
 */
#ifndef COMMON_BASE_MAGIC_H
#define COMMON_BASE_MAGIC_H

#include "common/base/assert.h"

#define MAGIC_SET(obj, m)   ((obj)->magic = (m))
#define MAGIC_CHECK(obj, m) ASSERT((obj) != NULL && (obj)->magic == (m))
#define MAGIC_CLEAR(obj)    ((obj)->magic = 0)

#endif
