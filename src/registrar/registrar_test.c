/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/testing.h"
#include "base/bus.h"
#include "base/metric.h"
#include "registrar/registrar.h"
#include "sip/digest.h"
#include "sip/testnet.h"

enum { TENANT = 9, OTHER = 10 };

struct world {
	struct testnet net;
	struct model *model;
	struct registrar *reg;
	struct record_sink sink; /* first of what it finds by it: see on_record */
	struct contact_record records[64];
	size_t nrecords;
	unsigned nadded, nremoved;
	unsigned nbus;
	char bus_reason[32];
	unsigned ninvites; /* let through by registrar_identify() */
	struct identity who;
	struct sip_digest *digest;
	/* what the phone sends */
	const char *user, *password, *domain, *contact, *call_id, *more, *from_user;
	unsigned cseq;
};

static int on_record(struct record_sink *s, enum record_kind kind, const void *rec, size_t n)
{
	struct world *w = CONTAINER_OF(s, struct world, sink);

	assert_int_equal(kind, RECORD_CONTACT);
	assert_int_equal(n, sizeof(struct contact_record));
	assert_true(w->nrecords < ARRAY_LEN(w->records));
	memcpy(&w->records[w->nrecords++], rec, n);
	return 0;
}

static void on_changed(const struct contact *c, bool is_added, void *arg)
{
	struct world *w = arg;

	assert_int_equal(c->tenant_id, TENANT);
	if (is_added)
		w->nadded++;
	else
		w->nremoved++;
}

static void on_bus(const struct bus_event *ev, void *arg)
{
	struct world *w = arg;

	w->nbus++;
	snprintf(w->bus_reason, sizeof(w->bus_reason), "%s", ev->reason);
}

static void on_invite(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct world *w = arg;

	if (!registrar_identify(w->reg, st, req, &w->who))
		return;
	w->ninvites++;
	sip_reply(st, 486, NULL, NULL);
}

static void put(struct world *w, const struct resource *r, uint64_t tenant, uint64_t id,
		const char *json)
{
	struct model_change c = {tenant, model_revision(w->model, tenant) + 1, r, id,
				 json ? testing_make(r, json) : NULL};

	if (c.after) {
		c.after->tenant_id = tenant;
		c.after->id = id;
		c.after->revision = c.revision;
	}
	assert_int_equal(model_apply(w->model, &c), 0);
}

#define EXT (&resource_extension)
#define ACC (&resource_account)
#define TEN (&resource_tenant)

static struct bus *the_bus;

