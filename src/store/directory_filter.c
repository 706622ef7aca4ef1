/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/directory.h"

#define NAME_OF_EXTENSION                                                                          \
	"(CASE WHEN x.first_name = '' AND x.last_name = '' THEN x.number ELSE trim(x.first_name "  \
	"|| ' ' || x.last_name) END)"
#define NAME_OF_CONTACT                                                                            \
	"(CASE WHEN x.first_name <> '' OR x.last_name <> '' THEN trim(x.first_name || ' ' || "     \
	"x.last_name) WHEN x.company <> '' THEN x.company ELSE x.number END)"
#define BY_RULE(number) "t.ldap_prefix || substr(" number ", CAST(t.ldap_strip AS INTEGER) + 1)"

const struct directory_attribute directory_attributes[] = {
	{"uid",
	 "userid 0.9.2342.19200300.100.1.1 ",
	 false,
	 {NULL, "('extension-' || CAST(x.id AS TEXT))", "('contact-' || CAST(x.id AS TEXT))"}},
	{"cn", "commonname 2.5.4.3 ", false, {NULL, NAME_OF_EXTENSION, NAME_OF_CONTACT}},
	{"displayName",
	 "2.16.840.1.113730.3.1.241 ",
	 false,
	 {NULL, NAME_OF_EXTENSION, NAME_OF_CONTACT}},
	{"sn",
	 "surname 2.5.4.4 ",
	 false,
	 {NULL, "(CASE WHEN x.last_name <> '' THEN x.last_name ELSE " NAME_OF_EXTENSION " END)",
	  "(CASE WHEN x.last_name <> '' THEN x.last_name ELSE " NAME_OF_CONTACT " END)"}},
	{"givenName", "gn 2.5.4.42 ", false, {NULL, "x.first_name", "x.first_name"}},
	{"telephoneNumber",
	 "2.5.4.20 ",
	 true,
	 {NULL,
	  "(CASE x.ldap WHEN 'rule' THEN " BY_RULE("x.number") " WHEN 'number' THEN x.ldap_number "
							       "ELSE " BY_RULE(
								       "x.ldap_extension") " END)",
	  "x.number"}},
	{"mobile",
	 "mobiletelephonenumber 0.9.2342.19200300.100.1.41 ",
	 true,
	 {NULL, "x.mobile", "x.mobile"}},
	{"homePhone",
	 "hometelephonenumber 0.9.2342.19200300.100.1.20 ",
	 true,
	 {NULL, NULL, "x.home"}},
	{"mail", "rfc822mailbox 0.9.2342.19200300.100.1.3 ", false, {NULL, "x.email", "x.email"}},
	{"o",
	 "organizationname 2.5.4.10 ",
	 false,
	 {"(CASE WHEN x.company <> '' THEN x.company ELSE x.name END)", "x.organization",
	  "x.company"}},
	{"ou", "organizationalunitname 2.5.4.11 ", false, {NULL, "x.department", "x.department"}},
};
const size_t directory_nattributes = ARRAY_LEN(directory_attributes);

static bool is_named(const struct directory_attribute *a, struct str name)
{
	struct str others = str_of(a->others);

	if (str_ieq(str_of(a->name), name))
		return true;
	while (others.n)
		if (str_ieq(str_cut(&others, ' '), name))
			return true;
	return false;
}

const struct directory_attribute *directory_attribute(struct str name)
{
	for (size_t i = 0; name.n && i < directory_nattributes; i++)
		if (is_named(&directory_attributes[i], name))
			return &directory_attributes[i];
	return NULL;
}

bool directory_is_class_name(struct str attribute)
{
	return str_ieq(attribute, STR("objectClass")) || str_eq(attribute, STR("2.5.4.0"));
}

const char *const *directory_classes(enum directory_kind kind)
{
	static const char *const organization[] = {"top", "organization", NULL};
	static const char *const person[] = {"top", "person", "organizationalPerson",
					     "inetOrgPerson", NULL};

	return kind == DIRECTORY_TENANT ? organization : person;
}

/* ---- values ---- */

static struct buf *new_value(struct directory_where *w)
{
	return w->n < DIRECTORY_MAX_VALUES ? &w->values[w->n++] : NULL;
}

/* As what it is compared with: in lower case (of ASCII), a number without what is there for the eye. */
static void add_folded(struct buf *out, const struct directory_attribute *a, struct str s,
		       bool is_pattern)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];

		if (a->is_number && (c == ' ' || c == '-'))
			continue;
		if (is_pattern && (c == '%' || c == '_' || c == '\\'))
			buf_char(out, '\\');
		buf_char(out, c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c);
	}
}

static struct str text_of(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	return (struct str){json_string_value(v), json_string_length(v)};
}

