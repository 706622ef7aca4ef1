/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The torture messages of RFC 4475: what the parser owes each of them, and that no mutation of them breaks it.
 * What else the RFC asks (401, 405, 416, 420 …) is for those who handle the request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "base/rng.h"
#include "sip/write.h"

#define VECTORS TEST_DIR "/vectors/rfc4475/"

static const struct flow from = {.transport = FLOW_UDP,
				 .remote = {.family = 4, .port = 5060, .ip = {192, 0, 2, 9}}};

typedef void look_h(const struct sip_msg *m);

static struct str value(const struct sip_msg *m, enum sip_hdr id, unsigned index)
{
	struct sip_values v;
	struct str s = STR_NONE;

	sip_values_init(&v, m, id);
	for (unsigned i = 0; i <= index; i++)
		assert_true(sip_values_next(&v, &s));
	return s;
}

static unsigned count_values(const struct sip_msg *m, enum sip_hdr id)
{
	struct sip_values v;
	struct str s;
	unsigned n = 0;

	sip_values_init(&v, m, id);
	while (sip_values_next(&v, &s))
		n++;
	return n;
}

static struct sip_uri uri_of(struct str text)
{
	struct sip_uri u;

	assert_int_equal(sip_uri_parse(&u, text), 0);
	return u;
}

static struct sip_addr addr_of(struct str text)
{
	struct sip_addr a;

	assert_int_equal(sip_addr_parse(&a, text), 0);
	return a;
}