static void open_registrar(struct world *w)
{
	struct registrar_conf conf = {
		.env = w->net.conf.env,
		.sip = w->net.sip,
		.model = w->model,
		.records = &w->sink,
		.bus = the_bus,
		.system_realm = "pbx.example.net",
	};

	assert_int_equal(registrar_alloc(&w->reg, &conf), 0);
	assert_int_equal(registrar_watch(w->reg, on_changed, w), 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tn_open(&w->net);
	w->sink.write = on_record;
	assert_int_equal(model_alloc(&w->model), 0);
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	put(w, TEN, 0, OTHER, "{'name':'other','domain':'other.example'}");
	put(w, EXT, TENANT, 1, "{'number':'101'}");
	put(w, ACC, TENANT, 1,
	    "{'username':'101','password':'Geheimnis-101','extension_id':'1','system_name':'"
	    "acme101'}");
	put(w, ACC, TENANT, 2, "{'username':'solo','password':'Geheimnis-solo','max_contacts':1}");
	put(w, ACC, TENANT, 3, "{'username':'pair','password':'Geheimnis-pair','max_contacts':2}");
	put(w, ACC, OTHER, 1, "{'username':'101','password':'Anders-101'}");
	assert_int_equal(bus_alloc(&the_bus), 0);
	assert_int_equal(bus_subscribe(the_bus, on_bus, w), 0);
	open_registrar(w);
	sip_on_request(w->net.sip, SIP_INVITE, on_invite, w);
	assert_int_equal(sip_digest_alloc(&w->digest), 0);
	w->user = "101";
	w->password = "Geheimnis-101";
	w->domain = "acme.example";
	w->contact = "<sip:101@198.51.100.7:5070>";
	w->call_id = "reg1";
	w->more = "";
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	registrar_free(w->reg);
	tn_shut(&w->net);
	model_free(w->model);
	bus_free(the_bus);
	sip_digest_free(w->digest);
	free(w);
	return 0;
}

/* ---- a phone ---- */

static void send_request(struct world *w, const char *method, const char *authorization)
{
	static unsigned branch;
	const char *from = w->from_user ? w->from_user : w->user;
	char contact[600] = "";

	branch++;
	w->cseq++;
	if (*w->contact)
		snprintf(contact, sizeof(contact), "Contact: %s\n", w->contact);
	tn_in(&w->net,
	      "%s sip:%s SIP/2.0\n"
	      "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKr%u;rport\n"
	      "Max-Forwards: 70\nFrom: <sip:%s@%s>;tag=f%u\nTo: <sip:%s@%s>\n"
	      "Call-ID: %s\nCSeq: %u %s\nUser-Agent: Phone/1\n%s%s%s",
	      method, w->domain, branch, from, w->domain, branch, from, w->domain, w->call_id,
	      w->cseq, method, contact, authorization, w->more);
}

static void authorize(struct world *w, char *line, size_t bytes, const char *method,
		      const char *name)
{
	bool is_proxy = strcmp(method, "REGISTER") != 0;
	const char *header = is_proxy ? "Proxy-Authenticate" : "WWW-Authenticate";
	struct sip_secret secret;
	char hex[SIP_DIGEST_MAX_HEX + 1], uri[300];
	const char *realm = tn_param(&w->net, header, "realm"),
		   *nonce = tn_param(&w->net, header, "nonce");
	const char *alg = tn_param(&w->net, header, "algorithm");

	snprintf(uri, sizeof(uri), "sip:%s", w->domain);
	sip_secret_make(&secret, str_of(name), str_of(realm), str_of(w->password));
	struct sip_digest_input in = {
		.alg = strcmp(alg, "SHA-256") ? SIP_DIGEST_MD5 : SIP_DIGEST_SHA256,
		.secret = &secret,
		.method = str_of(method),
		.uri = str_of(uri),
		.nonce = str_of(nonce),
		.nc = STR("00000001"),
		.cnonce = STR("c0ffee"),
		.qop = STR("auth"),
	};
	assert_true(sip_digest_response(w->digest, hex, &in) > 0);
	snprintf(line, bytes,
		 "%s: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
		 "response=\"%s\", algorithm=%s, "
		 "qop=auth, nc=00000001, cnonce=\"c0ffee\"\n",
		 is_proxy ? "Proxy-Authorization" : "Authorization", name, realm, nonce, uri, hex,
		 alg);
}

/* The challenge answered as `name`; returns the status of the second answer, which stays in net.last. */
static unsigned sign_in_as(struct world *w, const char *method, const char *name)
{
	char line[2000];
	unsigned status;

	send_request(w, method, "");
	status = tn_out_status(&w->net);
	if (status != 401 && status != 407)
		return status;
	authorize(w, line, sizeof(line), method, name);
	send_request(w, method, line);
	return tn_out_status(&w->net);
}

static unsigned sign_in(struct world *w, const char *method)
{
	return sign_in_as(w, method, w->user);
}

static size_t contacts_of(struct world *w, uint64_t account)
{
	size_t pos = 0, n = 0;

	while (registrar_contacts(w->reg, TENANT, account, &pos))
		n++;
	return n;
}

static const struct contact *first_contact(struct world *w, uint64_t account)
{
	size_t pos = 0;

	return registrar_contacts(w->reg, TENANT, account, &pos);
}

/* ---- signing in ---- */

static void phone_is_challenged_then_registered(void **state)
{
	struct world *w = *state;
	const struct contact *c;

	send_request(w, "REGISTER", "");
	assert_string_equal(tn_out_line(&w->net), "SIP/2.0 401 Unauthorized");
	assert_string_equal(tn_param(&w->net, "WWW-Authenticate", "realm"), "acme.example");
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"),
			    "<sip:101@198.51.100.7:5070>;expires=3600");
	assert_string_equal(tn_header(&w->net, "Date"), "Tue, 14 Nov 2023 22:13:21 GMT");
	c = first_contact(w, 1);
	assert_non_null(c);
	assert_string_equal(c->uri, "sip:101@198.51.100.7:5070");
	assert_string_equal(c->user_agent, "Phone/1");
	assert_true(addr_eq(&c->flow.remote, &w->net.peer.remote));
	assert_ptr_equal(registrar_contact(w->reg, c->id), c);
	assert_int_equal(w->nadded, 1);
	assert_int_equal(w->nbus, 1);
}

