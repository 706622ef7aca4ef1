/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Phones of call/testing.h, driven message by message: what a phone does is a call here, what it hears is asserted.
 */
#ifndef CALL_TESTING_PHONE_H
#define CALL_TESTING_PHONE_H

#include "call/testing.h"

#define ELSEWHERE "SIP;cause=200;text=\"Call completed elsewhere\""

#define COPY_TEXT(dst, src)                                                                        \
	assert_in_range(snprintf(dst, sizeof(dst), "%s", src), 0, (int)sizeof(dst) - 1)

/* ---- what a phone hears ---- */

static inline struct sip_msg *phone_take(struct phone *p)
{
	struct testnet *t = &p->w->net;
	unsigned status;

	for (size_t i = 0; i < t->nsent; i++) {
		struct tn_sent sent = t->sent[i];

		if (!addr_eq(&sent.flow.remote, &p->flow.remote))
			continue;
		memmove(t->sent + i, t->sent + i + 1, sizeof(sent) * (--t->nsent - i));
		p->in = sip_msg_deref(p->in);
		assert_int_equal(
			sip_msg_parse(&p->in, &sent.flow, sent.text, strlen(sent.text), &status),
			0);
		free(sent.text);
		return p->in;
	}
	return NULL;
}

/* The next message to the phone, 100 Trying left out; NULL when there is none. */
static inline struct sip_msg *phone_next(struct phone *p)
{
	struct sip_msg *m;

	run(p->w);
	do {
		m = phone_take(p);
	} while (m && !m->is_request && m->status == 100);
	return m;
}

static inline void nothing(struct phone *p)
{
	struct sip_msg *m = phone_next(p);

	if (m)
		fail_msg("%s got %.*s%u", p->user, m->is_request ? (int)m->method_name.n : 0,
			 m->method_name.p, m->status);
}

static inline struct sip_msg *got_request(struct phone *p, enum sip_method method)
{
	struct sip_msg *m = phone_next(p);

	if (!m)
		fail_msg("%s got nothing, a request was due", p->user);
	if (!m->is_request || m->method != method)
		fail_msg("%s got %.*s %u", p->user, STR_ARG(m->method_name), m->status);
	return m;
}

static inline struct sip_msg *got_status(struct phone *p, unsigned status)
{
	struct sip_msg *m = phone_next(p);

	if (!m)
		fail_msg("%s got nothing, %u was due", p->user, status);
	if (m->is_request || m->status != status)
		fail_msg("%s got %.*s %u, %u was due", p->user, STR_ARG(m->method_name), m->status,
			 status);
	return m;
}

/* Let time pass until something comes for the phone. */
static inline void wait_for_message(struct phone *p, unsigned at_most_ms)
{
	struct testnet *t = &p->w->net;

	for (unsigned ms = 0; ms <= at_most_ms; ms += 10) {
		for (size_t i = 0; i < t->nsent; i++)
			if (addr_eq(&t->sent[i].flow.remote, &p->flow.remote))
				return;
		pass(p->w, 6); /* and the four of run() */
	}
	fail_msg("nothing came for %s", p->user);
}

static inline bool says(const struct sip_msg *m, const char *text)
{
	return memmem(m->body.p, m->body.n, text, strlen(text)) != NULL;
}

static inline void assert_header(const struct sip_msg *m, enum sip_hdr id, const char *value)
{
	struct str got = sip_msg_header(m, id);

	if (!str_eq(got, str_of(value)))
		fail_msg("header is \"%.*s\", not \"%s\"", STR_ARG(got), value);
}

/* Port of the nth m-line of a description. */
static inline unsigned media_port(const struct sip_msg *m, int nth)
{
	const char *p = m->body.p, *end = m->body.p + m->body.n;

	while (p && p < end) {
		p = memmem(p, (size_t)(end - p), "m=", 2);
		if (p && !nth--)
			return (unsigned)strtoul(strchr(p, ' '), NULL, 10);
		p = p ? p + 2 : NULL;
	}
	fail_msg("no such m-line");
	return 0;
}

static inline uint64_t sdp_version(const struct sip_msg *m)
{
	unsigned long long id, version;

	assert_true(m->body.n > 0);
	assert_int_equal(sscanf(strstr(m->body.p, "o=") + 2, "%*s %llu %llu", &id, &version), 2);
	return version;
}

/* ---- what a phone says ---- */

static inline void phone_send(struct phone *p, const char *head, const char *body)
{
	struct buf wire = {0};

	for (const char *c = head; *c; c++) {
		if (*c == '\n')
			buf_char(&wire, '\r');
		buf_char(&wire, *c);
	}
	if (body && *body && !strstr(head, "Content-Type:"))
		buf_cstr(&wire, "Content-Type: application/sdp\r\n");
	buf_printf(&wire, "Content-Length: %zu\r\n\r\n%s", body ? strlen(body) : 0,
		   body ? body : "");
	tn_receive(&p->w->net, &p->flow, wire.p, wire.n);
	buf_free(&wire);
	run(p->w);
}

