/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters and gauges for /metrics (Prometheus text).  All are declared in metrics.def: name, kind, help.
 * Counters are added to from any thread without a lock; gauges are sampled from the live tables by the part that owns
 * them, through a handler on that thread or an atomic it keeps.
 *
 * Thread     any
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdatomic.h>
#include "base/buf.h"

enum metric {
#define X(id, name, kind, help) METRIC_##id,
#include "base/metrics.def"
#undef X
	METRIC_COUNT
};

extern _Atomic uint64_t metric_values[METRIC_COUNT];

static inline void metric_add(enum metric m, uint64_t n)
{
	atomic_fetch_add_explicit(&metric_values[m], n, memory_order_relaxed);
}
static inline void metric_set(enum metric m, uint64_t v)
{
	atomic_store_explicit(&metric_values[m], v, memory_order_relaxed);
}
static inline uint64_t metric_get(enum metric m)
{
	return atomic_load_explicit(&metric_values[m], memory_order_relaxed);
}
void metric_write(struct buf *out); /* Prometheus text format 0.0.4 */

#endif