static void journal_has_the_contact_before_the_200(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(w->nrecords, 1);
	assert_int_equal(w->records[0].tenant_id, TENANT);
	assert_int_equal(w->records[0].account_id, 1);
	assert_string_equal(w->records[0].uri, "sip:101@198.51.100.7:5070");
	assert_string_equal(w->records[0].remote, "198.51.100.7:5070");
	assert_string_equal(w->records[0].transport, "udp");
	assert_int_equal(w->records[0].expires_at - w->records[0].registered_at,
			 INT64_C(3600000000));
	assert_true(w->records[0].id);
}

static void wrong_password_is_challenged_again_and_counted_once(void **state)
{
	struct world *w = *state;
	uint64_t before = metric_get(METRIC_AUTH_FAILURES);

	w->password = "falsch";
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	assert_true(*tn_param(&w->net, "WWW-Authenticate", "nonce"));
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(metric_get(METRIC_AUTH_FAILURES), before + 1);
	send_request(w, "REGISTER", ""); /* the first request of a phone is no failure */
	assert_int_equal(metric_get(METRIC_AUTH_FAILURES), before + 1);
}

/* The answer with nonce and tag taken out. */
static void masked(struct world *w, char *dst, size_t bytes)
{
	const char *nonce = tn_param(&w->net, "WWW-Authenticate", "nonce"),
		   *tag = tn_param(&w->net, "To", "tag");
	char *p;

	snprintf(dst, bytes, "%.*s", (int)bytes - 1, w->net.last);
	while ((p = strstr(dst, nonce)))
		memset(p, 'N', strlen(nonce));
	while ((p = strstr(dst, tag)))
		memset(p, 'T', strlen(tag));
	for (p = dst; (p = strstr(p, "branch=z9hG4bKr")); p += 15)
		memset(p + 15, 'B', strspn(p + 15, "0123456789"));
	for (p = dst; (p = strstr(p, ";tag=f")); p += 6)
		memset(p + 6, 'F', strspn(p + 6, "0123456789"));
}

static void unknown_user_hears_what_a_known_one_hears(void **state)
{
	struct world *w = *state;
	char known[2000], unknown[2000];

	w->from_user = "101";
	w->password = "falsch";
	assert_int_equal(sign_in_as(w, "REGISTER", "101"), 401);
	masked(w, known, sizeof(known));
	w->cseq = 0;
	assert_int_equal(sign_in_as(w, "REGISTER", "777"), 401);
	masked(w, unknown, sizeof(unknown));
	/* digits of branch and From tag may differ in number */
	assert_string_equal(strstr(known, "\r\nTo:"), strstr(unknown, "\r\nTo:"));
}

static void unknown_domain_is_refused(void **state)
{
	struct world *w = *state;

	w->domain = "nobody.example";
	send_request(w, "REGISTER", "");
	assert_int_equal(tn_out_status(&w->net), 404);
	send_request(w, "INVITE", "");
	assert_int_equal(tn_out_status(&w->net), 403);
}