static void add_column(struct directory_where *w, const struct directory_attribute *a)
{
	buf_printf(&w->sql,
		   a->is_number ? "lower(replace(replace(%s, ' ', ''), '-', ''))" : "lower(%s)",
		   a->sql[w->kind]);
}

/* ---- items ---- */

static void add_truth(struct directory_where *w, bool yes)
{
	buf_cstr(&w->sql, yes ? "(1 = 1)" : "(1 = 0)");
}

static void add_undefined(struct directory_where *w)
{
	buf_cstr(&w->sql, "CAST(NULL AS BOOLEAN)");
}

static void add_class(struct directory_where *w, const json_t *o, struct str is)
{
	const char *const *c = directory_classes(w->kind);

	if (str_eq(is, STR("present")))
		return add_truth(w, true);
	if (!str_eq(is, STR("equal")))
		return add_undefined(w);
	while (*c && !str_ieq(str_of(*c), text_of(o, "value")))
		c++;
	add_truth(w, *c != NULL);
}

static int add_compared(struct directory_where *w, const struct directory_attribute *a,
			const json_t *o, const char *how)
{
	struct buf *v = new_value(w);

	if (!v)
		return E2BIG;
	add_folded(v, a, str_trim(text_of(o, "value")), false);
	buf_cstr(&w->sql, " AND ");
	add_column(w, a);
	buf_printf(&w->sql, " %s $%zu", how, w->first + w->n - 1);
	return v->err;
}

static int add_part(struct directory_where *w, const struct directory_attribute *a, const json_t *o)
{
	struct buf *v = new_value(w);
	const json_t *piece;
	size_t i;

	if (!v)
		return E2BIG;
	add_folded(v, a, text_of(o, "first"), true);
	buf_char(v, '%');
	json_array_foreach(json_object_get(o, "any"), i, piece)
	{
		add_folded(v, a, (struct str){json_string_value(piece), json_string_length(piece)},
			   true);
		buf_char(v, '%');
	}
	add_folded(v, a, text_of(o, "last"), true);
	add_column(w, a);
	buf_printf(&w->sql, " LIKE $%zu ESCAPE '\\'", w->first + w->n - 1);
	return v->err;
}

static int add_item(struct directory_where *w, const json_t *o, struct str is)
{
	const struct directory_attribute *a = directory_attribute(text_of(o, "name"));
	int err = 0;

	if (directory_is_class_name(text_of(o, "name"))) {
		add_class(w, o, is);
		return 0;
	}
	if (!a) {
		add_undefined(w);
		return 0;
	}
	if (!a->sql[w->kind]) {
		add_truth(w, false);
		return 0;
	}
	buf_char(&w->sql, '(');
	/* A part is never empty, so what is not there has none. */
	if (!str_eq(is, STR("part")))
		buf_printf(&w->sql, "%s <> ''", a->sql[w->kind]);
	if (str_eq(is, STR("part")))
		err = add_part(w, a, o);
	else if (!str_eq(is, STR("present")))
		err = add_compared(w, a, o,
				   str_eq(is, STR("equal"))   ? "="
				   : str_eq(is, STR("least")) ? ">="
							      : "<=");
	buf_char(&w->sql, ')');
	return err;
}

/* ---- all of it ---- */

static int add_filter(struct directory_where *w, const json_t *o);

static int add_joined(struct directory_where *w, const json_t *o, bool is_and)
{
	const json_t *of = json_object_get(o, "of"), *one;
	int err = 0;
	size_t i;

	buf_char(&w->sql, '(');
	json_array_foreach(of, i, one)
	{
		if (i)
			buf_cstr(&w->sql, is_and ? " AND " : " OR ");
		err = add_filter(w, one);
		if (err)
			return err;
	}
	if (!json_array_size(of)) /* RFC 4526 */
		add_truth(w, is_and);
	buf_char(&w->sql, ')');
	return 0;
}

static int add_filter(struct directory_where *w, const json_t *o)
{
	const struct str is = text_of(o, "is");
	int err;

	if (str_eq(is, STR("and")) || str_eq(is, STR("or")))
		return add_joined(w, o, is.n == 3);
	if (str_eq(is, STR("not"))) {
		buf_cstr(&w->sql, "(NOT ");
		err = add_filter(w, json_array_get(json_object_get(o, "of"), 0));
		buf_char(&w->sql, ')');
		return err;
	}
	if (str_eq(is, STR("undefined"))) {
		add_undefined(w);
		return 0;
	}
	return add_item(w, o, is);
}

int directory_where(struct directory_where *w, const json_t *filter)
{
	int err = filter ? add_filter(w, filter) : 0;

	if (!filter)
		add_truth(w, true);
	return err ? err : w->sql.err;
}

void directory_where_free(struct directory_where *w)
{
	for (size_t i = 0; i < w->n; i++)
		buf_free(&w->values[i]);
	buf_free(&w->sql);
}
