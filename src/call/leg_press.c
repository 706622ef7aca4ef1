/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  INFOs go one after the other, each when the one before was answered: over UDP two that are under way may arrive in any
 * order, and a PIN would be another.
 */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/leg_codecs.h"
#include "call/leg_media.h"
#include "call/leg_press.h"
#include "call/leg_sound.h"
#include "call/mobile.h"
#include "call/services.h"
#include "media/format.h"

enum { MAX_TOLD = 32, PRESSED_MS = 160 };

struct keys_told {
	char keys[MAX_TOLD]; /* the first is under way */
	uint8_t n;
};

static const char known[] = "0123456789*#ABCD";

void leg_press_on_trunk(struct leg *leg, uint64_t trunk_id)
{
	const struct trunk *t = model_trunk(leg->cs->conf.model, trunk_id);

	leg->dtmf = t ? (enum dtmf_choice)t->dtmf : DTMF_CHOICE_AUTO;
}

static bool passes(const struct leg *leg)
{
	return leg && leg->dtmf == DTMF_CHOICE_PASS;
}

bool leg_press_is_fitted(const struct leg *leg)
{
	return !passes(leg) && !passes(bridge_peer(leg->call->bridge, leg)) &&
	       !passes(leg_get(leg->cs, leg->call->caller));
}

bool leg_press_takes_events(const struct leg *leg)
{
	return leg->dtmf != DTMF_CHOICE_INFO && leg->dtmf != DTMF_CHOICE_INBAND;
}

void leg_press_format(const struct leg *leg, const struct sdp_media *theirs, struct media_format *f)
{
	const struct sdp_format *events;

	if (passes(leg)) {
		f->keys = MEDIA_KEYS_AS_THEY_COME;
		return;
	}
	if (!leg_press_takes_events(leg)) {
		f->events_in = f->events_out = MEDIA_NO_PT;
		f->keys = leg->dtmf == DTMF_CHOICE_INFO ? MEDIA_KEYS_TOLD : MEDIA_KEYS_HEARD;
		return;
	}
	if (f->events_out != MEDIA_NO_PT)
		return;
	/* The other side has none: by the leg's own number, which our answer repeats. */
	events = leg_codecs_events(theirs, media_clock_hz(f));
	if (!events)
		return;
	f->events_in = f->events_out = (uint8_t)events->pt;
	f->events_hz = events->clock_hz;
}

/* ---- to a leg that is told ---- */

static void tell_next(struct leg *leg);

static void told(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct leg *leg = arg;
	struct keys_told *t = leg->keys_told;

	if ((resp && resp->status < 200) || !t || !t->n)
		return;
	/* Refused: it has heard it, and will not like it better the second time. */
	memmove(t->keys, t->keys + 1, --t->n);
	tell_next(leg);
}

static void tell_next(struct leg *leg)
{
	struct keys_told *t = leg->keys_told;
	struct log_ctx ctx = leg_log(leg);
	char body[64];
	struct sip_extra extra = {.content_type = STR("application/dtmf-relay")};
	int n, err;

	if (!t->n || leg_is_over(leg))
		return;
	n = snprintf(body, sizeof(body), "Signal=%c\r\nDuration=%d\r\n", t->keys[0], PRESSED_MS);
	extra.body = (struct str){body, (size_t)n};
	err = sip_invite_request(leg->inv, SIP_INFO, &extra, told, leg);
	if (!err)
		return;
	t->n = 0;
	log_warn(&ctx, LOGID_CALL, "a key could not be told to %s: %s", leg->rec.number,
		 strerror(err));
}

static void tell(struct leg *leg, char key)
{
	struct log_ctx ctx = leg_log(leg);
	struct keys_told *t;

	if (leg->st != LEG_UP)
		return; /* it has not answered: there is no way to say so yet */
	if (!leg->keys_told)
		leg->keys_told = mem_alloc(sizeof(*leg->keys_told));
	t = leg->keys_told;
	if (!t || t->n == MAX_TOLD) {
		log_warn(&ctx, LOGID_OVERLOAD, "keys for %s are lost: it answers no INFO",
			 leg->rec.number);
		return;
	}
	t->keys[t->n++] = key;
	if (t->n == 1)
		tell_next(leg);
}

void leg_press_free(struct leg *leg)
{
	leg->keys_told = mem_free(leg->keys_told);
}

/* ---- from a leg ---- */

static void tell_service(struct leg *leg, char key)
{
	services_tell(leg->call,
		      &(struct owner_event){.type = OWNER_DIGIT, .leg = leg->id, .digit = key});
}

/* Is this the way in which it presses? */
static bool presses_by(struct leg *leg, enum leg_presses way)
{
	if (leg->presses == LEG_PRESSES_UNKNOWN)
		leg->presses = way;
	return leg->presses == way;
}

void leg_press_heard(struct leg *leg, char key)
{
	struct leg *peer = bridge_peer(leg->call->bridge, leg);

	if (leg_is_over(leg) || !presses_by(leg, LEG_PRESSES_MEDIA) || mobile_pressed(leg, key))
		return;
	if (leg->call->service)
		tell_service(leg, key);
	else if (peer && peer->dtmf == DTMF_CHOICE_INFO && !passes(leg))
		tell(peer, key);
}

/* "Signal=5" among other lines, or the body is the key. */
static char key_of(const struct sip_msg *info)
{
	struct str body = sip_msg_body(info, STR("application/dtmf-relay"));
	char key = 0;

	while (body.p) {
		struct str line = str_cut(&body, '\n'), name = str_trim(str_cut(&line, '='));

		line = str_trim(line);
		if (str_ieq(name, STR("Signal")))
			key = line.n == 1 ? *line.p : 0;
	}
	body = str_trim(sip_msg_body(info, STR("application/dtmf")));
	if (body.n == 1)
		key = *body.p;
	if (key >= 'a' && key <= 'd')
		key = (char)(key - 'a' + 'A');
	return key && strchr(known, key) ? key : 0;
}

static const struct media_format *speech_of(const struct leg *leg)
{
	for (size_t i = 0; i < leg->nstreams; i++)
		if (leg->remote[i].kind == MEDIA_AUDIO && leg->remote[i].format.codec)
			return &leg->remote[i].format;
	return NULL;
}

/* Devices without events hear keys, but for those that press by INFO themselves. */
static bool is_pressed_for(const struct leg *leg)
{
	const struct media_format *f = speech_of(leg);

	if (!f || leg->dtmf == DTMF_CHOICE_INFO)
		return false;
	return f->events_out != MEDIA_NO_PT || leg->dtmf == DTMF_CHOICE_INBAND ||
	       leg->presses != LEG_PRESSES_INFO;
}

bool leg_press_info(struct leg *leg, const struct sip_msg *info)
{
	struct leg *peer = bridge_peer(leg->call->bridge, leg);
	char key = key_of(info);

	if (key && mobile_is(leg))
		return presses_by(leg, LEG_PRESSES_INFO) ? mobile_pressed(leg, key) : true;
	if (!key || (!leg->call->service && (!peer || peer->joined != leg->id)))
		return false;
	if (passes(leg) || passes(peer))
		return false;
	if (!presses_by(leg, LEG_PRESSES_INFO))
		return true;
	if (leg->call->service)
		tell_service(leg, key);
	else if (is_pressed_for(peer))
		return !leg_sound_press(peer, key);
	return leg->call->service != NULL;
}