static void user_of_one_tenant_is_nobody_in_another(void **state)
{
	struct world *w = *state;

	w->domain = "other.example";
	assert_int_equal(sign_in(w, "REGISTER"), 401); /* acme's password */
	w->password = "Anders-101";
	w->domain = "acme.example";
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	assert_int_equal(registrar_count(w->reg), 0);
}

static void third_party_registration_is_refused(void **state)
{
	struct world *w = *state;

	w->from_user = "solo";
	assert_int_equal(sign_in(w, "REGISTER"), 403);
	assert_int_equal(registrar_count(w->reg), 0);
}

static void user_name_may_carry_the_domain(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in_as(w, "REGISTER", "101@acme.example"), 200);
	assert_int_equal(sign_in_as(w, "REGISTER", "101@other.example"), 401);
	assert_int_equal(sign_in_as(w, "REGISTER", "101"), 200);
}

static void phone_without_the_domain_signs_in_by_its_system_name(void **state)
{
	struct world *w = *state;

	w->domain = "192.0.2.1";
	w->user = "acme101";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 1);
	w->user = "101"; /* not a system-wide name */
	w->call_id = "reg2";
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	assert_string_equal(tn_param(&w->net, "WWW-Authenticate", "realm"), "pbx.example.net");
}

static void address_added_as_domain_serves_the_tenant(void **state)
{
	struct world *w = *state;

	assert_int_equal(model_add_domain(w->model, STR("192.0.2.1"), TENANT), 0);
	w->domain = "192.0.2.1";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
}

static void tenant_may_ask_for_sha256(void **state)
{
	struct world *w = *state;

	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example','sip_digest':'sha-256'}");
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example','sip_digest':'both'}");
	send_request(w, "REGISTER", "");
	tn_out(&w->net);
	assert_non_null(strstr(tn_header_nth(&w->net, "WWW-Authenticate", 0), "MD5"));
	assert_non_null(strstr(tn_header_nth(&w->net, "WWW-Authenticate", 1), "SHA-256"));
}

static void changed_password_counts_at_once(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, ACC, TENANT, 1, "{'username':'101','password':'Neues-Wort-1','extension_id':'1'}");
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	w->password = "Neues-Wort-1";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
}

static void disabled_are_refused_after_they_have_proved_themselves(void **state)
{
	struct world *w = *state;

	put(w, ACC, TENANT, 1,
	    "{'username':'101','password':'Geheimnis-101','extension_id':'1','enabled':false}");
	assert_int_equal(sign_in(w, "REGISTER"), 403);
	w->password = "falsch";
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	w->password = "Geheimnis-101";
	put(w, ACC, TENANT, 1, "{'username':'101','password':'Geheimnis-101','extension_id':'1'}");
	put(w, EXT, TENANT, 1, "{'number':'101','enabled':false}");
	assert_int_equal(sign_in(w, "REGISTER"), 403);
	put(w, EXT, TENANT, 1, "{'number':'101'}");
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example','enabled':false}");
	assert_int_equal(sign_in(w, "REGISTER"), 403);
}

static void account_without_extension_may_register(void **state)
{
	struct world *w = *state;

	w->user = "pair";
	w->password = "Geheimnis-pair";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 3), 1);
}

/* ---- bindings ---- */

static void refresh_keeps_the_contact_and_its_id(void **state)
{
	struct world *w = *state;
	oid id;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	id = first_contact(w, 1)->id;
	tn_pass(&w->net, 1000000);
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(first_contact(w, 1)->id, id);
	assert_int_equal(w->nadded, 1);
	assert_int_equal(w->nrecords, 2);
	assert_int_equal(w->records[0].id, w->records[1].id);
	assert_int_equal(w->records[0].registered_at, w->records[1].registered_at);
	assert_true(w->records[1].expires_at > w->records[0].expires_at);
}

