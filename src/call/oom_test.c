/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole call, again and again, each time with another allocation failing: the 1st, the 2nd … until none is left to fail.  Whatever
 * it comes to, nobody crashes, nothing is left over, and a call that a phone holds for answered is in the records.
 *
 * The robots below answer from static memory, so that only the server's allocations are counted.
 */
#include "call/testing.h"

enum { ROBOT_TEXT = 8192, NROBOTS = 4 };

struct robot {
	struct phone *p;
	char invite[ROBOT_TEXT]; /* that it has to answer */
	bool is_up, was_up, has_failed;
	bool only_rings; /* a second device, which loses */
	unsigned
		late_cseq; /* its INVITE of that number has no description, the ACK has the answer */
	bool is_reliable;  /* 100rel, and an UPDATE before the answer */
	bool is_early;	   /* it describes itself before it answers */
	unsigned refusal;  /* it answers with that; a 3xx names 103 */
	const char *lines; /* more header lines of its next request or answer */
	unsigned npracks;
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

/* It holds the other side. */
static const char *robot_held(const struct robot *r)
{
	static char body[600];

	snprintf(body, sizeof(body), "%sa=sendonly\r\n", robot_sdp(r, false));
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
		 "%s%sContent-Length: %zu\r\n\r\n%s",
		 status, via, from, to, strstr(to, ";tag=") ? "" : ";tag=robot", call_id, cseq,
		 addr_str(ip, &r->p->flow.remote), r->lines ? r->lines : "",
		 *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	r->lines = NULL;
	robot_send(r, out);
}

/* A request of the robot that was called. */
static void robot_asks(struct robot *r, const char *method, unsigned cseq, const char *body)
{
	static char out[ROBOT_TEXT];
	char from[512], to[512], call_id[256], target[256], ip[ADDR_STR_BYTES];

	header_of(r->invite, "From", from, sizeof(from));
	header_of(r->invite, "To", to, sizeof(to));
	header_of(r->invite, "Call-ID", call_id, sizeof(call_id));
	header_of(r->invite, "Contact", target, sizeof(target));
	if (!call_id[0])
		return; /* it was never called */
	snprintf(out, sizeof(out),
		 "%s %.*s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKback%u%s\r\nFrom: "
		 "%s;tag=robot\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: "
		 "<sip:r@%s>\r\n%sContent-Length: %zu\r\n\r\n%s",
		 method, (int)strcspn(target + 1, ">"), target + 1,
		 addr_str(ip, &r->p->flow.remote), cseq, method, to, from, call_id, cseq, method,
		 ip, *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
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
		 "From: <sip:%s@acme.example>;tag=oom\r\nTo: %s\r\nCall-ID: oom-%p\r\nCSeq: %u "
		 "%s\r\n"
		 "Contact: <sip:%s@%s>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
		 method, r->target, addr_str(ip, &r->p->flow.remote), branch, r->p->user, r->to,
		 (void *)r, cseq, method, r->p->user, ip, r->lines ? r->lines : "",
		 *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	r->lines = NULL;
	if (strcmp(method, "ACK"))
		snprintf(r->pending, sizeof(r->pending), "%s", out);
	robot_send(r, out);
}

static void robot_is_invited(struct robot *r, const char *text)
{
	char to[512];

	header_of(text, "To", to, sizeof(to));
	if (strstr(to, ";tag=")) {
		robot_reply(r, text, 200, robot_sdp(r, strstr(text, "m=video") != NULL));
		return;
	}
	snprintf(r->invite, sizeof(r->invite), "%s", text);
	if (r->refusal >= 300 && r->refusal < 400)
		r->lines = "Contact: <sip:103@acme.example>;q=0.5\r\n";
	else if (r->is_reliable)
		r->lines = "Require: 100rel\r\nRSeq: 7\r\nAllow: UPDATE, PRACK\r\n";
	if (r->refusal)
		robot_reply(r, text, r->refusal, "");
	else
		robot_reply(r, text, r->is_early || r->is_reliable ? 183 : 180,
			    r->is_early || r->is_reliable ? robot_sdp(r, false) : "");
	if (!r->only_rings && !r->refusal && !r->is_reliable)
		robot_reply(r, text, 200, robot_sdp(r, strstr(text, "m=video") != NULL));
}

static void robot_takes_request(struct robot *r, const char *text)
{
	if (strncmp(text, "INVITE ", 7) == 0) {
		robot_is_invited(r, text);
	} else if (strncmp(text, "UPDATE ", 7) == 0) {
		robot_reply(r, text, 200, strstr(text, "m=audio") ? robot_sdp(r, false) : "");
		robot_reply(r, r->invite, 200, "");
	} else if (strncmp(text, "BYE ", 4) && strncmp(text, "CANCEL ", 7) &&
		   strncmp(text, "ACK ", 4)) {
		robot_reply(r, text, 200, "");
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

static void robot_pracks(struct robot *r, const char *text)
{
	static char rack[128];
	char rseq[32], cseq[64], line[256];

	header_of(text, "RSeq", rseq, sizeof(rseq));
	header_of(text, "CSeq", cseq, sizeof(cseq));
	header_of(text, "To", r->to, sizeof(r->to));
	header_of(text, "Contact", line, sizeof(line));
	snprintf(r->target, sizeof(r->target), "%.*s", (int)strcspn(line + 1, ">"), line + 1);
	snprintf(rack, sizeof(rack), "RAck: %s %s\r\n", rseq, cseq);
	r->lines = rack;
	robot_request(r, "PRACK", 2 + r->npracks, 2 + r->npracks, "");
	r->npracks++;
}

static void robot_takes_response(struct robot *r, const char *text)
{
	unsigned status = (unsigned)atol(text + 8), cseq;
	char line[256];

	header_of(text, "CSeq", line, sizeof(line));
	cseq = (unsigned)atol(line);
	if (status < 200 && status > 100 && r->is_reliable && strstr(text, "RSeq: "))
		robot_pracks(r, text);
	if (status < 200)
		return;
	r->pending[0] = '\0';
	if (strstr(line, "BYE"))
		r->is_up = false;
	if (strstr(line, "PRACK") && r->npracks == 1) {
		r->lines = "Allow: UPDATE, PRACK\r\n";
		robot_request(r, "UPDATE", 10, 10, robot_sdp(r, false));
	}
	if (!strstr(line, "INVITE"))
		return;
	if (r->invite[0]) { /* one that it has sent as the one who was called */
		if (status < 300)
			robot_asks(r, "ACK", cseq, "");
		return;
	}
	if (status < 300) {
		header_of(text, "To", r->to, sizeof(r->to));
		header_of(text, "Contact", line, sizeof(line));
		snprintf(r->target, sizeof(r->target), "%.*s", (int)strcspn(line + 1, ">"),
			 line + 1);
		robot_request(r, "ACK", cseq, 1000 + cseq,
			      cseq == r->late_cseq ? robot_sdp(r, false) : "");
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
		for (int i = 0; i < NROBOTS; i++)
			if (now % 500 == 480 && now < 30000 && robots[i].pending[0])
				robot_send(&robots[i], robots[i].pending);
	}
}

/* How a call goes. */
struct play {
	const char *name;
	bool is_late, is_early, is_reliable;
	unsigned refusal;
	bool is_given_up;     /* nobody answers, the caller cancels */
	bool is_refused_late; /* the offer within the call is the callee's, and so is the end */
	bool is_transferred;  /* by the caller, to 103 */
	bool is_answered;     /* when all goes well */
	const char *number;   /* NULL: 102 */
	bool rings_out;	      /* nobody answers, and the caller waits */
	bool is_held;	      /* by the caller, and taken back */
	bool is_updated;      /* by the caller */
	bool is_asked;	      /* a re-INVITE without description */
	const char *code;     /* by which 103 takes it, when it rings or the callee holds it */
};

static const struct play plays[] = {
	{"answered", .is_answered = true},
	{"offered late", .is_late = true, .is_answered = true},
	{"early media", .is_early = true, .is_answered = true},
	{"reliable, with an update before the answer", .is_reliable = true, .is_answered = true},
	{"busy", .refusal = 486},
	{"declined", .refusal = 603},
	{"moved to another", .refusal = 302, .is_answered = true},
	{"given up", .is_given_up = true},
	{"ended by the callee", .is_refused_late = true, .is_answered = true},
	{"transferred", .is_transferred = true, .is_answered = true},
	{"to nobody", .number = "999"},
	{"not answered", .rings_out = true},
	{"held and taken back", .is_held = true, .is_answered = true},
	{"updated", .is_updated = true, .is_answered = true},
	{"asked to offer", .is_asked = true, .is_answered = true},
	{"picked up", .code = "**102", .is_answered = true},
	{"picked up, whoever rings", .code = "*8", .is_answered = true},
	{"taken while it is held", .code = "##102", .is_answered = true},
};

static void calls(struct robot *r, const char *number, const char *body)
{
	snprintf(r->to, sizeof(r->to), "<sip:%s@acme.example>", number);
	snprintf(r->target, sizeof(r->target), "sip:%s@acme.example", number);
	robot_request(r, "INVITE", 1, 1, body);
}

/* What is dialled by 103 to take a call that rings; and one that is held, after the callee holds it. */
static bool takes_held(const struct play *p)
{
	return p->code && p->code[0] == '#';
}

static void says_more(struct world *w, struct robot *robots, const struct play *p)
{
	struct robot *a = &robots[0];

	if (p->is_updated) {
		robot_request(a, "UPDATE", 20, 20, robot_sdp(a, false));
	} else if (p->is_asked) {
		a->late_cseq = 20;
		robot_request(a, "INVITE", 20, 20, "");
	} else if (p->is_held) {
		robot_request(a, "INVITE", 20, 20, robot_held(a));
		robots_run(w, robots, 1000);
		robot_request(a, "INVITE", 21, 21, robot_sdp(a, false));
	} else {
		robot_request(a, "INVITE", 20, 20, robot_sdp(a, true));
	}
	robots_run(w, robots, 1000);
	robot_request(a, "BYE", 30, 30, "");
}

static void within(struct world *w, struct robot *robots, const struct play *p)
{
	struct robot *a = &robots[0], *b = &robots[1];

	if (takes_held(p)) {
		robot_asks(b, "INVITE", 50, robot_held(b));
		robots_run(w, robots, 1000);
		calls(&robots[3], p->code, robot_sdp(&robots[3], false));
		robots_run(w, robots, 2000);
		robot_request(a, "BYE", 30, 30, "");
	} else if (p->is_refused_late) {
		robot_asks(b, "INVITE", 50, robot_sdp(b, false));
		robots_run(w, robots, 1000);
		robot_asks(b, "INFO", 51, "");
		robots_run(w, robots, 100);
		robot_asks(b, "BYE", 52, "");
		robots_run(w, robots, 1000);
	} else if (p->is_transferred) {
		a->lines = "Refer-To: <sip:103@acme.example>\r\n";
		robot_request(a, "REFER", 20, 20, "");
		robots_run(w, robots, 2000);
		robot_asks(b, "BYE", 52, "");
		robots_run(w, robots, 1000);
	} else {
		says_more(w, robots, p);
	}
}

/* Call two devices, of which one answers; what may happen within the call (hold with video, so that streams are added), hang up.
 * Whether an allocation failed in it. */
static bool whole_call(struct world *w, struct robot *robots, const struct play *p, uint64_t nth,
		       bool forever)
{
	struct robot *a = &robots[0], *b = &robots[1];
	bool has_failed;

	memset(robots, 0, NROBOTS * sizeof(*robots));
	robots[2] = (struct robot){
		.p = &w->phone[5], .only_rings = !p->refusal, .refusal = p->refusal ? 486 : 0};
	robots[3] = (struct robot){.p = &w->phone[3]};
	a->late_cseq = p->is_late ? 1 : 0;
	a->is_reliable = b->is_reliable = p->is_reliable;
	b->is_early = p->is_early;
	b->refusal = p->refusal;
	b->only_rings = p->is_given_up || p->rings_out || (p->code && !takes_held(p));
	a->p = &w->phone[1];
	b->p = &w->phone[2];
	mem_fail(nth, forever);
	if (p->is_reliable)
		a->lines = "Require: 100rel\r\nAllow: UPDATE, PRACK\r\n";
	calls(a, p->number ? p->number : "102", p->is_late ? "" : robot_sdp(a, false));
	robots_run(w, robots, p->rings_out ? 25000 : 1000);
	if (p->code && !takes_held(p)) {
		calls(&robots[3], p->code, robot_sdp(&robots[3], false));
		robots_run(w, robots, 1000);
	}
	if (p->is_given_up) {
		snprintf(a->to, sizeof(a->to), "<sip:102@acme.example>");
		snprintf(a->target, sizeof(a->target), "sip:102@acme.example");
		robot_request(a, "CANCEL", 1, 1, "");
	}
	if (a->is_up)
		within(w, robots, p);
	robots_run(w, robots, 1000);
	has_failed = mem_failed();
	mem_fail(0, false);
	robots_run(w, robots, 40000); /* what was sent again has come through by now */
	for (int i = 0; i < NROBOTS; i++)
		if (robots[i].is_up && !robots[i].invite[0])
			robot_request(&robots[i], "BYE", 40, 40, "");
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

static void fail_each_allocation(struct world *w, const struct play *p, bool forever)
{
	static struct robot robots[NROBOTS];
	uint64_t objects, nth = 0;
	bool has_failed;

	(void)whole_call(w, robots, p, 0,
			 false); /* once without: containers have grown to their size */
	assert_int_equal(robots[0].was_up, p->is_answered);
	objects = mem_objects();
	do {
		size_t ncalls = w->ncalls;

		has_failed = whole_call(w, robots, p, ++nth, forever);
		nothing_is_left(w);
		assert_int_equal(mem_objects(), objects);
		if (robots[0].was_up) {
			assert_true(w->ncalls > ncalls);
			assert_true(last_call(w)->ended_at != 0);
			assert_true(p->is_transferred || p->code || last_call(w)->answered_at != 0);
		}
		assert_true(nth < 4000);
	} while (has_failed);
	assert_true(nth > 5);
	assert_int_equal(robots[0].was_up, p->is_answered); /* the last one met no failure */
}

static void each(struct world *w, bool forever)
{
	registers(&w->phone[5], 102);
	for (size_t i = 0; i < ARRAY_LEN(plays); i++) {
		print_message("%s\n", plays[i].name);
		fail_each_allocation(w, &plays[i], forever);
	}
}

static void any_allocation_may_fail_once(void **state)
{
	each(*state, false);
}

static void memory_may_run_out_at_any_point(void **state)
{
	each(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(any_allocation_may_fail_once),
		STORY(memory_may_run_out_at_any_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
