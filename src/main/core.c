/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core thread does besides SIP: applies committed changes, answers the API, hears the media threads, keeps
 * the per-second marks, and stops in an orderly way.
 */
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/metric.h"
#include "base/notify.h"
#include "main/server.h"

enum { STOP_PATIENCE_MS = 3000, STOP_CHECK_MS = 20, MEDIA_WAIT_MS = 100 };

/* ---- committed changes ---- */

static void reload(struct server *s, const struct store_change *c)
{
	if (c->kind == STORE_RELOAD && c->tenant_id == STORE_ALL)
		model_reload_all(s->model);
	else if (c->kind == STORE_RELOAD)
		model_reload(s->model, c->tenant_id);
	else if (c->tenant_id == STORE_ALL)
		model_reloaded_all(s->model);
	else
		model_reloaded(s->model, c->tenant_id);
	store_applied(s->store, c->token);
}

static void apply_change(struct server *s, struct store_change *c)
{
	struct model_change change = {c->tenant_id, c->revision, c->res, c->id, c->after};
	int err;

	if (c->kind == STORE_RELOAD || c->kind == STORE_RELOADED)
		return reload(s, c);
	if (c->kind == STORE_STORAGE)
		return calls_storage(s->calls, c->tenant_id, c->revision);
	err = c->kind == STORE_LOADED ? model_load(s->model, &change)
				      : model_apply(s->model, &change);

	if (err) {
		log_error(&(struct log_ctx){.tenant = c->tenant_id}, LOGID_STORE,
			  "a committed change of %s could not be applied: %s", c->res->name,
			  strerror(err));
		object_free(change.after);
	}
	store_applied(s->store, c->token);
}

static void on_changes(int fd, unsigned events, void *arg)
{
	struct server *s = arg;
	struct ring *ring = store_changes(s->store);
	struct store_change c;

	ring_woken(ring);
	while (ring_pop(ring, &c))
		apply_change(s, &c);
}

/* ---- commands, media ---- */

static void on_commands(int fd, unsigned events, void *arg)
{
	struct server *s = arg;
	struct command c;

	ring_woken(s->commands);
	while (ring_pop(s->commands, &c))
		commands_answer(s, &c);
}

static void on_media(int fd, unsigned events, void *arg)
{
	struct server *s = arg;

	media_poll(s->media);
}

static void on_media_wait(struct timer *t, void *arg)
{
	(void)t; /* a turn is all that is wanted: on_turn() follows */
	(void)arg;
}

/* What the media threads did not wake us for, and what we have not woken them for. */
static void on_turn(void *arg)
{
	struct server *s = arg;
	uint32_t wanted_ms = media_turn(s->media);

	if (!wanted_ms)
		timer_cancel(&s->media_wake);
	else if (!timer_running(&s->media_wake))
		timer_start(s->env.wheel, &s->media_wake, wanted_ms, on_media_wait, s);
	if (media_owes(s->media) && !timer_running(&s->media_wait))
		timer_start(s->env.wheel, &s->media_wait, MEDIA_WAIT_MS, on_media_wait, s);
}

/* ---- each second ---- */

static void sample_metrics(struct server *s)
{
	struct sip_counts sip;

	sip_counts(s->sip, &sip);
	metric_set(METRIC_UP_SECONDS,
		   (uint64_t)(clock_wall_us(s->env.clock) - (int64_t)s->boot) / 1000000);
	metric_set(METRIC_REGISTRATIONS, registrar_count(s->registrar));
	metric_set(METRIC_CALLS, calls_count(s->calls));
	metric_set(METRIC_SUBSCRIPTIONS, presence_count(s->presence));
	metric_set(METRIC_DIALOGS, sip.dialogs);
	metric_set(METRIC_TRANSACTIONS, sip.client_transactions + sip.server_transactions);
	metric_set(METRIC_TIMERS, wheel_count(s->env.wheel));
	metric_set(METRIC_MEDIA_PORTS, media_ports_in_use(s->media));
	metric_set(METRIC_CORE_BYTES, mem_bytes());
	metric_set(METRIC_JOURNAL_BYTES, journal_pending_bytes(s->journal));
}

static void on_second(struct timer *t, void *arg)
{
	struct server *s = arg;

	timer_start(s->env.wheel, t, 1000, on_second, s);
	journal_mark_alive(s->journal, clock_wall_us(s->env.clock));
	media_second(s->media);
	sample_metrics(s);
	log_settle();
	notify_alive();
}

/* ---- stopping ---- */

static void on_stopping(struct timer *t, void *arg)
{
	struct server *s = arg;
	uint64_t now_ms = clock_mono_ms(s->env.clock);

	if ((!calls_count(s->calls) && !presence_count(s->presence)) || now_ms >= s->stop_at_ms)
		loop_stop(s->loop);
	else
		timer_start(s->env.wheel, t, STOP_CHECK_MS, on_stopping, s);
}

static void on_signal(int fd, unsigned events, void *arg)
{
	struct server *s = arg;
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (s->stop_at_ms) { /* asked twice: at once */
			loop_stop(s->loop);
			continue;
		}
		log_info(NULL, LOGID_START, "stopping: %zu calls are being ended",
			 calls_count(s->calls));
		happened(s, BUS_SERVER_STOPPED, OFFHOOK_VERSION, "", "asked to");
		s->stop_at_ms = clock_mono_ms(s->env.clock) + STOP_PATIENCE_MS;
		calls_drain(s->calls);
		presence_drain(s->presence);
		timer_start(s->env.wheel, &s->stopping, 0, on_stopping, s);
	}
}

int core_block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return sigprocmask(SIG_BLOCK, &set, NULL) ? errno : 0;
}

static int watch_signals(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signal_fd < 0)
		return errno;
	return loop_watch(&s->watch_signals, s->loop, s->signal_fd, LOOP_READ, on_signal, s);
}

int core_start(struct server *s)
{
	struct ring *changes = store_changes(s->store);
	int err = watch_signals(s);

	if (err)
		return err;
	err = loop_watch(&s->watch_changes, s->loop, ring_fd(changes), LOOP_READ, on_changes, s);
	if (err)
		return err;
	err = loop_watch(&s->watch_commands, s->loop, ring_fd(s->commands), LOOP_READ, on_commands,
			 s);
	if (err)
		return err;
	err = loop_watch(&s->watch_media, s->loop, media_fd(s->media), LOOP_READ, on_media, s);
	if (err)
		return err;
	err = loop_each_turn(s->loop, on_turn, s);
	if (err)
		return err;
	timer_start(s->env.wheel, &s->second, 0, on_second, s);
	return 0;
}

void core_stop(struct server *s)
{
	timer_cancel(&s->second);
	timer_cancel(&s->stopping);
	timer_cancel(&s->media_wait);
	timer_cancel(&s->media_wake);
	s->watch_signals = loop_unwatch(s->watch_signals);
	s->watch_changes = loop_unwatch(s->watch_changes);
	s->watch_commands = loop_unwatch(s->watch_commands);
	s->watch_media = loop_unwatch(s->watch_media);
	if (s->signal_fd > 0)
		close(s->signal_fd);
	s->signal_fd = 0;
}
