/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rng.h"
#include "schema/csv.h"
#include "schema/object.h"
#include "schema/testing.h"

static struct csv_reader *reader(const struct resource *r, const char *text)
{
	struct field_errors errs = {0};
	struct csv_reader *rd = NULL;

	if (csv_reader_alloc(&rd, r, str_of(text), &errs))
		fail_msg("%s: %s", errs.v[0].field, errs.v[0].message);
	return rd;
}

static void header_refused(const char *text, const char *field, const char *code)
{
	struct field_errors errs = {0};
	struct csv_reader *rd = NULL;

	assert_int_equal(csv_reader_alloc(&rd, &resource_extension, str_of(text), &errs), EINVAL);
	assert_null(rd);
	assert_string_equal(errs.v[0].field, field);
	assert_string_equal(errs.v[0].code, code);
}

static void line_refused(const char *text, const char *field, const char *code)
{
	struct field_errors errs = {0};
	struct csv_reader *rd = reader(&resource_extension, text);
	struct object *o = NULL;

	assert_int_equal(csv_read(rd, false, &o, &errs), EINVAL);
	assert_null(o);
	assert_string_equal(errs.v[0].field, field);
	assert_string_equal(errs.v[0].code, code);
	csv_reader_free(rd);
}

/* The cell of a column, as it stands in the file's second line; no cell before it may hold a comma. */
static void has_cell(const struct buf *file, const char *column, const char *expected)
{
	struct str row = buf_view(file), header = str_cut(&row, '\n'), name, cell;

	do {
		name = str_trim(str_cut(&header, ','));
		cell = row;
		str_cut(&row, ',');
	} while (header.p && !str_eq(name, str_of(column)));
	assert_true(str_eq(name, str_of(column)));
	assert_true(str_starts(cell, str_of(expected)));
	assert_true(cell.p[strlen(expected)] == ',' || cell.p[strlen(expected)] == '\r');
}

static void a_list_is_written_as_people_expect(void **state)
{
	struct object *x = testing_make(
		&resource_extension, "{'number':'101','first_name':'\\'Q\\'','mobile':'+4420',"
				     "'password':'hidden77','enabled':false,'department':'A, B.'}");
	struct object *g =
		testing_make(&resource_ring_group,
			     "{'number':'6','name':'S','members':[{'extension_id':'4'},"
			     "{'extension_id':'2'}],'no_answer':{'kind':'extension','id':'9'}}");
	struct buf out = {0};

	csv_write_header(&out, &resource_extension);
	assert_true(str_starts(buf_view(&out), STR("number,")));
	assert_null(strstr(out.p, "password"));
	csv_write(&out, x);
	has_cell(&out, "number", "101");
	has_cell(&out, "first_name", "\"\"\"Q\"\"\"");
	has_cell(&out, "mobile", "'+4420");
	has_cell(&out, "gender", "unspecified");
	has_cell(&out, "email", "");
	has_cell(&out, "department", "\"A, B.\"");
	assert_null(strstr(out.p, "hidden77"));
	buf_reset(&out);
	csv_write_header(&out, &resource_ring_group);
	csv_write(&out, g);
	has_cell(&out, "members", "\"4;2\"");
	has_cell(&out, "ring_seconds", "20");
	has_cell(&out, "no_answer", "extension:9");
	buf_free(&out);
	object_free(x);
	object_free(g);
}