static void contact_lapses_after_its_time(void **state)
{
	struct world *w = *state;

	w->more = "Expires: 120\n";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"),
			    "<sip:101@198.51.100.7:5070>;expires=120");
	tn_pass(&w->net, 119000);
	assert_int_equal(registrar_count(w->reg), 1);
	tn_pass(&w->net, 1100);
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(w->nremoved, 1);
	assert_string_equal(w->bus_reason, "expired");
	assert_int_equal(w->records[w->nrecords - 1].expires_at, 0);
}

static void too_short_gets_423_and_too_long_is_shortened(void **state)
{
	struct world *w = *state;

	w->contact = "<sip:101@198.51.100.7:5070>;expires=30";
	assert_int_equal(sign_in(w, "REGISTER"), 423);
	assert_string_equal(tn_header(&w->net, "Min-Expires"), "60");
	w->contact = "<sip:101@198.51.100.7:5070>;expires=999999";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"),
			    "<sip:101@198.51.100.7:5070>;expires=3600");
	w->contact = "<sip:101@198.51.100.7:5070>;expires=soon";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
}

static void contacts_own_expiry_counts_more_than_the_header(void **state)
{
	struct world *w = *state;

	w->more = "Expires: 600\n";
	w->contact = "<sip:101@198.51.100.7:5070>;expires=300, <sip:101@198.51.100.8>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 2);
	assert_non_null(strstr(w->net.last, "<sip:101@198.51.100.7:5070>;expires=300\r\n"));
	assert_non_null(strstr(w->net.last, "<sip:101@198.51.100.8>;expires=600\r\n"));
}

static void zero_removes_one_contact_and_star_all(void **state)
{
	struct world *w = *state;

	w->contact = "<sip:a@198.51.100.7>, <sip:b@198.51.100.7>, <sip:c@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 3);
	w->contact = "<sip:b@198.51.100.7>;expires=0";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 2);
	assert_null(strstr(w->net.last, "sip:b@"));
	w->contact = "*";
	assert_int_equal(sign_in(w, "REGISTER"), 400); /* without Expires: 0 */
	w->more = "Expires: 0\n";
	w->contact = "*, <sip:a@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 400);
	assert_int_equal(registrar_count(w->reg), 2);
	w->contact = "*";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 0);
	assert_string_equal(tn_header(&w->net, "Contact"), "");
	assert_int_equal(w->nremoved, 3);
}

static void register_without_contact_lists_them(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	tn_pass(&w->net, 600000);
	w->contact = "";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"),
			    "<sip:101@198.51.100.7:5070>;expires=3000");
	assert_int_equal(registrar_count(w->reg), 1);
}

static void older_cseq_of_a_call_id_changes_nothing(void **state)
{
	struct world *w = *state;

	w->cseq = 100;
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	w->cseq = 50;
	w->contact = "<sip:101@198.51.100.7:5070>;expires=0";
	assert_int_equal(sign_in(w, "REGISTER"), 500);
	assert_int_equal(registrar_count(w->reg), 1);
	w->call_id = "another";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 0);
}

static void device_that_moved_is_replaced_by_instance_or_call_id(void **state)
{
	struct world *w = *state;
	oid id;

	w->contact = "<sip:101@198.51.100.7:5070>;+sip.instance=\"<urn:uuid:1>\";reg-id=1";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(
		tn_header(&w->net, "Contact"),
		"<sip:101@198.51.100.7:5070>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
	id = first_contact(w, 1)->id;
	w->call_id = "after-reboot";
	w->contact = "<sip:101@203.0.113.50:6000>;+sip.instance=\"<urn:uuid:1>\";reg-id=1";
	w->net.peer = tn_flow(FLOW_UDP, "203.0.113.50", 6000);
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 1);
	assert_int_equal(first_contact(w, 1)->id, id);
	assert_string_equal(first_contact(w, 1)->uri, "sip:101@203.0.113.50:6000");
	assert_true(addr_eq(&first_contact(w, 1)->flow.remote, &w->net.peer.remote));
	/* without instance: the Call-ID tells */
	w->call_id = "plain";
	w->contact = "<sip:101@10.0.0.5:5060>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 2);
	w->contact = "<sip:101@10.0.0.5:5062>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 2);
	w->call_id = "another";
	w->contact = "<sip:101@10.0.0.5:5064>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 3);
}

