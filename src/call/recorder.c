/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/disk.h"
#include "call/leg_media.h"
#include "call/leg_sound.h"
#include "call/recorder.h"
#include "media/files.h"

enum { TONE_HZ = 1400, TONE_MS = 500 };

enum taping { TAPING_NOTHING, TAPING_SOUND, TAPING_PICTURES };

struct recording_run {
	struct map_node by_command; /* of the recorder's */
	struct call *call;	    /* NULL: it has let go of it, its end is awaited */
	oid session;		    /* that is recorded: of the leg on the left */
	uint32_t seq;		    /* of the command */
	enum taping what;
	uint64_t granted; /* of the quota; 0: there is none */
	struct recording_record rec;
};

struct recorder {
	struct map running;
};

int recorder_open(struct calls *cs)
{
	struct recorder *r = mem_alloc(sizeof(*r));
	int err = r ? map_init(&r->running) : ENOMEM;

	if (err)
		mem_free(r);
	else
		cs->recorder = r;
	return err;
}

void recorder_close(struct calls *cs)
{
	struct recorder *r = cs->recorder;
	struct map_iter it = {0};
	struct map_node *node;

	if (!r)
		return;
	while ((node = map_next(&r->running, &it))) {
		map_remove(&r->running, node);
		mem_free(CONTAINER_OF(node, struct recording_run, by_command));
	}
	map_close(&r->running);
	cs->recorder = mem_free(r);
}

struct command {
	oid session;
	uint32_t seq;
};

static bool is_by(const struct map_node *node, const void *key)
{
	const struct recording_run *run = CONTAINER_OF(node, struct recording_run, by_command);
	const struct command *c = key;

	return run->session == c->session && run->seq == c->seq;
}

static struct recording_run *find(const struct calls *cs, oid session, uint32_t seq)
{
	const struct command c = {session, seq};
	struct map_node *node =
		map_find(&cs->recorder->running, map_hash_u64(session, seq), is_by, &c);

	return node ? CONTAINER_OF(node, struct recording_run, by_command) : NULL;
}

/* ---- what is wanted ---- */

static enum taping more(bool wants_sound, bool wants_pictures)
{
	return wants_pictures ? TAPING_PICTURES : wants_sound ? TAPING_SOUND : TAPING_NOTHING;
}

static bool shows(const struct leg *leg)
{
	for (size_t i = 0; leg->theirs && i < leg->theirs->nmedia; i++) {
		const struct sdp_media *m = &leg->theirs->media[i];

		if (m->port && str_ieq(m->kind, STR("video")))
			return true;
	}
	return false;
}

static const struct tenant *tenant_of(const struct leg *leg)
{
	return model_tenant(leg->cs->conf.model, leg->rec.tenant_id);
}

static const struct extension *extension_of(const struct leg *leg)
{
	return model_extension(leg->cs->conf.model, leg->rec.tenant_id, leg->extension_id);
}

bool recorder_wants(const struct leg *leg)
{
	const struct tenant *t = tenant_of(leg);
	const struct extension *x = extension_of(leg);

	return (t && (t->record_audio || t->record_video)) ||
	       (x && (x->record_audio || x->record_video));
}

static enum taping wanted(const struct tenant *t, const struct leg *a, const struct leg *b)
{
	const struct extension *of_a = extension_of(a), *of_b = extension_of(b);
	bool sound =
		t->record_audio || (of_a && of_a->record_audio) || (of_b && of_b->record_audio);
	bool film = t->record_video || (of_a && of_a->record_video) || (of_b && of_b->record_video);

	return more(sound, film && shows(a) && shows(b));
}

/* ---- one file ---- */

static void put(const struct calls *cs, const struct recording_record *rec)
{
	struct record_sink *sink = cs->conf.records;

	if (sink)
		(void)sink->write(sink, RECORD_RECORDING, rec, sizeof(*rec)); /* it logs */
}

static int path_of(const struct calls *cs, const struct recording_record *rec, char *path, size_t n)
{
	int got;

	if (!cs->conf.folder)
		return ENOTSUP;
	got = snprintf(path, n, "%s/recordings/%llu/%llu.%s", cs->conf.folder,
		       (unsigned long long)rec->tenant_id, (unsigned long long)rec->id,
		       rec->format);
	return got > 0 && (size_t)got < n ? 0 : ENAMETOOLONG;
}