/* Such lists are the JSON of the API: their text may hold whatever separates values elsewhere. */
static void lists_with_text_come_back(void **state)
{
	struct object *o = testing_make(&resource_outbound_rule,
					"{'name':'x','prefixes':'00','routes':[{'trunk_id':'3',"
					"'strip':2,'prepend':'+44'},{'trunk_id':'4'}]}"),
		      *back = NULL;
	const struct field *f = resource_field(o->res, STR("routes"));
	struct field_errors errs = {0};
	struct csv_reader *rd;
	struct buf out = {0};

	csv_write_header(&out, o->res);
	csv_write(&out, o);
	rd = reader(o->res, out.p);
	assert_int_equal(csv_read(rd, true, &back, &errs), 0);
	assert_true(field_equal(o, back, f));
	assert_int_equal(field_list(back, f)->n, 2);
	csv_reader_free(rd);
	object_free(back);
	rd = reader(o->res, "name,routes\r\nx,3:2:+44\r\n");
	assert_int_equal(csv_read(rd, true, &back, &errs), EINVAL);
	assert_string_equal(errs.v[0].field, "line[2].routes");
	csv_reader_free(rd);
	buf_free(&out);
	object_free(o);
}

static void formulas_are_made_harmless_and_come_back(void **state)
{
	static const char *const names[] = {"=HYPERLINK(\"x\")",
					    "+1",
					    "-1",
					    "@a",
					    "'=1",
					    "''+1",
					    "'tis",
					    "a=b",
					    " lead",
					    "it''s"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct object *o = testing_make(&resource_extension, "{'number':'1'}"),
			      *back = NULL;
		const struct field *f = resource_field(o->res, STR("first_name"));
		struct field_errors errs = {0};
		struct csv_reader *rd;
		struct buf out = {0};
		const char *cell;

		assert_int_equal(object_set_text(o, f, str_of(names[i])), 0);
		csv_write_header(&out, o->res);
		csv_write(&out, o);
		cell = strchr(strchr(out.p, '\n'), ',') + 1;
		cell += *cell == '"';
		assert_null(strchr("=+-@", *cell));
		rd = reader(o->res, out.p);
		assert_int_equal(csv_read(rd, true, &back, &errs), 0);
		assert_true(field_equal(o, back, f));
		csv_reader_free(rd);
		buf_free(&out);
		object_free(o);
		object_free(back);
	}
}

static void a_file_is_read_whatever_wrote_it(void **state)
{
	static const char *const files[] = {
		"number,first_name,enabled\r\n101,Ann,true\r\n102,\"B, C\",false\r\n",
		"\xef\xbb\xbfnumber;first_name;enabled\n101;Ann;TRUE\n102;B, C;FALSE",
		"first_name,number,enabled\n\nAnn,101,\n\n\"B, C\",102,no\n\n",
		"\"number\",\"first_name\", enabled \r\n101,Ann,1\r\n102,\"B, C\",0",
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct csv_reader *rd = reader(&resource_extension, files[i]);
		struct field_errors errs = {0};
		struct object *a = NULL, *b = NULL, *none = NULL;

		assert_int_equal(csv_read(rd, false, &a, &errs), 0);
		assert_int_equal(csv_read(rd, false, &b, &errs), 0);
		assert_int_equal(csv_read(rd, false, &none, &errs), ENOENT);
		assert_null(none);
		assert_string_equal(((struct extension *)a)->number, "101");
		assert_string_equal(((struct extension *)a)->first_name, "Ann");
		assert_true(((struct extension *)a)->enabled);
		assert_string_equal(((struct extension *)b)->first_name, "B, C");
		assert_false(((struct extension *)b)->enabled);
		object_free(a);
		object_free(b);
		csv_reader_free(rd);
	}
}

