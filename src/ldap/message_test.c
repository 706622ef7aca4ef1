/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "ldap/answer.h"

/* Bytes of a message by the format of ber_printf(). */
static struct berval *made(BerElement *ber)
{
	struct berval *bv = NULL;

	assert_int_equal(ber_flatten(ber, &bv), 0);
	ber_free(ber, 1);
	return bv;
}

static int read_it(struct ldap_request *r, const struct berval *bv)
{
	return ldap_request_read(r, (const uint8_t *)bv->bv_val, bv->bv_len);
}

static BerElement *message(void)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);

	assert_non_null(ber);
	return ber;
}

static void a_bind_is_read(void **state)
{
	BerElement *ber = message();
	struct ldap_request r;
	struct berval *bv;

	ber_printf(ber, "{it{ists}}", 7, (ber_tag_t)0x60, 3, "cn=phone,dc=acme", (ber_tag_t)0x80,
		   "secret words");
	bv = made(ber);
	assert_int_equal(read_it(&r, bv), 0);
	assert_true(r.id == 7 && r.op == LDAP_BIND && r.answer == 0x61 && r.bind.version == 3);
	assert_true(r.bind.is_simple && str_eq(r.bind.name, STR("cn=phone,dc=acme")) &&
		    str_eq(r.bind.password, STR("secret words")));
	ldap_request_close(&r);
	for (size_t n = 0; n < bv->bv_len; n++) { /* cut anywhere it is none */
		size_t length;

		assert_int_equal(ldap_frame((const uint8_t *)bv->bv_val, n, &length), EAGAIN);
		assert_int_equal(ldap_request_read(&r, (const uint8_t *)bv->bv_val, n), EBADMSG);
	}
	ber_bvfree(bv);
}

/* A search whose filter is given as bytes, and what was read of that. */
static json_t *filter_of(const char *bytes, size_t n, int *errp)
{
	struct berval value = {.bv_len = n, .bv_val = (char *)bytes};
	BerElement *ber = message(), *whole;
	struct ldap_request r;
	struct berval *bv;
	json_t *filter = NULL;
	struct buf body = {0};

	ber_printf(ber, "seeiib", "dc=acme", 2, 0, 50, 0, 0);
	bv = made(ber);
	buf_add(&body, bv->bv_val, bv->bv_len);
	ber_bvfree(bv);
	buf_add(&body, value.bv_val, value.bv_len);
	buf_add(&body,
		"\x30\x04\x04\x02"
		"cn",
		6);
	whole = message();
	value = (struct berval){.bv_len = body.n, .bv_val = body.p};
	ber_printf(whole, "{itON}", 1, (ber_tag_t)0x63, &value);
	bv = made(whole);
	buf_free(&body);
	*errp = read_it(&r, bv);
	ber_bvfree(bv);
	if (!*errp) {
		assert_true(r.search.scope == LDAP_SUB && r.search.size_limit == 50 &&
			    r.search.nnames == 1);
		filter = json_incref(r.search.filter);
		ldap_request_close(&r);
	}
	return filter;
}

static void assert_filter(const char *bytes, size_t n, const char *expected)
{
	int err;
	json_t *got = filter_of(bytes, n, &err), *want = json_loads(expected, 0, NULL);

	assert_int_equal(err, 0);
	assert_non_null(want);
	assert_true(json_equal(got, want));
	json_decref(got);
	json_decref(want);
}
#define FILTER(bytes, json) assert_filter(bytes, sizeof(bytes) - 1, json)

static void filters_are_read(void **state)
{
	FILTER("\x87\x02"
	       "cn",
	       "{\"is\":\"present\",\"name\":\"cn\"}");
	FILTER("\xa3\x07\x04\x02"
	       "sn\x04\x01"
	       "x",
	       "{\"is\":\"equal\",\"name\":\"sn\",\"value\":\"x\"}");
	FILTER("\xa2\x04\x87\x02"
	       "cn",
	       "{\"is\":\"not\",\"of\":[{\"is\":\"present\",\"name\":\"cn\"}]}");
	FILTER("\xa0\x00", "{\"is\":\"and\",\"of\":[]}");
	FILTER("\xa4\x0f\x04\x02"
	       "cn\x30\x09\x80\x01"
	       "a\x81\x01"
	       "b\x82\x01"
	       "c",
	       "{\"is\":\"part\",\"name\":\"cn\",\"first\":\"a\",\"any\":[\"b\"],\"last\":\"c\"}");
	FILTER("\xa9\x02\x81\x00", "{\"is\":\"undefined\"}");
}

static void a_filter_that_is_none_ends_it(void **state)
{
	static const char *const bad[] = {"\x88\x01"
					  "x",
					  "\xa2\x04\xa0\x00\xa0\x00", "\xa3\x02\x04\x00",
					  "\xa4\x06\x04\x02"
					  "cn\x30\x00"};
	int err;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_null(filter_of(bad[i], 2 + (size_t)(uint8_t)bad[i][1], &err));
		assert_int_equal(err, EBADMSG);
	}
}

static void what_is_too_deep_is_passed_over(void **state)
{
	char deep[2 * (LDAP_MAX_DEPTH + 2) + 4];
	int err;

	for (size_t i = 0; i < sizeof(deep) - 4; i += 2) {
		deep[i] = (char)0xa2;
		deep[i + 1] = (char)(sizeof(deep) - i - 2);
	}
	memcpy(deep + sizeof(deep) - 4,
	       "\x87\x02"
	       "cn",
	       4);
	assert_null(filter_of(deep, sizeof(deep), &err));
	assert_int_equal(err, 0);
}

static void a_result_and_an_entry_are_messages(void **state)
{
	struct ldap_request r = {.id = 5};
	const struct ldap_result result = {
		.id = 5, .tag = 0x65, .is_paged = true, .cookie = STR("1.2")};
	json_t *item =
		json_pack("{s:i,s:s,s:s}", "kind", DIRECTORY_CONTACT, "id", "9", "cn", "Ann");
	struct buf out = {0};
	size_t n = 0;

	ldap_write_found(&out, &r, STR("dc=acme"), item);
	assert_int_equal(ldap_frame((const uint8_t *)out.p, out.n, &n), 0);
	assert_int_equal(n, out.n);
	assert_non_null(memmem(out.p, out.n, "uid=contact-9,dc=acme", 21));
	buf_reset(&out);
	ldap_write_result(&out, &result);
	assert_int_equal(ldap_frame((const uint8_t *)out.p, out.n, &n), 0);
	assert_int_equal(n, out.n);
	assert_non_null(memmem(out.p, out.n, LDAP_PAGED_OID, sizeof(LDAP_PAGED_OID) - 1));
	buf_free(&out);
	json_decref(item);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bind_is_read),
		cmocka_unit_test(filters_are_read),
		cmocka_unit_test(a_filter_that_is_none_ends_it),
		cmocka_unit_test(what_is_too_deep_is_passed_over),
		cmocka_unit_test(a_result_and_an_entry_are_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