static void describe(struct recording_record *rec, const struct leg *a, const struct leg *b,
		     const struct tenant *t, enum taping what)
{
	const struct call *call = a->call;
	const struct call_record *of = &call->rec;

	rec->tenant_id = of->tenant_id;
	rec->id = calls_new_id(a->cs);
	rec->call_id = of->id;
	rec->part = (int64_t)call->nrecordings + 1;
	str_fit(rec->caller, sizeof(rec->caller), str_of(of->caller));
	str_fit(rec->callee, sizeof(rec->callee), str_of(of->callee));
	str_fit(rec->final_dest, sizeof(rec->final_dest), str_of(of->final_dest));
	str_fit(rec->direction, sizeof(rec->direction), str_of(of->direction));
	rec->caller_extension_id = a->extension_id;
	rec->callee_extension_id = b->extension_id;
	rec->started_at = calls_wall_us(a->cs);
	str_fit(rec->format, sizeof(rec->format),
		what == TAPING_PICTURES ? STR("avi") : STR("wav"));
	rec->tracks = t->record_two_tracks ? 2 : 1;
	rec->node = (int64_t)a->cs->conf.node;
	rec->boot = (int64_t)a->cs->conf.boot;
}

static int record(struct recording_run *run, struct leg *a)
{
	const struct owner_record how = {.has_two_tracks = run->rec.tracks == 2,
					 .has_pictures = run->what == TAPING_PICTURES,
					 .makes_folder = true,
					 .most_bytes = run->granted};
	char path[FILES_MAX_PATH];
	int err = path_of(a->cs, &run->rec, path, sizeof(path));

	if (!err)
		err = leg_sound_record(a, path, &how);
	run->session = a->id;
	run->seq = a->record_seq;
	a->record_seq = 0; /* no service's */
	return err;
}

static void cannot(const struct leg *leg, int err)
{
	struct log_ctx ctx = leg_log(leg);

	log_warn(&ctx, LOGID_MEDIA, "the call is not recorded: %s",
		 err == EDQUOT ? "the tenant's disk quota is used up" : strerror(err));
}

static int begin(struct leg *a, struct leg *b, enum taping what)
{
	const struct tenant *t = tenant_of(a);
	struct calls *cs = a->cs;
	struct recording_run *run;
	uint64_t granted = 0;
	int err = disk_grant(cs, t, &granted);

	if (err)
		return err;
	run = mem_alloc(sizeof(*run));
	err = run ? 0 : ENOMEM;
	if (!err) {
		run->what = what;
		run->granted = granted;
		describe(&run->rec, a, b, t, what);
		put(cs, &run->rec); /* first: no file without a record, whenever we are cut off */
		err = record(run, a);
	}
	if (err) {
		disk_return(cs, t->o.id, granted, 0);
		mem_free(run);
		return err;
	}
	run->call = a->call;
	a->call->recording = run;
	a->call->nrecordings++;
	map_add(&cs->recorder->running, &run->by_command, map_hash_u64(run->session, run->seq));
	return 0;
}

void recorder_end(struct call *call)
{
	struct recording_run *run = call->recording;
	struct leg *leg = run ? leg_get(call->cs, run->session) : NULL;

	if (!run)
		return;
	call->recording = NULL;
	run->call = NULL;
	/* One whose session is being closed ends with it. */
	if (leg && !leg_is_over(leg) && leg_sound_record_end(leg))
		cannot(leg, ENOBUFS);
}

/* ---- told to both ---- */

static bool has_file(const struct leg *leg, const struct tenant *t, char *path, size_t n)
{
	const char *name = t->announcement_file, *folder = leg->cs->conf.folder;
	int got;

	if (!folder || !*name || *name == '.' || strchr(name, '/'))
		return false;
	got = snprintf(path, n, "%s/prompts/%llu/%s", folder, (unsigned long long)t->o.id, name);
	return got > 0 && (size_t)got < n;
}