static void mistakes_are_named_with_their_line(void **state)
{
	struct field_errors errs = {0};
	struct csv_reader *rd;
	struct object *o = NULL;

	header_refused("", "line[1]", "unknown_field");
	header_refused("number,shoe_size\n", "line[1].shoe_size", "unknown_field");
	header_refused("number,number\n", "line[1].number", "repeated");
	header_refused("number,\"first_name\n", "line[1]", "bad_csv");
	line_refused("number\n*43\n", "line[2].number", "bad_number");
	line_refused("number,first_name\n\n\n,Ann\n", "line[4].number", "required");
	line_refused("number,ring_seconds\n1,x\n", "line[2].ring_seconds", "not_a_number");
	line_refused("number,enabled\n1,maybe\n", "line[2].enabled", "wrong_type");
	line_refused("number,first_name\n1\n", "line[2]", "bad_csv");
	line_refused("number,first_name\n1,2,3\n", "line[2]", "bad_csv");
	line_refused("number,first_name\n1,\"a\"b\n", "line[2]", "bad_csv");
	line_refused("number,first_name\n1,\"a", "line[2]", "bad_csv");
	line_refused("number,first_name\n1,\xff\n", "line[2].first_name", "bad_text");
	line_refused("number,first_name\n1,\"a\nb\"\n", "line[2].first_name", "bad_text");

	/* Reading goes on behind a bad line, and lines inside quotes count. */
	rd = reader(&resource_extension, "number,first_name\n1,\"a\nb\"\n?,x\n2,y\n");
	assert_int_equal(csv_read(rd, false, &o, &errs), EINVAL);
	assert_int_equal(csv_read(rd, false, &o, &errs), EINVAL);
	assert_int_equal(csv_read(rd, false, &o, &errs), 0);
	assert_int_equal(csv_line(rd), 5);
	assert_string_equal(errs.v[1].field, "line[4].number");
	object_free(o);
	csv_reader_free(rd);
}

static void lists_and_destinations_come_back(void **state)
{
	struct object *o =
		testing_make(&resource_ring_group,
			     "{'number':'6','name':'S','members':[{'extension_id':'4'},"
			     "{'extension_id':'2'}],'no_answer':{'kind':'ring_group','id':'9'}}");
	struct object *back = NULL;
	struct field_errors errs = {0};
	struct csv_reader *rd;
	struct buf out = {0};

	csv_write_header(&out, o->res);
	csv_write(&out, o);
	rd = reader(o->res, out.p);
	assert_int_equal(csv_read(rd, false, &back, &errs), 0);
	for (size_t i = 0; i < o->res->nfields; i++)
		assert_true(field_equal(o, back, &o->res->fields[i]));
	csv_reader_free(rd);
	buf_free(&out);
	object_free(o);
	object_free(back);
	rd = reader(&resource_ring_group, "number,name,members\n6,S,4;;2\n");
	assert_int_equal(csv_read(rd, false, &back, &errs), EINVAL);
	assert_string_equal(errs.v[0].field, "line[2].members[1].extension_id");
	csv_reader_free(rd);
}

static void random_bytes_end(void **state)
{
	static const char bytes[] = "number,first_name;\"\"\r\n\n1'=\xc3\xa9\xff\t";
	struct rng_seeded rng;

	rng_seeded_init(&rng, 3);
	for (int i = 0; i < 5000; i++) {
		char text[200] = "number,first_name\n";
		size_t n = strlen(text), len = n + rng_below(&rng.rng, sizeof(text) - n - 1);
		struct field_errors errs = {0};
		struct csv_reader *rd = NULL;
		int lines = 0, err;

		for (; n < len; n++)
			text[n] = bytes[rng_below(&rng.rng, sizeof(bytes) - 1)];
		if (csv_reader_alloc(&rd, &resource_extension, (struct str){text, len}, &errs))
			continue;
		do {
			struct object *o = NULL;

			err = csv_read(rd, false, &o, &errs);
			assert_true(!err == !!o);
			object_free(o);
			assert_true(lines++ < 200);
		} while (err != ENOENT);
		csv_reader_free(rd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_written_as_people_expect),
		cmocka_unit_test(lists_with_text_come_back),
		cmocka_unit_test(formulas_are_made_harmless_and_come_back),
		cmocka_unit_test(a_file_is_read_whatever_wrote_it),
		cmocka_unit_test(mistakes_are_named_with_their_line),
		cmocka_unit_test(lists_and_destinations_come_back),
		cmocka_unit_test(random_bytes_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
