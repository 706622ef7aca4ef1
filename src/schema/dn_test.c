/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "schema/dn.h"

static void one_form_of_a_name(void **state)
{
	static const char *const pairs[][2] = {
		{"", ""},
		{"dc=acme,dc=example", "dc=acme,dc=example"},
		{" DC = Acme , dc= Example ", "dc=acme,dc=example"},
		{"cn=A\\, B,o=x", "cn=a\\, b,o=x"},
		{"cn=A\\2c B,o=x", "cn=a\\, b,o=x"},
		{"cn=\\ a\\ ,o=x", "cn=\\ a\\ ,o=x"},
		{"ou=M\xc3\xbcnchen", "ou=m\xc3\xbcnchen"},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct buf out = {0}, again = {0};

		assert_int_equal(dn_canonical(&out, str_of(pairs[i][0])), 0);
		assert_string_equal(out.p ? out.p : "", pairs[i][1]);
		assert_int_equal(dn_canonical(&again, buf_view(&out)), 0);
		assert_true(str_eq(buf_view(&again), buf_view(&out)));
		buf_free(&out);
		buf_free(&again);
	}
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = {"x",	       "=x",	    "dc=",	 "dc=a,", ",dc=a",
					  "2.5.4.3=x", "cn=a+sn=b", "cn=\"a\"",	 "cn=\\", "cn=\\0",
					  "cn=\\00",   "cn=\xff",   "dc=a,,dc=b"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf out = {0};

		assert_int_equal(dn_canonical(&out, str_of(bad[i])), EINVAL);
		buf_free(&out);
	}
}

static void a_name_is_cut_and_a_domain_made_of_it(void **state)
{
	struct str dn = STR("cn=a\\, b,dc=acme,dc=example"), first = dn_cut(&dn);
	struct buf out = {0};

	assert_true(str_eq(first, STR("cn=a\\, b")) && str_eq(dn, STR("dc=acme,dc=example")));
	dn_domain(&out, dn);
	assert_string_equal(out.p, "acme.example");
	buf_reset(&out);
	dn_of_domain(&out, STR("Acme.example"));
	assert_string_equal(out.p, "dc=acme,dc=example");
	buf_reset(&out);
	dn_domain(&out, STR("o=acme,dc=example"));
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_form_of_a_name),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(a_name_is_cut_and_a_domain_made_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
