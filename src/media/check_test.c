/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connectivity checks: who may ask, and what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "media/check_fixture.h"

/* RFC 5769 2.1 */
static const uint8_t vector[] = {
	0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
	0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e,
	0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24,
	0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1,
	0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68,
	0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c,
	0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5,
	0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};
static const char vector_password[] = "VOkJxbRl1RmTxUk/WvJxBt";

static int read_check(struct ice_check *c, const uint8_t *p, size_t n)
{
	return check_read(c, p, n, STR("evtj"), str_of(vector_password));
}

static void the_check_of_rfc_5769_is_authentic(void **state)
{
	struct ice_check c;

	assert_int_equal(read_check(&c, vector, sizeof(vector)), 0);
	assert_true(c.is_controlled);
	assert_false(c.is_nomination);
	assert_memory_equal(c.id, vector + 8, STUN_ID_BYTES);
}

static void any_bit_changed_before_the_mac_or_in_it_is_refused(void **state)
{
	uint8_t p[sizeof(vector)];
	struct ice_check c;

	for (size_t i = 0; i < sizeof(vector) - 8; i++) {
		memcpy(p, vector, sizeof(p));
		p[i] ^= 0x10;
		assert_int_not_equal(read_check(&c, p, sizeof(p)), 0);
	}
}

static void a_check_for_somebody_else_or_with_another_password_is_refused(void **state)
{
	struct ice_check c;

	assert_int_equal(check_read(&c, vector, sizeof(vector), STR("evt"), STR(vector_password)),
			 EACCES);
	assert_int_equal(check_read(&c, vector, sizeof(vector), STR("evtj"), STR("other")), EACCES);
}

static void every_length_short_of_the_whole_is_refused(void **state)
{
	struct ice_check c;

	for (size_t n = 0; n < sizeof(vector); n++)
		assert_int_equal(read_check(&c, vector, n), EBADMSG);
}

static void what_must_be_understood_and_is_not_is_refused(void **state)
{
	uint8_t p[CHECK_MAX_BYTES];
	size_t n = check_make(p, "evtj:them", vector_password, 0);
	struct ice_check c;

	assert_int_equal(read_check(&c, p, n), 0);
	p[20 + 4 + 12] = 0x00; /* PRIORITY becomes something unknown */
	p[20 + 4 + 12 + 1] = 0x77;
	assert_int_equal(read_check(&c, p, n), EBADMSG);
}

static void the_answer_names_the_source_and_proves_who_we_are(void **state)
{
	uint8_t p[CHECK_MAX_BYTES], out[CHECK_ANSWER_BYTES];
	size_t n = check_make(p, "evtj:them", vector_password, CHECK_NOMINATES);
	struct ice_check c;
	struct addr from;

	assert_int_equal(addr_parse(&from, STR("192.0.2.1"), 32853), 0);
	assert_int_equal(read_check(&c, p, n), 0);
	assert_true(c.is_nomination);
	n = check_answer(out, &c, &from, str_of(vector_password));
	assert_int_equal(n, 20 + 12 + 24 + 8);
	assert_int_equal(out[0] << 8 | out[1], 0x0101);
	assert_memory_equal(out + 8, c.id, STUN_ID_BYTES);
	/* RFC 5769 2.2: 192.0.2.1:32853, masked */
	assert_memory_equal(out + 20, "\0\x20\0\x08\0\x01\xa1\x47\xe1\x12\xa6\x43", 12);
}

static void a_conflict_of_roles_is_answered_with_487(void **state)
{
	uint8_t p[CHECK_MAX_BYTES], out[CHECK_ANSWER_BYTES];
	size_t n = check_make(p, "evtj:them", vector_password, CHECK_IS_CONTROLLED);
	struct addr from = {.family = 4};
	struct ice_check c;

	assert_int_equal(read_check(&c, p, n), 0);
	assert_true(check_answer(out, &c, &from, str_of(vector_password)) > 0);
	assert_int_equal(out[0] << 8 | out[1], 0x0111);
	assert_int_equal(out[26] * 100 + out[27], 487);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_check_of_rfc_5769_is_authentic),
		cmocka_unit_test(any_bit_changed_before_the_mac_or_in_it_is_refused),
		cmocka_unit_test(a_check_for_somebody_else_or_with_another_password_is_refused),
		cmocka_unit_test(every_length_short_of_the_whole_is_refused),
		cmocka_unit_test(what_must_be_understood_and_is_not_is_refused),
		cmocka_unit_test(the_answer_names_the_source_and_proves_who_we_are),
		cmocka_unit_test(a_conflict_of_roles_is_answered_with_487),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