static void with_a_limit_of_one_the_last_registration_replaces(void **state)
{
	struct world *w = *state;

	w->user = "solo";
	w->password = "Geheimnis-solo";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	w->call_id = "second";
	w->contact = "<sip:solo@203.0.113.9>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 2), 1);
	assert_string_equal(first_contact(w, 2)->uri, "sip:solo@203.0.113.9");
	assert_string_equal(w->bus_reason, "replaced");
}

static void above_the_limit_one_more_is_refused_and_the_others_stay(void **state)
{
	struct world *w = *state;

	w->user = "pair";
	w->password = "Geheimnis-pair";
	w->contact = "<sip:a@198.51.100.7>, <sip:b@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	w->call_id = "second";
	w->contact = "<sip:c@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 403);
	assert_int_equal(contacts_of(w, 3), 2);
	w->contact = "<sip:b@198.51.100.7>;expires=0, <sip:c@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 3), 2);
}

static void contacts_come_by_q_then_the_latest_first(void **state)
{
	struct world *w = *state;
	size_t pos = 0;

	w->contact = "<sip:low@198.51.100.7>;q=0.3, <sip:one@198.51.100.7>, "
		     "<sip:two@198.51.100.7>;q=1.0";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(registrar_contacts(w->reg, TENANT, 1, &pos)->uri,
			    "sip:two@198.51.100.7");
	assert_string_equal(registrar_contacts(w->reg, TENANT, 1, &pos)->uri,
			    "sip:one@198.51.100.7");
	assert_string_equal(registrar_contacts(w->reg, TENANT, 1, &pos)->uri,
			    "sip:low@198.51.100.7");
	assert_null(registrar_contacts(w->reg, TENANT, 1, &pos));
	assert_non_null(strstr(w->net.last, "<sip:low@198.51.100.7>;expires=3600;q=0.300"));
}

static void path_is_kept_as_route_and_given_back(void **state)
{
	struct world *w = *state;

	w->more = "Supported: path\nPath: <sip:edge.example.net;lr>\n";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(first_contact(w, 1)->routes, "Route: <sip:edge.example.net;lr>\r\n");
	assert_string_equal(tn_header(&w->net, "Path"), "<sip:edge.example.net;lr>");
}

static void contact_at_our_own_address_or_a_broadcast_is_refused(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = {"<sip:x@192.0.2.1>",	     "<sip:x@192.0.2.1:5060>",
					  "<sip:x@255.255.255.255>", "<sip:x@224.0.1.75>",
					  "<sip:x@0.0.0.0>",	     "<sip:x@acme.example>",
					  "<sip:x@[ff02::1]>"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		w->contact = bad[i];
		assert_int_equal(sign_in(w, "REGISTER"), 403);
	}
	w->contact = "<sip:x@192.0.2.1:5099>"; /* a phone on the same machine */
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	w->contact = "<mailto:x@example.com>";
	assert_int_equal(sign_in(w, "REGISTER"), 400);
}

/* ---- changes of configuration, restart, connections ---- */

static void contacts_go_with_account_extension_and_tenant(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, ACC, TENANT, 1,
	    "{'username':'101','password':'Geheimnis-101','extension_id':'1','enabled':false}");
	assert_int_equal(registrar_count(w->reg), 0);
	put(w, ACC, TENANT, 1, "{'username':'101','password':'Geheimnis-101','extension_id':'1'}");
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, EXT, TENANT, 1, "{'number':'101','enabled':false}");
	assert_int_equal(registrar_count(w->reg), 0);
	put(w, EXT, TENANT, 1, "{'number':'101'}");
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example','enabled':false}");
	assert_int_equal(registrar_count(w->reg), 0);
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, ACC, TENANT, 1, NULL);
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(w->nremoved, 4);
	assert_int_equal(w->records[w->nrecords - 1].expires_at, 0);
	assert_int_equal(sign_in(w, "REGISTER"), 401);
}