static void say(struct leg *leg, const struct tenant *t, bool may_be_file)
{
	struct owner_play what = {.hz = {TONE_HZ}, .most_ms = TONE_MS};
	char path[FILES_MAX_PATH];
	const char *paths[] = {path};
	int err;

	if (may_be_file && has_file(leg, t, path, sizeof(path)))
		what = (struct owner_play){.paths = paths, .npaths = 1, .times = 1};
	err = leg_sound_play(leg, &what);
	if (err) {
		cannot(leg, err);
		return;
	}
	leg->announce_seq = leg->play_seq;
	leg->is_told_by_tone = !what.npaths;
	leg->play_seq = 0; /* no service's */
}

/* Both have heard it: they talk.  Where something else has come meanwhile, that has seen to it. */
static void talk(struct leg *leg)
{
	struct leg *peer = leg_get(leg->cs, leg->joined);
	struct media_cmd cmd = {.type = MEDIA_JOIN, .u.join.peer = leg->joined};

	if (peer && !peer->announce_seq && leg->music == LEG_MUSIC_NONE &&
	    peer->music == LEG_MUSIC_NONE && !leg_is_over(leg) && leg_media_post(leg, &cmd))
		call_end(leg->call, REASON_OVERLOAD, 0, "system", STR_NONE);
}

static bool announced(struct leg *leg, const struct media_event *ev)
{
	bool cannot_play;

	if (!leg || !ev->seq || ev->seq != leg->announce_seq)
		return false;
	cannot_play = ev->type == MEDIA_DONE && ev->err && ev->err != ECANCELED;
	if (ev->type != MEDIA_PLAYED && !ev->err)
		return true;
	leg->announce_seq = 0;
	if (cannot_play && !leg->is_told_by_tone && !leg_is_over(leg))
		say(leg, tenant_of(leg), false);
	if (!leg->announce_seq)
		talk(leg);
	return true;
}

/* ---- what happens ---- */

static bool is_ready(const struct leg *leg)
{
	return leg && !leg_is_over(leg) && leg->theirs && leg->nstreams && !leg->is_direct;
}

void recorder_follow(struct call *call)
{
	bool is_first = !call->nrecordings;
	const struct tenant *t;
	struct leg *a, *b;
	enum taping what;
	int err;

	if (call->st != CALL_TALKING || call->service || !call->bridge)
		return;
	bridge_legs(call->bridge, &a, &b);
	t = a ? tenant_of(a) : NULL;
	if (!t || !is_ready(a) || !is_ready(b))
		return;
	what = wanted(t, a, b);
	if (what <= (call->recording ? call->recording->what : TAPING_NOTHING))
		return;
	recorder_end(call);
	err = begin(a, b, what);
	if (err)
		cannot(a, err);
	if (err || !is_first || !t->announce_recording)
		return;
	say(a, t, true);
	say(b, t, true);
}

static const char *fault_of(int err)
{
	return !err ? "" : err == EDQUOT ? "quota" : err == ENOSPC ? "disk_full" : "failed";
}

static void ended(struct calls *cs, struct recording_run *run, const struct media_event *ev)
{
	struct recording_record *rec = &run->rec;
	struct call *call = run->call;
	bool is_there = ev->type == MEDIA_RECORDED, is_more_wanted;

	rec->ended_at = calls_wall_us(cs);
	rec->milliseconds = is_there ? (int64_t)ev->u.recorded.ms : 0;
	rec->bytes = is_there ? (int64_t)ev->u.recorded.bytes : 0;
	str_fit(rec->fault, sizeof(rec->fault), str_of(fault_of(ev->err)));
	put(cs, rec);
	disk_return(cs, rec->tenant_id, run->granted, (uint64_t)rec->bytes);
	is_more_wanted = call && ev->err == EDQUOT && rec->bytes; /* its share is used up */
	if (call)
		call->recording = NULL;
	map_remove(&cs->recorder->running, &run->by_command);
	mem_free(run);
	if (is_more_wanted)
		recorder_follow(call);
}

bool recorder_event(struct calls *cs, struct leg *leg, const struct media_event *ev)
{
	struct recording_run *run = NULL;

	if (ev->type == MEDIA_RECORDED || ev->type == MEDIA_DONE)
		run = find(cs, ev->session, ev->seq);
	if (!run)
		return announced(leg, ev);
	if (ev->type == MEDIA_RECORDED || ev->err)
		ended(cs, run, ev);
	return true;
}
