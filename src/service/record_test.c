/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Record and hear (*42): after a beep the caller is recorded until a key or for a minute, then hears it, and it is gone.
 */
#include <stdio.h>
#include "base/mem.h"
#include "service/service.h"

enum { BEEP_HZ = 800, BEEP_MS = 300, MOST_MS = 60000 };

enum record_state { BEEPING, RECORDING, SAVING, PLAYING, OVER };

struct record_test {
	struct call *call;
	oid caller;
	enum record_state st;
	char path[512];
};

static int record_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	const char *folder = owner_folder(s->call);
	struct record_test *r;
	int n;

	if (!folder)
		return ENOTSUP;
	r = mem_alloc(sizeof(*r));
	if (!r)
		return ENOMEM;
	r->call = s->call;
	r->caller = s->caller;
	n = snprintf(r->path, sizeof(r->path), "%s/" SERVICE_SCRATCH "%016llx.wav", folder,
		     (unsigned long long)s->caller);
	if (n < 0 || (size_t)n >= sizeof(r->path)) {
		mem_free(r);
		return ENAMETOOLONG;
	}
	*statep = r;
	if (owner_answer(s->call, s->caller))
		owner_hangup(s->call, s->caller, REASON_NOT_ACCEPTABLE);
	return 0;
}

static void end(struct record_test *r, enum reason reason)
{
	r->st = OVER;
	owner_hangup(r->call, r->caller, reason);
}

static void go_to(struct record_test *r, enum record_state st, int err)
{
	r->st = st;
	if (err)
		end(r, REASON_MEDIA_FAILED);
}

static int beep(struct record_test *r)
{
	return owner_play(r->call, r->caller,
			  &(struct owner_play){.hz = {BEEP_HZ}, .most_ms = BEEP_MS});
}

static int play_back(struct record_test *r)
{
	const char *path = r->path;

	return owner_play(r->call, r->caller,
			  &(struct owner_play){.paths = &path, .npaths = 1, .times = 1});
}

static int record(struct record_test *r)
{
	return owner_record(r->call, r->caller, r->path,
			    &(struct owner_record){.is_scratch = true, .most_ms = MOST_MS});
}

static void record_event(void *state, const struct owner_event *ev)
{
	struct record_test *r = state;

	if (ev->type == OWNER_ANSWERED)
		go_to(r, BEEPING, beep(r));
	else if (r->st == BEEPING && ev->type == OWNER_PLAYED)
		go_to(r, RECORDING, ev->err ? ev->err : record(r));
	else if (r->st == RECORDING && ev->type == OWNER_DIGIT)
		go_to(r, SAVING, owner_record_end(r->call, r->caller));
	else if ((r->st == RECORDING || r->st == SAVING) && ev->type == OWNER_RECORDED)
		go_to(r, PLAYING, ev->err ? ev->err : play_back(r));
	else if (r->st == PLAYING && ev->type == OWNER_PLAYED)
		end(r, ev->err ? REASON_MEDIA_FAILED : REASON_NORMAL);
}

static void record_stop(void *state)
{
	mem_free(state);
}

const struct owner_kind service_record_test = {
	.name = "record_test", .start = record_start, .event = record_event, .stop = record_stop};