static void contact_survives_a_restart(void **state)
{
	struct world *w = *state;
	struct contact_record rec;
	const struct contact *c;

	w->more = "Path: <sip:edge.example.net;lr>\n";
	w->contact = "<sip:101@198.51.100.7:5070>;q=0.5;+sip.instance=\"<urn:uuid:1>\";reg-id=2";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	rec = w->records[0];
	registrar_free(w->reg);
	w->nrecords = 0;
	/* the second life of the process: a stack of its own */
	sip_free(w->net.sip);
	assert_int_equal(sip_alloc(&w->net.sip, &w->net.conf), 0);
	open_registrar(w);
	assert_int_equal(registrar_restore(w->reg, &rec), 0);
	assert_int_equal(w->nrecords, 0);
	c = first_contact(w, 1);
	assert_non_null(c);
	assert_string_equal(c->uri, "sip:101@198.51.100.7:5070");
	assert_string_equal(c->routes, "Route: <sip:edge.example.net;lr>\r\n");
	assert_int_equal(c->q, 500);
	assert_int_equal(c->record_id, rec.id);
	assert_true(addr_eq(&c->flow.remote, &w->net.peer.remote));
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 1);
	assert_int_equal(w->records[0].id, rec.id);
	tn_pass(&w->net, 3601000);
	assert_int_equal(registrar_count(w->reg), 0);
}

static void contact_that_lapsed_while_we_were_away_is_closed(void **state)
{
	struct world *w = *state;
	struct contact_record rec;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	rec = w->records[0];
	w->contact = "<sip:101@198.51.100.7:5070>;expires=0";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	rec.expires_at = clock_wall_us(&w->net.clock.clock) - 1;
	w->nrecords = 0;
	assert_int_equal(registrar_restore(w->reg, &rec), 0);
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(w->nrecords, 1);
	assert_int_equal(w->records[0].expires_at, 0);
}

static void contact_of_a_browser_goes_with_its_connection(void **state)
{
	struct world *w = *state;
	struct flow_sink *sink = sip_sink(w->net.sip);

	w->net.peer = tn_flow(FLOW_WS, "198.51.100.7", 40000);
	w->net.peer.conn = 77;
	w->contact = "<sip:101@x7h.invalid;transport=ws>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	sink->closed(sink, 78);
	assert_int_equal(registrar_count(w->reg), 1);
	sink->closed(sink, 77);
	assert_int_equal(registrar_count(w->reg), 0);
}

static void phone_on_tcp_is_called_at_its_contact_when_the_connection_is_gone(void **state)
{
	struct world *w = *state;
	struct flow_sink *sink = sip_sink(w->net.sip);

	w->net.peer = tn_flow(FLOW_TCP, "198.51.100.7", 40000);
	w->net.peer.conn = 77;
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(first_contact(w, 1)->flow.conn, 77);
	sink->closed(sink, 77);
	assert_int_equal(first_contact(w, 1)->flow.conn, 0);
	assert_int_equal(first_contact(w, 1)->flow.remote.port, 5070);
}

static void pages_of_contacts_follow_each_other(void **state)
{
	struct world *w = *state;
	const struct contact *c;
	oid after = 0;
	unsigned n = 0;

	w->contact = "<sip:a@198.51.100.7>, <sip:b@198.51.100.7>, <sip:c@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	while ((c = registrar_next(w->reg, TENANT, after))) {
		after = c->id;
		n++;
	}
	assert_int_equal(n, 3);
	assert_null(registrar_next(w->reg, OTHER, 0));
	assert_non_null(registrar_next(w->reg, 0, 0));
}

/* ---- calls ---- */