#define assert_str(s, literal)                                                                     \
	do {                                                                                       \
		struct str got_ = (s);                                                             \
		if (!str_eq(got_, STR(literal)))                                                   \
			fail_msg("%s: \"%.*s\" is not \"%s\"", #s, STR_ARG(got_), literal);        \
	} while (0)

/* 3.1.1.1: folding, white space round every separator, an empty Subject, a Via that is a list */
static void look_wsinv(const struct sip_msg *m)
{
	struct sip_via via;
	struct sip_addr a;
	struct str q;

	assert_int_equal(m->method, SIP_INVITE);
	assert_int_equal(m->cseq, 9);
	assert_str(m->to_tag, "1918181833n");
	assert_str(m->from_tag, "98asjd8");
	assert_int_equal(count_values(m, SIP_HDR_VIA), 3);
	assert_int_equal(sip_via_parse(&via, value(m, SIP_HDR_VIA, 0)), 0);
	assert_str(via.transport, "UDP");
	assert_str(via.host, "192.0.2.2");
	assert_str(m->branch, "390skdjuw");
	assert_int_equal(sip_via_parse(&via, value(m, SIP_HDR_VIA, 1)), 0);
	assert_str(via.transport, "TCP");
	assert_str(via.host, "spindle.example.com");
	assert_str(via.branch, "z9hG4bK9ikj8");
	assert_int_equal(sip_via_parse(&via, value(m, SIP_HDR_VIA, 2)), 0);
	assert_str(via.branch, "z9hG4bK30239");
	assert_str(sip_msg_header(m, SIP_HDR_SUBJECT), "");
	assert_true(sip_msg_has(m, SIP_HDR_SUBJECT));
	assert_str(sip_msg_header_named(m, STR("unknownheaderwithunusualvalue")), ";;,,;;,;");
	assert_int_equal(sip_from(m, &a), 0);
	assert_str(a.display, "J Rosenberg \\\\\\\"");
	assert_int_equal(sip_contact(m, &a), 0);
	assert_str(a.display, "Quoted string \\\"\\\"");
	assert_true(sip_param(a.params, STR("newparam"), &q));
	assert_str(q, "newvalue");
	assert_true(sip_param(a.params, STR("Q"), &q));
	assert_str(q, "0.33");
	assert_true(sip_param(a.params, STR("secondparam"), &q));
	assert_null(q.p);
	assert_str(addr_of(value(m, SIP_HDR_ROUTE, 0)).uri,
		   "sip:services.example.com;lr;unknownwith=value;unknown-no-value");
	assert_int_equal(m->body.n, 150);
}

/* 3.1.1.2: every character that the grammar allows, NUL in a quoted pair too */
static void look_intmeth(const struct sip_msg *m)
{
	struct sip_uri u = uri_of(m->uri);
	struct sip_addr a;
	char text[64];

	assert_int_equal(m->method, SIP_UNKNOWN_METHOD);
	assert_str(m->method_name, "!interesting-Method0123456789_*+`.%indeed'~");
	assert_str(u.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	assert_str(u.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
	assert_str(u.host, "example.com");
	assert_int_equal(sip_to(m, &a), 0);
	assert_int_equal(a.display.n, sizeof("BEL:\\\a NUL:\\\0 DEL:\\\x7f") - 1);
	assert_memory_equal(a.display.p, "BEL:\\\a NUL:\\\0 DEL:\\\x7f", a.display.n);
	assert_int_equal(sip_unquote(text, sizeof(text), a.display), 0);
	assert_string_equal(text, "BEL: NUL: DEL:");
	assert_int_equal(sip_from(m, &a), 0);
	assert_str(a.display, "token1~` token2'+_ token3*%!.-");
	assert_str(m->from_tag, "_token~1'+`*%!-.");
	assert_int_equal(m->cseq, 139122385);
}

/* 3.1.1.3, 3.1.1.4: escapes are not undone, and %00 is refused only when somebody wants text */
static void look_esc01(const struct sip_msg *m)
{
	struct sip_uri u = uri_of(m->uri);
	struct sip_addr a;
	char text[64];

	assert_str(u.user, "sips%3Auser%40example.com");
	assert_str(u.host, "example.net");
	assert_int_equal(sip_unescape(text, sizeof(text), u.user), 0);
	assert_string_equal(text, "sips:user@example.com");
	assert_int_equal(sip_to(m, &a), 0);
	u = uri_of(a.uri);
	assert_int_equal(sip_unescape(text, sizeof(text), u.user), 0);
	assert_string_equal(text, "user");
	assert_int_equal(sip_contact(m, &a), 0);
	u = uri_of(a.uri);
	assert_str(u.params, "%6C%72;n%61me=v%61lue%25%34%31");
}

static void look_escnull(const struct sip_msg *m)
{
	struct sip_addr a = addr_of(value(m, SIP_HDR_CONTACT, 0));
	char text[64];

	assert_int_equal(m->method, SIP_REGISTER);
	assert_int_equal(count_values(m, SIP_HDR_CONTACT), 2);
	assert_int_equal(sip_unescape(text, sizeof(text), uri_of(a.uri).user), EINVAL);
}

static void look_esc02(const struct sip_msg *m)
{
	assert_int_equal(m->method, SIP_UNKNOWN_METHOD);
	assert_str(m->method_name, "RE%47IST%45R");
	assert_int_equal(count_values(m, SIP_HDR_CONTACT), 2);
	assert_str(sip_msg_header_named(m, STR("C%6Fntact")), "<sip:alias2@host2.example.com>");
}

static void look_lwsdisp(const struct sip_msg *m)
{
	struct sip_addr a;

	assert_int_equal(sip_from(m, &a), 0);
	assert_str(a.display, "caller");
	assert_str(a.uri, "sip:caller@example.com");
}

static void look_longreq(const struct sip_msg *m)
{
	assert_int_equal(m->method, SIP_INVITE);
	assert_int_equal(count_values(m, SIP_HDR_VIA), 34);
	assert_int_equal(m->call_id.n,
			 strlen("longreq.one") + 20 * strlen("really") + strlen("longcallid"));
	assert_int_equal(m->body.n, 150);
}

static void look_dblreq(const struct sip_msg *m)
{
	assert_int_equal(m->method, SIP_REGISTER);
	assert_str(m->call_id, "dblreq.0ha0isndaksdj99sdfafnl3lk233412");
	assert_int_equal(m->body.n, 0);
}

/* 3.1.1.9: a semicolon in the user part starts no parameters */
static void look_semiuri(const struct sip_msg *m)
{
	struct sip_uri u = uri_of(m->uri);

	assert_str(u.user, "user;par=u%40example.net");
	assert_str(u.host, "example.com");
	assert_int_equal(u.params.n, 0);
}

static void look_transports(const struct sip_msg *m)
{
	static const char *const names[] = {"UDP", "SCTP", "TLS", "UNKNOWN", "TCP"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		struct sip_via via;

		assert_int_equal(sip_via_parse(&via, value(m, SIP_HDR_VIA, i)), 0);
		assert_true(str_eq(via.transport, str_of(names[i])));
	}
}

static void look_mpart01(const struct sip_msg *m)
{
	assert_str(str_trim(sip_msg_body(m, STR("text/plain"))), "Hello");
	assert_true(sip_msg_body(m, STR("application/octet-stream")).n > 100);
	assert_null(sip_msg_body(m, STR("application/sdp")).p);
}

static void look_unreason(const struct sip_msg *m)
{
	assert_false(m->is_request);
	assert_int_equal(m->status, 200);
	assert_int_equal(m->method, SIP_INVITE);
	assert_true(m->reason.n > 20);
}

static void look_noreason(const struct sip_msg *m)
{
	assert_int_equal(m->status, 100);
	assert_int_equal(m->reason.n, 0);
}

/* 3.1.2.13: a Contact that is not in brackets may not carry headers */
static void look_regbadct(const struct sip_msg *m)
{
	struct sip_addr a;

	assert_int_equal(sip_contact(m, &a), EINVAL);
}

static void look_badbranch(const struct sip_msg *m)
{
	assert_str(m->branch, "z9hG4bK");
}

static void look_unkscm(const struct sip_msg *m)
{
	assert_int_equal(uri_of(m->uri).scheme, SIP_SCHEME_OTHER);
}

static void look_unksm2(const struct sip_msg *m)
{
	struct sip_addr a;

	assert_int_equal(sip_to(m, &a), 0);
	assert_int_equal(uri_of(a.uri).scheme, SIP_SCHEME_OTHER);
	assert_str(a.uri, "isbn:2983792873");
}

static void look_bext01(const struct sip_msg *m)
{
	assert_true(sip_msg_lists(m, SIP_HDR_REQUIRE, STR("nothingSupportsThis")));
	assert_true(sip_msg_lists(m, SIP_HDR_REQUIRE, STR("nothingsupportsthiseither")));
	assert_false(sip_msg_lists(m, SIP_HDR_REQUIRE, STR("100rel")));
	assert_true(sip_msg_lists(m, SIP_HDR_PROXY_REQUIRE, STR("noProxiesSupportThis")));
}

static void look_bcast(const struct sip_msg *m)
{
	assert_int_equal(m->status, 200);
	assert_int_equal(count_values(m, SIP_HDR_VIA), 2);
	assert_str(m->sent_by, "192.0.2.198");
}

static void look_zeromf(const struct sip_msg *m)
{
	assert_str(sip_msg_header(m, SIP_HDR_MAX_FORWARDS), "0");
}

/* 3.3.13, 3.3.14: unknown contact parameters, and one of the URI's only */
static void look_cparam01(const struct sip_msg *m)
{
	struct sip_addr a;
	struct str v;

	assert_int_equal(sip_contact(m, &a), 0);
	assert_str(a.uri, "sip:+19725552222@gw1.example.net");
	assert_true(sip_param(a.params, STR("unknownparam"), &v));
	assert_null(v.p);
}

static void look_cparam02(const struct sip_msg *m)
{
	struct sip_addr a;

	assert_int_equal(sip_contact(m, &a), 0);
	assert_str(a.uri, "sip:+19725552222@gw1.example.net;unknownparam");
	assert_int_equal(a.params.n, 0);
}

/* 3.3.15: headers of a URI stay inside it */
static void look_regescrt(const struct sip_msg *m)
{
	struct sip_addr a;

	assert_int_equal(sip_contact(m, &a), 0);
	assert_str(uri_of(a.uri).headers, "Route=%3Csip:sip.example.com%3E");
	assert_false(sip_msg_has(m, SIP_HDR_ROUTE));
}

static void look_inv2543(const struct sip_msg *m)
{
	assert_int_equal(m->branch.n, 0);
	assert_int_equal(m->from_tag.n, 0);
	assert_false(sip_msg_has(m, SIP_HDR_MAX_FORWARDS));
	assert_int_equal(m->body.n, 105);
}

enum { OK = 0, DROP = 1 };

static const struct vector {
	const char *name;
	unsigned status; /* OK, DROP, or what to answer */
	look_h *look;
} vectors[] = {
	/* 3.1.1 valid */
	{"wsinv", OK, look_wsinv},
	{"intmeth", OK, look_intmeth},
	{"esc01", OK, look_esc01},
	{"escnull", OK, look_escnull},
	{"esc02", OK, look_esc02},
	{"lwsdisp", OK, look_lwsdisp},
	{"longreq", OK, look_longreq},
	{"dblreq", OK, look_dblreq},
	{"semiuri", OK, look_semiuri},
	{"transports", OK, look_transports},
	{"mpart01", OK, look_mpart01},
	{"unreason", OK, look_unreason},
	{"noreason", OK, look_noreason},
	/* 3.1.2 invalid */
	{"badinv01", 400, NULL},
	{"clerr", 400, NULL},
	{"ncl", 400, NULL},
	{"scalar02", 400, NULL},
	{"scalarlg", DROP, NULL},
	{"quotbal", 400, NULL},
	{"ltgtruri", 400, NULL},
	{"lwsruri", 400, NULL},
	{"lwsstart", 400, NULL},
	{"trws", 400, NULL},
	{"escruri", 400, NULL},
	{"baddate", OK, NULL}, /* Date is for nobody here */
	{"regbadct", OK, look_regbadct},
	{"badaspec", 400, NULL},
	{"baddn", 400, NULL},
	{"badvers", 505, NULL},
	{"mismatch01", 400, NULL},
	{"mismatch02", 400, NULL}, /* 501 or 400 */
	{"bigcode", DROP, NULL},
	/* 3.2 transaction layer */
	{"badbranch", OK, look_badbranch},
	/* 3.3 application layer */
	{"insuf", 400, NULL},
	{"unkscm", OK, look_unkscm},
	{"novelsc", OK, look_unkscm},
	{"unksm2", OK, look_unksm2},
	{"bext01", OK, look_bext01},
	{"invut", OK, NULL},
	{"regaut01", OK, NULL},
	{"multi01", 400, NULL},
	{"mcl01", 400, NULL},
	{"bcast", OK, look_bcast},
	{"zeromf", OK, look_zeromf},
	{"cparam01", OK, look_cparam01},
	{"cparam02", OK, look_cparam02},
	{"regescrt", OK, look_regescrt},
	{"sdp01", OK, NULL},
	/* 3.4 backward compatibility */
	{"inv2543", OK, look_inv2543},
};

static char *load(const char *name, size_t *np)
{
	char path[512], *text;
	FILE *f;
	long n;

	snprintf(path, sizeof(path), VECTORS "%s.dat", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot open %s", path);
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	text = malloc((size_t)n);
	assert_int_equal(fread(text, 1, (size_t)n, f), n);
	fclose(f);
	*np = (size_t)n;
	return text;
}

static void all_49_messages(void **state)
{
	assert_int_equal(ARRAY_LEN(vectors), 49);
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct sip_msg *m = NULL;
		unsigned status;
		size_t n;
		char *text = load(v->name, &n);
		int err = sip_msg_parse(&m, &from, text, n, &status);
		int wanted = v->status == OK ? 0 : v->status == DROP ? EBADMSG : EPROTO;

		if (err != wanted || (v->status >= 400 && status != v->status))
			fail_msg("%s: error %d, status %u (%s)", v->name, err, status,
				 m && m->bad ? m->bad : "");
		if (v->look)
			v->look(m);
		sip_msg_deref(m);
		free(text);
	}
}

/* Whatever was accepted can be asked everything, and answered. */
static void use(const struct sip_msg *m)
{
	struct buf b = {0};
	struct sip_addr a;
	struct sip_uri u;

	for (int id = 0; id < SIP_HDR_OTHER; id++) {
		struct sip_values v;
		struct str s;

		sip_values_init(&v, m, (enum sip_hdr)id);
		while (sip_values_next(&v, &s))
			if (!sip_addr_parse(&a, s))
				(void)!sip_uri_parse(&u, a.uri);
	}
	(void)sip_msg_body(m, STR("application/sdp"));
	sip_write_response_head(&b, m, 200, NULL, STR("x"));
	sip_write_content(&b, STR_NONE, STR_NONE);
	assert_int_equal(b.err, 0);
	/* what would end a line comes from us only */
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '\r' || b.p[i] == '\n')
			assert_true(b.p[i] == '\r' ? b.p[i + 1] == '\n' : i && b.p[i - 1] == '\r');
	buf_free(&b);
}

static void try(const char *text, size_t n)
{
	char *exact = malloc(n ? n : 1);
	struct sip_msg *m = NULL;
	unsigned status;
	int err;

	memcpy(exact, text, n);
	err = sip_msg_parse(&m, &from, exact, n, &status);
	assert_true(err == 0 || err == EPROTO || err == EBADMSG);
	assert_int_equal(!m, err == EBADMSG);
	assert_int_equal(status != 0, err == EPROTO);
	free(exact);
	if (m)
		use(m);
	sip_msg_deref(m);
}

static void messages_cut_at_every_byte(void **state)
{
	uint64_t bytes = mem_bytes();

	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		size_t n;
		char *text = load(vectors[i].name, &n);

		for (size_t k = 0; k<n; k += n> 2000 ? 7 : 1)
			try(text, k);
		free(text);
	}
	assert_int_equal(mem_bytes(), bytes);
}

static void messages_with_bytes_changed(void **state)
{
	static const char spice[] = "\0\r\n\t \"<>,;:@%\\[]()=?/\x7f\xff";
	uint64_t bytes = mem_bytes();
	struct rng_seeded r;

	rng_seeded_init(&r, 4475);
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		size_t n;
		char *text = load(vectors[i].name, &n);

		for (unsigned round = 0; round < 300; round++) {
			char *mutant = malloc(n);

			memcpy(mutant, text, n);
			for (uint64_t k = rng_below(&r.rng, 4); k < 4; k++)
				mutant[rng_below(&r.rng, n)] =
					rng_below(&r.rng, 2)
						? spice[rng_below(&r.rng, sizeof(spice))]
						: (char)rng_u64(&r.rng);
			try(mutant, n);
			free(mutant);
		}
		free(text);
	}
	assert_int_equal(mem_bytes(), bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_49_messages),
		cmocka_unit_test(messages_cut_at_every_byte),
		cmocka_unit_test(messages_with_bytes_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
