/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages of LDAP: what is read stays within its bounds, its filter becomes conditions of SQL, its answer is a message again; and names
 * have one form. */
#include <errno.h>
#include <string.h>
#include "fuzz.h"
#include "ldap/answer.h"
#include "schema/dn.h"

static void become_sql(const json_t *filter)
{
	for (int kind = 0; kind < DIRECTORY_NKINDS; kind++) {
		struct directory_where w = {.first = 4, .kind = (enum directory_kind)kind};
		int err = directory_where(&w, filter);
		int open = 0;

		MUST(!err || err == E2BIG);
		MUST(w.n <= DIRECTORY_MAX_VALUES);
		for (size_t i = 0; !err && i < w.sql.n; i++) {
			open += w.sql.p[i] == '(';
			open -= w.sql.p[i] == ')';
			MUST(open >= 0);
		}
		MUST(err || (w.sql.n && !open));
		for (size_t i = 0; i < w.n; i++)
			MUST(!w.values[i].n || !memchr(w.values[i].p, '\0', w.values[i].n));
		directory_where_free(&w);
	}
}

static void is_message(const struct buf *b)
{
	size_t length = 0;

	MUST(!b->err && !ldap_frame((const uint8_t *)b->p, b->n, &length) && length == b->n);
}

static void be_answered(const struct ldap_request *r)
{
	const struct ldap_result result = {.id = r->id,
					   .tag = r->answer,
					   .code = LDAP_OTHER,
					   .text = "x",
					   .is_paged = r->is_paged,
					   .cookie = r->cookie};
	json_t *item = json_pack("{s:i,s:s,s:s,s:s}", "kind", DIRECTORY_CONTACT, "id", "9", "cn",
				 "Ann", "sn", "A");
	struct buf out = {0};

	if (r->answer) {
		ldap_write_result(&out, &result);
		is_message(&out);
		buf_reset(&out);
	}
	if (r->op == LDAP_SEARCH) {
		ldap_write_found(&out, r, STR("dc=acme"), item);
		is_message(&out);
	}
	json_decref(item);
	buf_free(&out);
}

static void have_one_form(struct str dn)
{
	struct buf one = {0}, two = {0};
	int err = dn_canonical(&one, dn);

	MUST(!err || err == EINVAL);
	if (!err) {
		struct str rest = buf_view(&one);

		MUST(one.n <= DN_MAX && !dn_canonical(&two, buf_view(&one)) &&
		     str_eq(buf_view(&one), buf_view(&two)));
		while (rest.n)
			MUST(dn_cut(&rest).n);
	}
	buf_free(&one);
	buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ldap_request r;
	size_t length = 0;
	int err = ldap_frame(p, n, &length);

	MUST(!err || err == EAGAIN || err == EBADMSG);
	have_one_form((struct str){(const char *)p, n < 300 ? n : 300});
	if (err)
		return 0;
	MUST(length <= n && length <= LDAP_MAX_MESSAGE + 6);
	err = ldap_request_read(&r, p, length);
	MUST(!err || err == EBADMSG);
	if (err)
		return 0;
	MUST(r.search.nnames <= LDAP_MAX_ATTRIBUTES && r.page_size >= 0);
	if (r.search.filter)
		become_sql(r.search.filter);
	if (r.op == LDAP_SEARCH)
		have_one_form(r.search.base);
	be_answered(&r);
	ldap_request_close(&r);
	return 0;
}
