/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/thread.h"
#include "bench/core_bed.h"

enum { TENANT = 7, FIRST = 100000, PORT = 5060 };
#define DOMAIN "bench.test"

static void check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "bench: %s\n", what);
		exit(1);
	}
}

/* ---- what the server stands on ---- */

static int edge_send(struct flow_edge *e, struct flow *flow, const void *p, size_t n)
{
	struct bed *b = CONTAINER_OF(e, struct bed, edge);
	struct bed_sent *s = &b->sent[b->nsent];

	if (b->nsent == BED_QUEUE || n >= sizeof(s->text))
		return ENOBUFS;
	b->nsent++;
	s->to = flow->remote;
	memcpy(s->text, p, n);
	s->text[n] = '\0';
	return 0;
}

static int edge_local(struct flow_edge *e, enum flow_transport t, const struct addr *remote,
		      struct addr *local)
{
	return addr_parse(local, STR("192.0.2.1"), PORT);
}

static void edge_close(struct flow_edge *e, oid conn)
{
}

static void edge_keep(struct flow_edge *e, oid conn, uint32_t seconds)
{
}

static int media_post(struct media_engine *e, const struct media_cmd *cmd)
{
	struct bed *b = CONTAINER_OF(e, struct bed, engine);
	struct media_event ev = {.type = MEDIA_DONE, .seq = cmd->seq, .session = cmd->session};

	if (cmd->type == MEDIA_CLOSE)
		ev.type = MEDIA_CLOSED;
	if (cmd->type == MEDIA_OPEN || cmd->type == MEDIA_GROW) {
		ev.type = MEDIA_OPENED;
		for (unsigned i = 0; i < cmd->u.open.nstreams; i++) {
			ev.u.local[i] = cmd->u.open.local;
			ev.u.local[i].port = b->next_port;
			b->next_port = (uint16_t)(b->next_port > 60000 ? 20000 : b->next_port + 2);
		}
	}
	check(b->nevents < BED_EVENTS, "too many media events");
	b->event[b->nevents++] = ev;
	return 0;
}

static int sink_write(struct record_sink *s, enum record_kind kind, const void *rec, size_t n)
{
	return 0;
}

/* ---- time ---- */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* All that is counted happens in here: valgrind --tool=callgrind --toggle-collect=bed_inside counts instructions. */
void bed_inside(struct bed *b, const struct flow *from, const char *text, size_t n);
__attribute__((noinline)) void bed_inside(struct bed *b, const struct flow *from, const char *text,
					  size_t n)
{
	struct flow_sink *sink = sip_sink(b->sip);

	if (text)
		sink->received(sink, from, (const uint8_t *)text, n);
	while (b->nevents) {
		struct media_event ev = b->event[0];

		memmove(b->event, b->event + 1, --b->nevents * sizeof(ev));
		calls_media_event(&ev, b->calls);
	}
	wheel_advance(b->env.wheel, clock_mono_ms(b->env.clock));
}

static void deliver(struct bed *b, const struct addr *from, const char *text)
{
	struct flow flow = {.transport = FLOW_UDP, .listener = 1, .remote = *from};
	uint64_t before;

	edge_local(&b->edge, FLOW_UDP, from, &flow.local);
	b->nsent = 0;
	b->nmessages++;
	before = cpu_ns();
	bed_inside(b, &flow, text, strlen(text));
	b->cpu_ns += cpu_ns() - before;
}

void bed_begin(struct bed *b)
{
	b->cpu_ns = b->nmessages = 0;
}

void bed_pass(struct bed *b, uint64_t ms)
{
	for (uint64_t step; ms; ms -= step) {
		step = ms < 50 ? ms : 50;
		b->clock.now_us += step * 1000;
		b->nsent = 0;
		bed_inside(b, NULL, NULL, 0);
	}
	b->nsent = 0;
}

size_t bed_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* ---- configuration ---- */

