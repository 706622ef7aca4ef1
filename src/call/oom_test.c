/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole call, again and again, each time with another allocation failing: the 1st, the 2nd … until none is left to fail.  Whatever
 * it comes to, nobody crashes, nothing is left over, and a call that a phone holds for answered is in the records.
 *
 * The robots below answer from static memory, so that only the server's allocations are counted.
 */
#include "call/testing.h"

enum { ROBOT_TEXT = 8192, NROBOTS = 3 };

struct robot {
	struct phone *p;
	char invite[ROBOT_TEXT]; /* that it has to answer */
	bool is_up, was_up, has_failed;
	bool only_rings;	  /* a second device, which loses */
	bool offers_late;	  /* its INVITE has no description, its ACK the answer */
	char pending[ROBOT_TEXT]; /* its request that has no final answer yet */
	char to[512];		  /* with tag, of the dialog it has started */
	char target[256];
};

static void header_of(const char *text, const char *name, char *dst, size_t dst_bytes)
{
	char key[64];
	const char *p;

	snprintf(key, sizeof(key), "\r\n%s: ", name);
	p = strstr(text, key);
	dst[0] = '\0';
	if (!p)
		return;
	p += strlen(key);
	snprintf(dst, dst_bytes, "%.*s", (int)strcspn(p, "\r"), p);
}

static void robot_send(struct robot *r, const char *text)
{
	tn_receive(&r->p->w->net, &r->p->flow, text, strlen(text));
}

static const char *robot_sdp(const struct robot *r, bool has_video)
{
	static char body[512];
	char ip[ADDR_STR_BYTES];

	snprintf(body, sizeof(body),
		 "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP "
		 "0\r\n%s",
		 addr_ip_str(ip, &r->p->flow.remote), addr_ip_str(ip, &r->p->flow.remote),
		 has_video ? "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n" : "");
	return body;
}

static void robot_reply(struct robot *r, const char *req, unsigned status, const char *body)
{
	static char out[ROBOT_TEXT];
	char via[512], from[512], to[512], call_id[256], cseq[64], ip[ADDR_STR_BYTES];

	header_of(req, "Via", via, sizeof(via));
	header_of(req, "From", from, sizeof(from));
	header_of(req, "To", to, sizeof(to));
	header_of(req, "Call-ID", call_id, sizeof(call_id));
	header_of(req, "CSeq", cseq, sizeof(cseq));
	snprintf(out, sizeof(out),
		 "SIP/2.0 %u X\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s\r\nCall-ID: %s\r\nCSeq: "
		 "%s\r\nContact: <sip:r@%s>\r\n"
		 "%sContent-Length: %zu\r\n\r\n%s",
		 status, via, from, to, strstr(to, ";tag=") ? "" : ";tag=robot", call_id, cseq,
		 addr_str(ip, &r->p->flow.remote), *body ? "Content-Type: application/sdp\r\n" : "",
		 strlen(body), body);
	robot_send(r, out);
}

/* A request of the robot that called; branch: of the one it belongs to, or 0 for a new one. */
static void robot_request(struct robot *r, const char *method, unsigned cseq, unsigned branch,
			  const char *body)
{
	static char out[ROBOT_TEXT];
	char ip[ADDR_STR_BYTES];

	snprintf(out, sizeof(out),
		 "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKoom%u\r\nMax-Forwards: 70\r\n"
		 "From: <sip:101@acme.example>;tag=oom\r\nTo: %s\r\nCall-ID: oom-%p\r\nCSeq: %u "
		 "%s\r\n"
		 "Contact: <sip:101@%s>\r\n%sContent-Length: %zu\r\n\r\n%s",
		 method, r->target, addr_str(ip, &r->p->flow.remote), branch, r->to, (void *)r,
		 cseq, method, ip, *body ? "Content-Type: application/sdp\r\n" : "", strlen(body),
		 body);
	if (strcmp(method, "ACK"))
		snprintf(r->pending, sizeof(r->pending), "%s", out);
	robot_send(r, out);
}

static void robot_takes_request(struct robot *r, const char *text)
{
	bool is_new = !strstr(text, "To: <sip:102@acme.example>;tag=");

	if (strncmp(text, "INVITE ", 7) == 0) {
		snprintf(r->invite, sizeof(r->invite), "%s", text);
		if (is_new)
			robot_reply(r, text, 180, "");
		if (!r->only_rings)
			robot_reply(r, text, 200, robot_sdp(r, strstr(text, "m=video") != NULL));
	} else if (strncmp(text, "CANCEL ", 7) == 0) {
		robot_reply(r, text, 200, "");
		robot_reply(r, r->invite, 487, "");
	} else if (strncmp(text, "ACK ", 4) == 0) {
		r->is_up = r->was_up = true;
	} else {
		robot_reply(r, text, 200, "");
		r->is_up = false;
	}
}

