/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/leg_sound.h"
#include "call/meter.h"
#include "call/mobile.h"
#include "call/negotiate.h"
#include "call/record.h"
#include "call/ringing_inside.h"

enum { PATH_BYTES = 512 };

void mobile_ring(struct ringing_member *m)
{
	struct call *call = m->ring->call;
	const struct route_mobile *to = &call->plan.mobile;
	struct log_ctx ctx = call_log(call);
	int err;

	if (!to->trunk_id || call->service || m->key.id != call->plan.extension_id)
		return;
	err = ringing_add_trunk_leg(m, &(struct ringing_way){.trunk_id = to->trunk_id,
							     .number = to->number,
							     .mobile_of = m->key.id});
	if (err)
		log_warn(&ctx, LOGID_CALL, "the mobile %s does not ring: %s", to->number,
			 strerror(err));
}

bool mobile_is(const struct leg *leg)
{
	return leg->mobile_of && leg->member;
}

int mobile_offer(struct leg *leg, struct str *sdp)
{
	int err = leg_sdp_own(leg, NULL, sdp);

	leg->noffered = 1;
	return err;
}

/* European special information: two short tones, when there is no prompt. */
static int play_tone(struct leg *leg)
{
	static const struct owner_play tone = {.hz = {950}, .ms = {200, 200, 200, 2000}};

	return leg_sound_play(leg, &tone);
}

static int play_prompt(struct leg *leg)
{
	const struct calls_conf *conf = &leg->cs->conf;
	const struct tenant *t = model_tenant(conf->model, leg->call->rec.tenant_id);
	char path[PATH_BYTES];
	const char *const paths[] = {path};
	int n;

	if (!conf->sounds || !*conf->sounds)
		return play_tone(leg);
	n = snprintf(
		path, sizeof(path), "%s/%s/followme/options.wav", conf->sounds,
		enum_name(&enum_text_prompt_language, t ? t->prompt_language : PROMPT_LANGUAGE_EN));
	if (n < 0 || (size_t)n >= sizeof(path))
		return play_tone(leg);
	return leg_sound_play(leg, &(struct owner_play){.paths = paths, .npaths = 1, .times = 0});
}

void mobile_answered(struct leg *leg)
{
	struct ringing *r = leg->member->ring;

	leg_ack(leg);
	if (leg_is_over(leg))
		return;
	record_leg_answered(leg);
	record_leg_kept(leg);
	meter_start(leg);
	if (negotiate_follow_own(leg, leg->theirs) || play_prompt(leg))
		ringing_give_up(r, leg, REASON_MEDIA_FAILED);
}

static void take(struct leg *leg)
{
	struct call *call = leg->call;
	struct leg *caller = leg_get(call->cs, call->caller);
	struct log_ctx ctx = leg_log(leg);
	int err = leg_sound_hush(leg);

	if (err)
		log_warn(&ctx, LOGID_MEDIA, "the prompt does not end: %s", strerror(err));
	ringing_leave(leg);
	BUG(!caller);
	call_taken(call, caller, leg);
}

bool mobile_pressed(struct leg *leg, char key)
{
	if (!mobile_is(leg) || leg->st != LEG_UP)
		return false;
	if (key == '1')
		take(leg);
	else if (key == '2')
		ringing_give_up(leg->member->ring, leg, REASON_DECLINED);
	return true;
}

bool mobile_played(struct leg *leg, int err)
{
	struct log_ctx ctx = leg_log(leg);

	if (!mobile_is(leg))
		return false;
	if (!err || err == ECANCELED || err == EINTR)
		return true;
	log_warn(&ctx, LOGID_MEDIA, "the prompt cannot be played: %s", strerror(err));
	if (play_tone(leg))
		ringing_give_up(leg->member->ring, leg, REASON_MEDIA_FAILED);
	return true;
}