static void load(struct bed *b, uint64_t tenant_id, uint64_t revision, const char *resource,
		 uint64_t id, const char *text)
{
	struct field_errors errs = {.n = 0};
	const struct resource *res = resource_by_name(str_of(resource));
	struct model_change change = {tenant_id, revision, res, id, NULL};
	json_t *json = json_loads(text, 0, NULL);

	check(json && res && !object_from_json(&change.after, res, NULL, json, true, &errs), text);
	json_decref(json);
	change.after->tenant_id = scope_is_system(res->scope) ? 0 : tenant_id;
	change.after->id = id;
	change.after->revision = revision;
	check(!model_load(b->model, &change), "model_load");
}

static void configure(struct bed *b, size_t n)
{
	char text[300];
	uint64_t revision = 1;

	load(b, 0, 1, "tenant", TENANT, "{\"name\":\"bench\",\"domain\":\"" DOMAIN "\"}");
	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "{\"number\":\"%zu\"}", FIRST + i);
		load(b, TENANT, revision++, "extension", 1 + i, text);
		snprintf(text, sizeof(text),
			 "{\"username\":\"%zu\",\"password\":\"secret-%zu\",\"extension_id\":\"%"
			 "zu\"}",
			 FIRST + i, FIRST + i, 1 + i);
		load(b, TENANT, revision++, "account", 1000000 + i, text);
	}
}

static void open_parts(struct bed *b)
{
	const struct sip_conf sip = {.env = b->env,
				     .edge = &b->edge,
				     .product = "bench",
				     .node = 1,
				     .boot = 1,
				     .max_dialogs = 1000000,
				     .max_transactions = 1000000};
	check(!sip_alloc(&b->sip, &sip), "sip");

	const struct registrar_conf registrar = {.env = b->env,
						 .sip = b->sip,
						 .model = b->model,
						 .records = &b->sink,
						 .system_realm = "bench",
						 .bus = b->bus};
	check(!registrar_alloc(&b->registrar, &registrar), "registrar");

	const struct calls_conf calls = {.env = b->env,
					 .sip = b->sip,
					 .edge = &b->edge,
					 .model = b->model,
					 .registrar = b->registrar,
					 .media = &b->engine,
					 .records = &b->sink,
					 .bus = b->bus,
					 .node = 1,
					 .boot = 1};
	check(!calls_alloc(&b->calls, &calls), "calls");
}

void bed_open(struct bed *b, size_t nextensions)
{
	*b = (struct bed){
		.edge = {.send = edge_send,
			 .local_for = edge_local,
			 .close = edge_close,
			 .keep = edge_keep},
		.engine = {.post = media_post},
		.sink = {.write = sink_write},
		.next_port = 20000,
	};
	thread_become(THREAD_CORE);
	clock_virtual_init(&b->clock, INT64_C(1800000000) * 1000000);
	rng_seeded_init(&b->rng, 1);
	b->env = (struct env){.clock = &b->clock.clock, .rng = &b->rng.rng};
	check(!wheel_alloc(&b->env.wheel, 0) && !sip_digest_alloc(&b->digest) &&
		      !model_alloc(&b->model) && !bus_alloc(&b->bus),
	      "memory");
	configure(b, nextensions);
	open_parts(b);
}

void bed_close(struct bed *b)
{
	calls_free(b->calls);
	registrar_free(b->registrar);
	sip_free(b->sip);
	bus_free(b->bus);
	model_free(b->model);
	sip_digest_free(b->digest);
	wheel_free(b->env.wheel);
}

/* ---- phones ---- */

static struct addr phone(size_t i)
{
	struct addr a;
	char ip[32];

	snprintf(ip, sizeof(ip), "10.%zu.%zu.%zu", 1 + i / 50000, i / 250 % 200, 1 + i % 250);
	check(!addr_parse(&a, str_of(ip), PORT), ip);
	return a;
}

__attribute__((format(printf, 2, 3))) static void add(char *text, const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, BED_MESSAGE - n, fmt, ap);
	va_end(ap);
}

