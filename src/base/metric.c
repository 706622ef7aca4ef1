/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/metric.h"

_Atomic uint64_t metric_values[METRIC_COUNT];

static const struct {
	const char *name, *kind, *help;
} about[METRIC_COUNT] = {
#define X(id, name, kind, help) [METRIC_##id] = {name, kind, help},
#include "base/metrics.def"
#undef X
};

void metric_write(struct buf *out)
{
	for (enum metric m = 0; m < METRIC_COUNT; m++) {
		const char *name = about[m].name;

		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, about[m].help, name,
			   about[m].kind, name);
		buf_u64(out, metric_get(m));
		buf_char(out, '\n');
	}
}
