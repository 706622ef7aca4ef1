/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of transfers share: asking for one, what the transferor is told, who hears whom afterwards.
 */
#ifndef CALL_TESTING_TRANSFER_H
#define CALL_TESTING_TRANSFER_H

#include "call/testing_phone.h"
#include "call/usage.h"

/* It asks for a transfer of who it talks to. */
static inline void refers(struct ua *by, const char *refer_to, const char *headers)
{
	char lines[1024];

	snprintf(lines, sizeof(lines), "Refer-To: <%s>\n%s", refer_to, headers);
	ua_request_h(by, "REFER", lines, "");
}

/* A phone calls a number, another one answers, and they talk. */
static inline void calls_and_talks(struct ua *a, struct phone *p, const char *number, struct ua *b,
				   struct phone *other)
{
	calls_number(a, p, number, audio(p));
	rings(b, other);
	ua_reply(b, 200, audio(other));
	ua_asked(b, SIP_ACK);
	ua_got(a, 200);
	ua_request(a, "ACK", "");
}

/* It puts who it talks to on hold. */
static inline void holds(struct ua *by, struct ua *other)
{
	ua_request(by, "INVITE", audio_as(by->p, 2, "sendonly"));
	ua_asked(other, SIP_INVITE);
	ua_reply(other, 200, audio_as(other->p, 2, "recvonly"));
	ua_asked(other, SIP_ACK);
	ua_got(by, 200);
	ua_request(by, "ACK", "");
}

static inline void told(struct ua *by, const char *sipfrag, bool is_last)
{
	struct sip_msg *m = ua_asked(by, SIP_NOTIFY);
	struct str state = sip_msg_header(m, SIP_HDR_SUBSCRIPTION_STATE);

	if (!says(m, sipfrag))
		fail_msg("%s was told %.*s, not %s", by->p->user, STR_ARG(m->body), sipfrag);
	assert_true(str_starts(sip_msg_header(m, SIP_HDR_EVENT), STR("refer")));
	assert_header(m, SIP_HDR_CONTENT_TYPE, "message/sipfrag;version=2.0");
	assert_true(str_starts(state, is_last ? STR("terminated") : STR("active")));
	ua_reply(by, 200, "");
}

static inline void accepted(struct ua *by)
{
	struct sip_msg *m = got_status(by->p, 202);

	assert_true(sip_msg_has(m, SIP_HDR_CONTACT));
	told(by, "SIP/2.0 100 Trying", false);
}

/* The transferee hears of the other, who answered that. */
static inline struct sip_msg *is_introduced(struct ua *whom, const char *answer)
{
	struct sip_msg *m = ua_asked(whom, SIP_INVITE);

	assert_true(m->to_tag.n > 0);
	assert_true(says(m, "a=sendrecv") || !says(m, "a=sendonly"));
	ua_reply(whom, 200, answer);
	ua_asked(whom, SIP_ACK);
	return m;
}

static inline const struct call_record *call_to(const struct world *w, const char *callee)
{
	for (size_t i = w->ncalls; i--;)
		if (strcmp(w->call[i].callee, callee) == 0)
			return &w->call[i];
	fail_msg("no call to %s was written", callee);
	return NULL;
}

static inline struct session *session_of(struct world *w, const struct phone *p)
{
	for (size_t i = 0; i < MAX_SESSIONS; i++) {
		struct session *s = &w->engine.session[i];

		if (s->is_open && addr_ip_eq(&s->remote[0].hint, &p->flow.remote))
			return s;
	}
	fail_msg("no session of %s", p->user);
	return NULL;
}

static inline void assert_hear_each_other(struct world *w, const struct ua *a, const struct ua *b)
{
	struct session *x = session_of(w, a->p), *y = session_of(w, b->p);

	assert_true(x->joined == y->id);
	assert_true(y->joined == x->id);
	assert_true(x->remote[0].may_send && x->remote[0].may_receive);
	assert_true(y->remote[0].may_send && y->remote[0].may_receive);
}

/* The target is busy: the transferor hears so, and has its call again. */
static inline void is_given_back(struct world *w, struct ua *a, struct ua *b, struct ua *c)
{
	ua_reply(c, 486, "");
	told(b, "SIP/2.0 486 Busy Here", true);
	nothing(a->p);
	assert_hear_each_other(w, a, b);
}

/* "Replaces" of that dialog, as its device has it, for the URI of a Refer-To. */
static inline const char *escaped_replaces(const struct ua *u, const char *params)
{
	static char text[512];

	snprintf(text, sizeof(text), "Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s%s", u->call_id,
		 strstr(u->remote, ";tag=") + 5, strstr(u->local, ";tag=") + 5, params);
	return text;
}

/* It asks that who it talks to here be put through to whom it talks (or rings) there. */
static inline void refers_to_call(struct ua *by, const struct ua *there, const char *params)
{
	char uri[700];

	snprintf(uri, sizeof(uri), "sip:103@acme.example?%s", escaped_replaces(there, params));
	refers(by, uri, "");
}

static inline size_t calls_in_usage(const struct world *w, uint64_t extension_id)
{
	return usage_calls(w->calls, TENANT, extension_id);
}

#endif
