/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/fields.h"
#include <stdlib.h>
#include <string.h>

/* Of answers that are no resource: the record that they show, and what they have beside its fields. */
static const struct {
	const char *what;
	enum record_kind kind;
	const char *more[3];
} shown[] = {
	{"cdrs", RECORD_CALL, {"legs", "segments", NULL}},
	{"sessions", RECORD_CALL, {"cdr_id", "tenant_id", NULL}},
	{"messages", RECORD_MESSAGE, {NULL}},
	{"event_logs", RECORD_EVENT, {NULL}},
};

static bool is_of_record(size_t s, struct str name)
{
	const struct record_table *t = &record_tables[shown[s].kind];

	for (size_t i = 0; i < t->nfields; i++)
		if (str_eq(name, str_of(t->fields[i].name)))
			return true;
	for (size_t i = 0; shown[s].more[i]; i++)
		if (str_eq(name, str_of(shown[s].more[i])))
			return true;
	return false;
}

static bool is_field(const struct route *r, struct str name)
{
	if (str_eq(name, STR("id")))
		return true;
	if (r->res && str_eq(name, STR("revision")))
		return true;
	if (r->res)
		return resource_field(r->res, name) != NULL;
	for (size_t s = 0; s < ARRAY_LEN(shown); s++)
		if (!strcmp(shown[s].what, r->what))
			return is_of_record(s, name);
	return false;
}

/* The query without the part that begins at `from` and has n bytes. */
static void cut_out(char *query, size_t from, size_t n)
{
	size_t rest = strlen(query + from + n);

	if (query[from + n] == '&')
		memmove(query + from, query + from + n + 1, rest);
	else
		query[from ? from - 1 : 0] = '\0';
}

/* Where fields=… stands; false: nowhere. */
static bool find(const char *query, size_t *from, size_t *n)
{
	struct str rest = str_of(query);

	while (rest.p) {
		struct str part = str_cut(&rest, '&');

		if (!str_starts(part, STR("fields=")))
			continue;
		*from = (size_t)(part.p - query);
		*n = part.n;
		return true;
	}
	return false;
}

bool fields_take(struct ask *k)
{
	struct params q;
	struct str names;
	size_t from, n;
	bool is_fine = true;

	if (!(k->route->takes & TAKES_FIELDS) || !find(k->query, &from, &n))
		return true;
	if (!ask_read_params(k, &q))
		return false;
	names = params_get(&q, "fields");
	k->fields = str_dup(names);
	while (is_fine && names.p) {
		struct str one = str_cut(&names, ',');

		is_fine = is_field(k->route, one);
		if (!is_fine)
			ask_bad_parameter(k, STR("fields"), "unknown_field",
					  "names joined by commas, of fields that these have");
	}
	params_close(&q);
	if (is_fine)
		cut_out(k->query, from, n);
	return is_fine;
}

static void leave(json_t *object, struct str names)
{
	json_t *kept = json_object();

	while (names.p) {
		struct str one = str_cut(&names, ',');
		json_t *value = json_object_getn(object, one.p, one.n);

		if (value)
			json_object_setn(kept, one.p, one.n, value);
	}
	if (json_object_get(object, "id"))
		json_object_set(kept, "id", json_object_get(object, "id"));
	json_object_clear(object);
	json_object_update(object, kept);
	json_decref(kept);
}

char *fields_of(const struct ask *k, struct str body)
{
	json_t *j = json_loadb(body.p, body.n, 0, NULL), *items, *one;
	char *text;
	size_t i;

	items = json_object_get(j, "items");
	json_array_foreach(items, i, one)
	{
		leave(one, str_of(k->fields));
	}
	if (j && !json_is_array(items))
		leave(j, str_of(k->fields));
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	return text;
}