/* A description at the phone's own address; lines: what follows the session part. */
static inline const char *sdp_lines(const struct phone *p, unsigned version, const char *lines)
{
	static char texts[4][2048];
	static unsigned turn;
	char *text = texts[turn++ % 4], ip[ADDR_STR_BYTES];

	snprintf(text, sizeof(texts[0]),
		 "v=0\r\no=- 77 %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n%s", version,
		 addr_ip_str(ip, &p->flow.remote), addr_ip_str(ip, &p->flow.remote), lines);
	return text;
}

static inline const char *audio(const struct phone *p)
{
	return sdp_lines(p, 1,
			 "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n");
}

static inline const char *audio_as(const struct phone *p, unsigned version, const char *direction)
{
	char lines[128];

	snprintf(lines, sizeof(lines), "m=audio 4000 RTP/AVP 0\r\na=%s\r\n", direction);
	return sdp_lines(p, version, lines);
}

static inline void ua_request_h(struct ua *u, const char *method, const char *headers,
				const char *body)
{
	static unsigned branch;
	char head[4096], via[80], ip[ADDR_STR_BYTES];

	snprintf(via, sizeof(via), "z9hG4bKt%u", ++branch);
	if (strcmp(method, "ACK") && strcmp(method, "CANCEL"))
		u->cseq++;
	if (strcmp(method, "INVITE") == 0)
		COPY_TEXT(u->invite_via, via);
	if (strcmp(method, "CANCEL") == 0)
		COPY_TEXT(via, u->invite_via);
	snprintf(head, sizeof(head),
		 "%s %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=%s;rport\nMax-Forwards: 70\nFrom: "
		 "%s\nTo: %s\n"
		 "Call-ID: %s\nCSeq: %u %s\nContact: <sip:%s@%s>\n%s",
		 method, u->target, addr_str(ip, &u->p->flow.remote), via, u->local, u->remote,
		 u->call_id, u->cseq, method, u->p->user, addr_str(ip, &u->p->flow.remote),
		 headers);
	phone_send(u->p, head, body);
}

static inline void ua_request(struct ua *u, const char *method, const char *body)
{
	ua_request_h(u, method, "", body);
}

/* A new call from the phone to a number. */
static inline void calls_number_h(struct ua *u, struct phone *p, const char *number,
				  const char *headers, const char *body)
{
	static unsigned n;

	*u = (struct ua){.p = p};
	snprintf(u->call_id, sizeof(u->call_id), "call-%u", ++n);
	snprintf(u->local, sizeof(u->local), "\"Faked\" <sip:%s@acme.example>;tag=c%u", p->user, n);
	snprintf(u->remote, sizeof(u->remote), "<sip:%s@acme.example>", number);
	snprintf(u->target, sizeof(u->target), "sip:%s@acme.example", number);
	ua_request_h(u, "INVITE", headers, body);
}

static inline void calls_number(struct ua *u, struct phone *p, const char *number, const char *body)
{
	calls_number_h(u, p, number, "", body);
}

static inline void take_target(struct ua *u, const struct sip_msg *m)
{
	struct sip_addr contact;

	assert_int_equal(sip_contact(m, &contact), 0);
	snprintf(u->target, sizeof(u->target), "%.*s", STR_ARG(contact.uri));
}

/* The dialog as a response leaves it; a failure of an INVITE is acknowledged. */
static inline struct sip_msg *ua_got(struct ua *u, unsigned status)
{
	struct sip_msg *m = got_status(u->p, status);
	char to[400];

	assert_true(str_eq(m->call_id, str_of(u->call_id)));
	snprintf(to, sizeof(to), "%.*s", STR_ARG(sip_msg_header(m, SIP_HDR_TO)));
	if (m->method == SIP_INVITE && status >= 300) {
		char via[80], saved[400];

		COPY_TEXT(via, u->invite_via);
		COPY_TEXT(saved, u->remote);
		COPY_TEXT(u->remote, to);
		{
			char head[4096], ip[ADDR_STR_BYTES];

			snprintf(head, sizeof(head),
				 "ACK %s SIP/2.0\nVia: SIP/2.0/UDP "
				 "%s;branch=%s;rport\nMax-Forwards: 70\nFrom: %s\nTo: %s\n"
				 "Call-ID: %s\nCSeq: %u ACK\n",
				 u->target, addr_str(ip, &u->p->flow.remote), via, u->local,
				 u->remote, u->call_id, m->cseq);
			phone_send(u->p, head, "");
		}
		COPY_TEXT(u->remote, saved);
		return m;
	}
	if (m->method == SIP_INVITE && status > 100) {
		COPY_TEXT(u->remote, to);
		take_target(u, m);
	}
	return m;
}

