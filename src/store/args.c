/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/args.h"

int args_open(struct args *a, const struct store_request *req, struct field_errors *errs)
{
	json_error_t where;

	a->json = req->njson ? json_loadb(req->json, req->njson, JSON_REJECT_DUPLICATES, &where)
			     : json_object();
	if (a->json && json_is_object(a->json))
		return 0;
	field_error_add(errs, "", "wrong_type", "the arguments are not one JSON object");
	args_close(a);
	return EINVAL;
}

void args_close(struct args *a)
{
	json_decref(a->json);
	a->json = NULL;
}

struct str args_text(const struct args *a, const char *name)
{
	const json_t *v = json_object_get(a->json, name);

	return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)}
				 : (struct str){"", 0};
}

int64_t args_int(const struct args *a, const char *name, int64_t otherwise)
{
	const json_t *v = json_object_get(a->json, name);
	int64_t i;

	if (json_is_integer(v))
		return json_integer_value(v);
	return json_is_string(v) && !str_i64(args_text(a, name), &i) ? i : otherwise;
}

uint64_t args_id(const struct args *a, const char *name)
{
	int64_t i = args_int(a, name, 0);

	return i > 0 ? (uint64_t)i : 0;
}