static void robot_takes_response(struct robot *r, const char *text)
{
	unsigned status = (unsigned)atol(text + 8), cseq;
	char line[256];

	header_of(text, "CSeq", line, sizeof(line));
	cseq = (unsigned)atol(line);
	if (status < 200)
		return;
	r->pending[0] = '\0';
	if (strstr(line, "BYE"))
		r->is_up = false;
	if (!strstr(line, "INVITE"))
		return;
	if (status < 300) {
		header_of(text, "To", r->to, sizeof(r->to));
		header_of(text, "Contact", line, sizeof(line));
		snprintf(r->target, sizeof(r->target), "%.*s", (int)strcspn(line + 1, ">"),
			 line + 1);
		robot_request(r, "ACK", cseq, 1000 + cseq,
			      cseq == 1 && r->offers_late ? robot_sdp(r, false) : "");
		r->is_up = r->was_up = true;
		return;
	}
	{
		char kept[512];

		snprintf(kept, sizeof(kept), "%s", r->to);
		header_of(text, "To", r->to, sizeof(r->to));
		robot_request(r, "ACK", cseq, cseq, "");
		snprintf(r->to, sizeof(r->to), "%s", kept);
	}
	r->has_failed = true;
}

/* Let both robots react to all that comes, for that long. */
static void robots_run(struct world *w, struct robot *robots, uint64_t ms)
{
	for (uint64_t now = 0; now <= ms; now += 20) {
		struct testnet *t = &w->net;

		while (t->nsent) {
			static char text[ROBOT_TEXT];
			struct flow to = t->sent[0].flow;

			snprintf(text, sizeof(text), "%s", t->sent[0].text);
			free(t->sent[0].text);
			memmove(t->sent, t->sent + 1, sizeof(t->sent[0]) * --t->nsent);
			for (int i = 0; i < NROBOTS; i++) {
				if (!addr_eq(&to.remote, &robots[i].p->flow.remote))
					continue;
				if (strncmp(text, "SIP/2.0 ", 8) == 0)
					robot_takes_response(&robots[i], text);
				else
					robot_takes_request(&robots[i], text);
			}
			engine_run(&w->engine);
		}
		tn_pass(t, 20);
		engine_run(&w->engine);
		if (now % 500 == 480 && now < 30000 && robots[0].pending[0])
			robot_send(&robots[0], robots[0].pending);
	}
}

/* Call two devices, of which one answers; hold (with video, so that streams are added), hang up.  Whether an allocation failed in it. */
static bool whole_call(struct world *w, struct robot *robots, bool is_late, uint64_t nth,
		       bool forever)
{
	struct robot *a = &robots[0], *b = &robots[1];
	bool has_failed;

	memset(robots, 0, NROBOTS * sizeof(*robots));
	robots[2] = (struct robot){.p = &w->phone[5], .only_rings = true};
	a->offers_late = is_late;
	a->p = &w->phone[1];
	b->p = &w->phone[2];
	snprintf(a->to, sizeof(a->to), "<sip:102@acme.example>");
	snprintf(a->target, sizeof(a->target), "sip:102@acme.example");
	mem_fail(nth, forever);
	robot_request(a, "INVITE", 1, 1, is_late ? "" : robot_sdp(a, false));
	robots_run(w, robots, 1000);
	if (a->is_up) {
		robot_request(a, "INVITE", 2, 2, robot_sdp(a, true));
		robots_run(w, robots, 1000);
		robot_request(a, "BYE", 3, 3, "");
	}
	robots_run(w, robots, 1000);
	has_failed = mem_failed();
	mem_fail(0, false);
	robots_run(w, robots, 40000); /* what was sent again has come through by now */
	if (a->is_up)
		robot_request(a, "BYE", 4, 4, "");
	robots_run(w, robots, 40000);
	/* A BYE that was answered 503 leaves the call up: its phone is silent from then on. */
	for (size_t i = 0; i < MAX_SESSIONS; i++)
		if (w->engine.session[i].is_open)
			calls_media_event(&(struct media_event){.type = MEDIA_SILENT,
								.session = w->engine.session[i].id},
					  w->calls);
	robots_run(w, robots, 120000);
	return has_failed;
}

static void nothing_is_left(struct world *w)
{
	struct sip_counts counts;

	sip_counts(w->net.sip, &counts);
	assert_int_equal(calls_count(w->calls), 0);
	assert_int_equal(engine_sessions(&w->engine), 0);
	assert_int_equal(counts.dialogs, 0);
	assert_int_equal(counts.client_transactions + counts.server_transactions, 0);
	assert_int_equal(wheel_count(w->net.wheel), 0);
}

static void fail_each_allocation(struct world *w, bool is_late, bool forever)
{
	static struct robot robots[NROBOTS];
	uint64_t objects, nth = 0;
	bool has_failed;

	if (!w->registrar.contact[3].id)
		registers(&w->phone[5], 102);
	(void)whole_call(w, robots, is_late, 0,
			 false); /* once without: containers have grown to their size */
	assert_true(robots[0].was_up && robots[1].was_up);
	objects = mem_objects();
	do {
		size_t ncalls = w->ncalls;

		has_failed = whole_call(w, robots, is_late, ++nth, forever);
		nothing_is_left(w);
		assert_int_equal(mem_objects(), objects);
		if (robots[0].was_up) {
			assert_true(w->ncalls > ncalls);
			assert_true(last_call(w)->answered_at != 0);
			assert_true(last_call(w)->ended_at != 0);
		}
		assert_true(nth < 2000);
	} while (has_failed);
	assert_true(nth > 20);
	assert_true(robots[0].was_up); /* the last one met no failure */
}

static void any_allocation_may_fail_once(void **state)
{
	fail_each_allocation(*state, false, false);
	fail_each_allocation(*state, true, false);
}

static void memory_may_run_out_at_any_point(void **state)
{
	fail_each_allocation(*state, false, true);
	fail_each_allocation(*state, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(any_allocation_may_fail_once),
		STORY(memory_may_run_out_at_any_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