/* The first message sent that begins so and goes there. */
static const char *sent(const struct bed *b, const char *start, const struct addr *to)
{
	for (size_t i = 0; i < b->nsent; i++)
		if (!strncmp(b->sent[i].text, start, strlen(start)) && addr_eq(&b->sent[i].to, to))
			return b->sent[i].text;
	fprintf(stderr, "bench: no \"%s\" among what was sent:\n", start);
	for (size_t i = 0; i < b->nsent; i++)
		fprintf(stderr, "%s", b->sent[i].text);
	exit(1);
}

static void header(char *dst, size_t n, const char *msg, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\r\n%s: ", name);
	at = strstr(msg, key);
	check(at != NULL, name);
	at += strlen(key);
	snprintf(dst, n, "%.*s", (int)strcspn(at, "\r"), at);
}

static void authorize(struct bed *b, char *text, const char *challenge, const char *name, size_t i,
		      const char *method, const char *uri)
{
	const char *nonce = strstr(challenge, "nonce=\"");
	char user[32], password[32], hex[SIP_DIGEST_MAX_HEX + 1];
	struct sip_secret secret;
	struct sip_digest_input in = {.alg = SIP_DIGEST_MD5,
				      .secret = &secret,
				      .method = str_of(method),
				      .uri = str_of(uri),
				      .nc = STR("00000001"),
				      .cnonce = STR("c0ffee"),
				      .qop = STR("auth")};

	check(nonce != NULL, challenge);
	in.nonce = (struct str){nonce + 7, strcspn(nonce + 7, "\"")};
	snprintf(user, sizeof(user), "%zu", FIRST + i);
	snprintf(password, sizeof(password), "secret-%zu", FIRST + i);
	check(!sip_secret_make(&secret, str_of(user), STR(DOMAIN), str_of(password)), "secret");
	sip_digest_response(b->digest, hex, &in);
	add(text,
	    "%s: Digest username=\"%s\", realm=\"" DOMAIN "\", nonce=\"%.*s\", uri=\"%s\", "
	    "response=\"%s\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c0ffee\"\r\n",
	    name, user, STR_ARG(in.nonce), uri, hex);
}

static void begin(char *text, const char *method, const char *uri, size_t i, const char *id,
		  unsigned cseq, const char *to)
{
	struct addr at = phone(i);
	char host[ADDR_STR_BYTES];

	text[0] = '\0';
	addr_str(host, &at);
	add(text,
	    "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK-%s-%u-%.3s;rport\r\nMax-Forwards: "
	    "70\r\n"
	    "From: <sip:%zu@" DOMAIN ">;tag=f%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
	    "Contact: <sip:%zu@%s>\r\nUser-Agent: bench phone 1.0\r\n",
	    method, uri, host, id, cseq, method, FIRST + i, id, to, id, cseq, method, FIRST + i,
	    host);
}

void bed_register(struct bed *b, size_t i, unsigned expires_s)
{
	static uint64_t number;
	char text[BED_MESSAGE], to[80], id[48];
	struct addr at = phone(i);

	snprintf(id, sizeof(id), "r%llu", (unsigned long long)++number);
	snprintf(to, sizeof(to), "<sip:%zu@" DOMAIN ">", FIRST + i);
	begin(text, "REGISTER", "sip:" DOMAIN, i, id, 1, to);
	add(text, "Expires: %u\r\nContent-Length: 0\r\n\r\n", expires_s);
	deliver(b, &at, text);
	begin(text, "REGISTER", "sip:" DOMAIN, i, id, 2, to);
	add(text, "Expires: %u\r\n", expires_s);
	authorize(b, text, sent(b, "SIP/2.0 401", &at), "Authorization", i, "REGISTER",
		  "sip:" DOMAIN);
	add(text, "Content-Length: 0\r\n\r\n");
	deliver(b, &at, text);
	sent(b, "SIP/2.0 200", &at);
	b->clock.now_us += 100;
}

