/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WEB-3: who calls is shown with the name that a phone book of the called extension has for the number. */
#include "model/contacts.h"
#include "model/testing.h"

enum { TENANT = 9, OTHER = 10 };

static void put(struct model *m, const struct resource *r, uint64_t id, const char *json)
{
	testing_put(m, r, TENANT, id, json);
}

static int open_model(void **state)
{
	struct model *m;

	assert_int_equal(model_alloc(&m), 0);
	put(m, &resource_extension_group, 1, "{'name':'DEFAULT'}");
	put(m, &resource_extension_group, 2, "{'name':'sales'}");
	put(m, &resource_extension, 1, "{'number':'101'}");
	put(m, &resource_extension, 2, "{'number':'102','member_of':[{'group_id':'2'}]}");
	put(m, &resource_phone_book, 1, "{'name':'all'}");
	put(m, &resource_phone_book, 2, "{'name':'sales','groups':[{'group_id':'2'}]}");
	put(m, &resource_phone_book_entry, 11,
	    "{'phone_book_id':'1','first_name':'Ada','last_name':'Long','number':'+44 20 7946 "
	    "0001','mobile':'07700 900123'}");
	put(m, &resource_phone_book_entry, 12,
	    "{'phone_book_id':'2','company':'Acme','number':'0044 20 7946 0002'}");
	*state = m;
	return 0;
}

static int close_model(void **state)
{
	model_free(*state);
	return 0;
}

static void shows(struct model *m, uint64_t extension, const char *number, const char *name)
{
	char got[128] = "";

	if (!model_contact_name(m, model_extension(m, TENANT, extension), str_of(number), got,
				sizeof(got)))
		got[0] = '\0';
	assert_string_equal(got, name);
}

static void a_number_is_found_however_it_is_written(void **state)
{
	static const char *const written[] = {"442079460001",  "+442079460001",	  "00442079460001",
					      "020 7946 0001", "(020) 7946-0001", "79460001"};

	for (size_t i = 0; i < ARRAY_LEN(written); i++)
		shows(*state, 1, written[i], "Ada Long");
	shows(*state, 1, "+447700900123", "Ada Long");
}

static void numbers_that_only_look_alike_are_not_taken_for_it(void **state)
{
	shows(*state, 1, "442079460009", "");
	shows(*state, 1, "332079460001", "");
	shows(*state, 1, "460001", "");
	shows(*state, 1, "", "");
	shows(*state, 1, "anonymous", "");
}

static void only_who_sees_the_phone_book_sees_the_name(void **state)
{
	shows(*state, 1, "442079460002", "");
	shows(*state, 2, "442079460002", "Acme");
}

static void the_same_digits_go_before_an_ending(void **state)
{
	put(*state, &resource_phone_book_entry, 9,
	    "{'phone_book_id':'1','last_name':'Local','number':'79460001'}");
	shows(*state, 1, "442079460001", "Ada Long");
	shows(*state, 1, "79460001", "Local");
	shows(*state, 1, "332079460001", "Local");
}

static void a_change_counts_at_once(void **state)
{
	put(*state, &resource_phone_book_entry, 11,
	    "{'phone_book_id':'1','last_name':'Short','number':'442079460007'}");
	shows(*state, 1, "442079460001", "");
	shows(*state, 1, "442079460007", "Short");
	put(*state, &resource_phone_book_entry, 11, NULL);
	shows(*state, 1, "442079460007", "");
}

static void contacts_of_others_name_nobody(void **state)
{
	struct model *m = *state;

	testing_put(m, &resource_phone_book, OTHER, 1, "{'name':'all'}");
	testing_put(m, &resource_phone_book_entry, OTHER, 13,
		    "{'phone_book_id':'1','last_name':'Foreign','number':'442079460005'}");
	shows(m, 1, "442079460005", "");
}

static void what_it_calls_somebody_itself_goes_before_a_phone_book(void **state)
{
	put(*state, &resource_personal_contact, 21,
	    "{'extension_id':'1','last_name':'Mum','number':'442079460001','home':'442079460008'}");
	shows(*state, 1, "442079460001", "Mum");
	shows(*state, 1, "02079460008", "Mum");
	shows(*state, 2, "442079460001", "Ada Long");
	shows(*state, 2, "442079460008", "");
	put(*state, &resource_personal_contact, 21, NULL);
	shows(*state, 1, "442079460001", "Ada Long");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_model, close_model)
	const struct CMUnitTest tests[] = {
		T(a_number_is_found_however_it_is_written),
		T(numbers_that_only_look_alike_are_not_taken_for_it),
		T(only_who_sees_the_phone_book_sees_the_name),
		T(the_same_digits_go_before_an_ending),
		T(a_change_counts_at_once),
		T(contacts_of_others_name_nobody),
		T(what_it_calls_somebody_itself_goes_before_a_phone_book),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