/* The phone rings: a new INVITE. */
static inline struct sip_msg *rings(struct ua *u, struct phone *p)
{
	static unsigned n;
	struct sip_msg *m = got_request(p, SIP_INVITE);

	sip_msg_deref(u->req);
	*u = (struct ua){.p = p, .req = sip_msg_ref(m), .cseq = 100};
	snprintf(u->call_id, sizeof(u->call_id), "%.*s", STR_ARG(m->call_id));
	snprintf(u->local, sizeof(u->local), "%.*s;tag=r%u", STR_ARG(sip_msg_header(m, SIP_HDR_TO)),
		 ++n);
	snprintf(u->remote, sizeof(u->remote), "%.*s", STR_ARG(sip_msg_header(m, SIP_HDR_FROM)));
	take_target(u, m);
	return m;
}

/* A request within the dialog. */
static inline struct sip_msg *ua_asked(struct ua *u, enum sip_method method)
{
	struct sip_msg *m = got_request(u->p, method);

	assert_true(str_eq(m->call_id, str_of(u->call_id)));
	if (method != SIP_ACK) {
		sip_msg_deref(u->req);
		u->req = sip_msg_ref(m);
	}
	return m;
}

static inline void ua_reply_h(struct ua *u, unsigned status, const char *headers, const char *body)
{
	struct buf head = {0};
	char ip[ADDR_STR_BYTES];
	bool has_tag = u->req->to_tag.n != 0;

	buf_printf(&head, "SIP/2.0 %u X\nVia: %.*s\nFrom: %.*s\n", status,
		   STR_ARG(sip_msg_header(u->req, SIP_HDR_VIA)),
		   STR_ARG(sip_msg_header(u->req, SIP_HDR_FROM)));
	if (has_tag)
		buf_printf(&head, "To: %.*s\n", STR_ARG(sip_msg_header(u->req, SIP_HDR_TO)));
	else
		buf_printf(&head, "To: %s\n", u->local);
	buf_printf(&head, "Call-ID: %s\nCSeq: %u %.*s\n", u->call_id, u->req->cseq,
		   STR_ARG(u->req->method_name));
	if (u->req->method == SIP_INVITE || u->req->method == SIP_UPDATE)
		buf_printf(&head, "Contact: <sip:%s@%s>\n", u->p->user,
			   addr_str(ip, &u->p->flow.remote));
	buf_cstr(&head, headers);
	phone_send(u->p, head.p, body);
	buf_free(&head);
	if (status >= 300 && u->req->method == SIP_INVITE)
		got_request(u->p, SIP_ACK);
}

static inline void ua_reply(struct ua *u, unsigned status, const char *body)
{
	ua_reply_h(u, status, "", body);
}

/* The phone stops ringing: CANCEL, with that Reason (NULL: none), and what it answers. */
static inline void ua_cancelled(struct ua *u, const char *reason)
{
	struct sip_msg *invite = u->req, *m = sip_msg_ref(got_request(u->p, SIP_CANCEL));

	assert_true(str_eq(m->call_id, str_of(u->call_id)));
	assert_true(str_eq(m->branch, invite->branch));
	if (reason)
		assert_header(m, SIP_HDR_REASON, reason);
	else
		assert_false(sip_msg_has(m, SIP_HDR_REASON));
	u->req = m;
	ua_reply(u, 200, "");
	u->req = invite;
	ua_reply(u, 487, "");
	sip_msg_deref(m);
}

/* We hang up on a phone that had called. */
static inline void ua_presses(struct ua *u, char key)
{
	char body[32];

	snprintf(body, sizeof(body), "Signal=%c\r\nDuration=160\r\n", key);
	ua_request_h(u, "INFO", "Content-Type: application/dtmf-relay\n", body);
}

static inline void ua_asked_by_bye(struct ua *u)
{
	ua_asked(u, SIP_BYE);
	ua_reply(u, 200, "");
}

static inline void ua_done(struct ua *u)
{
	u->req = sip_msg_deref(u->req);
}

/* ---- whole stories ---- */

/* a calls b's number and they talk. */
static inline void talk(struct world *w, struct ua *a, struct ua *b)
{
	calls_number(a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(b, &w->phone[2]);
	ua_reply(b, 180, "");
	ua_got(a, 180);
	ua_reply(b, 200, audio(&w->phone[2]));
	ua_asked(b, SIP_ACK);
	ua_got(a, 200);
	ua_request(a, "ACK", "");
	run(w);
}

/* `by` hangs up, the other hears it. */
static inline void hang_up(struct ua *by, struct ua *other)
{
	ua_request(by, "BYE", "");
	got_status(by->p, 200);
	ua_asked(other, SIP_BYE);
	ua_reply(other, 200, "");
	run(by->p->w);
	ua_done(by);
	ua_done(other);
}

#endif
