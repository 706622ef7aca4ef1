/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TRK-14: headers added, removed and replaced by rules; what no rule may touch. */
#include <errno.h>
#include "schema/header_rules.h"
#include "schema/testing.h"

#define FIELDS "'name':'x','host':'sip.example','header_rules':["

static struct trunk *with(const char *rules)
{
	char body[2048];
	struct field_errors errs = {.n = 0};
	struct object *o;

	(void)snprintf(body, sizeof(body), "{" FIELDS "%s]}", rules);
	o = testing_read(&resource_trunk, NULL, body, true, &errs);
	if (!o)
		fail_msg("%s: %s", errs.v[0].field, errs.v[0].message);
	return (struct trunk *)o;
}

#define INVITE                                                                                     \
	"Request-URI: sip:0044207@far\r\nFrom: \"A\" <sip:102@x>\r\nX-Old: one\r\nX-Old: two\r\n"

static void becomes_as(const char *rules, int direction, enum header_rules_of of,
		       const char *wanted)
{
	struct trunk *t = with(rules);
	struct buf out = {0};

	for (size_t i = 0; i < t->header_rules.n; i++) {
		struct header_rule_why why;

		if (header_rule_check((struct header_rule *)t->header_rules.v[i], &why))
			fail_msg("%s %s", why.field, why.message);
	}
	header_rules_apply(&t->header_rules, direction, of, STR(INVITE), &out);
	assert_int_equal(out.err, 0);
	assert_string_equal(out.p, wanted);
	buf_free(&out);
	object_free((struct object *)t);
}

static void becomes(const char *rules, int direction, const char *wanted)
{
	becomes_as(rules, direction, HEADER_RULES_INVITE, wanted);
}

#define OUT CALL_DIRECTION_OUTBOUND

static void a_rule_is_about_the_messages_it_names(void **state)
{
	static const struct {
		const char *messages;
		bool fits[3];
	} cases[] = {{"invite", {true, false, false}},
		     {"requests", {true, true, false}},
		     {"answers", {false, false, true}},
		     {"all", {true, true, true}}};
	char rule[128];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		(void)snprintf(rule, sizeof(rule),
			       "{'messages':'%s','action':'remove','header':'X-Old'}",
			       cases[i].messages);
		for (int of = HEADER_RULES_INVITE; of <= HEADER_RULES_ANSWER; of++)
			becomes_as(rule, OUT, (enum header_rules_of)of,
				   cases[i].fits[of] ? "Request-URI: sip:0044207@far\r\nFrom: "
						       "\"A\" <sip:102@x>\r\n"
						     : INVITE);
	}
}

static void a_rule_replaces_what_matched_and_nothing_else(void **state)
{
	becomes("{'header':'request-uri','match':'sip:00([0-9]+)@','value':'sip:+$1@'}", OUT,
		"Request-URI: sip:+44207@far\r\nFrom: \"A\" <sip:102@x>\r\nX-Old: one\r\nX-Old: "
		"two\r\n");
	becomes("{'header':'X-Old','value':'$0$$'}", OUT,
		"Request-URI: sip:0044207@far\r\nFrom: \"A\" <sip:102@x>\r\nX-Old: one$\r\nX-Old: "
		"two$\r\n");
	becomes("{'header':'From','match':'999','value':'1'}", OUT, INVITE);
	becomes("{'direction':'inbound','header':'From','match':'102','value':'1'}", OUT, INVITE);
}

static void a_rule_removes_those_that_match(void **state)
{
	becomes("{'action':'remove','header':'x-old','match':'^t'}", OUT,
		"Request-URI: sip:0044207@far\r\nFrom: \"A\" <sip:102@x>\r\nX-Old: one\r\n");
	becomes("{'action':'remove','header':'x-old'}", OUT,
		"Request-URI: sip:0044207@far\r\nFrom: \"A\" <sip:102@x>\r\n");
}

static void a_rule_adds_also_with_what_its_condition_found(void **state)
{
	becomes("{'action':'add','header':'X-Caller','value':'<tel:$1>','condition_header':'From',"
		"'condition_match':'sip:([0-9]+)@'}",
		OUT, INVITE "X-Caller: <tel:102>\r\n");
}

static void conditions_say_when_and_when_not(void **state)
{
	becomes("{'action':'add','header':'X-A','value':'1','condition_header':'X-Old'},"
		"{'action':'add','header':'X-B','value':'1','condition_header':'X-New'},"
		"{'action':'add','header':'X-C','value':'1','condition_header':'X-New',"
		"'condition_not':true},"
		"{'action':'add','header':'X-D','value':'1','condition_header':'X-Old',"
		"'condition_match':'two','condition_not':true}",
		OUT, INVITE "X-A: 1\r\nX-C: 1\r\n");
}

static void each_rule_sees_what_the_one_before_it_left(void **state)
{
	becomes("{'action':'remove','header':'X-Old','match':'one'},"
		"{'header':'X-Old','value':'three'},"
		"{'action':'add','header':'X-E','value':'1','condition_header':'X-Old',"
		"'condition_match':'^three$'}",
		OUT,
		"Request-URI: sip:0044207@far\r\nFrom: \"A\" <sip:102@x>\r\nX-Old: three\r\n"
		"X-E: 1\r\n");
}

static void what_is_wrong_with_a_rule_is_named_with_its_field(void **state)
{
	static const struct {
		const char *rule, *field, *code;
	} bad[] = {
		{"{'header':'Via','value':'x'}", "header", "protected"},
		{"{'header':'call-id','value':'x'}", "header", "protected"},
		{"{'header':'CSEQ','value':'x'}", "header", "protected"},
		{"{'header':'Route','value':'x'}", "header", "protected"},
		{"{'header':'f','value':'x'}", "header", "bad_header"},
		{"{'header':'X Y','value':'x'}", "header", "bad_header"},
		{"{'header':'From','action':'remove'}", "action", "protected"},
		{"{'header':'To','action':'add','value':'x'}", "action", "protected"},
		{"{'header':'X-A','match':'(','value':'x'}", "match", "bad_expression"},
		{"{'header':'X-A','match':'(a)','value':'$2'}", "value", "bad_text"},
		{"{'header':'X-A','action':'add'}", "value", "required"},
		{"{'header':'X-A','action':'add','value':'1','match':'a'}", "match", "not_used"},
		{"{'header':'X-A','action':'remove','value':'1'}", "value", "not_used"},
		{"{'header':'X-A','condition_match':'a'}", "condition_header", "required"},
		{"{'header':'X-A','condition_header':'X-B','condition_match':'[a'}",
		 "condition_match", "bad_expression"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct trunk *t = with(bad[i].rule);
		struct header_rule_why why = {.field = ""};

		if (header_rule_check((struct header_rule *)t->header_rules.v[0], &why) != EINVAL)
			fail_msg("taken: %s", bad[i].rule);
		assert_string_equal(why.field, bad[i].field);
		assert_string_equal(why.code, bad[i].code);
		assert_true(*why.message);
		object_free((struct object *)t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_about_the_messages_it_names),
		cmocka_unit_test(a_rule_replaces_what_matched_and_nothing_else),
		cmocka_unit_test(a_rule_removes_those_that_match),
		cmocka_unit_test(a_rule_adds_also_with_what_its_condition_found),
		cmocka_unit_test(conditions_say_when_and_when_not),
		cmocka_unit_test(each_rule_sees_what_the_one_before_it_left),
		cmocka_unit_test(what_is_wrong_with_a_rule_is_named_with_its_field),
	};

	return cmocka_run_group_tests_name("header_rules", tests, NULL, NULL);
}