static void add_sdp(char *text, const struct addr *at, const char *more)
{
	char body[400], host[ADDR_STR_BYTES];
	int n = snprintf(body, sizeof(body),
			 "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 "
			 "RTP/AVP 0%s\r\n"
			 "a=rtpmap:0 PCMU/8000\r\n",
			 addr_host_str(host, at), host, more);

	add(text, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", n, body);
}

static void reply(struct bed *b, const char *req, const struct addr *from, const char *status,
		  const char *tag, bool has_sdp)
{
	static const char *const copied[] = {"Via", "From", "Call-ID", "CSeq"};
	char text[BED_MESSAGE] = "", value[BED_MESSAGE / 4], host[ADDR_STR_BYTES];

	add(text, "SIP/2.0 %s\r\n", status);
	for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
		header(value, sizeof(value), req, copied[i]);
		add(text, "%s: %s\r\n", copied[i], value);
	}
	header(value, sizeof(value), req, "To");
	add(text, "To: %s%s%s\r\nContact: <sip:callee@%s>\r\n", value, *tag ? ";tag=" : "", tag,
	    addr_str(host, from));
	if (has_sdp)
		add_sdp(text, from, "");
	else
		add(text, "Content-Length: 0\r\n\r\n");
	deliver(b, from, text);
}

static void contact_of(char *dst, size_t n, const char *msg)
{
	char value[256];
	const char *p;

	header(value, sizeof(value), msg, "Contact");
	p = strchr(value, '<');
	check(p != NULL, "Contact");
	snprintf(dst, n, "%.*s", (int)strcspn(p + 1, ">"), p + 1);
}

void bed_call(struct bed *b, struct bed_call *c, size_t caller, size_t callee, uint64_t number)
{
	char text[BED_MESSAGE], uri[80], to[90], invite[BED_MESSAGE];
	struct addr at = phone(caller), there = phone(callee);
	const char *answer;

	*c = (struct bed_call){.caller = caller, .callee = callee};
	snprintf(c->id, sizeof(c->id), "c%llu", (unsigned long long)number);
	snprintf(uri, sizeof(uri), "sip:%zu@" DOMAIN, FIRST + callee);
	snprintf(to, sizeof(to), "<%s>", uri);
	begin(text, "INVITE", uri, caller, c->id, 1, to);
	add_sdp(text, &at, " 8");
	deliver(b, &at, text);
	answer = sent(b, "SIP/2.0 407", &at);
	snprintf(invite, sizeof(invite), "%s", answer);
	header(c->to, sizeof(c->to), answer, "To");
	begin(text, "ACK", uri, caller, c->id, 1, c->to);
	memcpy(strstr(text, "-ACK;"), "-INV",
	       4); /* the ACK of a refusal belongs to the INVITE's transaction */
	add(text, "Content-Length: 0\r\n\r\n");
	deliver(b, &at, text);
	begin(text, "INVITE", uri, caller, c->id, 2, to);
	authorize(b, text, invite, "Proxy-Authorization", caller, "INVITE", uri);
	add_sdp(text, &at, " 8");
	deliver(b, &at, text);
	b->clock.now_us += 500;
	snprintf(invite, sizeof(invite), "%s", sent(b, "INVITE ", &there));
	reply(b, invite, &there, "180 Ringing", "callee", false);
	reply(b, invite, &there, "200 OK", "callee", true);
	sent(b, "ACK ", &there);
	answer = sent(b, "SIP/2.0 200", &at);
	header(c->to, sizeof(c->to), answer, "To");
	contact_of(c->target, sizeof(c->target), answer);
	begin(text, "ACK", c->target, caller, c->id, 2, c->to);
	add(text, "Content-Length: 0\r\n\r\n");
	deliver(b, &at, text);
	b->clock.now_us += 500;
}

void bed_hang_up(struct bed *b, struct bed_call *c)
{
	char text[BED_MESSAGE], bye[BED_MESSAGE];
	struct addr at = phone(c->caller), there = phone(c->callee);

	begin(text, "BYE", c->target, c->caller, c->id, 3, c->to);
	add(text, "Content-Length: 0\r\n\r\n");
	deliver(b, &at, text);
	sent(b, "SIP/2.0 200", &at);
	snprintf(bye, sizeof(bye), "%s", sent(b, "BYE ", &there));
	reply(b, bye, &there, "200 OK", "", false);
	b->clock.now_us += 500;
}