static void call_is_challenged_with_407_and_identified(void **state)
{
	struct world *w = *state;

	send_request(w, "INVITE", "");
	assert_int_equal(tn_out_status(&w->net), 407);
	tn_pass(&w->net, 60000);
	assert_int_equal(w->net.nsent, 0); /* said once */
	assert_int_equal(sign_in(w, "INVITE"), 486);
	assert_int_equal(w->ninvites, 1);
	assert_int_equal(w->who.tenant->o.id, TENANT);
	assert_string_equal(w->who.account->username, "101");
	assert_string_equal(w->who.extension->number, "101");
}

static void call_in_somebody_elses_name_is_refused(void **state)
{
	struct world *w = *state;

	w->from_user = "pair";
	assert_int_equal(sign_in(w, "INVITE"), 403);
	assert_int_equal(w->ninvites, 0);
}

static void call_of_an_account_without_extension_has_none(void **state)
{
	struct world *w = *state;

	w->user = "pair";
	w->password = "Geheimnis-pair";
	assert_int_equal(sign_in(w, "INVITE"), 486);
	assert_null(w->who.extension);
}

static void credentials_used_twice_are_stale(void **state)
{
	struct world *w = *state;
	char line[2000];

	send_request(w, "REGISTER", "");
	tn_out(&w->net);
	authorize(w, line, sizeof(line), "REGISTER", "101");
	send_request(w, "REGISTER", line);
	assert_int_equal(tn_out_status(&w->net), 200);
	send_request(w, "REGISTER", line);
	assert_int_equal(tn_out_status(&w->net), 401);
	assert_non_null(strstr(tn_header(&w->net, "WWW-Authenticate"), "stale=true"));
	send_request(w, "INVITE",
		     "Proxy-Authorization: Digest username=\"101\", realm=\"acme.example\"\n");
	assert_int_equal(tn_out_status(&w->net), 400);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(phone_is_challenged_then_registered),
		TEST(journal_has_the_contact_before_the_200),
		TEST(wrong_password_is_challenged_again_and_counted_once),
		TEST(unknown_user_hears_what_a_known_one_hears),
		TEST(unknown_domain_is_refused),
		TEST(user_of_one_tenant_is_nobody_in_another),
		TEST(third_party_registration_is_refused),
		TEST(user_name_may_carry_the_domain),
		TEST(phone_without_the_domain_signs_in_by_its_system_name),
		TEST(address_added_as_domain_serves_the_tenant),
		TEST(tenant_may_ask_for_sha256),
		TEST(changed_password_counts_at_once),
		TEST(disabled_are_refused_after_they_have_proved_themselves),
		TEST(account_without_extension_may_register),
		TEST(refresh_keeps_the_contact_and_its_id),
		TEST(contact_lapses_after_its_time),
		TEST(too_short_gets_423_and_too_long_is_shortened),
		TEST(contacts_own_expiry_counts_more_than_the_header),
		TEST(zero_removes_one_contact_and_star_all),
		TEST(register_without_contact_lists_them),
		TEST(older_cseq_of_a_call_id_changes_nothing),
		TEST(device_that_moved_is_replaced_by_instance_or_call_id),
		TEST(with_a_limit_of_one_the_last_registration_replaces),
		TEST(above_the_limit_one_more_is_refused_and_the_others_stay),
		TEST(contacts_come_by_q_then_the_latest_first),
		TEST(path_is_kept_as_route_and_given_back),
		TEST(contact_at_our_own_address_or_a_broadcast_is_refused),
		TEST(contacts_go_with_account_extension_and_tenant),
		TEST(contact_survives_a_restart),
		TEST(contact_that_lapsed_while_we_were_away_is_closed),
		TEST(contact_of_a_browser_goes_with_its_connection),
		TEST(phone_on_tcp_is_called_at_its_contact_when_the_connection_is_gone),
		TEST(pages_of_contacts_follow_each_other),
		TEST(call_is_challenged_with_407_and_identified),
		TEST(call_in_somebody_elses_name_is_refused),
		TEST(call_of_an_account_without_extension_has_none),
		TEST(credentials_used_twice_are_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
