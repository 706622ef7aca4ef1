/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TRN-4: what sip_settings say of the log: its level, and how often the counters of the stack are written into it.
 */
#include <inttypes.h>
#include "base/metric.h"
#include "main/server.h"

static enum log_level level_of(const struct server *s, const struct sip_setting *set)
{
	switch (set ? set->log_level : LOG_CHOICE_CONFIGURED) {
	case LOG_CHOICE_NONE:
		return LOG_NONE;
	case LOG_CHOICE_ERROR:
		return LOG_ERROR;
	case LOG_CHOICE_WARN:
		return LOG_WARN;
	case LOG_CHOICE_INFO:
		return LOG_INFO;
	case LOG_CHOICE_DEBUG:
		return LOG_DEBUG;
	case LOG_CHOICE_TRACE:
		return LOG_TRACE;
	default:
		return s->config.log_level;
	}
}

static void write_statistics(struct timer *t, void *arg)
{
	struct server *s = arg;

	timer_start(s->env.wheel, t, s->statistics_ms, write_statistics, s);
	log_info(NULL, LOGID_STATISTICS,
		 "%" PRIu64 " contacts, %" PRIu64 " calls, %" PRIu64 " dialogs, %" PRIu64
		 " transactions, %" PRIu64 " connections, %" PRIu64
		 " timers; since the start %" PRIu64 " messages received, %" PRIu64
		 " sent, %" PRIu64 " of them again, %" PRIu64 " unreadable, %" PRIu64
		 " from blocked sources; %" PRIu64 " requests refused at a limit",
		 metric_get(METRIC_REGISTRATIONS), metric_get(METRIC_CALLS),
		 metric_get(METRIC_DIALOGS), metric_get(METRIC_TRANSACTIONS),
		 metric_get(METRIC_CONNECTIONS), metric_get(METRIC_TIMERS),
		 metric_get(METRIC_SIP_RECEIVED), metric_get(METRIC_SIP_SENT),
		 metric_get(METRIC_SIP_RETRANSMITTED), metric_get(METRIC_SIP_MALFORMED),
		 metric_get(METRIC_SIP_BLOCKED), metric_get(METRIC_SIP_SHED));
}

enum { STATISTICS_MS = 600 * 1000 };

static void obey(struct server *s, const struct sip_setting *set)
{
	log_set_level(level_of(s, set));
	s->statistics_ms = set ? (uint64_t)set->statistics_seconds * 1000 : STATISTICS_MS;
	timer_cancel(&s->statistics);
	if (s->statistics_ms)
		timer_start(s->env.wheel, &s->statistics, s->statistics_ms, write_statistics, s);
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	if (res == &resource_sip_setting)
		obey(arg, (const struct sip_setting *)model_object(m, res, tenant_id, id));
}

int logging_start(struct server *s)
{
	int err = model_watch(s->model, changed, s);

	if (err)
		return err;
	obey(s, NULL);
	model_tell_all(s->model, &resource_sip_setting, 0, changed, s);
	return 0;
}

void logging_stop(struct server *s)
{
	timer_cancel(&s->statistics);
}
